"""Compares `ocpptrio serve` with its peers under the same load, in one run.

    python bench/compare.py --preset heartbeat-50 --rounds 5
    python bench/compare.py --preset all

Each round starts each server afresh, one at a time, in an order that rotates: what the machine does
meanwhile hits all alike, and memory figures are not those of a heap that an earlier run has grown.
Tables go to standard output, all figures to bench/results/ as JSON.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import report
import servers
from load import raise_file_limit
from servers import ECHO, MOBILITYHOUSE, OURS, Server, ServerError

Result = dict[str, Any]  # Any: what load.py prints

RESULTS = Path(__file__).parent / "results"
LOAD_TIMEOUT_S = 600


@dataclass(frozen=True)
class Preset:
    """A load for load.py, who takes part, and what is told of it."""

    name: str
    load: tuple[str, ...]
    peers: tuple[Server, ...]
    metrics: tuple[str, ...]


_CLOSED_LOOP = ("msg_per_s", "msg_per_cpu_s", "latency_ms.p50", "latency_ms.p99", "server_cpu")
_STORM = ("storm", "-n", "2000", "--concurrency", "2000")
_STORM_METRICS = (
    "seconds",
    "connect_and_boot_ms.p50",
    "connect_and_boot_ms.p99",
    "server_cpu_ms_each",
)
_PRESETS = (
    Preset("heartbeat-50", ("heartbeat", "-n", "50"), (ECHO, MOBILITYHOUSE), _CLOSED_LOOP),
    Preset("heartbeat-3000", ("heartbeat", "-n", "3000"), (ECHO, MOBILITYHOUSE), _CLOSED_LOOP),
    Preset("sessions-50", ("session", "-n", "50"), (MOBILITYHOUSE,), _CLOSED_LOOP),
    Preset("sessions-3000", ("session", "-n", "3000"), (MOBILITYHOUSE,), _CLOSED_LOOP),
    Preset(
        "paced",
        ("paced", "-n", "2000", "--period", "2"),
        (ECHO, MOBILITYHOUSE),
        ("latency_ms.p50", "latency_ms.p99", "latency_ms.max", "server_cpu"),
    ),
    Preset("storm", _STORM, (MOBILITYHOUSE,), _STORM_METRICS),
    Preset("reconnect", (*_STORM, "--known"), (MOBILITYHOUSE,), _STORM_METRICS),
    Preset(
        "idle",
        ("idle", "-n", "5000"),
        (MOBILITYHOUSE,),
        ("rss_kb_each", "pss_kb_each", "rss_after_mb", "server_cpu"),
    ),
)
PRESETS = {preset.name: preset for preset in _PRESETS}


def measure(preset: Preset, server: Server, duration_s: float) -> Result:
    """One load on one fresh server; a server or a load that fails is an error in the result."""
    with tempfile.TemporaryDirectory(prefix="ocpptrio-bench-") as folder:
        try:
            with servers.running(server, Path(folder)) as started:
                return _load(preset, started, duration_s)
        except ServerError as error:
            return {"errors": 1, "error_samples": [str(error)]}


def _load(preset: Preset, started: servers.Running, duration_s: float) -> Result:
    command = [sys.executable, str(servers.HERE / "load.py"), *preset.load, "-d", str(duration_s)]
    command += ["--url", started.url, "--pid", str(started.pid)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LOAD_TIMEOUT_S, check=False
    )
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return {"errors": 1, "error_samples": [done.stderr[-1000:]]}
    assert isinstance(result, dict)
    return result


def compare(
    presets: Sequence[Preset], extra: Sequence[Server], rounds: int, duration_s: float
) -> report.Results:
    """Every preset, every server, `rounds` times: results by preset and server, round by round."""
    results: report.Results = {
        preset.name: {server.name: [] for server in (OURS, *preset.peers, *extra)}
        for preset in presets
    }
    for turn in range(rounds):
        for preset in presets:
            taking_part = [OURS, *preset.peers, *extra]
            first = turn % len(taking_part)
            for server in taking_part[first:] + taking_part[:first]:
                result = measure(preset, server, duration_s)
                results[preset.name][server.name].append(result)
                _tell(f"round {turn + 1}: {preset.name}, {server.name}", preset, result)
    return results


def _tell(title: str, preset: Preset, result: Result) -> None:
    figures = [f"{name} {report.figure(result, name)}" for name in preset.metrics]
    if result["errors"]:
        figures.append(f"{result['errors']} errors: {result.get('error_samples')}")
    print(f"{title}: {', '.join(figures)}", file=sys.stderr, flush=True)


def _surroundings() -> Result:
    """What the figures depend on besides the code."""
    packages = ("apsw", "msgspec", "ocpp", "picows", "trio", "trio-websocket", "websockets")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "versions": {name: version(name) for name in packages},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--preset",
        action="append",
        choices=[*PRESETS, "all"],
        help="which load; may be given again; default: all",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-d", "--duration", type=float, default=8, help="s measured of each load")
    parser.add_argument(
        "--server",
        action="append",
        type=servers.parse,
        default=[],
        metavar="NAME=URL=COMMAND",
        help="another one to take part, with {port}, {folder} and {id} where they belong",
    )
    return parser.parse_args()


def main() -> int:
    options = _options()
    chosen = options.preset or ["all"]
    presets = list(_PRESETS) if "all" in chosen else [PRESETS[name] for name in chosen]
    raise_file_limit()
    surroundings = _surroundings()
    results = compare(presets, options.server, options.rounds, options.duration)
    RESULTS.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    out = RESULTS / f"{stamp}-{'-'.join(dict.fromkeys(chosen))}.json"
    out.write_text(json.dumps({"surroundings": surroundings, "results": results}, indent=1))
    for preset in presets:
        print(report.comparison(preset.name, results[preset.name], preset.metrics))
    print(report.verdict(results))
    print(f"All figures: {out}", file=sys.stderr)
    wrong = sum(
        result["errors"]
        for by_server in results.values()
        for taken in by_server.values()
        for result in taken
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Where the daemon's time goes: runs it in this process under cProfile, with load.py beside it.

    python bench/profile_daemon.py heartbeat -n 50 -d 5
    python bench/profile_daemon.py session -n 3000 -d 10 --sort cumulative

All arguments but --sort and --rows go to load.py. The profiler makes Python calls dear and leaves C
code as it is, so compare places with each other, and throughput only without it. Shown is the
thread of Trio; the CPU time of each thread follows.
"""

import argparse
import cProfile
import json
import os
import pstats
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio

from ocpptrio import observe
from ocpptrio.central_system import CentralSystem
from ocpptrio.config import LogLevel, LogSettings, OcppSettings, Settings, StoreSettings
from ocpptrio.daemon import prepare_process

LOAD = Path(__file__).parent / "load.py"


async def profile(
    settings: Settings, load: Sequence[str]
) -> tuple[cProfile.Profile, dict[str, object]]:
    profiler = cProfile.Profile()
    async with CentralSystem(settings) as central:
        address, port = central.addresses[0]
        command = [sys.executable, str(LOAD), *load]
        command += ["--url", f"ws://{address}:{port}/ocpp/{{id}}", "--pid", str(os.getpid())]
        before = _threads_cpu_s()
        profiler.enable()
        done = await trio.run_process(command, capture_stdout=True, check=False)
        profiler.disable()
        for thread, seconds in _threads_cpu_s().items():
            print(f"{thread}: {seconds - before.get(thread, 0):.2f} s of CPU time")
    result: dict[str, object] = json.loads(done.stdout)
    return profiler, result


def _threads_cpu_s() -> dict[str, float]:
    found = {}
    for task in Path("/proc/self/task").iterdir():
        name, _, rest = (task / "stat").read_text().rpartition(")")
        ticks = sum(int(field) for field in rest.split()[11:13])
        found[f"{name.partition('(')[2]} {task.name}"] = ticks / os.sysconf("SC_CLK_TCK")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sort", default="tottime", help="tottime, cumulative or ncalls")
    parser.add_argument("--rows", type=int, default=45)
    options, load = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="ocpptrio-bench-") as folder:
        settings = Settings(
            ocpp=OcppSettings(port=0),
            store=StoreSettings(path=f"{folder}/ocpptrio.db"),
            log=LogSettings(level=LogLevel.WARN),
        )
        observe.configure(settings.log)
        prepare_process()
        profiler, result = trio.run(profile, settings, load)
    print(json.dumps(result))
    pstats.Stats(profiler).strip_dirs().sort_stats(options.sort).print_stats(options.rows)


if __name__ == "__main__":
    main()

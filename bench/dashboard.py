"""What the API costs the charge points: without it, with it, and with somebody who watches all.

    python bench/dashboard.py --rounds 5

The daemon is started afresh each time. Who watches reads the stream of all events, which is more
than any page of the dashboard asks for, and the overview as often as its page does. Compared is how
many messages a second of the daemon's CPU time answers, as a ratio to the daemon without API in the
same round. Exit status 1 if whole sessions with somebody who watches are more than --at-most
percent behind.

A browser does not take part: on a small machine it takes from the daemon what is to be measured.
Not here: how fast lists and charts are (big_database).
"""

import argparse
import dataclasses
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import servers
from servers import OURS, Server

WITHOUT, WITH_API, WATCHED = "without API", "with API", "watched"
LOADS = ("heartbeat", "session")
LOGIN = re.compile(r"http://127\.0\.0\.1:\d+/login#key=(\S+)")
OVERVIEW_EVERY_S = 4
READ_BYTES = 65_536
API_PORT = servers.free_port()


def _server(name: str, *, api: bool) -> Server:
    settings = (("OCPPTRIO_API_ENABLED", str(api).lower()), ("OCPPTRIO_API_PORT", str(API_PORT)))
    return dataclasses.replace(OURS, name=name, environment=(*OURS.environment, *settings))


SERVERS = (_server(WITHOUT, api=False), _server(WITH_API, api=True), _server(WATCHED, api=True))


class Watcher:
    """Reads what a dashboard reads, in threads of its own."""

    def __init__(self, log: Path) -> None:
        while (found := LOGIN.search(log.read_text())) is None:  # it listens, and says so soon
            time.sleep(servers.LOOK_EVERY_S)
        self._base = f"http://127.0.0.1:{API_PORT}/api/v1"
        body = json.dumps({"login_key": found[1]}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._base}/session", body, headers)
        with urllib.request.urlopen(request) as answer:
            self._cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self._done = threading.Event()
        self._stream = self._get("/events/stream")
        self.bytes_read = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        threads = [threading.Thread(target=work) for work in (self._read, self._look)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def _get(self, path: str) -> http.client.HTTPResponse:
        request = urllib.request.Request(self._base + path, headers={"Cookie": self._cookie})
        answer: http.client.HTTPResponse = urllib.request.urlopen(request)
        return answer

    def _read(self) -> None:
        with self._stream:
            while not self._done.is_set():
                self.bytes_read += len(self._stream.read1(READ_BYTES))

    def _look(self) -> None:
        while not self._done.wait(OVERVIEW_EVERY_S):
            with self._get("/overview") as answer:
                answer.read()


def measure(server: Server, load: str, options: argparse.Namespace) -> float:
    """Messages per second of CPU time of the daemon."""
    with (
        tempfile.TemporaryDirectory(prefix="ocpptrio-bench-") as folder,
        servers.running(server, Path(folder)) as started,
    ):
        command = [sys.executable, str(servers.HERE / "load.py"), load, "-n", str(options.n)]
        command += ["--url", started.url, "--pid", str(started.pid), "-d", str(options.duration)]
        if server.name != WATCHED:
            return _load(command)
        watcher = Watcher(Path(folder) / f"{server.name}.log")
        with watcher.watching():
            figure = _load(command)
        assert watcher.bytes_read > figure, "nothing was streamed"
        return figure


def _load(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    assert result["errors"] == 0, result
    figure: float = result["msg_per_cpu_s"]
    return figure


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-n", type=int, default=50, help="charge points")
    parser.add_argument("-d", "--duration", type=float, default=8, help="s measured each time")
    parser.add_argument("--at-most", type=float, default=5, help="percent that may be lost")
    options = parser.parse_args()
    ratios: dict[tuple[str, str], list[float]] = {}
    for turn in range(options.rounds):
        for load in LOADS:
            first = turn % len(SERVERS)
            taken = {
                server.name: measure(server, load, options)
                for server in SERVERS[first:] + SERVERS[:first]
            }
            for name in (WITH_API, WATCHED):
                ratios.setdefault((load, name), []).append(taken[name] / taken[WITHOUT])
            figures = ", ".join(f"{name} {taken[name]:.0f}" for name in sorted(taken))
            print(f"round {turn + 1}: {load}: {figures} per CPU s", file=sys.stderr, flush=True)
    for (load, name), found in ratios.items():
        each = ", ".join(f"{ratio:.2f}" for ratio in found)
        print(f"{load} {name}, as a ratio: {statistics.median(found):.3f} ({each})")
    lost = 100 * (1 - statistics.median(ratios["session", WATCHED]))
    print(
        f"whole sessions lose {lost:.1f} % when watched; at most {options.at_most:g} % are wanted"
    )
    return 1 if lost > options.at_most else 0


if __name__ == "__main__":
    sys.exit(main())

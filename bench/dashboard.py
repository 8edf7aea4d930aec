"""What the API costs the charge points: without it, with it, and with somebody who watches all.

    python bench/dashboard.py --rounds 5

Two daemons run side by side, one without the API, and take as many turns each, so that their
databases grow alike; who watches comes and goes, so that nothing else differs. Who watches reads
the stream of all events, which is more than any page of the dashboard asks for, and the overview as
often as its page does. Compared is how many messages a second of the daemon's CPU time answers, as
a ratio to the daemon without API just before or after. Exit status 1 if whole sessions with
somebody who watches are more than 5 % behind.

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
from contextlib import ExitStack, contextmanager
from pathlib import Path

import servers
from servers import OURS, Server

WITHOUT, WITH_API, WATCHED = "without API", "with API", "watched"
LOADS = ("heartbeat", "session")
LOGIN = re.compile(r"http://127\.0\.0\.1:\d+/login#key=(\S+)")
OVERVIEW_EVERY_S = 4
READ_BYTES = 65_536
AT_MOST = 5  # percent that may be lost
API_PORT = servers.free_port()


def _server(name: str, *, api: bool) -> Server:
    settings = (("OCPPTRIO_API_ENABLED", str(api).lower()), ("OCPPTRIO_API_PORT", str(API_PORT)))
    return dataclasses.replace(OURS, name=name, environment=(*OURS.environment, *settings))


SERVERS = (_server(WITHOUT, api=False), _server(WITH_API, api=True))


class Options(argparse.Namespace):
    rounds: int
    load: list[str] | None
    n: int
    duration: float


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
        self.bytes_read = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._done.clear()
        self._stream = self._get("/events/stream")
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


def measure(
    turn: str, load: str, running: dict[str, servers.Running], watcher: Watcher, options: Options
) -> float:
    """Messages per second of CPU time of the daemon."""
    started = running[WITHOUT if turn == WITHOUT else WITH_API]
    command = [sys.executable, str(servers.HERE / "load.py"), load, "-n", str(options.n)]
    command += ["--url", started.url, "--pid", str(started.pid), "-d", str(options.duration)]
    if turn != WATCHED:
        return _load(command)
    before = watcher.bytes_read
    with watcher.watching():
        figure = _load(command)
    assert load != "session" or watcher.bytes_read > before + figure, "nothing was streamed"
    return figure


def _load(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    assert result["errors"] == 0, result
    figure: float = result["msg_per_cpu_s"]
    return figure


def compare(options: Options) -> dict[tuple[str, str], list[float]]:
    """By load and turn: the ratios to the daemon without API, round by round."""
    ratios: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ocpptrio-bench-")))
        running = {}
        for server in SERVERS:
            own = folder / server.name.replace(" ", "-")
            own.mkdir()
            running[server.name] = stack.enter_context(servers.running(server, own))
        watcher = Watcher(own / f"{WITH_API}.log")
        for number in range(options.rounds):
            for load in options.load or LOADS:
                for turn in (WITH_API, WATCHED):
                    pair = (WITHOUT, turn) if number % 2 else (turn, WITHOUT)
                    taken = {one: measure(one, load, running, watcher, options) for one in pair}
                    ratios.setdefault((load, turn), []).append(taken[turn] / taken[WITHOUT])
                    figures = ", ".join(f"{one} {figure:.0f}" for one, figure in taken.items())
                    print(f"round {number + 1}: {load}: {figures} per CPU s", file=sys.stderr)
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--load", action="append", choices=LOADS, help="default: both")
    parser.add_argument("-n", type=int, default=50, help="charge points")
    parser.add_argument("-d", "--duration", type=float, default=8, help="s measured each time")
    ratios = compare(parser.parse_args(namespace=Options()))
    for (load, name), found in ratios.items():
        each = ", ".join(f"{ratio:.2f}" for ratio in found)
        print(f"{load} {name}, as a ratio: {statistics.median(found):.3f} ({each})")
    if ("session", WATCHED) not in ratios:
        return 0
    lost = 100 * (1 - statistics.median(ratios["session", WATCHED]))
    print(f"whole sessions lose {lost:.1f} % when watched; at most {AT_MOST} % are wanted")
    return 1 if lost > AT_MOST else 0


if __name__ == "__main__":
    sys.exit(main())

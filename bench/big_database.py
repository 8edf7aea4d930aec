"""How fast lists and charts are with 100 000 transactions and 10 million meter readings.

    python bench/big_database.py

The database is made first (two minutes, 5 GB) and kept for the next time. Then each question that a
list or chart asks is asked of the store, and of a daemon over HTTP. The median of each has to stay
below the limit, else the exit status is 1.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import big_data
import big_questions
import servers
import trio
from big_questions import Extent

from ocpptrio.services.access import new_token
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import Role

DATABASE = Path(__file__).parent / "results" / "big.db"
LIMIT_MS = 200.0
# So that a daemon has done what it does at its start, such as looking for what is too old.
SETTLE_S = 5


class Table:
    """Prints each row as it is measured, and remembers which were too slow."""

    def __init__(self, limit_ms: float) -> None:
        self._limit_ms = limit_ms
        self.too_slow: list[str] = []

    def add(self, name: str, taken_ms: list[float], items: str) -> None:
        median = statistics.median(taken_ms)
        slow = median > self._limit_ms
        if slow:
            self.too_slow.append(name)
        print(
            f"{name:78} {median:8.1f} {max(taken_ms):8.1f}  {items:>12}{'  too slow' * slow}",
            flush=True,
        )

    def head(self, title: str, last: str) -> None:
        print(f"\n{title:78} {'median':>8} {'max ms':>8}  {last:>12}")


async def _prepared(path: Path) -> tuple[Extent, str]:
    """Bring the schema up to date; what is in the database, and a token to read it."""
    async with SqliteStore(path, inline=True) as store:
        extent = await store.read(big_questions.extent)
        now_us = time.time_ns() // 1000
        _, token = await store.write(
            lambda db: new_token(
                db,
                "bench",
                role=Role.ADMIN,
                created_by="bench",
                at_us=now_us,
                expires_at_us=None,
            )
        )
    return extent, token


async def ask_store(
    path: Path, extent: Extent, table: Table, *, rounds: int, wanted: Callable[[str], bool]
) -> None:
    table.head("The store", "rows")
    async with trio.open_nursery() as nursery, SqliteStore(path) as store:
        await nursery.start(store.run)  # noqa: ASYNC111 - closing the store ends it
        for name, work in big_questions.of_store(extent):
            if not wanted(name):
                continue
            taken = []
            found: object = ()
            for _ in range(rounds):
                began = time.perf_counter()
                found = await store.read(work)
                taken.append((time.perf_counter() - began) * 1000)
            table.add(name, taken, str(len(found)) if isinstance(found, list | dict) else "")


def ask_api(
    path: Path,
    extent: Extent,
    token: str,
    table: Table,
    *,
    rounds: int,
    wanted: Callable[[str], bool],
) -> None:
    table.head("The API", "bytes")
    with _daemon(path) as port:
        time.sleep(SETTLE_S)  # it listens for charge points first, too
        connection = HTTPConnection("127.0.0.1", port, timeout=60)

        def get(target: str) -> tuple[int, bytes]:
            connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read()

        for target in ("/metrics", *big_questions.of_api(extent)):
            if not wanted(target):
                continue
            full = target if target == "/metrics" else f"/api/v1{target}"
            taken = []
            for _ in range(rounds):
                began = time.perf_counter()
                status, body = get(full)
                taken.append((time.perf_counter() - began) * 1000)
                if status != 200:
                    break
            if status == 200:
                table.add(target, taken, str(len(body)))
            else:
                print(f"{target:78} not measured: {status} {json.loads(body).get('detail')}")
                if status >= 500:
                    table.too_slow.append(target)


@contextmanager
def _daemon(path: Path) -> Iterator[int]:
    """`ocpptrio serve` on the database; gives the port of its API."""
    port = servers.free_port()
    ours = replace(
        servers.OURS,
        environment=(
            *servers.OURS.environment,
            ("OCPPTRIO_API_PORT", str(port)),
            ("OCPPTRIO_STORE_PATH", str(path.resolve())),
        ),
    )
    with (
        tempfile.TemporaryDirectory(prefix="ocpptrio-bench-") as folder,
        servers.running(ours, Path(folder)),
    ):
        yield port


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--path", type=Path, default=DATABASE, help="of the database")
    parser.add_argument("--transactions", type=int, default=100_000, help="when it is made")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is asked")
    parser.add_argument("--limit-ms", type=float, default=LIMIT_MS, help="of each median")
    parser.add_argument("--only", default="", help="questions that contain this")
    parser.add_argument("--no-api", action="store_true", help="ask only the store")
    options = parser.parse_args()
    if not options.path.exists():
        options.path.parent.mkdir(exist_ok=True)
        unfinished = options.path.with_suffix(".unfinished")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{unfinished}{suffix}").unlink(missing_ok=True)
        big_data.make(unfinished, transactions=options.transactions, say=print)
        unfinished.rename(options.path)
    table = Table(options.limit_ms)
    extent, token = trio.run(_prepared, options.path)
    wanted: Callable[[str], bool] = lambda name: options.only in name  # noqa: E731

    async def ask() -> None:
        await ask_store(options.path, extent, table, rounds=options.rounds, wanted=wanted)

    trio.run(ask)
    if not options.no_api:
        ask_api(options.path, extent, token, table, rounds=options.rounds, wanted=wanted)
    if table.too_slow:
        print(f"\nslower than {options.limit_ms:g} ms: {', '.join(table.too_slow)}")
    else:
        print(f"\nall medians are below {options.limit_ms:g} ms")
    return int(bool(table.too_slow))


if __name__ == "__main__":
    sys.exit(main())

"""What was acknowledged survives the sudden death of the process."""

import subprocess
import sys
from pathlib import Path

import apsw

WRITER = """
import sys

import trio

from ocpptrio.events import Connected
from ocpptrio.store.events import TABLE
from ocpptrio.store.sqlite import SqliteStore


async def write(store, task):
    for count in range(1_000_000):
        event = Connected(charge_point_id=f"{task}-{count}", at_us=1, generation=1, peer="here")
        await store.append(TABLE, [], [event])
        print(event.charge_point_id, flush=True)


async def main():
    async with SqliteStore(sys.argv[1]) as store, trio.open_nursery() as nursery:
        await nursery.start(store.run)
        for task in range(20):
            nursery.start_soon(write, store, f"{sys.argv[2]}-{task}")


trio.run(main)
"""


def test_killed_while_writing_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    acknowledged: list[str] = []
    for run, lines in enumerate((1, 137, 512)):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(run)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            acknowledged += [process.stdout.readline().strip() for _ in range(lines)]
            process.kill()
            rest = process.stdout.read().split("\n")
            acknowledged += rest[:-1]  # the last one may be cut short
        connection = apsw.Connection(str(path))
        stored = {
            charge_point_id
            for (charge_point_id,) in connection.execute("SELECT charge_point_id FROM events")
        }
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
        assert stored.issuperset(acknowledged)
    assert len(acknowledged) >= 650

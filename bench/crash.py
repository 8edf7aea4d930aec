"""Kills `ocpptrio serve` under load, again and again, and compares the books at the end.

    python bench/crash.py                       twenty kills, 200 charge points, two minutes

Whatever a charge point saw acknowledged must be in the database: starts, stops and meter values,
each once. Exit status 1 if anything is lost, doubled or invented, if the database is damaged, if
the daemon does not start cleanly again, or if a charge point does not carry on.

SIGKILL ends a process, not a machine: that what is committed also survives a power cut is up to
SQLite (synchronous=FULL) and the disk, and not shown here.
"""

# flake8: noqa: ASYNC910, ASYNC911  # checkpoints are a notion of Trio; this runs on asyncio

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import servers
from ledger import Ledger
from link import run
from load import raise_file_limit
from queueing import QueueingChargePoint

CARRY_ON_S = 60  # for each charge point to complete a session after the last kill
FINISH_S = 60  # for each to deliver all it owes
LOOK_EVERY_S = 0.1
UNCLEAN = ("Traceback", "[error", "[critical")  # in the lines of the daemon


class Options(argparse.Namespace):
    kills: int
    n: int
    pace: float
    between: tuple[float, float]
    seed: int
    keep: bool


class Experiment:
    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._random = Random(options.seed)
        self._port = servers.free_port()
        self._charge_points: list[QueueingChargePoint] = []
        self.ledger = Ledger()
        self.start_times_s: list[float] = []
        self.kills = 0
        self.least_sessions = 0

    async def run(self) -> None:
        options = self._options
        daemon = await self._start()
        try:
            for number in range(options.n):
                charge_point_id = f"CRASH{number:04d}"
                self._charge_points.append(
                    QueueingChargePoint(
                        charge_point_id,
                        daemon.url.replace("{id}", charge_point_id),
                        self.ledger,
                        Random(self._random.getrandbits(64)),
                        options.pace,
                    )
                )
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(one.run(), name=one.charge_point_id)
                    for one in self._charge_points
                ]
                for _ in range(options.kills):
                    await asyncio.sleep(self._random.uniform(*options.between))
                    await self._kill(daemon)
                    daemon = await self._start()
                await self._carry_on()
                await self._finish(tasks)
            status = await asyncio.to_thread(servers.stop, daemon.process)
            if status != 0:
                self.ledger.flaw("exit status at the end", status)
        finally:
            await asyncio.to_thread(servers.stop, daemon.process)
        for line in (self._folder / "ours.log").read_text().splitlines():
            if any(word in line for word in UNCLEAN):
                self.ledger.flaw("errors in the daemon's log", line)
        await asyncio.to_thread(self.ledger.compare, self._folder / "ocpptrio.db")

    async def _start(self) -> servers.Running:
        started = time.monotonic()
        # In a thread, so that charge points go on charging, and trying, meanwhile.
        daemon = await asyncio.to_thread(servers.start, servers.OURS, self._port, self._folder)
        self.start_times_s.append(time.monotonic() - started)
        return daemon

    async def _kill(self, daemon: servers.Running) -> None:
        if daemon.process.poll() is not None:
            self.ledger.flaw("the daemon ended by itself", daemon.process.returncode)
        daemon.process.kill()
        await asyncio.to_thread(daemon.process.wait)
        self.kills += 1
        for charge_point in self._charge_points:
            charge_point.killed()
        ledger = self.ledger
        print(
            f"kill {self.kills}: {len(ledger.starts)} starts, {len(ledger.stops)} stops, "
            f"{len(ledger.readings)} meter values acknowledged so far",
            file=sys.stderr,
            flush=True,
        )

    async def _carry_on(self) -> None:
        deadline = time.monotonic() + CARRY_ON_S
        while time.monotonic() < deadline:
            self.least_sessions = min(one.sessions for one in self._charge_points)
            if self.least_sessions:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        for one in self._charge_points:
            if not one.sessions:
                self.ledger.flaw("no session after the last kill", one.charge_point_id)

    async def _finish(self, tasks: list[asyncio.Task[None]]) -> None:
        for one in self._charge_points:
            one.finish()
        _, pending = await asyncio.wait(tasks, timeout=FINISH_S)
        for task in pending:
            self.ledger.flaw("messages not delivered at the end", task.get_name())
            task.cancel()


def summary(options: Options, experiment: Experiment, seconds: float) -> str:
    ledger = experiment.ledger
    starts_s = experiment.start_times_s
    rows: list[tuple[str, object]] = [
        ("kills (SIGKILL)", experiment.kills),
        ("charge points", options.n),
        ("seed", options.seed),
        ("duration", f"{seconds:.0f} s"),
        (
            "from start to listening, median and longest",
            f"{statistics.median(starts_s):.2f} s, {max(starts_s):.2f} s",
        ),
        ("starts acknowledged", len(ledger.starts)),
        ("stops acknowledged", len(ledger.stops)),
        ("meter values acknowledged", len(ledger.readings)),
        ("messages sent again for want of an answer", ledger.resent),
        ("answered starts sent again on purpose", ledger.asked_again),
        ("sessions after the last kill, fewest of a charge point", experiment.least_sessions),
    ]
    kinds = (
        "start lost",
        "stop lost",
        "meter value lost",
        "one id for two starts",
        "the same start got two ids",
        "a start booked twice",
        "meter value booked twice",
        "a transaction that nobody sent",
        "stops without their transaction",
        "PRAGMA integrity_check",
        "errors in the daemon's log",
        "no session after the last kill",
    )
    lines = ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
    lines += [
        f"| {kind} | {f'**{ledger.flaws[kind]}**' if ledger.flaws[kind] else 0} |"
        for kind in dict.fromkeys((*kinds, *ledger.flaws))
    ]
    for kind, samples in ledger.samples.items():
        lines += ["", f"{kind}:", *(f"- {sample}" for sample in samples)]
    lines += ["", "Something is wrong." if ledger.flaws else "The books balance: nothing was lost."]
    return "\n".join(lines)


def _options() -> Options:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("-n", type=int, default=200, help="charge points")
    parser.add_argument(
        "--pace", type=float, default=0.1, help="s between what happens at a charge point"
    )
    parser.add_argument(
        "--between",
        type=float,
        nargs=2,
        default=(0.5, 5.0),
        metavar=("MIN", "MAX"),
        help="s from a start to the next kill",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments and of all else")
    parser.add_argument("--keep", action="store_true", help="keep the database and the log")
    return parser.parse_args(namespace=Options())


def main() -> int:
    options = _options()
    raise_file_limit()
    folder = Path(tempfile.mkdtemp(prefix="ocpptrio-crash-"))
    experiment = Experiment(options, folder)
    started = time.monotonic()
    try:
        run(experiment.run())
        print(summary(options, experiment, time.monotonic() - started))
    finally:
        if options.keep or experiment.ledger.flaws:
            print(f"The database and the log are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    return 1 if experiment.ledger.flaws else 0


if __name__ == "__main__":
    sys.exit(main())

"""What charge points saw acknowledged, and whether the books of a database agree.

Not here: how it was acknowledged (queueing), and the crashes in between (crash).
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import apsw

SAMPLES_KEPT = 3  # of each kind of flaw, for the report


class Start(NamedTuple):
    """What makes a start that comes again the same one."""

    charge_point_id: str
    connector_id: int
    id_tag: str
    started_at_us: int
    meter_start_wh: int


class Stop(NamedTuple):
    stopped_at_us: int
    meter_stop_wh: int


class Reading(NamedTuple):
    """One measured instant; the register only grows, so no two are alike."""

    charge_point_id: str
    transaction_id: int
    measured_at_us: int
    energy_wh: float


class Ledger:
    """What was sent and what was acknowledged, by all charge points of a run.

    Attributes:
        flaws: kind -> how often; nothing must be in here at the end.
        resent: messages sent again since the connection was lost before their answer came.
    """

    def __init__(self) -> None:
        self.starts: dict[Start, int] = {}
        self.stops: dict[int, Stop] = {}
        self.readings: set[Reading] = set()
        self.sent_starts: set[Start] = set()
        self.resent = 0
        self.asked_again = 0
        self.flaws: Counter[str] = Counter()
        self.samples: defaultdict[str, list[str]] = defaultdict(list)
        self._of_id: dict[int, Start] = {}

    def flaw(self, kind: str, detail: object) -> None:
        self.flaws[kind] += 1
        if len(self.samples[kind]) < SAMPLES_KEPT:
            self.samples[kind].append(str(detail))

    def started(self, start: Start, transaction_id: int) -> None:
        """A start was answered; perhaps not for the first time."""
        known = self.starts.setdefault(start, transaction_id)
        if known != transaction_id:
            self.flaw("the same start got two ids", f"{start}: {known}, {transaction_id}")
        other = self._of_id.setdefault(transaction_id, start)
        if other != start:
            self.flaw("one id for two starts", f"{transaction_id}: {other}, {start}")

    def compare(self, database: Path) -> None:
        """Add as flaws whatever the database lacks, has twice or was never told."""
        connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            self._check_integrity(connection)
            self._compare_transactions(connection)
            self._compare_readings(connection)
        finally:
            connection.close()

    def _check_integrity(self, connection: apsw.Connection) -> None:
        for (told,) in connection.execute("PRAGMA integrity_check"):
            if told != "ok":
                self.flaw("PRAGMA integrity_check", told)
        for (orphans,) in connection.execute("SELECT count(*) FROM orphan_stops"):
            if orphans:
                self.flaw("stops without their transaction", orphans)

    def _compare_transactions(self, connection: apsw.Connection) -> None:
        booked: dict[Start, int] = {}
        stopped: dict[int, tuple[Stop, object]] = {}
        for row in connection.execute(
            "SELECT transaction_id, state, stopped_at_us, meter_stop_wh, energy_wh,"
            " charge_point_id, connector_id, id_tag, started_at_us, meter_start_wh"
            " FROM transactions"
        ):
            transaction_id, state, stopped_at_us, meter_stop_wh, energy_wh, *rest = row
            start = Start(*rest)
            if start in booked:
                self.flaw("a start booked twice", f"{start}: {booked[start]}, {transaction_id}")
            booked[start] = transaction_id
            if start not in self.sent_starts:
                self.flaw("a transaction that nobody sent", start)
            if state == "stopped":
                stopped[transaction_id] = Stop(stopped_at_us, meter_stop_wh), energy_wh
        for start, transaction_id in self.starts.items():
            if booked.get(start) != transaction_id:
                self.flaw("start lost", f"{start}: {transaction_id}, not {booked.get(start)}")
            stop = self.stops.get(transaction_id)
            if stop is None:
                continue
            expected = stop, stop.meter_stop_wh - start.meter_start_wh
            if stopped.get(transaction_id) != expected:
                self.flaw(
                    "stop lost", f"{transaction_id}: {expected}, not {stopped.get(transaction_id)}"
                )

    def _compare_readings(self, connection: apsw.Connection) -> None:
        booked = Counter(
            Reading(*row)
            for row in connection.execute(
                "SELECT charge_point_id, transaction_id, measured_at_us, energy_wh"
                " FROM meter_readings"
            )
        )
        for reading in self.readings:
            if reading not in booked:
                self.flaw("meter value lost", reading)
        for reading, count in booked.items():
            if count > 1:
                self.flaw("meter value booked twice", reading)

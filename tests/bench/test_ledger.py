"""The books of bench/crash.py: what is missing, doubled or invented must be found."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
import trio
from ledger import Ledger, Reading, Start, Stop

from ocpptrio.store.sqlite import SqliteStore

START = Start("CP1", 1, "TAG", 1_000_000, 500)
STOP = Stop(9_000_000, 800)
ORPHAN = """INSERT INTO orphan_stops (charge_point_id, transaction_id, meter_stop_wh,
    stopped_at_us, received_at_us, reason, payload) VALUES ('CP1', 9, 800, 1, 1, 'Local', '{}')"""
READING = Reading("CP1", 7, 5_000_000, 600.0)


async def make(path: Path) -> None:
    async with SqliteStore(path):
        pass  # entering has made the tables


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One transaction with its stop and one reading."""
    path = tmp_path / "books.db"
    trio.run(make, path)
    change(
        path,
        "INSERT INTO transactions (transaction_id, charge_point_id, connector_id, id_tag,"
        " id_tag_key, authorization_status, started_at_us, start_received_at_us, meter_start_wh,"
        " state, stopped_at_us, meter_stop_wh, energy_wh)"
        " VALUES (7, 'CP1', 1, 'TAG', 'tag', 'Accepted', 1000000, 0, 500,"
        " 'stopped', 9000000, 800, 300)",
    )
    book_reading(path, digest=1)
    return path


def change(database: Path, sql: str) -> None:
    connection = apsw.Connection(str(database))
    connection.execute(sql)
    connection.close()


def book_reading(database: Path, digest: int) -> None:
    change(
        database,
        "INSERT INTO meter_readings (charge_point_id, connector_id, transaction_id,"
        " measured_at_us, received_at_us, context, energy_wh, sampled_values, digest)"
        f" VALUES ('CP1', 1, 7, 5000000, 0, 'Sample.Periodic', 600, '', {digest})",
    )


@pytest.fixture
def ledger() -> Ledger:
    """What the charge point saw of that."""
    ledger = Ledger()
    ledger.sent_starts.add(START)
    ledger.started(START, 7)
    ledger.stops[7] = STOP
    ledger.readings.add(READING)
    return ledger


def test_equal_books_have_no_flaw(ledger: Ledger, database: Path) -> None:
    ledger.compare(database)
    assert not ledger.flaws


@pytest.mark.parametrize(
    ("sql", "flaws"),
    [
        ("DELETE FROM transactions", {"start lost", "stop lost"}),
        ("UPDATE transactions SET transaction_id = 8", {"start lost", "stop lost"}),
        ("UPDATE transactions SET state = 'open'", {"stop lost"}),
        ("UPDATE transactions SET meter_stop_wh = 799", {"stop lost"}),
        ("UPDATE transactions SET energy_wh = 299", {"stop lost"}),
        ("DELETE FROM meter_readings", {"meter value lost"}),
        ("UPDATE meter_readings SET energy_wh = 601", {"meter value lost"}),
        (ORPHAN, {"stops without their transaction"}),
    ],
)
def test_what_is_wrong_in_the_database_is_found(
    ledger: Ledger, database: Path, sql: str, flaws: set[str]
) -> None:
    change(database, sql)
    ledger.compare(database)
    assert set(ledger.flaws) == flaws


def test_a_meter_value_booked_twice_is_found(ledger: Ledger, database: Path) -> None:
    book_reading(database, digest=2)
    ledger.compare(database)
    assert set(ledger.flaws) == {"meter value booked twice"}


def test_a_transaction_that_nobody_sent_is_found(ledger: Ledger, database: Path) -> None:
    ledger.sent_starts.clear()
    ledger.compare(database)
    assert set(ledger.flaws) == {"a transaction that nobody sent"}


@pytest.mark.parametrize(
    ("again", "flaw"),
    [
        (lambda ledger: ledger.started(START, 8), "the same start got two ids"),
        (
            lambda ledger: ledger.started(START._replace(meter_start_wh=1), 7),
            "one id for two starts",
        ),
    ],
)
def test_ids_that_do_not_fit_are_found(
    ledger: Ledger, again: Callable[[Ledger], None], flaw: str
) -> None:
    again(ledger)
    assert set(ledger.flaws) == {flaw}


def test_the_same_answer_to_the_same_start_is_right(ledger: Ledger) -> None:
    ledger.started(START, 7)
    assert not ledger.flaws

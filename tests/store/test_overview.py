"""A few numbers for a whole database, found without looking at all of it."""

from ocpptrio.events import Registered
from ocpptrio.protocol.core import ClearCache
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.store import attempts, commands, overview, statistics, transactions
from ocpptrio.store.driver import Db
from ocpptrio.store.sqlite import SqliteStore


def _transaction(db: Db, number: int, *, stopped_at_us: int | None, energy_wh: int | None) -> None:
    transaction_id = transactions.insert(
        db,
        charge_point_id="CP1",
        connector_id=1,
        id_tag="TAG",
        parent_id_tag=None,
        authorization_status=AuthorizationStatus.ACCEPTED,
        authorization_expires_at_us=None,
        reservation_id=None,
        started_at_us=number,
        start_received_at_us=number,
        meter_start_wh=0,
    )
    if stopped_at_us is not None:
        transactions.stop(
            db,
            transaction_id,
            stopped_at_us=stopped_at_us,
            stop_received_at_us=stopped_at_us,
            meter_stop_wh=0,
            stop_reason="Local",
            stop_id_tag=None,
            energy_wh=energy_wh,
        )


async def test_the_overview_counts_what_waits_and_what_was_charged(store: SqliteStore) -> None:
    empty = await store.read(lambda reader: overview.waiting(reader, since_us=0))
    assert set(vars_of(empty).values()) == {0}

    def work(db: Db) -> None:
        _transaction(db, 1, stopped_at_us=99, energy_wh=10_000)  # before
        _transaction(db, 2, stopped_at_us=100, energy_wh=700)
        _transaction(db, 3, stopped_at_us=101, energy_wh=None)  # cannot be told
        _transaction(db, 4, stopped_at_us=102, energy_wh=7)
        _transaction(db, 5, stopped_at_us=None, energy_wh=None)
        attempts.note(db, charge_point_id="X", peer="", reason="", at_us=1)
        commands.insert(db, commands.draft(ClearCache()), charge_point_id="CP1", at_us=1)
        db.emit(Registered(charge_point_id="CP1", at_us=1, origin="added"))

    await store.write(work)
    found = await store.read(lambda reader: overview.waiting(reader, since_us=100))
    assert found == overview.Waiting(
        event_number=2,
        energy_wh=707,
        reviews=0,
        attempts=1,
        conditions=0,
        commands=1,
        alerts=0,
        webhooks_failing=0,
    )


def vars_of(found: overview.Waiting) -> dict[str, int]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


async def test_rows_are_told_by_their_numbers(store: SqliteStore) -> None:
    def work(db: Db) -> None:
        for number in range(5):
            _transaction(db, number, stopped_at_us=None, energy_wh=None)
        db.run("DELETE FROM transactions WHERE transaction_id = 1")

    await store.write(work)
    rows = await store.read(statistics.rows)
    assert rows["transactions"] == 4
    assert rows["journal"] == rows["charge_points"] == 0
    assert await store.read(statistics.schema_version) >= 8


async def test_open_commands_are_counted_by_state(store: SqliteStore) -> None:
    def work(db: Db) -> None:
        for _ in range(3):
            commands.insert(db, commands.draft(ClearCache()), charge_point_id="CP1", at_us=1)
        assert commands.claim(db, 2, 1)
        commands.cancel(db, 3, 1)

    await store.write(work)
    assert await store.read(statistics.open_commands) == {"queued": 1, "sent": 1}

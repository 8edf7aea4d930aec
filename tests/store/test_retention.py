"""What is too old or too much goes, in slices; nothing else does."""

from functools import partial

import pytest

from ocpptrio.config import RetentionSettings
from ocpptrio.events import Removed
from ocpptrio.protocol.core import ClearCache
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.store import (
    charge_points,
    commands,
    events,
    journal,
    meter_readings,
    orphan_stops,
    retention,
    reviews,
    rollups,
    security,
    tasks,
    transactions,
)
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import JournalEntry, MeterReading, RollupRecord
from ocpptrio.store.vocabulary import CommandState, Direction, ReviewKind

DAY_US = 86_400_000_000
NOW_US = 1000 * DAY_US


async def _fill(store: Store, days_ago: list[int], text: str = "") -> None:
    """One journal entry, event and meter reading for each."""
    for number, days in enumerate(days_ago):
        at_us = NOW_US - days * DAY_US
        store.note(
            journal.TABLE,
            journal.row(
                at_us=at_us,
                charge_point_id="CP1",
                generation=1,
                direction=Direction.IN,
                action="Heartbeat",
                unique_id="1",
                text=text,
            ),
        )
        reading = MeterReading(
            charge_point_id="CP1",
            connector_id=1,
            measured_at_us=number,
            received_at_us=at_us,
            context="Sample.Periodic",
            sampled_values="[]",
            digest=1,
        )
        await store.append(
            meter_readings.TABLE,
            [meter_readings.row(reading)],
            [Removed(charge_point_id="CP1", at_us=at_us)],
        )


async def _prune(store: Store, settings: RetentionSettings) -> list[int]:
    pruned = await store.write(lambda db: retention.prune(db, settings, NOW_US))
    return [pruned["journal"], pruned["events"], pruned["meter_readings"]]


async def _left(store: Store) -> list[list[int]]:
    """Days ago."""

    def work(db: Db) -> list[list[int]]:
        times = [
            [entry.at_us for entry in journal.entries(db)],
            [numbered.event.at_us for numbered in events.since(db, 0)],
            [
                one.received_at_us
                for one in meter_readings.of_charge_point(db, "CP1", since_us=0, until_us=NOW_US)
            ],
        ]
        return [[(NOW_US - at_us) // DAY_US for at_us in column] for column in times]

    return await store.write(work)


async def test_what_is_too_old_goes_from_each_table_by_its_own_measure(store: Store) -> None:
    await _fill(store, [500, 100, 20, 3])
    settings = RetentionSettings()
    assert await _prune(store, settings) == [3, 2, 1]
    assert await _left(store) == [[3], [20, 3], [100, 20, 3]]
    assert await _prune(store, settings) == [0, 0, 0]


async def test_the_ends_of_a_register_outlive_its_readings(store: Store) -> None:
    old_us, new_us = NOW_US - 500 * DAY_US, NOW_US - DAY_US
    transaction_id = await store.write(
        lambda db: transactions.insert(
            db,
            charge_point_id="CP1",
            connector_id=1,
            id_tag="T",
            parent_id_tag=None,
            authorization_status=AuthorizationStatus.ACCEPTED,
            authorization_expires_at_us=None,
            reservation_id=None,
            started_at_us=old_us,
            start_received_at_us=old_us,
            meter_start_wh=0,
        )
    )
    for number, received_at_us in enumerate((old_us, old_us, new_us)):
        reading = MeterReading(
            charge_point_id="CP1",
            connector_id=1,
            transaction_id=transaction_id,
            measured_at_us=old_us + number,
            received_at_us=received_at_us,
            context="Sample.Periodic",
            energy_wh=1000.0 + number,
            sampled_values="[]",
            digest=number,
        )
        await store.append(meter_readings.TABLE, [meter_readings.row(reading)])
    assert (await _prune(store, RetentionSettings()))[2] == 2
    record = await store.read(lambda reader: transactions.get(reader, transaction_id))
    assert record is not None
    assert (record.first_register_wh, record.last_register_wh) == (1000.0, 1002.0)
    assert record.last_register_at_us == old_us + 2


async def test_what_is_settled_goes_in_time_and_what_waits_stays(store: Store) -> None:
    old_us = NOW_US - 1000 * DAY_US

    def work(db: Db) -> None:
        for number in range(2):
            security.insert_event(
                db,
                charge_point_id="CP1",
                type="X",
                occurred_at_us=number,
                received_at_us=(old_us, NOW_US)[number],
                tech_info=None,
            )
            orphan_id = orphan_stops.insert(
                db,
                charge_point_id="CP1",
                transaction_id=number,
                id_tag=None,
                meter_stop_wh=1,
                stopped_at_us=old_us,
                received_at_us=old_us,
                reason="Local",
                payload="{}",
            )
            assert orphan_id is not None
            review_id = reviews.open_(
                db,
                ReviewKind.ORPHAN_STOP,
                charge_point_id="CP1",
                at_us=old_us,
                evidence=(),
                orphan_id=orphan_id,
            )
            if number:
                continue
            orphan_stops.resolve(db, orphan_id, old_us, None)
            review = reviews.get(db, review_id or 0)
            assert review is not None
            reviews.resolve(db, review, old_us, "dismiss")

    await store.write(work)
    names = ["security_events", "orphan_stops", "reviews"]
    for expected in ([1, 1, 1], [0, 0, 0]):
        pruned = await store.write(lambda db: retention.prune(db, RetentionSettings(), NOW_US))
        assert [pruned[name] for name in names] == expected
    counts = await store.read(lambda r: [len(r.rows(f"SELECT 1 FROM {name}")) for name in names])
    assert counts == [1, 1, 1]


async def test_quarter_hours_are_kept_for_years_but_not_for_ever(store: Store) -> None:
    for days in (4000, 3000):
        record = RollupRecord(
            charge_point_id="CP1",
            connector_id=1,
            begins_at_us=NOW_US - days * DAY_US // 4,
            transaction_id=0,
            readings=1,
        )
        await store.write(partial(rollups.put, record=record))
    settings = RetentionSettings(rollups_days=900)
    pruned = await store.write(lambda db: retention.prune(db, settings, NOW_US))
    assert pruned["meter_rollups"] == 1


async def test_old_rows_go_in_slices(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS", 2)
    await _fill(store, [500] * 5)
    settings = RetentionSettings()
    assert await _prune(store, settings) == [2, 2, 2]
    assert await _prune(store, settings) == [2, 2, 2]
    assert await _prune(store, settings) == [1, 1, 1]
    assert await _prune(store, settings) == [0, 0, 0]


async def test_a_clock_that_stepped_back_keeps_nothing_from_going(store: Store) -> None:
    await _fill(store, [20, 3, 20, 20, 3])
    assert (await _prune(store, RetentionSettings()))[0] == 3
    assert (await _left(store))[0] == [3, 3]


async def test_the_journal_is_kept_small_whatever_its_age(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MEGABYTE", 1000)
    await _fill(store, [1] * 10, text="x" * 400)
    settings = RetentionSettings(journal_megabytes=2)  # room for four entries of 500 bytes
    assert await _prune(store, settings) == [6, 0, 0]
    found: list[JournalEntry] = await store.read(journal.entries)
    assert [entry.entry for entry in found] == [7, 8, 9, 10]
    assert await _prune(store, settings) == [0, 0, 0]


async def test_an_empty_store_has_nothing_to_lose(store: Store) -> None:
    assert await _prune(store, RetentionSettings()) == [0, 0, 0]


async def test_commands_and_tasks_go_when_they_have_ended_long_ago(store: Store) -> None:
    draft = commands.draft(ClearCache())

    def queue(db: Db) -> int:
        return commands.queue(db, draft, charge_point_id="CP1", at_us=1, expires_at_us=2 * NOW_US)

    old, recent, waiting = [await store.write(queue) for _ in range(3)]
    for command_id, days in ((old, 401), (recent, 399)):
        await store.write(lambda db, one=command_id: commands.claim(db, one, 2))  # type: ignore[misc]
        await store.write(
            lambda db, one=command_id, days=days: commands.settle(  # type: ignore[misc]
                db, one, state=CommandState.ANSWERED, at_us=NOW_US - days * DAY_US
            )
        )
    terms = tasks.Terms(at_a_time=1, per_minute=None, stop_after=None, expires_at_us=2)
    await store.write(
        lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=1)
    )
    task_id = await store.write(lambda db: tasks.start(db, {"CP1": draft}, terms, at_us=1))
    await store.write(lambda db: tasks.cancel(db, task_id, NOW_US - 401 * DAY_US))
    for expected in (2, 0):
        pruned = await store.write(lambda db: retention.prune(db, RetentionSettings(), NOW_US))
        assert pruned["commands"] == expected  # the old one, and the member of the task
        assert pruned["tasks"] == min(expected, 1)
    left = await store.read(commands.listed)
    assert [record.command_id for record in left] == [waiting, recent]

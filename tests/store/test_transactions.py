"""Transactions from start to stop, and which one a message means."""

from typing import Any

import pytest

from ocpptrio.errors import StoreError
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.store import meter_readings, transactions
from ocpptrio.store.driver import Reader, Store
from ocpptrio.store.records import MeterReading, TransactionRecord
from ocpptrio.store.vocabulary import TransactionState
from tests.store.conftest import Explained

START: dict[str, Any] = {  # Any: arguments of any type
    "charge_point_id": "CP1",
    "connector_id": 1,
    "id_tag": "Tag",
    "parent_id_tag": None,
    "authorization_status": AuthorizationStatus.ACCEPTED,
    "authorization_expires_at_us": None,
    "reservation_id": None,
    "started_at_us": 100,
    "start_received_at_us": 101,
    "meter_start_wh": 5000,
}
STOP: dict[str, Any] = {
    "stopped_at_us": 200,
    "stop_received_at_us": 201,
    "meter_stop_wh": 6000,
    "stop_reason": "Local",
    "stop_id_tag": None,
    "energy_wh": 1000,
}


async def _start(store: Store, **changes: Any) -> int:
    return await store.write(lambda db: transactions.insert(db, **(START | changes)))


async def _stop(store: Store, transaction_id: int, **changes: Any) -> None:
    await store.write(lambda db: transactions.stop(db, transaction_id, **(STOP | changes)))


async def _get(store: Store, transaction_id: int) -> TransactionRecord:
    found = await store.read(lambda reader: transactions.get(reader, transaction_id))
    assert found is not None
    return found


def _ids(records: list[TransactionRecord]) -> list[int]:
    return [record.transaction_id for record in records]


async def test_a_start_is_kept_whole(store: Store) -> None:
    transaction_id = await _start(
        store,
        parent_id_tag="P",
        authorization_status=AuthorizationStatus.BLOCKED,
        authorization_expires_at_us=7,
        reservation_id=8,
        flags=["odd", "strange"],
    )
    assert await _get(store, transaction_id) == TransactionRecord(
        transaction_id=transaction_id,
        charge_point_id="CP1",
        connector_id=1,
        id_tag="Tag",
        id_tag_key="tag",
        account_key="tag",
        authorization_reason=None,
        parent_id_tag="P",
        authorization_status=AuthorizationStatus.BLOCKED,
        authorization_expires_at_us=7,
        reservation_id=8,
        started_at_us=100,
        start_received_at_us=101,
        meter_start_wh=5000,
        state=TransactionState.OPEN,
        superseded_by=None,
        stopped_at_us=None,
        stop_received_at_us=None,
        meter_stop_wh=None,
        stop_reason=None,
        stop_id_tag=None,
        energy_wh=None,
        flags=("odd", "strange"),
        last_meter_wh=None,
        last_meter_at_us=None,
    )


async def test_ids_begin_at_one_and_are_never_used_again(store: Store) -> None:
    assert [await _start(store), await _start(store, started_at_us=101)] == [1, 2]
    await store.write(lambda db: db.run("DELETE FROM transactions"))
    assert await _start(store) == 3


async def test_what_started_on_a_connector_from_a_time_on_is_found_in_order(store: Store) -> None:
    first = await _start(store, started_at_us=300)
    second = await _start(store, started_at_us=200)
    await _start(store, connector_id=2)
    await _start(store, charge_point_id="CP2")

    async def since(since_us: int, **limits: int) -> list[int]:
        return _ids(
            await store.read(
                lambda reader: transactions.started_from(reader, "CP1", 1, since_us, **limits)
            )
        )

    assert await since(200) == [second, first]
    assert await since(201) == [first]
    assert await since(301) == []
    assert await since(0, limit=1) == [second]


async def test_open_ones_are_found_by_connector_charge_point_and_tag(store: Store) -> None:
    first = await _start(store)
    second = await _start(store, connector_id=2, id_tag="other")
    third = await _start(store, charge_point_id="CP2", id_tag="TAG")
    stopped = await _start(store, started_at_us=50)
    await _stop(store, stopped)
    superseded = await _start(store, started_at_us=60)
    await store.write(lambda db: transactions.supersede(db, superseded, first))

    def work(reader: Reader) -> None:
        assert _ids(transactions.open_on_connector(reader, "CP1", 1)) == [first]
        assert _ids(transactions.open_of(reader, "CP1")) == [first, second]
        running = transactions.open_of_tag(reader, "tag", None)
        assert [one.transaction_id for one in running] == [first, third]
        assert _ids(transactions.everyone_open(reader)) == [first, second, third]

    await store.read(work)


async def test_a_stop_ends_it_with_its_flags(store: Store) -> None:
    transaction_id = await _start(store, flags=["odd"])
    await _stop(store, transaction_id, stop_id_tag="Other", flags=["odd", "ran backwards"])
    record = await _get(store, transaction_id)
    assert record.state is TransactionState.STOPPED
    assert (record.stopped_at_us, record.stop_received_at_us) == (200, 201)
    assert (record.meter_stop_wh, record.energy_wh) == (6000, 1000)
    assert (record.stop_reason, record.stop_id_tag) == ("Local", "Other")
    assert record.flags == ("odd", "ran backwards")


async def test_a_stopped_transaction_is_not_superseded_but_a_superseded_one_is_stopped(
    store: Store,
) -> None:
    first, second = await _start(store), await _start(store, started_at_us=150)
    await store.write(lambda db: transactions.supersede(db, first, second))
    record = await _get(store, first)
    assert (record.state, record.superseded_by) == (TransactionState.SUPERSEDED, second)
    await _stop(store, first)
    await store.write(lambda db: transactions.supersede(db, first, second))
    assert (await _get(store, first)).state is TransactionState.STOPPED


async def test_flags_are_added_once_and_only_to_what_exists(store: Store) -> None:
    transaction_id = await _start(store)
    await store.write(lambda db: transactions.add_flags(db, transaction_id, ["a", "b", "a"]))
    await store.write(lambda db: transactions.add_flags(db, transaction_id, ["b", "c"]))
    assert (await _get(store, transaction_id)).flags == ("a", "b", "c")
    with pytest.raises(StoreError, match="no transaction 99"):
        await store.write(lambda db: transactions.add_flags(db, 99, ["a"]))


async def test_a_stop_of_an_unknown_id_can_mean_what_fits_time_and_meter(store: Store) -> None:
    first = await _start(store)
    same: dict[str, Any] = {
        "charge_point_id": "CP1",
        "meter_stop_wh": 6000,
        "stopped_at_us": 200,
    }

    async def find(**changes: Any) -> list[int]:
        found = await store.read(
            lambda reader: transactions.candidates_for_stop(reader, **(same | changes))
        )
        return _ids(found)

    assert await find() == [first]
    assert await find(stopped_at_us=99) == []
    assert await find(meter_stop_wh=4999) == []
    assert await find(meter_stop_wh=-1) == [first]
    assert await find(charge_point_id="CP2") == []
    second = await _start(store, connector_id=2, id_tag="other", meter_start_wh=5500)
    assert await find() == [first, second]
    assert await find(meter_stop_wh=5400) == [first]
    # It was superseded: a stop from after the start of the next is not its.
    third = await _start(store, started_at_us=150)
    await store.write(lambda db: transactions.supersede(db, first, third))
    assert await find() == [second, third]
    assert await find(stopped_at_us=140) == [first, second]
    await _stop(store, second)
    assert await find() == [third]


async def test_a_stop_for_another_id_is_found_again_by_what_it_said(store: Store) -> None:
    transaction_id = await _start(store)
    await _stop(store, transaction_id, sent_id=-1)

    async def find(**changes: Any) -> int | None:
        same: dict[str, Any] = {
            "charge_point_id": "CP1",
            "sent_id": -1,
            "stopped_at_us": 200,
            "meter_stop_wh": 6000,
        }
        found = await store.read(lambda reader: transactions.stopped_by(reader, **(same | changes)))
        return None if found is None else found.transaction_id

    assert await find() == transaction_id
    for changes in (
        {"charge_point_id": "CP2"},
        {"sent_id": 0},
        {"stopped_at_us": 201},
        {"meter_stop_wh": 6001},
    ):
        assert await find(**changes) is None


async def test_the_transaction_that_ran_at_a_time(store: Store) -> None:
    first = await _start(store)
    await _stop(store, first)
    superseded = await _start(store, started_at_us=300)
    last = await _start(store, started_at_us=400)
    await store.write(lambda db: transactions.supersede(db, superseded, last))

    async def at(at_us: int, connector_id: int = 1) -> int | None:
        found = await store.read(
            lambda reader: transactions.at(
                reader, charge_point_id="CP1", connector_id=connector_id, at_us=at_us
            )
        )
        return None if found is None else found.transaction_id

    assert [await at(99), await at(100), await at(200), await at(201)] == [
        None,
        first,
        first,
        None,
    ]
    assert [await at(300), await at(399), await at(400)] == [superseded, superseded, last]
    assert await at(400, connector_id=2) is None


async def test_listed_newest_first_by_anything(store: Store) -> None:
    first = await _start(store)
    second = await _start(store, charge_point_id="CP2", started_at_us=200)
    third = await _start(store, id_tag="other", started_at_us=300)
    await _stop(store, first)

    async def listed(**filters: Any) -> list[int]:
        return _ids(await store.read(lambda reader: transactions.listed(reader, **filters)))

    assert await listed() == [third, second, first]
    assert await listed(charge_point_id="CP1") == [third, first]
    assert await listed(id_tag="TAG") == [second, first]
    assert await listed(state="open") == [third, second]
    assert await listed(since_us=200, until_us=300) == [second]
    assert await listed(since_us=300, until_us=300) == []
    late = await _start(store, started_at_us=150)  # was offline when it began
    assert await listed(since_us=100, until_us=160) == [late, first]
    assert await listed(since_us=100, until_us=160, before=late) == [first]
    assert await listed(since_us=150, until_us=250) == [late, second]
    await store.write(
        lambda db: db.run("DELETE FROM transactions WHERE transaction_id = ?", [late])
    )
    assert await listed(limit=2) == [third, second]
    assert await listed(before=second) == [first]
    assert await listed(charge_point_id="CP1", state=TransactionState.STOPPED) == [first]


async def test_the_newest_register_is_shown_whenever_it_came(store: Store) -> None:
    transaction_id = await _start(store)
    for measured_at_us, energy_wh in ((150, 5500.0), (180, None), (120, 5200.0)):
        reading = MeterReading(
            charge_point_id="CP1",
            connector_id=1,
            transaction_id=transaction_id,
            measured_at_us=measured_at_us,
            received_at_us=500,
            context="Sample.Periodic",
            energy_wh=energy_wh,
            sampled_values="[]",
            digest=1,
        )
        await store.append(meter_readings.TABLE, [meter_readings.row(reading)])
    record = await _get(store, transaction_id)
    assert (record.last_meter_wh, record.last_meter_at_us) == (5500.0, 150)
    assert (record.first_meter_wh, record.first_meter_at_us) == (5200.0, 120)
    assert await store.read(transactions.everyone_open) == [record]


async def test_what_a_stop_can_mean_is_looked_for_among_those_without_one(store: Store) -> None:
    plans: list[str] = []

    await store.read(
        lambda reader: transactions.candidates_for_stop(
            Explained(reader, plans), charge_point_id="CP1", meter_stop_wh=1, stopped_at_us=1
        )
    )
    assert "INDEX transactions_without_stop" in plans[0]

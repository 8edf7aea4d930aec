"""Charge points: registered, edited, connected, gone, and the events that tell of it."""

import pytest

from ocpptrio.errors import StoreError
from ocpptrio.events import (
    Disconnected,
    Edited,
    NumberedEvent,
    OpenMode,
    RegistrationChanged,
    Removed,
)
from ocpptrio.protocol.core import (
    BootNotification,
    ChargePointErrorCode,
    ChargePointStatus,
    RegistrationStatus,
)
from ocpptrio.protocol.datatypes import Deviation, DeviationKind
from ocpptrio.services.wanted import want
from ocpptrio.store import (
    charge_points,
    configuration,
    connectors,
    deviations,
    provisioning,
    wanted_configuration,
)
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import ChargePointRecord, ConfigurationRecord, ConnectorRecord
from ocpptrio.store.vocabulary import WantedScope


async def _get(store: Store, charge_point_id: str = "CP1") -> ChargePointRecord:
    found = await store.read(lambda reader: charge_points.get(reader, charge_point_id))
    assert found is not None
    return found


async def _add(store: Store, charge_point_id: str = "CP1") -> bool:
    return await store.write(
        lambda db: charge_points.add(
            db,
            charge_point_id=charge_point_id,
            origin="loopback",
            at_us=1,
            mode=OpenMode.EVERYBODY,
            note="hi",
        )
    )


async def _connect(store: Store, at_us: int) -> int:
    return await store.write(
        lambda db: charge_points.connected(db, "CP1", peer="10.0.0.1", at_us=at_us)
    )


async def test_adding_one_that_is_known_changes_nothing(
    store: Store, published: list[NumberedEvent]
) -> None:
    assert await _add(store)
    assert not await _add(store)
    assert await _get(store) == ChargePointRecord(
        charge_point_id="CP1",
        registered_at_us=1,
        origin="loopback",
        mode=OpenMode.EVERYBODY,
        note="hi",
    )
    assert [numbered.event.kind for numbered in published] == ["Registered"]


async def test_identities_are_found_whatever_their_case(store: Store) -> None:
    for charge_point_id in ("CP1", "cp1", "CP2"):
        await _add(store, charge_point_id)
    found = await store.read(lambda reader: charge_points.find_folded(reader, "Cp1"))
    assert sorted(record.charge_point_id for record in found) == ["CP1", "cp1"]


async def test_removing_takes_what_is_kept_of_it_but_not_its_history(
    store: Store, published: list[NumberedEvent]
) -> None:
    connector = ConnectorRecord(
        charge_point_id="CP1",
        connector_id=1,
        status=ChargePointStatus.AVAILABLE,
        error_code=ChargePointErrorCode.NO_ERROR,
        status_at_us=1,
        received_at_us=1,
    )
    deviation = Deviation(field="a", kind=DeviationKind.NULL, original="null")

    def fill(db: Db) -> None:
        connectors.put(db, connector)
        configuration.put(
            db,
            ConfigurationRecord(
                charge_point_id="CP1",
                key_folded="a",
                key="a",
                value=None,
                readonly=True,
                reported_at_us=1,
            ),
        )
        want(db, WantedScope.CHARGE_POINT, "CP1", "a", "1", 1)
        provisioning.hold(db, "CP1", until_done=True)
        deviations.note(db, charge_point_id="CP1", action="A", deviation=deviation, at_us=1)

    await _add(store)
    await store.write(fill)
    assert await store.write(lambda db: charge_points.remove(db, "CP1", 2))
    assert not await store.write(lambda db: charge_points.remove(db, "CP1", 3))
    assert await store.read(charge_points.everyone) == []
    assert await store.read(connectors.everyone) == []
    assert await store.read(deviations.everyone) == []
    assert await store.read(configuration.everyone) == []
    assert await store.read(wanted_configuration.everything) == []
    assert await store.read(provisioning.everyone) == []
    assert published[-1].event == Removed(charge_point_id="CP1", at_us=2)


async def test_editing_tells_what_changed(store: Store, published: list[NumberedEvent]) -> None:
    await _add(store)
    pending = RegistrationStatus.PENDING

    def edit(db: Db) -> bool:
        return charge_points.edit(db, "CP1", 2, registration=pending, note=None)

    assert await store.write(edit)
    assert await store.write(edit)  # changes nothing, hence no event
    record = await _get(store)
    assert (record.registration, record.note, record.mode) == (pending, None, "everybody")
    assert [numbered.event for numbered in published[1:]] == [
        Edited(charge_point_id="CP1", at_us=2, fields=("registration", "note")),
        RegistrationChanged(charge_point_id="CP1", at_us=2, status=pending),
    ]


async def test_editing_refuses_other_columns_and_unknown_charge_points(store: Store) -> None:
    assert not await store.write(lambda db: charge_points.edit(db, "CP1", 1, note="x"))
    with pytest.raises(ValueError, match="cannot change generation"):
        await store.write(
            lambda db: charge_points.edit(db, "CP1", 1, generation=9)  # type: ignore[call-arg] # the point
        )


async def test_each_connection_has_a_generation_and_only_the_newest_counts(
    store: Store, published: list[NumberedEvent]
) -> None:
    await _add(store)
    assert [await _connect(store, 2), await _connect(store, 3)] == [1, 2]

    async def disconnect(generation: int) -> None:
        await store.write(
            lambda db: charge_points.disconnected(
                db, "CP1", generation=generation, at_us=5, last_seen_at_us=4, reason="gone"
            )
        )

    await disconnect(1)
    record = await _get(store)
    assert (record.connected, record.generation, record.last_seen_at_us) == (True, 2, 3)
    assert (record.peer, record.connected_at_us) == ("10.0.0.1", 3)
    await disconnect(2)
    record = await _get(store)
    assert (record.connected, record.generation, record.last_seen_at_us) == (False, 2, 4)
    kinds = [numbered.event.kind for numbered in published[1:]]
    assert kinds == ["Connected", "Connected", "Disconnected", "Disconnected"]


async def test_one_that_is_not_registered_cannot_be_connected(store: Store) -> None:
    with pytest.raises(StoreError, match="'CP1' is not registered"):
        await _connect(store, 1)


async def test_a_boot_replaces_what_the_charge_point_said_before(store: Store) -> None:
    first = BootNotification(
        charge_point_vendor="v",
        charge_point_model="m",
        charge_point_serial_number="s",
        charge_box_serial_number="b",
        firmware_version="f",
        iccid="i",
        imsi="j",
        meter_type="t",
        meter_serial_number="n",
    )
    second = BootNotification(charge_point_vendor="v2", charge_point_model="m2")
    await _add(store)
    await store.write(lambda db: charge_points.booted(db, "CP1", first, 2))
    record = await _get(store)
    assert (record.vendor, record.model, record.serial_number) == ("v", "m", "s")
    assert (record.charge_box_serial_number, record.firmware_version) == ("b", "f")
    assert (record.iccid, record.imsi) == ("i", "j")
    assert (record.meter_type, record.meter_serial_number) == ("t", "n")
    await store.write(lambda db: charge_points.booted(db, "CP1", second, 3))
    record = await _get(store)
    assert (record.vendor, record.firmware_version, record.booted_at_us) == ("v2", None, 3)


async def test_statuses_are_kept_with_their_times(store: Store) -> None:
    def work(db: Db) -> None:
        charge_points.set_firmware_status(db, "CP1", "Installing", 2)
        charge_points.set_diagnostics_status(db, "CP1", "Uploading", 3)
        charge_points.set_log_status(db, "CP1", "Idle", 4)

    await _add(store)
    await store.write(work)
    record = await _get(store)
    assert (record.firmware_status, record.firmware_status_at_us) == ("Installing", 2)
    assert (record.diagnostics_status, record.diagnostics_status_at_us) == ("Uploading", 3)
    assert (record.log_status, record.log_status_at_us) == ("Idle", 4)


async def test_after_a_crash_everyone_is_offline_and_the_events_say_so(
    store: Store, published: list[NumberedEvent]
) -> None:
    await _add(store)
    await _add(store, "CP2")
    await _connect(store, 2)
    assert await store.write(lambda db: charge_points.all_offline(db, 9)) == 1
    assert await store.write(lambda db: charge_points.all_offline(db, 9)) == 0
    assert not (await _get(store)).connected
    last = published[-1].event
    assert isinstance(last, Disconnected)
    assert (last.charge_point_id, last.generation, last.at_us) == ("CP1", 1, 9)


async def test_many_are_seen_at_once(store: Store) -> None:
    await _add(store)
    await _add(store, "CP2")
    seen = {f"CP{number}": number for number in range(1000)}
    await store.write(lambda db: charge_points.seen(db, seen))
    records = await store.read(charge_points.everyone)
    assert [record.last_seen_at_us for record in records] == [1, 2]

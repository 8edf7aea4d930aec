"""The last status of each connector."""

from functools import partial

from msgspec.structs import replace

from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.store import connectors
from ocpptrio.store.driver import Store
from ocpptrio.store.records import ConnectorRecord

FAULTED = ConnectorRecord(
    charge_point_id="CP1",
    connector_id=1,
    status=ChargePointStatus.FAULTED,
    error_code=ChargePointErrorCode.GROUND_FAILURE,
    info="wet",
    vendor_id="v",
    vendor_error_code="E1",
    status_at_us=1,
    received_at_us=2,
)


async def test_the_last_status_replaces_the_one_before(store: Store) -> None:
    await store.write(lambda db: connectors.put(db, FAULTED))
    assert await store.read(lambda reader: connectors.get(reader, "CP1", 1)) == FAULTED
    available = ConnectorRecord(
        charge_point_id="CP1",
        connector_id=1,
        status=ChargePointStatus.AVAILABLE,
        error_code=ChargePointErrorCode.NO_ERROR,
        status_at_us=3,
        received_at_us=4,
    )
    await store.write(lambda db: connectors.put(db, available))
    assert await store.read(lambda reader: connectors.get(reader, "CP1", 1)) == available
    assert await store.read(lambda reader: connectors.get(reader, "CP1", 2)) is None


async def test_connectors_are_listed_by_charge_point_and_number(store: Store) -> None:
    records = [
        replace(FAULTED, charge_point_id=charge_point_id, connector_id=connector_id)
        for charge_point_id, connector_id in (("CP2", 0), ("CP1", 2), ("CP1", 0))
    ]
    for record in records:
        await store.write(partial(connectors.put, record=record))
    assert await store.read(lambda reader: connectors.of(reader, "CP1")) == records[:0:-1]
    assert await store.read(connectors.everyone) == records[::-1]

"""What charge points report of their configuration keys."""

from ocpptrio.protocol.core import KeyValue
from ocpptrio.store import configuration
from ocpptrio.store.driver import Store
from ocpptrio.store.records import ConfigurationRecord


async def test_a_key_is_kept_once_whatever_its_case(store: Store) -> None:
    first = [
        KeyValue(key="HeartbeatInterval", readonly=False, value="60"),
        KeyValue(key="NumberOfConnectors", readonly=True, value="2"),
    ]
    await store.write(lambda db: configuration.put(db, "CP1", first, 1))
    second = [KeyValue(key="heartbeatinterval", readonly=True)]
    await store.write(lambda db: configuration.put(db, "CP1", second, 2))
    found = await store.read(lambda reader: configuration.of(reader, "CP1"))
    assert found == [
        ConfigurationRecord(
            charge_point_id="CP1",
            key_folded="heartbeatinterval",
            key="heartbeatinterval",
            value=None,
            readonly=True,
            reported_at_us=2,
        ),
        ConfigurationRecord(
            charge_point_id="CP1",
            key_folded="numberofconnectors",
            key="NumberOfConnectors",
            value="2",
            readonly=True,
            reported_at_us=1,
        ),
    ]
    assert await store.read(configuration.everyone) == found
    assert await store.read(lambda reader: configuration.of(reader, "CP2")) == []

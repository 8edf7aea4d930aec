"""What charge points report of their configuration keys, and the history of it."""

from functools import partial

from ocpptrio.store import configuration
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import ConfigurationRecord


def record(
    key: str, value: str | None, *, at_us: int, readonly: bool = False
) -> ConfigurationRecord:
    return ConfigurationRecord(
        charge_point_id="CP1",
        key_folded=key.casefold(),
        key=key,
        value=value,
        readonly=readonly,
        reported_at_us=at_us,
    )


async def test_a_key_is_kept_once_whatever_its_case(store: Store) -> None:
    first = record("HeartbeatInterval", "60", at_us=1)
    other = record("NumberOfConnectors", "2", at_us=1, readonly=True)
    second = record("heartbeatinterval", None, at_us=2, readonly=True)
    for row in (first, other, second):
        await store.write(partial(configuration.put, record=row))
    found = await store.read(lambda reader: configuration.of(reader, "CP1"))
    assert found == [second, other]
    assert await store.read(configuration.everyone) == found
    assert await store.read(lambda reader: configuration.of(reader, "CP2")) == []
    await store.write(lambda db: configuration.drop(db, "CP1", "HEARTBEATINTERVAL"))
    assert await store.read(configuration.everyone) == [other]


async def test_the_history_of_a_key_is_bounded_and_that_of_others_stays(store: Store) -> None:
    def fill(db: Db) -> None:
        def change(key: str, number: int) -> None:
            configuration.changed(
                db, "CP1", key, before=None, after=str(number), at_us=number, command_id=None
            )

        change("Other", 0)
        for number in range(configuration.CHANGES_KEPT + 5):
            change("Clock", number)

    await store.write(fill)
    clock = await store.read(lambda reader: configuration.history(reader, "CP1", "clock", 1000))
    assert len(clock) == configuration.CHANGES_KEPT
    assert clock[0].value_after == str(configuration.CHANGES_KEPT + 4)
    everything = await store.read(lambda reader: configuration.history(reader, "CP1", limit=1000))
    assert everything[-1].key == "Other"

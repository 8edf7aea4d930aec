"""Events as rows: in order, by charge point, by kind, whatever version wrote them."""

import pytest

from ocpptrio.events import (
    AnyEvent,
    Connected,
    MeterValuesReceived,
    NumberedEvent,
    Registered,
    Removed,
)
from ocpptrio.store import events
from ocpptrio.store.driver import Reader, Store
from tests.store.conftest import Explained

EVENTS: list[AnyEvent] = [
    Connected(charge_point_id="CP1", at_us=1, generation=1, peer="here"),
    MeterValuesReceived(charge_point_id="CP1", at_us=2, connector_id=1, measured_at_us=2),
    Connected(charge_point_id="CP2", at_us=3, generation=1, peer="there"),
    Removed(charge_point_id="CP1", at_us=4),
]


async def _emit(store: Store) -> None:
    await store.append(events.TABLE, [], EVENTS)


async def test_events_come_back_as_they_were(store: Store) -> None:
    await _emit(store)
    found = await store.read(lambda reader: events.since(reader, 0))
    assert [numbered.event for numbered in found] == EVENTS
    assert await store.read(events.last_number) == 4


async def test_since_and_latest_choose_by_number_charge_point_and_kind(store: Store) -> None:
    await _emit(store)

    def work(reader: Reader) -> None:
        def numbers(found: list[NumberedEvent]) -> list[int]:
            return [numbered.number for numbered in found]

        assert numbers(events.since(reader, 2)) == [3, 4]
        assert numbers(events.since(reader, 0, limit=2)) == [1, 2]
        assert numbers(events.since(reader, 0, charge_point_id="CP1")) == [1, 2, 4]
        kinds = ["Connected", "Removed"]
        assert numbers(events.since(reader, 1, charge_point_id="CP1", kinds=kinds)) == [4]
        assert numbers(events.since(reader, 0, kinds=["MeterValuesReceived"])) == [2]
        assert numbers(events.since(reader, 0, kinds=[])) == []
        assert numbers(events.latest(reader, limit=2)) == [3, 4]
        assert numbers(events.latest(reader, before=4, limit=2)) == [2, 3]
        assert numbers(events.latest(reader, charge_point_id="CP1", kinds=kinds)) == [1, 4]

    await store.read(work)


async def test_readings_from_before_what_is_kept_of_a_charge_point_are_found(store: Store) -> None:
    registered = Registered(charge_point_id="CP1", at_us=0, origin="added")
    await store.append(events.TABLE, [], [EVENTS[2], registered, *EVENTS])

    async def numbers() -> list[int]:
        found = await store.read(lambda reader: events.latest(reader, charge_point_id="CP1"))
        return [numbered.number for numbered in found]

    assert await numbers() == [2, 3, 4, 6]
    await store.write(lambda db: db.run("DELETE FROM events WHERE number <= 3"))
    assert await numbers() == [4, 6], "4 is a reading, older than all that is in the index"


async def test_an_event_of_another_version_is_left_out(store: Store) -> None:
    await _emit(store)
    await store.write(
        lambda db: db.run(
            "UPDATE events SET body = ? WHERE number = 2",
            ['{"kind":"Teleported","charge_point_id":"CP1","at_us":1}'],
        )
    )
    found = await store.read(lambda reader: events.since(reader, 0))
    assert [numbered.number for numbered in found] == [1, 3, 4]


async def test_a_store_without_events_is_at_zero(store: Store) -> None:
    assert await store.read(events.last_number) == 0
    assert await store.read(events.latest) == []


@pytest.mark.parametrize(
    ("charge_point_id", "kind", "index"),
    [
        ("CP1", "Connected", "events_by_charge_point"),
        ("CP1", "Removed", "events_by_charge_point"),
        (None, "Removed", "events_by_rare_kind"),
    ],
)
async def test_what_is_rare_is_found_by_an_index(
    store: Store, charge_point_id: str | None, kind: str, index: str
) -> None:
    plans: list[str] = []

    await store.read(
        lambda reader: events.since(
            Explained(reader, plans), 0, charge_point_id=charge_point_id, kinds=[kind]
        )
    )
    (plan,) = plans
    assert index in plan

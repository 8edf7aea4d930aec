"""Hub: every watcher sees the events in order, and a slow one costs nobody anything."""

import trio

from ocpptrio.events import NumberedEvent, Removed
from ocpptrio.session.hub import Hub


def event(number: int, charge_point_id: str = "CP1") -> NumberedEvent:
    return NumberedEvent(number, Removed(charge_point_id=charge_point_id, at_us=0))


async def test_watchers_see_the_events_in_order() -> None:
    hub = Hub()
    with hub.watch() as everything, hub.watch(charge_point_id="CP2") as one:
        hub.publish([event(1), event(2, "CP2")])
        hub.publish([event(3, "CP2")])
        hub.close()
        assert [seen.number async for seen in everything] == [1, 2, 3]
        assert [seen.number async for seen in one] == [2, 3]


async def test_a_slow_watcher_is_told_how_many_it_missed() -> None:
    hub = Hub()
    with hub.watch(backlog=2) as slow, hub.watch() as quick:
        hub.publish([event(number) for number in range(5)])
        assert slow.missed == 3
        assert quick.missed == 0
        assert (await slow.next()).number == 0
        assert (await slow.next()).number == 1


async def test_a_watcher_that_left_is_forgotten(nursery: trio.Nursery) -> None:
    hub = Hub()
    with hub.watch() as gone:
        pass
    hub.publish([event(1)])
    assert gone.missed == 0

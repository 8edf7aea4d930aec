"""Hub: every watcher sees the events in order, and a slow one costs nobody anything."""

import pytest
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


async def test_a_slow_watcher_is_told_how_many_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    with hub.watch() as quick:
        monkeypatch.setattr("ocpptrio.session.hub.WATCHER_BACKLOG", 2)
        with hub.watch() as slow:
            hub.publish([event(number) for number in range(5)])
            assert (slow.missed, quick.missed, hub.missed) == (3, 0, 3)
            assert (await slow.next()).number == 0
            assert (await slow.next()).number == 1


async def test_a_watcher_that_left_is_forgotten(nursery: trio.Nursery) -> None:
    hub = Hub()
    with hub.watch() as gone:
        pass
    hub.publish([event(1)])
    assert gone.missed == 0


def test_a_tap_gets_everything_at_once_until_it_is_ended() -> None:
    hub = Hub()
    seen: list[int] = []
    end = hub.tap(lambda events: seen.extend(numbered.number for numbered in events))
    hub.publish([event(1), event(2)])
    assert seen == [1, 2]
    end()
    hub.publish([event(3)])
    assert seen == [1, 2]


def test_whoever_asks_learns_that_there_will_be_no_more() -> None:
    hub = Hub()
    assert not hub.closed.is_set()
    hub.close()
    assert hub.closed.is_set()

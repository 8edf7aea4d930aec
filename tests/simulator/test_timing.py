"""Simulated time, and the agenda that lives by it."""

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.clock import from_us, to_us
from ocpptrio.simulator.timing import SECOND_US, Agenda, DeviceClock, Timing
from tests.simulator.fake_central import START


async def test_with_a_scale_of_sixty_an_hour_passes_in_a_minute(autojump_clock: MockClock) -> None:
    timing = Timing(START, scale=60)
    await trio.sleep(60)
    assert from_us(timing.now_us()) == START + timedelta(hours=1)
    await timing.sleep(3600)
    assert trio.current_time() == pytest.approx(120)
    with timing.move_on_after(600) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(130)


async def test_the_agenda_works_in_order_of_time_then_of_entry(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timing = Timing(START)
    agenda, done = Agenda(timing), []
    nursery.start_soon(agenda.run)
    await trio.sleep(1)
    for name, after_s in ("b", 20), ("c", 20), ("a", 10), ("dropped", 15), ("d", 30):
        timer = agenda.after(after_s, lambda name=name: done.append((name, trio.current_time())))  # type: ignore[misc]
        if name == "dropped":
            timer.cancel()
    await trio.sleep(60)
    assert done == [("a", 11), ("b", 21), ("c", 21), ("d", 31)]


async def test_what_is_due_already_is_done_at_once_also_from_within(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timing = Timing(START)
    agenda, done = Agenda(timing), []
    nursery.start_soon(agenda.run)

    def first() -> None:
        done.append("first")
        agenda.at(timing.now_us() - SECOND_US, lambda: done.append("second"))

    agenda.after(5, first)
    await trio.sleep(5.001)
    assert done == ["first", "second"]


async def test_setting_the_clock_does_not_touch_durations(autojump_clock: MockClock) -> None:
    timing = Timing(START)
    clock = DeviceClock(timing)
    clock.offset_us = 3600 * SECOND_US
    assert clock.now() == START + timedelta(hours=1)
    assert timing.now_us() == to_us(START)
    assert clock.timing_us(clock.now_us()) == timing.now_us()


async def test_what_was_cancelled_does_not_pile_up(autojump_clock: MockClock) -> None:
    agenda = Agenda(Timing(START))
    kept = [agenda.after(day * 86_400, lambda: None) for day in range(10)]
    for _ in range(10_000):
        agenda.after(86_400, lambda: None).cancel()
    assert len(kept) <= len(agenda) < 200

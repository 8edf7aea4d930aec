"""Simulated time: how fast it runs, what is due when, and the clock of a charge point.

The one place that knows of a time scale. Not here: time-outs of the network, which are real.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import trio

from ocpptrio.clock import to_us, whole_seconds

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
FEW_TIMERS: Final = 64  # of one charge point; not worth looking for cancelled ones


class Timing:
    """Simulated time, counted from `start`, `scale` times as fast as Trio's clock.

    To be made inside `trio.run`. With Trio's MockClock and scale 1, a day passes at once.
    """

    def __init__(self, start: datetime, scale: float = 1.0) -> None:
        self.scale: Final = scale
        self._start_us = to_us(start)
        self._trio_start = trio.current_time()

    def now_us(self) -> int:
        elapsed = trio.current_time() - self._trio_start
        return self._start_us + round(elapsed * self.scale * SECOND_US)

    def trio_time(self, us: int) -> float:
        """When, by Trio's clock, the simulated time is `us`."""
        return self._trio_start + (us - self._start_us) / SECOND_US / self.scale

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(max(seconds, 0) / self.scale)

    @contextmanager
    def move_on_after(self, seconds: float) -> Iterator[trio.CancelScope]:
        """As Trio's, in simulated seconds."""
        with trio.move_on_after(max(seconds, 0) / self.scale) as scope:
            yield scope


class Timer:
    """Something to be done at a time; `cancel` it when it no longer should be."""

    __slots__ = ("action", "due_us")

    def __init__(self, due_us: int, action: Callable[[], None]) -> None:
        self.due_us = due_us
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Agenda:
    """What a charge point has to do when. One task for all of it, in order of time, then of entry.

    A timer costs a few bytes where a task would cost kilobytes, and the order never depends on how
    Trio schedules tasks.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._timers: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        self._tidy_at = FEW_TIMERS
        self._earlier = trio.Event()

    def __len__(self) -> int:
        """How many timers are kept, some of them cancelled."""
        return len(self._timers)

    def at(self, due_us: int, action: Callable[[], None]) -> Timer:
        """Do it at this simulated time, or as soon as `run` gets to it."""
        timer = Timer(due_us, action)
        self._sequence += 1
        if len(self._timers) >= self._tidy_at:  # those cancelled may be due in a day only
            self._timers = [each for each in self._timers if each[2].action is not None]
            heapq.heapify(self._timers)
            self._tidy_at = max(FEW_TIMERS, 2 * len(self._timers))
        heapq.heappush(self._timers, (due_us, self._sequence, timer))
        if self._timers[0][2] is timer:
            self._earlier.set()
        return timer

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.at(self._timing.now_us() + round(seconds * SECOND_US), action)

    async def run(self) -> None:
        while True:
            self._do_what_is_due()
            self._earlier = trio.Event()
            if self._timers:
                deadline = self._timing.trio_time(self._timers[0][0])
                with trio.move_on_at(deadline):
                    await self._earlier.wait()
            else:
                await self._earlier.wait()

    def _do_what_is_due(self) -> None:
        while self._timers:
            due_us, _, timer = self._timers[0]
            if timer.action is not None and due_us > self._timing.now_us():
                return
            heapq.heappop(self._timers)
            action, timer.action = timer.action, None
            if action is not None:
                action()


class DeviceClock:
    """The clock inside a charge point: simulated time plus what the central system set it by."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.offset_us = 0

    def now_us(self) -> int:
        return self._timing.now_us() + self.offset_us

    def now(self) -> datetime:
        """The time in whole seconds, as it goes out on the wire."""
        return whole_seconds(self.now_us())

    def timing_us(self, device_us: int) -> int:
        """The simulated time at which this clock shows `device_us`."""
        return device_us - self.offset_us

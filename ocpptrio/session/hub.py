"""Fan-out of events to watchers, through bounded memory channels, and to taps, at once.

A slow watcher loses events and is told how many; it never delays a charge point. What it lost is
still in the store, from the last number it saw. Not here: which events there are (events).
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import trio

from ocpptrio.events import NumberedEvent, Publish

# Events a watcher may be behind: seconds of a busy fleet; one further behind reads the store.
WATCHER_BACKLOG: Final = 4096


class Watcher:
    """What one subscriber has still to see: `async for event in watcher`.

    Attributes:
        missed: events that did not fit and were left out, so far.
    """

    def __init__(
        self, channel: trio.MemoryReceiveChannel[NumberedEvent], charge_point_id: str | None
    ) -> None:
        self._channel = channel
        self.charge_point_id = charge_point_id
        self.missed = 0

    def __aiter__(self) -> AsyncIterator[NumberedEvent]:
        return self._channel.__aiter__()

    async def next(self) -> NumberedEvent:
        """The next event.

        Raises:
            trio.EndOfChannel: the hub was closed.
        """
        return await self._channel.receive()


class Hub:
    """Hands each event to all who watch, in the order of their numbers.

    Attributes:
        missed: events left out because a watcher was too far behind, of all watchers so far.
        closed: set when there will be no more events.
    """

    def __init__(self) -> None:
        self.missed = 0
        self.closed = trio.Event()
        self._taps: list[Publish] = []
        self._watchers: dict[Watcher, trio.MemorySendChannel[NumberedEvent]] = {}

    def __len__(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def publish(self, events: Sequence[NumberedEvent]) -> None:
        for take in self._taps:
            take(events)
        for watcher, channel in self._watchers.items():
            for event in events:
                if watcher.charge_point_id not in (None, event.event.charge_point_id):
                    continue
                try:
                    channel.send_nowait(event)
                except (trio.WouldBlock, trio.BrokenResourceError):
                    watcher.missed += 1
                    self.missed += 1

    @contextmanager
    def watch(self, *, charge_point_id: str | None = None) -> Iterator[Watcher]:
        """Subscribe for the duration of a `with` block, to one charge point or to all."""
        send, receive = trio.open_memory_channel[NumberedEvent](WATCHER_BACKLOG)
        watcher = Watcher(receive, charge_point_id)
        self._watchers[watcher] = send
        try:
            yield watcher
        finally:
            self._watchers.pop(watcher, None)
            send.close()
            receive.close()

    def tap(self, take: Publish) -> Callable[[], None]:
        """Have `take` called with all events, between their commit and the answer to their cause.

        It must be quick and not fail. Returns what ends it.
        """
        self._taps.append(take)
        return partial(self._taps.remove, take)

    def close(self) -> None:
        """End every watcher's iteration; what is in its channel can still be read."""
        for channel in self._watchers.values():
            channel.close()
        self._watchers.clear()
        self.closed.set()

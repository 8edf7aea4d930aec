"""The last events, as streams send them: made once for all, when they happen.

Bounded in bytes, whoever reads and whoever does not. Not here: what came before (store.events), who
watches (streams).
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec
import trio

from ocpptrio.events import NumberedEvent
from ocpptrio.presentation import public_event

# Some 3000 events usually, a second of a busy fleet: a stream further behind reads the table.
KEPT_BYTES: Final = 1_000_000

_NUMBER: Final = attrgetter("number")


class Wanted(msgspec.Struct, frozen=True):
    """What a watcher asks for.

    Attributes:
        after: the number of the last event that it saw; None: begin now.
    """

    after: int | None
    charge_point_id: str | None
    kinds: frozenset[str] | None


class Message(msgspec.Struct, frozen=True, gc=False):
    """An event as it is sent."""

    number: int
    charge_point_id: str
    kind: str
    text: bytes

    @classmethod
    def of(cls, numbered: NumberedEvent) -> "Message":
        event = numbered.event
        text = encoded(numbered.number, event.kind, public_event(numbered))
        return cls(numbered.number, event.charge_point_id, event.kind, text)

    def fits(self, wanted: Wanted) -> bool:
        return (wanted.kinds is None or self.kind in wanted.kinds) and (
            wanted.charge_point_id in (None, self.charge_point_id)
        )


def encoded(number: int, kind: str, body: dict[str, object]) -> bytes:
    """A message of a stream of server-sent events."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, kind.encode(), _encoder.encode(body))


class Recent:
    """See the module.

    Attributes:
        news: set when there is another one, and replaced then.
    """

    def __init__(self) -> None:
        self.news = trio.Event()
        self._messages: list[Message] = []
        self._bytes = 0
        self._all_after: int | None = None

    def begin(self, number: int) -> None:
        """Nothing that was committed up to this number will be taken, unless it was already."""
        if self._all_after is None:
            self._all_after = number

    def take(self, events: Sequence[NumberedEvent]) -> None:
        """What is published from now on."""
        if not events:
            return
        self.begin(events[0].number - 1)
        for numbered in events:
            message = Message.of(numbered)
            self._messages.append(message)
            self._bytes += len(message.text)
        if self._bytes > KEPT_BYTES:
            self._forget()
        self.news.set()
        self.news = trio.Event()

    def has_all_after(self, number: int) -> bool:
        return self._all_after is not None and number >= self._all_after

    def after(self, number: int, wanted: Wanted, limit: int) -> tuple[bytes, int]:
        """What fits of what came after a number, and up to which number that is all.

        Args:
            limit: of the text, in bytes; the last message may go beyond.
        """
        text, size = [], 0
        for message in self._messages[bisect_right(self._messages, number, key=_NUMBER) :]:
            number = message.number
            if message.fits(wanted):
                text.append(message.text)
                size += len(message.text)
                if size >= limit:
                    break
        return b"".join(text), number

    def _forget(self) -> None:
        """Make room, for some time."""
        keep = len(self._messages)
        left = 0
        while keep and left + len(self._messages[keep - 1].text) <= KEPT_BYTES // 2:
            keep -= 1
            left += len(self._messages[keep].text)
        self._all_after = self._messages[keep - 1].number
        del self._messages[:keep]
        self._bytes = left


_encoder = msgspec.json.Encoder()

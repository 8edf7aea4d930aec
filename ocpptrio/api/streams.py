"""Live events as server-sent events: each once and in order, from wherever a watcher left off.

The table of events is the truth: a stream reads it until it has caught up, then takes what has just
happened from memory, and goes back to the table when it was too slow for that. Whoever does not
read keeps nobody waiting but himself: what he has not read is in the table.

Not here: what is in memory (recent), which events there are (events).
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

import trio
from litestar.types import ASGIApp, Receive, Scope, Send

from ocpptrio.api.recent import Message, Recent, Wanted, encoded
from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import StoreError
from ocpptrio.figures import Metric, gauge
from ocpptrio.store import events
from ocpptrio.store.driver import Reader

# s between signs of life, for proxies that cut what is silent; then the right is looked at, too.
HEARTBEAT_S: Final = 15
# Between two sends: each costs as much as many events, and nobody sees the difference.
PAUSE_S: Final = 0.1
AT_ONCE: Final = 100  # events, of one read of the table
SEND_BYTES: Final = 65_536  # of one send, about
RETRY_MS: Final = 2000  # until a browser comes back
RESET: Final = "reset"  # the kind of what says that events are missing

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would collect it
]


class Streams:
    """All streams of an API.

    Args:
        most: at a time.

    Attributes:
        open: how many there are now.
    """

    def __init__(self, central: CentralSystem, closing: trio.Event, most: int) -> None:
        self._central = central
        self._closing = closing
        self._most = most
        self.open = 0
        self._recent = Recent()
        self._stop_taking: Callable[[], None] = lambda: None
        central.figures.add_source(self._metrics)

    @property
    def full(self) -> bool:
        """There can be no more for now."""
        return self.open >= self._most or self._closing.is_set()

    def answer(self, wanted: Wanted, may_watch: Callable[[], Awaitable[bool]]) -> ASGIApp:
        """The answer to a request that is let in.

        Args:
            may_watch: whether the right still holds; asked now and then.
        """

        async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
            ends = (self._closing.wait, self._central.hub.closed.wait, partial(_wait_gone, receive))
            with self._one_more() as recent:
                one = _Stream(self._central, recent, wanted, may_watch, send)
                async with trio.open_nursery() as nursery:
                    for end in ends:
                        nursery.start_soon(_cancel_when, end, nursery.cancel_scope)
                    await one.run()
                    nursery.cancel_scope.cancel()
                if not one.cut_off:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

        return stream

    def _metrics(self) -> list[Metric]:
        return [gauge("streams", "Live streams of events that are open", self.open)]

    @contextmanager
    def _one_more(self) -> Iterator[Recent]:
        """What is recent, which is kept while anybody watches."""
        if not self.open:
            self._recent = Recent()
            self._stop_taking = self._central.hub.tap(self._recent.take)
        self.open += 1
        try:
            yield self._recent
        finally:
            self.open -= 1
            if not self.open:
                self._stop_taking()


class _Stream:
    """One stream.

    Attributes:
        cut_off: it ended before its first send, or in the middle of one: nothing can be said.
    """

    def __init__(
        self,
        central: CentralSystem,
        recent: Recent,
        wanted: Wanted,
        may_watch: Callable[[], Awaitable[bool]],
        send: Send,
    ) -> None:
        self._store = central.store
        self._recent = recent
        self._wanted = wanted
        self._may_watch = may_watch
        self._send_message = send
        self._last = 0  # all up to this number is sent, or does not fit
        self.cut_off = True  # it has not begun

    async def run(self) -> None:
        """Send events until the right to see them is gone, or the store is closed."""
        await self._begin()
        try:
            while await self._may_watch():
                due = trio.current_time() + HEARTBEAT_S
                while trio.current_time() < due:
                    if self._recent.has_all_after(self._last):
                        await self._send_recent(due)
                    else:
                        await self._send_from_table()
                # A comment, and a number: whoever resumes need not look at what did not fit.
                await self._send(f":\nid: {self._last}\n\n".encode())
        except StoreError:
            return

    async def _begin(self) -> None:
        after = self._wanted.after
        first, last = await self._store.read(_kept)
        self._recent.begin(last)
        await self._send_message(
            {"type": "http.response.start", "status": HTTPStatus.OK, "headers": _HEADERS}
        )
        if after is not None and after > last:
            await self._reset(first, last, "it is none of this database")
        else:
            self._last = last if after is None else after
            await self._send(f"retry: {RETRY_MS}\nid: {self._last}\n\n".encode())

    async def _send_from_table(self) -> None:
        wanted = self._wanted

        def work(reader: Reader) -> tuple[int, int, events.Scan]:
            found = events.scan(
                reader,
                self._last,
                limit=AT_ONCE,
                charge_point_id=wanted.charge_point_id,
                kinds=wanted.kinds,
            )
            return *_kept(reader), found

        first, last, found = await self._store.read(work)
        if self._last + 1 < first:
            await self._reset(first, last, "what came after it is not kept any more")
            return
        body = b""
        for numbered in found.events:
            body += Message.of(numbered).text
            if len(body) >= SEND_BYTES:
                await self._send(body)
                body = b""
        if body:
            await self._send(body)
        self._last = found.up_to

    async def _send_recent(self, due: float) -> None:
        news = self._recent.news
        body, up_to = self._recent.after(self._last, self._wanted, SEND_BYTES)
        if up_to == self._last:
            with trio.move_on_at(due):
                await news.wait()
            return
        if body:
            await self._send(body)
        self._last = up_to
        if len(body) < SEND_BYTES:
            await trio.sleep(PAUSE_S)

    async def _reset(self, first: int, last: int, reason: str) -> None:
        """Say that events are missing; the stream goes on from now."""
        body: dict[str, object] = {"number": last, "kind": RESET, "oldest": first, "reason": reason}
        await self._send(encoded(last, RESET, body))
        self._last = last

    async def _send(self, body: bytes) -> None:
        self.cut_off = True
        await self._send_message({"type": "http.response.body", "body": body, "more_body": True})
        self.cut_off = False


def _kept(reader: Reader) -> tuple[int, int]:
    """The numbers of the oldest and the newest event."""
    return events.first_number(reader), events.last_number(reader)


async def _cancel_when(wait: Callable[[], Awaitable[object]], scope: trio.CancelScope) -> None:
    await wait()
    scope.cancel()


async def _wait_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

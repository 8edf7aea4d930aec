"""Live events as server-sent events: each once and in order, from wherever a watcher left off.

The table of events is the truth: a stream reads it until it has caught up, then takes what the hub
hands out, and goes back to the table when it was too slow for that. Whoever does not read keeps
nobody waiting but himself: what he has not read is in the table, not in memory.

Not here: the hub (session.hub), which events there are (events).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

import msgspec
import trio
from litestar.types import ASGIApp, Receive, Scope, Send

from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import StoreError
from ocpptrio.events import NumberedEvent
from ocpptrio.presentation import public_event
from ocpptrio.session.hub import Watcher
from ocpptrio.store import events
from ocpptrio.store.driver import Reader

# s between signs of life, for proxies that cut what is silent; then the right is looked at, too.
HEARTBEAT_S: Final = 15
# Between two sends: each costs as much as many events, and nobody sees the difference.
PAUSE_S: Final = 0.05
# What a stream that does not get on holds in memory, in events: some 0.1 MB, usually.
BACKLOG: Final = 256  # behind the hub; one further behind reads the table
AT_ONCE: Final = 100  # of one read of the table
ENCODED_KEPT: Final = 256  # which many streams are about to send
SEND_BYTES: Final = 65_536  # of one send, about
RETRY_MS: Final = 2000  # until a browser comes back
RESET: Final = "reset"  # the kind of what says that events are missing

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would collect it
]


class Wanted(msgspec.Struct, frozen=True):
    """What a watcher asks for.

    Attributes:
        after: the number of the last event that it saw; None: begin now.
    """

    after: int | None
    charge_point_id: str | None
    kinds: frozenset[str] | None

    def fits(self, numbered: NumberedEvent) -> bool:
        return self.kinds is None or numbered.event.kind in self.kinds


class Streams:
    """All streams of an API.

    Args:
        most: at a time.
    """

    def __init__(self, central: CentralSystem, closing: trio.Event, most: int) -> None:
        self._central = central
        self._closing = closing
        self._most = most
        self._open = 0
        self._encoded: OrderedDict[int, bytes] = OrderedDict()

    @property
    def full(self) -> bool:
        """There can be no more for now."""
        return self._open >= self._most or self._closing.is_set()

    def answer(self, wanted: Wanted, may_watch: Callable[[], Awaitable[bool]]) -> ASGIApp:
        """The answer to a request that is let in.

        Args:
            may_watch: whether the right still holds; asked now and then.
        """

        async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
            self._open += 1
            try:
                one = _Stream(self._central, self.encoded, wanted, may_watch, send)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_cancel_when, self._closing.wait, nursery.cancel_scope)
                    nursery.start_soon(
                        _cancel_when, partial(_wait_gone, receive), nursery.cancel_scope
                    )
                    await one.run()
                    nursery.cancel_scope.cancel()
                if not one.cut_off:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                self._open -= 1

        return stream

    def encoded(self, numbered: NumberedEvent) -> bytes:
        """An event as it is sent: made once for all streams."""
        found = self._encoded.get(numbered.number)
        if found is None:
            body = msgspec.json.encode(public_event(numbered)).decode()
            found = _message(numbered.number, numbered.event.kind, body)
            self._encoded[numbered.number] = found
            if len(self._encoded) > ENCODED_KEPT:
                self._encoded.popitem(last=False)
        return found


class _Stream:
    """One stream.

    Attributes:
        cut_off: it ended before its first send, or in the middle of one: nothing can be said.
    """

    def __init__(
        self,
        central: CentralSystem,
        encoded: Callable[[NumberedEvent], bytes],
        wanted: Wanted,
        may_watch: Callable[[], Awaitable[bool]],
        send: Send,
    ) -> None:
        self._store = central.store
        self._hub = central.hub
        self._encoded = encoded
        self._wanted = wanted
        self._may_watch = may_watch
        self._send_message = send
        self._last = 0  # all up to this number is sent, or does not fit
        self.cut_off = True  # it has not begun

    async def run(self) -> None:
        """Send events until the hub is closed, or the right to see them is gone."""
        await self._begin()
        # Subscribed first, then read: whatever is written meanwhile is in one or in the other.
        with self._hub.watch(
            charge_point_id=self._wanted.charge_point_id, backlog=BACKLOG
        ) as watcher:
            try:
                while await self._may_watch():
                    due = trio.current_time() + HEARTBEAT_S
                    while trio.current_time() < due:
                        missed = watcher.missed  # before the look, which may not see what is
                        if await self._catch_up(due):
                            await self._pass_on(watcher, missed, due)
                    # A comment, and a number: whoever resumes need not look at what did not fit.
                    await self._send(f":\nid: {self._last}\n\n".encode())
            except (trio.EndOfChannel, StoreError):
                return  # the central system ends

    async def _begin(self) -> None:
        after = self._wanted.after
        first, last = await self._store.read(_kept)
        await self._send_message(
            {"type": "http.response.start", "status": HTTPStatus.OK, "headers": _HEADERS}
        )
        if after is not None and after > last:
            await self._reset(first, last, "it is none of this database")
        else:
            self._last = last if after is None else after
            await self._send(f"retry: {RETRY_MS}\nid: {self._last}\n\n".encode())

    async def _catch_up(self, due: float) -> bool:
        """Send what is in the table; False if there is more when the time is over."""
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

        while trio.current_time() < due:
            first, last, found = await self._store.read(work)
            if self._last + 1 < first:
                await self._reset(first, last, "what came after it is not kept any more")
                continue
            await self._send_events(found.events)
            self._last = found.up_to
            if not found.more:
                return True
        return False

    async def _pass_on(self, watcher: Watcher, missed: int, due: float) -> None:
        """Send what the hub hands out, until it is time, or something was missed."""
        while watcher.missed == missed:
            some: list[NumberedEvent] = []
            with trio.move_on_at(due):
                some = await watcher.some()
            if not some or watcher.missed != missed:
                return  # some of these may be later than what was missed
            new = [one for one in some if one.number > self._last and self._wanted.fits(one)]
            await self._send_events(new)
            self._last = max(self._last, some[-1].number)
            await trio.sleep(PAUSE_S)

    async def _send_events(self, some: Sequence[NumberedEvent]) -> None:
        body = b""
        for numbered in some:
            body += self._encoded(numbered)
            if len(body) >= SEND_BYTES:
                await self._send(body)
                body = b""
        if body:
            await self._send(body)

    async def _reset(self, first: int, last: int, reason: str) -> None:
        """Say that events are missing; the stream goes on from now."""
        body = {"number": last, "kind": "reset", "oldest": first, "reason": reason}
        await self._send(_message(last, RESET, msgspec.json.encode(body).decode()))
        self._last = last

    async def _send(self, body: bytes) -> None:
        self.cut_off = True
        await self._send_message({"type": "http.response.body", "body": body, "more_body": True})
        self.cut_off = False


def _message(number: int, kind: str, body: str) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {body}\n\n".encode()


def _kept(reader: Reader) -> tuple[int, int]:
    """The numbers of the oldest and the newest event."""
    return events.first_number(reader), events.last_number(reader)


async def _cancel_when(wait: Callable[[], Awaitable[object]], scope: trio.CancelScope) -> None:
    await wait()
    scope.cancel()


async def _wait_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

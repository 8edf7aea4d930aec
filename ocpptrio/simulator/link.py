"""The way to the central system: connecting again and again, calls, and jobs beside them.

Not here: what is sent (outbox, station), when it may be (registration), how commands are answered
(commands), sockets (websocket).
"""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Final, TypeVar
from uuid import UUID

import trio
from trio_websocket import ConnectionClosed

from ocpptrio.connection import Connection, Transport, Unheard
from ocpptrio.errors import (
    CallFailed,
    CallRefused,
    CallTimedOut,
    ErrorCode,
    InvalidResponse,
    NotConnected,
)
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import (
    CallReceived,
    Conversation,
    ErrorReceived,
    Event,
    ResponseReceived,
)
from ocpptrio.protocol.core import BootNotification
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.protocol.security import SecurityEventNotification
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.quirks.wire import Wire
from ocpptrio.simulator.registration import Registration
from ocpptrio.simulator.statistics import Statistics
from ocpptrio.simulator.timing import SECOND_US

Connect = Callable[[], Awaitable[Transport]]
"""Opens a connection to the central system; raises NotConnected or OSError if it cannot."""

Job = Callable[[], Awaitable[None]]


class NotAdmitted(NotConnected):
    """One side did not believe the other who it is.

    Attributes:
        event: what the security log calls that (security white paper, appendix).
    """

    def __init__(self, reason: str, event: str) -> None:
        super().__init__(reason)
        self.event = event


# Real seconds, whatever the time scale. The scheme of OCPP-J 2.0.1; 1.6 leaves it open.
FIRST_WAIT_S: Final = 3.0
RANDOM_WAIT_S: Final = 3.0
MOST_DOUBLINGS: Final = 4
_UNKNOWN_THERE: Final = (ErrorCode.NOT_IMPLEMENTED, ErrorCode.NOT_SUPPORTED)
LONG_S: Final = 86_400  # simulated; longer than anybody waits
# Jobs that wait to be begun; they begin at once, so this is what may come up between two steps.
JOBS: Final = 64

ResponseT = TypeVar("ResponseT", bound=Message)


class Link:
    """See the module.

    Args:
        answer: answers a CALL of the central system, at once.
        random: for waiting times and message ids.
    """

    def __init__(
        self,
        device: Device,
        statistics: Statistics,
        random: Random,
        *,
        answer: Callable[[CallReceived], Message],
        boot: Callable[[], BootNotification],
        on_open: Callable[[bool], None],
        on_clock_set: Callable[[int], None],
    ) -> None:
        self._device = device
        self._statistics = statistics
        self._random = random
        self._answer_call = answer
        self.registration: Final = Registration(
            device,
            self.call,
            boot,
            keep_away=partial(self.disconnect, at_once=True),
            on_open=on_open,
            on_clock_set=on_clock_set,
        )
        self._connection: Connection | None = None
        self._transport: Transport | None = None
        self._pause_until_us: int | None = None  # no connection before this simulated time
        self._disconnected = trio.Event()
        self._answers = 0
        self._sent_at: dict[UniqueId, float] = {}
        self._job_sender, self._jobs = trio.open_memory_channel[Job](JOBS)
        self._afterwards: dict[UniqueId, list[Job]] = {}
        self._new_jobs: list[Job] = []

    # What others use.

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def soon(self, job: Job) -> None:
        """Begin a coroutine beside all others; a call of it may fail."""
        self._job_sender.send_nowait(job)

    def afterwards(self, job: Job) -> None:
        """For a command's handler: begin this when the answer has gone out (OCPP 1.6, 5.17)."""
        self._new_jobs.append(job)

    async def call(
        self,
        request: Request[ResponseT],
        *,
        on_unheard: Unheard | None = None,
    ) -> ResponseT:
        """Send a CALL and wait for its answer.

        Raises:
            CallFailed: see errors.
        """
        action = type(request).__name__
        if self._connection is None:
            raise NotConnected("offline")
        timeout_s = self._device.configuration.number("MessageTimeout")
        try:
            return await self._connection.call(request, timeout_s=timeout_s, on_unheard=on_unheard)
        except CallTimedOut:
            self._statistics.unanswered[action] += 1
            raise
        except InvalidResponse:
            self._statistics.invalid[action] += 1
            raise
        except CallRefused as refused:
            self._refused(request, refused)
            raise

    async def call_if_accepted(self, request: Request[ResponseT]) -> ResponseT:
        """As `call`; a charge point that is not registered yet is as good as offline."""
        if not self.registration.accepted:
            raise NotConnected("not registered")
        return await self.call(request)

    def _refused(self, request: Request[Message], refused: CallRefused) -> None:
        action = type(request).__name__
        is_event = isinstance(request, SecurityEventNotification)
        if is_event and refused.code in _UNKNOWN_THERE:
            return  # a central system without the security extension; no error of anybody
        self._statistics.refused[action, refused.code] += 1
        self._device.tell(f"{action} answered with {refused}")
        is_boot = isinstance(request, BootNotification)
        if refused.code == ErrorCode.SECURITY_ERROR and not is_boot:
            # It does not know us as accepted (OCPP-J errata 3.10): present ourselves again.
            self.registration.forget(FIRST_WAIT_S)

    def disconnect(self, pause_s: float, reason: str, *, at_once: bool = False) -> None:
        """Close the connection, after what was asked is answered, and stay away for a while."""
        self._pause_until_us = self._device.now_us() + round(pause_s * SECOND_US)
        if self._connection is not None:
            if at_once:
                self._connection.close(1000, reason)
            else:
                self._connection.drain(1000, reason)

    async def leave(self) -> None:
        """Close the connection for good, and wait until it is closed."""
        while self.connected:
            self.disconnect(LONG_S, "leaving")
            await self._disconnected.wait()

    def cut(self, pause_s: float) -> None:
        """Lose the connection without a word, as when a cable is torn."""
        abort = getattr(self._transport, "abort", None)  # in-memory transports have none
        if abort is not None:
            abort()
        self.disconnect(pause_s, "cut", at_once=True)

    # Staying connected.

    async def run(self, connect: Connect) -> None:
        """Until cancelled; then an open connection ends with the closing handshake."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._begin_jobs)
            self.registration.heartbeat_interval_changed()
            failures = 0
            while True:
                await self._pause(failures)
                try:
                    transport = await connect()
                except (NotConnected, OSError) as error:
                    self._statistics.failed_connects += 1
                    if not failures:  # the first of a row; the others say the same
                        self._device.tell(f"no connection, will try again: {error}")
                    failures += 1
                    continue
                if self._pause_until_us is not None:  # cut, or switched off, meanwhile
                    await transport.aclose()
                    continue
                answers = self._answers
                await self._serve(transport)
                # One that ended before anything was answered is no better than none.
                failures = 1 if self._answers > answers else failures + 1

    async def _pause(self, failures: int) -> None:
        if failures and self._pause_until_us is None:
            doubled_s = FIRST_WAIT_S * 2 ** min(failures - 1, MOST_DOUBLINGS)
            await trio.sleep(doubled_s + self._random.uniform(0, RANDOM_WAIT_S))
            await self._device.timing.sleep(self._device.quirks.redial_s() or 0)
        while self._pause_until_us is not None:
            pause_us, self._pause_until_us = self._pause_until_us - self._device.now_us(), None
            await self._device.timing.sleep(pause_us / SECOND_US)

    async def _serve(self, transport: Transport) -> None:
        wire = Wire(transport, self._device.quirks) if self._device.quirks else None
        transport = wire or transport
        connection = Connection(
            transport,
            Conversation(Role.CHARGE_POINT),
            self._answer,
            observer=self,
            new_unique_id=lambda: str(UUID(int=self._random.getrandbits(128), version=4)),
        )
        self._transport, self._connection = transport, connection
        self._statistics.connections += 1
        self._statistics.connected += 1
        try:
            async with trio.open_nursery() as nursery:
                if wire is not None:
                    nursery.start_soon(wire.run)
                nursery.start_soon(self._run_connection, connection, nursery.cancel_scope)
                nursery.start_soon(self._ping, connection, getattr(transport, "ping", None))
                try:
                    await self.registration.run()
                except NotConnected:
                    pass  # then the connection is about to end, and with it the nursery
        finally:
            self._transport = self._connection = None
            self._disconnected.set()
            self._disconnected = trio.Event()
            self._statistics.connected -= 1
            self._afterwards.clear()
            self._sent_at.clear()

    async def _run_connection(self, connection: Connection, scope: trio.CancelScope) -> None:
        why = await connection.run()
        if self._pause_until_us is None:
            self._statistics.lost += 1
            self._device.tell(f"connection lost: {why}")
        scope.cancel()

    async def _ping(
        self, connection: Connection, ping: Callable[[], Awaitable[None]] | None
    ) -> None:
        """Show that we are there, and notice when the other side is not (OCPP-J 1.6, 5.3)."""
        while ping is not None:  # in-memory transports have none
            interval_s = self._device.configuration.number("WebSocketPingInterval")
            await trio.sleep(interval_s or 60)
            if interval_s:
                with trio.move_on_after(interval_s) as scope:
                    try:
                        await ping()
                    except ConnectionClosed:
                        return
                if scope.cancelled_caught:
                    connection.close(1001, "no pong")

    # Jobs.

    async def _begin_jobs(self) -> None:
        async with trio.open_nursery() as nursery:
            async for job in self._jobs:
                nursery.start_soon(_do, job)

    # The connection's answers, and what it lets us see.

    async def _answer(self, event: CallReceived) -> Message:
        self._new_jobs = []
        response = self._answer_call(event)
        if self._new_jobs:
            self._afterwards[event.unique_id] = self._new_jobs
        return response

    def received(self, data: str | bytes, event: Event) -> None:  # noqa: ARG002  # as Observer
        if isinstance(event, ResponseReceived | ErrorReceived):
            self._answers += 1
            self._statistics.answered += 1
            sent_at = self._sent_at.pop(event.unique_id, None)
            if sent_at is not None:
                self._statistics.latencies.add(trio.current_time() - sent_at)
        elif isinstance(event, CallReceived):
            self._statistics.received[event.action] += 1

    def sent(
        self,
        text: str,  # noqa: ARG002  # as Observer
        action: str,
        unique_id: UniqueId,
        *,
        is_call: bool,
    ) -> None:
        self.registration.message_sent()
        if is_call:
            self._statistics.sent[action] += 1
            self._sent_at[unique_id] = trio.current_time()
        else:
            for job in self._afterwards.pop(unique_id, ()):
                self.soon(job)


async def _do(job: Job) -> None:
    try:
        await job()
    except CallFailed:
        pass  # counted and told by `call`; the charge point carries on

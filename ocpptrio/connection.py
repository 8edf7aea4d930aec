"""The task group round one WebSocket: reader, answerer, caller; time-outs. For either role.

Reader: takes messages in, hands CALLs to a bounded inbox, wakes whoever waits for an answer. It
never waits for a handler. Answerer: answers CALLs one by one, in order. Caller: sends our CALLs,
one at a time. Not here: what a message means (conversation), what to answer (services).
"""

import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar, cast
from uuid import uuid4

import structlog
import trio
from trio_websocket import ConnectionClosed
from wsproto.utilities import LocalProtocolError as ClosingAlready

from ocpptrio.errors import (
    CallFailed,
    CallRefused,
    CallTimedOut,
    ErrorCode,
    InvalidResponse,
    LocalProtocolError,
    NotConnected,
    RemoteProtocolError,
    TooManyCalls,
)
from ocpptrio.protocol.conversation import (
    CallReceived,
    CallRejected,
    CallRepeated,
    Conversation,
    ErrorReceived,
    Event,
    Ignored,
    InvalidResponseReceived,
    MustClose,
    ResponseReceived,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.frames import UniqueId

# CALLs waiting to be answered. A charge point has one outstanding, so this is patience with those
# that do not; then the socket is left unread and TCP slows the sender down.
INBOX_SIZE: Final = 16
# CALLs of ours waiting to be sent: an answer takes seconds on a mobile link, so this is minutes.
WAITING_CALLS: Final = 64
# s for the closing handshake with a charge point that may be gone
CLOSE_TIMEOUT_S: Final = 5
# s if we are cancelled, and so perhaps is what reads the socket: enough to send a close frame
CANCELLED_CLOSE_TIMEOUT_S: Final = 0.1
LATE_CALLS_KEPT: Final = 8  # as many as the conversation can still pair

log = structlog.get_logger("ocpptrio.connection")

ResponseT = TypeVar("ResponseT", bound=Message)

Answer = Callable[[CallReceived], Awaitable[Message]]
"""Answers a CALL: returns the response, or raises RemoteProtocolError to refuse it."""

Outcome = Message | CallFailed | LocalProtocolError

Unheard = Callable[[Outcome, bool], None]
"""Told how a CALL ended that nobody waits for any more; and whether that was after its time-out."""

BeforeSend = Callable[[], Awaitable[None]]
"""Awaited when the turn of a CALL has come, before it is sent; raises CallFailed to stop it."""


class Transport(Protocol):
    """What carries the messages: a `trio_websocket.WebSocketConnection`, or anything like it.

    At the end of the connection each method raises `trio_websocket.ConnectionClosed`.
    """

    async def get_message(self) -> str | bytes: ...

    async def send_message(self, message: str) -> None: ...

    async def aclose(self, code: int = 1000, reason: str | None = None) -> None: ...


class Observer(Protocol):
    """Sees every message of a connection as it passes: for journal, log and session state."""

    def received(self, data: str | bytes, event: Event) -> None: ...

    def sent(self, text: str, action: str, unique_id: UniqueId, *, is_call: bool) -> None: ...


class _Ticket:
    """One CALL of ours and whoever waits for its answer."""

    __slots__ = (
        "abandoned",
        "before_send",
        "done",
        "on_unheard",
        "outcome",
        "request",
        "timeout_s",
    )

    def __init__(
        self,
        request: Request[Message],
        timeout_s: float,
        before_send: BeforeSend | None,
        on_unheard: Unheard | None,
    ) -> None:
        self.request = request
        self.timeout_s = timeout_s
        self.before_send = before_send
        self.on_unheard = on_unheard
        self.abandoned = False
        self.done = trio.Event()
        self.outcome: Outcome | None = None

    def settle(self, outcome: Outcome) -> None:
        if self.outcome is None:
            self.outcome = outcome
            self.done.set()
            if self.abandoned:
                self.tell_unheard(outcome, late=False)

    def tell_unheard(self, outcome: Outcome, *, late: bool) -> None:
        if self.on_unheard is not None:
            self.on_unheard(outcome, late)


class Connection:
    """See the module; `run` it in a nursery, `call` through it from anywhere.

    Args:
        transport: the open WebSocket; `run` closes it.
        answer: answers the CALLs of the other side.
        call_timeout_s: how long a CALL of ours waits for its answer, from when it is sent.
        calls_after_s: our CALLs wait for `allow_calls`, but no longer than this.
        new_unique_id: a fresh id for a CALL of ours, at most 36 characters.

    Attributes:
        unanswered: CALLs of ours in a row that timed out; a late answer ends the row, too.
    """

    def __init__(
        self,
        transport: Transport,
        conversation: Conversation,
        answer: Answer,
        *,
        observer: Observer | None = None,
        call_timeout_s: float = 30,
        calls_after_s: float = 0,
        new_unique_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._transport = transport
        self._conversation = conversation
        self._answer = answer
        self._observer = observer
        self._call_timeout_s = call_timeout_s
        self._calls_after_s = calls_after_s
        self._new_unique_id = new_unique_id
        self._inbox_in, self._inbox = trio.open_memory_channel[
            CallReceived | CallRepeated | CallRejected
        ](INBOX_SIZE)
        self._waiting: deque[_Ticket] = deque()
        self._outstanding: _Ticket | None = None
        self._late: dict[UniqueId, _Ticket] = {}
        self._call_waits = trio.Event()
        self._calls_allowed = trio.Event()
        self._scope = trio.CancelScope()
        self._reading = trio.CancelScope()
        self.unanswered = 0
        self._hung_up = False
        self._sends_in_progress = 0
        self._close_code, self._close_reason = 1000, ""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> str:
        """Serve the connection until it ends; says why it ended.

        The stream under the transport still has to be closed by its owner: after an interrupted
        send nothing more may be written to it.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send_calls)
                    answered = trio.Event()
                    nursery.start_soon(self._answer_calls, answered)
                    task_status.started()
                    with self._reading:
                        await self._read()
                    # Still open when we stopped reading ourselves: then what came is answered.
                    self._inbox_in.close()
                    await answered.wait()
                    nursery.cancel_scope.cancel()
        finally:
            self._hang_up()
            self._inbox_in.close()
            self._inbox.close()
            if not self._sends_in_progress:
                cancelled = trio.current_effective_deadline() == -math.inf
                bound_s = CANCELLED_CLOSE_TIMEOUT_S if cancelled else CLOSE_TIMEOUT_S
                # Not a deadline on a send of a connection that lives on: this one ends here.
                with trio.move_on_after(bound_s, shield=True):
                    await self._transport.aclose(self._close_code, self._close_reason or None)
        return self._close_reason or "closed by the other side"

    @property
    def backlog(self) -> tuple[int, int]:
        """CALLs that wait to be answered, and CALLs of ours that wait to be sent."""
        return self._inbox.statistics().current_buffer_used, len(self._waiting)

    def close(self, code: int, reason: str) -> None:
        """End the connection at once: waiting callers get NotConnected now, `run` returns soon."""
        if not self._hung_up:
            self._close_code, self._close_reason = code, reason
            self._hang_up()
            self._scope.cancel()

    def drain(self, code: int, reason: str) -> None:
        """Read no further CALLs, answer those that came, then close."""
        if not self._hung_up:
            self._close_code, self._close_reason = code, reason
            self._reading.cancel()

    def allow_calls(self) -> None:
        """Our CALLs need not wait any longer (OCPP 1.6, 4.2: the boot is answered first)."""
        self._calls_allowed.set()

    async def call(
        self,
        request: Request[ResponseT],
        *,
        timeout_s: float | None = None,
        before_send: BeforeSend | None = None,
        on_unheard: Unheard | None = None,
    ) -> ResponseT:
        """Send a CALL when its turn comes and wait for the answer.

        A cancelled caller walks away; the CALL stays outstanding until answered or timed out, since
        a second one beside it is not allowed (OCPP-J 1.6, 4.1.1).

        Args:
            timeout_s: how long to wait for the answer once sent; default as for the connection.
            before_send: awaited just before it is sent, for a note that it is; what it raises is
                raised here, and nothing is sent.
            on_unheard: called with the outcome if the caller was cancelled, and with an answer that
                comes after the time-out.

        Raises:
            NotConnected, CallTimedOut, CallRefused, InvalidResponse, TooManyCalls: see errors.
            LocalProtocolError: the request cannot be sent as it is.
        """
        if self._hung_up:
            raise NotConnected("the connection is closed")
        if len(self._waiting) >= WAITING_CALLS:
            raise TooManyCalls(f"{WAITING_CALLS} CALLs wait for this charge point already")
        ticket = _Ticket(request, timeout_s or self._call_timeout_s, before_send, on_unheard)
        self._waiting.append(ticket)
        self._call_waits.set()
        try:
            await ticket.done.wait()
        except trio.Cancelled:
            ticket.abandoned = True
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                ticket.settle(CallFailed("given up before it was sent"))
            raise
        if isinstance(ticket.outcome, Exception):
            raise ticket.outcome
        return cast("ResponseT", ticket.outcome)

    def _hang_up(self) -> None:
        self._hung_up = True
        reason = f"the connection ended: {self._close_reason or 'closed by the other side'}"
        while self._waiting:
            self._waiting.popleft().settle(NotConnected(reason))
        if self._outstanding is not None:
            self._outstanding.settle(NotConnected(reason))

    async def _read(self) -> None:
        conversation, observer = self._conversation, self._observer
        while True:
            try:
                data = await self._transport.get_message()
            except ConnectionClosed as closed:
                self._close_reason = _why(closed)
                self._scope.cancel()  # nobody is left to be answered
                return
            event = conversation.receive(data)
            if observer is not None:
                observer.received(data, event)
            match event:
                case CallReceived() | CallRejected() | CallRepeated(answer=str()):
                    try:
                        self._inbox_in.send_nowait(event)  # saves a trip through the scheduler
                    except trio.WouldBlock:
                        await self._inbox_in.send(event)
                case CallRepeated():  # its answer is still being worked on
                    pass
                case ResponseReceived(response=response):
                    self._settle(event, response)
                case ErrorReceived(code=code, description=description, details=details):
                    self._settle(event, CallRefused(code, description, details))
                case InvalidResponseReceived(action=action, reason=reason):
                    self._settle(event, InvalidResponse(f"{action}: {reason}"))
                case MustClose(code=close_code, reason=reason):
                    self._close_code, self._close_reason = close_code, reason
                    return
                case Ignored():
                    pass

    def _settle(
        self, event: ResponseReceived | ErrorReceived | InvalidResponseReceived, outcome: Outcome
    ) -> None:
        self.unanswered = 0
        if event.late:
            ticket = self._late.pop(event.unique_id, None)
            if ticket is not None:
                ticket.tell_unheard(outcome, late=True)
        elif self._outstanding is not None:
            self._outstanding.settle(outcome)

    async def _answer_calls(self, answered: trio.Event) -> None:
        async for event in self._inbox:
            match event:
                case CallReceived():
                    text = await self._answer_call(event)
                case CallRepeated(answer=answer):
                    assert answer is not None
                    text = answer
                case CallRejected():
                    text = event.answer
            await self._send(text, event.action, event.unique_id, is_call=False)
        answered.set()

    async def _answer_call(self, event: CallReceived) -> str:
        unique_id = event.unique_id
        try:
            return self._conversation.answer(unique_id, await self._answer(event))
        except RemoteProtocolError as error:
            try:
                return self._conversation.refuse(
                    unique_id, error.code, error.description, error.details
                )
            except LocalProtocolError:  # details that are no JSON
                log.exception("errorDetails left out", action=event.action)
                return self._conversation.refuse(unique_id, error.code, error.description)
        except Exception:  # one bad message must not cost the charge point its connection
            log.exception("handler failed", action=event.action, unique_id=unique_id)
            return self._conversation.refuse(
                unique_id, ErrorCode.INTERNAL_ERROR, "the central system failed; try again later"
            )

    async def _send_calls(self) -> None:
        while True:
            while not self._waiting:
                self._call_waits = trio.Event()
                await self._call_waits.wait()
            if not self._calls_allowed.is_set():
                with trio.move_on_after(self._calls_after_s):
                    await self._calls_allowed.wait()
                self._calls_allowed.set()
                continue  # the waiting one may have gone meanwhile
            await self._send_call(self._waiting.popleft())

    async def _send_call(self, ticket: _Ticket) -> None:
        self._outstanding = ticket  # from now on, so that an end of the connection reaches it
        unique_id = self._new_unique_id()
        try:
            if ticket.before_send is not None:
                await ticket.before_send()
            text = self._conversation.call(unique_id, ticket.request)
        except (CallFailed, LocalProtocolError) as error:
            self._outstanding = None
            ticket.settle(error)
            return
        await self._send(text, type(ticket.request).__name__, unique_id, is_call=True)
        # The time-out is round the wait: a send that is cut short leaves half a frame.
        with trio.move_on_after(ticket.timeout_s):
            await ticket.done.wait()
        self._outstanding = None
        if ticket.outcome is None:
            self.unanswered += 1
            self._conversation.give_up()
            self._late[unique_id] = ticket
            if len(self._late) > LATE_CALLS_KEPT:
                del self._late[next(iter(self._late))]
            ticket.settle(
                CallTimedOut(
                    f"no answer to {type(ticket.request).__name__} within {ticket.timeout_s:g} s"
                )
            )

    async def _send(self, text: str, action: str, unique_id: UniqueId, *, is_call: bool) -> None:
        if self._observer is not None:
            self._observer.sent(text, action, unique_id, is_call=is_call)
        self._sends_in_progress += 1  # stays up if the send is interrupted
        try:
            await self._transport.send_message(text)
        except ConnectionClosed as closed:
            self._close_reason = self._close_reason or _why(closed)
            self._scope.cancel()
        except ClosingAlready:  # their close frame is being answered; the reader will see it
            self._scope.cancel()
        self._sends_in_progress -= 1


def _why(closed: ConnectionClosed) -> str:
    reason = closed.reason
    if reason is None:
        return "closed"
    return f"{reason.code} {reason.reason or reason.name}"

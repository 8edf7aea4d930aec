"""What a charge point wants to send, in order (OCPP 1.6, 3.7).

Notices (StatusNotification, Heartbeat, ...) are of the moment: what cannot be sent now is dropped.
Transaction-related messages wait for a connection, are repeated until they are answered, and hold
back those behind them. Security events wait as well. Not here: what is sent when.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import trio

from ocpptrio.errors import CallFailed, CallRefused, LocalProtocolError, NotConnected
from ocpptrio.protocol.core import MeterValues
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.security import SecurityEventNotification
from ocpptrio.simulator.configuration import Configuration
from ocpptrio.simulator.timing import SECOND_US, Timing

Call = Callable[..., Awaitable[Message]]
"""Sends a request and returns its response, like `Connection.call`."""

# Messages kept while offline: a night of two cars. Beyond it the oldest MeterValues go.
LONGEST_QUEUE: Final = 2000
NO_TRANSACTION_ID: Final = -1  # of a transaction whose start was never confirmed (errata 3.54)


class TransactionId:
    """The id of a transaction; the central system gives it in StartTransaction.conf."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: int | None = None


class _Entry:
    __slots__ = ("attempts", "on_answer", "request", "sequence", "transaction_id")

    def __init__(
        self,
        request: Request[Any],
        sequence: int,
        on_answer: Callable[[Any], None] | None,
        transaction_id: TransactionId | None = None,
    ) -> None:
        self.request = request
        self.sequence = sequence
        self.on_answer = on_answer  # Any: takes the response that belongs to its request
        self.transaction_id = transaction_id
        self.attempts = 0


class Outbox:
    """See the module. What the charge point does not keep (`keeps`) is lost."""

    def __init__(
        self,
        timing: Timing,
        configuration: Configuration,
        tell: Callable[[str], None],
        keeps: Callable[[Request[Any]], bool] = lambda request: True,  # noqa: ARG005
    ) -> None:
        self._timing = timing
        self._configuration = configuration
        self._tell = tell
        self._keeps = keeps
        # While nothing is answered the oldest go: they are of the moment.
        self._notices: deque[_Entry] = deque(maxlen=LONGEST_QUEUE)
        self._queue: deque[_Entry] = deque()
        self._sequence = 0
        self._backlog_until = 0  # entries of the queue up to this one were made while offline
        self._retry_at_us = 0
        self._open = False
        self._under_way = False
        self._changed = trio.Event()
        self._emptied = trio.Event()

    def __len__(self) -> int:
        """How many transaction-related messages wait."""
        return len(self._queue)

    def notify(self, request: Request[Any], on_answer: Callable[[Any], None] | None = None) -> None:
        """Send this once, now or never."""
        if self._open:
            self._sequence += 1
            self._notices.append(_Entry(request, self._sequence, on_answer))
            self._changed.set()

    def queue(
        self,
        request: Request[Any],
        transaction_id: TransactionId | None = None,
        on_answer: Callable[[Any], None] | None = None,
    ) -> bool:
        """Send this when it can be sent, repeated until it is answered; False if it is lost.

        `transaction_id` is put into the request when it goes out: only then it may be known.
        """
        if not self._keeps(request):
            return False
        self._sequence += 1
        self._queue.append(_Entry(request, self._sequence, on_answer, transaction_id))
        if len(self._queue) > LONGEST_QUEUE:
            self._drop_meter_values()
        self._changed.set()
        return True

    def _drop_meter_values(self) -> None:
        for index, entry in enumerate(self._queue):
            # The first one may be under way.
            if index and isinstance(entry.request, MeterValues):
                del self._queue[index]
                return

    def stop(self) -> None:
        """Send nothing more until `run` begins again; what is under way is still answered."""
        self._open = False
        self._changed.set()

    async def wait_empty(self) -> None:
        """Until everything has been sent and answered, or dropped."""
        while self._queue or self._notices or self._under_way:
            if self._emptied.is_set():  # else somebody waits for it already
                self._emptied = trio.Event()
            await self._emptied.wait()

    async def run(self, call: Call, on_open: Callable[[], None]) -> None:
        """Send what there is over one connection, until `stop`.

        `on_open` is called when notices are taken again.

        Raises:
            NotConnected: the connection ended.
        """
        self._open = True
        self._backlog_until = self._sequence
        self._retry_at_us = 0
        try:
            on_open()
            while self._open:
                if not self._queue and not self._notices:
                    self._emptied.set()
                entry = self._next()
                if entry is not None:
                    self._under_way = True
                    await self._send(entry, call)
                    self._under_way = False
                    continue
                self._changed = trio.Event()
                if self._queue:
                    with trio.move_on_at(self._timing.trio_time(self._retry_at_us)):
                        await self._changed.wait()
                else:
                    await self._changed.wait()
        finally:
            self._open = self._under_way = False
            self._notices.clear()

    def _next(self) -> _Entry | None:
        """In order of time, but a notice goes before what piled up while offline."""
        due = self._queue and self._timing.now_us() >= self._retry_at_us
        queued = self._queue[0] if due else None
        notice = self._notices[0] if self._notices else None
        if queued is None or notice is None:
            return queued or notice
        in_order = self._backlog_until < queued.sequence < notice.sequence
        return queued if in_order else notice

    async def _send(self, entry: _Entry, call: Call) -> None:
        notice = bool(self._notices) and entry is self._notices[0]
        if notice:
            self._notices.popleft()
        request = entry.request
        if entry.transaction_id is not None:
            known = entry.transaction_id.value
            request = msgspec.structs.replace(
                request, transaction_id=NO_TRANSACTION_ID if known is None else known
            )

        def unheard(outcome: object, late: bool) -> None:
            if late and isinstance(outcome, Message):
                self._answered(entry, outcome)

        try:
            response = await call(request, on_unheard=unheard)
        except NotConnected:
            raise
        except LocalProtocolError as error:
            # Something it was given, an id perhaps, breaks a limit; no repetition mends that.
            self._tell(str(error))
            self._drop(entry)
        except CallFailed as failure:
            if not notice:
                self._failed(entry, failure)
        else:
            self._answered(entry, response)

    def _answered(self, entry: _Entry, response: Message) -> None:
        self._drop(entry)
        on_answer, entry.on_answer = entry.on_answer, None
        if on_answer is not None:
            on_answer(response)

    def _drop(self, entry: _Entry) -> None:
        if self._queue and self._queue[0] is entry:
            self._queue.popleft()
            self._retry_at_us = 0
            self._changed.set()

    def _failed(self, entry: _Entry, failure: CallFailed) -> None:
        """Repeat after n times the interval, or give up (OCPP 1.6, 3.7.1)."""
        if not self._queue or self._queue[0] is not entry:
            return
        entry.attempts += 1
        is_event = isinstance(entry.request, SecurityEventNotification)
        # A central system without the security extension never takes one.
        hopeless = is_event and isinstance(failure, CallRefused)
        if hopeless or entry.attempts >= self._configuration.number("TransactionMessageAttempts"):
            self._drop(entry)
            self._tell(f"{type(entry.request).__name__} given up: {failure}")
            return
        interval = self._configuration.number("TransactionMessageRetryInterval")
        self._retry_at_us = self._timing.now_us() + entry.attempts * interval * SECOND_US

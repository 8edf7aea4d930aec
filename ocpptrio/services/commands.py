"""Commands to charge points: each recorded with its answer and its effect, sent now or queued.

Not here: how one is sent and its end recorded (command_sending), when queued ones are sent
(command_queue), what shows an effect (effects).
"""

from collections.abc import Callable
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import CommandSettings
from ocpptrio.errors import (
    NotConnected,
    OcpptrioError,
    UnknownChargePoint,
    UnknownCommand,
)
from ocpptrio.events import CommandChanged
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.services.command_sending import Sender, Sending, check_allowed
from ocpptrio.services.effect_watch import EffectWatch, request_of
from ocpptrio.session.registry import Registry, Session
from ocpptrio.store import charge_points, commands
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState
from ocpptrio.tracing import Tracing

ResponseT = TypeVar("ResponseT", bound=Message)

log = structlog.get_logger("ocpptrio.commands")


class CommandService:
    """See the module; `call` is the direct path, `submit` the one that waits for the offline."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: Registry,
        effect_watch: EffectWatch,
        settings: CommandSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._sender = Sender(store, clock, registry, effect_watch, settings)
        self._waiters: WeakValueDictionary[int, trio.Event] = WeakValueDictionary()

    async def call(
        self, session: Session, request: Request[ResponseT], timeout_s: float | None
    ) -> ResponseT:
        """Send a CALL, record it and its outcome, and return the response.

        Raises:
            CallFailed: one of its kinds; see errors.
            LocalProtocolError: the request cannot be sent as it is.
        """
        check_allowed(session.state, type(request).__name__)
        connection = session.connection
        if connection is None:
            raise NotConnected(f"{session.state.charge_point_id} is not connected")
        draft, at_us = commands.draft(request), self._clock()
        charge_point_id = session.state.charge_point_id
        command_id = await self._store.write(
            lambda db: commands.insert(db, draft, charge_point_id=charge_point_id, at_us=at_us)
        )
        sending = Sending(session, connection, request, command_id)
        outcome: Message | OcpptrioError = await self._sender.send(sending, timeout_s)
        if isinstance(outcome, OcpptrioError):
            raise outcome
        # The conversation has read it as the response to this request.
        return outcome  # type: ignore[return-value]

    async def submit(
        self,
        charge_point_id: str,
        request: Request[Message],
        *,
        expires_in_s: float | None = None,
        idempotency_key: str | None = None,
        requested_by: str | None = None,
    ) -> int:
        """Keep a command until its charge point is there and can be asked; returns its id.

        It is on disk on return, and outlives a restart. Commands to one charge point are sent in
        the order in which they came.

        Args:
            expires_in_s: what is not sent by then is not sent at all; default
                `commands.expiry`.
            idempotency_key: the same key with the same request gives the same command again,
                instead of a second one.
            requested_by: who wants it; None: the central system itself.

        Raises:
            UnknownChargePoint: it is not registered.
            KeyInUse: the key stands for another request to this charge point.
            TooManyCalls: 1000 commands wait for it already.
            LocalProtocolError: the request cannot be sent as it is.
        """
        draft, at_us = commands.draft(request), self._clock()
        expires_at_us = at_us + round((expires_in_s or self._settings.expiry) * 1_000_000)

        def work(db: Db) -> int:
            if charge_points.get(db, charge_point_id) is None:
                raise UnknownChargePoint(
                    f"{charge_point_id} is not registered; see ocpptrio charge-points list"
                )
            return commands.queue(
                db,
                draft,
                charge_point_id=charge_point_id,
                at_us=at_us,
                expires_at_us=expires_at_us,
                idempotency_key=idempotency_key,
                requested_by=requested_by,
            )

        return await self._store.write(work)

    async def get(self, command_id: int) -> CommandRecord:
        """The command as it stands.

        Raises:
            UnknownCommand: there is none with this number.
        """
        return await self._store.read(lambda reader: _known(reader, command_id))

    async def cancel(self, command_id: int) -> CommandRecord:
        """Withdraw a command that is not sent yet.

        Raises:
            UnknownCommand: there is none with this number.
            TooLate: it is sent, or settled.
        """
        at_us = self._clock()
        return await self._store.write(lambda db: commands.cancel(db, command_id, at_us))

    async def wait_settled(self, command_id: int) -> CommandRecord:
        """Return when the command is answered, or will not be: see its state.

        If another command made up for it, that one is waited for and returned.

        Raises:
            UnknownCommand: there is none with this number.
        """
        return await self._wait(command_id, lambda record: record.settled)

    async def wait_effect(self, command_id: int) -> CommandRecord:
        """As `wait_settled`, and until its effect is seen, or was not seen in time."""
        return await self._wait(
            command_id, lambda record: record.settled and record.effect is not EffectState.AWAITED
        )

    async def _wait(
        self, command_id: int, condition: Callable[[CommandRecord], bool]
    ) -> CommandRecord:
        def work(reader: Reader) -> CommandRecord:
            return commands.follower(reader, command_id) or _known(reader, command_id)

        while True:
            changed = self._waiters.get(command_id)
            if changed is None:
                changed = self._waiters[command_id] = trio.Event()
            record = await self._store.read(work)
            if record.command_id != command_id:
                command_id = record.command_id  # it made up for the other
                continue
            if condition(record):
                return record
            await changed.wait()

    def changed(self, event: CommandChanged) -> None:
        """A command came further: wake who waits for it. Called after the commit."""
        waiter = self._waiters.pop(event.command_id, None)
        if waiter is not None:
            waiter.set()

    async def send_queued(self, session: Session, record: CommandRecord) -> CommandRecord:
        """Send a queued command if it is still to be sent; returns it as it stands afterwards."""
        connection = session.connection
        request = request_of(record)
        if request is None:
            at_us = self._clock()
            await self._store.write(
                lambda db: commands.settle(
                    db,
                    record.command_id,
                    state=CommandState.FAILED,
                    at_us=at_us,
                    error="this version cannot read the request; submit it anew",
                )
            )
        elif connection is not None:
            await self._sender.send(
                Sending(session, connection, request, record.command_id, record)
            )
        return await self.get(record.command_id)

    def trace(self, tracing: Tracing) -> None:
        """Let each command that is sent have a span."""
        self._sender.tracing = tracing

    async def recover(self) -> None:
        """At start: nobody knows any more what became of those that were sent."""
        await self._sender.recover()


def _known(reader: Reader, command_id: int) -> CommandRecord:
    record = commands.get(reader, command_id)
    if record is None:
        raise UnknownCommand(f"there is no command {command_id}")
    return record

"""Sending one command: claimed, put on the wire, and its end written with what makes up for it.

What became of it is on record before whoever asked hears of it. OCPP 1.6, 4.2 for what the
registration forbids. Not here: which commands there are, and who waits for them (commands), when
queued ones are sent (command_queue), what shows an effect (effects).
"""

from typing import Final

import msgspec
import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import CommandSettings
from ocpptrio.connection import Connection, Outcome
from ocpptrio.errors import (
    CallFailed,
    CallRefused,
    CallTimedOut,
    InvalidResponse,
    LocalProtocolError,
    NotAllowedNow,
    OcpptrioError,
    StoreError,
    Withdrawn,
)
from ocpptrio.protocol.core import (
    AvailabilityStatus,
    ChangeAvailability,
    ChangeAvailabilityResponse,
    ClearCache,
    GetConfiguration,
    RegistrationStatus,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.local_auth_list import GetLocalListVersion
from ocpptrio.protocol.remote_trigger import TriggerMessage
from ocpptrio.protocol.security import ExtendedTriggerMessage, GetInstalledCertificateIds
from ocpptrio.protocol.smart_charging import GetCompositeSchedule
from ocpptrio.redaction import redact
from ocpptrio.services import effects
from ocpptrio.services.configuration import mirror
from ocpptrio.services.effect_watch import EffectWatch, request_of
from ocpptrio.services.remarks import remark
from ocpptrio.session.registry import Registry, Session
from ocpptrio.session.state import SessionState
from ocpptrio.store import commands
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import ACCEPTING, CommandState, EffectState
from ocpptrio.tracing import Tracing

# What a Pending charge point must not be asked (OCPP 1.6, 4.2).
NOT_WHILE_PENDING: Final = ("RemoteStartTransaction", "RemoteStopTransaction")

# Queued again, once, if we do not know whether they arrived: they change nothing that matters if
# done twice. All others might: a second RemoteStart charges twice, a second Reset cuts off who has
# plugged in meanwhile, a repeated setting or list undoes what was set in between.
HARMLESS_TO_REPEAT: Final = (
    ClearCache,
    GetCompositeSchedule,
    GetConfiguration,
    GetInstalledCertificateIds,
    GetLocalListVersion,
)

SETTLE_S: Final = 10  # for a slow disk, when whoever asked is gone
ENDED: Final = "the central system ended"

log = structlog.get_logger("ocpptrio.commands")


class Sending:
    """A command on its way.

    Attributes:
        record: as it was queued; None: whoever sends it waits for it.
        was_sent: it is claimed, and about to be on the wire.
    """

    __slots__ = ("command_id", "connection", "record", "request", "session", "was_sent")

    def __init__(
        self,
        session: Session,
        connection: Connection | None,
        request: Request[Message],
        command_id: int,
        record: CommandRecord | None = None,
    ) -> None:
        self.session = session
        self.connection = connection
        self.request = request
        self.command_id = command_id
        self.record = record
        self.was_sent = False

    @property
    def leaves_a_trace(self) -> bool:
        """Its end is to be recorded: a queued one that was not sent has not ended."""
        return self.was_sent or self.record is None


class _End(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command, ready to be written."""

    state: CommandState
    outcome: Message | OcpptrioError
    at_us: int
    awaited: effects.Awaited | None
    second_try: commands.Draft | None


class Sender:
    """See the module."""

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
        self._registry = registry
        self._effect_watch = effect_watch
        self._settings = settings
        self.tracing: Tracing | None = None

    async def recover(self) -> None:
        """At start: nobody knows any more what became of those that were sent."""
        unsettled = await self._store.read(commands.unsettled)
        at_us = self._clock()
        ends = [
            (record, self._lost(record, request_of(record)))
            for record in unsettled
            if record.state is CommandState.SENT or record.expires_at_us is None
        ]

        def work(db: Db) -> None:
            for record, lost in ends:
                if lost is not None:
                    self._record(db, *lost, late=False)
                else:  # of a version that knows other requests
                    commands.settle(
                        db, record.command_id, state=CommandState.FAILED, at_us=at_us, error=ENDED
                    )

        if ends:
            await self._store.write(work)

    def _lost(
        self, record: CommandRecord, request: Request[Message] | None
    ) -> "tuple[Sending, _End] | None":
        if request is None:
            return None
        charge_point_id = record.charge_point_id
        session = self._registry.get(charge_point_id)
        if session is None:
            session = Session(SessionState(charge_point_id=charge_point_id))
        sending = Sending(session, None, request, record.command_id, record)
        sending.was_sent = record.state is CommandState.SENT
        reason = f"{ENDED} before it was {'answered' if sending.was_sent else 'sent'}"
        return sending, self._end(sending, CallFailed(reason))

    async def send(
        self, sending: Sending, timeout_s: float | None = None
    ) -> Message | OcpptrioError:
        """Send it when its turn comes, and record what becomes of it.

        A queued command that could not be sent stays queued.
        """
        if self.tracing is None:
            return await self._send(sending, timeout_s)
        charge_point_id = sending.session.state.charge_point_id
        action = type(sending.request).__name__
        with self.tracing.sent(charge_point_id, action, sending.command_id) as span:
            outcome = await self._send(sending, timeout_s)
            span.error = outcome if isinstance(outcome, OcpptrioError) else None
        return outcome

    async def _send(self, sending: Sending, timeout_s: float | None) -> Message | OcpptrioError:
        command_id, request, session = sending.command_id, sending.request, sending.session
        charge_point_id, action = session.state.charge_point_id, type(request).__name__

        async def claim() -> None:
            check_allowed(session.state, action)  # again: it may have waited for its turn
            at_us = self._clock()
            # Cancelled during the write, it may be on record as sent.
            sending.was_sent = True
            try:
                claimed = await self._store.write(lambda db: commands.claim(db, command_id, at_us))
            except StoreError as error:
                sending.was_sent = False
                raise CallFailed(f"not sent, as that could not be recorded: {error}") from error
            if not claimed:
                sending.was_sent = False
                raise Withdrawn(f"command {command_id} was withdrawn before it was sent")
            self._effect_watch.sent(charge_point_id, command_id, request, at_us)
            if isinstance(request, TriggerMessage | ExtendedTriggerMessage):
                # Before it is sent: the message may follow its announcement at once.
                session.triggered |= effects.triggered_actions(request)
            known = remark(request, session.state, session.vendor_profile)
            log.info(
                "command",
                charge_point=charge_point_id,
                action=action,
                command=command_id,
                **({} if known is None else {"remark": known}),
            )

        def unheard(outcome: Outcome, late: bool) -> None:
            if sending.leaves_a_trace:
                end = self._end(sending, outcome)
                self._store.post(lambda db: self._record(db, sending, end, late=late))
                self._effect_watch.settled(charge_point_id, command_id, end.awaited)

        outcome: Message | OcpptrioError
        assert sending.connection is not None
        try:
            outcome = await sending.connection.call(
                request,
                timeout_s=timeout_s or session.vendor_profile.call_timeout_s,
                before_send=claim,
                on_unheard=unheard,
            )
        except OcpptrioError as error:
            outcome = error
        if sending.leaves_a_trace:
            end = self._end(sending, outcome)
            # The answer is here: whoever asked may go now, but not before it is on record.
            with trio.move_on_after(SETTLE_S, shield=True):
                await self._store.write(lambda db: self._record(db, sending, end, late=False))
            self._effect_watch.settled(charge_point_id, command_id, end.awaited)
        if isinstance(outcome, OcpptrioError):
            log.warning(
                "command failed", charge_point=charge_point_id, action=action, reason=str(outcome)
            )
        return outcome

    def _end(self, sending: Sending, outcome: Message | OcpptrioError) -> "_End":
        """What an outcome means; pure but for the clock."""
        request, state, at_us = sending.request, sending.session.state, self._clock()
        end_state = _state(outcome, was_sent=sending.was_sent)
        awaited = None
        if isinstance(outcome, Message):
            awaited = effects.awaited(request, outcome, state, at_us)
        elif sending.was_sent and not isinstance(outcome, CallRefused | LocalProtocolError):
            awaited = effects.awaited(request, None, state, at_us)  # it may have acted all the same
        second = self._second_try(sending, outcome, end_state, at_us)
        return _End(
            state=end_state,
            outcome=outcome,
            at_us=at_us,
            awaited=awaited,
            second_try=None if second is None else commands.draft(second),
        )

    def _second_try(
        self,
        sending: Sending,
        outcome: Message | OcpptrioError,
        end_state: CommandState,
        at_us: int,
    ) -> Request[Message] | None:
        """The command that makes up for a queued one that failed, if there may be one. Once."""
        record, request = sending.record, sending.request
        if record is None or record.follows is not None or (record.expires_at_us or 0) <= at_us:
            return None
        if end_state is CommandState.UNKNOWN and isinstance(request, HARMLESS_TO_REPEAT):
            return request
        match request, outcome:
            case (
                ChangeAvailability(connector_id=0, type=type_),
                ChangeAvailabilityResponse(status=AvailabilityStatus.REJECTED),
            ) if (
                # Some with one connector know no connector 0 (Q53).
                self._settings.availability_by_connector and _has_one_connector(sending.session)
            ):
                return ChangeAvailability(connector_id=1, type=type_)
        return None

    def _record(self, db: Db, sending: Sending, end: "_End", *, late: bool) -> None:
        """Write the end of a command, and the command that makes up for it."""
        command_id, request, outcome = sending.command_id, sending.request, end.outcome
        charge_point_id = sending.session.state.charge_point_id
        response = error = status = None
        if isinstance(outcome, Message):
            response = redact(type(request).__name__, msgspec.json.encode(outcome).decode())
            status = getattr(outcome, "status", None)
            mirror(db, sending.session.state, command_id, request, outcome, end.at_us)
        else:
            error = str(outcome)
        if isinstance(outcome, CallRefused) or (status is not None and status not in ACCEPTING):
            known = remark(request, sending.session.state, sending.session.vendor_profile)
            error = "; ".join(filter(None, (error, known))) or None
        awaited = end.awaited
        changed = commands.settle(
            db,
            command_id,
            state=end.state,
            at_us=end.at_us,
            response=response,
            status=status,
            error=error,
            late=late,
            effect=EffectState.NONE if awaited is None else EffectState.AWAITED,
            effect_detail=None if awaited is None else awaited.detail,
            effect_due_at_us=(
                None if awaited is None else end.at_us + round(awaited.within_s * 1_000_000)
            ),
            followed=end.second_try is not None,
        )
        record = sending.record
        if not changed and record is None:  # it was cut off while it was claimed
            commands.settle(db, command_id, state=CommandState.FAILED, at_us=end.at_us, error=error)
        if changed and end.second_try is not None and record is not None:
            commands.insert(
                db,
                end.second_try,
                charge_point_id=charge_point_id,
                at_us=end.at_us,
                expires_at_us=record.expires_at_us,
                task_id=record.task_id,
                follows=command_id,
                requested_by=record.requested_by,
            )


def _has_one_connector(session: Session) -> bool:
    """Of a kind that knows no connector 0, one that has named none yet is taken for that, too."""
    named = [number for number in session.state.connectors if number > 0]
    return named == [1] or not (named or session.vendor_profile.connector_zero_availability)


def check_allowed(state: SessionState, action: str) -> None:
    """Whether the registration of a charge point allows to send it this.

    Raises:
        NotAllowedNow: it does not (OCPP 1.6, 4.2).
    """
    if state.registration is RegistrationStatus.REJECTED:
        raise NotAllowedNow("the charge point is rejected: nothing may be sent to it")
    if state.registration is RegistrationStatus.PENDING and action in NOT_WHILE_PENDING:
        raise NotAllowedNow(f"no {action} while the charge point is Pending")


def _state(outcome: Message | OcpptrioError, *, was_sent: bool) -> CommandState:
    match outcome:
        case Message():
            return CommandState.ANSWERED
        case CallRefused():
            return CommandState.REFUSED
        case CallTimedOut():
            return CommandState.TIMED_OUT
        case CallFailed() if was_sent and not isinstance(outcome, InvalidResponse):
            return CommandState.UNKNOWN
    return CommandState.FAILED

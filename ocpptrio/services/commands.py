"""CALLs to charge points: what may be sent when, and a record of each with its outcome.

OCPP 1.6, 4.2 for what the registration forbids. Not here: queueing and time-outs on the wire
(connection).
"""

from typing import Final, TypeVar

import msgspec
import structlog

from ocpptrio.clock import Clock
from ocpptrio.connection import Outcome
from ocpptrio.errors import (
    CallFailed,
    CallRefused,
    CallTimedOut,
    NotAllowedNow,
    NotConnected,
    OcpptrioError,
)
from ocpptrio.events import CommandChanged
from ocpptrio.protocol.core import (
    RegistrationStatus,
    RemoteStartTransaction,
    RemoteStopTransaction,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.remote_trigger import TriggerMessage
from ocpptrio.protocol.security import ExtendedTriggerMessage
from ocpptrio.redaction import redact
from ocpptrio.services.configuration import mirror
from ocpptrio.session.registry import Session
from ocpptrio.store import commands
from ocpptrio.store.driver import Db, Store

# What a Pending charge point must not be asked (OCPP 1.6, 4.2).
NOT_WHILE_PENDING: Final = (RemoteStartTransaction, RemoteStopTransaction)

ResponseT = TypeVar("ResponseT", bound=Message)

log = structlog.get_logger("ocpptrio.commands")


class CommandService:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def call(
        self, session: Session, request: Request[ResponseT], timeout_s: float | None
    ) -> ResponseT:
        """Send a CALL, record it and its outcome, and return the response.

        Raises:
            CallFailed: one of its kinds; see errors.
            LocalProtocolError: the request cannot be sent as it is.
        """
        action = type(request).__name__
        self._check_allowed(session, request)
        connection = session.connection
        if connection is None:
            raise NotConnected(f"{session.state.charge_point_id} is not connected")
        if isinstance(request, TriggerMessage | ExtendedTriggerMessage):
            # Before it is sent: the message may follow its announcement at once.
            session.triggered.add(str(request.requested_message))
        command_id = await self._begin(session, request)

        def unheard(outcome: Outcome, late: bool) -> None:
            self._store.post(
                lambda db: self._settle(db, session, command_id, request, outcome, late=late)
            )

        charge_point_id = session.state.charge_point_id
        log.info("command", charge_point=charge_point_id, action=action)
        outcome: ResponseT | OcpptrioError
        try:
            outcome = await connection.call(
                request,
                timeout_s=timeout_s or session.vendor_profile.call_timeout_s,
                on_unheard=unheard,
            )
        except OcpptrioError as error:
            outcome = error
        await self._store.write(
            lambda db: self._settle(db, session, command_id, request, outcome, late=False)
        )
        if isinstance(outcome, OcpptrioError):
            log.warning(
                "command failed", charge_point=charge_point_id, action=action, reason=str(outcome)
            )
            raise outcome
        return outcome

    @staticmethod
    def _check_allowed(session: Session, request: Request[Message]) -> None:
        registration = session.state.registration
        if registration is RegistrationStatus.REJECTED:
            raise NotAllowedNow("the charge point is rejected: nothing may be sent to it")
        if registration is RegistrationStatus.PENDING and isinstance(request, NOT_WHILE_PENDING):
            raise NotAllowedNow(f"no {type(request).__name__} while the charge point is Pending")

    async def _begin(self, session: Session, request: Request[Message]) -> int:
        charge_point_id, at_us = session.state.charge_point_id, self._clock()
        action = type(request).__name__
        payload = redact(action, msgspec.json.encode(request).decode())

        def work(db: Db) -> int:
            command_id = commands.insert(
                db,
                charge_point_id=charge_point_id,
                action=action,
                request=payload,
                created_at_us=at_us,
            )
            db.emit(
                CommandChanged(
                    charge_point_id=charge_point_id,
                    at_us=at_us,
                    command_id=command_id,
                    action=action,
                    state="waiting",
                )
            )
            return command_id

        return await self._store.write(work)

    def _settle(
        self,
        db: Db,
        session: Session,
        command_id: int,
        request: Request[Message],
        outcome: Message | OcpptrioError,
        *,
        late: bool,
    ) -> None:
        charge_point_id, at_us = session.state.charge_point_id, self._clock()
        action = type(request).__name__
        response = error = None
        if isinstance(outcome, Message):
            response = redact(action, msgspec.json.encode(outcome).decode())
            mirror(db, session.state, command_id, request, outcome, at_us)
        else:
            error = str(outcome)
        state = _state(outcome)
        commands.settle(
            db,
            command_id,
            state=state,
            settled_at_us=at_us,
            response=response,
            error=error,
            late=late,
        )
        db.emit(
            CommandChanged(
                charge_point_id=charge_point_id,
                at_us=at_us,
                command_id=command_id,
                action=action,
                state=state,
                detail=response or error,
            )
        )


def _state(outcome: Message | OcpptrioError) -> str:
    match outcome:
        case Message():
            return "answered"
        case CallRefused():
            return "refused"
        case CallTimedOut():
            return "timed out"
        case CallFailed() | _:
            return "failed"

"""Sees every message of one connection: journal, log lines, deviations, and when calls may start.

Not here: answers (services), and what a message does to the state (events, session).
"""

import structlog

from ocpptrio.clock import Clock
from ocpptrio.config import LogLevel, Settings
from ocpptrio.connection import Connection
from ocpptrio.events import (
    AnyEvent,
    Booted,
    Deviated,
    Registered,
    ReviewOpened,
    SecurityEventReported,
    StopOrphaned,
    TransactionReconciled,
    TransactionStarted,
    TransactionStopped,
    TransactionSuperseded,
)
from ocpptrio.protocol.conversation import (
    CallReceived,
    CallRejected,
    Event,
    Ignored,
    InvalidResponseReceived,
    MustClose,
)
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.protocol.datatypes import Deviation
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.redaction import redact
from ocpptrio.session.registry import Session
from ocpptrio.store import deviations, journal
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import Direction

log = structlog.get_logger("ocpptrio.messages")


def tell(event: AnyEvent) -> None:
    """The log line of an event that an operator wants to see as it happens."""
    match event:
        case Registered():
            log.info("registered", charge_point=event.charge_point_id, origin=event.origin)
        case Booted():
            log.info(
                "booted",
                charge_point=event.charge_point_id,
                status=str(event.status),
                model=f"{event.vendor} {event.model}",
                firmware=event.firmware_version,
            )
        case TransactionStarted():
            log.info(
                "transaction started",
                charge_point=event.charge_point_id,
                transaction=event.transaction_id,
                connector=event.connector_id,
                id_tag=event.id_tag,
                authorization=event.authorization,
            )
        case TransactionStopped():
            log.info(
                "transaction stopped",
                charge_point=event.charge_point_id,
                transaction=event.transaction_id,
                energy_wh=event.energy_wh,
                reason=event.reason,
            )
        case TransactionSuperseded():
            log.warning(
                "transaction ended without a stop",
                charge_point=event.charge_point_id,
                transaction=event.transaction_id,
                by=event.by_transaction_id,
            )
        case StopOrphaned():
            log.warning(
                "stop fits no transaction",
                charge_point=event.charge_point_id,
                transaction=event.transaction_id,
            )
        case TransactionReconciled():
            log.info(
                f"transaction {event.conclusion}",
                charge_point=event.charge_point_id,
                transaction=event.transaction_id,
                confidence=event.confidence,
            )
        case ReviewOpened():
            log.warning(
                "waits for a person: ocpptrio transactions review show",
                charge_point=event.charge_point_id,
                review=event.review_id,
                about=event.review,
            )
        case SecurityEventReported():
            log.info("security event", charge_point=event.charge_point_id, type=event.type)


class Witness:
    """The observer of a central system's connection; `connection` is set once that exists."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        session: Session,
        generation: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._session = session
        self._charge_point_id = session.state.charge_point_id
        self._generation = generation
        self._journal = settings.journal.enabled
        self._debug = settings.log.level == LogLevel.DEBUG
        self._calls_allowed = False
        self.connection: Connection | None = None

    def received(self, data: str | bytes, event: Event) -> None:
        at_us = self._session.last_seen_us = self._clock()
        if self._journal or self._debug:
            text = data if isinstance(data, str) else data.decode(errors="replace")
            self._record(Direction.IN, at_us, event.action, event.unique_id, text)
        if isinstance(event, CallReceived):
            if (
                not self._calls_allowed
                and event.action != "BootNotification"
                and self._session.state.registration is RegistrationStatus.ACCEPTED
            ):
                # It speaks, so it does not wait for a boot to be answered (OCPP-J 1.6, 5.4).
                self._allow_calls()
            if event.deviations:
                self._note(event.action, event.deviations, at_us)
        else:
            self._not_a_call(event, at_us)

    def sent(self, text: str, action: str, unique_id: UniqueId, *, is_call: bool) -> None:
        if self._journal or self._debug:
            self._record(Direction.OUT, self._clock(), action, unique_id, text)
        if not self._calls_allowed and action == "BootNotification" and not is_call:
            self._allow_calls()

    def _allow_calls(self) -> None:
        assert self.connection is not None
        self._calls_allowed = True
        self.connection.allow_calls()

    def _record(
        self, direction: Direction, at_us: int, action: str, unique_id: UniqueId | None, text: str
    ) -> None:
        text = redact(action, text)
        if self._journal:
            self._store.note(
                journal.TABLE,
                journal.row(
                    at_us=at_us,
                    charge_point_id=self._charge_point_id,
                    generation=self._generation,
                    direction=direction,
                    action=action,
                    unique_id="" if unique_id is None else str(unique_id),
                    text=text,
                ),
            )
        if self._debug:
            log.debug("message", charge_point=self._charge_point_id, direction=direction, text=text)

    def _not_a_call(self, event: Event, at_us: int) -> None:
        match event:
            case CallRejected(action=action, code=code, description=description):
                log.warning(
                    "refused",
                    charge_point=self._charge_point_id,
                    action=action,
                    code=str(code),
                    reason=description,
                )
                self._note(action, event.deviations, at_us)
            case Ignored(reason=reason):
                log.warning("ignored", charge_point=self._charge_point_id, reason=reason)
                self._note(event.action, event.deviations, at_us)
            case InvalidResponseReceived(action=action, reason=reason):
                log.warning(
                    "unreadable response",
                    charge_point=self._charge_point_id,
                    action=action,
                    reason=reason,
                )
                self._note(action, event.deviations, at_us)
            case MustClose(reason=reason):
                log.warning("closing", charge_point=self._charge_point_id, reason=reason)
            case _ if getattr(event, "deviations", ()):
                self._note(event.action, event.deviations, at_us)  # type: ignore[union-attr]

    def _note(self, action: str, noted: tuple[Deviation, ...], at_us: int) -> None:
        charge_point_id = self._charge_point_id

        def work(db: Db) -> None:
            for deviation in noted:
                is_new = deviations.note(
                    db,
                    charge_point_id=charge_point_id,
                    action=action,
                    deviation=deviation,
                    at_us=at_us,
                )
                if is_new:
                    log.warning(
                        "deviation",
                        charge_point=charge_point_id,
                        action=action,
                        field=deviation.field,
                        kind=str(deviation.kind),
                    )
                    db.emit(
                        Deviated(
                            charge_point_id=charge_point_id,
                            at_us=at_us,
                            action=action,
                            field=deviation.field,
                            deviation=deviation.kind,
                            example=deviation.original,
                        )
                    )

        if noted:
            self._store.post(work)

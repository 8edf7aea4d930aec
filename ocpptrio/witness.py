"""Sees every message of one connection: journal, log lines, deviations, counts, and when calls may
start.

Not here: answers (services), and what a message does to the state (events, session).
"""

import msgspec
import structlog

from ocpptrio.clock import Clock
from ocpptrio.config import LogLevel, Settings
from ocpptrio.connection import Connection
from ocpptrio.figures import OTHER, Figures
from ocpptrio.protocol.actions import ACTIONS
from ocpptrio.protocol.conversation import (
    CallReceived,
    CallRejected,
    CallRepeated,
    ErrorReceived,
    Event,
    Ignored,
    InvalidResponseReceived,
    MustClose,
    ResponseReceived,
)
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.protocol.datatypes import Deviation
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.redaction import HIDDEN, redact
from ocpptrio.session.registry import Session
from ocpptrio.store import deviations, journal
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.vocabulary import Direction

log = structlog.get_logger("ocpptrio.messages")


class Witness:
    """The observer of a central system's connection; `connection` is set once that exists."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        session: Session,
        generation: int,
        figures: Figures,
    ) -> None:
        self._store = store
        self._clock = clock
        self._session = session
        self._charge_point_id = session.state.charge_point_id
        self._generation = generation
        self._journal = settings.journal.enabled
        self._debug = settings.log.level == LogLevel.DEBUG
        self._calls_allowed = False
        self._messages = figures.messages
        # Those that each message adds to, looked up once.
        self._calls = figures.messages["in", "CALL"]
        self._answers = figures.messages["out", "CALLRESULT"]
        self._answer_s = figures.answer_s
        self._call_s = figures.call_s
        # When the CALLs came that are not answered yet: they are answered in their order. A list,
        # since an empty one is small, and there is hardly ever more than one.
        self._unanswered_us: list[int] = []
        self._called_us = 0  # when our last CALL was sent
        self.connection: Connection | None = None

    def opened(self, noted: tuple[Deviation, ...]) -> None:
        """The connection is open; its handshake was odd in these ways."""
        self._note("handshake", noted, self._clock(), "")

    def received(self, data: str | bytes, event: Event) -> None:
        at_us = self._session.last_seen_us = self._clock()
        if self._journal or self._debug:
            text = data if isinstance(data, str) else data.decode(errors="backslashreplace")
            self._record(Direction.IN, at_us, event.action, event.unique_id, text)
        if isinstance(event, CallReceived):
            self._calls[event.action] += 1
            self._unanswered_us.append(at_us)
            if (
                not self._calls_allowed
                and event.action != "BootNotification"
                and self._session.state.registration is RegistrationStatus.ACCEPTED
            ):
                # It speaks, so it does not wait for a boot to be answered (OCPP-J 1.6, 5.4).
                self._allow_calls()
            if event.deviations:
                self._note(event.action, event.deviations, at_us, data)
        else:
            self._count(event, at_us)
            self._not_a_call(event, at_us, data)

    def sent(self, text: str, action: str, unique_id: UniqueId, *, is_call: bool) -> None:
        at_us = self._clock()
        if self._journal or self._debug:
            self._record(Direction.OUT, at_us, action, unique_id, text)
        if is_call:
            self._messages["out", "CALL"][_known(action)] += 1
            self._called_us = at_us
        else:
            if text[1] == "3":
                self._answers[action] += 1
            else:
                self._messages["out", "CALLERROR"][_known(action)] += 1
            if self._unanswered_us:
                self._answer_s.observe((at_us - self._unanswered_us.pop(0)) / 1e6)
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

    def _count(self, event: Event, at_us: int) -> None:
        """Count what is no plain CALL."""
        match event:
            case CallRepeated() | CallRejected():
                kind = "CALL"
                if not (isinstance(event, CallRepeated) and event.answer is None):
                    self._unanswered_us.append(at_us)
            case ErrorReceived():
                kind = "CALLERROR"
            case ResponseReceived() | InvalidResponseReceived():
                kind = "CALLRESULT"
            case _:
                kind = "ignored"
        self._messages["in", kind][_known(event.action)] += 1
        if (
            isinstance(event, ResponseReceived | ErrorReceived | InvalidResponseReceived)
            and not event.late
        ):
            self._call_s.observe((at_us - self._called_us) / 1e6)

    def _not_a_call(self, event: Event, at_us: int, data: str | bytes) -> None:
        match event:
            case CallRejected(action=action, code=code, description=description):
                log.warning(
                    "refused",
                    charge_point=self._charge_point_id,
                    action=action,
                    code=str(code),
                    reason=description,
                )
                self._note(action, event.deviations, at_us, data)
            case Ignored(reason=reason):
                log.warning("ignored", charge_point=self._charge_point_id, reason=reason)
                self._note(event.action, event.deviations, at_us, data)
            case InvalidResponseReceived(action=action, reason=reason):
                log.warning(
                    "unreadable response",
                    charge_point=self._charge_point_id,
                    action=action,
                    reason=reason,
                )
                self._note(action, event.deviations, at_us, data)
            case MustClose(reason=reason):
                log.warning("closing", charge_point=self._charge_point_id, reason=reason)
            case _ if getattr(event, "deviations", ()):
                self._note(event.action, event.deviations, at_us, data)  # type: ignore[union-attr]

    def _note(
        self, action: str, noted: tuple[Deviation, ...], at_us: int, data: str | bytes
    ) -> None:
        if not noted:
            return
        charge_point_id = self._charge_point_id
        text = data if isinstance(data, str) else data.decode(errors="replace")
        if redact(action, text) != text:  # nobody knows in which of its values the secret is
            noted = tuple(msgspec.structs.replace(one, original=HIDDEN) for one in noted)

        def work(db: Db) -> None:
            for deviation in noted:
                deviations.note(
                    db,
                    charge_point_id=charge_point_id,
                    action=action,
                    deviation=deviation,
                    at_us=at_us,
                )

        self._store.post(work)


def _known(action: str) -> str:
    """The Action if the specification knows it: whatever a charge point makes up has no end."""
    return action if action in ACTIONS else OTHER

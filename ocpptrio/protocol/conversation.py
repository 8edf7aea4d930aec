"""One connection as a state machine, for either role: text in, events out; calls in, text out.

It knows our outstanding CALL, the CALLs of the other side that still lack an answer, and the
answers already given, so that a CALL that comes again gets the same text again.
Not here: sockets, time-outs, tasks (connection), or what a CALL means (services).

The rules, with OCPP-J 1.6 unless said otherwise:
- one outstanding CALL of ours (4.1.1); answers pair by unique id alone, a late one with none;
- CALLs of the other side are independent of ours and each is answered exactly once;
- never answer an answer; unknown message types are ignored (4.1.3).
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from ocpptrio.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from ocpptrio.protocol import frames, tolerance
from ocpptrio.protocol.actions import ACTIONS, RECEIVED_BY, ActionSpec, Role, encode, spec_of
from ocpptrio.protocol.core import BootNotification, Heartbeat
from ocpptrio.protocol.datatypes import TEXT_KEPT, Deviation, DeviationKind, Message, Request
from ocpptrio.protocol.frames import UNIQUE_ID_LENGTH, UniqueId

ANSWERS_KEPT: Final = 64  # answers to the last CALLs, for one that comes again
ANSWER_LENGTH_KEPT: Final = 16_384  # characters; a longer answer is worked out again
LATE_CALLS_KEPT: Final = 8  # CALLs of ours that timed out and may still be answered
BROKEN_IN_A_ROW: Final = 20  # messages that are no frames; then whoever sends them must go
DESCRIPTION_LENGTH: Final = 255  # characters of an errorDescription (OCPP-J 2.0.1; 1.6 is silent)

# With these a charge point that could not read our CALL, hence not its id either, names it.
UNREADABLE_IDS: Final = frozenset({"", "-1", -1})

# Their answers carry the time, so a repeat is answered afresh.
ANSWERED_AFRESH: Final = frozenset({BootNotification, Heartbeat})


MessageT = TypeVar("MessageT", bound=Message)


class CallReceived(msgspec.Struct, frozen=True, gc=False):
    """A CALL to be answered with `answer` or `refuse`."""

    unique_id: UniqueId
    action: str
    request: Request[Message]
    deviations: tuple[Deviation, ...] = ()


class CallRepeated(msgspec.Struct, frozen=True, gc=False):
    """A CALL that came before. `answer` is to be sent again; None while it is being worked on."""

    unique_id: UniqueId
    action: str
    answer: str | None


class CallRejected(msgspec.Struct, frozen=True, gc=False):
    """A CALL that cannot be read or is not for us; `answer` is the CALLERROR to send."""

    unique_id: UniqueId
    action: str
    answer: str
    code: ErrorCode
    description: str
    deviations: tuple[Deviation, ...] = ()


class ResponseReceived(msgspec.Struct, frozen=True, gc=False):
    """The CALLRESULT to a CALL of ours; `late` if that had been given up."""

    unique_id: UniqueId
    action: str
    response: Message
    late: bool = False
    deviations: tuple[Deviation, ...] = ()


class ErrorReceived(msgspec.Struct, frozen=True):
    """The CALLERROR to a CALL of ours, its code as it came; `late` if that had been given up."""

    unique_id: UniqueId
    action: str
    code: str
    description: str
    details: dict[str, Any]  # Any: free-form JSON
    late: bool = False
    deviations: tuple[Deviation, ...] = ()


class InvalidResponseReceived(msgspec.Struct, frozen=True, gc=False):
    """An answer to a CALL of ours that cannot be read; there is nothing to send back."""

    unique_id: UniqueId
    action: str
    reason: str
    late: bool = False
    deviations: tuple[Deviation, ...] = ()


class Ignored(msgspec.Struct, frozen=True, gc=False):
    """Nothing to do: an answer to nothing, an unknown message type, or no frame at all."""

    reason: str
    unique_id: UniqueId | None = None
    action: str = ""
    deviations: tuple[Deviation, ...] = ()


class MustClose(msgspec.Struct, frozen=True, gc=False):
    """The connection is to be closed with this WebSocket close code."""

    code: int
    reason: str
    unique_id: UniqueId | None = None
    action: str = ""


Event: TypeAlias = (
    CallReceived
    | CallRepeated
    | CallRejected
    | ResponseReceived
    | ErrorReceived
    | InvalidResponseReceived
    | Ignored
    | MustClose
)


class _Sent(msgspec.Struct, frozen=True, gc=False):
    """A CALL of ours: what its answer has to be."""

    unique_id: str
    spec: ActionSpec


class _Received(msgspec.Struct, frozen=True, gc=False):
    """A CALL of the other side that waits for its answer."""

    fingerprint: int  # of the whole text: tells a repeat from another CALL with the same id
    spec: ActionSpec


class Conversation:
    """See the module. Not safe to share between connections: unique ids count per connection.

    Args:
        role: which side we are.
        reject_unknown_fields: a field that the specification does not know makes a CALL a
            FormationViolation, and an answer invalid, instead of being noted.
        local_zone: asked for the zone of a time that comes without one.
    """

    def __init__(
        self,
        role: Role,
        *,
        reject_unknown_fields: bool = False,
        local_zone: Callable[[], tzinfo] = lambda: UTC,
    ) -> None:
        self._local_zone = local_zone
        self._role = role
        self._received_actions = RECEIVED_BY[role]
        self._reject_unknown_fields = reject_unknown_fields
        self._outstanding: _Sent | None = None
        self._late: deque[_Sent] = deque(maxlen=LATE_CALLS_KEPT)
        # CALLs of the other side, by `_key`. An answered one is its fingerprint and our answer.
        self._unanswered: dict[object, _Received] = {}
        self._answered: dict[object, tuple[int, str]] = {}
        self._broken_in_a_row = 0

    # Our side speaks.

    @property
    def has_outstanding_call(self) -> bool:
        return self._outstanding is not None

    def call(self, unique_id: str, request: Request[Message]) -> str:
        """The text of a CALL, which is outstanding from now on.

        Args:
            unique_id: 1 to 36 characters, not used before on this connection (OCPP-J 1.6, 4.1.4).

        Raises:
            LocalProtocolError: another CALL is outstanding, this side does not send such a
                request, a value in it breaks a limit, or the unique id cannot be used.
        """
        if self._outstanding is not None:
            raise LocalProtocolError(
                f"{self._outstanding.spec.name} is still outstanding (OCPP-J 1.6, 4.1.1)"
            )
        spec = spec_of(request)
        if self._role not in spec.senders:
            raise LocalProtocolError(f"a {self._role.value} does not send {spec.name}")
        if not 1 <= len(unique_id) <= UNIQUE_ID_LENGTH or unique_id in UNREADABLE_IDS:
            raise LocalProtocolError(f"{unique_id!r} cannot be a unique id; use a UUID")
        if any(sent.unique_id == unique_id for sent in self._late):
            raise LocalProtocolError(f"unique id {unique_id!r} has been used; use a new one")
        text = _text(frames.Call(unique_id, spec.name, msgspec.Raw(encode(request))))
        self._outstanding = _Sent(unique_id, spec)
        return text

    def give_up(self) -> None:
        """The outstanding CALL has waited long enough; its answer will be late from now on."""
        assert self._outstanding is not None, "nothing is outstanding"
        self._late.append(self._outstanding)
        self._outstanding = None

    def answer(self, unique_id: UniqueId, response: Message) -> str:
        """The text of the CALLRESULT for a CallReceived.

        Raises:
            LocalProtocolError: that CALL is not waiting for an answer, the response is another
                Action's, or a value in it breaks a limit. The CALL then still waits.
        """
        key = unique_id if type(unique_id) is str else _key(unique_id)
        received = self._unanswered.get(key)
        if received is None:
            raise LocalProtocolError(f"no CALL {unique_id!r} waits for an answer")
        spec = received.spec
        if type(response) is not spec.response:
            raise LocalProtocolError(
                f"{spec.name} is answered with {spec.response.__name__}, "
                f"not with {type(response).__name__}"
            )
        text = _text(frames.CallResult(unique_id, msgspec.Raw(encode(response))))
        del self._unanswered[key]
        if spec.request not in ANSWERED_AFRESH and len(text) <= ANSWER_LENGTH_KEPT:
            self._answered[key] = (received.fingerprint, text)
            if len(self._answered) > ANSWERS_KEPT:
                del self._answered[next(iter(self._answered))]
        return text

    def refuse(
        self,
        unique_id: UniqueId,
        code: ErrorCode,
        description: str = "",
        details: dict[str, Any] | None = None,  # Any: free-form JSON
    ) -> str:
        """The text of the CALLERROR for a CallReceived. Not kept: a repeat gets a new chance.

        Raises:
            LocalProtocolError: that CALL is not waiting for an answer, or the details are not JSON.
                In the latter case it still waits.
        """
        key = _key(unique_id)
        if key not in self._unanswered:
            raise LocalProtocolError(f"no CALL {unique_id!r} waits for an answer")
        try:
            text = _error_text(unique_id, code, description, details)
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalProtocolError(f"these details cannot be sent: {error}") from error
        del self._unanswered[key]
        return text

    # The other side speaks.

    def receive(self, data: str | bytes) -> Event:
        """What one WebSocket message means. Never raises."""
        if isinstance(data, bytes):
            # OCPP-J knows no binary messages, but what is text all the same can be read (Q29); and
            # a text with bytes that are none comes as bytes, too (Q28).
            try:
                text, kind = data.decode(), DeviationKind.BINARY_FRAME
            except UnicodeDecodeError:
                text, kind = data.decode(errors="replace"), DeviationKind.INVALID_UTF8
            frame, deviations = frames.read(text)
            if kind is DeviationKind.INVALID_UTF8 and _is_lost(frame):
                return MustClose(1003, "binary messages are not OCPP-J")
            deviations = (Deviation("", kind, _excerpt(data)), *deviations)
        else:
            text = data
            frame, deviations = frames.read(text)
        if isinstance(frame, frames.Broken):
            return self._broken(frame, deviations)
        self._broken_in_a_row = 0
        if isinstance(frame, frames.Call):
            return self._call(frame, text, deviations)
        if isinstance(frame, frames.Nothing):
            return Ignored(frame.reason, deviations=deviations)
        return self._answer_received(frame, text, deviations)

    def _broken(self, frame: frames.Broken, deviations: tuple[Deviation, ...]) -> Event:
        self._broken_in_a_row += 1
        if self._broken_in_a_row >= BROKEN_IN_A_ROW:
            return MustClose(1008, f"{BROKEN_IN_A_ROW} broken messages in a row")
        unique_id = frame.unique_id
        if unique_id is None:
            return Ignored(frame.reason, deviations=deviations)
        if not frame.answers:
            return _reject(unique_id, "", ErrorCode.FORMATION_VIOLATION, frame.reason, deviations)
        sent, late = self._take_sent(unique_id)
        if sent is None:
            return Ignored(frame.reason, unique_id, deviations=deviations)
        return InvalidResponseReceived(
            sent.unique_id, sent.spec.name, frame.reason, late, deviations
        )

    def _call(self, frame: frames.Call, text: str, deviations: tuple[Deviation, ...]) -> Event:
        unique_id, action = frame.unique_id, frame.action
        if unique_id == "":
            reason = "empty unique id"
            return _reject(unique_id, action, ErrorCode.FORMATION_VIOLATION, reason, deviations)
        key = unique_id if type(unique_id) is str else _key(unique_id)
        fingerprint = hash(text)
        if (waiting := self._unanswered.get(key)) is not None:
            if waiting.fingerprint == fingerprint:
                return CallRepeated(unique_id, action, None)
            reason = "another CALL with this unique id is still being worked on"
            return _reject(unique_id, action, ErrorCode.PROTOCOL_ERROR, reason, deviations)
        if (answered := self._answered.get(key)) is not None:
            if answered[0] == fingerprint:
                return CallRepeated(unique_id, action, answered[1])
            # A counter that began anew; the CALL is a new one.
            reused = Deviation("uniqueId", DeviationKind.REUSED_ID, str(unique_id)[:TEXT_KEPT])
            deviations += (reused,)
        spec = self._received_actions.get(action)
        if spec is None:
            if action in ACTIONS:
                code = ErrorCode.NOT_SUPPORTED
                reason = f"a {self._role.value} sends {action}, it does not receive it"
            else:
                code, reason = ErrorCode.NOT_IMPLEMENTED, "unknown Action"
            return _reject(unique_id, action, code, reason, deviations)
        try:
            request, noted = self._read(spec.read_request, spec.request, frame.payload, text)
        except RemoteProtocolError as error:
            return _reject(unique_id, action, error.code, error.description, deviations)
        if self._unanswered:
            others = ", ".join(waiting.spec.name for waiting in self._unanswered.values())
            at_once = Deviation("", DeviationKind.CALLS_AT_ONCE, f"beside {others}"[:TEXT_KEPT])
            deviations += (at_once,)
        self._unanswered[key] = _Received(fingerprint, spec)
        return CallReceived(unique_id, action, request, deviations + noted)

    def _answer_received(
        self,
        frame: frames.CallResult | frames.CallError,
        text: str,
        deviations: tuple[Deviation, ...],
    ) -> Event:
        is_error = isinstance(frame, frames.CallError)
        sent, late = self._take_sent(frame.unique_id)
        if sent is None and is_error and frame.unique_id in UNREADABLE_IDS and not self._late:
            # Not while a CALL that was given up could be meant: such an error comes late, too.
            sent, self._outstanding = self._outstanding, None
        if sent is None:
            note = Deviation(
                "uniqueId", DeviationKind.UNEXPECTED_ANSWER, str(frame.unique_id)[:TEXT_KEPT]
            )
            return Ignored("answer to no CALL of ours", frame.unique_id, "", (*deviations, note))
        unique_id, spec = sent.unique_id, sent.spec
        if isinstance(frame, frames.CallError):
            return ErrorReceived(
                unique_id,
                spec.name,
                frame.code,
                frame.description,
                frame.details,
                late,
                deviations,
            )
        try:
            response, noted = self._read(spec.read_response, spec.response, frame.payload, text)
        except RemoteProtocolError as error:
            return InvalidResponseReceived(unique_id, spec.name, str(error), late, deviations)
        return ResponseReceived(unique_id, spec.name, response, late, deviations + noted)

    def _take_sent(self, unique_id: UniqueId) -> tuple[_Sent | None, bool]:
        """The CALL of ours with this id and whether it was given up; it is settled now."""
        sent = self._outstanding
        if sent is not None and sent.unique_id == unique_id:
            self._outstanding = None
            return sent, False
        for sent in self._late:
            if sent.unique_id == unique_id:
                self._late.remove(sent)
                return sent, True
        return None, False

    def _read(
        self,
        decode: Callable[[msgspec.Raw], MessageT],
        kind: type[MessageT],
        payload: msgspec.Raw,
        text: str,
    ) -> tuple[MessageT, tuple[Deviation, ...]]:
        if "null" not in text:  # which the strict decoder would pass over in optional fields
            try:
                return decode(payload), ()
            except msgspec.DecodeError:
                pass
        return tolerance.read(
            kind,
            bytes(payload),
            reject_unknown_fields=self._reject_unknown_fields,
            local_zone=self._local_zone,
        )


def _is_lost(frame: object) -> bool:
    """Nothing in it can be answered."""
    return isinstance(frame, frames.Nothing) or (
        isinstance(frame, frames.Broken) and frame.unique_id is None
    )


def _excerpt(data: bytes) -> str:
    """What surrounds the first odd byte, as text that shows such bytes as they are."""
    try:
        data.decode()
        start = 0
    except UnicodeDecodeError as error:
        start = max(0, error.start - TEXT_KEPT // 2)
    return data[start : start + 2 * TEXT_KEPT].decode(errors="backslashreplace")[:TEXT_KEPT]


def _key(unique_id: UniqueId) -> object:
    """What tells unique ids apart as JSON does: to a dict, 1 and 1.0 would be the same."""
    return unique_id if isinstance(unique_id, str) else (repr(unique_id),)


def _reject(
    unique_id: UniqueId,
    action: str,
    code: ErrorCode,
    description: str,
    deviations: tuple[Deviation, ...],
) -> CallRejected:
    action = action[:TEXT_KEPT]
    unknown = code is ErrorCode.NOT_IMPLEMENTED
    kind = DeviationKind.UNKNOWN_ACTION if unknown else DeviationKind.REFUSED
    refused = Deviation("", kind, f"{action or 'CALL'}: {description}"[:TEXT_KEPT])
    answer = _error_text(unique_id, code, description)
    return CallRejected(unique_id, action, answer, code, description, (*deviations, refused))


_encode_frame: Final = msgspec.json.Encoder().encode


def _text(frame: frames.Frame) -> str:
    return _encode_frame(frame).decode()


def _error_text(
    unique_id: UniqueId, code: ErrorCode, description: str, details: dict[str, Any] | None = None
) -> str:
    return _text(
        frames.CallError(unique_id, code.value, description[:DESCRIPTION_LENGTH], details or {})
    )

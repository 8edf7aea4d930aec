"""The three frames of OCPP-J as JSON arrays, and what can be saved from a broken one.

Not here: what a payload means (actions, tolerance), which answer belongs to which CALL
(conversation).
"""

import re
from typing import Any, Final

import msgspec

from ocpptrio.protocol import loose_json
from ocpptrio.protocol.datatypes import TEXT_KEPT, Deviation, DeviationKind

# Text by the specification (OCPP-J 1.6, 4.1.4); some devices send a number, which goes back as one.
UniqueId = str | int | float

UNIQUE_ID_LENGTH: Final = 36  # characters; a UUID fits


class Call(
    msgspec.Struct, frozen=True, array_like=True, tag=2, forbid_unknown_fields=True, gc=False
):
    """`[2, "<uniqueId>", "<Action>", {payload}]` (OCPP-J 1.6, 4.2.1)."""

    unique_id: UniqueId
    action: str
    payload: msgspec.Raw  # decoded when the Action is known


class CallResult(
    msgspec.Struct, frozen=True, array_like=True, tag=3, forbid_unknown_fields=True, gc=False
):
    """`[3, "<uniqueId>", {payload}]` (OCPP-J 1.6, 4.2.2)."""

    unique_id: UniqueId
    payload: msgspec.Raw


class CallError(msgspec.Struct, frozen=True, array_like=True, tag=4, forbid_unknown_fields=True):
    """`[4, "<uniqueId>", "<errorCode>", "<errorDescription>", {errorDetails}]` (4.2.3)."""

    unique_id: UniqueId
    code: str
    description: str
    details: dict[str, Any]  # Any: free-form JSON


class Broken(msgspec.Struct, frozen=True, gc=False):
    """A message that is no frame.

    `unique_id` is set where it could still be read, and `answers` tells whether the message was
    meant as an answer; a broken CALL whose id is known can be answered, all else is dropped.
    """

    reason: str
    unique_id: UniqueId | None = None
    answers: bool = False


class Nothing(msgspec.Struct, frozen=True, gc=False):
    """A message to be passed over in silence: an empty one, or one of an unknown type."""

    reason: str


Frame = Call | CallResult | CallError
Reading = tuple[Frame | Broken | Nothing, tuple[Deviation, ...]]

_decode: Final = msgspec.json.Decoder(Frame).decode
_decode_unique_id: Final = msgspec.json.Decoder(UniqueId).decode

_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # but tab and line ends

# The start of a CALL up to its unique id, for text that is not JSON further on. A number must have
# ended: in a message cut short it could be the half of another.
_CALL_HEAD: Final = re.compile(r'\[\s*2\s*,\s*("(?:[^"\\]|\\.)+"|-?\d+(?=\s*,))', re.ASCII)
_CALL_HEAD_LENGTH: Final = 512  # characters; longer ids are not looked for in broken text


def read(text: str) -> Reading:
    """Read one message: strictly first, then with repairs, each noted as a Deviation."""
    try:
        frame = _decode(text)
    except msgspec.ValidationError:
        return _second_reading(text, ())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _second_reading(text, (_json_deviation(text),))
    unique_id = frame.unique_id
    if type(unique_id) is str and len(unique_id) <= UNIQUE_ID_LENGTH:
        return frame, ()
    return frame, _id_deviations(unique_id)


def _id_deviations(unique_id: UniqueId) -> tuple[Deviation, ...]:
    if not isinstance(unique_id, str):
        return (Deviation("uniqueId", DeviationKind.WRONG_TYPE, str(unique_id)[:TEXT_KEPT]),)
    if len(unique_id) > UNIQUE_ID_LENGTH:
        return (Deviation("uniqueId", DeviationKind.TOO_LONG, unique_id[:TEXT_KEPT]),)
    return ()


def _json_deviation(text: str) -> Deviation:
    odd = _CONTROL_CHARACTER.search(text)
    kind = DeviationKind.CONTROL_CHARACTERS if odd else DeviationKind.INVALID_JSON
    start = max(0, odd.start() - TEXT_KEPT // 2) if odd else 0
    return Deviation("", kind, _excerpt(text[start:]))


def _excerpt(text: str) -> str:
    # Half of a surrogate pair could not be stored.
    return text[:TEXT_KEPT].encode(errors="replace").decode()


def _second_reading(text: str, deviations: tuple[Deviation, ...]) -> Reading:
    text = loose_json.strip(text)
    if not text:
        return Nothing("empty message"), ()
    try:
        items = loose_json.loads(text)
        if not isinstance(items, list) or not items:
            return Broken("not a JSON array with items"), deviations
        if type(items[0]) is not int or items[0] not in (2, 3, 4):
            return Nothing("unknown message type"), deviations  # OCPP-J 1.6, 4.1.3: ignore
        unique_id: Any = items[1] if len(items) > 1 else None  # Any: any JSON
        if type(unique_id) not in (str, int, float):
            # null is answered under the empty id, for a CALL without an answer would come again.
            answered_as = "" if items[:2] == [2, None] else None
            return Broken("no unique id", answered_as), deviations
        frame = _from_items(items, unique_id)
    except (ValueError, RecursionError):
        return Broken("not JSON", _salvaged_id(text)), deviations
    if isinstance(frame, CallError) and [frame.description, frame.details] != items[3:]:
        deviations += (Deviation("", DeviationKind.WRONG_TYPE, _excerpt(text)),)
    return frame, deviations + _id_deviations(unique_id)


def _from_items(items: list[Any], unique_id: UniqueId) -> Frame | Broken:  # Any: any JSON
    # Raw and exact text from here on: a `loose_json.Number` is for the eyes of `tolerance` only.
    match items:
        case [2, _, str() as action, payload]:
            return Call(unique_id, str(action), msgspec.Raw(loose_json.dumps(payload).encode()))
        case [2, *_]:
            return Broken("a CALL has four items: [2, id, action, {}]", unique_id)
        case [3, _, payload]:
            return CallResult(unique_id, msgspec.Raw(loose_json.dumps(payload).encode()))
        case [4, _, str() as code, *rest] if len(rest) <= 2:
            # Some leave out the last items, or put null or something else there.
            description, details = (*rest, None, None)[:2]
            if not isinstance(description, str):
                description = "" if description is None else loose_json.dumps(description)
            if isinstance(details, dict):
                details = msgspec.json.decode(loose_json.dumps(details))
            else:
                details = {}
            return CallError(unique_id, str(code), str(description), details)
        case _:
            return Broken("an answer of the wrong shape", unique_id, answers=True)


def _salvaged_id(text: str) -> UniqueId | None:
    head = _CALL_HEAD.match(text, 0, _CALL_HEAD_LENGTH)
    try:
        return _decode_unique_id(head[1]) if head else None
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None

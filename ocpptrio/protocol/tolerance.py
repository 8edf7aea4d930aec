"""The second reading of a payload that the strict one refused: repairs by kind of field.

The result is the same struct, plus a Deviation for each thing repaired. What cannot be repaired
becomes the errorCode to answer with. How far we go depends on the message: a charge point repeats a
refused StopTransaction for ever and holds back all that follows (OCPP 1.6, 3.7.1), while a refused
Authorize costs one attempt.

- In any message: unknown fields are dropped; null and an unreadable time count as absent where the
  field is optional; short texts may be too long; 1.0 is an integer.
- In responses besides: numbers may be text, text may be numbers, and numbers may be out of range,
  for there is nobody to send a refusal to.
- In the messages of `MUST_BE_READ` besides: whatever is optional may be unreadable, and what is
  required may be missing or unreadable where `MISSING_MEANS` has something to put there.

Not here: frames, and whether strict reading sufficed (conversation).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol import loose_json
from ocpptrio.protocol.actions import RESPONSES
from ocpptrio.protocol.core import (
    BootNotification,
    ChargePointErrorCode,
    DataTransfer,
    DataTransferResponse,
    KeyValue,
    MeterValue,
    MeterValues,
    SampledValue,
    StartTransaction,
    StatusNotification,
    StopTransaction,
)
from ocpptrio.protocol.datatypes import TEXT_KEPT, DateTime, Deviation, DeviationKind, Message
from ocpptrio.protocol.security import LogStatusNotification, UploadLogStatusEnumType

MessageT = TypeVar("MessageT", bound=Message)

# Never refused for anything readable, but for a StatusNotification without a status that we know
# (errata 3.24), and for a message that does not say what it is about: no connector, no idTag.
MUST_BE_READ: Final[frozenset[type[Message]]] = frozenset(
    {StartTransaction, StopTransaction, MeterValues, BootNotification, StatusNotification}
)

# Enumerations of which an unknown member is kept as text. All others are refused (errata 3.24).
OPEN_ENUMERATIONS: Final = frozenset(
    {(SampledValue, name) for name in ("context", "format", "measurand", "phase", "location")}
    | {(SampledValue, "unit"), (StopTransaction, "reason")}
)

# Values outside an enumeration that mean one inside it.
SYNONYMS: Final[dict[tuple[type[Message], str], dict[str, StrEnum]]] = {
    # The prose of the white paper calls it UploadFailed, as in DiagnosticsStatusNotification.
    (LogStatusNotification, "status"): {"UploadFailed": UploadLogStatusEnumType.UPLOAD_FAILURE},
}

# What an enumeration says when its member is unknown but the message must be read.
# Legrand sends the errorCode `Error`.
UNKNOWN_MEANS: Final[dict[tuple[type[Message], str], StrEnum]] = {
    (StatusNotification, "errorCode"): ChargePointErrorCode.OTHER_ERROR,
}

# A time that cannot be read, in a message that must be: ordered by arrival, like all clocks that
# were never set.
UNREADABLE_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)

# What a required field holds when it is missing or unreadable and the message must be read. -1 is
# what the specification itself uses for an unknown transaction, and no meter stands
# there: energy is then told from the samples, if at all.
MISSING_MEANS: Final[dict[tuple[type[Message], str], Any]] = {  # Any: of the field's type
    (StartTransaction, "meterStart"): -1,
    (StartTransaction, "timestamp"): UNREADABLE_TIME,
    (StopTransaction, "transactionId"): -1,
    (StopTransaction, "meterStop"): -1,
    (StopTransaction, "timestamp"): UNREADABLE_TIME,
    (MeterValue, "timestamp"): UNREADABLE_TIME,
    (MeterValue, "sampledValue"): (),
    (MeterValues, "meterValue"): (),
    (BootNotification, "chargePointVendor"): "",
    (BootNotification, "chargePointModel"): "",
    (StatusNotification, "errorCode"): ChargePointErrorCode.NO_ERROR,
}

# Text fields in which devices put an object, to be kept as its JSON.
JSON_AS_TEXT: Final = frozenset({(DataTransfer, "data"), (DataTransferResponse, "data")})

# Lists of which one bad item is dropped and the rest kept: one odd measurand or configuration key
# must not cost the others.
DROP_BAD_ITEMS: Final[frozenset[type[Message]]] = frozenset({SampledValue, MeterValue, KeyValue})

INT64_MAX: Final = 2**63 - 1  # what the store can hold; ids of 9223372036854775807 were seen
DEVIATIONS_KEPT: Final = 32  # of one message; a device that sends rubbish is known by then


def read(
    kind: type[MessageT],
    payload: bytes,
    *,
    reject_unknown_fields: bool = False,
    local_zone: Callable[[], tzinfo] = lambda: UTC,
) -> tuple[MessageT, tuple[Deviation, ...]]:
    """Read a payload with repairs.

    Args:
        reject_unknown_fields: refuse a field that the specification does not know.
        local_zone: asked for the zone of a time that has none.

    Raises:
        RemoteProtocolError: not even so; carries the errorCode to answer with.
    """
    reader = _Reader(kind, local_zone)
    try:
        value = loose_json.loads(payload.decode())
        if value is None:
            value = {}  # a legal spelling of the empty payload (OCPP-J 1.6, 4.2.1)
        if not isinstance(value, dict):
            raise RemoteProtocolError(ErrorCode.FORMATION_VIOLATION, "the payload is not an object")
        message: MessageT = reader.struct(kind, value, "")
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(ErrorCode.FORMATION_VIOLATION, "unreadable payload") from error
    if reject_unknown_fields and reader.unknown_field is not None:
        raise RemoteProtocolError(
            ErrorCode.FORMATION_VIOLATION, f"{reader.unknown_field}: unknown field"
        )
    return message, tuple(reader.deviations)


def open_member(enumeration: type[StrEnum], text: str) -> StrEnum:
    """A member that the enumeration does not have, holding `text`; equal to no real one."""
    member = str.__new__(enumeration, text)
    member._name_ = "UNKNOWN"
    member._value_ = text
    # Copied and pickled by value; Python 3.11.3 and earlier would look for the name.
    member.__dict__["__reduce_ex__"] = lambda _protocol: (open_member, (enumeration, text))
    return member


class _Reader:
    """One payload's reading: walks the struct's fields and collects deviations."""

    def __init__(self, kind: type[Message], local_zone: Callable[[], tzinfo]) -> None:
        self._local_zone = local_zone
        self.deviations: list[Deviation] = []
        self.unknown_field: str | None = None  # the first one
        self._must_be_read = kind in MUST_BE_READ
        self._lenient = self._must_be_read or kind in RESPONSES

    def _note(self, path: str, kind: DeviationKind, original: object) -> None:
        if len(self.deviations) < DEVIATIONS_KEPT:
            text = _as_text(original)[:TEXT_KEPT]
            self.deviations.append(Deviation(path[:TEXT_KEPT], kind, text))

    # In the methods below `field` is the struct and the wire name, as in the tables above, and `at`
    # the path to the value. Any: JSON of any shape comes in, a value of the field's type goes out.

    def struct(self, kind: type[Message], value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong_type(path, "object", value)
        fields = _fields(kind)
        values: dict[str, Any] = {}
        for name, raw in value.items():
            at = f"{path}.{name}" if path else name
            if (field := fields.get(name)) is None:
                self.unknown_field = self.unknown_field or at
                self._note(at, DeviationKind.UNKNOWN_FIELD, raw)
                continue
            can_be_absent = not field.required or self._has_stand_in(kind, name)
            if raw is None and can_be_absent:
                self._note(at, DeviationKind.NULL, raw)
                continue
            try:
                values[field.name] = self._value((kind, name), _not_null(field.type), raw, at)
            except RemoteProtocolError:
                is_time = isinstance(_not_null(field.type), inspect.DateTimeType)
                if not (can_be_absent and (self._must_be_read or is_time)):
                    raise
                unreadable = DeviationKind.TIME_FORMAT if is_time else DeviationKind.DROPPED
                self._note(at, unreadable, raw)
        for name, field in fields.items():
            if field.required and field.name not in values:
                at = f"{path}.{name}" if path else name
                if not self._has_stand_in(kind, name):
                    raise RemoteProtocolError(
                        ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"{at}: required, but missing"
                    )
                if name not in value:
                    self._note(at, DeviationKind.MISSING, "")
                values[field.name] = MISSING_MEANS[kind, name]
        build: Any = kind  # Any: each struct has its own parameters
        return build(**values)

    def _has_stand_in(self, kind: type[Message], name: str) -> bool:
        return self._must_be_read and (kind, name) in MISSING_MEANS

    def _value(
        self, field: tuple[type[Message], str], kind: inspect.Type, raw: Any, at: str
    ) -> Any:
        match kind:
            case inspect.EnumType(cls=enum):
                return self._enum(field, enum, raw, at)
            case inspect.StrType():
                if field in JSON_AS_TEXT and type(raw) is not str:
                    self._note(at, DeviationKind.WRONG_TYPE, raw)
                    return _as_text(raw)
                return self._text(kind.max_length, raw, at)
            case inspect.IntType(ge=int() as low, le=int() as high):
                return self._integer(field, low, high, raw, at)
            case inspect.FloatType():
                return self._number(raw, at)
            case inspect.BoolType():
                return self._boolean(raw, at)
            case inspect.DateTimeType():
                return self._time(raw, at)
            case inspect.VarTupleType():
                return self._list(field, kind, raw, at)
        assert isinstance(kind, inspect.StructType)
        assert issubclass(kind.cls, Message)
        return self.struct(kind.cls, raw, at)

    def _enum(
        self, field: tuple[type[Message], str], enum: type[Any], raw: Any, at: str
    ) -> StrEnum:
        is_open = self._lenient and (field in OPEN_ENUMERATIONS or field in UNKNOWN_MEANS)
        if not (isinstance(raw, str) or is_open):
            raise _wrong_type(at, "text", raw)
        text = _as_text(raw)
        members: dict[str, StrEnum] = {member.value: member for member in enum}
        if text in members:
            return members[text]
        self._note(at, DeviationKind.UNKNOWN_VALUE, text)
        if (synonym := SYNONYMS.get(field, {}).get(text)) is not None:
            return synonym
        if not is_open:
            raise RemoteProtocolError(
                ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{at}: not one of {', '.join(members)}"
            )
        for value, member in members.items():
            if value.casefold() == text.strip().casefold():
                return member
        return UNKNOWN_MEANS.get(field) or open_member(enum, text[:TEXT_KEPT])

    def _text(self, limit: int | None, raw: Any, at: str) -> str:
        if type(raw) is str:
            text = raw
        elif self._lenient and isinstance(raw, int | float | loose_json.Number):
            self._note(at, DeviationKind.WRONG_TYPE, raw)
            text = _as_text(raw)
        else:
            raise _wrong_type(at, "text", raw)
        if limit is None or len(text) <= limit:
            return text
        if limit > TEXT_KEPT and not self._lenient:  # a cut certificate is no certificate
            raise RemoteProtocolError(
                ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{at}: longer than {limit} characters"
            )
        self._note(at, DeviationKind.TOO_LONG, text)
        return text[: max(limit, TEXT_KEPT)]

    def _integer(
        self, field: tuple[type[Message], str], low: int, high: int, raw: Any, at: str
    ) -> int:
        number = self._number_in(raw)
        is_integral = isinstance(number, int) or (number is not None and number.is_integer())
        if number is None or not (is_integral or self._lenient):
            raise _wrong_type(at, "integer", raw)
        value = round(number)
        if type(raw) is not int:
            self._note(at, DeviationKind.WRONG_TYPE, raw)
        if low <= value <= high:
            return value
        # Transaction ids come from the central system, and some count beyond 32 bits.
        if not (self._lenient or field[1] == "transactionId"):
            raise RemoteProtocolError(
                ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{at}: not within {low} to {high}"
            )
        self._note(at, DeviationKind.OUT_OF_RANGE, raw)
        return value if abs(value) <= INT64_MAX else -1

    def _number(self, raw: Any, at: str) -> float:
        number = self._number_in(raw)
        if number is None:
            raise _wrong_type(at, "number", raw)
        if isinstance(raw, str):
            self._note(at, DeviationKind.WRONG_TYPE, raw)
        return float(number)

    def _number_in(self, raw: Any) -> int | float | None:
        if isinstance(raw, str):
            return read_number(raw) if self._lenient else None
        return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None

    def _boolean(self, raw: Any, at: str) -> bool:
        if isinstance(raw, bool):
            return raw
        text = loose_json.dumps(raw).strip('" ').lower()
        if not (self._lenient and text in ("true", "false", "1", "0")):
            raise _wrong_type(at, "boolean", raw)
        self._note(at, DeviationKind.WRONG_TYPE, raw)
        return text in ("true", "1")

    def _time(self, raw: Any, at: str) -> datetime:
        if isinstance(raw, str):
            try:
                # Fine as it is: another field is why we are here.
                return msgspec.convert(str(raw), DateTime)
            except msgspec.ValidationError:
                found = read_time(raw)
        elif self._lenient and isinstance(raw, int | float) and not isinstance(raw, bool):
            found = _unix_time(raw)
        else:
            raise _wrong_type(at, "time as text", raw)
        if found is None:
            raise RemoteProtocolError(
                ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{at}: not an RFC 3339 time"
            )
        if found.tzinfo is None:
            self._note(at, DeviationKind.TIME_WITHOUT_ZONE, raw)
            return found.replace(tzinfo=self._local_zone())
        self._note(at, DeviationKind.TIME_FORMAT, raw)
        return found

    def _list(
        self, field: tuple[type[Message], str], kind: inspect.VarTupleType, raw: Any, at: str
    ) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            # Huawei sends the only meterValue as an object.
            if not (self._lenient and isinstance(raw, dict)):
                raise _wrong_type(at, "list", raw)
            self._note(at, DeviationKind.WRONG_TYPE, raw)
            raw = [raw]
        if not raw and kind.min_length:
            self._note(at, DeviationKind.EMPTY_LIST, raw)
        item = kind.item_type
        may_drop = (
            self._lenient and isinstance(item, inspect.StructType) and item.cls in DROP_BAD_ITEMS
        )
        items = []
        for index, value in enumerate(raw):
            path = f"{at}[{index}]"
            try:
                items.append(self._value(field, item, value, path))
            except RemoteProtocolError:
                if not may_drop:
                    raise
                self._note(path, DeviationKind.DROPPED, value)
        return tuple(items)


def _as_text(value: object) -> str:
    return str(value) if isinstance(value, str) else loose_json.dumps(value)


def _wrong_type(path: str, expected: str, value: object) -> RemoteProtocolError:
    found = {dict: "object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    return RemoteProtocolError(
        ErrorCode.TYPE_CONSTRAINT_VIOLATION,
        f"{path}: {expected} expected, {found.get(type(value), 'number')} found",
    )


@cache
def _fields(kind: type[Message]) -> dict[str, inspect.Field]:
    """The fields of a struct by their names on the wire."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: field for field in info.fields}


def _not_null(kind: inspect.Type) -> inspect.Type:
    if isinstance(kind, inspect.UnionType):
        (kind,) = (t for t in kind.types if not isinstance(t, inspect.NoneType))
    return kind


_NUMBER: Final = re.compile(
    r"[+-]?\d{1,19}(?:(?P<point>[.,])(?P<decimals>\d{1,19}))?(?P<power>[eE][+-]?\d{1,2})?",
    re.ASCII,
)


def read_number(text: str) -> int | float | None:
    """The number that a text means, or None: some devices put quotes round numbers.

    With a decimal comma too, except where it could be a thousands separator: 12,345 is twelve to
    one reader and twelve thousand to another, and drivers pay by it.
    """
    match = _NUMBER.fullmatch(text := text.strip())
    if match is None or (match["point"] == "," and len(match["decimals"]) == 3):
        return None
    if match["point"] or match["power"]:
        return float(text.replace(",", "."))
    return int(text)


def _unix_time(number: float) -> datetime | None:
    """A time given as seconds or milliseconds since 1970."""
    try:
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


_ODD_TIME: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r" ?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def read_time(text: str) -> datetime | None:
    """The time that a text means, in any of the forms that charge points send.

    Without a zone in the text the result has none. None for what is no time at all.
    """
    match = _ODD_TIME.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = match["hour"] or "00", match["minute"] or "00", match["second"] or "00"
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    zone = (match["zone"] or "").upper()
    extra = timedelta()
    if hour == "24":  # the next day's first
        hour, extra = "00", timedelta(days=1)
    if second == "60":  # a leap second; the next one, since Python knows none
        second, extra = "59", extra + timedelta(seconds=1)
    try:
        return extra + datetime.fromisoformat(
            f"{match['date']}T{hour}:{minute}:{second}.{fraction}{zone}"
        )
    except (ValueError, OverflowError):
        return None

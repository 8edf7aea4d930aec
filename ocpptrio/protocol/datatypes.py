"""Base of every message, text with limits, and what several feature profiles share.

Each struct is one JSON object of the protocol: field names in snake_case here, in camelCase on the
wire. They are frozen all the way down, so a message can be kept, compared and handed on freely.
Limits are checked when text becomes a message and when a message becomes text, not in between.
Not here: the messages themselves (one module per feature profile), and their table (actions).
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta


class Message(
    msgspec.Struct,
    frozen=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """Base of every payload and of the objects inside; absent optional fields are left out.

    Unknown fields fail the strict reading, so that `tolerance` can note them; it then drops them.
    Messages are trees of immutable values and can form no cycle, hence `gc=False`: they cost the
    garbage collector nothing.
    """


ResponseT_co = TypeVar("ResponseT_co", bound=Message, covariant=True)


class Request(Message, Generic[ResponseT_co], frozen=True):
    """Base of every `.req`; its parameter is the `.conf` that answers it.

    The name of the class is the Action on the wire (OCPP-J 1.6, 4.2.1).
    """


# Lengths are upper bounds in characters, empty text is legal (errata 3.58 to 3.62).
# CiString and IdToken are compared after case folding, but kept and sent as received.
CiString20 = Annotated[str, Meta(max_length=20)]
CiString25 = Annotated[str, Meta(max_length=25)]
CiString40 = Annotated[str, Meta(max_length=40)]
CiString50 = Annotated[str, Meta(max_length=50)]
CiString128 = Annotated[str, Meta(max_length=128)]
CiString255 = Annotated[str, Meta(max_length=255)]
CiString500 = Annotated[str, Meta(max_length=500)]
IdToken = Annotated[str, Meta(max_length=20)]
String50 = Annotated[str, Meta(max_length=50)]
String255 = Annotated[str, Meta(max_length=255)]
String512 = Annotated[str, Meta(max_length=512)]
String800 = Annotated[str, Meta(max_length=800)]
String5500 = Annotated[str, Meta(max_length=5500)]
String10000 = Annotated[str, Meta(max_length=10_000)]

# The JSON schemas bound no integer; the WSDL of the same version types each as signed 32-bit.
INT32_MAX = 2**31 - 1
Integer = Annotated[int, Meta(ge=-(2**31), le=INT32_MAX)]
NonNegative = Annotated[int, Meta(ge=0, le=INT32_MAX)]
Positive = Annotated[int, Meta(ge=1, le=INT32_MAX)]
ConnectorId = Annotated[int, Meta(ge=0, le=INT32_MAX)]
PhysicalConnectorId = Annotated[int, Meta(ge=1, le=INT32_MAX)]
NumberOfPhases = Annotated[int, Meta(ge=1, le=3)]
ListVersion = Annotated[int, Meta(ge=-1, le=INT32_MAX)]

# A number with at most one decimal digit. Not `multiple_of=0.1`: in binary floating point that
# refuses most such numbers, 8.1 among them. `actions.encode` rounds what we send.
Tenths = float

# Any RFC 3339 time with a zone; one without is read as UTC and noted (`tolerance`).
DateTime = Annotated[datetime, Meta(tz=True)]

T = TypeVar("T")
# The specification says 1..*, most schema files do not say so: never sent empty, read with a note.
AtLeastOne = Annotated[tuple[T, ...], Meta(min_length=1)]


TEXT_KEPT = 255  # characters kept of a text that is too long


class DeviationKind(StrEnum):
    """In which way a message, or what the other side did, left the specification.

    What each means for people is told elsewhere (services).
    """

    WRONG_TYPE = "wrong type"
    NULL = "null"
    MISSING = "missing"
    UNKNOWN_FIELD = "unknown field"
    UNKNOWN_VALUE = "unknown value"
    TOO_LONG = "too long"
    OUT_OF_RANGE = "out of range"
    EMPTY_LIST = "empty list"
    DROPPED = "dropped"
    TIME_WITHOUT_ZONE = "time without zone"
    TIME_FORMAT = "time format"
    CONTROL_CHARACTERS = "control characters"
    NOT_ENCODED = "not encoded"
    INVALID_UTF8 = "invalid UTF-8"
    INVALID_JSON = "invalid JSON"
    BINARY_FRAME = "binary frame"
    UNEXPECTED_ANSWER = "unexpected answer"
    REUSED_ID = "reused id"
    REFUSED = "refused"
    # Of the other side's conduct.
    UNKNOWN_ACTION = "unknown Action"
    BEFORE_BOOT = "before boot"
    CALLS_AT_ONCE = "calls at once"
    UNKNOWN_TRANSACTION = "unknown transaction"
    REGISTER_BACKWARDS = "register backwards"
    SECOND_CONNECTION = "second connection"
    NO_PONG = "no pong"
    NO_ANSWER = "no answer"
    WRONG_CLOCK = "wrong clock"


class Deviation(msgspec.Struct, frozen=True, gc=False):
    """One thing that the other side sent and the specification does not allow.

    Attributes:
        field: where, as a path of wire names (`meterValue[0].timestamp`); empty for the frame.
        kind: in which way.
        original: the offending value as it came, as JSON or text, cut to `TEXT_KEPT` characters.
    """

    field: str
    kind: DeviationKind
    original: str


def id_tag_text(id_tag: str) -> str:
    """An idTag as a person would enter it, without stray control characters and blanks around.

    One reader appends `\\x10\\x0e` to each tag. Bytes that are no text are read as U+FFFD, and
    count no more than they.
    """
    return "".join(filter(str.isprintable, id_tag)).replace("\ufffd", "").strip()


def id_tag_key(id_tag: str) -> str:
    """The form in which idTags are compared: case does not count (OCPP 1.6, 7.28)."""
    return id_tag_text(id_tag).casefold()


def is_same_id_tag(one: str | None, other: str | None) -> bool:
    """Are both given, and the same?"""
    return one is not None and other is not None and id_tag_key(one) == id_tag_key(other)


class AuthorizationStatus(StrEnum):
    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class ChargingProfileKindType(StrEnum):
    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class ChargingProfilePurposeType(StrEnum):
    CHARGE_POINT_MAX_PROFILE = "ChargePointMaxProfile"
    TX_DEFAULT_PROFILE = "TxDefaultProfile"
    TX_PROFILE = "TxProfile"


class ChargingRateUnitType(StrEnum):
    A = "A"
    W = "W"


class RecurrencyKindType(StrEnum):
    DAILY = "Daily"
    WEEKLY = "Weekly"


class IdTagInfo(Message, frozen=True, kw_only=True):
    """The verdict on an idTag (OCPP 1.6, 7.28)."""

    expiry_date: DateTime | None = None  # when the charge point is to forget it; absent: never
    # Tags with the same one form a group; to be compared with other parentIdTags only.
    parent_id_tag: IdToken | None = None
    status: AuthorizationStatus


class ChargingSchedulePeriod(Message, frozen=True, kw_only=True):
    """A limit from a moment on, until the next period (OCPP 1.6, 7.14)."""

    start_period: NonNegative  # s from the start of the schedule; 0 in the first period
    limit: Tenths  # in the chargingRateUnit of the schedule
    number_phases: NumberOfPhases | None = None  # absent: 3


class ChargingSchedule(Message, frozen=True, kw_only=True):
    """Limits over time, as periods (OCPP 1.6, 7.13)."""

    duration: Integer | None = None  # s; absent: the last period has no end
    # With profiles of kind Absolute and Recurring. A composite schedule should not have it (errata
    # 3.57), but some charge points send it there too.
    start_schedule: DateTime | None = None
    charging_rate_unit: ChargingRateUnitType  # A is per phase, W the total of all phases
    charging_schedule_period: AtLeastOne[ChargingSchedulePeriod]
    min_charging_rate: Tenths | None = None  # below it charging is inefficient: a hint


class ChargingProfile(Message, frozen=True, kw_only=True):
    """One layer of limits over time (OCPP 1.6, 7.8)."""

    charging_profile_id: Integer  # unique per charge point
    transaction_id: Integer | None = None  # with a TxProfile; not in RemoteStartTransaction
    stack_level: NonNegative  # the highest one counts
    charging_profile_purpose: ChargingProfilePurposeType
    charging_profile_kind: ChargingProfileKindType
    recurrency_kind: RecurrencyKindType | None = None  # with kind Recurring
    valid_from: DateTime | None = None  # absent: at once
    valid_to: DateTime | None = None  # absent: until replaced
    charging_schedule: ChargingSchedule

"""Hypothesis strategies for messages and frames of OCPP 1.6.

`REQUESTS["Reset"]` and `RESPONSES["Reset"]` draw structs within the limits of the specification:
whatever they draw can be encoded, and the official schemas accept it. `as_sent` tells what the
other side will read, for times are cut to seconds and limits to one decimal digit on the wire.

`calls_to`, `odd_calls_to` and `damaged` draw text for the wire: sound, with one odd field, broken.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from ocpptrio.protocol.actions import ACTIONS, RECEIVED_BY, Role, encode
from ocpptrio.protocol.datatypes import Message, Request

# Times as they may be sent: any offset, and far enough from the ends of the calendar to be UTC too.
times: st.SearchStrategy[datetime] = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC)
    | st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)

# An idTag as cards have it; the specification allows any text of up to 20 characters.
id_tags: st.SearchStrategy[str] = st.text("0123456789ABCDEF", min_size=8, max_size=16)

unique_ids: st.SearchStrategy[str] = st.uuids().map(str)


def text_up_to(limit: int | None) -> st.SearchStrategy[str]:
    """Text, mostly short, and at times as long as it may be."""
    if limit is None:
        return st.text(max_size=30)
    return st.text(max_size=min(limit, 30)) | st.just("€" * limit)


@cache
def messages(kind: type[Message]) -> st.SearchStrategy[Any]:  # Any: of that kind
    """Strategy for one struct of the protocol."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    fields = {field.name: values(field.type) for field in info.fields}
    build: Any = kind  # Any: each struct has its own parameters
    return st.fixed_dictionaries(fields).map(lambda drawn: build(**drawn))


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:  # Any: of that type
    """Strategy for one field of a struct."""
    match kind:
        case inspect.UnionType(types=types):
            return st.one_of(*map(values, types))
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=int() as low, le=int() as high):
            return st.integers(low, high)
        case inspect.FloatType():
            return st.floats(-1e6, 1e6)
        case inspect.StrType(max_length=limit):
            return text_up_to(limit)
        case inspect.EnumType(cls=enum):
            return st.sampled_from(enum)
        case inspect.DateTimeType():
            return times
        case inspect.VarTupleType(item_type=item, min_length=at_least):
            return st.lists(values(item), min_size=at_least or 0, max_size=3).map(tuple)
    assert isinstance(kind, inspect.StructType), kind
    return messages(kind.cls)


REQUESTS: Mapping[str, st.SearchStrategy[Any]] = {
    name: messages(spec.request) for name, spec in ACTIONS.items()
}
"""A strategy for the request of each Action."""

RESPONSES: Mapping[str, st.SearchStrategy[Any]] = {
    name: messages(spec.response) for name, spec in ACTIONS.items()
}
"""A strategy for the response of each Action."""


def requests_to(role: Role) -> st.SearchStrategy[Request[Message]]:
    """Whatever the other side may ask of this one."""
    return st.sampled_from(sorted(RECEIVED_BY[role])).flatmap(REQUESTS.__getitem__)


def responses_to(request: Request[Message]) -> st.SearchStrategy[Message]:
    """Whatever may answer this request."""
    return RESPONSES[type(request).__name__]


def as_sent(value: Any) -> Any:  # Any: walks whatever a message may contain
    """What the other side reads when this is sent."""
    match value:
        case datetime():
            return value.astimezone(UTC).replace(microsecond=0)
        case float():
            return round(value, 1)
        case tuple():
            return tuple(map(as_sent, value))
        case Message():
            fields = {name: as_sent(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
    return value


# Frames, as text.

Json = Any  # JSON of any shape


def calls_to(role: Role) -> st.SearchStrategy[str]:
    """Any CALL that the other side may send, as the specification wants it."""
    return st.builds(_call, unique_ids, requests_to(role))


def _call(unique_id: str, request: Request[Message]) -> str:
    payload = encode(request).decode()
    return f"[2,{json.dumps(unique_id)},{json.dumps(type(request).__name__)},{payload}]"


# In place of a value: of another type, out of range, too long, of no known form. All can be sent
# over a WebSocket, the last number only by those who write JSON carelessly.
ODD_VALUES: tuple[Json, ...] = (
    *(None, True, {}, {"a": 1}, [], [[]], ["x"]),
    *(-1, 0, 7, 1.0, 1.5, -(2**31) - 1, 2**31, 2**70, 1e300, 10**400),
    *("", " ", "7", "7,5", "Foo", "x" * 20_000, "\0", "\ud83d", "2024-01-02", "2024-01-02T25:00Z"),
    float("inf"),
)


def places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place inside a value, as keys and indices; of a list, only its first item."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    if isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


@st.composite
def odd_calls_to(draw: st.DrawFn, role: Role) -> str:
    """A CALL in which one field is missing, odd, or too many."""
    frame = json.loads(draw(calls_to(role)))
    at = frame[3]
    *path, last = draw(st.sampled_from([*places(at), ("vendorField",)]))
    for key in path:
        at = at[key]
    if last in (at if isinstance(at, dict) else range(len(at))) and draw(st.booleans()):
        del at[last]
    else:
        at[last] = draw(st.sampled_from(ODD_VALUES))
    return json.dumps(frame)


# What JSON and frames are made of, whole and in pieces.
TOKENS: tuple[str, ...] = (
    *"[]{},: \t\n",
    *("2", "3", "4", "1.0", "-1", "1e400", "NaN", "true", "null", "9" * 30, "9" * 5000),
    *('"1"', '""', '"-1"', '"\\ud83d"', '"\x01"', '"\\q"', '"', "\\", "\0"),
    *('"Heartbeat"', '"StopTransaction"', '"Reset"', '"InternalError"', '"status"', '"Accepted"'),
    *('[2,"7",', '[3,"c1",', '[4,"c1",', '"Authorize",{"idTag":'),
)


# What to put into a text to damage it; it can still be sent, which lone surrogates cannot.
DAMAGE: st.SearchStrategy[str] = st.sampled_from([*TOKENS, ""]) | st.text(
    st.characters(codec="utf-8"), max_size=2
)


@st.composite
def damaged(
    draw: st.DrawFn,
    texts: st.SearchStrategy[str],
    damage: st.SearchStrategy[str] = DAMAGE,
) -> str:
    """A text with something cut out of it, something else put in, or both."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    cut = draw(st.sampled_from([0, 0, 1, 1, 2, 5, len(text)]))
    return text[:at] + draw(damage) + text[at + cut :]

"""Hypothesis strategies for the messages of OCPP 1.6, to test ocpptrio or other OCPP software with.

`REQUESTS["Reset"]` and `RESPONSES["Reset"]` draw structs within the limits of the specification:
whatever they draw can be encoded, and the official schemas accept it. `as_sent` tells what the
other side will read, for times are cut to seconds and limits to one decimal digit on the wire.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from ocpptrio.protocol.actions import ACTIONS, RECEIVED_BY, Role
from ocpptrio.protocol.datatypes import Message, Request

# Times as they may be sent: any offset, and far enough from the ends of the calendar to be UTC too.
times: st.SearchStrategy[datetime] = st.datetimes(
    min_value=datetime(1, 1, 2),
    max_value=datetime(9999, 12, 30),
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

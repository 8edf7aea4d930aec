"""What the specification says about a field, in words: for people who have to mend a message.

Told from the structs of the messages, so that it cannot say something else than what is checked.
Not here: reading what does not fit (tolerance).
"""

from typing import Final

import msgspec
from msgspec import inspect

from ocpptrio.protocol.actions import ACTIONS, FeatureProfile
from ocpptrio.protocol.datatypes import INT32_MAX, Message

A_TIME: Final = "2026-01-15T08:00:00Z"
INT32_MIN: Final = -INT32_MAX - 1

# Section 6 of OCPP 1.6 has each message in the order of the alphabet, .req before .conf.
_IN_SECTION_6: Final = sorted(
    name for name, spec in ACTIONS.items() if spec.profile is not FeatureProfile.SECURITY
)


class Rule(msgspec.Struct, frozen=True):
    """What a field has to be.

    Attributes:
        message: which message: `MeterValues.req`.
        clause: where that is written.
        words: what is right; None: the message has no such field.
    """

    message: str
    clause: str
    words: str | None


def rule(action: str, path: str) -> Rule | None:
    """The rule for a field of a message, as a path of wire names; None for an unknown Action.

    A path that the request does not have is looked for in the response.
    """
    spec = ACTIONS.get(action)
    if spec is None:
        return None
    names = path.split(".")
    words = _find(spec.request, names)
    is_request = words is not None or not _begins(spec.response, names)
    if not is_request:
        words = _find(spec.response, names)
    return Rule(f"{action}.{'req' if is_request else 'conf'}", _clause(action, is_request), words)


def _clause(action: str, is_request: bool) -> str:
    if action not in _IN_SECTION_6:
        return "white paper Improved security for OCPP 1.6-J, 5"
    number = 2 * _IN_SECTION_6.index(action) + (1 if is_request else 2)
    return f"OCPP 1.6, 6.{number}"


def _begins(kind: type[Message], names: list[str]) -> bool:
    return any(field.encode_name == names[0] for field in _fields(kind))


def _find(kind: type[Message], names: list[str]) -> str | None:
    found = next((field for field in _fields(kind) if field.encode_name == names[0]), None)
    if found is None:
        return None
    inner = _not_null(found.type)
    if len(names) == 1:
        return f"{_words(inner)}, {'required' if found.required else 'optional'}"
    if isinstance(inner, inspect.VarTupleType):
        inner = inner.item_type
    if not isinstance(inner, inspect.StructType):
        return None
    assert issubclass(inner.cls, Message)
    return _find(inner.cls, names[1:])


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType(max_length=int() as longest):
            return f"text of at most {longest} characters"
        case inspect.StrType():
            return "text"
        case inspect.IntType(ge=int() as low, le=int() as high):
            if (low, high) == (INT32_MIN, INT32_MAX):
                return "integer of 32 bits"
            return f"integer from {low}" + ("" if high == INT32_MAX else f" to {high}")
        case inspect.FloatType():
            return "number"
        case inspect.BoolType():
            return "true or false"
        case inspect.DateTimeType():
            return f"time as {A_TIME}"
        case inspect.EnumType(cls=members):
            return f"one of {', '.join(member.value for member in members)}"
        case inspect.VarTupleType(item_type=item, min_length=shortest):
            return f"list of {_words(item)}" + (", at least one" if shortest else "")
    assert isinstance(kind, inspect.StructType), "messages are made of nothing else"
    return kind.cls.__name__


def _fields(kind: type[Message]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info.fields


def _not_null(kind: inspect.Type) -> inspect.Type:
    if isinstance(kind, inspect.UnionType):
        (kind,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind

"""Our structs and the official JSON schemas say the same, in both directions, for all 39 Actions.

The schemas come with PyPI `ocpp`. Where we are stricter on purpose the reason stands in `NARROWER`,
and a test fails when an entry there has become needless. Nowhere are we looser.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from ocpptrio.protocol.actions import ACTIONS, encode
from ocpptrio.protocol.datatypes import Message
from ocpptrio.testing.strategies import as_sent, messages
from tests.schemas import Json, Schema, schema_of, validator

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Narrower:
    """Values that a schema accepts and our strict decoder refuses; `tolerance` reads them."""

    where: str  # pattern of a path such as `Reset.type` or `ResetResponse.status`, or a type
    reason: str
    example: Json  # only the schema accepts it
    low: int = INT32_MIN
    high: int = INT32_MAX

    def holds(self, path: str, schema: Schema) -> bool:
        kind = schema.get("format") or schema.get("type")
        return self.where == f"<{kind}>" or fnmatchcase(path, self.where)


PHYSICAL_CONNECTOR = "connectors count from 1 (OCPP 1.6, 3.8); 0 is not one of them"
CONNECTOR = "0 is the charge point as a whole (OCPP 1.6, 3.8)"

NARROWER = (
    Narrower("<integer>", "32 bits in the WSDL of OCPP 1.6, and in devices", 2**31),
    Narrower("<integer>", "32 bits in the WSDL of OCPP 1.6, and in devices", -(2**31) - 1),
    Narrower("<date-time>", "the schemas are used without a look at formats", "yesterday"),
    Narrower("<date-time>", "Python knows no leap second", "2016-12-31T23:59:60Z"),
    Narrower("<date-time>", "RFC 3339 wants a zone", "2024-01-02T03:04:05"),
    Narrower("*.connectorId", CONNECTOR, -1, low=0),
    Narrower("ExtendedTriggerMessage.connectorId", PHYSICAL_CONNECTOR, 0, low=1),
    Narrower("RemoteStartTransaction.connectorId", PHYSICAL_CONNECTOR, 0, low=1),
    Narrower("StartTransaction.connectorId", PHYSICAL_CONNECTOR, 0, low=1),
    Narrower("UnlockConnector.connectorId", PHYSICAL_CONNECTOR, 0, low=1),
    Narrower("*.stackLevel", "0 is the lowest (OCPP 1.6, 7.8)", -1, low=0),
    Narrower("*.startPeriod", "counted from the start of the schedule (7.14)", -1, low=0),
    Narrower("*.numberPhases", "there are three phases (7.14)", 4, low=1, high=3),
    Narrower("*.numberPhases", "there are three phases (7.14)", 0),
    Narrower("GetLocalListVersionResponse.listVersion", "-1: no local lists (5.10)", -2, low=-1),
    Narrower("SendLocalList.listVersion", "0 and -1 mean something else (5.10, 5.15)", 0, low=1),
    Narrower("*.chargingSchedulePeriod", "1..* in the text (7.13)", []),
    Narrower("StopTransaction.*.sampledValue", "1..* in the text (7.33)", []),
    Narrower("*.sampledValue.unit", "not of the OCA: hertz needs no unit (errata 3.86)", "Hertz"),
)

# Name in the schemas -> struct, strict decoder.
STRUCTS = {
    name: struct
    for action, spec in ACTIONS.items()
    for name, struct in (
        (action, (spec.request, spec.read_request)),
        (f"{action}Response", (spec.response, spec.read_response)),
    )
}

every_message = pytest.mark.parametrize("name", STRUCTS)


def accepted_by_schema(name: str, payload: bytes) -> bool:
    valid: bool = validator(name).is_valid(json.loads(payload, parse_float=Decimal))
    return valid


def children(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    for name, field in schema["properties"].items():
        yield f"{path}.{name}", field


# The structs are the schemas, without any generated value.


@every_message
def test_struct_has_the_fields_of_the_schema(name: str) -> None:
    compare(name, schema_of(name), inspect.type_info(STRUCTS[name][0]))


def compare(path: str, schema: Schema, kind: inspect.Type) -> None:
    if isinstance(kind, inspect.UnionType):
        (kind,) = (each for each in kind.types if not isinstance(each, inspect.NoneType))
    match kind:
        case inspect.StructType(fields=fields):
            assert schema["additionalProperties"] is False, path
            assert [field.encode_name for field in fields] == list(schema["properties"]), path
            required = {field.encode_name for field in fields if field.required}
            assert required == set(schema.get("required", ())), path
            for field, (field_path, field_schema) in zip(
                fields, children(path, schema), strict=True
            ):
                compare(field_path, field_schema, field.type)
        case inspect.VarTupleType(item_type=item, min_length=at_least):
            assert schema["type"] == "array", path
            assert (at_least or 0) == at_least_in(path, schema), path
            compare(path, schema["items"], item)
        case inspect.EnumType(cls=enum):
            assert [member.value for member in enum] == enumeration(path, schema), path
        case inspect.DateTimeType():
            assert (schema["type"], schema["format"]) == ("string", "date-time"), path
        case inspect.StrType(max_length=limit):
            assert (schema["type"], schema.get("maxLength")) == ("string", limit), path
        case inspect.IntType(ge=low, le=high):
            assert schema["type"] == "integer", path
            assert (low, high) == bounds(path, schema), path
        case inspect.FloatType():
            assert (schema["type"], schema["multipleOf"]) == ("number", Decimal("0.1")), path
        case inspect.BoolType():
            assert schema["type"] == "boolean", path
        case _:
            raise AssertionError(f"{path}: {kind}")


# What the schemas allow beyond `NARROWER`, as bounds.


def narrower(path: str, schema: Schema) -> list[Narrower]:
    return [entry for entry in NARROWER if entry.holds(path, schema)]


def bounds(path: str, schema: Schema) -> tuple[int, int]:
    entries = narrower(path, schema)
    return max(entry.low for entry in entries), min(entry.high for entry in entries)


def at_least_in(path: str, schema: Schema) -> int:
    return 1 if narrower(path, schema) else int(schema.get("minItems", 0))


def enumeration(path: str, schema: Schema) -> list[str]:
    refused = [entry.example for entry in narrower(path, schema)]
    return [member for member in schema["enum"] if member not in refused]


# What the schema accepts, we read.


def rfc3339_times() -> st.SearchStrategy[str]:
    return st.builds(
        "{:%Y-%m-%d}{}{:%H:%M:%S}{}{}".format,
        st.dates().filter(lambda day: day.year > 999),  # strftime does not pad years
        st.sampled_from("Tt "),
        st.times(),
        st.just("") | st.text("0123456789", min_size=1, max_size=9).map(".".__add__),
        st.sampled_from(["Z", "z", "+00:00", "-00:00", "+05:30", "-11:00", "+23:59"]),
    ).filter(lambda text: not text.startswith("9999-12-31"))  # a rounded fraction leaves the year


def from_schema(path: str, schema: Schema) -> st.SearchStrategy[Json]:
    match schema:
        case {"enum": _}:
            return st.sampled_from(enumeration(path, schema))
        case {"type": "object"}:
            fields = {
                name: from_schema(f"{path}.{name}", field)
                for name, field in schema["properties"].items()
            }
            required = {name: fields.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=fields)
        case {"type": "array"}:
            at_least = at_least_in(path, schema)
            return st.lists(from_schema(path, schema["items"]), min_size=at_least, max_size=3)
        case {"format": "date-time"}:
            return rfc3339_times()
        case {"type": "string", "maxLength": limit}:
            return st.text(max_size=min(limit, 30)) | st.just("x" * limit)
        case {"type": "string"}:
            return st.text(max_size=50)
        case {"type": "integer"}:
            return st.integers(*bounds(path, schema))
        case {"type": "number"}:
            return st.integers(-(10**6), 10**6).map(lambda tenths: tenths / 10)
    assert schema["type"] == "boolean", path
    return st.booleans()


@every_message
@settings(derandomize=True, deadline=None, max_examples=10)
@given(data=st.data())
def test_what_the_schema_accepts_is_read(name: str, data: st.DataObject) -> None:
    _, read = STRUCTS[name]
    drawn = data.draw(from_schema(name, schema_of(name)))
    payload = json.dumps(drawn, ensure_ascii=data.draw(st.booleans())).encode()
    assert accepted_by_schema(name, payload), "the strategy is wrong"
    message = read(payload)
    if drawn.get("key") == []:  # of GetConfiguration: the same as none
        del drawn["key"]
    assert set(json.loads(msgspec.json.encode(message))) == set(drawn)


# What we send, the schema accepts, and it is read as it was meant.


@every_message
@settings(derandomize=True, deadline=None, max_examples=10)
@given(data=st.data())
def test_what_is_sent_is_accepted_by_the_schema(name: str, data: st.DataObject) -> None:
    kind, read = STRUCTS[name]
    message: Message = data.draw(messages(kind))
    payload = encode(message)
    validator(name).validate(json.loads(payload, parse_float=Decimal))
    assert read(payload) == as_sent(message)


# The table of differences is complete (else the tests above fail) and has nothing needless.


def paths(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    if schema["type"] == "object":
        for field_path, field in children(path, schema):
            yield from paths(field_path, field)
    elif schema["type"] == "array":
        yield from paths(path, schema["items"])


def smallest(path: str, schema: Schema, where: str, value: Json) -> Json:
    """The smallest value that the schema accepts and that has `value` at `where`."""
    if path == where:
        return value
    match schema:
        case {"enum": members}:
            return members[0]
        case {"type": "object"}:
            return {
                name: smallest(f"{path}.{name}", field, where, value)
                for name, field in schema["properties"].items()
                if name in schema.get("required", ()) or f"{where}.".startswith(f"{path}.{name}.")
            }
        case {"type": "array"}:
            return [smallest(path, schema["items"], where, value)]
        case {"format": "date-time"}:
            return "2024-01-02T03:04:05Z"
    return {"string": "", "integer": 1, "number": 1, "boolean": True}[schema["type"]]


@pytest.mark.parametrize("entry", NARROWER, ids=lambda entry: f"{entry.where} {entry.example}")
def test_each_difference_is_one(entry: Narrower) -> None:
    differences = 0
    for name, (_, read) in STRUCTS.items():
        for path, schema in paths(name, schema_of(name)):
            if not entry.holds(path, schema):
                continue
            usual = smallest(name, schema_of(name), "", None)
            odd = smallest(name, schema_of(name), path, entry.example)
            read(json.dumps(usual).encode())
            if accepted_by_schema(name, json.dumps(odd).encode()):
                with pytest.raises(msgspec.ValidationError):
                    read(json.dumps(odd).encode())
                differences += 1
    assert differences, "needless"

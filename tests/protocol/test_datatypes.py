"""The base of every message: names on the wire, frozen structs, comparable idTags."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpptrio.protocol.core import Authorize, GetConfiguration, KeyValue, StatusNotification
from ocpptrio.protocol.datatypes import (
    Deviation,
    DeviationKind,
    IdTagInfo,
    id_tag_key,
    is_same_id_tag,
)


def test_fields_are_camel_case_on_the_wire() -> None:
    read = msgspec.json.decode(b'{"idTag":"A"}', type=Authorize)
    assert read == Authorize(id_tag="A")
    assert msgspec.json.encode(read) == b'{"idTag":"A"}'


def test_the_strict_decoder_refuses_a_field_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `vendorThing`"):
        msgspec.json.decode(b'{"idTag":"A","vendorThing":1}', type=Authorize)


def test_messages_cannot_be_changed() -> None:
    message: Any = Authorize(id_tag="A")
    with pytest.raises(AttributeError):
        message.id_tag = "B"


def test_messages_can_be_compared_and_be_keys() -> None:
    first = GetConfiguration(key=("a", "b"))
    assert first == GetConfiguration(key=("a", "b"))
    assert {first: 1}[GetConfiguration(key=("a", "b"))] == 1


def test_fields_are_given_by_name() -> None:
    build: Any = KeyValue
    with pytest.raises(TypeError):
        build("HeartbeatInterval", False)


def test_required_fields_are_required() -> None:
    for kind in (StatusNotification, IdTagInfo):
        build: Any = kind
        with pytest.raises(TypeError, match="Missing required argument"):
            build()


def test_equal_deviations_are_one_key_to_count_by() -> None:
    noted = [Deviation("idTag", DeviationKind.TOO_LONG, "A" * 21) for _ in range(2)]
    assert len(set(noted)) == 1


# idTags: case and stray control characters do not count (OCPP 1.6, 7.28).


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("04a1b2c3", "04A1B2C3"),
        ("tag\x10\x0e", "TAG"),
        (" tag ", "tag"),
        ("ta\0g", "tag"),
        ("STRASSE", "straße"),
    ],
)
def test_q50_these_id_tags_are_the_same(one: str, other: str) -> None:
    assert id_tag_key(one) == id_tag_key(other)


@pytest.mark.parametrize(("one", "other"), [("A", "B"), ("A B", "AB"), ("0A", "A"), ("A-1", "A1")])
def test_these_id_tags_are_different(one: str, other: str) -> None:
    assert id_tag_key(one) != id_tag_key(other)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text())
def test_the_key_of_a_key_is_itself(id_tag: str) -> None:
    assert id_tag_key(id_tag_key(id_tag)) == id_tag_key(id_tag)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Fleet", "FLEET\x10", True),
        ("Fleet", "Fleet2", False),
        (None, "Fleet", False),
        ("Fleet", None, False),
        (None, None, False),
    ],
)
def test_id_tags_are_the_same_if_both_are_given(
    one: str | None, other: str | None, *, same: bool
) -> None:
    assert is_same_id_tag(one, other) is same

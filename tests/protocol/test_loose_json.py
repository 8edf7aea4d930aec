"""What the second reading mends in JSON, and what it leaves broken."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpptrio.protocol.loose_json import Number, dumps, loads, strip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["tag\x10\x0e"]', ["tag\x10\x0e"]),
        ('["tag\0"]', ["tag\0"]),
        ('["two\nlines"]', ["two\nlines"]),
        ('\ufeff["a"]\0', ["a"]),
        ('["a"]\0\0\n', ["a"]),
        (r'["half \ud83d"]', ["half \ufffd"]),
        (r'["half \udd0c!"]', ["half \ufffd!"]),
        (r'["\ud83d\u0041"]', ["\ufffdA"]),
        ('["half \ud83d"]', ["half \ufffd"]),
        (r'["whole \ud83d\udd0c"]', ["whole 🔌"]),
        (r'["not one: \\ud83d"]', [r"not one: \ud83d"]),
        (r'["C:\temp\new\qux"]', ["C:\temp\new\\qux"]),
        (r'["\u12"]', [r"\u12"]),
        (r'["\"\\\/\b\f\n\r\t\u0041"]', ['"\\/\b\f\n\r\tA']),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("[18446744073709551615, -5, 1.5, 1e3]", [18446744073709551615, -5, 1.5, 1000.0]),
        ("[NaN, -Infinity]", [Number("NaN"), Number("-Infinity")]),
        ("[1e400]", [Number("1e400")]),
        ("[123456789012345678901]", [Number("123456789012345678901")]),
        (" null ", None),
    ],
)
def test_this_is_mended(text: str, value: Any) -> None:
    mended = loads(text)
    assert mended == value
    assert dumps(mended).encode(), "can be stored"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"sampledValue":[,{"value":"1"}]}',
        '["cut off',
        '["a",]',
        "['a']",
        "{a: 1}",
        "[1] [2]",
        "[01]",
        "[+1]",
        "[nan]",
        r'["\"]',
        "\ud83d",
        "[\x01]",
    ],
)
def test_this_stays_broken(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d+ column \d+"):
        loads(text)


def test_too_deep_nesting_is_no_json_either() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        loads("[" * 100_000 + "]" * 100_000)


def test_a_number_that_is_none_stays_apart_from_text() -> None:
    (number,) = loads("[1e400]")
    assert isinstance(number, Number)
    assert dumps(number) == '"1e400"'


def test_strip_takes_only_what_is_not_json() -> None:
    assert strip('\ufeff\r\n "\0 x" \t\0') == '"\0 x"'


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(value=json_values, ascii_only=st.booleans())
def test_sound_json_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert loads(text) == value
    assert msgspec.json.decode(dumps(value)) == msgspec.json.decode(text)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text(st.characters()))
def test_any_text_inside_quotes_is_read_and_can_be_stored(text: str) -> None:
    inside = text.replace("\\", "").replace('"', "")
    (read,) = loads(f'["{inside}"]')
    assert len(read) == len(inside)
    assert msgspec.json.encode(read)

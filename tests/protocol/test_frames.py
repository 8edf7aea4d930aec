"""The three frames of OCPP-J, strict and broken ones (the tables of what to do with bad input)."""

import json
from typing import Any

import msgspec
import pytest

from ocpptrio.protocol.datatypes import TEXT_KEPT, Deviation, DeviationKind
from ocpptrio.protocol.frames import Broken, Call, CallError, CallResult, Nothing, read

SOUND = [
    ('[2,"19223201","Heartbeat",{}]', Call("19223201", "Heartbeat", msgspec.Raw(b"{}"))),
    ('[2,"1","Heartbeat",null]', Call("1", "Heartbeat", msgspec.Raw(b"null"))),
    (' [ 2 , "1" , "Reset" , { } ] ', Call("1", "Reset", msgspec.Raw(b"{ }"))),
    ('[3,"1",{"a":1}]', CallResult("1", msgspec.Raw(b'{"a":1}'))),
    ('[4,"1","InternalError","",{}]', CallError("1", "InternalError", "", {})),
    ('[4,"1","GenericError","why",{"x":[1]}]', CallError("1", "GenericError", "why", {"x": [1]})),
]


@pytest.mark.parametrize(("text", "frame"), SOUND)
def test_a_sound_frame_is_read_without_deviations(text: str, frame: Any) -> None:
    assert read(text) == (frame, ())


def test_frames_are_written_as_they_are_read() -> None:
    for text, frame in SOUND:
        assert json.loads(msgspec.json.encode(frame)) == json.loads(text)


def test_q57_text_is_neither_escaped_nor_cleaned() -> None:
    frame, _ = read('[2,"A&B<1>","DataTransfer",{"vendorId":"A&B"}]')
    assert frame == Call("A&B<1>", "DataTransfer", msgspec.Raw(b'{"vendorId":"A&B"}'))


# The unique id (OCPP-J 1.6, 4.1.4).


@pytest.mark.parametrize(
    ("on_wire", "unique_id"),
    [
        ("1", 1),
        ("-7", -7),
        ("1.0", 1.0),
        ("0", 0),
        ("18446744073709551616", 2**64),
        ("9" * 300, int("9" * 300)),
    ],
)
def test_q26_a_number_as_unique_id_is_kept_as_a_number(
    on_wire: str, unique_id: int | float
) -> None:
    frame, deviations = read(f'[2,{on_wire},"Heartbeat",{{}}]')
    assert isinstance(frame, Call)
    assert repr(frame.unique_id) == repr(unique_id)
    noted = Deviation("uniqueId", DeviationKind.WRONG_TYPE, str(unique_id)[:TEXT_KEPT])
    assert deviations == (noted,)


@pytest.mark.parametrize("length", [37, 300, 1_000_000])
def test_f11_a_long_unique_id_is_kept_whole(length: int) -> None:
    frame, deviations = read(f'[2,"{"x" * length}","Heartbeat",{{}}]')
    assert isinstance(frame, Call)
    assert frame.unique_id == "x" * length
    assert deviations == (
        Deviation("uniqueId", DeviationKind.TOO_LONG, ("x" * length)[:TEXT_KEPT]),
    )


def test_a_unique_id_of_36_characters_is_no_deviation() -> None:
    assert read(f'[3,"{"x" * 36}",{{}}]')[1] == ()


def test_a_call_whose_id_is_null_is_answered_under_the_empty_id() -> None:
    assert read('[2,null,"Heartbeat",{}]')[0] == Broken("no unique id", "")


@pytest.mark.parametrize("unique_id", ["true", "[]", "{}", "1e400", "9" * 5000])
def test_anything_else_as_unique_id_is_none(unique_id: str) -> None:
    assert read(f'[2,{unique_id},"Heartbeat",{{}}]')[0] == Broken("no unique id")


# Silence.


@pytest.mark.parametrize("text", ["", " ", "\r\n", "\0", "\ufeff"])
def test_q29_an_empty_message_is_nothing(text: str) -> None:
    assert read(text) == (Nothing("empty message"), ())


@pytest.mark.parametrize(
    "text",
    [
        '[9,"1",{}]',
        '[1,"1",{}]',
        '[5,"1"]',
        "[6]",
        '["2","1","Heartbeat",{}]',
        '[2.0,"1","Heartbeat",{}]',
        '[true,"1","Heartbeat",{}]',
        '[null,"1"]',
    ],
)
def test_f7_an_unknown_message_type_is_ignored(text: str) -> None:
    assert read(text) == (Nothing("unknown message type"), ())


@pytest.mark.parametrize("text", ["[]", "{}", '""', "null", "7", '{"2":"1"}'])
def test_f8_what_is_not_an_array_with_items_is_broken(text: str) -> None:
    assert read(text) == (Broken("not a JSON array with items"), ())


# Broken CALLs.


@pytest.mark.parametrize(
    "text",
    [
        '[2,"7"]',
        '[2,"7","Heartbeat"]',
        '[2,"7","Heartbeat",{},{}]',
        '[2,"7",5,{}]',
        '[2,"7",null,{}]',
        '[2,"7",{},"Heartbeat"]',
    ],
)
def test_f10_a_call_of_the_wrong_shape_keeps_its_id(text: str) -> None:
    assert read(text) == (Broken("a CALL has four items: [2, id, action, {}]", "7"), ())


@pytest.mark.parametrize(
    ("text", "unique_id"),
    [
        ('[2,"7","MeterValues",{"meterValue":[{"sampledValue":[,{', "7"),
        ('[2,"7","Heartbeat",{}', "7"),
        ('[2,"7","Heartbeat",', "7"),
        ('\ufeff [ 2 , "7" , oops', "7"),
        ('[2,"a\\"b","Heart', 'a"b'),
        ('[2,"\\u0041",', "A"),
        ("[2,-7,", -7),
        ('[2,"' + "x" * 300 + '",', "x" * 300),
    ],
)
def test_q27_the_id_of_a_call_that_is_no_json_is_salvaged(text: str, unique_id: Any) -> None:
    frame, (deviation,) = read(text)
    assert frame == Broken("not JSON", unique_id)
    assert deviation.kind is DeviationKind.INVALID_JSON


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[",
        "not JSON",
        ",[2,",
        '[2,"7',
        '[2,"7\\',
        "[2,7",
        '[2,"",',
        "[2,null,",
        '[2,"\\q",',
        '[2,"\\ud83d",',
        '[2,"\ud83d",',
        '[3,"7",{',
        '[4,"7","InternalError"',
        '[22,"7",{',
        '[2,"' + "x" * 600 + '",',
        "[2," + "9" * 600 + ",",
    ],
)
def test_no_id_is_made_up(text: str) -> None:
    assert read(text)[0] == Broken("not JSON")


@pytest.mark.parametrize(
    "text",
    [
        '[2,"' + "x" * 1_000_000,
        '[2,"' + "\\" * 1_000_000,
        '[2,"' + "\\x" * 500_000 + '",',
        "[2," + " " * 1_000_000,
        "[2," + "9" * 1_000_000,
        " " * 1_000_000 + "[2,",
        "[" * 1_000_000,
        '{"a":' * 200_000,
        "\x01" * 1_000_000,
        '[2,"x"' + ",[" * 300_000,
        '[2,"x","' + '"' * 1_000_000,
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_a_megabyte_of_nonsense_is_dealt_with(text: str) -> None:
    assert isinstance(read(text)[0], Broken)


def test_nesting_without_end_keeps_the_id() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert read(f'[2,"7","Heartbeat",{deep}]')[0] == Broken("not JSON", "7")


# Broken answers.


@pytest.mark.parametrize(
    "text",
    [
        '[3,"7"]',
        '[3,"7",{},{}]',
        '[4,"7"]',
        '[4,"7",5]',
        '[4,"7",null,"",{}]',
        '[4,"7","InternalError","",{},1]',
    ],
)
def test_an_answer_of_the_wrong_shape_is_told_as_one(text: str) -> None:
    assert read(text) == (Broken("an answer of the wrong shape", "7", answers=True), ())


@pytest.mark.parametrize(
    ("text", "description", "details"),
    [
        ('[4,"7","InternalError"]', "", {}),
        ('[4,"7","InternalError","why"]', "why", {}),
        ('[4,"7","InternalError",null,null]', "", {}),
        ('[4,"7","InternalError","why",null]', "why", {}),
        ('[4,"7","InternalError","why","more"]', "why", {}),
        ('[4,"7","InternalError",["why"],{"a":1}]', '["why"]', {"a": 1}),
        ('[4,"7","InternalError","why",[]]', "why", {}),
    ],
)
def test_q25_a_callerror_may_lack_its_last_items(
    text: str, description: str, details: dict[str, Any]
) -> None:
    frame, deviations = read(text)
    assert frame == CallError("7", "InternalError", description, details)
    assert deviations == (Deviation("", DeviationKind.WRONG_TYPE, text),)


def test_numbers_without_end_in_error_details_become_text() -> None:
    frame, deviations = read('[4,"7","InternalError","",{"a":1e400}]')
    assert frame == CallError("7", "InternalError", "", {"a": "1e400"})
    assert type(frame.details["a"]) is str
    assert deviations == ()


# Text that is nearly JSON.


@pytest.mark.parametrize(
    ("payload", "meant", "kind"),
    [
        ('{"idTag":"tag\x10\x0e"}', {"idTag": "tag\x10\x0e"}, DeviationKind.CONTROL_CHARACTERS),
        ('{"idTag":"tag\0"}', {"idTag": "tag\0"}, DeviationKind.CONTROL_CHARACTERS),
        (r'{"info":"half \ud83d"}', {"info": "half \ufffd"}, DeviationKind.INVALID_JSON),
        ('{"info":"half \ud83d"}', {"info": "half \ufffd"}, DeviationKind.INVALID_JSON),
        (r'{"info":"C:\qux"}', {"info": "C:\\qux"}, DeviationKind.INVALID_JSON),
        ('{"limit":NaN}', {"limit": "NaN"}, DeviationKind.INVALID_JSON),
    ],
)
def test_q28_odd_text_in_a_call_is_mended(payload: str, meant: Any, kind: DeviationKind) -> None:
    for head, frame_kind in (('[2,"7","Foo"', Call), ('[3,"7"', CallResult)):
        frame, (deviation,) = read(f"{head},{payload}]")
        assert isinstance(frame, frame_kind)
        assert json.loads(bytes(frame.payload)) == meant
        assert deviation.kind is kind
        assert msgspec.json.encode(deviation), "can be stored"


def test_a_byte_order_mark_and_a_trailing_nul_do_no_harm() -> None:
    frame, (deviation,) = read('\ufeff[2,"7","Heartbeat",{}]\0')
    assert frame == Call("7", "Heartbeat", msgspec.Raw(b"{}"))
    assert deviation.kind is DeviationKind.CONTROL_CHARACTERS


def test_the_deviation_shows_where_the_control_character_is() -> None:
    filler = "x" * 1000
    _, (deviation,) = read(f'[2,"7","Foo",{{"a":"{filler}\x01here","b":"{filler}"}}]')
    assert "\x01here" in deviation.original
    assert len(deviation.original) == TEXT_KEPT


def test_a_number_without_end_in_place_of_a_text_is_a_text() -> None:
    frame, _ = read('[2,"7",NaN,{}]')
    assert isinstance(frame, Call)
    assert (type(frame.action), frame.action) == (str, "NaN")
    error, _ = read('[4,"7",NaN,1e400,{}]')
    assert isinstance(error, CallError)
    assert (type(error.code), error.code) == (str, "NaN")
    assert (type(error.description), error.description) == (str, "1e400")

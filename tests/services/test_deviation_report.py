"""The report that goes to a manufacturer, word for word."""

from collections.abc import Callable

import pytest

from ocpptrio.clock import from_us
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.services.deviation_kinds import MEANINGS
from ocpptrio.services.deviation_report import as_markdown, as_text, build, corrected, covered
from ocpptrio.store.records import ChargePointRecord, DeviationRecord

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
HOUR_US = 3_600_000_000

CHARGE_POINT = ChargePointRecord(
    charge_point_id="CP1",
    registered_at_us=0,
    origin="added",
    vendor="VendorX",
    model="Single|Socket",
    serial_number="123",
    firmware_version="1.1",
)

FRAME = (
    '[2,"7","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-11-22T12:00:00Z",'
    '"sampledValue":[{"value":12.5}]}]}]'
)
RIGHT = FRAME.replace("12.5", '"12.5"')


def row(
    kind: DeviationKind,
    action: str = "MeterValues",
    field: str = "meterValue.sampledValue.value",
    occurrences: int = 1,
    example: str = "12.5",
) -> DeviationRecord:
    return DeviationRecord(
        charge_point_id="CP1",
        action=action,
        field=field,
        kind=kind,
        occurrences=occurrences,
        first_at_us=NOON_US,
        last_at_us=NOON_US + (occurrences - 1) * HOUR_US,
        example=example,
        first_firmware="1.0",
        last_firmware="1.1",
    )


LEDGER = [
    row(DeviationKind.NO_PONG, action="", field="", example="a ping was not answered"),
    row(DeviationKind.WRONG_TYPE, occurrences=3),
]


def frame_of(row: DeviationRecord) -> str | None:
    return FRAME


TEXT = f"""\
Deviations from OCPP 1.6-J

charge point  CP1
vendor        VendorX
model         Single|Socket
serial number 123
firmware      1.1
clock         75 s ahead
period        2026-11-22 12:00:00Z to 2026-11-22 14:00:00Z
found         2 ways, 4 occurrences

1. MeterValues.req meterValue.sampledValue.value: wrong type
   seen         3 times, 2026-11-22 12:00:00Z to 2026-11-22 14:00:00Z
   firmware     1.0 to 1.1
   what         a value has another JSON type than its field
   we           read as if it had the right type
   clause       OCPP 1.6, 6.31; OCPP-J 1.6, 4.2.3 (TypeConstraintViolation)
   correct      meterValue.sampledValue.value: text, required
   example      12.5
   message      {FRAME}
   corrected    {RIGHT}

2. no pong
   seen         1 time, 2026-11-22 12:00:00Z
   firmware     1.0 to 1.1
   what         a WebSocket ping was not answered
   we           that it is alive is told from its messages alone
   clause       RFC 6455, 5.5.2
   correct      a pong with the same data
   example      a ping was not answered
"""

MARKDOWN = f"""\
# Deviations from OCPP 1.6-J

| | |
| --- | --- |
| charge point | CP1 |
| vendor | VendorX |
| model | Single\\|Socket |
| serial number | 123 |
| firmware | 1.1 |
| period | 2026-11-22 12:00:00Z to 2026-11-22 14:00:00Z |
| found | 1 way, 3 occurrences |

## 1. MeterValues.req meterValue.sampledValue.value: wrong type

- seen: 3 times, 2026-11-22 12:00:00Z to 2026-11-22 14:00:00Z
- firmware: 1.0 to 1.1
- what: a value has another JSON type than its field
- we: read as if it had the right type
- clause: OCPP 1.6, 6.31; OCPP-J 1.6, 4.2.3 (TypeConstraintViolation)
- correct: meterValue.sampledValue.value: text, required
- example: `12.5`

message:

~~~json
{FRAME}
~~~

corrected:

~~~json
{RIGHT}
~~~
"""


def test_as_text() -> None:
    assert as_text(build(CHARGE_POINT, LEDGER, frame_of, 75_000_000)) == TEXT


def test_as_markdown() -> None:
    assert as_markdown(build(CHARGE_POINT, LEDGER[1:], frame_of, None)) == MARKDOWN


def test_of_one_that_keeps_to_the_specification() -> None:
    report = build(CHARGE_POINT, [], frame_of, None)
    assert (report.first_at, report.entries) == (None, ())
    assert "found         nothing" in as_text(report)


def test_of_one_that_never_said_what_it_is() -> None:
    record = ChargePointRecord(charge_point_id="CP1", registered_at_us=0, origin="added")
    text = as_text(build(record, LEDGER, lambda row: None, None))
    assert "vendor" not in text
    assert "message  " not in text


@pytest.mark.parametrize("kind", DeviationKind)
def test_every_kind_has_a_meaning_and_what_is_right(kind: DeviationKind) -> None:
    meaning = MEANINGS[kind]
    assert meaning.what
    assert meaning.made_of_it
    assert meaning.clause
    no_field = build(CHARGE_POINT, [row(kind, field="")], frame_of, None).entries[0]
    assert no_field.correct
    assert no_field.first_at == from_us(NOON_US)


def test_tags_are_covered_and_their_lengths_stay() -> None:
    text = '[2,"1","StartTransaction",{"idTag":"04A1B2C3","parentIdTag": 1234,"info":"04"}]'
    assert covered(text) == (
        '[2,"1","StartTransaction",{"idTag":"xxxxxxxx","parentIdTag": 0000,"info":"04"}]'
    )
    inside = r'{"data":"{\"idTag\":\"04A1\",\"n\":1}","idTag":"4\u0010\\ "}'
    assert covered(inside) == r'{"data":"{\"idTag\":\"xxxx\",\"n\":1}","idTag":"xxxxxxxxxx"}'
    tag = row(DeviationKind.TOO_LONG, "StartTransaction", "idTag", example="A" * 21)
    report = build(CHARGE_POINT, [tag], lambda row: '[2,"1","X",{"idTag":"AAA', None)
    assert report.entries[0].example == "x" * 21
    assert "AAA" not in as_text(report)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (FRAME, RIGHT),
        ('[2,"1","Heartbeat",{"a":null}]', '[2,"1","Heartbeat",{}]'),
        ('[2,"1","Heartbeat",{}]', None),  # nothing is wrong
        ('[2,"1","Dance",{}]', None),
        ('[2,"1","MeterValues",{"connectorId":1}]', None),  # nobody knows what is missing
        ('[2,"1","Authorize",{"idTag":7}]', None),
        ('[2,"1","Heartbeat",{', None),
        ('[3,"1",{}]', None),
    ],
)
def test_a_message_is_put_right_where_nothing_is_made_up(text: str, right: str | None) -> None:
    assert corrected(text) == right


def test_a_frame_is_neither_endless_nor_does_it_command_a_terminal() -> None:
    long = f'[2,"1","DataTransfer",{{"vendorId":"\x1b[31m","data":"{"x" * 9000}"}}]'
    find: Callable[[DeviationRecord], str | None] = lambda row: long  # noqa: E731 - typed
    text = as_text(build(CHARGE_POINT, LEDGER[1:], find, None))
    assert "\x1b" not in text
    assert len(text) < 6000
    assert "characters)" in text

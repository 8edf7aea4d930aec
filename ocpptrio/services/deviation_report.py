"""The ledger of a charge point as a report for its maker: what, how often, what is right.

Rows in, a report out, as structs, text or Markdown. Times are UTC. idTags are covered, since they
open charging; other secrets are not in journal or ledger. Not here: the words of each kind
(deviation_kinds).
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from ocpptrio.clock import from_us, whole_seconds
from ocpptrio.errors import LocalProtocolError, RemoteProtocolError
from ocpptrio.protocol import describe, frames, tolerance
from ocpptrio.protocol.actions import ACTIONS, encode
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.redaction import redact
from ocpptrio.services import clock_skew
from ocpptrio.services.deviation_kinds import MEANINGS
from ocpptrio.store import clock_skews, deviations, journal
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import ChargePointRecord, DeviationRecord

FRAME_LENGTH_SHOWN: Final = 4000  # characters; a transaction of a night can have 200 000

# As text, cut short or not, as text inside the text of a DataTransfer, or as a number.
_ID_TAG: Final = re.compile(
    r"""(?P<key>"(?:idTag|parentIdTag)"\s*:\s*"|\\"(?:idTag|parentIdTag)\\"\s*:\s*\\")"""
    r"""(?P<text>(?:[^"\\]|\\[^"])*)|(?P<name>"(?:idTag|parentIdTag)"\s*:\s*)(?P<number>[\d.]+)""",
    re.IGNORECASE,
)
_ID_TAG_FIELDS: Final = ("idTag", "parentIdTag")

# What a second reading puts right without adding or losing anything.
_PUT_RIGHT: Final = frozenset(
    {
        DeviationKind.WRONG_TYPE,
        DeviationKind.NULL,
        DeviationKind.UNKNOWN_FIELD,
        DeviationKind.UNKNOWN_VALUE,
        DeviationKind.TIME_WITHOUT_ZONE,
        DeviationKind.TIME_FORMAT,
    }
)


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way of leaving the specification."""

    message: str  # `MeterValues.req`; "" for what belongs to no message
    field: str
    kind: DeviationKind
    what: str
    made_of_it: str
    clause: str
    correct: str
    occurrences: int
    first_at: datetime
    last_at: datetime
    first_firmware: str | None = None
    last_firmware: str | None = None
    example: str
    frame: str | None = None  # a message that shows it
    corrected: str | None = None  # that message as it should be


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that one charge point does that the specification does not allow."""

    charge_point_id: str
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    clock: str | None  # in words, if it was measured
    first_at: datetime | None
    last_at: datetime | None
    occurrences: int
    entries: tuple[Entry, ...]


def of(reader: Reader, record: ChargePointRecord) -> Report:
    """The report on a charge point, with messages that are in the journal."""
    return build(
        record,
        deviations.of(reader, record.charge_point_id),
        lambda row: _journalled(reader, row),
        clock_skews.get(reader, record.charge_point_id),
    )


def _journalled(reader: Reader, row: DeviationRecord) -> str | None:
    """The message that showed it last, or first: noted at the same microsecond."""
    for at_us in (row.last_at_us, row.first_at_us):
        for entry in journal.entries(
            reader,
            charge_point_id=row.charge_point_id,
            direction="in",
            since_us=at_us,
            until_us=at_us + 1,
        ):
            if entry.action == row.action:
                return entry.text
    return None


def build(
    record: ChargePointRecord,
    ledger: Sequence[DeviationRecord],
    frame_of: Callable[[DeviationRecord], str | None],
    skew_us: int | None,
) -> Report:
    """The report on a charge point, the most frequent deviation first.

    Args:
        frame_of: the text of a message that shows a deviation, if there is one.
        skew_us: of its clock, above 0 if it is ahead; None: not known.
    """
    ordered = sorted(ledger, key=lambda row: (-row.occurrences, row.action, row.field, row.kind))
    return Report(
        charge_point_id=record.charge_point_id,
        vendor=record.vendor,
        model=record.model,
        serial_number=record.serial_number or record.charge_box_serial_number,
        firmware=record.firmware_version,
        clock=None if skew_us is None else clock_skew.in_words(skew_us),
        first_at=min((whole_seconds(row.first_at_us) for row in ledger), default=None),
        last_at=max((whole_seconds(row.last_at_us) for row in ledger), default=None),
        occurrences=sum(row.occurrences for row in ledger),
        entries=tuple(_entry(row, frame_of) for row in ordered),
    )


def _entry(row: DeviationRecord, frame_of: Callable[[DeviationRecord], str | None]) -> Entry:
    meaning = MEANINGS[row.kind]
    rule = describe.rule(row.action, row.field) if row.field else None
    clause, correct = meaning.clause, meaning.correct
    if rule is not None:
        clause = f"{rule.clause}; {clause}"
        correct = correct or f"{row.field}: {rule.words or 'no such field'}"
    frame = frame_of(row) if meaning.has_frame else None
    if frame is not None:
        frame = covered(redact(row.action, frame))
    return Entry(
        message=row.action if rule is None else rule.message,
        field=row.field,
        kind=row.kind,
        what=meaning.what,
        made_of_it=meaning.made_of_it,
        clause=clause,
        correct=correct or "a value that fits",
        occurrences=row.occurrences,
        first_at=from_us(row.first_at_us),
        last_at=from_us(row.last_at_us),
        first_firmware=row.first_firmware,
        last_firmware=row.last_firmware,
        example=_example(row),
        frame=None if frame is None else _cut(frame),
        corrected=None if frame is None else corrected(frame),
    )


def _example(row: DeviationRecord) -> str:
    if row.field.rpartition(".")[2] in _ID_TAG_FIELDS:
        return "x" * len(row.example)
    return covered(row.example)


def covered(text: str) -> str:
    """The text with its idTags made unreadable; their lengths stay."""

    def cover(found: re.Match[str]) -> str:
        if found["key"]:
            return found["key"] + "x" * len(found["text"])
        return found["name"] + "0" * len(found["number"])

    return _ID_TAG.sub(cover, text)


def corrected(text: str) -> str | None:
    """The CALL as it should have been; None if that would take more than putting values right."""
    frame, broken = frames.read(text)
    if broken or not isinstance(frame, frames.Call) or (spec := ACTIONS.get(frame.action)) is None:
        return None
    try:
        request, noted = tolerance.read(spec.request, bytes(frame.payload))
        payload = encode(request)
    except (RemoteProtocolError, LocalProtocolError):
        return None
    if not noted or any(one.kind not in _PUT_RIGHT for one in noted):
        return None
    right = frames.Call(frame.unique_id, frame.action, msgspec.Raw(payload))
    return _cut(msgspec.json.encode(right).decode())


def _cut(text: str) -> str:
    if len(text) <= FRAME_LENGTH_SHOWN:
        return text
    return f"{text[:FRAME_LENGTH_SHOWN]}... ({len(text)} characters)"


# As pages.


def as_text(report: Report) -> str:
    """The report for reading as it is."""
    lines = ["Deviations from OCPP 1.6-J", ""]
    lines += [f"{name:<14}{value}" for name, value in _head(report)]
    for number, entry in enumerate(report.entries, start=1):
        lines += ["", f"{number}. {_title(entry)}"]
        lines += [f"   {name:<13}{value}" for name, value in _body(entry)]
    return _page(lines)


def as_markdown(report: Report) -> str:
    """The report for an issue tracker or a mail that shows Markdown."""
    lines = ["# Deviations from OCPP 1.6-J", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in _head(report)]
    for number, entry in enumerate(report.entries, start=1):
        lines += ["", f"## {number}. {_title(entry)}", ""]
        for name, value in _body(entry):
            if name in ("message", "corrected"):
                lines += ["", f"{name}:", "", "~~~json", value, "~~~"]
            elif name == "example":
                lines += [f"- {name}: `{value.replace('`', chr(39))}`"]
            else:
                lines += [f"- {name}: {value}"]
    return _page(lines)


def _head(report: Report) -> list[tuple[str, str]]:
    ways = len(report.entries)
    found = f"{ways} {'way' if ways == 1 else 'ways'}, {report.occurrences} occurrences"
    return _there(
        ("charge point", report.charge_point_id),
        ("vendor", report.vendor),
        ("model", report.model),
        ("serial number", report.serial_number),
        ("firmware", report.firmware),
        ("clock", report.clock),
        ("period", _period(report.first_at, report.last_at)),
        ("found", found if ways else "nothing"),
    )


def _title(entry: Entry) -> str:
    where = " ".join(part for part in (entry.message, entry.field) if part)
    return f"{where}: {entry.kind}" if where else str(entry.kind)


def _body(entry: Entry) -> list[tuple[str, str]]:
    firmware = entry.last_firmware
    if entry.first_firmware not in (None, entry.last_firmware):
        firmware = f"{entry.first_firmware} to {entry.last_firmware or 'unknown'}"
    times = f"{entry.occurrences} {'time' if entry.occurrences == 1 else 'times'}"
    return _there(
        ("seen", f"{times}, {_period(entry.first_at, entry.last_at)}"),
        ("firmware", firmware),
        ("what", entry.what),
        ("we", entry.made_of_it),
        ("clause", entry.clause),
        ("correct", entry.correct),
        ("example", entry.example),
        ("message", entry.frame),
        ("corrected", entry.corrected),
    )


def _there(*fields: tuple[str, str | None]) -> list[tuple[str, str]]:
    return [(name, _one_line(value)) for name, value in fields if value]


def _one_line(text: str) -> str:
    """Without what would break a line or command a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _period(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return ""
    ends = [f"{when:%Y-%m-%d %H:%M:%S}Z" for when in (first, last)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _page(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"

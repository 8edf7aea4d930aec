"""idTags as CSV, either way; what was written reads back exactly. Not here: files and database.

Comma or semicolon (spreadsheets of half the world write that), UTF-8, times as RFC 3339.
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from typing import Any, Final

from msgspec.structs import asdict

from ocpptrio.cli.options import parse_time
from ocpptrio.cli.output import Failed
from ocpptrio.clock import from_us
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.store.records import IdTagRecord, TagRights
from ocpptrio.week_times import week_times

ID_TAG_LENGTH: Final = 20  # characters (OCPP 1.6, 7.28)


def valid_id_tag(text: str) -> str:
    """The text, if it can be an idTag.

    Raises:
        ValueError: it cannot.
    """
    if not id_tag_key(text) or text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no idTag: it needs visible characters, no blanks around")
    if len(text) > ID_TAG_LENGTH:
        raise ValueError(f"{text} has {len(text)} characters, an idTag at most {ID_TAG_LENGTH}")
    return text


def _flag(text: str) -> bool:
    flags = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.casefold() not in flags:
        raise ValueError("write yes or no")
    return flags[text.casefold()]


def limit(text: str) -> int:
    """How many at a time.

    Raises:
        ValueError: it is no number.
    """
    if not text.isdecimal():
        raise ValueError("write a number, 0 for no limit")
    return int(text)


def _energy(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("write a number of Wh")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    """A line of CSV inside a cell: names may have commas."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))


def _cell(names: Iterable[str]) -> str:
    out = StringIO(newline="")
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()


# Column -> field of the record, how it is read, how it is written; empty text is None.
_Column = tuple[str, Callable[[str], object], Callable[[Any], str]]  # Any: as the field holds it
_COLUMNS: Final[Mapping[str, _Column]] = {
    "id_tag": ("id_tag", valid_id_tag, str),
    "parent_id_tag": ("parent_id_tag", valid_id_tag, str),
    "expires_at": ("expires_at_us", parse_time, lambda us: _time(us)),
    "blocked": ("blocked", _flag, lambda blocked: "yes" if blocked else "no"),
    "max_concurrent": ("max_concurrent", limit, str),
    "note": ("note", str, str),
    "created_at": ("created_at_us", parse_time, lambda us: _time(us)),
    "week_times": ("week_times", lambda text: str(week_times(text)), str),
    "day_budget_wh": ("day_budget_wh", _energy, str),
    "month_budget_wh": ("month_budget_wh", _energy, str),
    "charge_points": ("charge_points", _names, _cell),
    "charge_point_groups": ("charge_point_groups", _names, _cell),
}
# The columns that are no field of the record: the rights.
PLACES: Final = ("charge_points", "charge_point_groups")
# What an empty cell means where None will not do: the field keeps its value, or has its default.
_NEVER_NONE: Final = ("blocked", "created_at_us")


def _time(us: int) -> str:
    return from_us(us).isoformat().replace("+00:00", "Z")


def parse(text: str, source: str) -> list[dict[str, Any]]:
    """The fields that each line gives, by their names in the record.

    Raises:
        Failed: something does not fit; names every line that is wrong.
    """
    header = text.partition("\n")[0]
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    errors: list[str] = []
    parsed: list[dict[str, Any]] = []
    first_lines: dict[str, int] = {}
    try:
        titles = [title.strip().casefold() for title in next(reader, [])]
        _check_titles(titles, source)
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            where = f"{source} line {line}"
            if len(cells) != len(titles):
                errors.append(f"{where}: {len(cells)} cells, the first line has {len(titles)}")
                continue
            values = _values(dict(zip(titles, cells, strict=True)), where, errors)
            parsed.append(values)
            if "id_tag" in values:
                key = id_tag_key(values["id_tag"])
                if key in first_lines:
                    errors.append(f"{where}: {values['id_tag']} is on line {first_lines[key]} too")
                first_lines.setdefault(key, line)
    except csv.Error as error:
        errors.append(f"{source} line {reader.line_num}: not CSV: {error}")
    if errors:
        raise Failed("\n".join([*errors, f"{source}: nothing was imported"]))
    return parsed


def _check_titles(titles: list[str], source: str) -> None:
    unknown = [title for title in titles if title not in _COLUMNS]
    if unknown or "id_tag" not in titles or len(set(titles)) < len(titles):
        what = f"unknown column {unknown[0]!r}" if unknown else "it must name each column once"
        raise Failed(f"{source} line 1: {what}; id_tag is needed, known are {', '.join(_COLUMNS)}")


def _values(cells: Mapping[str, str], where: str, errors: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for title, text in cells.items():
        field, read, _write = _COLUMNS[title]
        if text or title == "id_tag":
            try:
                values[field] = read(text if title == "note" else text.strip())
            except ValueError as error:
                errors.append(f"{where}: {title}: {error}")
        elif field not in _NEVER_NONE:
            values[field] = () if field in PLACES else None
    return values


def render(tags: Iterable[IdTagRecord], rights: Mapping[str, TagRights]) -> str:
    """A CSV file with all that is kept of these tags, and their rights by key."""
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for tag in tags:
        kept = asdict(tag) | asdict(rights.get(tag.id_tag_key, TagRights()))
        values = [(kept[field], write) for field, _read, write in _COLUMNS.values()]
        writer.writerow("" if value in (None, ()) else write(value) for value, write in values)
    return out.getvalue()

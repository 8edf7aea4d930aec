"""idTags as CSV, either way; what was written reads back exactly. Not here: files.

Comma or semicolon (spreadsheets of half the world write that), UTF-8, times as RFC 3339. A text
that a spreadsheet would run as a formula has an apostrophe before it, which is taken off again.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import StringIO
from typing import Any, Final, NamedTuple

import trio
from msgspec.structs import asdict, replace

from ocpptrio.clock import from_us, parse_time
from ocpptrio.errors import CannotImport, StoreError
from ocpptrio.presentation import FORMULA
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.services.tags import SettledTag, valid_id_tag
from ocpptrio.store import id_tags, tag_rights
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import IdTagRecord
from ocpptrio.week_times import week_times

DIGITS: Final = 12  # more than anybody charges
# Tags of one write, some 10 ms, and s between two: charge points are answered meanwhile.
AT_ONCE: Final = 500
PAUSE_S: Final = 0.005


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
    if not text.isdecimal() or len(text) > DIGITS:
        raise ValueError("write a number, 0 for no limit")
    return int(text)


def _energy(text: str) -> int:
    if not text.isdecimal() or len(text) > DIGITS:
        raise ValueError("write a number of Wh")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    """A line of CSV inside a cell: names may have commas."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))


def _cell(names: Iterable[str]) -> str:
    out = StringIO(newline="")
    # Only what is in the end of a line is quoted as such, by Python 3.12 and before.
    csv.writer(out, lineterminator="\r\n").writerow(names)
    return out.getvalue().removesuffix("\r\n")


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


Line = dict[str, Any]  # Any: as the fields hold it


def parse(text: str, source: str) -> list[Line]:
    """The fields that each line gives, by their names in the record.

    Raises:
        CannotImport: something does not fit; names every line that is wrong.
    """
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    errors: list[tuple[int, str]] = []
    parsed: list[Line] = []
    first_lines: dict[str, int] = {}
    try:
        titles = [title.strip().casefold() for title in next(reader, [])]
        _check_titles(titles, source)
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            if len(cells) != len(titles):
                errors.append((line, f"{len(cells)} cells, the first line has {len(titles)}"))
                continue
            values = _values(dict(zip(titles, cells, strict=True)), line, errors)
            parsed.append(values)
            if "id_tag" in values:
                key = id_tag_key(values["id_tag"])
                if key in first_lines:
                    errors.append((line, f"{values['id_tag']} is on line {first_lines[key]} too"))
                first_lines.setdefault(key, line)
    except csv.Error as error:
        errors.append((reader.line_num, f"not CSV: {error}"))
    if errors:
        raise CannotImport(source, errors)
    return parsed


def _check_titles(titles: list[str], source: str) -> None:
    unknown = [title for title in titles if title not in _COLUMNS]
    if unknown or "id_tag" not in titles or len(set(titles)) < len(titles):
        what = f"unknown column {unknown[0]!r}" if unknown else "it must name each column once"
        reason = f"{what}; id_tag is needed, known are {', '.join(_COLUMNS)}"
        raise CannotImport(source, [(1, reason)])


def _values(cells: Mapping[str, str], line: int, errors: list[tuple[int, str]]) -> Line:
    values: Line = {}
    for title, text in cells.items():
        field, read, _write = _COLUMNS[title]
        if text or title == "id_tag":
            try:
                values[field] = read(_unquoted(text if title == "note" else text.strip()))
            except ValueError as error:
                errors.append((line, f"{title}: {error}"))
        elif field not in _NEVER_NONE:
            values[field] = () if field in PLACES else None
    return values


class Imported(NamedTuple):
    """How many tags are new, and how many were there."""

    added: int
    changed: int


async def put(store: Store, lines: Sequence[Line], at_us: int) -> Imported:
    """Add or change the tags of these lines, some at a time; what is not named stays.

    Rights may name what is not there yet: files are moved between databases.

    Raises:
        StoreError: says how far it came. What was written stays, and is taken again as it is.
    """
    done = Imported(0, 0)
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        try:
            added, changed = await store.write(partial(_put, lines=some, at_us=at_us))
        except StoreError as error:
            raise StoreError(
                f"{error}; {start} of {len(lines)} tags were imported: import the file again"
            ) from error
        done = Imported(done.added + added, done.changed + changed)
        await trio.sleep(PAUSE_S)
    return done


def _put(db: Db, *, lines: Iterable[Line], at_us: int) -> Imported:
    keys = [id_tag_key(line["id_tag"]) for line in lines]
    known = {tag.id_tag_key: tag for tag in id_tags.among(db, keys)}
    rights = tag_rights.among(db, "tag", keys)
    added = changed = 0
    for key, line in zip(keys, lines, strict=True):
        places = {name: line[name] for name in PLACES if name in line}
        values = {name: value for name, value in line.items() if name not in places}
        before = known.get(key)
        if before is None:
            id_tags.put(db, IdTagRecord(**{"created_at_us": at_us} | values))
            added += 1
        else:
            after = replace(before, **values)
            if after != before:
                id_tags.put(db, after)
            changed += 1
        had = rights.get(key, tag_rights.EVERYWHERE)
        may = replace(had, **places)
        if may != had:
            tag_rights.put(db, "tag", key, may)
    return Imported(added, changed)


def header() -> str:
    """The first line of a file."""
    return _line(_COLUMNS)


def lines(tags: Iterable[SettledTag]) -> str:
    """The lines of these tags: all that is kept of them."""
    text = []
    for tag in tags:
        kept = asdict(tag.terms) | asdict(tag.rights)
        values = [(kept[field], write) for field, _read, write in _COLUMNS.values()]
        text.append(
            _line("" if value in (None, ()) else _quoted(write(value)) for value, write in values)
        )
    return "".join(text)


def _line(cells: Iterable[str]) -> str:
    return _cell(cells) + "\n"


def _quoted(text: str) -> str:
    """No formula, whatever a spreadsheet takes for one."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith("'") and _quoted(text) != text else text

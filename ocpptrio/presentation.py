"""How records and events look from outside: to programs that read `--json`, the API or a webhook.

Times are RFC 3339 in UTC, and what the store keeps for itself stays inside. Not here: tables for
people (cli.output), which record is shown where (api).
"""

import csv
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache, lru_cache
from io import StringIO
from typing import Any, Final

import msgspec

from ocpptrio.clock import from_us
from ocpptrio.events import Event, Fact, Facts, NumberedEvent

# What the store keeps for itself.
_PRIVATE: Final = ("id_tag_key", "group_key", "key_folded", "digest", "secret_request", "secret")
_TIMES: Final = ("at_us", "since_us")
# What makes a formula of a text, for spreadsheets: also behind a tab or a line break.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def public(record: object) -> dict[str, object]:
    """What programs get of a record: its fields, with times as times, and no password hash."""
    assert isinstance(record, msgspec.Struct)
    view: dict[str, object] = {}
    for name, value in msgspec.structs.asdict(record).items():
        if name.endswith(_TIMES):
            view[name.removesuffix("_us")] = at(value)
        elif name == "password_hash":
            view["password_set"] = value is not None
        elif name not in _PRIVATE:
            view[name] = value
    return view


def public_event(numbered: NumberedEvent) -> dict[str, object]:
    """What programs get of an event: its number, its kind, its fields, with times as times."""
    event = numbered.event
    return _view(type(event), {"number": numbered.number, **msgspec.to_builtins(event)})


def at(us: int | None) -> datetime | None:
    """The time, if there is one."""
    return None if us is None else from_us(us)


def rfc3339(when: datetime) -> str:
    """How programs read a time."""
    return when.isoformat().replace("+00:00", "Z")


def csv_cell(value: object) -> object:
    """What a CSV holds of a value. Text that a spreadsheet would run as a formula is quoted for it.

    Charge points send tags and reasons as they like; numbers are left as they are.
    """
    match value:
        case datetime():
            return rfc3339(value)
        case tuple():
            value = ", ".join(map(str, value))
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Lines of CSV."""
    out = StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(map(csv_cell, row) for row in rows)
    return out.getvalue()


def json_line(record: object) -> str:
    """A record as a line of JSON."""
    return msgspec.json.encode(public(record)).decode() + "\n"


# Thousands of events a second are shown while somebody watches a large fleet: what can be known of
# a kind is found once.


def _view(kind: type[Event | Fact], fields: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    for name, public_name, show in _shown(kind):
        if name in fields:
            fields[public_name] = show(fields.pop(name))
    return fields


@cache
def _shown(kind: type[Event | Fact]) -> tuple[tuple[str, str, Callable[[Any], object]], ...]:
    """The fields that are not shown as they are: under which name, and how."""
    return tuple(
        (name, name.removesuffix("_us"), _time)
        if name.endswith(_TIMES)
        else (name, name, lambda facts: [_view(Fact, fact) for fact in facts])
        for field in msgspec.structs.fields(kind)
        if (name := field.name).endswith(_TIMES) or field.type == Facts
    )


def _time(us: int | None) -> str | None:
    """As `rfc3339`."""
    if us is None:
        return None
    second, rest = divmod(us, 1_000_000)
    return f"{_second(second)}.{rest:06}Z" if rest else f"{_second(second)}Z"


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    return from_us(second * 1_000_000).isoformat().removesuffix("+00:00")

"""Events as rows: what a watcher that knows the last number it saw has missed.

Not here: inserting them; `Db.emit` and `Store.append` do, with the change they tell about.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from ocpptrio.events import (
    AnyEvent,
    CommandChanged,
    Connected,
    Disconnected,
    MeterValuesReceived,
    NumberedEvent,
    Registered,
    StatusChanged,
    TransactionStarted,
    TransactionStopped,
)
from ocpptrio.store.driver import Reader, Row, SqlValue, Table

TABLE = Table(name="events", columns=("at_us", "charge_point_id", "kind", "body"))

_SELECT = "SELECT number, body FROM events WHERE number"
# Far more frequent than all others, hence left out of the index by charge point.
_FREQUENT = MeterValuesReceived.__name__

WINDOW: Final = 5000  # numbers that a scan looks at: some ms

# What comes often is found without an index, and has no part in the one by kind. As that has it, to
# the letter.
_NOT_RARE = (
    _FREQUENT,
    StatusChanged.__name__,
    Connected.__name__,
    Disconnected.__name__,
    TransactionStarted.__name__,
    TransactionStopped.__name__,
    CommandChanged.__name__,
)
_RARE = "".join(f" AND kind <> '{kind}'" for kind in _NOT_RARE)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def row(event: AnyEvent) -> Row:
    """The event as a row of TABLE; its number is given by the database."""
    return (event.at_us, event.charge_point_id, event.kind, _encoder.encode(event).decode())


def since(
    reader: Reader,
    number: int,
    *,
    limit: int = 1000,
    charge_point_id: str | None = None,
    kinds: Collection[str] | None = None,
) -> list[NumberedEvent]:
    """The first `limit` events after `number`, in order."""
    where, parameters = _where(charge_point_id, kinds)
    sql = _SELECT + " > ?" + where + " ORDER BY number LIMIT ?"
    return numbered(reader.rows(sql, [number, *parameters, limit]))


def latest(
    reader: Reader,
    *,
    before: int | None = None,
    limit: int = 100,
    charge_point_id: str | None = None,
    kinds: Collection[str] | None = None,
) -> list[NumberedEvent]:
    """The last `limit` events, those with a number less than `before` if given, in order.

    Quick if `kinds` leaves meter values out. With them, or without `kinds`, it takes the longer the
    rarer events of that charge point are.
    """
    where, parameters = _where(charge_point_id, kinds)
    if charge_point_id is not None:
        where += " AND number >= ?"
        parameters.append(_first_number(reader, charge_point_id))
    sql = _SELECT + " < ?" + where + " ORDER BY number DESC LIMIT ?"
    end = last_number(reader) + 1 if before is None else before
    return numbered(reader.rows(sql, [end, *parameters, limit])[::-1])


class Scan(msgspec.Struct, frozen=True):
    """A part of the events, as a filter lets through.

    Attributes:
        up_to: the number up to which nothing else fits; going back: down to which.
        more: there may be others behind.
    """

    events: list[NumberedEvent]
    up_to: int
    more: bool


def scan(
    reader: Reader,
    after: int,
    *,
    limit: int,
    charge_point_id: str | None = None,
    group: str | None = None,
    kinds: Collection[str] | None = None,
    before: int | None = None,
    window: int = WINDOW,
) -> Scan:
    """The next events after `after` that fit; looks at `window` at most, so it takes no long time.

    Args:
        before: only those with a number less than that.
    """
    last = last_number(reader) if before is None else min(last_number(reader), before - 1)
    end = min(max(last, after), max(after, first_number(reader) - 1) + window)
    where, parameters = _where(charge_point_id, kinds, group)
    sql = _SELECT + " > ? AND number <= ?" + where + " ORDER BY number LIMIT ?"
    rows = reader.rows(sql, [after, end, *parameters, limit])
    if len(rows) == limit:
        end = _integer(rows[-1][0])
    return Scan(numbered(rows), end, more=end < last)


def scan_back(
    reader: Reader,
    before: int | None = None,
    *,
    limit: int,
    charge_point_id: str | None = None,
    kinds: Collection[str] | None = None,
    window: int = WINDOW,
) -> Scan:
    """As `scan`, but the last ones before a number (None: of all), the newest first."""
    first, last = first_number(reader), last_number(reader)
    before = last + 1 if before is None else min(before, last + 1)
    end = max(first, before - window)
    where, parameters = _where(charge_point_id, kinds)
    sql = _SELECT + " < ? AND number >= ?" + where + " ORDER BY number DESC LIMIT ?"
    rows = reader.rows(sql, [before, end, *parameters, limit])
    if len(rows) == limit:
        end = _integer(rows[-1][0])
    return Scan(numbered(rows), end, more=end > first)


def count(
    reader: Reader,
    *,
    after: int,
    up_to: int,
    before_us: int | None = None,
    charge_point_id: str | None = None,
    group: str | None = None,
    kinds: Collection[str] | None = None,
) -> int:
    """How many with a number behind `after`, up to `up_to`, fit."""
    where, parameters = _where(charge_point_id, kinds, group)
    if before_us is not None:
        where += " AND at_us < ?"
        parameters.append(before_us)
    # Names of our own and question marks.
    sql = f"SELECT count(*) FROM events WHERE number > ? AND number <= ?{where}"  # noqa: S608
    ((found,),) = reader.rows(sql, [after, up_to, *parameters])
    return _integer(found)


def first_number(reader: Reader) -> int:
    """The number of the oldest event that is kept; one more than the newest if there is none."""
    ((found,),) = reader.rows("SELECT coalesce(min(number), 1) FROM events")
    return _integer(found)


def last_number(reader: Reader) -> int:
    """The number of the newest event; 0 if there is none."""
    found = reader.row("SELECT coalesce(max(number), 0) FROM events")
    assert found is not None
    return _integer(found[0])


def time_us(reader: Reader, number: int) -> int:
    """When the first event from this number on happened; there must be one."""
    sql = "SELECT at_us FROM events WHERE number >= ? ORDER BY number LIMIT 1"
    ((found,),) = reader.rows(sql, [number])
    return _integer(found)


def _integer(value: SqlValue) -> int:
    assert isinstance(value, int)
    return value


def _first_number(reader: Reader, charge_point_id: str) -> int:
    """A number that no event of a charge point is below: that of a new one needs no long search."""
    found = reader.row(
        f"""SELECT number, kind FROM events WHERE charge_point_id = ?
        AND kind <> '{_FREQUENT}' ORDER BY number LIMIT 1""",  # noqa: S608 - a name of ours
        [charge_point_id],
    )
    # Without its beginning, there may be meter values that are older than all that is in the index.
    if found is None or found[1] != Registered.__name__:
        return 0
    assert isinstance(found[0], int)
    return found[0]


def numbered(rows: list[Row]) -> list[NumberedEvent]:
    """Rows of number and body as events. What a later or earlier version wrote is left out."""
    events = []
    for number, body in rows:
        assert isinstance(number, int)
        assert isinstance(body, str)
        try:
            events.append(NumberedEvent(number, _decoder.decode(body)))
        except msgspec.ValidationError:
            continue
    return events


def _where(
    charge_point_id: str | None, kinds: Collection[str] | None, group: str | None = None
) -> tuple[str, list[SqlValue]]:
    where = ""
    parameters: list[SqlValue] = []
    if charge_point_id is not None:
        where += " AND charge_point_id = ?"
        parameters.append(charge_point_id)
    if group is not None:
        where += """ AND charge_point_id IN
            (SELECT charge_point_id FROM charge_point_groups WHERE group_name = ?)"""
        parameters.append(group)
    if kinds is not None:
        where += f" AND kind IN ({', '.join('?' * len(kinds))})"
        parameters.extend(kinds)
        if charge_point_id is None and not any(kind in _NOT_RARE for kind in kinds):
            where += _RARE
        elif _FREQUENT not in kinds:
            where += f" AND kind <> '{_FREQUENT}'"  # the condition of the index, to the letter
    return where, parameters

"""Events as rows: what a watcher that knows the last number it saw has missed.

Not here: inserting them; `Db.emit` and `Store.append` do, with the change they tell about.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec

from ocpptrio.events import AnyEvent, MeterValuesReceived, NumberedEvent
from ocpptrio.store.driver import Reader, Row, SqlValue, Table

TABLE = Table(name="events", columns=("at_us", "charge_point_id", "kind", "body"))

# Numbers that one look goes through where no index helps: some 0.1 s of reading.
SPAN: Final = 100_000

_SELECT = "SELECT number, body FROM events WHERE number"
# Far more frequent than all others, hence left out of the index by charge point.
_FREQUENT = MeterValuesReceived.__name__

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

    For one charge point this is quick if `kinds` leaves meter values out.
    """
    where, parameters = _where(charge_point_id, kinds)
    sql = _SELECT + " < ?" + where + " ORDER BY number DESC LIMIT ?"
    end = last_number(reader) + 1 if before is None else before
    return numbered(reader.rows(sql, [end, *parameters, limit])[::-1])


class Stretch(NamedTuple):
    """A stretch of the events, in order, and how far it reaches.

    Attributes:
        events: those that fit.
        end: all up to this number that fit are among them; going back: down to this number.
        done: there are no more.
    """

    events: list[NumberedEvent]
    end: int
    done: bool


def onward(
    reader: Reader,
    after: int,
    *,
    before: int | None = None,
    limit: int = 1000,
    charge_point_id: str | None = None,
    kinds: Collection[str] | None = None,
) -> Stretch:
    """The next events after a number, from SPAN numbers at most: bounded, however few of them fit.

    Args:
        before: only those with a number less than that.
    """
    last = last_number(reader) if before is None else min(last_number(reader), before - 1)
    end = min(last, after + SPAN)
    where, parameters = _where(charge_point_id, kinds)
    sql = _SELECT + " > ? AND number <= ?" + where + " ORDER BY number LIMIT ?"
    rows = reader.rows(sql, [after, end, *parameters, limit])
    if len(rows) == limit:
        end = _number(rows[-1])
    end = max(end, after)
    return Stretch(numbered(rows), end, end >= last)


def backward(
    reader: Reader,
    before: int | None = None,
    *,
    limit: int = 1000,
    charge_point_id: str | None = None,
    kinds: Collection[str] | None = None,
) -> Stretch:
    """As `onward`, but the last ones before a number (None: of all), the newest first."""
    first, last = first_number(reader), last_number(reader)
    before = last + 1 if before is None else min(before, last + 1)
    end = max(first, before - SPAN)
    where, parameters = _where(charge_point_id, kinds)
    sql = _SELECT + " < ? AND number >= ?" + where + " ORDER BY number DESC LIMIT ?"
    rows = reader.rows(sql, [before, end, *parameters, limit])
    if len(rows) == limit:
        end = _number(rows[-1])
    return Stretch(numbered(rows), end, end <= first)


def first_number(reader: Reader) -> int:
    """The number of the oldest event that is kept; one more than the newest if there is none."""
    found = reader.row("SELECT min(number) FROM events")
    assert found is not None
    return last_number(reader) + 1 if found[0] is None else _number(found)


def last_number(reader: Reader) -> int:
    """The number of the newest event; 0 if there is none."""
    found = reader.row("SELECT coalesce(max(number), 0) FROM events")
    assert found is not None
    return _number(found)


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


def _number(row: Row) -> int:
    number = row[0]
    assert isinstance(number, int)
    return number


def _where(
    charge_point_id: str | None, kinds: Collection[str] | None
) -> tuple[str, list[SqlValue]]:
    where = ""
    parameters: list[SqlValue] = []
    if charge_point_id is not None:
        where += " AND charge_point_id = ?"
        parameters.append(charge_point_id)
    if kinds is not None:
        where += f" AND kind IN ({', '.join('?' * len(kinds))})"
        parameters.extend(kinds)
        if _FREQUENT not in kinds:
            where += f" AND kind <> '{_FREQUENT}'"  # the condition of the index, to the letter
    return where, parameters

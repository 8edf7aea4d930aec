"""The journal: every message in either direction, secrets redacted, in order.

Entries are noted (`Store.note`). Not here: what is redacted (services), how long they are kept
(retention).
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from ocpptrio.store.driver import Reader, Row, SqlValue, Table, like
from ocpptrio.store.records import JournalEntry
from ocpptrio.store.vocabulary import Direction

TABLE = Table(
    name="journal",
    columns=(
        "at_us",
        "charge_point_id",
        "generation",
        "direction",
        "action",
        "unique_id",
        "text",
    ),
)

NEAR: Final = 1000  # messages of a charge point between a CALL and its answer

_SELECT = "SELECT * FROM journal"
# Far more frequent than all others, hence left out of the index by Action. As the index has it, to
# the letter.
_FREQUENT = (
    "MeterValues",
    "Heartbeat",
    "StatusNotification",
    "StartTransaction",
    "StopTransaction",
    "Authorize",
)
_RARE = " AND ".join(f"action <> '{action}'" for action in _FREQUENT)
# The clock of this machine may have been set back; entries are looked for by time as if no more.
_CLOCK_SET_BACK_US = 3_600_000_000
_KIND = re.compile(r"\s*\[\s*([234])\s*,")


class FrameKind(StrEnum):
    """What a message is (OCPP-J 1.6, 4.2)."""

    CALL = "CALL"
    CALL_RESULT = "CALLRESULT"
    CALL_ERROR = "CALLERROR"


_KINDS: Final = dict(zip("234", FrameKind, strict=True))


def row(
    *,
    at_us: int,
    charge_point_id: str,
    generation: int,
    direction: Direction,
    action: str,
    unique_id: str,
    text: str,
) -> Row:
    return (at_us, charge_point_id, generation, direction, action, unique_id, text)


def entries(
    reader: Reader,
    *,
    charge_point_id: str | None = None,
    action: str | None = None,
    direction: str | None = None,
    unique_id: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    text: str | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[JournalEntry]:
    """Entries that fit all that is given, in order: the first after `after`, else the last.

    Times are from `since_us` on and before `until_us`; `text` is looked for in the message.
    """
    begin = None if since_us is None else _first_from(reader, since_us - _CLOCK_SET_BACK_US)
    end = None if until_us is None else _first_from(reader, until_us + _CLOCK_SET_BACK_US)
    filters: dict[str, SqlValue] = {
        "charge_point_id = ?": charge_point_id,
        "action = ?": action,
        "direction = ?": direction,
        "unique_id = ?": unique_id,
        "entry > ?": after,
        "entry < ?": before,
        "entry >= ?": begin,
        "entry <= ?": end,
        r"text LIKE ? ESCAPE '\'": None if text is None else like(text),
        "at_us >= ?": since_us,
        "at_us < ?": until_us,
    }
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    conditions = list(chosen)
    if action is not None and action not in _FREQUENT and charge_point_id is None:
        conditions.append(_RARE)
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    order = " ORDER BY entry LIMIT ?" if after is not None else " ORDER BY entry DESC LIMIT ?"
    found = [
        JournalEntry.of(row)
        for row in reader.rows(_SELECT + where + order, [*chosen.values(), limit])
    ]
    return found if after is not None else found[::-1]


def kind(entry: JournalEntry) -> FrameKind | None:
    """What the message is; None of what is no frame."""
    found = _KIND.match(entry.text)
    return None if found is None else _KINDS.get(found[1])


def pair(reader: Reader, entry: JournalEntry) -> JournalEntry | None:
    """The answer to a CALL, or the CALL of an answer; None if there is none near it."""
    found_kind = kind(entry)
    if found_kind is None:
        return None
    is_call = found_kind is FrameKind.CALL
    beside = "> ? ORDER BY entry" if is_call else "< ? ORDER BY entry DESC"
    # Either side counts by itself: its own CALL may have the same id, so the first may not do.
    for most in (1, NEAR):
        rows = reader.rows(
            # Nobody waits for long: without the bound, a CALL that has no answer would cost a look
            # at all that came since.
            f"""SELECT * FROM (SELECT * FROM journal WHERE charge_point_id = ? AND entry {beside}
                LIMIT ?) AS beside
            WHERE generation = ? AND unique_id = ? AND direction = ? LIMIT ?""",  # noqa: S608
            [
                entry.charge_point_id,
                entry.entry,
                NEAR,
                entry.generation,
                entry.unique_id,
                _other_way(entry),
                most,
            ],
        )
        for one in map(JournalEntry.of, rows):
            if (kind(one) is FrameKind.CALL) is not is_call:
                return one
        if len(rows) < most:
            break
    return None


def pairs(reader: Reader, entries: Sequence[JournalEntry]) -> list[JournalEntry | None]:
    """As `pair`, of many in order of their numbers: most have their other half among them."""
    found: dict[int, JournalEntry] = {}
    calls: dict[tuple[str, int, str, Direction], JournalEntry] = {}
    for entry in entries:
        what = kind(entry)
        conversation = (entry.charge_point_id, entry.generation, entry.unique_id)
        if what is FrameKind.CALL:
            calls[(*conversation, entry.direction)] = entry
        elif what is not None:
            call = calls.get((*conversation, _other_way(entry)))
            if call is not None:
                found[entry.entry] = call
                found.setdefault(call.entry, entry)  # the first answer is the one
    return [found.get(entry.entry) or pair(reader, entry) for entry in entries]


def _other_way(entry: JournalEntry) -> Direction:
    return Direction.OUT if entry.direction is Direction.IN else Direction.IN


def _first_from(reader: Reader, at_us: int) -> int:
    """About the first entry from that time on: entries are in order of time, and have no index."""
    # Apart, each is found at an end; together, SQLite would look at all.
    found = reader.row("SELECT (SELECT min(entry) FROM journal), (SELECT max(entry) FROM journal)")
    assert found is not None
    low, high = int(found[0] or 0), int(found[1] or 0)
    while low < high:
        middle = (low + high) // 2
        sql = "SELECT entry, at_us FROM journal WHERE entry >= ? ORDER BY entry LIMIT 1"
        there = reader.row(sql, [middle])
        assert there is not None
        if int(there[1] or 0) >= at_us:
            high = middle
        else:
            low = int(there[0] or 0) + 1
    return low

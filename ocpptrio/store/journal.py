"""The journal: every message in either direction, secrets redacted, in order.

Entries are noted (`Store.note`). Not here: what is redacted (services), how long they are kept
(retention).
"""

from ocpptrio.store.driver import Reader, Row, SqlValue, Table
from ocpptrio.store.records import Direction, JournalEntry

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
        r"text LIKE ? ESCAPE '\'": None if text is None else f"%{_escaped(text)}%",
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


def pair(reader: Reader, entry: JournalEntry) -> JournalEntry | None:
    """The answer to a CALL, or the CALL of an answer; None if there is none."""
    is_call = entry.text.lstrip(" [").startswith("2")
    found = reader.row(
        _SELECT
        + """ WHERE charge_point_id = ? AND generation = ? AND unique_id = ? AND direction = ?
        AND entry """
        + ("> ? ORDER BY entry LIMIT 1" if is_call else "< ? ORDER BY entry DESC LIMIT 1"),
        [
            entry.charge_point_id,
            entry.generation,
            entry.unique_id,
            Direction.OUT if entry.direction is Direction.IN else Direction.IN,
            entry.entry,
        ],
    )
    return None if found is None else JournalEntry.of(found)


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


def _escaped(text: str) -> str:
    """Text to be found by LIKE as it is."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")

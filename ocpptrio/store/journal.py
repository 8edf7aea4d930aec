"""The journal: every message in either direction, secrets redacted, in order.

Entries are noted (`Store.note`). Not here: what is redacted (services), how long they are kept
(retention).
"""

from ocpptrio.store.driver import Reader, Row, SqlValue, Table, like
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
    filters: dict[str, SqlValue] = {
        "charge_point_id = ?": charge_point_id,
        "action = ?": action,
        "direction = ?": direction,
        "entry > ?": after,
        "entry < ?": before,
        r"text LIKE ? ESCAPE '\'": None if text is None else like(text),
        "at_us >= ?": since_us,
        "at_us < ?": until_us,
    }
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    where = " WHERE " + " AND ".join(chosen) if chosen else ""
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

"""Groups of idTags: what tags with the same parentIdTag share. Found folded, like the tags.

Not here: who is in one (id_tags), where it may charge (tag_rights).
"""

from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.store import tag_rights
from ocpptrio.store.driver import Db, Reader, SqlValue, like
from ocpptrio.store.records import TagGroupRecord
from ocpptrio.week_times import week_times

COLUMNS = TagGroupRecord.__struct_fields__
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM tag_groups"  # noqa: S608 - names of our own


def get(reader: Reader, parent_id_tag: str) -> TagGroupRecord | None:
    found = reader.row(_SELECT + " WHERE group_key = ?", [id_tag_key(parent_id_tag)])
    return None if found is None else TagGroupRecord.of(found)


def everyone(reader: Reader) -> list[TagGroupRecord]:
    return [TagGroupRecord.of(row) for row in reader.rows(_SELECT + " ORDER BY group_key")]


def listed(
    reader: Reader, *, search: str | None = None, after: str = "", limit: int = 100
) -> list[TagGroupRecord]:
    """In order; the next page is `after` the last key.

    Args:
        search: a part of the name or of the note; case does not matter.
    """
    where, parameters = " WHERE group_key > ?", list[SqlValue]([after])
    if search is not None:
        where += r" AND (group_key LIKE ? ESCAPE '\' OR lower(note) LIKE lower(?) ESCAPE '\')"
        parameters += [like(id_tag_key(search)), like(search)]
    rows = reader.rows(_SELECT + where + " ORDER BY group_key LIMIT ?", [*parameters, limit])
    return [TagGroupRecord.of(row) for row in rows]


def ensure(db: Db, parent_id_tag: str, at_us: int) -> None:
    """Make a group without settings if it is not there."""
    db.run(
        """INSERT INTO tag_groups (group_key, parent_id_tag, created_at_us) VALUES (?, ?, ?)
        ON CONFLICT DO NOTHING""",
        [id_tag_key(parent_id_tag), parent_id_tag, at_us],
    )


def put(db: Db, record: TagGroupRecord) -> None:
    """Add a group, or replace what is kept of it, but for when it was made.

    Raises:
        ValueError: its times of the week cannot be read.
    """
    if record.week_times is not None:
        week_times(record.week_times)
    db.run(
        """INSERT INTO tag_groups (group_key, parent_id_tag, expires_at_us, blocked,
            max_concurrent, week_times, day_budget_wh, month_budget_wh, note, created_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (group_key) DO UPDATE SET
            parent_id_tag = excluded.parent_id_tag, expires_at_us = excluded.expires_at_us,
            blocked = excluded.blocked, max_concurrent = excluded.max_concurrent,
            week_times = excluded.week_times, day_budget_wh = excluded.day_budget_wh,
            month_budget_wh = excluded.month_budget_wh, note = excluded.note""",
        [
            id_tag_key(record.parent_id_tag),
            record.parent_id_tag,
            record.expires_at_us,
            int(record.blocked),
            record.max_concurrent,
            record.week_times,
            record.day_budget_wh,
            record.month_budget_wh,
            record.note,
            record.created_at_us,
        ],
    )


def remove(db: Db, parent_id_tag: str) -> bool:
    """Forget a group and its rights; False if it is not known. Its tags must have left it."""
    key = id_tag_key(parent_id_tag)
    tag_rights.put(db, "group", key, tag_rights.EVERYWHERE)
    sql = "DELETE FROM tag_groups WHERE group_key = ? RETURNING group_key"
    return db.row(sql, [key]) is not None

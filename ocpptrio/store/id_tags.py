"""IdTags that are known. They are compared folded (`id_tag_key`) and kept as entered.

Not here: whether one may charge (services), what its group is allowed (tag_groups), where it may
charge (tag_rights).
"""

from collections.abc import Sequence
from typing import cast

from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.store import tag_groups, tag_rights
from ocpptrio.store.driver import Db, Reader, SqlValue, like
from ocpptrio.store.records import IdTagRecord
from ocpptrio.week_times import week_times

COLUMNS = IdTagRecord.__struct_fields__
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM id_tags"  # noqa: S608 - names of our own


def get(reader: Reader, id_tag: str) -> IdTagRecord | None:
    found = reader.row(_SELECT + " WHERE id_tag_key = ?", [id_tag_key(id_tag)])
    return None if found is None else IdTagRecord.of(found)


def everyone(reader: Reader) -> list[IdTagRecord]:
    return [IdTagRecord.of(row) for row in reader.rows(_SELECT + " ORDER BY id_tag_key")]


def among(reader: Reader, keys: Sequence[str]) -> list[IdTagRecord]:
    """Those of these keys that are known."""
    sql = f"{_SELECT} WHERE id_tag_key IN ({', '.join('?' * len(keys))})"
    return [IdTagRecord.of(row) for row in reader.rows(sql, keys)]


def members(reader: Reader, parent_id_tag: str) -> list[IdTagRecord]:
    """The tags of a group, in order."""
    sql = _SELECT + " WHERE group_key = ? ORDER BY id_tag_key"
    return [IdTagRecord.of(row) for row in reader.rows(sql, [id_tag_key(parent_id_tag)])]


def listed(
    reader: Reader,
    *,
    search: str | None = None,
    parent_id_tag: str | None = None,
    blocked: bool | None = None,
    after: str = "",
    limit: int = 100,
) -> list[IdTagRecord]:
    """Those that fit all that is given, in order; the next page is `after` the last key.

    Args:
        search: a part of the idTag, of its group's name or of its note; case does not matter.
    """
    conditions, parameters = ["id_tag_key > ?"], list[SqlValue]([after])
    if search is not None:
        conditions.append(
            r"""(id_tag_key LIKE ? ESCAPE '\' OR group_key LIKE ? ESCAPE '\'
            OR lower(note) LIKE lower(?) ESCAPE '\')"""
        )
        parameters += [like(id_tag_key(search))] * 2 + [like(search)]
    if parent_id_tag is not None:
        conditions.append("group_key = ?")
        parameters.append(id_tag_key(parent_id_tag))
    if blocked is not None:
        conditions.append("blocked = ?")
        parameters.append(int(blocked))
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY id_tag_key LIMIT ?"
    return [IdTagRecord.of(row) for row in reader.rows(sql, [*parameters, limit])]


def group_sizes(reader: Reader, first: str, last: str) -> dict[str, int]:
    """How many tags are in each group between these keys; without those that have none."""
    sql = """SELECT group_key, count(*) FROM id_tags WHERE group_key BETWEEN ? AND ?
        GROUP BY group_key"""
    return cast("dict[str, int]", dict(reader.rows(sql, [first, last])))  # type: ignore[arg-type]


def put(db: Db, record: IdTagRecord) -> None:
    """Add an idTag, or replace what is kept of it, but for when it was made.

    A group that it names is made if it is not there.

    Raises:
        ValueError: its times of the week cannot be read.
    """
    if record.week_times is not None:
        week_times(record.week_times)
    group_key = None
    if record.parent_id_tag is not None:
        group_key = id_tag_key(record.parent_id_tag)
        tag_groups.ensure(db, record.parent_id_tag, record.created_at_us)
    db.run(
        """INSERT INTO id_tags (id_tag_key, id_tag, parent_id_tag, group_key, expires_at_us,
            blocked, max_concurrent, week_times, day_budget_wh, month_budget_wh, note,
            created_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id_tag_key) DO UPDATE SET
            id_tag = excluded.id_tag, parent_id_tag = excluded.parent_id_tag,
            group_key = excluded.group_key, expires_at_us = excluded.expires_at_us,
            blocked = excluded.blocked, max_concurrent = excluded.max_concurrent,
            week_times = excluded.week_times, day_budget_wh = excluded.day_budget_wh,
            month_budget_wh = excluded.month_budget_wh, note = excluded.note""",
        [
            id_tag_key(record.id_tag),
            record.id_tag,
            record.parent_id_tag,
            group_key,
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


def remove(db: Db, id_tag: str) -> bool:
    """Forget an idTag and its rights; False if it is not known."""
    key = id_tag_key(id_tag)
    tag_rights.put(db, "tag", key, tag_rights.EVERYWHERE)
    sql = "DELETE FROM id_tags WHERE id_tag_key = ? RETURNING id_tag_key"
    return db.row(sql, [key]) is not None


def set_blocked(db: Db, id_tag: str, blocked: bool) -> bool:
    """Block an idTag, or allow it again; False if it is not known."""
    sql = "UPDATE id_tags SET blocked = ? WHERE id_tag_key = ? RETURNING id_tag_key"
    return db.row(sql, [int(blocked), id_tag_key(id_tag)]) is not None

"""IdTags that are known. They are compared folded (`id_tag_key`) and kept as entered.

Not here: whether one may charge (services).
"""

from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import IdTagRecord

_SELECT = "SELECT * FROM id_tags"


def get(reader: Reader, id_tag: str) -> IdTagRecord | None:
    found = reader.row(_SELECT + " WHERE id_tag_key = ?", [id_tag_key(id_tag)])
    return None if found is None else IdTagRecord.of(found)


def everyone(reader: Reader) -> list[IdTagRecord]:
    return [IdTagRecord.of(row) for row in reader.rows(_SELECT + " ORDER BY id_tag_key")]


def put(db: Db, record: IdTagRecord) -> None:
    """Add an idTag, or replace what is kept of it, but for when it was made."""
    db.run(
        """INSERT INTO id_tags (id_tag_key, id_tag, parent_id_tag, expires_at_us, blocked,
            max_concurrent, note, created_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id_tag_key) DO UPDATE SET
            id_tag = excluded.id_tag, parent_id_tag = excluded.parent_id_tag,
            expires_at_us = excluded.expires_at_us, blocked = excluded.blocked,
            max_concurrent = excluded.max_concurrent, note = excluded.note""",
        [
            id_tag_key(record.id_tag),
            record.id_tag,
            record.parent_id_tag,
            record.expires_at_us,
            int(record.blocked),
            record.max_concurrent,
            record.note,
            record.created_at_us,
        ],
    )


def remove(db: Db, id_tag: str) -> bool:
    """Forget an idTag; False if it is not known."""
    sql = "DELETE FROM id_tags WHERE id_tag_key = ? RETURNING id_tag_key"
    return db.row(sql, [id_tag_key(id_tag)]) is not None


def set_blocked(db: Db, id_tag: str, blocked: bool) -> bool:
    """Block an idTag, or allow it again; False if it is not known."""
    sql = "UPDATE id_tags SET blocked = ? WHERE id_tag_key = ? RETURNING id_tag_key"
    return db.row(sql, [int(blocked), id_tag_key(id_tag)]) is not None

"""What each charge point said its configuration keys hold, and how that changed.

Keys are compared folded. Not here: what they are to hold (wanted_configuration).
"""

from typing import Final

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import ConfigurationChange, ConfigurationRecord

# Of one key of one charge point: some report a clock or a temperature as a key.
CHANGES_KEPT: Final = 100


def put(db: Db, record: ConfigurationRecord) -> None:
    """Keep a reported key in place of what it held before; other keys stay."""
    db.run(
        """INSERT INTO reported_configuration (charge_point_id, key_folded, key, value,
            readonly, reported_at_us, pending_value, pending_at_us, pending_command_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (charge_point_id, key_folded) DO UPDATE SET
            key = excluded.key, value = excluded.value, readonly = excluded.readonly,
            reported_at_us = excluded.reported_at_us, pending_value = excluded.pending_value,
            pending_at_us = excluded.pending_at_us,
            pending_command_id = excluded.pending_command_id""",
        [
            record.charge_point_id,
            record.key.casefold(),
            record.key,
            record.value,
            int(record.readonly),
            record.reported_at_us,
            record.pending_value,
            record.pending_at_us,
            record.pending_command_id,
        ],
    )


def changed(
    db: Db,
    charge_point_id: str,
    key: str,
    *,
    before: str | None,
    after: str | None,
    at_us: int,
    command_id: int | None,
) -> None:
    """Add to the history of a key; the oldest beyond CHANGES_KEPT goes."""
    folded = key.casefold()
    db.run(
        """INSERT INTO configuration_changes (charge_point_id, key_folded, key, value_before,
            value_after, changed_at_us, command_id)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [charge_point_id, folded, key, before, after, at_us, command_id],
    )
    db.run(
        """DELETE FROM configuration_changes
        WHERE charge_point_id = ? AND key_folded = ? AND change_number <= (
            SELECT change_number FROM configuration_changes
            WHERE charge_point_id = ? AND key_folded = ?
            ORDER BY change_number DESC LIMIT 1 OFFSET ?)""",
        [charge_point_id, folded, charge_point_id, folded, CHANGES_KEPT],
    )


def drop(db: Db, charge_point_id: str, key: str) -> None:
    """The charge point does not know this key, or any more."""
    db.run(
        "DELETE FROM reported_configuration WHERE charge_point_id = ? AND key_folded = ?",
        [charge_point_id, key.casefold()],
    )


def forget(db: Db, charge_point_id: str) -> None:
    """Delete all of one charge point."""
    db.run("DELETE FROM reported_configuration WHERE charge_point_id = ?", [charge_point_id])
    db.run("DELETE FROM configuration_changes WHERE charge_point_id = ?", [charge_point_id])


def of(reader: Reader, charge_point_id: str) -> list[ConfigurationRecord]:
    rows = reader.rows(
        "SELECT * FROM reported_configuration WHERE charge_point_id = ? ORDER BY key_folded",
        [charge_point_id],
    )
    return [ConfigurationRecord.of(row) for row in rows]


def everyone(reader: Reader) -> list[ConfigurationRecord]:
    rows = reader.rows("SELECT * FROM reported_configuration ORDER BY charge_point_id, key_folded")
    return [ConfigurationRecord.of(row) for row in rows]


def history(
    reader: Reader,
    charge_point_id: str,
    key: str | None = None,
    limit: int = 100,
    *,
    before: int | None = None,
) -> list[ConfigurationChange]:
    """The last changes, newest first; the next page is `before` the last number."""
    sql = "SELECT * FROM configuration_changes WHERE charge_point_id = ?"
    parameters: list[str | int] = [charge_point_id]
    if key is not None:
        sql += " AND key_folded = ?"
        parameters.append(key.casefold())
    if before is not None:
        sql += " AND change_number < ?"
        parameters.append(before)
    sql += " ORDER BY change_number DESC LIMIT ?"
    rows = reader.rows(sql, [*parameters, limit])
    return [ConfigurationChange.of(row) for row in rows]

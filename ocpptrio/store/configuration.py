"""What each charge point said its configuration keys hold. Keys are compared folded."""

from collections.abc import Iterable

from ocpptrio.protocol.core import KeyValue
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import ConfigurationRecord


def put(db: Db, charge_point_id: str, entries: Iterable[KeyValue], at_us: int) -> None:
    """Keep reported keys in place of what they held before; other keys stay."""
    for entry in entries:
        db.run(
            """INSERT INTO reported_configuration (charge_point_id, key_folded, key, value,
                readonly, reported_at_us)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (charge_point_id, key_folded) DO UPDATE SET
                key = excluded.key, value = excluded.value, readonly = excluded.readonly,
                reported_at_us = excluded.reported_at_us""",
            [
                charge_point_id,
                entry.key.casefold(),
                entry.key,
                entry.value,
                int(entry.readonly),
                at_us,
            ],
        )


def of(reader: Reader, charge_point_id: str) -> list[ConfigurationRecord]:
    rows = reader.rows(
        "SELECT * FROM reported_configuration WHERE charge_point_id = ? ORDER BY key_folded",
        [charge_point_id],
    )
    return [ConfigurationRecord.of(row) for row in rows]


def everyone(reader: Reader) -> list[ConfigurationRecord]:
    rows = reader.rows("SELECT * FROM reported_configuration ORDER BY charge_point_id, key_folded")
    return [ConfigurationRecord.of(row) for row in rows]

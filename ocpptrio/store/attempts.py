"""Who was turned away at the door, so that an operator can let them in. Bounded."""

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import AttemptRecord

KEPT = 1000  # identities; somebody who tries names at random must not fill the disk


def note(db: Db, *, charge_point_id: str, peer: str, reason: str, at_us: int) -> None:
    """Count an attempt; beyond `KEPT`, who has not tried for longest is forgotten."""
    found = db.row(
        """INSERT INTO attempts (charge_point_id, peer, reason, occurrences, first_at_us,
            last_at_us)
        VALUES (?, ?, ?, 1, ?, ?)
        ON CONFLICT (charge_point_id) DO UPDATE SET
            peer = excluded.peer, reason = excluded.reason,
            occurrences = attempts.occurrences + 1, last_at_us = excluded.last_at_us
        RETURNING occurrences""",
        [charge_point_id, peer, reason, at_us, at_us],
    )
    if found == (1,):
        db.run(
            """DELETE FROM attempts WHERE charge_point_id =
                (SELECT charge_point_id FROM attempts ORDER BY last_at_us LIMIT 1)
            AND (SELECT count(*) FROM attempts) > ?""",
            [KEPT],
        )


def get(reader: Reader, charge_point_id: str) -> AttemptRecord | None:
    sql = "SELECT * FROM attempts WHERE charge_point_id = ?"
    found = reader.row(sql, [charge_point_id])
    return None if found is None else AttemptRecord.of(found)


def everyone(reader: Reader) -> list[AttemptRecord]:
    """All that are kept, the latest first."""
    rows = reader.rows("SELECT * FROM attempts ORDER BY last_at_us DESC, charge_point_id")
    return [AttemptRecord.of(row) for row in rows]


def remove(db: Db, charge_point_id: str) -> bool:
    """Forget an identity; False if it is not there."""
    sql = "DELETE FROM attempts WHERE charge_point_id = ? RETURNING charge_point_id"
    return db.row(sql, [charge_point_id]) is not None

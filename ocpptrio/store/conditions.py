"""What is wrong with charge points: conditions that are open, and those that were.

At most one of a kind is open per connector. Not here: when one is raised or cleared (services).
"""

from ocpptrio.events import ConditionCleared, ConditionEscalated, ConditionRaised
from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import ConditionRecord

_SELECT = "SELECT * FROM conditions"


def raise_(db: Db, raised: ConditionRaised) -> bool:
    """Open a condition and tell of it; False if it is open, or the charge point is removed."""
    added = db.row(
        """INSERT INTO conditions (charge_point_id, kind, connector_id, since_us, raised_at_us,
            evidence)
        SELECT ?, ?, ?, ?, ?, ?
        WHERE EXISTS (SELECT 1 FROM charge_points WHERE charge_point_id = ?)
        ON CONFLICT DO NOTHING RETURNING condition_id""",
        [
            raised.charge_point_id,
            raised.condition,
            raised.connector_id,
            raised.since_us,
            raised.at_us,
            raised.evidence,
            raised.charge_point_id,
        ],
    )
    if added is None:
        return False
    db.emit(raised)
    return True


def clear(db: Db, cleared: ConditionCleared) -> None:
    """Close a condition and tell of it."""
    db.run(
        """UPDATE conditions SET cleared_at_us = ?
        WHERE charge_point_id = ? AND kind = ? AND connector_id = ? AND cleared_at_us IS NULL""",
        [cleared.at_us, cleared.charge_point_id, cleared.condition, cleared.connector_id],
    )
    db.emit(cleared)


def escalate(db: Db, escalated: ConditionEscalated) -> None:
    """Note a step that is taken, and tell of it."""
    db.run(
        """UPDATE conditions SET steps = ?, stepped_at_us = ?
        WHERE charge_point_id = ? AND kind = ? AND connector_id = ? AND cleared_at_us IS NULL""",
        [
            escalated.number,
            escalated.at_us,
            escalated.charge_point_id,
            escalated.condition,
            escalated.connector_id,
        ],
    )
    db.emit(escalated)


def everyone_open(reader: Reader) -> list[ConditionRecord]:
    """Of all charge points; of each, the oldest first."""
    sql = " WHERE cleared_at_us IS NULL ORDER BY charge_point_id, condition_id"
    return [ConditionRecord.of(row) for row in reader.rows(_SELECT + sql)]


def listed(
    reader: Reader,
    *,
    charge_point_id: str | None = None,
    open_only: bool = True,
    before: int | None = None,
    limit: int = 1000,
) -> list[ConditionRecord]:
    """The newest first; the next page is `before` the last id."""
    filters: dict[str, SqlValue] = {}
    if charge_point_id is not None:
        filters["charge_point_id = ?"] = charge_point_id
    if before is not None:
        filters["condition_id < ?"] = before
    wanted = [*filters, *(["cleared_at_us IS NULL"] if open_only else [])]
    where = " WHERE " + " AND ".join(wanted) if wanted else ""
    sql = _SELECT + where + " ORDER BY condition_id DESC LIMIT ?"
    return [ConditionRecord.of(row) for row in reader.rows(sql, [*filters.values(), limit])]


def stepped_since(reader: Reader, at_us: int) -> list[ConditionRecord]:
    """Those against which a step was taken after that time."""
    sql = _SELECT + " WHERE stepped_at_us > ? ORDER BY stepped_at_us"
    return [ConditionRecord.of(row) for row in reader.rows(sql, [at_us])]


def prune(db: Db, *, before_us: int, limit: int) -> int:
    """Delete some that were cleared before that time; returns how many."""
    rows = db.rows(
        """DELETE FROM conditions WHERE condition_id IN (
            SELECT condition_id FROM conditions WHERE cleared_at_us < ?
            ORDER BY cleared_at_us LIMIT ?
        ) RETURNING condition_id""",
        [before_us, limit],
    )
    return len(rows)

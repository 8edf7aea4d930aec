"""What waits for a person to decide, and what became of it. Not here: decisions (services)."""

from ocpptrio.events import Facts, ReviewOpened, ReviewResolved
from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import ReviewRecord, facts_json
from ocpptrio.store.vocabulary import ReviewKind

_SELECT = "SELECT * FROM reviews"


def open_(
    db: Db,
    kind: ReviewKind,
    *,
    charge_point_id: str,
    at_us: int,
    evidence: Facts,
    transaction_id: int | None = None,
    orphan_id: int | None = None,
) -> int | None:
    """Let something wait for a person; returns its number, or None if it has come up before."""
    added = db.row(
        """INSERT INTO reviews (kind, charge_point_id, transaction_id, orphan_id, since_us,
            evidence)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING review_id""",
        [kind, charge_point_id, transaction_id, orphan_id, at_us, facts_json(evidence)],
    )
    if added is None:
        return None
    (review_id,) = added
    assert isinstance(review_id, int)
    db.emit(
        ReviewOpened(
            charge_point_id=charge_point_id,
            at_us=at_us,
            review_id=review_id,
            review=kind,
            transaction_id=transaction_id,
            orphan_id=orphan_id,
        )
    )
    return review_id


def get(reader: Reader, review_id: int) -> ReviewRecord | None:
    found = reader.row(_SELECT + " WHERE review_id = ?", [review_id])
    return None if found is None else ReviewRecord.of(found)


def waiting(
    reader: Reader, charge_point_id: str | None = None, limit: int = 1000
) -> list[ReviewRecord]:
    """Those that nobody has decided, oldest first."""
    sql = _SELECT + " WHERE resolved_at_us IS NULL"
    if charge_point_id is None:
        rows = reader.rows(sql + " ORDER BY review_id LIMIT ?", [limit])
    else:
        sql += " AND charge_point_id = ? ORDER BY review_id LIMIT ?"
        rows = reader.rows(sql, [charge_point_id, limit])
    return [ReviewRecord.of(row) for row in rows]


def latest(
    reader: Reader,
    limit: int = 100,
    *,
    charge_point_id: str | None = None,
    resolved: bool | None = None,
    before: int | None = None,
) -> list[ReviewRecord]:
    """Those that fit all that is given, newest first; the next page is `before` the last."""
    filters: dict[str, SqlValue] = {"charge_point_id = ?": charge_point_id, "review_id < ?": before}
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    conditions = list(chosen)
    if resolved is not None:
        conditions.append(f"resolved_at_us IS {'NOT ' if resolved else ''}NULL")
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    sql = _SELECT + where + " ORDER BY review_id DESC LIMIT ?"
    return [ReviewRecord.of(row) for row in reader.rows(sql, [*chosen.values(), limit])]


def of_transaction(reader: Reader, transaction_id: int) -> list[ReviewRecord]:
    rows = reader.rows(_SELECT + " WHERE transaction_id = ? ORDER BY review_id", [transaction_id])
    return [ReviewRecord.of(row) for row in rows]


def of_orphan(reader: Reader, orphan_id: int) -> list[ReviewRecord]:
    rows = reader.rows(
        # As the index has it.
        _SELECT
        + " WHERE kind = ? AND coalesce(transaction_id, 0) = 0 AND coalesce(orphan_id, 0) = +?",
        [ReviewKind.ORPHAN_STOP, orphan_id],
    )
    return [ReviewRecord.of(row) for row in rows]


def resolve(
    db: Db, review: ReviewRecord, at_us: int, decision: str, note: str | None = None
) -> None:
    """Note what was decided; the first decision stands."""
    if review.resolved_at_us is not None:
        return
    db.run(
        "UPDATE reviews SET resolved_at_us = ?, decision = ?, note = ? WHERE review_id = ?",
        [at_us, decision, note, review.review_id],
    )
    db.emit(
        ReviewResolved(
            charge_point_id=review.charge_point_id,
            at_us=at_us,
            review_id=review.review_id,
            decision=decision,
            transaction_id=review.transaction_id,
        )
    )

"""StopTransactions that fit no transaction: kept whole, for a person to decide."""

from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import OrphanStopRecord


def insert(
    db: Db,
    *,
    charge_point_id: str,
    transaction_id: int,
    id_tag: str | None,
    meter_stop_wh: int,
    stopped_at_us: int,
    received_at_us: int,
    reason: str,
    payload: str,
) -> int | None:
    """Keep a stop; returns its number, or None if it came before."""
    added = db.row(
        """INSERT INTO orphan_stops (charge_point_id, transaction_id, id_tag, meter_stop_wh,
            stopped_at_us, received_at_us, reason, payload)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING orphan_id""",
        [
            charge_point_id,
            transaction_id,
            id_tag,
            meter_stop_wh,
            stopped_at_us,
            received_at_us,
            reason,
            payload,
        ],
    )
    if added is None:
        return None
    (orphan_id,) = added
    assert isinstance(orphan_id, int)
    return orphan_id


def get(reader: Reader, orphan_id: int) -> OrphanStopRecord | None:
    found = reader.row("SELECT * FROM orphan_stops WHERE orphan_id = ?", [orphan_id])
    return None if found is None else OrphanStopRecord.of(found)


def find(
    reader: Reader,
    *,
    charge_point_id: str,
    transaction_id: int,
    meter_stop_wh: int,
    stopped_at_us: int,
) -> OrphanStopRecord | None:
    """This very stop, if it was kept when it came before."""
    found = reader.row(
        """SELECT * FROM orphan_stops WHERE charge_point_id = ? AND transaction_id = ?
            AND stopped_at_us = ? AND meter_stop_wh = ?""",
        [charge_point_id, transaction_id, stopped_at_us, meter_stop_wh],
    )
    return None if found is None else OrphanStopRecord.of(found)


def resolve(db: Db, orphan_id: int, at_us: int, transaction_id: int | None) -> None:
    """It ended this transaction of ours, or is dismissed."""
    db.run(
        """UPDATE orphan_stops SET resolved_at_us = ?, stopped_transaction_id = ?
        WHERE orphan_id = ?""",
        [at_us, transaction_id, orphan_id],
    )


def unresolved(reader: Reader) -> list[OrphanStopRecord]:
    """Those that still fit nothing, oldest first."""
    sql = "SELECT * FROM orphan_stops WHERE resolved_at_us IS NULL ORDER BY orphan_id"
    return [OrphanStopRecord.of(row) for row in reader.rows(sql)]


def latest(
    reader: Reader,
    *,
    charge_point_id: str | None = None,
    resolved: bool | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[OrphanStopRecord]:
    """Those that fit all that is given, newest first; the next page is `before` the last."""
    filters: dict[str, SqlValue] = {"charge_point_id = ?": charge_point_id, "orphan_id < ?": before}
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    conditions = list(chosen)
    if resolved is not None:
        conditions.append(f"resolved_at_us IS {'NOT ' if resolved else ''}NULL")
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    sql = f"SELECT * FROM orphan_stops{where} ORDER BY orphan_id DESC LIMIT ?"  # noqa: S608 - ours
    return [OrphanStopRecord.of(row) for row in reader.rows(sql, [*chosen.values(), limit])]


def unresolved_of(reader: Reader, charge_point_id: str, limit: int) -> list[OrphanStopRecord]:
    """The newest of a charge point that still fit nothing, oldest first."""
    rows = reader.rows(
        """SELECT * FROM orphan_stops WHERE resolved_at_us IS NULL AND charge_point_id = ?
        ORDER BY orphan_id DESC LIMIT ?""",
        [charge_point_id, limit],
    )
    return [OrphanStopRecord.of(row) for row in rows[::-1]]


def everyone(reader: Reader) -> list[OrphanStopRecord]:
    rows = reader.rows("SELECT * FROM orphan_stops ORDER BY orphan_id")
    return [OrphanStopRecord.of(row) for row in rows]

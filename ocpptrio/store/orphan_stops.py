"""StopTransactions that fit no transaction: kept whole, for a person to decide."""

from ocpptrio.store.driver import Db, Reader
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
) -> bool:
    """Keep a stop; False if it came before."""
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
    return added is not None


def everyone(reader: Reader) -> list[OrphanStopRecord]:
    rows = reader.rows("SELECT * FROM orphan_stops ORDER BY orphan_id")
    return [OrphanStopRecord.of(row) for row in rows]

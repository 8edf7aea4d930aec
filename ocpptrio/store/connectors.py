"""Connectors and their last known status; connector 0 is the charge point as a whole."""

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import ConnectorRecord

_SELECT = "SELECT * FROM connectors"


def get(reader: Reader, charge_point_id: str, connector_id: int) -> ConnectorRecord | None:
    sql = _SELECT + " WHERE charge_point_id = ? AND connector_id = ?"
    found = reader.row(sql, [charge_point_id, connector_id])
    return None if found is None else ConnectorRecord.of(found)


def of(reader: Reader, charge_point_id: str) -> list[ConnectorRecord]:
    sql = _SELECT + " WHERE charge_point_id = ? ORDER BY connector_id"
    return [ConnectorRecord.of(row) for row in reader.rows(sql, [charge_point_id])]


def everyone(reader: Reader) -> list[ConnectorRecord]:
    sql = _SELECT + " ORDER BY charge_point_id, connector_id"
    return [ConnectorRecord.of(row) for row in reader.rows(sql)]


def put(db: Db, record: ConnectorRecord) -> None:
    """Keep the status of a connector in place of the one before."""
    db.run(
        """INSERT INTO connectors (charge_point_id, connector_id, status, error_code, info,
            vendor_id, vendor_error_code, status_at_us, received_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (charge_point_id, connector_id) DO UPDATE SET
            status = excluded.status, error_code = excluded.error_code, info = excluded.info,
            vendor_id = excluded.vendor_id, vendor_error_code = excluded.vendor_error_code,
            status_at_us = excluded.status_at_us, received_at_us = excluded.received_at_us""",
        [
            record.charge_point_id,
            record.connector_id,
            record.status,
            record.error_code,
            record.info,
            record.vendor_id,
            record.vendor_error_code,
            record.status_at_us,
            record.received_at_us,
        ],
    )

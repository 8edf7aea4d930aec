"""Security events, and certificates that charge points asked for (security white paper)."""

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import CertificateRequestRecord, SecurityEventRecord


def insert_event(
    db: Db,
    *,
    charge_point_id: str,
    type: str,  # noqa: A002 - the name of the column
    occurred_at_us: int,
    received_at_us: int,
    tech_info: str | None,
) -> bool:
    """Keep a security event; False if it came before."""
    added = db.row(
        """INSERT INTO security_events (charge_point_id, type, occurred_at_us, received_at_us,
            tech_info)
        VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING security_event_id""",
        [charge_point_id, type, occurred_at_us, received_at_us, tech_info or ""],
    )
    return added is not None


def events_of(
    reader: Reader, charge_point_id: str | None = None, limit: int = 100
) -> list[SecurityEventRecord]:
    """The last security events of a charge point, or of all, newest first."""
    sql = "SELECT * FROM security_events"
    if charge_point_id is None:
        rows = reader.rows(sql + " ORDER BY security_event_id DESC LIMIT ?", [limit])
    else:
        sql += " WHERE charge_point_id = ? ORDER BY security_event_id DESC LIMIT ?"
        rows = reader.rows(sql, [charge_point_id, limit])
    return [SecurityEventRecord.of(row) for row in rows]


def insert_certificate_request(
    db: Db, *, charge_point_id: str, csr: str, received_at_us: int
) -> tuple[int, bool]:
    """Keep a request; returns its number, and whether it is new: the same one comes again."""
    added = db.row(
        """INSERT INTO certificate_requests (charge_point_id, csr, received_at_us)
        VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING request_number""",
        [charge_point_id, csr, received_at_us],
    )
    found = added or db.row(
        "SELECT request_number FROM certificate_requests WHERE charge_point_id = ? AND csr = ?",
        [charge_point_id, csr],
    )
    assert found is not None
    (number,) = found
    assert isinstance(number, int)
    return number, added is not None


def certificate_requests(reader: Reader) -> list[CertificateRequestRecord]:
    rows = reader.rows("SELECT * FROM certificate_requests ORDER BY request_number")
    return [CertificateRequestRecord.of(row) for row in rows]

"""Security events, and certificates that charge points asked for (security white paper)."""

from ocpptrio.store.driver import Db, Reader, SqlValue
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
    reader: Reader,
    charge_point_id: str | None = None,
    limit: int = 100,
    *,
    since_us: int | None = None,
    until_us: int | None = None,
    before: int | None = None,
) -> list[SecurityEventRecord]:
    """The last security events of a charge point, or of all, newest first.

    Times are those at which they came; the next page is `before` the last.
    """
    filters: dict[str, SqlValue] = {
        "charge_point_id = ?": charge_point_id,
        "received_at_us >= ?": since_us,
        "received_at_us < ?": until_us,
        "security_event_id < ?": before,
    }
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    where = " WHERE " + " AND ".join(chosen) if chosen else ""
    sql = f"SELECT * FROM security_events{where} ORDER BY security_event_id DESC LIMIT ?"  # noqa: S608 - ours
    rows = reader.rows(sql, [*chosen.values(), limit])
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

"""Who did what through the API. Not here: what charge points were asked (commands)."""

from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import AuditRecord


def note(
    db: Db,
    *,
    at_us: int,
    actor: str,
    address: str,
    method: str,
    path: str,
    status: int,
    body: str,
) -> None:
    db.run(
        """INSERT INTO audit (at_us, actor, address, method, path, status, body)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [at_us, actor, address, method, path, status, body],
    )


def listed(
    reader: Reader,
    *,
    actor: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditRecord]:
    """Those that fit all that is given, the newest first; the next page is `before` the last."""
    filters: dict[str, SqlValue] = {
        "actor = ?": actor,
        "at_us >= ?": since_us,
        "at_us < ?": until_us,
        "audit_id < ?": before,
    }
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    where = " WHERE " + " AND ".join(chosen) if chosen else ""
    sql = f"SELECT * FROM audit{where} ORDER BY audit_id DESC LIMIT ?"  # noqa: S608 - ours
    return [AuditRecord.of(row) for row in reader.rows(sql, [*chosen.values(), limit])]

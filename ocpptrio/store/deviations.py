"""In which ways each charge point leaves the specification: one row per way, with a count."""

import re

from ocpptrio.events import Deviated
from ocpptrio.protocol.datatypes import Deviation
from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import DeviationRecord

# Ways kept of a charge point. A sane one has a handful; names of unknown fields have no end.
KEPT = 200

_SELECT = "SELECT * FROM deviations"
_INDEX = re.compile(r"\[\d+\]")


def note(db: Db, *, charge_point_id: str, action: str, deviation: Deviation, at_us: int) -> bool:
    """Count a deviation; True if it is the first of its kind, and among the first `KEPT`.

    The first is told of.
    """
    field = _INDEX.sub("", deviation.field)
    key = [charge_point_id, action, field, deviation.kind]
    known = db.row(
        """UPDATE deviations SET occurrences = occurrences + 1, last_at_us = ?,
            last_firmware =
                (SELECT firmware_version FROM charge_points WHERE charge_point_id = ?)
        WHERE charge_point_id = ? AND action = ? AND field = ? AND kind = ?
        RETURNING occurrences""",
        [at_us, charge_point_id, *key],
    )
    if known is not None:
        return False
    added = db.row(
        """INSERT INTO deviations (charge_point_id, action, field, kind, occurrences,
            first_at_us, last_at_us, example, first_firmware, last_firmware)
        SELECT ?, ?, ?, ?, 1, ?, ?, ?,
            (SELECT firmware_version FROM charge_points WHERE charge_point_id = ?),
            (SELECT firmware_version FROM charge_points WHERE charge_point_id = ?)
        WHERE (SELECT count(*) FROM deviations WHERE charge_point_id = ?) < ?
        RETURNING occurrences""",
        [*key, at_us, at_us, deviation.original, *[charge_point_id] * 3, KEPT],
    )
    if added is None:
        return False
    db.emit(
        Deviated(
            charge_point_id=charge_point_id,
            at_us=at_us,
            action=action,
            field=deviation.field,
            deviation=deviation.kind,
            example=deviation.original,
        )
    )
    return True


def clear(db: Db, charge_point_id: str, *, older_firmware_only: bool = False) -> int:
    """Delete the entries of a charge point; returns how many.

    Args:
        older_firmware_only: keep those that its present firmware has shown, too.
    """
    sql = "DELETE FROM deviations WHERE charge_point_id = ?"
    parameters = [charge_point_id]
    if older_firmware_only:
        sql += """ AND coalesce(last_firmware, '') <> coalesce(
            (SELECT firmware_version FROM charge_points WHERE charge_point_id = ?), '')"""
        parameters.append(charge_point_id)
    return len(db.rows(sql + " RETURNING kind", parameters))


def of(reader: Reader, charge_point_id: str) -> list[DeviationRecord]:
    sql = _SELECT + " WHERE charge_point_id = ? ORDER BY action, field, kind"
    return [DeviationRecord.of(row) for row in reader.rows(sql, [charge_point_id])]


def everyone(reader: Reader) -> list[DeviationRecord]:
    sql = _SELECT + " ORDER BY charge_point_id, action, field, kind"
    return [DeviationRecord.of(row) for row in reader.rows(sql)]


def listed(
    reader: Reader,
    *,
    charge_point_id: str | None = None,
    after: tuple[str, str, str, str] | None = None,
    limit: int = 100,
) -> list[DeviationRecord]:
    """By charge point, action, field and kind; the next page is `after` those of the last one."""
    where: list[str] = []
    values: list[SqlValue] = []
    if charge_point_id is not None:
        where.append("charge_point_id = ?")
        values.append(charge_point_id)
    if after is not None:
        where.append("(charge_point_id, action, field, kind) > (?, ?, ?, ?)")
        values += after
    sql = _SELECT + (" WHERE " + " AND ".join(where) if where else "")
    sql += " ORDER BY charge_point_id, action, field, kind LIMIT ?"
    return [DeviationRecord.of(row) for row in reader.rows(sql, [*values, limit])]

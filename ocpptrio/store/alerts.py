"""Alerts: what people are told of, since when, and who was told.

Not here: what becomes one (services.alerts), when it is told (services.alert_notices).
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from ocpptrio.clock import DAY_US
from ocpptrio.config import AlertKind
from ocpptrio.events import AlertAcknowledged, AlertClosed, AlertOpened
from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import AlertRecord

_SELECT: Final = "SELECT * FROM alerts"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert is about; at most one of a key is open."""

    kind: AlertKind
    charge_point_id: str = ""
    connector_id: int = 0
    subject: str = ""


class Due(msgspec.Struct, frozen=True):
    """An alert of which a destination has something to be told.

    Attributes:
        told: that it began was told already; that it is over was not.
    """

    alert: AlertRecord
    told: bool


def open_(db: Db, key: Key, *, since_us: int, at_us: int, detail: str, settle_us: int) -> None:
    """Something began, or came again; one that ended within `settle_us` is the same alert.

    Not so a security event: its end is that somebody knows of what has come by then.
    """
    if key.kind is AlertKind.SECURITY_EVENT:
        settle_us = 0
    row = db.row(
        _SELECT
        + """ WHERE kind = ? AND charge_point_id = ? AND connector_id = ? AND subject = ?
        ORDER BY alert_id DESC LIMIT 1""",
        msgspec.structs.astuple(key),
    )
    last = None if row is None else AlertRecord.of(row)
    if last is None or (last.ended_at_us is not None and last.ended_at_us <= at_us - settle_us):
        ((alert_id,),) = db.rows(
            """INSERT INTO alerts (kind, charge_point_id, connector_id, subject, since_us,
                opened_at_us, last_at_us, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            RETURNING alert_id""",
            [*msgspec.structs.astuple(key), since_us, at_us, at_us, detail],
        )
        assert isinstance(alert_id, int)
        occurrences = 1
    else:
        alert_id, occurrences, since_us = last.alert_id, last.occurrences + 1, last.since_us
        db.run(
            """UPDATE alerts SET ended_at_us = NULL, last_at_us = ?, occurrences = ?, detail = ?
            WHERE alert_id = ?""",
            [at_us, occurrences, detail, alert_id],
        )
        db.run("UPDATE alert_notices SET ended_at_us = NULL WHERE alert_id = ?", [alert_id])
        if last.ended_at_us is None:
            if at_us - last.last_at_us < DAY_US:
                return
            # Nobody remembers: it is told again.
            db.run("DELETE FROM alert_notices WHERE alert_id = ?", [alert_id])
    db.emit(
        AlertOpened(
            charge_point_id=key.charge_point_id,
            at_us=at_us,
            alert_id=alert_id,
            alert=key.kind,
            connector_id=key.connector_id,
            subject=key.subject,
            since_us=since_us,
            detail=detail,
            occurrences=occurrences,
        )
    )


def end(db: Db, key: Key, at_us: int) -> None:
    """It is over, if it is open."""
    rows = db.rows(
        _SELECT
        + """ WHERE kind = ? AND charge_point_id = ? AND connector_id = ? AND subject = ?
        AND ended_at_us IS NULL""",
        msgspec.structs.astuple(key),
    )
    for row in rows:
        _end(db, AlertRecord.of(row), at_us)


def end_all(db: Db, charge_point_id: str, at_us: int) -> None:
    """The charge point is gone, and whatever was wrong with it."""
    sql = _SELECT + " WHERE charge_point_id = ? AND ended_at_us IS NULL"
    for row in db.rows(sql, [charge_point_id]):
        _end(db, AlertRecord.of(row), at_us)


def end_others(db: Db, kinds: Collection[AlertKind], at_us: int) -> None:
    """End all that are of none of these kinds: nobody looks after them, and nobody is told."""
    for record in map(AlertRecord.of, db.rows(_SELECT + " WHERE ended_at_us IS NULL")):
        if record.kind not in kinds:
            sql = "UPDATE alert_notices SET ended_at_us = ? WHERE alert_id = ?"
            db.run(sql, [at_us, record.alert_id])
            _end(db, record, at_us)


def acknowledge(db: Db, record: AlertRecord, by: str, at_us: int) -> None:
    """Somebody knows of it. A security event, which has no end of its own, is over by that."""
    db.run(
        "UPDATE alerts SET acknowledged_at_us = ?, acknowledged_by = ? WHERE alert_id = ?",
        [at_us, by, record.alert_id],
    )
    db.emit(
        AlertAcknowledged(
            charge_point_id=record.charge_point_id,
            at_us=at_us,
            alert_id=record.alert_id,
            alert=record.kind,
            by=by,
        )
    )
    if record.kind is AlertKind.SECURITY_EVENT and record.ended_at_us is None:
        _end(db, record, at_us)


def _end(db: Db, record: AlertRecord, at_us: int) -> None:
    db.run("UPDATE alerts SET ended_at_us = ? WHERE alert_id = ?", [at_us, record.alert_id])
    db.emit(
        AlertClosed(
            charge_point_id=record.charge_point_id,
            at_us=at_us,
            alert_id=record.alert_id,
            alert=record.kind,
            connector_id=record.connector_id,
            subject=record.subject,
        )
    )


def get(reader: Reader, alert_id: int) -> AlertRecord | None:
    row = reader.row(_SELECT + " WHERE alert_id = ?", [alert_id])
    return None if row is None else AlertRecord.of(row)


def listed(
    reader: Reader,
    *,
    is_open: bool | None = None,
    kind: AlertKind | None = None,
    charge_point_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AlertRecord]:
    """The newest first."""
    filters: dict[str, SqlValue] = {}
    if kind is not None:
        filters["kind = ?"] = kind
    if charge_point_id is not None:
        filters["charge_point_id = ?"] = charge_point_id
    if before is not None:
        filters["alert_id < ?"] = before
    wanted = [*filters]
    if is_open is not None:
        wanted.append("ended_at_us IS NULL" if is_open else "ended_at_us IS NOT NULL")
    where = " WHERE " + " AND ".join(wanted) if wanted else ""
    sql = _SELECT + where + " ORDER BY alert_id DESC LIMIT ?"
    return [AlertRecord.of(row) for row in reader.rows(sql, [*filters.values(), limit])]


def open_faults(reader: Reader) -> set[tuple[str, int]]:
    """Charge points and connectors with an open alert of kind "faulted"."""
    sql = _SELECT + " WHERE kind = ? AND ended_at_us IS NULL"
    found = [AlertRecord.of(row) for row in reader.rows(sql, [AlertKind.FAULTED])]
    return {(one.charge_point_id, one.connector_id) for one in found}


# Who was told.


def due(
    reader: Reader,
    destination: str,
    *,
    begun_at_us: int,
    ended_us: tuple[int, int],
    urgent: Collection[AlertKind] | None = None,
    limit: int = 1000,
) -> list[Due]:
    """What a destination is to be told now, in order.

    What was over before the destination was there, and what somebody knows of, is not told.

    Args:
        begun_at_us: since when there is this destination.
        ended_us: of those that are over, those that ended behind the first and up to the second
            of these times: what ended before was told, and what ended later may come again.
        urgent: nothing is told but the beginning of these; None: all is told.
    """
    kinds = "" if urgent is None else f"AND alerts.kind IN ({', '.join('?' * len(urgent))})"
    rows = reader.rows(
        f"""SELECT alerts.*, notices.began_at_us IS NOT NULL
        FROM alerts LEFT JOIN alert_notices AS notices
            ON notices.alert_id = alerts.alert_id AND notices.destination = ?
        WHERE alerts.alert_id IN (
                SELECT alert_id FROM alerts WHERE ended_at_us IS NULL UNION ALL
                SELECT alert_id FROM alerts WHERE ended_at_us > ? AND ended_at_us <= ?)
            AND ((notices.began_at_us IS NULL AND alerts.acknowledged_at_us IS NULL {kinds}
                    AND (alerts.ended_at_us IS NULL OR alerts.opened_at_us >= ?))
                OR (notices.began_at_us IS NOT NULL AND notices.ended_at_us IS NULL
                    AND alerts.ended_at_us IS NOT NULL AND alerts.kind <> ? AND ?))
        ORDER BY alerts.alert_id LIMIT ?""",  # noqa: S608 - question marks
        [
            destination,
            *ended_us,
            *(urgent or ()),
            begun_at_us,
            AlertKind.SECURITY_EVENT,
            int(urgent is None),
            limit,
        ],
    )
    return [Due(AlertRecord.of(row), bool(row[-1])) for row in rows]


def told(db: Db, destination: str, alerts: Sequence[AlertRecord], at_us: int) -> None:
    """The destination was told that they began, and of those that are over, that they are."""
    for alert in alerts:
        db.run(
            """INSERT INTO alert_notices (alert_id, destination, began_at_us, ended_at_us)
            VALUES (?, ?, ?, ?)
            ON CONFLICT (alert_id, destination) DO UPDATE SET ended_at_us = excluded.ended_at_us""",
            [alert.alert_id, destination, at_us, None if alert.ended_at_us is None else at_us],
        )
        db.run(
            "UPDATE alerts SET notified_at_us = coalesce(notified_at_us, ?) WHERE alert_id = ?",
            [at_us, alert.alert_id],
        )


def prune(db: Db, *, before_us: int, limit: int) -> int:
    """Delete some that ended before that time; returns how many."""
    rows = db.rows(
        """DELETE FROM alerts WHERE alert_id IN (
            SELECT alert_id FROM alerts WHERE ended_at_us < ? ORDER BY ended_at_us LIMIT ?
        ) RETURNING alert_id""",
        [before_us, limit],
    )
    for (alert_id,) in rows:
        db.run("DELETE FROM alert_notices WHERE alert_id = ?", [alert_id])
    return len(rows)

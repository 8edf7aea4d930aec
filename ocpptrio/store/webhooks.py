"""Webhooks: where events are delivered to, how far that has come, and the last tries.

Not here: what is allowed (services.webhooks), when and how it is delivered (webhook_delivery).
"""

from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import asdict, replace

from ocpptrio.clock import DAY_US
from ocpptrio.events import WebhookChanged, WebhookLagging
from ocpptrio.store import events
from ocpptrio.store.driver import Db, Reader, Row
from ocpptrio.store.records import WebhookDeliveryRecord, WebhookRecord
from ocpptrio.store.vocabulary import WebhookState

DELIVERIES: Final = 100  # tries that are kept, of each webhook
# Failures in a row, some minute, until it is told: a receiver may be restarted.
FAILURES_UNTIL_TOLD: Final = 5
# Between two words of what is deleted undelivered: it goes in slices, each hour anew.
LOSS_TOLD_EVERY_US: Final = DAY_US // 2

_COLUMNS: Final = WebhookRecord.__struct_fields__
_DELIVERY_COLUMNS: Final = WebhookDeliveryRecord.__struct_fields__[1:]


def get(reader: Reader, webhook_id: int) -> WebhookRecord | None:
    row = reader.row("SELECT * FROM webhooks WHERE webhook_id = ?", [webhook_id])
    return None if row is None else WebhookRecord.of(row)


def everyone(reader: Reader) -> list[WebhookRecord]:
    """In the order in which they were made."""
    return [
        WebhookRecord.of(row) for row in reader.rows("SELECT * FROM webhooks ORDER BY webhook_id")
    ]


def receiver(url: str) -> str:
    """What may be shown of a URL to anybody: the rest may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def add(db: Db, record: WebhookRecord) -> WebhookRecord:
    """Insert it under the next number, and tell of it."""
    columns = _COLUMNS[1:]
    (number,) = db.rows(
        f"""INSERT INTO webhooks ({", ".join(columns)})
        VALUES ({", ".join("?" * len(columns))}) RETURNING webhook_id""",  # noqa: S608 - our names
        _row(record)[1:],
    )[0]
    assert isinstance(number, int)
    record = replace(record, webhook_id=number)
    tell(db, record, "created", record.created_at_us)
    return record


def put(db: Db, record: WebhookRecord) -> None:
    """Replace what is known of it."""
    columns = _COLUMNS[1:]
    db.run(
        f"""UPDATE webhooks SET {", ".join(f"{name} = ?" for name in columns)}
        WHERE webhook_id = ?""",  # noqa: S608 - our names
        [*_row(record)[1:], record.webhook_id],
    )


def remove(db: Db, record: WebhookRecord, at_us: int) -> None:
    """Delete it with its tries, and tell of it."""
    db.run("DELETE FROM webhook_deliveries WHERE webhook_id = ?", [record.webhook_id])
    db.run("DELETE FROM webhooks WHERE webhook_id = ?", [record.webhook_id])
    tell(db, record, "removed", at_us)


def tell(db: Db, record: WebhookRecord, change: str, at_us: int, detail: str | None = None) -> None:
    db.emit(
        WebhookChanged(
            charge_point_id="",
            at_us=at_us,
            webhook_id=record.webhook_id,
            receiver=receiver(record.url),
            change=change,
            detail=detail,
        )
    )


# What became of a try.


def delivered(db: Db, attempt: WebhookDeliveryRecord, *, before: int, up_to: int) -> None:
    """All that fits is there, up to `up_to`.

    Args:
        before: where it stood when the try began. Whoever has set it back meanwhile wins.
    """
    record = _tried(db, attempt)
    if record is None:
        return
    if record.delivered_up_to >= before:
        record = replace(record, delivered_up_to=max(record.delivered_up_to, up_to))
    if record.state is WebhookState.FAILING:
        if record.failures >= FAILURES_UNTIL_TOLD:
            tell(db, record, "working", attempt.at_us)
        record = replace(record, state=WebhookState.ACTIVE)
    put(
        db,
        replace(
            record,
            delivered_at_us=attempt.at_us,
            failures=0,
            failing_since_us=None,
            next_try_at_us=None,
            last_error=None,
            warned_at_us=None,
        ),
    )


def failed(db: Db, attempt: WebhookDeliveryRecord, next_try_at_us: int) -> None:
    """It was not delivered, and will be tried again then."""
    record = _tried(db, attempt)
    if record is None or record.state is WebhookState.PAUSED:
        return
    failures = record.failures + 1
    if failures == FAILURES_UNTIL_TOLD:
        tell(db, record, "failing", attempt.at_us, attempt.error)
    put(
        db,
        replace(
            record,
            state=WebhookState.FAILING,
            failures=failures,
            failing_since_us=record.failing_since_us or attempt.at_us,
            next_try_at_us=next_try_at_us,
            last_error=attempt.error,
        ),
    )


def gone(db: Db, attempt: WebhookDeliveryRecord) -> None:
    """The receiver wants no more: paused."""
    record = _tried(db, attempt)
    if record is None or record.state is WebhookState.PAUSED:
        return
    put(db, paused(record, attempt.error))
    tell(db, record, "paused", attempt.at_us, attempt.error)


def paused(record: WebhookRecord, reason: str | None) -> WebhookRecord:
    return replace(
        record,
        state=WebhookState.PAUSED,
        failures=0,
        failing_since_us=None,
        next_try_at_us=None,
        last_error=reason,
    )


def noted(db: Db, attempt: WebhookDeliveryRecord) -> None:
    """Keep a try among the last ones."""
    row = [getattr(attempt, name) for name in _DELIVERY_COLUMNS]
    db.run(
        f"""INSERT INTO webhook_deliveries ({", ".join(_DELIVERY_COLUMNS)})
        VALUES ({", ".join("?" * len(row))})""",  # noqa: S608 - our names
        row,
    )
    db.run(
        """DELETE FROM webhook_deliveries WHERE webhook_id = ? AND delivery_number <=
            (SELECT delivery_number FROM webhook_deliveries WHERE webhook_id = ?
            ORDER BY delivery_number DESC LIMIT 1 OFFSET ?)""",
        [attempt.webhook_id, attempt.webhook_id, DELIVERIES],
    )


def deliveries(
    reader: Reader, webhook_id: int, *, before: int | None = None, limit: int = DELIVERIES
) -> list[WebhookDeliveryRecord]:
    """The last tries, the newest first; those numbered below `before` if given."""
    sql = "SELECT * FROM webhook_deliveries WHERE webhook_id = ?"
    end = [] if before is None else [before]
    sql += " AND delivery_number < ?" * len(end) + " ORDER BY delivery_number DESC LIMIT ?"
    return [WebhookDeliveryRecord.of(row) for row in reader.rows(sql, [webhook_id, *end, limit])]


def passed(db: Db, webhook_id: int, *, before: int, up_to: int) -> None:
    """Nothing fits up to `up_to`: so far it need not be looked at again."""
    db.run(
        "UPDATE webhooks SET delivered_up_to = ? WHERE webhook_id = ? AND delivered_up_to = ?",
        [up_to, webhook_id, before],
    )


# What is pending.


def pending(
    reader: Reader,
    record: WebhookRecord,
    *,
    after: int | None = None,
    limit: int,
    window: int = events.WINDOW,
) -> events.Scan:
    """The next events to be delivered, from `after` on if that is known to be far enough."""
    return events.scan(
        reader,
        record.delivered_up_to if after is None else after,
        limit=limit,
        window=window,
        charge_point_id=record.charge_point_id,
        group=record.group_name,
        kinds=record.kinds or None,
    )


def waiting(reader: Reader, record: WebhookRecord) -> int:
    """How many events it has not got yet."""
    return _fitting(reader, record, events.last_number(reader))


def oldest_pending_us(reader: Reader, record: WebhookRecord, *, before_us: int) -> int | None:
    """When the oldest event happened that it has not got, if that was before a time."""
    after = record.delivered_up_to
    while True:
        scan = pending(reader, record, after=after, limit=1)
        for one in scan.events:
            return one.event.at_us if one.event.at_us < before_us else None
        if not scan.more or events.time_us(reader, scan.up_to) >= before_us:
            return None
        after = scan.up_to


def lose(db: Db, up_to: int, before_us: int, at_us: int) -> None:
    """Count what is about to be deleted undelivered, and tell of it.

    Args:
        up_to: number of an event; of those up to it, those from before `before_us` are deleted.
    """
    for record in everyone(db):
        if record.delivered_up_to >= up_to:
            continue
        if lost := _fitting(db, record, up_to, before_us):
            record = replace(record, lost_events=record.lost_events + lost)
            told_us = record.warned_at_us
            if told_us is None or at_us - told_us >= LOSS_TOLD_EVERY_US:
                _tell_of_loss(db, record, at_us)
            else:
                put(db, record)


def warn(db: Db, webhook_id: int, at_us: int, ends_at_us: int) -> None:
    """Tell that what it has not got will be deleted then."""
    record = get(db, webhook_id)
    if record is not None:
        _tell_of_loss(db, record, at_us, ends_at_us)


def _tell_of_loss(db: Db, record: WebhookRecord, at_us: int, ends_at_us: int | None = None) -> None:
    put(db, replace(record, warned_at_us=at_us))
    db.emit(
        WebhookLagging(
            charge_point_id="",
            at_us=at_us,
            webhook_id=record.webhook_id,
            receiver=receiver(record.url),
            lost_events=record.lost_events,
            ends_at_us=ends_at_us,
        )
    )


def _fitting(
    reader: Reader, record: WebhookRecord, up_to: int, before_us: int | None = None
) -> int:
    return events.count(
        reader,
        after=record.delivered_up_to,
        up_to=up_to,
        before_us=before_us,
        charge_point_id=record.charge_point_id,
        group=record.group_name,
        kinds=record.kinds or None,
    )


def _tried(db: Db, attempt: WebhookDeliveryRecord) -> WebhookRecord | None:
    """Keep the try; None if the webhook was removed meanwhile."""
    record = get(db, attempt.webhook_id)
    if record is not None:
        noted(db, attempt)
    return record


def _row(record: WebhookRecord) -> Row:
    values = asdict(record) | {"kinds": ",".join(record.kinds)}
    return tuple(values[name] for name in _COLUMNS)

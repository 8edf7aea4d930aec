"""What is deleted when it is old enough. Transactions never are.

Not here: when to prune, and the log of it (services).
"""

from ocpptrio.clock import DAY_US
from ocpptrio.config import RetentionSettings
from ocpptrio.store import alerts, conditions, mqtt, transactions, webhooks
from ocpptrio.store.driver import Db, Row

ROWS = 2000  # of a table in a call: some 10 ms, for which other writers wait
SAMPLE = 500  # entries whose length stands for all
MEGABYTE = 1_000_000
ENTRY_OVERHEAD = 100  # bytes of an entry beside its text, with its place in the index

# Rows are numbered in the order in which they came: the oldest are found without an index by time.
_JOURNAL = (
    """SELECT max(entry), count(*) FROM
        (SELECT entry, at_us FROM journal ORDER BY entry LIMIT ?) AS oldest
    WHERE at_us < ? OR entry < ?""",
    "DELETE FROM journal WHERE entry <= ? AND (at_us < ? OR entry < ?)",
)
_EVENTS = (
    """SELECT max(number), count(*) FROM
        (SELECT number, at_us FROM events ORDER BY number LIMIT ?) AS oldest
    WHERE at_us < ? OR number < ?""",
    "DELETE FROM events WHERE number <= ? AND (at_us < ? OR number < ?)",
)
_READINGS = (
    """SELECT max(reading_id), count(*) FROM
        (SELECT reading_id, received_at_us FROM meter_readings ORDER BY reading_id LIMIT ?)
        AS oldest
    WHERE received_at_us < ? OR reading_id < ?""",
    "DELETE FROM meter_readings WHERE reading_id <= ? AND (received_at_us < ? OR reading_id < ?)",
)
_SECURITY_EVENTS = (
    """SELECT max(security_event_id), count(*) FROM
        (SELECT security_event_id, received_at_us FROM security_events
        ORDER BY security_event_id LIMIT ?) AS oldest
    WHERE received_at_us < ? OR security_event_id < ?""",
    """DELETE FROM security_events
    WHERE security_event_id <= ? AND (received_at_us < ? OR security_event_id < ?)""",
)
_AUDIT = (
    """SELECT max(audit_id), count(*) FROM
        (SELECT audit_id, at_us FROM audit ORDER BY audit_id LIMIT ?) AS oldest
    WHERE at_us < ? OR audit_id < ?""",
    "DELETE FROM audit WHERE audit_id <= ? AND (at_us < ? OR audit_id < ?)",
)
_ROLLUPS = """DELETE FROM meter_rollups WHERE (charge_point_id, connector_id, begins_at_us,
        transaction_id) IN (
    SELECT charge_point_id, connector_id, begins_at_us, transaction_id FROM meter_rollups
    WHERE begins_at_us < ? ORDER BY begins_at_us LIMIT ?)
    RETURNING 1"""
# What is unsettled or waits is kept whatever its age: the oldest rows may be among it.
_SETTLED = {
    "commands": ("command_id", "settled_at_us"),
    "tasks": ("task_id", "ended_at_us"),
    "orphan_stops": ("orphan_id", "resolved_at_us"),
    "reviews": ("review_id", "resolved_at_us"),
}


def prune(db: Db, settings: RetentionSettings, now_us: int) -> dict[str, int]:
    """Delete a slice of what is too old; returns rows per table, to be repeated until all are 0."""
    return {
        "journal": _prune_journal(db, settings, now_us),
        "events": _prune_events(db, now_us - settings.events_days * DAY_US, now_us),
        "meter_readings": _prune_readings(db, now_us - settings.meter_readings_days * DAY_US),
        "meter_rollups": len(db.rows(_ROLLUPS, [now_us - settings.rollups_days * DAY_US, ROWS])),
        "security_events": _prune_oldest(
            db, _SECURITY_EVENTS, now_us - settings.security_events_days * DAY_US, 0
        ),
        "audit": _prune_oldest(db, _AUDIT, now_us - settings.audit_days * DAY_US, 0),
        "conditions": conditions.prune(
            db, before_us=now_us - settings.events_days * DAY_US, limit=ROWS
        ),
        "alerts": alerts.prune(db, before_us=now_us - settings.events_days * DAY_US, limit=ROWS),
        "tasks": _prune_settled(db, "tasks", now_us - settings.commands_days * DAY_US),
        "commands": _prune_settled(db, "commands", now_us - settings.commands_days * DAY_US),
        "orphan_stops": _prune_settled(db, "orphan_stops", now_us - settings.reviews_days * DAY_US),
        "reviews": _prune_settled(db, "reviews", now_us - settings.reviews_days * DAY_US),
    }


def _prune_events(db: Db, cutoff_us: int, now_us: int) -> int:
    """Whoever was to get them and did not is told so."""
    find, _ = _EVENTS
    ((newest, count),) = db.rows(find, [ROWS, cutoff_us, 0])
    if count:
        assert isinstance(newest, int)
        webhooks.lose(db, newest, cutoff_us, now_us)
        mqtt.lose(db, newest, cutoff_us)
    return _prune_oldest(db, _EVENTS, cutoff_us, 0)


def _prune_readings(db: Db, cutoff_us: int) -> int:
    """Of transactions the ends of the register stay."""
    find, _ = _READINGS
    ((newest, count),) = db.rows(find, [ROWS, cutoff_us, 0])
    if count:
        assert isinstance(newest, int)
        transactions.keep_registers(db, readings_up_to=newest, received_before_us=cutoff_us)
    return _prune_oldest(db, _READINGS, cutoff_us, 0)


def _prune_settled(db: Db, table: str, cutoff_us: int) -> int:
    """The oldest of those that are settled for long enough."""
    key, settled = _SETTLED[table]
    # Names of our own.
    sql = f"""DELETE FROM {table} WHERE {key} IN (
        SELECT {key} FROM {table} WHERE {settled} < ? ORDER BY {settled} LIMIT ?) RETURNING 1"""  # noqa: S608
    return len(db.rows(sql, [cutoff_us, ROWS]))


def _prune_journal(db: Db, settings: RetentionSettings, now_us: int) -> int:
    """By age, and by size: the oldest of those that are too many, all being of average length."""
    first, last, length = map(
        _number,
        db.rows(
            """SELECT min(entry) FROM journal
            UNION ALL SELECT max(entry) FROM journal
            UNION ALL SELECT avg(length(text)) FROM
                (SELECT text FROM journal ORDER BY entry DESC LIMIT ?) AS newest""",
            [SAMPLE],
        ),
    )
    allowed = settings.journal_megabytes * MEGABYTE // (length + ENTRY_OVERHEAD)
    cutoff = now_us - settings.journal_days * DAY_US
    return _prune_oldest(db, _JOURNAL, cutoff, max(first, last + 1 - allowed))


def _prune_oldest(db: Db, sql: tuple[str, str], cutoff_us: int, end: int) -> int:
    """Of the oldest ROWS, delete those from before the cutoff or numbered below `end`."""
    find, delete = sql
    ((newest, count),) = db.rows(find, [ROWS, cutoff_us, end])
    if count:
        db.run(delete, [newest, cutoff_us, end])
    return _number((count,))


def _number(row: Row) -> int:
    """What an aggregate returned; 0 over no rows."""
    (value,) = row
    assert value is None or isinstance(value, (int, float))
    return int(value or 0)

"""How far events were published by MQTT. Not here: topics, and the broker (services.mqtt)."""

from collections.abc import Collection

from ocpptrio.store import events
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import MqttRecord


def get(reader: Reader) -> MqttRecord | None:
    """None: it is off, or never was on."""
    row = reader.row("SELECT * FROM mqtt")
    return None if row is None else MqttRecord.of(row)


def begin(db: Db, kinds: Collection[str]) -> MqttRecord:
    """Publish these kinds, or all if there are none; the first time: from now on."""
    db.run(
        """INSERT INTO mqtt (one, kinds, published_up_to) VALUES (1, ?, ?)
        ON CONFLICT (one) DO UPDATE SET kinds = excluded.kinds""",
        [",".join(sorted(kinds)), events.last_number(db)],
    )
    record = get(db)
    assert record is not None
    return record


def published(db: Db, up_to: int) -> None:
    """What fits is there up to this event."""
    db.run("UPDATE mqtt SET published_up_to = ? WHERE published_up_to < ?", [up_to, up_to])


def forget(db: Db) -> None:
    """It was switched off: whatever happens until it is on again is not published."""
    db.run("DELETE FROM mqtt")


def lose(db: Db, up_to: int, before_us: int) -> None:
    """Count what is about to be deleted unpublished; see `webhooks.lose`."""
    record = get(db)
    if record is None or record.published_up_to >= up_to:
        return
    lost = events.count(
        db,
        after=record.published_up_to,
        up_to=up_to,
        before_us=before_us,
        kinds=record.kinds or None,
    )
    db.run("UPDATE mqtt SET lost_events = lost_events + ?", [lost])

"""Alerts: what happens that people are to be told of. See docs/alerts.md.

Made from the events, in order, from where we were: what happened while the central system was down
is missed by none. Not here: who is told, and when (alert_notices).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import trio

from ocpptrio.clock import Clock
from ocpptrio.config import AlertKind, AlertSettings
from ocpptrio.errors import UnknownAlert
from ocpptrio.events import (
    AnyEvent,
    ConditionCleared,
    ConditionRaised,
    Event,
    Removed,
    SecurityEventReported,
    StatusChanged,
    WebhookChanged,
)
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.store import alerts, conditions, connectors, events, progress
from ocpptrio.store.alerts import Key
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import AlertRecord

SLICE: Final = 200  # events in one write
PASSED: Final = 10_000  # numbers of events, after which it is noted that nothing was among them
NAME: Final = "alerts"
# What makes or ends an alert.
KINDS: Final[tuple[type[Event], ...]] = (
    ConditionRaised,
    ConditionCleared,
    StatusChanged,
    SecurityEventReported,
    WebhookChanged,
    Removed,
)
_NAMES: Final = frozenset(kind.__name__ for kind in KINDS)


def acknowledge(db: Db, alert_id: int, by: str, *, at_us: int) -> AlertRecord:
    """Somebody knows of it; who was not told yet is not told that it began.

    Raises:
        UnknownAlert: there is none.
    """
    record = known(db, alert_id)
    if record.acknowledged_at_us is None:
        alerts.acknowledge(db, record, by, at_us)
    return known(db, alert_id)


def known(reader: Reader, alert_id: int) -> AlertRecord:
    """The alert with this number.

    Raises:
        UnknownAlert: there is none.
    """
    record = alerts.get(reader, alert_id)
    if record is None:
        raise UnknownAlert(f"there is no alert {alert_id}")
    return record


class AlertService:
    """Makes alerts from what happens, and has them."""

    def __init__(self, store: Store, clock: Clock, settings: AlertSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._news = trio.Event()
        # Where a fault was ever seen: only there another status may be its end.
        self._faulted: set[tuple[str, int]] = set()

    async def listed(self, **filters: Any) -> list[AlertRecord]:  # Any: as the store has them
        """The newest first; see `store.alerts.listed`."""
        return await self._store.read(partial(alerts.listed, **filters))

    async def acknowledge(self, alert_id: int, by: str) -> AlertRecord:
        """See the function."""
        work = partial(acknowledge, alert_id=alert_id, by=by, at_us=self._clock())
        return await self._store.write(work)

    def see(self, event: AnyEvent) -> None:
        """Something of KINDS was committed. Never waits."""
        if self._matters(event):
            self._news.set()

    async def run(self) -> None:
        """Follow the events, for ever."""
        position = await self._begin()
        noted = position
        while True:
            self._news = trio.Event()
            scan = await self._store.read(
                partial(events.scan, after=position, kinds=_NAMES, limit=SLICE)
            )
            mattering = [one.event for one in scan.events if self._matters(one.event)]
            position = scan.up_to
            if mattering or position - noted >= PASSED:
                await self._store.write(partial(self._keep, happened=mattering, position=position))
                noted = position
            if not scan.more:
                await self._news.wait()

    async def _begin(self) -> int:
        """Where we were. The first time: what is wrong now, and nothing of the past."""
        position, faulted = await self._store.write(partial(self._resume, at_us=self._clock()))
        self._faulted |= faulted
        return position

    def _resume(self, db: Db, at_us: int) -> tuple[int, set[tuple[str, int]]]:
        alerts.end_others(db, self._settings.kinds, at_us)
        position = progress.get(db, NAME) - 1
        if position < 0:
            position = self._look_round(db, at_us)
        return position, alerts.open_faults(db)

    def _look_round(self, db: Db, at_us: int) -> int:
        happened: list[AnyEvent] = [
            ConditionRaised(
                charge_point_id=condition.charge_point_id,
                at_us=at_us,
                condition=condition.kind,
                connector_id=condition.connector_id,
                since_us=condition.since_us,
                evidence=condition.evidence,
            )
            for condition in conditions.everyone_open(db)
        ]
        happened += [
            StatusChanged(
                charge_point_id=connector.charge_point_id,
                at_us=connector.received_at_us,
                connector_id=connector.connector_id,
                status=connector.status,
                error_code=connector.error_code,
                status_at_us=connector.status_at_us,
                info=connector.info,
                vendor_error_code=connector.vendor_error_code,
            )
            for connector in connectors.everyone(db)
            if connector.status is ChargePointStatus.FAULTED
        ]
        position = events.last_number(db)
        self._keep(db, happened, position)
        return position

    def _matters(self, event: AnyEvent) -> bool:
        match event:
            case StatusChanged():
                where = (event.charge_point_id, event.connector_id)
                if event.status is ChargePointStatus.FAULTED:
                    self._faulted.add(where)
                return where in self._faulted and not event.outdated
            case SecurityEventReported():
                return event.type in self._settings.security_events
            case ConditionRaised() | ConditionCleared():
                return AlertKind(event.condition) in self._settings.kinds
        return True

    def _keep(self, db: Db, happened: Sequence[AnyEvent], position: int) -> None:
        for event in happened:
            self._apply(db, event)
        progress.put(db, NAME, position + 1)  # 0 means that we never began

    def _apply(self, db: Db, event: AnyEvent) -> None:
        match event:
            case ConditionRaised():
                self._open(db, _condition(event), event.at_us, event.evidence, event.since_us)
            case ConditionCleared():
                alerts.end(db, _condition(event), event.at_us)
            case StatusChanged():
                key = Key(
                    kind=AlertKind.FAULTED,
                    charge_point_id=event.charge_point_id,
                    connector_id=event.connector_id,
                )
                if event.status is ChargePointStatus.FAULTED:
                    self._open(db, key, event.at_us, _fault(event))
                else:
                    alerts.end(db, key, event.at_us)
            case SecurityEventReported():
                key = Key(
                    kind=AlertKind.SECURITY_EVENT,
                    charge_point_id=event.charge_point_id,
                    subject=event.type,
                )
                detail = f"{event.type}: {event.tech_info}" if event.tech_info else event.type
                self._open(db, key, event.at_us, detail, event.occurred_at_us)
            case WebhookChanged():
                key = Key(kind=AlertKind.FAILING_WEBHOOK, subject=str(event.webhook_id))
                if event.change == "failing":
                    detail = f"webhook {event.webhook_id} to {event.receiver}: {event.detail}"
                    self._open(db, key, event.at_us, detail)
                elif event.change in ("working", "paused", "removed"):
                    alerts.end(db, key, event.at_us)
            case Removed():
                alerts.end_all(db, event.charge_point_id, event.at_us)

    def _open(self, db: Db, key: Key, at_us: int, detail: str, since_us: int | None = None) -> None:
        if key.kind in self._settings.kinds:
            alerts.open_(
                db,
                key,
                since_us=at_us if since_us is None else since_us,
                at_us=at_us,
                detail=detail,
                settle_us=round(self._settings.settle * 1_000_000),
            )


def _condition(event: ConditionRaised | ConditionCleared) -> Key:
    return Key(
        kind=AlertKind(event.condition),
        charge_point_id=event.charge_point_id,
        connector_id=event.connector_id,
    )


def _fault(event: StatusChanged) -> str:
    """What a charge point says of a fault; an error code alone may say nothing."""
    code = "" if event.error_code is ChargePointErrorCode.NO_ERROR else str(event.error_code)
    said = [text for text in (code, event.vendor_error_code, event.info) if text]
    return ", ".join(said) or "it does not say why"

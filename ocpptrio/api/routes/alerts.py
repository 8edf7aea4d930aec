"""/alerts: what people are told of, who knows, and how they are told.

How is settled in config.toml, [alerts], hence shown here and not changed.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from litestar import get, post
from litestar.params import QueryParameter

from ocpptrio.api.access import needs
from ocpptrio.api.filters import ChargePointId, Number
from ocpptrio.api.given import Asker, Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.views import View, shown
from ocpptrio.config import AlertKind, MailSecurity
from ocpptrio.presentation import at
from ocpptrio.store.records import AlertRecord
from ocpptrio.store.vocabulary import Role

Open = Annotated[
    bool | None, QueryParameter(name="open", description="only those that are open, or over")
]
Kind = Annotated[AlertKind | None, QueryParameter(description="only of this kind")]


class Alert(View, frozen=True, kw_only=True):
    """Something that people are told of.

    Attributes:
        charge_point_id: empty: of none.
        connector_id: 0: the charge point as a whole.
        subject: a type of security event, or the number of a webhook.
        occurrences: above 1: it was over for a moment, and came again.
        ended_at: null: it is open.
        notified_at: when somebody was told first.
    """

    alert_id: int
    kind: AlertKind
    charge_point_id: str
    connector_id: int
    subject: str
    since: datetime
    opened_at: datetime
    last_at: datetime
    occurrences: int
    ended_at: datetime | None
    detail: str
    notified_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class Destination(View, frozen=True, kw_only=True):
    """Where alerts are sent to, and how that went since the start.

    Attributes:
        last_error: null: the last message was sent.
    """

    name: str
    last_sent_at: datetime | None
    last_error: str | None


class AlertSettings(View, frozen=True, kw_only=True):
    """[alerts] of config.toml, without its secrets."""

    kinds: tuple[AlertKind, ...]
    security_events: tuple[str, ...]
    smtp_host: str
    smtp_port: int
    smtp_security: MailSecurity
    mail_from: str
    mail_to: tuple[str, ...]
    webhook_url: str
    quiet_hours: str
    time_zone: str
    urgent_kinds: tuple[AlertKind, ...]
    pause_s: float
    settle_s: float
    destinations: tuple[Destination, ...]


class AlertTest(View, frozen=True, kw_only=True):
    """What came of a test; `error` is null if the message was taken."""

    name: str
    error: str | None


@get("/alerts")
async def list_alerts(
    central: Central,
    is_open: Open = None,
    kind: Kind = None,
    charge_point_id: ChargePointId = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Alert]:
    """What people were told of, or are to be; the newest first."""
    found = await central.services.alerts.listed(
        is_open=is_open,
        kind=kind,
        charge_point_id=charge_point_id,
        before=key_of(cursor, int),
        limit=limit + 1,
    )
    return page(found, limit, lambda one: one.alert_id, _view)


@post("/alerts/{alert_id:int}/acknowledge", status_code=HTTPStatus.OK)
async def acknowledge_alert(central: Central, asker: Asker, alert_id: Number) -> Alert:
    """Say that you know of it. A security event is over by that."""
    return _view(await central.services.alerts.acknowledge(alert_id, asker.name))


@get("/alerts/settings", opt=needs(Role.ADMIN))
async def get_alert_settings(central: Central) -> AlertSettings:
    """Who is told of what, and when. To change it: [alerts] in config.toml, and a restart."""
    settings, states = central.settings.alerts, central.services.alert_notices.states
    return shown(
        AlertSettings,
        settings,
        pause_s=settings.pause,
        settle_s=settings.settle,
        destinations=tuple(
            Destination(
                name=state.name,
                last_sent_at=at(state.last_sent_at_us),
                last_error=state.last_error,
            )
            for state in states.values()
        ),
    )


@post("/alerts/test", opt=needs(Role.ADMIN), status_code=HTTPStatus.OK)
async def test_alerts(central: Central) -> Page[AlertTest]:
    """Send a message to each destination now, and tell what came of it."""
    results = await central.services.alert_notices.test()
    return Page([AlertTest(name=name, error=error) for name, error in results.items()])


def _view(record: AlertRecord) -> Alert:
    return shown(Alert, record)


ROUTES: Final = [list_alerts, acknowledge_alert, get_alert_settings, test_alerts]

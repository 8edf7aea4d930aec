"""/security-events: what charge points report about their security."""

from datetime import datetime
from functools import partial
from typing import Final

from litestar import get

from ocpptrio.api.filters import ChargePointId, Since, Until, us
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.views import View, shown
from ocpptrio.store import security


class SecurityEvent(View, frozen=True, kw_only=True):
    """A security event (security white paper).

    Attributes:
        occurred_at: as the charge point says; `received_at` is when we heard of it.
    """

    security_event_id: int
    charge_point_id: str
    type: str
    occurred_at: datetime
    received_at: datetime
    tech_info: str


@get("/security-events")
async def list_security_events(
    central: Central,
    charge_point_id: ChargePointId = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[SecurityEvent]:
    """Security events, the newest first; `since` and `until` are of when they came."""
    before, since_us, until_us = key_of(cursor, int), us(since, "since"), us(until, "until")
    found = await central.store.read(
        lambda reader: security.events_of(
            reader,
            charge_point_id,
            limit + 1,
            since_us=since_us,
            until_us=until_us,
            before=before,
        )
    )
    return page(found, limit, lambda event: event.security_event_id, partial(shown, SecurityEvent))


ROUTES: Final = [list_security_events]

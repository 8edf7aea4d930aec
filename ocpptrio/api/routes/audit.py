"""/audit: who did what through the API. For admins."""

from datetime import datetime
from functools import partial
from typing import Annotated, Final

from litestar import get
from litestar.params import QueryParameter

from ocpptrio.api.access import needs
from ocpptrio.api.filters import Since, Until, us
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.views import View, shown
from ocpptrio.store import audit
from ocpptrio.store.vocabulary import Role

Actor = Annotated[
    str | None,
    QueryParameter(max_length=300, description="as shown: `user anna`, `token 3 billing`"),
]


class AuditEntry(View, frozen=True, kw_only=True):
    """Something that somebody did, or tried to do.

    Attributes:
        actor: "user anna", "token 3 billing"; "" is nobody that we know.
        status: of the answer; 0: cut off before one was given.
        body: JSON, secrets taken out.
    """

    audit_id: int
    at: datetime
    actor: str
    address: str
    method: str
    path: str
    status: int
    body: str


@get("/audit", opt=needs(Role.ADMIN))
async def list_audit(
    central: Central,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[AuditEntry]:
    """What was changed through the API, and by whom; the newest first."""
    before, since_us, until_us = key_of(cursor, int), us(since, "since"), us(until, "until")
    found = await central.store.read(
        lambda reader: audit.listed(
            reader,
            actor=actor,
            since_us=since_us,
            until_us=until_us,
            before=before,
            limit=limit + 1,
        )
    )
    return page(found, limit, lambda entry: entry.audit_id, partial(shown, AuditEntry))


ROUTES: Final = [list_audit]

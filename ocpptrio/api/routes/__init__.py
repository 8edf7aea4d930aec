"""The table of all routes under /api/v1: one line per resource, one module each."""

from collections.abc import Sequence
from typing import Final

from litestar.types import ControllerRouterHandler

from ocpptrio.api.routes import (
    attempts,
    audit,
    journal,
    reviews,
    security_events,
    series,
    session,
    tag_groups,
    tags,
    tokens,
    transactions,
    users,
)

ROUTES: Final[Sequence[ControllerRouterHandler]] = [
    *session.ROUTES,
    *users.ROUTES,
    *tokens.ROUTES,
    *audit.ROUTES,
    *attempts.ROUTES,
    *transactions.ROUTES,
    *reviews.ROUTES,
    *tags.ROUTES,
    *tag_groups.ROUTES,
    *series.ROUTES,
    *journal.ROUTES,
    *security_events.ROUTES,
]

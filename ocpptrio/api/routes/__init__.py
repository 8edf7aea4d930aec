"""The table of all routes under /api/v1: one line per resource, one module each."""

from collections.abc import Sequence
from typing import Final

from litestar.types import ControllerRouterHandler

from ocpptrio.api.routes import (
    actions,
    attempts,
    audit,
    charge_point_changes,
    charge_points,
    commands,
    conditions,
    journal,
    overview,
    reviews,
    security_events,
    series,
    session,
    system,
    tag_groups,
    tags,
    tasks,
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
    *overview.ROUTES,
    *system.ROUTES,
    *commands.ROUTES,
    *tasks.ROUTES,
    *actions.ROUTES,
    *charge_points.ROUTES,
    *charge_point_changes.ROUTES,
    *conditions.ROUTES,
]

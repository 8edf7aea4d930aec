"""The table of all routes under /api/v1: one line per resource, one module each."""

from collections.abc import Sequence
from typing import Final

from litestar.types import ControllerRouterHandler

from ocpptrio.api.routes import (
    actions,
    alerts,
    attempts,
    audit,
    charge_point_changes,
    charge_points,
    commands,
    conditions,
    configuration,
    deviations,
    events,
    groups,
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
    webhooks,
)

ROUTES: Final[Sequence[ControllerRouterHandler]] = [
    *session.ROUTES,
    *users.ROUTES,
    *tokens.ROUTES,
    *audit.ROUTES,
    *attempts.ROUTES,
    *overview.ROUTES,
    *system.ROUTES,
    *commands.ROUTES,
    *tasks.ROUTES,
    *actions.ROUTES,
    *charge_points.ROUTES,
    *charge_point_changes.ROUTES,
    *conditions.ROUTES,
    *configuration.ROUTES,
    *groups.ROUTES,
    *deviations.ROUTES,
    *transactions.ROUTES,
    *reviews.ROUTES,
    *tags.ROUTES,
    *tag_groups.ROUTES,
    *series.ROUTES,
    *journal.ROUTES,
    *security_events.ROUTES,
    *webhooks.ROUTES,
    *alerts.ROUTES,
    *events.ROUTES,
]

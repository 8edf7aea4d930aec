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
    overview,
    session,
    system,
    tasks,
    tokens,
    users,
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
]

"""The table of all routes under /api/v1: one line per resource, one module each."""

from collections.abc import Sequence
from typing import Final

from litestar.types import ControllerRouterHandler

from ocpptrio.api.routes import (
    actions,
    attempts,
    audit,
    commands,
    events,
    session,
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
    *commands.ROUTES,
    *tasks.ROUTES,
    *actions.ROUTES,
    *events.ROUTES,
]

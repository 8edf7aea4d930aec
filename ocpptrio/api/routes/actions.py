"""/actions: what charge points can be asked, and what each request consists of: for forms."""

from typing import Any, Final

import msgspec
from litestar import get

from ocpptrio.api.paging import Page
from ocpptrio.api.routes.commands import OURS, TAGS, summary_of
from ocpptrio.api.views import View
from ocpptrio.protocol.actions import ActionSpec, FeatureProfile


class Action(View, frozen=True, kw_only=True):
    """What a charge point can be asked.

    Attributes:
        profile: the feature profile of OCPP 1.6 that it belongs to.
        description: what it is for, with the place in the specification.
        fields: JSON Schema of the request, whole in itself; a field that may be left out has no
            null in it, as OCPP has none.
    """

    action: str
    profile: FeatureProfile
    description: str
    fields: dict[str, Any]  # Any: JSON Schema
    from_central_system: bool = True


@get("/actions", tags=TAGS)
async def list_actions() -> Page[Action]:
    """Every Action that a central system sends, with its request as JSON Schema; one page."""
    return Page(_ACTIONS)


def _action(spec: ActionSpec) -> Action:
    schema = _without_null(msgspec.json.schema(spec.request))
    # The request itself at the top, what it refers to below.
    definitions = schema["$defs"]
    fields = definitions.pop(spec.name)
    if definitions:
        fields["$defs"] = definitions
    return Action(
        action=spec.name, profile=spec.profile, description=summary_of(spec), fields=fields
    )


def _without_null(schema: Any) -> Any:  # Any: JSON
    """A schema without the null that stands in Python for what is left out."""
    match schema:
        case {"anyOf": [only, {"type": "null"}], **more}:
            more.pop("default", None)
            return _without_null(only | more)
        case dict():
            return {name: _without_null(value) for name, value in schema.items()}
        case list():
            return [_without_null(value) for value in schema]
    return schema


_ACTIONS: Final = [_action(spec) for spec in OURS]

ROUTES: Final = [list_actions]

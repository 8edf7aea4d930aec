"""The OpenAPI document: made from the routes and structs, completed with what all routes share.

Statuses that follow from a route's shape (a body can be wrong, a thing that is named may not be
there) are added here; the others a route names itself: `opt={"conflicts": True}`.
"""

from typing import Any, Final

import msgspec
import trio
from litestar import Litestar, Response, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from ocpptrio import __version__
from ocpptrio.api.access import ACCEPTS, ANYBODY, SAFE, role_of
from ocpptrio.api.bodies import BODY
from ocpptrio.api.given import AnyRequest
from ocpptrio.api.problems import MEDIA_TYPE, ProblemDetails

ROOT: Final = "/api/v1/"
# Below a charge point, yet subjects of their own.
OF_THEIR_OWN: Final = ("commands", "configuration")
CONFLICTS: Final = "conflicts"  # it can be answered 409
ALSO: Final = "also"  # further statuses that nothing else tells
TOKEN: Final = "token"  # noqa: S105 - the name of a way to present one
COOKIE: Final = "cookie"

CONFIG: Final = OpenAPIConfig(
    title="ocpptrio",
    version=__version__,
    description=(
        "The API of a central system for OCPP 1.6J. Times are RFC 3339 in UTC; quantities carry "
        "their unit in their name. Errors are problem+json, and say what to do."
    ),
    path="/api/schema",
    components=Components(
        security_schemes={
            TOKEN: SecurityScheme(type="http", scheme="bearer", description="of a program"),
            COOKIE: SecurityScheme(
                type="apiKey",
                name="ocpptrio",
                security_scheme_in="cookie",
                description="of a browser; changes need X-CSRF-Token besides",
            ),
        }
    ),
    use_handler_docstrings=True,
)

_MEANINGS: Final = {
    "400": "It cannot be understood, or breaks a limit; `errors` says where.",
    "401": "Nobody we know: log in, or send a token.",
    "403": "Not with this role, or without the proof that a page of ours asks.",
    "404": "What is named is not there.",
    "409": "It does not fit what is there.",
    "412": "It was changed since you read it.",
    "413": "The body is too large.",
    "415": "The body is of another Content-Type.",
    "429": "Too often; wait for Retry-After.",
    "503": "Not now; wait for Retry-After.",
}


def document(app: Litestar) -> dict[str, Any]:  # Any: JSON
    """The whole document."""
    schema = app.openapi_schema.to_schema()
    components = schema["components"]["schemas"]
    _, problems = msgspec.json.schema_components(
        (ProblemDetails,), ref_template="#/components/schemas/{name}"
    )
    components |= problems
    routes = {
        (path, method): handler
        for route in app.routes
        for path in [route.path_format]
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }
    # Litestar's schemas of bodies lose limits, and do not say that no other fields are allowed.
    bodies = {handler: body for handler in routes.values() if (body := _body(handler))}
    references, exact = msgspec.json.schema_components(
        tuple(bodies.values()), ref_template="#/components/schemas/{name}"
    )
    components |= exact
    schemas = dict(zip(bodies, references, strict=True))
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            handler = routes[path, method.upper()]
            if handler in schemas:
                operation["requestBody"] = {
                    "required": bool(_required(bodies[handler])),
                    "content": {"application/json": {"schema": schemas[handler]}},
                }
            _complete(operation, method.upper(), path, handler.opt)
            operation["tags"] = [_subject(path)]
            operation["operationId"] = handler.operation_id or handler.handler_name
    return schema


def _subject(path: str) -> str:
    """What a path is about, as people look for it."""
    parts = [part for part in path.removeprefix(ROOT).split("/") if part and part[0] != "{"]
    below = parts[1] if len(parts) > 1 and parts[1] in OF_THEIR_OWN else parts[0]
    return below.partition(".")[0].replace("-", " ")


def _body(handler: Any) -> type[msgspec.Struct] | None:  # Any: one of Litestar's handlers
    """The struct that a route takes as JSON."""
    if BODY in handler.opt:
        found: type[msgspec.Struct] = handler.opt[BODY]
        return found
    field = handler.parsed_data_field
    if field is None or ACCEPTS in handler.opt:
        return None
    is_struct = isinstance(field.annotation, type) and issubclass(field.annotation, msgspec.Struct)
    return field.annotation if is_struct else None


def _required(body: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(body) if field.required]


def _complete(operation: dict[str, Any], method: str, path: str, opt: dict[str, Any]) -> None:
    role = role_of(method, opt)
    described = operation.get("description", "")
    needs = f"Needs the role {role}." if role else "Needs no role."
    operation["description"] = f"{described}\n\n{needs}".strip()
    operation["x-role"] = None if role is None else str(role)
    operation["security"] = [] if role is None else [{TOKEN: []}, {COOKIE: []}]
    if "204" in operation["responses"]:
        operation["responses"]["204"].pop("content", None)  # there is nothing to read
    if ACCEPTS in opt:
        operation["requestBody"] = {
            "required": True,
            "content": {opt[ACCEPTS]: {"schema": {"type": "string"}}},
        }
    statuses = ["503"]
    if path.startswith(ROOT):
        statuses.append("400")
    if role is not None:
        statuses += ["401", "403"]
    parameters = operation.get("parameters", ())
    for parameter in parameters:
        _never_null(parameter)
    if "{" in path:
        statuses.append("404")
    if "requestBody" in operation:
        statuses += ["413", "415"]
    if any(parameter["name"] == "If-Match" for parameter in parameters):
        statuses.append("412")
    if opt.get(CONFLICTS):
        statuses.append("409")
    statuses += opt.get(ALSO, ())
    if method not in SAFE:
        statuses += ["429", "415"]
    for status in statuses:
        operation["responses"][status] = {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }


def _never_null(parameter: dict[str, Any]) -> None:
    """A parameter that may be left out is not null then: there is no null in an address."""
    schema = parameter["schema"]
    choices = [choice for choice in schema.get("oneOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del schema["oneOf"]
        schema |= choices[0]


@get("/api/openapi.json", opt=ANYBODY, include_in_schema=False)
async def openapi_json(request: AnyRequest) -> Response[bytes]:
    """What programs read to know this API."""
    state = request.app.state
    # Made once, when first asked for. It takes half a second: charge points must not wait for it.
    async with state.openapi_lock:
        if not hasattr(state, "openapi"):
            state.openapi = await trio.to_thread.run_sync(_encoded, request.app)
    return Response(state.openapi, media_type="application/json")


def _encoded(app: Litestar) -> bytes:
    return msgspec.json.encode(document(app))

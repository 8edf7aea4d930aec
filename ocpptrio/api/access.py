"""Who asks, and whether they may: the guard before every route, and the cookie of a browser.

A route says `opt=needs(Role.ADMIN)`, or `opt=ANYBODY`; one that says nothing needs a viewer to
read and an operator to change. Not here: users and tokens themselves (services.access).
"""

import hmac
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from ocpptrio.api.problems import Problem
from ocpptrio.central_system import CentralSystem
from ocpptrio.config import ApiSettings
from ocpptrio.handshake import client_address
from ocpptrio.services.access import Login, Principal
from ocpptrio.store.vocabulary import Role

SAFE: Final = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER: Final = "X-CSRF-Token"
ROLE: Final = "role"
ACCEPTS: Final = "accepts"  # the media type of a body that is not JSON
# Not to be compressed: it is already, or comes bit by bit and must not wait for a compressor.
AS_IT_IS: Final = "as_it_is"
ANYBODY: Final[dict[str, Any]] = {ROLE: None}

# Any: Litestar's users, tokens and states, which we do not use.
Connection = ASGIConnection[Any, Any, Any, Any]


def needs(role: Role, **more: object) -> dict[str, Any]:
    """The `opt` of a route that needs this role."""
    return {ROLE: role, **more}


def role_of(method: str, opt: dict[str, Any]) -> Role | None:
    """The role that a route needs; None: nobody is asked."""
    default = Role.VIEWER if method in SAFE else Role.OPERATOR
    found: Role | None = opt.get(ROLE, default)
    return found


async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let in who may; see the module.

    Raises:
        Problem: 401, 403 or 415.
    """
    method: str = connection.scope["method"]  # type: ignore[typeddict-item] # HTTP alone comes here
    _check_media_type(connection, handler)
    needed = role_of(method, handler.opt)
    if needed is None:
        return
    central: CentralSystem = connection.state.api.central
    principal = await identify(connection, central)
    if principal is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "log in, or send a token: Authorization: Bearer ...",
            headers={"WWW-Authenticate": "Bearer"},
        )
    connection.scope["user"] = principal
    if method not in SAFE:
        check_csrf(connection, principal)
    if not principal.role.may(needed):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"this needs the role {needed}, you are {principal.role}; ask an admin for it",
        )


async def identify(connection: Connection, central: CentralSystem) -> Principal | None:
    """Who asks: by token if there is one, else by cookie; None: nobody we know."""
    access = central.services.access
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        return await access.by_token(token.strip())
    secret = connection.cookies.get(cookie_name(central.settings.api))
    return None if secret is None else await access.by_cookie(secret)


def check_csrf(connection: Connection, principal: Principal) -> None:
    """A browser sends its cookie with whatever any page asks; this proves that ours did.

    Raises:
        Problem: 403.
    """
    if principal.csrf_token is None:
        return  # a token is not sent by itself
    sent = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), principal.csrf_token.encode()):
        raise Problem(
            HTTPStatus.FORBIDDEN, f"send {CSRF_HEADER} with the csrf_token of GET /api/v1/session"
        )


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """Who asks, behind the guard."""
    principal: Principal = request.user
    return principal


def address_of(scope: Scope, settings: ApiSettings) -> str:
    """The address that a request comes from, behind proxies that we trust."""
    client = scope.get("client")
    address, _ = client_address(
        client[0] if client else "", scope["headers"], settings.trusted_proxies
    )
    return address


def cookie_name(settings: ApiSettings) -> str:
    """With TLS it has a name that browsers keep to this very host."""
    return "__Host-ocpptrio" if _secure(settings) else "ocpptrio"


def with_cookie(response: Response[Any], login: Login, settings: ApiSettings) -> Response[Any]:
    """The answer to a login."""
    response.set_cookie(_cookie(settings, login.secret, settings.login_days * 86_400))
    return response


def without_cookie(response: Response[Any], settings: ApiSettings) -> Response[Any]:
    """The answer to a log-out."""
    response.set_cookie(_cookie(settings, "", 0))
    return response


def _cookie(settings: ApiSettings, secret: str, max_age_s: int) -> Cookie:
    return Cookie(
        key=cookie_name(settings),
        value=secret,
        max_age=max_age_s,
        httponly=True,
        secure=_secure(settings),
        samesite="strict",
        path="/",
    )


def _secure(settings: ApiSettings) -> bool:
    return settings.public_url.startswith("https://")


def _check_media_type(connection: Connection, handler: BaseRouteHandler) -> None:
    """A form of another site could send what looks like JSON as text; it cannot say that it is."""
    headers = connection.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    wanted = handler.opt.get(ACCEPTS, "application/json")
    sent = headers.get("content-type", "").partition(";")[0].strip().casefold()
    if sent != wanted:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send a body of Content-Type: {wanted}")

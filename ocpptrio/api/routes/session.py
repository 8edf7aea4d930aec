"""/session: a person logs in and out with a browser. Programs have tokens instead."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from litestar import Response, delete, get, post, put
from litestar.params import JSONBody
from msgspec import Meta

from ocpptrio.api.access import ANYBODY, address_of, needs, with_cookie, without_cookie
from ocpptrio.api.given import AnyRequest, Asker, Central
from ocpptrio.api.openapi import ALSO
from ocpptrio.api.problems import Problem, bad_request
from ocpptrio.api.views import Change, View
from ocpptrio.central_system import CentralSystem
from ocpptrio.presentation import at
from ocpptrio.services.access import MAX_PASSWORD, Principal
from ocpptrio.store import access
from ocpptrio.store.vocabulary import Role

Password = Annotated[str, Meta(max_length=MAX_PASSWORD)]


class Session(View, frozen=True, kw_only=True):
    """Who is logged in, and what the browser needs to know.

    Attributes:
        csrf_token: to send as X-CSRF-Token with whatever changes something.
    """

    user_name: str
    role: Role
    csrf_token: str
    expires_at: datetime
    password_set: bool


class LogIn(Change, frozen=True, kw_only=True):
    """A name and a password, or the key of a one-time login address."""

    user_name: Annotated[str, Meta(max_length=200)] | None = None
    password: Password | None = None
    login_key: Annotated[str, Meta(max_length=200)] | None = None


class NewPassword(Change, frozen=True, kw_only=True):
    """The current one is not needed while none is set."""

    new_password: Password
    current_password: Password | None = None


@get("/session")
async def who(central: Central, asker: Asker) -> Session:
    """Who is logged in with this browser."""
    return await _session(central, _person(asker))


@post("/session", opt=ANYBODY | {ALSO: ("401",)})
async def log_in(central: Central, data: JSONBody[LogIn], request: AnyRequest) -> Response[Session]:
    """Log in with a name and a password, or with the key of a one-time login address."""
    service, settings = central.services.access, central.settings.api
    address = address_of(request.scope, settings)
    if data.login_key is not None:
        login = await service.redeem(data.login_key, address)
    elif data.user_name is not None and data.password is not None:
        login = await service.log_in(data.user_name, data.password, address)
    else:
        raise bad_request("send user_name and password, or login_key")
    session = await _session(central, login.principal)
    return with_cookie(Response(session, status_code=HTTPStatus.CREATED), login, settings)


@delete("/session", opt=needs(Role.VIEWER))
async def log_out(central: Central, asker: Asker) -> Response[None]:
    """Log this browser out."""
    await central.services.access.log_out(asker)
    answer = Response(None, status_code=HTTPStatus.NO_CONTENT)
    return without_cookie(answer, central.settings.api)


@put("/session/password", opt=needs(Role.VIEWER))
async def set_password(
    central: Central,
    asker: Asker,
    data: JSONBody[NewPassword],
    request: AnyRequest,
) -> Response[Session]:
    """Set the own password; every other browser is logged out."""
    settings = central.settings.api
    try:
        login = await central.services.access.set_password(
            _person(asker),
            data.current_password,
            data.new_password,
            address_of(request.scope, settings),
        )
    except ValueError as error:
        raise bad_request(str(error), field="new_password") from error
    return with_cookie(Response(await _session(central, login.principal)), login, settings)


def _person(principal: Principal) -> Principal:
    if principal.user_name is None:
        raise Problem(HTTPStatus.FORBIDDEN, "a token has no session; log in with a browser")
    return principal


async def _session(central: CentralSystem, principal: Principal) -> Session:
    name, expires_at = principal.user_name, at(principal.expires_at_us)
    assert name is not None
    assert expires_at is not None
    assert principal.csrf_token is not None
    user = await central.store.read(lambda reader: access.user(reader, name))
    return Session(
        user_name=name,
        role=principal.role,
        csrf_token=principal.csrf_token,
        expires_at=expires_at,
        password_set=user is not None and user.password_hash is not None,
    )


ROUTES: Final = [who, log_in, log_out, set_password]

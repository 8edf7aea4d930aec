"""/users: the people who may use the API and the dashboard. For admins."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from ocpptrio.api.access import needs
from ocpptrio.api.given import AnyRequest, Central
from ocpptrio.api.links import login_url
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import bad_request, conflict, not_found
from ocpptrio.api.routes.session import Password
from ocpptrio.api.versions import IfMatch, check, tagged
from ocpptrio.api.views import Change, View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.presentation import at
from ocpptrio.services.access import (
    LOGIN_KEY_US,
    LONGEST_USER_NAME,
    USER_NAME,
    edit_user,
    forget_user,
    new_login_key,
)
from ocpptrio.store import access
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import UserRecord
from ocpptrio.store.vocabulary import Role

ADMIN: Final = needs(Role.ADMIN)
ADMIN_CONFLICTS: Final = needs(Role.ADMIN, **{CONFLICTS: True})
UserName = Annotated[str, Meta(min_length=1, max_length=LONGEST_USER_NAME, pattern=USER_NAME)]


class User(View, frozen=True, kw_only=True):
    user_name: str
    role: Role
    password_set: bool
    disabled: bool
    created_at: datetime
    last_login_at: datetime | None


class LoginLink(View, frozen=True, kw_only=True):
    """An address that logs in once; whoever has it is that user."""

    login_url: str
    expires_at: datetime


class NewUser(Change, frozen=True, kw_only=True):
    """Without a password, the answer to POST /users/{user_name}/login-link lets them in."""

    user_name: UserName
    role: Role
    password: Password | None = None


class UserChange(Change, frozen=True, kw_only=True):
    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    password: Password | UnsetType = UNSET


@get("/users", opt=ADMIN)
async def list_users(central: Central, cursor: Cursor = None, limit: Limit = 100) -> Page[User]:
    """All users, by name."""
    after = key_of(cursor, str) or ""
    found = await central.store.read(
        lambda reader: access.users(reader, after=after, limit=limit + 1)
    )
    return page(found, limit, lambda user: user.user_name, _view)


@post("/users", opt=ADMIN_CONFLICTS)
async def add_user(central: Central, data: JSONBody[NewUser]) -> Response[User]:
    """Add a user."""
    hashed = None if data.password is None else await _hash(central, data.password)
    at_us = central.clock()

    def work(db: Db) -> UserRecord:
        if not access.add_user(
            db, data.user_name, role=data.role, at_us=at_us, password_hash=hashed
        ):
            raise conflict(f"there is a user {data.user_name} already")
        return _known(db, data.user_name)

    record = await central.store.write(work)
    return tagged(_view(record), _version(record), status=HTTPStatus.CREATED)


@get("/users/{user_name:str}", opt=ADMIN)
async def one_user(central: Central, user_name: FromPath[str]) -> Response[User]:
    """One user."""
    record = await central.store.read(lambda reader: _known(reader, user_name))
    return tagged(_view(record), _version(record))


@patch("/users/{user_name:str}", opt=ADMIN_CONFLICTS)
async def change_user(
    central: Central, user_name: FromPath[str], data: JSONBody[UserChange], if_match: IfMatch = None
) -> Response[User]:
    """Change a user; what is not sent stays. A new password logs all their browsers out."""
    changes = data.given()
    if not changes:
        raise bad_request("send what to change: role, disabled or password")
    if "password" in changes:
        changes["password_hash"] = await _hash(central, changes.pop("password"))

    def work(db: Db) -> UserRecord:
        before = _known(db, user_name)
        check(if_match, _version(before))
        edit_user(db, user_name, changes)
        return _known(db, user_name)

    record = await central.store.write(work)
    return tagged(_view(record), _version(record))


@delete("/users/{user_name:str}", opt=ADMIN_CONFLICTS)
async def remove_user(central: Central, user_name: FromPath[str], if_match: IfMatch = None) -> None:
    """Remove a user; their browsers are logged out, what they did stays in the audit log."""

    def work(db: Db) -> None:
        check(if_match, _version(_known(db, user_name)))
        forget_user(db, user_name)

    await central.store.write(work)


@post("/users/{user_name:str}/login-link", opt=ADMIN)
async def make_login_link(
    central: Central, user_name: FromPath[str], request: AnyRequest
) -> LoginLink:
    """Make a one-time login address for a user: for a new one, or a forgotten password."""
    at_us = central.clock()

    def work(db: Db) -> str:
        return new_login_key(db, _known(db, user_name).user_name, at_us)

    key = await central.store.write(work)
    expires_at = at(at_us + LOGIN_KEY_US)
    assert expires_at is not None
    # Where the asker has reached us others do, too; the port may have been chosen at the start.
    url = login_url(central.settings.api, key, str(request.base_url))
    return LoginLink(login_url=url, expires_at=expires_at)


async def _hash(central: CentralSystem, password: str) -> str:
    try:
        return await central.services.access.hash(password)
    except ValueError as error:
        raise bad_request(str(error), field="password") from error


def _known(reader: Reader, user_name: str) -> UserRecord:
    record = access.user(reader, user_name)
    if record is None:
        raise not_found(f"there is no user {user_name}", see="GET /api/v1/users")
    return record


def _view(record: UserRecord) -> User:
    return shown(User, record)


def _version(record: UserRecord) -> object:
    return (record.role, record.disabled, record.password_hash)


ROUTES: Final = [list_users, add_user, one_user, change_user, remove_user, make_login_link]

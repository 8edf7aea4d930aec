"""/tokens: what programs present. For admins."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from litestar import Response, delete, get, post
from litestar.params import JSONBody
from msgspec import Meta

from ocpptrio.api.access import needs
from ocpptrio.api.filters import Number
from ocpptrio.api.given import Asker, Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import not_found
from ocpptrio.api.views import Change, View, shown
from ocpptrio.services.access import LONGEST_TOKEN_NAME, new_token
from ocpptrio.store import access
from ocpptrio.store.driver import Db
from ocpptrio.store.records import TokenRecord
from ocpptrio.store.vocabulary import Role

ADMIN: Final = needs(Role.ADMIN)
DAY_US: Final = 86_400 * 1_000_000


class Token(View, frozen=True, kw_only=True):
    token_id: int
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ShownToken(Token, frozen=True, kw_only=True):
    """A token just made: this is the only time that it is shown."""

    token: str


class NewToken(Change, frozen=True, kw_only=True):
    """For a program; `name` says which."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_TOKEN_NAME)]
    role: Role
    expires_in_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None


@get("/tokens", opt=ADMIN)
async def list_tokens(central: Central, cursor: Cursor = None, limit: Limit = 100) -> Page[Token]:
    """All tokens, the newest first; what their bearers present is not kept."""
    before = key_of(cursor, int)
    found = await central.store.read(
        lambda reader: access.tokens(
            reader, before=2**63 - 1 if before is None else before, limit=limit + 1
        )
    )
    return page(found, limit, lambda token: token.token_id, _view)


@post("/tokens", opt=ADMIN)
async def make_token(
    central: Central, asker: Asker, data: JSONBody[NewToken]
) -> Response[ShownToken]:
    """Make a token; `token` is shown this once."""
    at_us = central.clock()
    days = data.expires_in_days

    def work(db: Db) -> tuple[TokenRecord, str]:
        return new_token(
            db,
            data.name,
            role=data.role,
            created_by=asker.name,
            at_us=at_us,
            expires_at_us=None if days is None else at_us + days * DAY_US,
        )

    record, token = await central.store.write(work)
    return Response(shown(ShownToken, record, token=token), status_code=HTTPStatus.CREATED)


@delete("/tokens/{token_id:int}", opt=ADMIN)
async def remove_token(central: Central, token_id: Number) -> None:
    """Remove a token: who presents it is turned away from now on."""
    if not await central.store.write(lambda db: access.remove_token(db, token_id)):
        raise not_found(f"there is no token {token_id}", see="GET /api/v1/tokens")


def _view(record: TokenRecord) -> Token:
    return shown(Token, record)


ROUTES: Final = [list_tokens, make_token, remove_token]

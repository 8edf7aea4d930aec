"""The API of a central system in memory, and a client for each role."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from ocpptrio.api import Api
from ocpptrio.central_system import CentralSystem
from ocpptrio.services.access import new_token
from ocpptrio.store.vocabulary import Role
from tests.clients import test_settings

BASE = "http://127.0.0.1/api/v1"


class Client(httpx2.AsyncClient):
    """Talks to the API without a socket. Names are paths under /api/v1."""

    async def json(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """What a request is answered with, which must have this status."""
        answer = await self.request(method, path, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def client(api: Api, token: str | None = None) -> Client:
    """A client of this API; without a token, nobody."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(api.app, raise_app_exceptions=False)
    return Client(transport=transport, base_url=BASE, headers=headers)


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    async with CentralSystem(test_settings(), inline_store=True) as running:
        yield running


@pytest.fixture
def api(central: CentralSystem) -> Api:
    return Api(central)


async def token_for(central: CentralSystem, role: Role) -> str:
    """A new token of that role."""
    _record, token = await central.store.write(
        lambda db: new_token(
            db,
            f"test {role}",
            role=role,
            created_by="tests",
            at_us=central.clock(),
            expires_at_us=None,
        )
    )
    return token


@pytest.fixture
async def viewer(api: Api, central: CentralSystem) -> AsyncIterator[Client]:
    async with client(api, await token_for(central, Role.VIEWER)) as it:
        yield it


@pytest.fixture
async def operator(api: Api, central: CentralSystem) -> AsyncIterator[Client]:
    async with client(api, await token_for(central, Role.OPERATOR)) as it:
        yield it


@pytest.fixture
async def admin(api: Api, central: CentralSystem) -> AsyncIterator[Client]:
    async with client(api, await token_for(central, Role.ADMIN)) as it:
        yield it


@pytest.fixture
async def nobody(api: Api) -> AsyncIterator[Client]:
    async with client(api) as it:
        yield it

"""The OpenAPI document as it is served. That it tells the truth: test_openapi_holds."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from litestar import Litestar

from ocpptrio.api import Api, openapi
from tests.api.conftest import Client

PATH = "http://127.0.0.1/api/openapi.json"


@pytest.fixture
def not_made_yet(api: Api) -> Iterator[None]:
    """As in a new process: tests share the routes, and with them the document."""
    made = api.litestar.state.pop("openapi", None)
    yield
    if made is not None:
        api.litestar.state.openapi = made


@pytest.mark.usefixtures("not_made_yet")
async def test_it_is_made_once_and_charge_points_do_not_wait_for_it(
    nobody: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in: list[threading.Thread] = []
    document = openapi.document

    def noted(app: Litestar) -> dict[str, Any]:
        made_in.append(threading.current_thread())
        return document(app)

    monkeypatch.setattr(openapi, "document", noted)
    answers: list[Any] = []

    async def ask() -> None:
        answers.append((await nobody.get(PATH)).json())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert [answer["openapi"] for answer in answers] == ["3.1.0"] * 3
    assert len(made_in) == 1
    assert made_in[0] is not threading.current_thread()

"""The dashboard's files as a browser gets them."""

import gzip

import pytest

from ocpptrio.api import Api
from ocpptrio.central_system import CentralSystem
from ocpptrio.config import ApiSettings, Settings, StoreSettings
from tests.api.conftest import Client, client

HOST = "http://127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/login", "/charge-points/CP1", "/charge-points/CP.1/x"])
async def test_every_page_is_the_dashboard_under_a_strict_policy(nobody: Client, path: str) -> None:
    answer = await nobody.get(HOST + path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", ["/app.js.map", "/vendor/missing.js", "/api/missing", "/api/v2/x"])
async def test_what_is_not_there_is_not_the_dashboard(nobody: Client, path: str) -> None:
    answer = await nobody.get(HOST + path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_file_goes_compressed_and_only_when_it_changed(nobody: Client) -> None:
    answer = await nobody.get(HOST + "/app.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = await nobody.get(HOST + "/app.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert len(gzip.compress(plain.content)) < len(plain.content)
    again = await nobody.get(HOST + "/app.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_without_a_dashboard_the_api_stays() -> None:
    settings = Settings(api=ApiSettings(dashboard=False), store=StoreSettings(path=":memory:"))
    async with client(Api(CentralSystem(settings, inline_store=True))) as nobody:
        assert (await nobody.get(HOST + "/")).status_code == 404
        assert (await nobody.get(HOST + "/api/docs")).status_code == 200
        assert (await nobody.get(HOST + "/api/openapi.json")).status_code == 200

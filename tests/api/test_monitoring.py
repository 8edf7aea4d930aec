"""What watches the process: is it alive, is it ready, and who may read its figures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from ocpptrio.api import Api
from ocpptrio.api.monitoring import READY_WITHIN_S, is_ready
from ocpptrio.central_system import CentralSystem
from ocpptrio.config import ApiSettings, OcppSettings
from ocpptrio.errors import StoreError
from ocpptrio.session.registry import Session
from ocpptrio.session.state import SessionState
from tests.api.conftest import Client, client
from tests.clients import charge_point, test_settings

ROOT = "http://127.0.0.1"


async def test_anybody_may_ask_whether_it_is_alive_and_ready(nobody: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert await nobody.json("GET", ROOT + path) == {"status": "ok"}


async def test_metrics_need_a_viewer(nobody: Client, viewer: Client) -> None:
    answer = await nobody.get(ROOT + "/metrics")
    assert answer.status_code == 401
    answer = await viewer.get(ROOT + "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nocpptrio_connections_open 0.0\n" in answer.text
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    answer = await viewer.get(ROOT + "/metrics", headers=accept)
    kind = answer.headers["content-type"]
    assert kind.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8"), kind
    assert answer.text.endswith("# EOF\n")


@asynccontextmanager
async def running(settings: Any) -> AsyncIterator[tuple[CentralSystem, Client]]:  # Any: Settings
    async with (
        CentralSystem(settings, inline_store=True) as central,
        client(Api(central)) as nobody,
    ):
        yield central, nobody


async def test_metrics_can_be_open_to_all() -> None:
    settings = replace(test_settings(), api=ApiSettings(open_metrics=True))
    async with running(settings) as (_, nobody):
        assert (await nobody.get(ROOT + "/metrics")).status_code == 200
        assert (await nobody.get("/overview")).status_code == 401


async def test_it_is_not_ready_while_it_drains() -> None:
    async with running(test_settings()) as (central, nobody):
        central.stop()
        problem = await nobody.json("GET", ROOT + "/readyz", 503)
        assert problem["detail"] == "not ready", "nothing about why, for anybody may ask"
        assert (await nobody.get(ROOT + "/healthz")).status_code == 200


async def test_one_that_listens_nowhere_by_its_settings_is_ready() -> None:
    settings = replace(test_settings(), ocpp=OcppSettings(enabled=False))
    async with running(settings) as (central, _):
        assert await is_ready(central)
    assert not await is_ready(central)


async def test_it_is_not_ready_while_its_disk_hangs(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(work: object) -> None:
        await trio.sleep_forever()

    async def fail(work: object) -> None:
        raise StoreError("the disk is full")

    async with running(test_settings()) as (central, _):
        monkeypatch.setattr(central.store, "write", hang)
        began = trio.current_time()
        assert not await is_ready(central)
        assert trio.current_time() - began == READY_WITHIN_S
        monkeypatch.setattr(central.store, "write", fail)
        assert not await is_ready(central)
        monkeypatch.undo()
        assert await is_ready(central)


async def test_the_overview_counts_the_fleet(central: CentralSystem, viewer: Client) -> None:
    central.registry.put(Session(SessionState(charge_point_id="AWAY")))
    async with charge_point(central) as point:
        await point.boot()
        await point.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"},
        )
        shown = await viewer.json("GET", "/overview")
    assert shown["charge_points"] == {
        "total": 2,
        "connected": 1,
        "charging": 0,
        "faulted": 1,
        "offline": 1,
    }
    assert shown["connectors"] == {"Faulted": 1}
    assert shown["event_number"] > 0
    assert shown["commands_open"] == shown["energy_today_wh"] == 0


async def test_the_system_tells_of_itself(central: CentralSystem, viewer: Client) -> None:
    async with charge_point(central) as point:
        await point.boot()
        shown = await viewer.json("GET", "/system")
    assert shown["streams"] == 0
    assert shown["connections"] == shown["rows"]["charge_points"] == 1
    assert shown["throughput"]["messages_per_s"] > 0
    assert shown["commit"]["p50_ms"] > 0
    assert shown["commit"]["queue"] == shown["commit"]["lost"] == 0
    assert shown["database"]["path"] == ":memory:"
    assert shown["database"]["schema"] >= 8
    assert shown["retention"]["journal_days"] == 14
    assert shown["mqtt"] is None
    assert shown["started_at"].endswith("Z")

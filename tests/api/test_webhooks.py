"""Webhooks and alerts through the API."""

from typing import Any

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import AlertKind
from ocpptrio.store import alerts, charge_points
from ocpptrio.store.driver import Db
from tests.api.conftest import Client

URL = "http://127.0.0.1:1/hook"


async def made(admin: Client, **fields: Any) -> Any:  # Any: JSON
    return await admin.json("POST", "webhooks", 201, json={"url": URL, **fields})


async def test_a_webhook_is_made_with_its_secret_and_seen_without(
    admin: Client, operator: Client, viewer: Client
) -> None:
    new = await made(admin, kinds=["Booted"])
    assert new["secret"].startswith("whsec_")
    assert (new["webhook_id"], new["state"], new["kinds"]) == (1, "active", ["Booted"])
    shown = await operator.json("GET", "webhooks/1")
    assert shown == {name: value for name, value in new.items() if name != "secret"}
    assert (await operator.json("GET", "webhooks"))["items"] == [shown]
    await operator.json("POST", "webhooks", 403, json={"url": URL})
    await viewer.json("GET", "webhooks", 403)
    (entry, *_) = (await admin.json("GET", "audit"))["items"]
    assert (entry["method"], entry["path"]) == ("POST", "/api/v1/webhooks")


async def test_what_it_cannot_be_is_told(admin: Client) -> None:
    problem = await admin.json("POST", "webhooks", 400, json={"url": "ftp://x"})
    assert problem["detail"] == "url: expected http:// or https://"
    problem = await admin.json("POST", "webhooks", 400, json={"url": URL, "kinds": ["Boot"]})
    assert "did you mean Booted?" in problem["detail"]
    await admin.json("POST", "webhooks", 400, json={"url": URL, "surprise": 1})
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/deliveries")):
        await admin.json(method, f"webhooks/9{path}", 404)


async def test_it_is_changed_by_whoever_saw_it_last(central: CentralSystem, admin: Client) -> None:
    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)

    await central.store.write(work)
    await made(admin)
    tag = (await admin.get("webhooks/1")).headers["etag"]
    change = {"charge_point_id": "CP1", "group": "yard", "kinds": ["Booted"]}
    seen = {"If-Match": tag}
    changed = await admin.json("PATCH", "webhooks/1", json=change, headers=seen)
    assert {name: changed[name] for name in change} == change
    await admin.json("PATCH", "webhooks/1", 412, json={"url": URL}, headers=seen)
    await admin.json("DELETE", "webhooks/1", 412, headers=seen)
    changed = await admin.json("PATCH", "webhooks/1", json={"group": None, "kinds": []})
    assert (changed["group"], changed["kinds"], changed["charge_point_id"]) == (None, [], "CP1")
    await admin.json("PATCH", "webhooks/1", 400, json={})
    await admin.json("DELETE", "webhooks/1", 204)
    assert (await admin.json("GET", "webhooks"))["items"] == []


async def test_it_is_paused_tested_replayed_and_resumed(admin: Client) -> None:
    await made(admin)
    assert (await admin.json("POST", "webhooks/1/pause"))["state"] == "paused"
    result = await admin.json("POST", "webhooks/1/test")
    assert (result["status"], "cannot be reached" in result["error"]) == (None, True)
    (delivery, *_) = (await admin.json("GET", "webhooks/1/deliveries"))["items"]
    assert (delivery["events"], delivery["first_number"]) == (0, None)
    shown = await admin.json("POST", "webhooks/1/replay", json={"from_number": 1})
    assert (shown["delivered_up_to"], shown["waiting"] >= 2) == (0, True)
    problem = await admin.json("POST", "webhooks/1/replay", 400, json={"from_number": 99})
    assert "from_number: expected 1 to" in problem["detail"]
    assert (await admin.json("POST", "webhooks/1/resume"))["state"] == "active"


async def test_alerts_are_listed_and_acknowledged(
    central: CentralSystem, viewer: Client, operator: Client
) -> None:
    def work(db: Db) -> None:
        for identity in ("CP1", "CP2", "CP3"):
            key = alerts.Key(kind=AlertKind.OFFLINE, charge_point_id=identity)
            alerts.open_(db, key, since_us=5, at_us=5, detail="away", settle_us=0)
        alerts.end(db, key, 6)

    await central.store.write(work)
    page = await viewer.json("GET", "alerts", params={"limit": 2})
    assert [one["charge_point_id"] for one in page["items"]] == ["CP3", "CP2"]
    page = await viewer.json("GET", "alerts", params={"cursor": page["next_cursor"]})
    assert [one["charge_point_id"] for one in page["items"]] == ["CP1"]
    assert len((await viewer.json("GET", "alerts?open=true"))["items"]) == 2
    assert len((await viewer.json("GET", "alerts?open=false&kind=offline"))["items"]) == 1
    assert (await viewer.json("GET", "alerts?kind=faulted"))["items"] == []
    assert (await viewer.json("GET", "overview"))["alerts_open"] == 2
    await viewer.json("POST", "alerts/1/acknowledge", 403)
    done = await operator.json("POST", "alerts/1/acknowledge")
    assert done["acknowledged_by"].startswith("token ")
    await operator.json("POST", "alerts/9/acknowledge", 404)


async def test_settings_are_shown_without_secrets(admin: Client, operator: Client) -> None:
    shown = await admin.json("GET", "alerts/settings")
    assert (shown["smtp_port"], shown["pause_s"], shown["destinations"]) == (587, 600, [])
    assert not [name for name in shown if "password" in name or "secret" in name]
    await operator.json("GET", "alerts/settings", 403)
    assert (await admin.json("POST", "alerts/test"))["items"] == []

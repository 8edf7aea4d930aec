"""Configuration through the API: what is reported, what is wanted, and what never leaves."""

import pytest
import trio

from ocpptrio.central_system import CentralSystem
from ocpptrio.store import charge_point_groups, charge_points, configuration
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ConfigurationRecord
from tests.api.conftest import Client
from tests.clients import charge_point

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
WANTED = "charge-points/CP1/configuration/wanted"


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    """CP1 is in the group yard and reports one key."""

    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id="CP1", origin="added", at_us=NOON_US)
        charge_point_groups.put(db, "yard", "CP1")
        configuration.put(
            db,
            ConfigurationRecord(
                charge_point_id="CP1",
                key_folded="heartbeatinterval",
                key="HeartbeatInterval",
                value="300",
                readonly=False,
                reported_at_us=NOON_US,
            ),
        )

    await central.store.write(work)
    return central


async def test_what_is_reported_stands_beside_what_is_wanted(operator: Client) -> None:
    await operator.json("PUT", f"{WANTED}/heartbeatinterval", json={"value": "60"})
    path = "groups/yard/configuration/wanted/MeterValueSampleInterval"
    await operator.json("PUT", path, json={"value": "30"})
    found = await operator.json("GET", "charge-points/CP1/configuration")
    assert [(row["key"], row["value"]) for row in found["reported"]] == [
        ("HeartbeatInterval", "300")
    ]
    assert [(row["scope"], row["target"], row["value"]) for row in found["wanted"]] == [
        ("charge point", "CP1", "60"),
        ("group", "yard", "30"),
    ]
    assert [(row["key"], row["source"], row["state"]) for row in found["verdicts"]] == [
        ("HeartbeatInterval", "own", "differs"),
        ("MeterValueSampleInterval", "yard", "differs"),
    ]
    await operator.json("DELETE", f"{WANTED}/HEARTBEATINTERVAL", 204)
    await operator.json("DELETE", path, 204)
    found = await operator.json("GET", "charge-points/CP1/configuration")
    assert (found["wanted"], found["verdicts"]) == ([], [])
    problem = await operator.json("DELETE", path, 404)
    assert "nothing is wanted of MeterValueSampleInterval" in problem["detail"]


@pytest.mark.parametrize("key", ["AuthorizationKey", "BackendPassword", "SecurityProfile"])
async def test_secrets_are_not_wanted_nor_kept(operator: Client, admin: Client, key: str) -> None:
    for path in (f"{WANTED}/{key}", f"groups/yard/configuration/wanted/{key}"):
        problem = await operator.json("PUT", path, 400, json={"value": "5EC2E7"})
        assert "Send it with ChangeConfiguration" in problem["detail"]
    found = await operator.get("charge-points/CP1/configuration")
    assert "5EC2E7" not in found.text
    if key != "SecurityProfile":
        assert "5EC2E7" not in (await admin.get("audit")).text


async def test_two_who_edit_what_is_wanted_do_not_undo_each_other(operator: Client) -> None:
    for base in ("charge-points/CP1/configuration", "groups/yard"):
        seen = {"If-Match": (await operator.get(base)).headers["etag"]}
        wanted = WANTED if base.startswith("charge") else "groups/yard/configuration/wanted"
        answer = await operator.put(f"{wanted}/A", json={"value": "1"}, headers=seen)
        assert answer.json()["value"] == "1"
        await operator.json("PUT", f"{wanted}/A", 412, json={"value": "2"}, headers=seen)
        await operator.json("DELETE", f"{wanted}/A", 412, headers=seen)
        now = {"If-Match": answer.headers["etag"]}
        await operator.json("DELETE", f"{wanted}/A", 204, headers=now)


async def test_nothing_is_wanted_of_one_that_is_not_known(operator: Client) -> None:
    path = "charge-points/CP9/configuration"
    await operator.json("PUT", f"{path}/wanted/A", 404, json={"value": "1"})
    await operator.json("GET", path, 404)
    await operator.json("POST", f"{path}/refresh", 404)


async def test_a_connected_one_is_asked_for_all_its_keys(
    central: CentralSystem, operator: Client
) -> None:
    problem = await operator.json("POST", "charge-points/CP1/configuration/refresh", 409)
    assert "try again when it is" in problem["detail"]
    async with charge_point(central) as point:
        await point.boot()
        await operator.json("POST", "charge-points/CP1/configuration/refresh", 202)
        with trio.fail_after(10):
            _, unique_id, action, _ = await point.receive()
            assert action == "GetConfiguration"
            keys = [{"key": "HeartbeatInterval", "readonly": False, "value": "600"}]
            with central.watch("CP1") as watcher:
                await point.send(3, unique_id, {"configurationKey": keys})
                async for numbered in watcher:
                    if numbered.event.kind == "ConfigurationReported":
                        break
        found = await operator.json("GET", "charge-points/CP1/configuration")
        assert found["reported"][0]["value"] == "600"
    changes = await operator.json("GET", "charge-points/CP1/configuration/history")
    assert [(one["value_before"], one["value_after"]) for one in changes["items"]] == [
        ("300", "600")
    ]


async def test_the_history_comes_in_pages(central: CentralSystem, viewer: Client) -> None:
    def work(db: Db) -> None:
        for number in range(5):
            configuration.changed(
                db,
                "CP1",
                "A" if number else "B",
                before=str(number),
                after=str(number + 1),
                at_us=NOON_US,
                command_id=None,
            )

    await central.store.write(work)
    path = "charge-points/CP1/configuration/history"
    first = await viewer.json("GET", path, params={"key": "a", "limit": 3})
    assert [one["value_before"] for one in first["items"]] == ["4", "3", "2"]
    rest = await viewer.json("GET", path, params={"key": "a", "cursor": first["next_cursor"]})
    assert [one["value_before"] for one in rest["items"]] == ["1"]
    assert rest["next_cursor"] is None

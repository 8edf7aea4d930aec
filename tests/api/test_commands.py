"""Commands and tasks through the API: asked, answered, waited for, repeated, withdrawn."""

from typing import Any

import jsonschema
import pytest
import trio
import trio.testing

from ocpptrio.api import Api
from ocpptrio.api.openapi import document
from ocpptrio.api.routes.commands import OURS
from ocpptrio.central_system import CentralSystem
from ocpptrio.store import charge_points
from ocpptrio.store.driver import Db
from tests.api.conftest import Client
from tests.clients import RawChargePoint, charge_point

SOFT = {"type": "Soft"}


async def add(central: CentralSystem, *charge_point_ids: str) -> None:
    def work(db: Db) -> None:
        for name in charge_point_ids:
            charge_points.add(db, charge_point_id=name, origin="added", at_us=1)

    await central.store.write(work)


async def answer(point: RawChargePoint, payload: dict[str, Any]) -> dict[str, Any]:
    """Answer the next CALL; returns what was asked."""
    _, unique_id, _, asked = await point.receive()
    await point.send(3, unique_id, payload)
    assert isinstance(asked, dict)
    return asked


async def test_a_connected_charge_point_is_asked_and_its_answer_returned(
    central: CentralSystem, operator: Client
) -> None:
    async with charge_point(central) as point, trio.open_nursery() as nursery:
        await point.boot()
        nursery.start_soon(answer, point, {"status": "Accepted"})
        command = await operator.json("POST", "charge-points/CP1/commands/Reset", json=SOFT)
    assert (command["state"], command["status"]) == ("answered", "Accepted")
    assert command["request"] == SOFT
    assert command["response"] == {"status": "Accepted"}
    assert command["effect"] == "awaited"
    assert command["requested_by"].startswith("token ")
    assert command["created_at"].endswith("Z")


async def test_one_that_does_not_answer_in_time_can_be_followed(
    central: CentralSystem, operator: Client
) -> None:
    async with charge_point(central) as point:
        await point.boot()
        late = await operator.post("charge-points/CP1/commands/Reset?wait_s=0.05", json=SOFT)
        assert late.status_code == 202
        assert late.json()["state"] == "sent"
        where = late.headers["location"]
        assert where == f"/api/v1/commands/{late.json()['command_id']}"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, point, {"status": "Rejected"})
            url = f"http://127.0.0.1{where}?wait_s=30"
            command = await operator.json("GET", url)
    assert (command["state"], command["status"], command["failed"]) == (
        "answered",
        "Rejected",
        True,
    )


async def test_one_that_is_not_there_is_asked_when_it_returns(
    central: CentralSystem, operator: Client
) -> None:
    await add(central, "CP1")
    with trio.fail_after(5):  # nobody waits for it
        queued = await operator.json("POST", "charge-points/CP1/commands/Reset", 202, json=SOFT)
    assert queued["state"] == "queued"
    async with charge_point(central) as point, trio.open_nursery() as nursery:
        await point.boot()
        nursery.start_soon(answer, point, {"status": "Accepted"})
        command = await operator.json(
            "GET", f"commands/{queued['command_id']}", params={"wait_s": 30}
        )
    assert command["state"] == "answered"


async def test_its_effect_can_be_waited_for(central: CentralSystem, operator: Client) -> None:
    async with charge_point(central) as point:
        await point.boot()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, point, {"status": "Accepted"})
            command = await operator.json("POST", "charge-points/CP1/commands/Reset", json=SOFT)
    async with trio.open_nursery() as nursery:

        async def reboot() -> None:
            async with charge_point(central) as again:
                await again.boot()

        nursery.start_soon(reboot)
        seen = await operator.json(
            "GET",
            f"commands/{command['command_id']}",
            params={"wait_s": 30, "until": "effect"},
        )
    assert seen["effect"] == "seen"


async def test_the_same_key_is_carried_out_once(central: CentralSystem, operator: Client) -> None:
    await add(central, "CP1")
    key = {"Idempotency-Key": "order 7"}
    path = "charge-points/CP1/commands/Reset"
    first = await operator.json("POST", path, 202, json=SOFT, headers=key)
    again = await operator.json("POST", path, 202, json=SOFT, headers=key)
    assert again == first
    problem = await operator.json("POST", path, 409, json={"type": "Hard"}, headers=key)
    assert "take a new key" in problem["detail"]


async def test_what_is_not_sent_yet_can_be_withdrawn(
    central: CentralSystem, operator: Client
) -> None:
    await add(central, "CP1")
    await operator.json("POST", "charge-points/CP1/commands/ClearCache", 202)
    assert (await operator.json("DELETE", "commands/1"))["state"] == "cancelled"
    problem = await operator.json("DELETE", "commands/1", 409)
    assert "only a queued one" in problem["detail"]
    await operator.json("DELETE", "commands/2", 404)


async def test_commands_are_listed_by_what_they_are(
    central: CentralSystem, operator: Client
) -> None:
    await add(central, "CP1", "CP2")
    for name in ("CP1", "CP2"):
        await operator.json("POST", f"charge-points/{name}/commands/Reset", 202, json=SOFT)
        await operator.json("POST", f"charge-points/{name}/commands/ClearCache", 202)
    await operator.json("DELETE", "commands/1")

    async def numbers(**filters: object) -> list[int]:
        found = await operator.json("GET", "commands", params=filters)
        return [item["command_id"] for item in found["items"]]

    assert await numbers() == [4, 3, 2, 1]
    assert await numbers(charge_point_id="CP2") == [4, 3]
    assert await numbers(action="Reset", state="queued") == [3]
    first = await operator.json("GET", "commands", params={"limit": 3})
    rest = await operator.json("GET", "commands", params={"cursor": first["next_cursor"]})
    assert [item["command_id"] for item in rest["items"]] == [1]
    problem = await operator.json("GET", "commands", 400, params={"state": "lost"})
    assert problem["errors"][0]["field"] == "state"


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("Reset", {}, "type"),
        ("Reset", {"type": "Softly"}, "type"),
        ("Reset", {"type": "Soft", "when": "now"}, "when"),
        ("UnlockConnector", {"connectorId": "1"}, "connectorId"),
        ("UnlockConnector", {"connectorId": 0}, "connectorId"),
        (
            "SendLocalList",
            {
                "listVersion": 1,
                "updateType": "Full",
                "localAuthorizationList": [{"idTag": "x" * 21}],
            },
            "localAuthorizationList[0].idTag",
        ),
    ],
)
async def test_a_request_that_breaks_the_specification_is_told_with_its_field(
    central: CentralSystem, operator: Client, action: str, body: dict[str, Any], field: str
) -> None:
    await add(central, "CP1")
    problem = await operator.json("POST", f"charge-points/CP1/commands/{action}", 400, json=body)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert (await operator.json("GET", "commands"))["items"] == []


async def test_a_charge_point_that_is_not_registered_is_not_asked(operator: Client) -> None:
    await operator.json("POST", "charge-points/CP9/commands/Reset", 404, json=SOFT)


async def test_many_are_asked_at_a_pace(central: CentralSystem, operator: Client) -> None:
    names = [f"CP{number}" for number in range(1, 21)]
    await add(central, *names)
    started = await operator.json(
        "POST",
        "tasks/Reset",
        202,
        json={"request": SOFT, "charge_points": names, "stop_after": "10%", "at_a_time": 3},
    )
    assert (started["stop_after"], started["counts"]) == (2, {"queued": 20})
    assert started["requested_by"].startswith("token ")
    found = await operator.json("GET", "commands", params={"task_id": 1, "limit": 1})
    assert found["items"][0]["requested_by"] == started["requested_by"]
    assert (await operator.json("GET", "tasks"))["items"] == [started]
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            ended = await operator.json("GET", "tasks/1", params={"wait_s": 60})
            assert (ended["state"], ended["counts"]) == ("cancelled", {"cancelled": 20})

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await operator.json("DELETE", "tasks/1")
    await operator.json("DELETE", "tasks/1", 409)


async def test_each_can_be_asked_something_of_its_own(
    central: CentralSystem, operator: Client
) -> None:
    await add(central, "CP1", "CP2")
    each = {"CP1": {"connectorId": 1}, "CP2": {"connectorId": 2}}
    key = {"Idempotency-Key": "k"}
    body: dict[str, Any] = {"requests": each}
    started = await operator.json("POST", "tasks/UnlockConnector", 202, json=body, headers=key)
    assert started["request"] is None
    assert started == await operator.json(
        "POST", "tasks/UnlockConnector", 202, json=body, headers=key
    )
    both = body | {"request": {"connectorId": 1}}
    await operator.json("POST", "tasks/UnlockConnector", 400, json=both)
    await operator.json("POST", "tasks/UnlockConnector", 400, json={})
    del each["CP2"]
    await operator.json("POST", "tasks/UnlockConnector", 409, json=body, headers=key)


@pytest.mark.parametrize("stop_after", [0, "0%", "101%", "many"])
async def test_a_limit_that_makes_no_sense_starts_nothing(
    central: CentralSystem, operator: Client, stop_after: object
) -> None:
    await add(central, "CP1")
    body = {"request": SOFT, "charge_points": ["CP1"], "stop_after": stop_after}
    problem = await operator.json("POST", "tasks/Reset", 400, json=body)
    assert problem["errors"][0]["field"] == "stop_after"
    assert (await operator.json("GET", "tasks"))["items"] == []


async def test_forms_can_be_made_of_what_actions_say(viewer: Client) -> None:
    items = (await viewer.json("GET", "actions"))["items"]
    assert [item["action"] for item in items] == [spec.name for spec in OURS]
    actions = {item["action"]: item for item in items}
    for item in items:
        jsonschema.Draft202012Validator.check_schema(item["fields"])
        assert "null" not in str(item["fields"])
        assert item["description"]
    reset = actions["Reset"]["fields"]
    assert reset["required"] == ["type"]
    jsonschema.validate(SOFT, reset)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "Softly"}, reset)
    tag = actions["RemoteStartTransaction"]["fields"]["properties"]["idTag"]
    assert tag == {"type": "string", "maxLength": 20}


async def test_the_openapi_document_has_the_request_of_each_action(api: Api) -> None:
    schemas = document(api.litestar)["components"]["schemas"]
    periods = schemas["ChargingSchedule"]["properties"]["chargingSchedulePeriod"]
    assert periods == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/ChargingSchedulePeriod"},
        "minItems": 1,
    }
    for spec in OURS:
        assert schemas[spec.name]["additionalProperties"] is False
        assert f"{spec.name}Task" in schemas


async def test_a_long_poll_ends_when_the_api_closes(
    central: CentralSystem, api: Api, operator: Client
) -> None:
    await add(central, "CP1")
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                path = "charge-points/CP1/commands/Reset"
                await operator.json("POST", path, 202, json=SOFT, params={"wait_s": 120})

            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            api.close()

"""What waits for a person, over the API."""

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.store.driver import Db
from tests.api.conftest import Client
from tests.cli.test_transactions import orphan, start


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    """1, 2 and 3 run; a stop fits all three, and waits."""

    def work(db: Db) -> None:
        for number in range(3):
            start(db, f"Tag{number}", hours=number)
        orphan(db)

    await central.store.write(work)
    return central


async def test_what_waits_is_listed_shown_and_resolved(operator: Client, viewer: Client) -> None:
    (waits,) = (await viewer.json("GET", "reviews", params={"resolved": False}))["items"]
    assert (waits["review_id"], waits["kind"]) == (1, "orphan stop")
    assert waits["evidence"][0]["wh"] == 1700
    found = await viewer.json("GET", "reviews/1")
    assert found["decisions"] == ["attach", "dismiss"]
    assert found["orphan_stop"]["meter_stop_wh"] == 1700
    assert 3 in [one["transaction_id"] for one in found["fitting_transactions"]]
    problem = await operator.json("POST", "reviews/1/resolve", 409, json={"decision": "end"})
    assert "attach or dismiss it" in problem["detail"]
    decision = {"decision": "attach", "transaction_id": 3, "note": "same card"}
    await viewer.json("POST", "reviews/1/resolve", 403, json=decision)
    done = await operator.json("POST", "reviews/1/resolve", json=decision)
    assert (done["decision"], done["note"], done["decisions"]) == ("attach", "same card", [])
    assert (await viewer.json("GET", "transactions/3"))["energy_wh"] == 700
    again = await operator.json("POST", "reviews/1/resolve", 409, json=decision)
    assert "resolved already" in again["detail"]


async def test_reviews_are_found_by_charge_point_and_by_whether_they_wait(viewer: Client) -> None:
    assert (await viewer.json("GET", "reviews", params={"resolved": True}))["items"] == []
    assert (await viewer.json("GET", "reviews", params={"charge_point_id": "CP9"}))["items"] == []
    assert len((await viewer.json("GET", "reviews", params={"charge_point_id": "CP1"}))["items"])


async def test_who_decided_is_in_the_audit_log(operator: Client, admin: Client) -> None:
    await operator.json("POST", "reviews/1/resolve", json={"decision": "dismiss"})
    (entry,) = (await admin.json("GET", "audit"))["items"]
    assert "operator" in entry["actor"]
    assert entry["path"] == "/api/v1/reviews/1/resolve"
    assert "dismiss" in entry["body"]


async def test_orphaned_stops_are_listed_with_what_was_sent(
    viewer: Client, operator: Client
) -> None:
    (stop,) = (await viewer.json("GET", "orphan-stops", params={"resolved": False}))["items"]
    assert stop["transaction_id"] == -1
    assert isinstance(stop["payload"], dict)
    await operator.json("POST", "reviews/1/resolve", json={"decision": "dismiss"})
    assert (await viewer.json("GET", "orphan-stops", params={"resolved": False}))["items"] == []
    assert len((await viewer.json("GET", "orphan-stops"))["items"]) == 1


async def test_what_is_not_there_is_told(operator: Client) -> None:
    await operator.json("GET", "reviews/9", 404)
    await operator.json("POST", "reviews/9/resolve", 404, json={"decision": "dismiss"})
    await operator.json("POST", "reviews/9/resolve", 400, json={"decision": "forget"})

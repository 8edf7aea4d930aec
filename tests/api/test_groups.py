"""Groups of charge points through the API."""

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.events import WantedConfigurationChanged
from ocpptrio.store import charge_points, events
from ocpptrio.store.driver import Db
from tests.api.conftest import Client


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    def work(db: Db) -> None:
        for identity in ("CP1", "CP2", "a/b"):
            charge_points.add(db, charge_point_id=identity, origin="added", at_us=1)

    await central.store.write(work)
    return central


async def test_a_group_is_there_with_its_first_member_and_gone_with_its_last(
    operator: Client,
) -> None:
    await operator.json("GET", "groups/yard%2F1", 404)
    await operator.json("PUT", "groups/yard%2F1/members/a%2Fb")
    await operator.json("PUT", "groups/yard%2F1/members/CP1")
    await operator.json("PUT", "groups/yard%2F1/members/CP1")
    group = await operator.json("GET", "groups/yard%2F1")
    assert (group["members"], group["charge_points"]) == (2, ["CP1", "a/b"])
    assert (await operator.json("GET", "charge-points/CP1"))["groups"] == ["yard/1"]
    await operator.json("DELETE", "groups/yard%2F1/members/a%2Fb", 204)
    await operator.json("DELETE", "groups/yard%2F1/members/CP1", 204)
    await operator.json("DELETE", "groups/yard%2F1/members/CP1", 404)
    assert (await operator.json("GET", "groups"))["items"] == []


async def test_only_known_charge_points_come_in(operator: Client) -> None:
    problem = await operator.json("PUT", "groups/yard/members/CP9", 404)
    assert "CP9 is not registered" in problem["detail"]
    await operator.json("PUT", "groups/%20/members/CP1", 400)
    await operator.json("PUT", f"groups/{'x' * 101}/members/CP1", 400)
    for name in ("%20", "x" * 101):
        wanted = f"groups/{name}/configuration/wanted/A"
        problem = await operator.json("PUT", wanted, 400, json={"value": "1"})
        assert "1 to 100 characters" in problem["detail"]
    assert (await operator.json("GET", "groups"))["items"] == []


async def test_who_comes_in_or_leaves_is_told_what_the_group_wants(
    central: CentralSystem, operator: Client
) -> None:
    await operator.json("PUT", "groups/yard/configuration/wanted/A", json={"value": "1"})
    number = await central.store.read(events.last_number)
    await operator.json("PUT", "groups/yard/members/CP1")
    await operator.json("PUT", "groups/yard/members/CP1")  # is in it already
    await operator.json("DELETE", "groups/yard", 204)
    later = await central.store.read(lambda reader: events.since(reader, number))
    assert [numbered.event for numbered in later] == [
        WantedConfigurationChanged(charge_point_id="CP1", at_us=numbered.event.at_us, keys=("A",))
        for numbered in later
    ]
    assert len(later) == 2
    await operator.json("GET", "groups/yard", 404)


async def test_groups_come_in_pages_with_what_is_wanted_of_them(operator: Client) -> None:
    for group in ("b", "a", "c"):
        await operator.json("PUT", f"groups/{group}/members/CP1")
    await operator.json("PUT", "groups/a/members/CP2")
    await operator.json("PUT", "groups/d/configuration/wanted/A", json={"value": "1"})
    first = await operator.json("GET", "groups", params={"limit": 2})
    assert first["items"] == [
        {"group": "a", "members": 2, "wanted_keys": 0},
        {"group": "b", "members": 1, "wanted_keys": 0},
    ]
    rest = await operator.json("GET", "groups", params={"cursor": first["next_cursor"]})
    assert [(one["group"], one["members"], one["wanted_keys"]) for one in rest["items"]] == [
        ("c", 1, 0),
        ("d", 0, 1),
    ]

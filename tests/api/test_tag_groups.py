"""Groups of idTags over the API."""

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.store import charge_points
from tests.api.conftest import Client


async def test_a_group_is_settled_changed_and_removed(operator: Client, viewer: Client) -> None:
    terms = {"day_budget_wh": 20_000, "note": "ours"}
    made = await operator.json("PUT", "tag-groups/FAMILY", json=terms)
    assert (made["parent_id_tag"], made["day_budget_wh"], made["tags"]) == ("FAMILY", 20_000, 0)
    changed = await operator.json("PATCH", "tag-groups/family", json={"blocked": True})
    assert (changed["blocked"], changed["note"]) == (True, "ours")
    # What a PUT does not name is taken away, but for when it was made.
    again = await operator.json("PUT", "tag-groups/FAMILY", json={"max_concurrent": 2})
    assert (again["blocked"], again["note"], again["day_budget_wh"]) == (False, None, None)
    assert again["created_at"] == made["created_at"]
    await viewer.json("PUT", "tag-groups/FAMILY", 403, json={})
    await operator.json("DELETE", "tag-groups/FAMILY", 204)
    await operator.json("GET", "tag-groups/FAMILY", 404)
    await operator.json("PATCH", "tag-groups/FAMILY", 404, json={})


async def test_a_group_with_tags_stays(operator: Client) -> None:
    for tag in ("A", "B"):
        await operator.json("POST", "tags", 201, json={"id_tag": tag, "parent_id_tag": "G"})
    assert (await operator.json("GET", "tag-groups/G"))["tags"] == 2
    problem = await operator.json("DELETE", "tag-groups/G", 409)
    assert "A is in G; take its tags out first" in problem["detail"]


async def test_groups_are_listed_in_pages_with_their_sizes_and_rights(
    central: CentralSystem, operator: Client
) -> None:
    await central.store.write(
        lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=1)
    )
    for group in ("A", "B", "C"):
        await operator.json("PUT", f"tag-groups/{group}", json={"note": f"of {group}"})
    await operator.json("PUT", "tag-groups/B/rights", json={"charge_points": ["CP1"]})
    await operator.json("POST", "tags", 201, json={"id_tag": "T", "parent_id_tag": "b"})
    first = await operator.json("GET", "tag-groups", params={"limit": 2})
    assert [(one["parent_id_tag"], one["tags"]) for one in first["items"]] == [("A", 0), ("B", 1)]
    assert first["items"][1]["rights"]["charge_points"] == ["CP1"]
    more = {"limit": 2, "cursor": first["next_cursor"]}
    second = await operator.json("GET", "tag-groups", params=more)
    assert [one["parent_id_tag"] for one in second["items"]] == ["C"]
    found = await operator.json("GET", "tag-groups", params={"search": "OF C"})
    assert [one["parent_id_tag"] for one in found["items"]] == ["C"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_two_who_edit_the_same_group_do_not_undo_each_other(
    operator: Client, method: str
) -> None:
    made = await operator.put("tag-groups/G", json={})
    seen = {"If-Match": made.headers["etag"]}
    await operator.json("PATCH", "tag-groups/G", json={"note": "mine"}, headers=seen)
    body = {} if method == "DELETE" else {"json": {"note": "yours"}}
    await operator.json(method, "tag-groups/G", 412, headers=seen, **body)
    assert (await operator.json("GET", "tag-groups/G"))["note"] == "mine"

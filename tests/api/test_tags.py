"""idTags over the API: who may charge, and why."""

from typing import Any
from urllib.parse import quote

import pytest
import trio

from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import StoreError
from ocpptrio.services import tags_csv
from ocpptrio.store import charge_points, id_tags
from ocpptrio.store.driver import Db
from ocpptrio.store.records import IdTagRecord
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import Client, token_for
from tests.api.test_streams import opened

TERMS = {
    "expires_at": "2099-01-01T00:00:00Z",
    "blocked": True,
    "max_concurrent": 0,
    "week_times": "Mon-Fri 08:00-18:00",
    "day_budget_wh": 20_000,
    "month_budget_wh": None,
    "note": "the blue one",
}


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    await central.store.write(
        lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=1)
    )
    return central


async def test_a_tag_is_shown_as_it_was_sent(operator: Client, viewer: Client) -> None:
    sent = TERMS | {
        "id_tag": "04A1B2C3",
        "parent_id_tag": "FAMILY",
        "rights": {"charge_points": ["CP1"], "charge_point_groups": []},
    }
    made = await operator.json("POST", "tags", 201, json=sent)
    assert made.pop("created_at").endswith("Z")
    assert made == sent
    found = await viewer.json("GET", "tags/04a1b2c3")
    assert found["budgets"] == [{"period": "day", "limit_wh": 20_000, "spent_wh": 0}]
    assert found["running"] == []
    assert (await viewer.json("GET", "tag-groups/family"))["tags"] == 1


async def test_a_tag_is_made_up_if_none_is_named(operator: Client) -> None:
    first = await operator.json("POST", "tags", 201, json={})
    second = await operator.json("POST", "tags", 201, json={})
    assert len(first["id_tag"]) == 14
    assert first["id_tag"] != second["id_tag"]


async def test_what_is_not_sent_stays_and_null_takes_away(operator: Client) -> None:
    await operator.json("POST", "tags", 201, json=TERMS | {"id_tag": "A", "parent_id_tag": "G"})
    changed = await operator.json("PATCH", "tags/a", json={"blocked": False, "expires_at": None})
    assert (changed["blocked"], changed["expires_at"]) == (False, None)
    assert (changed["note"], changed["parent_id_tag"]) == ("the blue one", "G")
    changed = await operator.json("PATCH", "tags/A", json={"parent_id_tag": None, "note": ""})
    assert (changed["parent_id_tag"], changed["note"]) == (None, None)


async def test_rights_are_replaced_and_name_what_is_there(operator: Client) -> None:
    await operator.json("POST", "tags", 201, json={"id_tag": "A"})
    there = {"charge_points": ["CP1"]}
    assert (await operator.json("PUT", "tags/A/rights", json=there))["rights"] == {
        "charge_points": ["CP1"],
        "charge_point_groups": [],
    }
    problem = await operator.json("PUT", "tags/A/rights", 409, json={"charge_points": ["CP9"]})
    assert "CP9 is not registered" in problem["detail"]
    lost = {"charge_point_groups": ["yard"]}
    assert "yard" in (await operator.json("PATCH", "tags/A", 409, json={"rights": lost}))["detail"]
    # Nothing is half done.
    await operator.json("POST", "tags", 409, json={"id_tag": "B", "rights": lost})
    await operator.json("GET", "tags/B", 404)
    everywhere = await operator.json("PUT", "tags/A/rights", json={})
    assert everywhere["rights"]["charge_points"] == []


async def test_two_who_edit_the_same_tag_do_not_undo_each_other(operator: Client) -> None:
    created = await operator.post("tags", json={"id_tag": "A"})
    seen = {"If-Match": created.headers["etag"]}
    got = await operator.get("tags/a")
    assert got.headers["etag"] == created.headers["etag"]
    await operator.json("PATCH", "tags/A", json={"note": "mine"}, headers=seen)
    await operator.json("PATCH", "tags/A", 412, json={"note": "yours"}, headers=seen)
    await operator.json("PUT", "tags/A/rights", 412, json={}, headers=seen)
    await operator.json("DELETE", "tags/A", 412, headers=seen)
    assert (await operator.json("GET", "tags/A"))["note"] == "mine"


async def test_a_tag_goes_and_is_gone(operator: Client, viewer: Client) -> None:
    await operator.json("POST", "tags", 201, json={"id_tag": "A"})
    problem = await operator.json("POST", "tags", 409, json={"id_tag": "a"})
    assert "there already" in problem["detail"]
    await viewer.json("DELETE", "tags/A", 403)
    await operator.json("DELETE", "tags/A", 204)
    await operator.json("DELETE", "tags/A", 404)
    await operator.json("PATCH", "tags/A", 404, json={"blocked": True})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id_tag": "X" * 21}, "id_tag"),
        ({"id_tag": " A"}, "id_tag"),
        ({"id_tag": ""}, "id_tag"),  # a form that was not filled in: no tag is made up
        ({"id_tag": "A", "week_times": "always"}, "week_times"),
        ({"id_tag": "A", "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"id_tag": "A", "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"id_tag": "A", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"id_tag": "A", "day_budget_wh": -1}, "day_budget_wh"),
        ({"id_tag": "A", "max_concurrent": 2**70}, "max_concurrent"),
        ({"id_tag": "A", "parent_id_tag": "\t"}, "parent_id_tag"),
        ({"id_tag": "A", "colour": "blue"}, "colour"),
    ],
)
async def test_bad_terms_are_told_with_their_field(
    operator: Client, body: dict[str, Any], field: str
) -> None:
    problem = await operator.json("POST", "tags", 400, json=body)
    assert field in problem["detail"] + str(problem["errors"])


async def test_tags_are_found_by_search_group_and_blocked(operator: Client) -> None:
    for number in range(5):
        terms = {"id_tag": f"TAG_{number}", "blocked": number == 1, "note": f"Ärztin Nr. {number}"}
        group = {"parent_id_tag": "FLEET"} if number > 2 else {}
        await operator.json("POST", "tags", 201, json=terms | group)

    async def found(**filters: Any) -> list[str]:
        items = (await operator.json("GET", "tags", params=filters))["items"]
        return [item["id_tag"] for item in items]

    assert await found(search="g_3") == ["TAG_3"]
    assert await found(search="nr. 2") == ["TAG_2"]
    assert await found(search="Ärztin NR. 3") == ["TAG_3"]
    assert await found(search="flee") == ["TAG_3", "TAG_4"]
    assert await found(search="%") == []
    assert await found(parent_id_tag="fleet") == ["TAG_3", "TAG_4"]
    assert await found(blocked=True) == ["TAG_1"]
    assert await found(blocked=False, limit=2) == ["TAG_0", "TAG_2"]
    first = await operator.json("GET", "tags", params={"limit": 3})
    more = {"limit": 3, "cursor": first["next_cursor"]}
    assert await found(**more) == ["TAG_3", "TAG_4"]


async def test_the_verdict_says_why_a_tag_may_not_charge_here_now(operator: Client) -> None:
    await operator.json("POST", "tags", 201, json={"id_tag": "A", "blocked": True})
    found = await operator.json("GET", "tags/A/verdict", params={"charge_point_id": "CP1"})
    assert (found["status"], found["reason"]) == ("Blocked", "tag A is blocked")
    assert (found["charged_to"], found["asks_external"]) == ("A", False)
    found = await operator.json("GET", "tags/B/verdict", params={"charge_point_id": "CP1"})
    assert found["status"] == "Invalid"
    await operator.json("GET", "tags/A/verdict", 404, params={"charge_point_id": "CP9"})
    await operator.json("GET", "tags/A/verdict", 400)
    late = {"charge_point_id": "CP1", "at": "9999-12-31T00:00:00Z"}
    await operator.json("GET", "tags/A/verdict", 400, params=late)


async def send(client: Client, text: str, status: int = 200) -> Any:  # Any: JSON
    return await client.json(
        "POST", "tags.csv", status, content=text, headers={"Content-Type": "text/csv"}
    )


async def test_what_was_exported_imports_as_it_was(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpptrio.api.routes.tags.PAGE", 1)
    right = {"rights": {"charge_points": ["CP1"]}}
    await operator.json("POST", "tags", 201, json=TERMS | {"id_tag": "=A", "note": "'=1+1"})
    await operator.json("POST", "tags", 201, json={"id_tag": "B", "parent_id_tag": "G"} | right)
    before = (await operator.json("GET", "tags"))["items"]
    exported = (await operator.get("tags.csv")).text
    assert ",=A" not in exported
    assert "\n'=A," in exported
    assert "''=1+1" in exported
    for tag in ("=A", "B"):
        await operator.json("DELETE", f"tags/{tag}", 204)
    assert await send(operator, exported) == {"added": 2, "changed": 0}
    assert (await operator.json("GET", "tags"))["items"] == before
    assert await send(operator, exported) == {"added": 0, "changed": 2}


async def test_an_import_is_all_or_nothing_and_names_the_lines(operator: Client) -> None:
    text = "id_tag;blocked\nA;yes\nB;perhaps\nC C C C C C C C C C C;no\n"
    problem = await send(operator, text, 400)
    assert [error["field"] for error in problem["errors"]] == ["line 3", "line 4"]
    assert "nothing was imported" in problem["detail"]
    assert (await operator.json("GET", "tags"))["items"] == []
    await send(operator, f"id_tag,max_concurrent\nA,{'9' * 30}\n", 400)
    await send(operator, "", 400)
    await operator.json(
        "POST", "tags.csv", 400, content=b"id_tag\n\xff", headers={"Content-Type": "text/csv"}
    )
    await operator.json("POST", "tags.csv", 415, json={"id_tag": "A"})


async def test_others_write_while_a_file_is_imported(
    central: CentralSystem,
    operator: Client,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tags_csv, "AT_ONCE", 2)
    monkeypatch.setattr(tags_csv, "PAUSE_S", 0)
    nursery.start_soon(send, operator, "id_tag\n" + "\n".join("ABCDEF"))
    seen: list[int] = []
    while not seen or seen[-1] < 6:
        seen.append(await central.store.write(lambda db: len(id_tags.everyone(db))))
    assert {2, 4} <= set(seen)


async def test_an_import_that_is_cut_short_says_how_far_it_came(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = id_tags.put

    def until_the_disk_is_full(db: Db, record: IdTagRecord) -> None:
        if record.id_tag == "E":
            raise StoreError("the disk is full")
        put(db, record)

    text = "id_tag\n" + "\n".join("ABCDE")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(tags_csv, "AT_ONCE", 2)
        meanwhile.setattr(id_tags, "put", until_the_disk_is_full)
        problem = await send(operator, text, 503)
    assert problem["detail"] == (
        "the disk is full; 4 of 5 tags were imported: import the file again"
    )
    assert [tag["id_tag"] for tag in (await operator.json("GET", "tags"))["items"]] == [*"ABCD"]
    assert await send(operator, text) == {"added": 1, "changed": 4}


async def test_any_tag_and_group_can_stand_in_a_path() -> None:
    """Over a socket: the server decodes paths before we see them."""
    async with opened() as serving:
        operator = Client(
            base_url=f"http://127.0.0.1:{serving.port}/api/v1",
            headers={"Authorization": f"Bearer {await token_for(serving.central, Role.OPERATOR)}"},
        )
        await serving.register("CP/1")
        async with operator:
            for name in ("a/b", "a%2Fb", "50%", "%25", "//", "a b?c#d", "Ä;+&=", "x/verdict"):
                await use(operator, name)


async def use(operator: Client, name: str) -> None:
    tag, group = (f"{kind}/{quote(name, safe='')}" for kind in ("tags", "tag-groups"))
    new = {"id_tag": name, "parent_id_tag": name}
    assert (await operator.json("POST", "tags", 201, json=new))["id_tag"] == name
    for path, field in ((tag, "id_tag"), (group, "parent_id_tag")):
        assert (await operator.json("GET", path))[field] == name
        assert (await operator.json("PATCH", path, json={"note": "seen"}))[field] == name
        right = {"charge_points": ["CP/1"]}
        found = await operator.json("PUT", f"{path}/rights", json=right)
        assert (found[field], found["rights"]["charge_points"]) == (name, ["CP/1"])
    asked = {"charge_point_id": "CP/1"}
    assert (await operator.json("GET", f"{tag}/verdict", params=asked))["id_tag"] == name
    assert (await operator.json("PUT", group, json={"note": "anew"}))["parent_id_tag"] == name
    listed = (await operator.json("GET", "tags", params={"parent_id_tag": name}))["items"]
    assert [item["id_tag"] for item in listed] == [name]
    await operator.json("DELETE", tag, 204)
    await operator.json("DELETE", group, 204)

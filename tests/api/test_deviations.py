"""Deviations and conditions through the API."""

from typing import Any

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.events import ConditionCleared, ConditionKind, ConditionRaised
from ocpptrio.handshake import IDENTITY_LENGTH
from ocpptrio.protocol.datatypes import Deviation, DeviationKind
from ocpptrio.store import charge_points, conditions, deviations
from ocpptrio.store.driver import Db
from tests.api.conftest import Client
from tests.clients import charge_point

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    def work(db: Db) -> None:
        for identity in ("CP1", "CP2"):
            charge_points.add(db, charge_point_id=identity, origin="added", at_us=NOON_US)
            for field in ("a", "b", "c"):
                deviations.note(
                    db,
                    charge_point_id=identity,
                    action="MeterValues",
                    deviation=Deviation(field, DeviationKind.WRONG_TYPE, '"1"'),
                    at_us=NOON_US,
                )

    await central.store.write(work)
    return central


async def listed(client: Client, path: str, limit: int, **parameters: Any) -> list[tuple[str, str]]:
    """Identity and field of all deviations, page by page."""
    seen: list[tuple[str, str]] = []
    turn: dict[str, Any] = {}
    while True:
        page = await client.json("GET", path, params={"limit": limit} | turn | parameters)
        seen += [(item["charge_point_id"], item["field"]) for item in page["items"]]
        turn = {"cursor": page["next_cursor"]}
        if page["next_cursor"] is None:
            return seen


async def test_deviations_come_in_pages_in_plain_words(viewer: Client) -> None:
    everyone = [(identity, field) for identity in ("CP1", "CP2") for field in ("a", "b", "c")]
    assert await listed(viewer, "deviations", 2) == everyone
    assert await listed(viewer, "deviations", 2, charge_point_id="CP2") == everyone[3:]
    assert await listed(viewer, "charge-points/CP1/deviations", 1) == everyone[:3]
    (first, *_) = (await viewer.json("GET", "deviations"))["items"]
    assert first["what"] == "a value has another JSON type than its field"
    await viewer.json("GET", "charge-points/CP9/deviations", 404)
    await viewer.json("GET", "deviations", 400, params={"cursor": "ImEi"})


async def test_the_report_for_the_maker_covers_id_tags(
    central: CentralSystem, viewer: Client
) -> None:
    async with charge_point(central, "CP3") as point:
        await point.boot()
        await point.call("Authorize", {"idTag": "SECRETTAG", "more": 1})
        report = await viewer.json("GET", "charge-points/CP3/deviations/report")
        assert report["entries"][0]["kind"] == "unknown field"
        for kind, media_type in (("txt", "text/plain"), ("md", "text/markdown")):
            answer = await viewer.get(f"charge-points/CP3/deviations/report.{kind}")
            assert answer.headers["content-type"].startswith(media_type)
            assert "Deviations from OCPP 1.6-J" in answer.text
            assert "Authorize" in answer.text
            assert "SECRETTAG" not in answer.text


async def test_deviations_are_forgotten(operator: Client) -> None:
    assert await operator.json("DELETE", "charge-points/CP1/deviations") == {"cleared": 3}
    assert len((await operator.json("GET", "deviations"))["items"]) == 3
    await operator.json("DELETE", "charge-points/CP9/deviations", 404)


async def test_conditions_are_those_that_are_open_unless_all_are_asked_for(
    central: CentralSystem, viewer: Client
) -> None:
    def work(db: Db) -> None:
        for identity in ("CP1", "CP2"):
            conditions.raise_(
                db,
                ConditionRaised(
                    charge_point_id=identity,
                    at_us=NOON_US,
                    condition=ConditionKind.STUCK_PREPARING,
                    connector_id=1,
                    since_us=NOON_US,
                    evidence="since an hour",
                ),
            )
        conditions.clear(
            db,
            ConditionCleared(
                charge_point_id="CP1",
                at_us=NOON_US,
                condition=ConditionKind.STUCK_PREPARING,
                connector_id=1,
            ),
        )

    await central.store.write(work)
    (one,) = (await viewer.json("GET", "conditions"))["items"]
    assert (one["charge_point_id"], one["kind"], one["since"]) == (
        "CP2",
        "stuck in Preparing",
        "2026-11-22T12:00:00Z",
    )
    everyone = await viewer.json("GET", "conditions", params={"all": True, "limit": 1})
    assert everyone["items"][0]["charge_point_id"] == "CP2"
    rest = await viewer.json(
        "GET", "conditions", params={"all": True, "cursor": everyone["next_cursor"]}
    )
    assert [item["charge_point_id"] for item in rest["items"]] == ["CP1"]
    (wrong,) = (await viewer.json("GET", "charge-points/CP2"))["conditions"]
    assert wrong == one
    assert (await viewer.json("GET", "charge-points/CP1"))["conditions"] == []


async def test_the_longest_names_come_in_pages_too(central: CentralSystem, viewer: Client) -> None:
    longest = "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * IDENTITY_LENGTH

    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id=longest, origin="added", at_us=NOON_US)
        for number in range(3):
            deviations.note(
                db,
                charge_point_id=longest,
                action="MeterValues",
                deviation=Deviation(f"field{number}" * 20, DeviationKind.WRONG_TYPE, '"1"'),
                at_us=NOON_US,
            )

    await central.store.write(work)
    assert len(await listed(viewer, "deviations", 1, charge_point_id=longest)) == 3

"""Transactions over the API: lists, one with all that is known, readings, files, and their end."""

import csv
from io import StringIO
from typing import Any

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.services.flags import meaning
from ocpptrio.store import meter_readings, reviews, transactions
from ocpptrio.store.driver import Db
from ocpptrio.store.records import MeterReading
from ocpptrio.store.vocabulary import ReviewKind
from tests.api.conftest import Client
from tests.cli.test_transactions import NOON_US, measure, start, stop

SIGNED = '[{"value":"OCMF|{}","format":"SignedData","measurand":"Energy.Active.Import.Register"}]'


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    """1: stopped, oddly. 2: superseded by 3. 3: runs. 4: at CP2, and waits for a person."""

    def work(db: Db) -> None:
        first = start(db, "Anna")
        measure(db, first, 5, 2000)
        measure(db, first, 10, 3000)
        stop(db, first, hours=1, flags=("meter stop below start", "stop sent for id 7"))
        second = start(db, "=1+1", hours=2)
        third = start(db, "Carl", hours=3)
        transactions.supersede(db, second, third)
        measure(db, third, 200, 1250)
        fourth = start(db, "Anna", charge_point="CP2", hours=24)
        reviews.open_(
            db,
            ReviewKind.SUSPECT,
            charge_point_id="CP2",
            at_us=NOON_US,
            evidence=(),
            transaction_id=fourth,
        )

    await central.store.write(work)
    return central


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, [4, 3, 2, 1]),
        ({"charge_point_id": "CP2"}, [4]),
        ({"id_tag": "ANNA"}, [4, 1]),
        ({"state": "open"}, [4, 3]),
        ({"since": "2026-11-22T14:00:00Z", "until": "2026-11-22T15:00:00Z"}, [2]),
        ({"since": "2026-11-22T15:00:00+01:00", "until": "2026-11-22T15:30:00+00:00"}, [3, 2]),
        ({"needs_review": True}, [4]),
        ({"needs_review": False, "charge_point_id": "CP1"}, [3, 2, 1]),
    ],
)
async def test_the_list_holds_what_fits_all_filters(
    viewer: Client, filters: dict[str, Any], ids: list[int]
) -> None:
    found = await viewer.json("GET", "transactions", params=filters)
    assert [item["transaction_id"] for item in found["items"]] == ids
    assert found["next_cursor"] is None


async def test_the_list_comes_in_pages(viewer: Client) -> None:
    first = await viewer.json("GET", "transactions", params={"limit": 3})
    assert [item["transaction_id"] for item in first["items"]] == [4, 3, 2]
    second = await viewer.json(
        "GET", "transactions", params={"limit": 3, "cursor": first["next_cursor"]}
    )
    assert [item["transaction_id"] for item in second["items"]] == [1]
    assert second["next_cursor"] is None


async def test_times_are_rfc_3339_and_what_runs_tells_its_energy_so_far(viewer: Client) -> None:
    items = (await viewer.json("GET", "transactions"))["items"]
    assert items[1]["energy_so_far_wh"] == 250
    assert items[1]["energy_wh"] is None
    assert items[3]["started_at"] == "2026-11-22T12:00:00Z"
    assert items[3]["energy_wh"] == 12_345
    assert "id_tag_key" not in items[3]


@pytest.mark.parametrize(
    "filters",
    [
        {"since": "2026-11-22T14:00:00"},
        {"since": "yesterday"},
        {"state": "running"},
        {"limit": 1001},
        {"cursor": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"},
    ],
)
async def test_a_filter_that_cannot_be_read_is_told(
    viewer: Client, filters: dict[str, Any]
) -> None:
    problem = await viewer.json("GET", "transactions", 400, params=filters)
    assert next(iter(filters)) in str(problem["errors"])


async def test_one_transaction_has_its_flags_explained_and_what_was_concluded(
    viewer: Client, operator: Client
) -> None:
    found = await viewer.json("GET", "transactions/1")
    assert [one["flag"] for one in found["odd"]] == ["meter stop below start", "stop sent for id 7"]
    assert all(one["meaning"] for one in found["odd"])
    assert found["reviews"] == found["conclusions"] == found["commands"] == []
    ended = await operator.json("POST", "transactions/4/end", json={"note": "seen on video"})
    assert ended == await viewer.json("GET", "transactions/4")
    (concluded,) = ended["conclusions"]
    assert (concluded["conclusion"], concluded["confidence"]) == ("ended", "certain")
    assert "seen on video" in [fact["detail"] for fact in concluded["evidence"]]
    assert ended["reviews"][0]["kind"] == "suspect"
    await viewer.json("GET", "transactions/999", 404)
    await viewer.json("GET", f"transactions/{2**63}", 400)


def test_every_flag_has_a_meaning() -> None:
    assert meaning("clock not set")
    assert meaning("stop sent for id -1")
    assert meaning("of another version") == ""


async def test_a_person_ends_a_transaction(operator: Client, viewer: Client) -> None:
    await viewer.json("POST", "transactions/3/end", 403, json={})
    given = {"at": "2026-11-22T16:00:00Z", "meter_wh": 3500}
    ended = await operator.json("POST", "transactions/3/end", json=given)
    assert (ended["state"], ended["energy_wh"], ended["energy_source"]) == (
        "concluded",
        2500,
        "person",
    )
    assert ended["concluded_at"] == "2026-11-22T16:00:00Z"
    # Below its start: the answer says what to do.
    problem = await operator.json("POST", "transactions/3/end", 409, json={"meter_wh": 1})
    assert "give the energy instead" in problem["detail"]
    await operator.json("POST", "transactions/999/end", 404, json={})
    for wrong in ({"at": "2026-11-22T16:00:00"}, {"meter_wh": -1}, {"at": "1969-01-01T00:00:00Z"}):
        await operator.json("POST", "transactions/3/end", 400, json=wrong)


async def test_readings_come_in_pages_the_oldest_first(
    central: CentralSystem, viewer: Client
) -> None:
    def again(db: Db) -> None:  # another one of the same instant
        measure(db, 1, 5, 2001)
        db.run("UPDATE meter_readings SET digest = -9 WHERE energy_wh = 2000")
        measure(db, 1, 5, 2002)

    await central.store.write(again)
    seen: list[float] = []
    cursor = None
    while True:
        parameters = {"limit": 1} | ({} if cursor is None else {"cursor": cursor})
        found = await viewer.json("GET", "transactions/1/readings", params=parameters)
        seen += [item["energy_wh"] for item in found["items"]]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert seen == [2000, 2002, 3000]
    await viewer.json("GET", "transactions/999/readings", 404)
    bad = {"cursor": "Im5vbmUgb2Ygb3VycyI"}  # "none of ours", as our cursors are made
    huge = {"cursor": "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMCwxXQ"}  # [100000000000000000000,1]
    await viewer.json("GET", "transactions/1/readings", 400, params=huge)
    await viewer.json("GET", "transactions/1/readings", 400, params=bad)


async def test_signed_values_come_out_as_they_came(central: CentralSystem, viewer: Client) -> None:
    def work(db: Db) -> None:
        for minute in (50, 51):
            at_us = NOON_US + minute * 60_000_000
            reading = MeterReading(
                charge_point_id="CP1",
                connector_id=1,
                transaction_id=1,
                measured_at_us=at_us,
                received_at_us=at_us,
                context="Transaction.End",
                sampled_values=SIGNED,
                digest=minute,
            )
            meter_readings.insert(db, reading)

    await central.store.write(work)
    first = await viewer.json("GET", "transactions/1/signed-data", params={"limit": 1})
    assert first["items"] == [
        {
            "measured_at": "2026-11-22T12:50:00Z",
            "context": "Transaction.End",
            "measurand": "Energy.Active.Import.Register",
            "value": "OCMF|{}",
        }
    ]
    more = {"limit": 1, "cursor": first["next_cursor"]}
    second = await viewer.json("GET", "transactions/1/signed-data", params=more)
    assert second["items"][0]["measured_at"] == "2026-11-22T12:51:00Z"
    assert second["next_cursor"] is None


async def test_the_csv_holds_all_that_fit_and_no_formula(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpptrio.api.routes.transactions.PAGE", 2)
    answer = await viewer.get("transactions.csv", params={"charge_point_id": "CP1"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "transactions.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["transaction_id"] for row in rows] == ["3", "2", "1"]
    assert rows[1]["id_tag"] == "'=1+1"
    assert rows[2]["stopped_at"] == "2026-11-22T13:00:00Z"
    await viewer.json("GET", "transactions.csv", 400, params={"since": "2026-11-22T13:00:00"})

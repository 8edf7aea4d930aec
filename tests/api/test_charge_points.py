"""The charge points through the API: what is shown of them, and what is changed."""

from typing import Any
from urllib.parse import quote

import pytest

from ocpptrio.api.paths import apart
from ocpptrio.central_system import CentralSystem
from ocpptrio.passwords import Passwords
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.store import (
    attempts,
    charge_point_groups,
    charge_points,
    connectors,
    events,
    id_tags,
)
from ocpptrio.store.driver import Db, Reader, Row, SqlValue
from ocpptrio.store.records import ChargePointRecord, ConnectorRecord, IdTagRecord
from tests.api.conftest import Client
from tests.clients import RawChargePoint, charge_point, now

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC

ODD = (
    "a/b",
    "50%",
    "50%25",
    "a%2Fb",
    "/",
    "a//b/",
    "Köln 1",
    "RDAM|123",
    "x?y#z",
    "a;b=c",
    "..x",
    "not good:",
)


async def register(central: CentralSystem, *identities: str) -> None:
    def work(db: Db) -> None:
        for identity in identities:
            charge_points.add(db, charge_point_id=identity, origin="added", at_us=NOON_US)

    await central.store.write(work)


async def record(central: CentralSystem, identity: str = "CP1") -> ChargePointRecord:
    found = await central.store.read(lambda reader: charge_points.get(reader, identity))
    assert found is not None
    return found


async def turned_away(central: CentralSystem, identity: str, reason: str = "unknown") -> None:
    await central.store.write(
        lambda db: attempts.note(
            db, charge_point_id=identity, peer="10.0.0.7", reason=reason, at_us=NOON_US
        )
    )


async def identities(client: Client, **parameters: Any) -> list[str]:
    found = await client.json("GET", "charge-points", params=parameters)
    return [item["charge_point_id"] for item in found["items"]]


async def charging(point: RawChargePoint) -> int:
    """Boot and charge at connector 1, with two meter readings."""
    await point.boot()
    await point.call(
        "StatusNotification",
        {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": now()},
    )
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 1000, "timestamp": now()}
    transaction = (await point.call("StartTransaction", start))["transactionId"]
    for sampled in (
        [
            {"value": "4000", "measurand": "Power.Active.Import"},
            {"value": "41", "measurand": "SoC"},
            {"value": "1500"},
        ],
        [{"value": "7400", "measurand": "Power.Active.Import"}, {"value": "2500"}],
    ):
        await point.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": transaction,
                "meterValue": [{"timestamp": now(), "sampledValue": sampled}],
            },
        )
    assert isinstance(transaction, int)
    return transaction


# What is shown.


async def test_the_list_shows_a_charge_point_as_it_is_now(
    central: CentralSystem, viewer: Client
) -> None:
    async with charge_point(central) as point:
        transaction = await charging(point)
        await central.store.write(lambda db: charge_point_groups.put(db, "yard", "CP1"))
        found = await viewer.json("GET", "charge-points")
        (item,) = found["items"]
        assert item["connected"]
        assert (item["vendor"], item["mode"], item["registration"]) == (
            "VendorX",
            "everybody",
            "Accepted",
        )
        assert item["groups"] == ["yard"]
        assert [(one["connector_id"], one["status"]) for one in item["connectors"]] == [
            (1, "Charging")
        ]
        (running,) = item["transactions"]
        assert running["transaction_id"] == transaction
        assert (running["power_w"], running["energy_wh"], running["soc_percent"]) == (
            7400,
            1500,
            41,
        )
        assert item["conditions"] == []
        assert "password_hash" not in item
        assert found["urls"] == [f"ws://127.0.0.1:{central.addresses[0][1]}/ocpp/"]


async def test_live_events_go_on_where_the_list_ends(
    central: CentralSystem, viewer: Client
) -> None:
    async with charge_point(central) as point:
        await charging(point)
        number = (await viewer.json("GET", "charge-points"))["event_number"]
        assert number == await central.store.read(events.last_number)
        one = await viewer.json("GET", "charge-points/CP1")
        assert one["event_number"] == number
        await point.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Finishing", "timestamp": now()},
        )
        later = await central.store.read(lambda reader: events.since(reader, number))
        assert [numbered.event.kind for numbered in later] == ["StatusChanged"]


async def test_one_charge_point_is_shown_with_all_that_is_known(
    central: CentralSystem, viewer: Client
) -> None:
    async with charge_point(central) as point:
        await charging(point)
        one = await viewer.json("GET", "charge-points/CP1")
    assert one["transactions"][0]["id_tag"] == "TAG"
    assert one["provisioning"]["state"] is None
    assert (one["clock_skew_s"], one["vendor_profile"]) == (None, None)
    assert one["deviations"]["ways"] == 0
    (connector,) = (await viewer.json("GET", "charge-points/CP1/connectors"))["items"]
    assert connector["status"] == "Charging"
    profile = await viewer.json("GET", "charge-points/CP1/vendor-profile")
    assert (profile["name"], profile["pings"]) == ("none", True)


async def test_the_list_is_searched_and_filtered(central: CentralSystem, viewer: Client) -> None:
    await register(central, "berlin-1", "berlin-2", "köln_1", "köln-2")

    def work(db: Db) -> None:
        charge_points.edit(db, "köln-2", NOON_US, note="Behind the BERLIN gate")
        charge_points.edit(db, "köln_1", NOON_US, note="Ähre im Südhof")
        charge_points.connected(db, "berlin-2", peer="10.0.0.7", at_us=NOON_US)
        charge_point_groups.put(db, "yard", "köln_1")
        connectors.put(
            db,
            ConnectorRecord(
                charge_point_id="köln_1",
                connector_id=1,
                status=ChargePointStatus.FAULTED,
                error_code=ChargePointErrorCode.OTHER_ERROR,
                status_at_us=NOON_US,
                received_at_us=NOON_US,
            ),
        )

    await central.store.write(work)
    assert await identities(viewer, search="Berlin") == ["berlin-1", "berlin-2", "köln-2"]
    assert await identities(viewer, search="_1") == ["köln_1"]
    assert await identities(viewer, search="Ähre IM") == ["köln_1"]
    assert await identities(viewer, search="%") == []
    assert await identities(viewer, connected="true") == ["berlin-2"]
    assert await identities(viewer, connected="false", search="berlin-") == ["berlin-1"]
    assert await identities(viewer, group="yard") == ["köln_1"]
    assert await identities(viewer, connector_status="Faulted") == ["köln_1"]
    assert await identities(viewer, registration="Rejected") == []
    await viewer.json("GET", "charge-points", 400, params={"registration": "Maybe"})


async def test_the_list_comes_in_pages_by_identity(central: CentralSystem, viewer: Client) -> None:
    names = [f"CP{number}" for number in range(5)]
    await register(central, *reversed(names))
    seen: list[str] = []
    cursor = None
    while True:
        parameters = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = await viewer.json("GET", "charge-points", params=parameters)
        seen += [item["charge_point_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == names


class Counting:
    """A reader that counts the queries that it passes on."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.queries = 0

    def rows(self, sql: str, parameters: Any = ()) -> list[Row]:
        self.queries += 1
        return self._reader.rows(sql, parameters)

    def row(self, sql: str, parameters: Any = ()) -> tuple[SqlValue, ...] | None:
        self.queries += 1
        return self._reader.row(sql, parameters)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, central: CentralSystem) -> list[int]:
    """How many queries each read took."""
    counts: list[int] = []
    read = central.store.read

    async def counting(work: Any) -> Any:
        def count(reader: Reader) -> Any:
            counter = Counting(reader)
            result = work(counter)
            counts.append(counter.queries)
            return result

        return await read(count)

    monkeypatch.setattr(central.store, "read", counting)
    return counts


async def test_a_page_takes_as_many_queries_as_one_charge_point(
    central: CentralSystem, viewer: Client, counted: list[int]
) -> None:
    await register(central, *(f"CP{number}" for number in range(50)))
    await identities(viewer, limit=1)
    few = counted.pop()
    await identities(viewer, limit=50)
    assert counted.pop() == few < 10


async def test_an_empty_page_has_what_the_live_events_need(viewer: Client) -> None:
    found = await viewer.json("GET", "charge-points")
    assert (found["items"], found["next_cursor"], found["event_number"]) == ([], None, 0)


# Identities as charge points have them.


@pytest.mark.parametrize("identity", ODD)
async def test_any_identity_of_a_charge_point_can_stand_in_a_path(
    central: CentralSystem, operator: Client, admin: Client, identity: str
) -> None:
    async with charge_point(central, quote(identity, safe="")) as point:
        await point.boot()
    path = f"charge-points/{quote(identity, safe='')}"
    assert (await operator.json("GET", path))["charge_point_id"] == identity
    assert (await operator.json("GET", f"{path}/connectors"))["items"] == []
    await operator.json("PATCH", path, json={"note": "found"})
    assert (await record(central, identity)).note == "found"
    (entry,) = (await admin.json("GET", "audit"))["items"]
    assert entry["path"].count("/") == len(["", "api", "v1", "charge-points", "X"]) - 1


async def test_a_server_that_does_not_tell_the_raw_path_is_taken_as_it_is() -> None:
    assert apart("/api/v1/charge-points/a/b", None) == "/api/v1/charge-points/a/b"
    assert apart("/x/a b", b"/x/a%20b") == "/x/a b"


async def test_names_are_found_below_the_path_that_the_application_is_mounted_at() -> None:
    assert apart("/x/a/b%", b"/charging/station/x/a%2Fb%25") == "/x/a%2Fb%25"
    assert apart("/x/a/b%/", b"/charging/x/a%2Fb%25") == "/x/a%2Fb%25"
    assert apart("/x/a/", b"/charging/x/a%2F") == "/x/a%2F"
    assert apart("/x/a/b%", b"/x/a%2Fb%25?next=/y/z") == "/x/a%2Fb%25"


# What is changed.


async def test_an_added_one_may_connect_with_what_the_answer_says(
    central: CentralSystem, operator: Client, admin: Client
) -> None:
    new = {"charge_point_id": "CP/1", "generate_password": True, "note": "garage", "pending": True}
    added = await operator.json("POST", "charge-points", 201, json=new)
    assert added["urls"] == [f"ws://127.0.0.1:{central.addresses[0][1]}/ocpp/CP%2F1"]
    assert (added["origin"], added["registration"], added["note"]) == ("added", "Pending", "garage")
    assert added["password"] == added["authorization_key"]
    secret = bytes.fromhex(added["password"])
    async with charge_point(central, "CP%2F1", user="CP/1", password=secret) as point:
        assert (await point.boot())["status"] == "Pending"
    again = await operator.get("charge-points/CP%2F1")
    assert added["password"] not in again.text
    assert again.json()["password_set"]
    problem = await operator.json("POST", "charge-points", 409, json=new)
    assert "CP/1 is registered already" in problem["detail"]
    log = await admin.get("audit")
    assert added["password"] not in log.text


async def test_a_password_that_is_sent_is_kept_as_a_hash_alone(
    central: CentralSystem, operator: Client, admin: Client
) -> None:
    new = {"charge_point_id": "CP1", "password": "sixteen letters."}
    added = await operator.json("POST", "charge-points", 201, json=new)
    assert added["password"] is None
    assert added["authorization_key"] == b"sixteen letters.".hex().upper()
    changed = await operator.json(
        "PUT", "charge-points/CP1/password", json={"password": "hunter2hunter"}
    )
    assert changed == {"password": None, "authorization_key": None}
    kept = (await record(central)).password_hash
    assert kept is not None
    assert await Passwords().verify("CP1", kept, b"hunter2hunter")
    made = await operator.json("PUT", "charge-points/CP1/password", json={"generate": True})
    assert len(made["password"]) == 32
    log = await admin.get("audit")
    for secret in (
        "sixteen letters.",
        "hunter2hunter",
        made["password"],
        added["authorization_key"],
    ):
        assert secret not in log.text
    await operator.json("DELETE", "charge-points/CP1/password", 204)
    assert (await record(central)).password_hash is None


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({"charge_point_id": "CP1", "password": "short"}, "password"),
        ({"charge_point_id": "CP1", "password": "contraseña"}, "password"),
        (
            {"charge_point_id": "CP1", "password": "x" * 16, "generate_password": True},
            "not both",
        ),
        ({"charge_point_id": " "}, "1 to 255 visible characters"),
        ({"charge_point_id": "a\u0001b"}, "1 to 255 visible characters"),
        ({"charge_point_id": "a\u202eb"}, "1 to 255 visible characters"),
        ({"charge_point_id": "CP1 "}, "no blanks around"),
        ({"charge_point_id": ".."}, "neither . nor .."),
        ({"charge_point_id": "CP1", "mode": "fixed tag"}, "needs an idTag"),
        ({"charge_point_id": "CP1", "learn_for_s": 60}, "the mode learn takes a time"),
        ({"charge_point_id": "CP1", "mode": "learn", "learn_for_s": 90_000}, "learn_for_s"),
        ({"charge_point_id": "CP1", "hold": True}, "hold"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_registered(
    central: CentralSystem, operator: Client, new: dict[str, Any], said: str
) -> None:
    answer = await operator.post("charge-points", json=new)
    assert answer.status_code == 400
    assert said in answer.text
    assert await central.store.read(charge_points.everyone) == []


async def test_modes_are_set_as_on_the_command_line(
    central: CentralSystem, operator: Client
) -> None:
    await register(central, "CP1")
    problem = await operator.json(
        "PATCH", "charge-points/CP1", 409, json={"mode": "fixed tag", "fixed_id_tag": "house"}
    )
    assert problem["detail"] == "no tag house; add it to the list of tags first"
    assert problem["see"] == "POST /api/v1/tags"
    await central.store.write(
        lambda db: id_tags.put(db, IdTagRecord(id_tag="HOUSE", created_at_us=NOON_US))
    )
    fixed = await operator.json(
        "PATCH", "charge-points/CP1", json={"mode": "fixed tag", "fixed_id_tag": "house"}
    )
    assert (fixed["mode"], fixed["fixed_id_tag"]) == ("fixed tag", "HOUSE")
    learns = await operator.json(
        "PATCH", "charge-points/CP1", json={"mode": "learn", "learn_for_s": 60}
    )
    assert learns["fixed_id_tag"] is None
    left_us = ((await record(central)).learning_ends_at_us or 0) - central.clock()
    assert 50_000_000 < left_us <= 60_000_000
    await operator.json("PATCH", "charge-points/CP1", 400, json={"learn_for_s": 60})
    await operator.json("PATCH", "charge-points/CP1", 400, json={})


async def test_one_that_is_held_is_accepted(central: CentralSystem, operator: Client) -> None:
    await register(central, "CP1")
    held = await operator.json(
        "PATCH",
        "charge-points/CP1",
        json={"registration": "Pending", "until_configured": True},
    )
    assert (held["registration"], held["provisioning"]["accept_when_done"]) == ("Pending", True)
    # When it is held again, nothing of that is left.
    for registration in ("Accepted", "Pending"):
        changed = await operator.json(
            "PATCH", "charge-points/CP1", json={"registration": registration}
        )
        assert not changed["provisioning"]["accept_when_done"]
    wrong = {"registration": "Rejected", "until_configured": True}
    await operator.json("PATCH", "charge-points/CP1", 400, json=wrong)


async def test_two_who_edit_the_same_one_do_not_undo_each_other(
    central: CentralSystem, operator: Client
) -> None:
    await register(central, "CP1")
    seen = {"If-Match": (await operator.get("charge-points/CP1")).headers["etag"]}
    # What changes by itself is no edit.
    async with charge_point(central) as point:
        await point.boot()
    await operator.json("PATCH", "charge-points/CP1", json={"note": "a"}, headers=seen)
    await operator.json("PATCH", "charge-points/CP1", 412, json={"note": "b"}, headers=seen)
    await operator.json(
        "PUT", "charge-points/CP1/password", 412, json={"generate": True}, headers=seen
    )
    await operator.json("DELETE", "charge-points/CP1", 412, headers=seen)
    assert (await record(central)).note == "a"


async def test_a_note_is_taken_off_with_null(central: CentralSystem, operator: Client) -> None:
    await register(central, "CP1")
    await operator.json("PATCH", "charge-points/CP1", json={"note": "a"})
    assert (await operator.json("PATCH", "charge-points/CP1", json={"note": None}))["note"] is None


async def test_a_removed_one_is_cut_off_and_gone(central: CentralSystem, operator: Client) -> None:
    async with charge_point(central) as point:
        await point.boot()
        await operator.json("DELETE", "charge-points/CP1", 204)
        assert central.registry.get("CP1") is None
    problem = await operator.json("GET", "charge-points/CP1", 404)
    assert problem["detail"] == "CP1 is not registered"
    assert problem["see"] == "GET /api/v1/charge-points"


# Who was turned away.


async def test_one_that_was_turned_away_is_adopted(
    central: CentralSystem, operator: Client
) -> None:
    await turned_away(central, "CP/1")
    (attempt,) = (await operator.json("GET", "attempts"))["items"]
    assert attempt["remedy"] == "adopt"
    adopted = await operator.json(
        "POST", "attempts/CP%2F1/adopt", 201, json={"generate_password": True, "note": "new"}
    )
    assert (adopted["origin"], adopted["mode"], adopted["note"]) == ("adopted", "closed", "new")
    assert adopted["password_set"]
    assert adopted["urls"][0].endswith("/ocpp/CP%2F1")
    assert (await operator.json("GET", "attempts"))["items"] == []


async def test_the_attempts_of_one_charge_point_are_told(
    central: CentralSystem, operator: Client
) -> None:
    for charge_point_id in ("CP1", "CP2"):
        await turned_away(central, charge_point_id)
    (attempt,) = (await operator.json("GET", "attempts?charge_point_id=CP1&limit=1"))["items"]
    assert attempt["charge_point_id"] == "CP1"
    assert (await operator.json("GET", "attempts?charge_point_id=CP3"))["items"] == []


async def test_who_has_not_tried_or_is_there_cannot_be_adopted(
    central: CentralSystem, operator: Client
) -> None:
    problem = await operator.json("POST", "attempts/CP1/adopt", 404, json={})
    assert "has not tried to connect" in problem["detail"]
    await register(central, "CP1")
    await turned_away(central, "CP1", "wrong user name or password")
    (attempt,) = (await operator.json("GET", "attempts"))["items"]
    assert attempt["remedy"] == "set password"
    problem = await operator.json("POST", "attempts/CP1/adopt", 409, json={})
    assert "set another" in problem["detail"]


async def test_one_that_speaks_another_version_has_no_remedy_here(
    central: CentralSystem, operator: Client
) -> None:
    await turned_away(central, "CP1", "speaks only ocpp2.0.1")
    (attempt,) = (await operator.json("GET", "attempts"))["items"]
    assert attempt["remedy"] is None

"""The journal and security events over the API."""

import json
from typing import Any

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.store import journal, security
from ocpptrio.store.driver import Db
from tests.api.conftest import Client
from tests.cli.test_transactions import NOON_US
from tests.store.test_journal import FRAMES

SECOND_US = 1_000_000


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    """The frames of the store's tests, one a second from noon on."""
    for number, (charge_point_id, generation, direction, action, unique_id, text) in enumerate(
        FRAMES
    ):
        row = journal.row(
            at_us=NOON_US + number * SECOND_US,
            charge_point_id=charge_point_id,
            generation=generation,
            direction=direction,
            action=action,
            unique_id=unique_id,
            text=text,
        )
        central.store.note(journal.TABLE, row)
    await central.store.write(lambda db: None)
    return central


async def test_messages_come_newest_first_with_question_and_answer_paired(viewer: Client) -> None:
    items = (await viewer.json("GET", "journal"))["items"]
    told = [(one["journal_id"], one["kind"], one["answers"], one["answered_by"]) for one in items]
    assert told == [
        (6, "CALL", None, None),
        (5, "CALLERROR", 4, None),
        (4, "CALL", None, 5),
        (3, "CALL", None, None),
        (2, "CALLRESULT", 1, None),
        (1, "CALL", None, 2),
    ]
    assert items[5] == {
        "journal_id": 1,
        "at": "2026-11-22T12:00:00Z",
        "charge_point_id": "CP1",
        "generation": 1,
        "direction": "in",
        "action": "Heartbeat",
        "unique_id": "1",
        "kind": "CALL",
        "text": '[2,"1","Heartbeat",{}]',
        "answers": None,
        "answered_by": 2,
    }


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"charge_point_id": "CP2"}, [3]),
        ({"action": "Reset"}, [5, 4]),
        ({"direction": "out"}, [4, 2]),
        ({"unique_id": "2"}, []),
        ({"contains": "100%"}, [2]),
        ({"since": "2026-11-22T12:00:01Z", "until": "2026-11-22T12:00:03Z"}, [3, 2]),
    ],
)
async def test_messages_are_filtered_in_list_and_file(
    viewer: Client, filters: dict[str, Any], ids: list[int]
) -> None:
    items = (await viewer.json("GET", "journal", params=filters))["items"]
    assert [item["journal_id"] for item in items] == ids
    lines = (await viewer.get("journal.jsonl", params=filters)).text.splitlines()
    assert [json.loads(line)["journal_id"] for line in lines] == ids[::-1]


async def test_the_journal_comes_in_pages(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await viewer.json("GET", "journal", params={"limit": 4})
    more = {"limit": 4, "cursor": first["next_cursor"]}
    second = await viewer.json("GET", "journal", params=more)
    assert [item["journal_id"] for item in second["items"]] == [2, 1]
    assert second["next_cursor"] is None
    monkeypatch.setattr("ocpptrio.api.routes.journal.PAGE", 2)
    answer = await viewer.get("journal.jsonl")
    assert answer.headers["content-disposition"] == 'attachment; filename="journal.jsonl"'
    of_one = await viewer.get("journal.jsonl", params={"charge_point_id": 'A "B"/1.2'})
    name = 'attachment; filename="journal-A__B__1.2.jsonl"'
    assert of_one.headers["content-disposition"] == name
    assert answer.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line)["text"] for line in answer.text.splitlines()] == [
        frame[-1] for frame in FRAMES
    ]


async def test_one_message_comes_with_its_other_half(viewer: Client) -> None:
    found = await viewer.json("GET", "journal/5")
    assert found["message"]["answers"] == 4
    assert found["pair"]["text"] == '[2,"1","Reset",{"type":"Soft"}]'
    assert (await viewer.json("GET", "journal/6"))["pair"] is None
    await viewer.json("GET", "journal/999", 404)


async def test_security_events_are_listed_newest_first(
    central: CentralSystem, viewer: Client
) -> None:
    def work(db: Db) -> None:
        for number in range(3):
            security.insert_event(
                db,
                charge_point_id=f"CP{number % 2}",
                type="SettingSystemTime",
                occurred_at_us=NOON_US + number,
                received_at_us=NOON_US + number * SECOND_US,
                tech_info=None,
            )

    await central.store.write(work)

    async def found(**filters: Any) -> list[int]:
        items = (await viewer.json("GET", "security-events", params=filters))["items"]
        return [item["security_event_id"] for item in items]

    assert await found() == [3, 2, 1]
    assert await found(charge_point_id="CP0") == [3, 1]
    assert await found(since="2026-11-22T12:00:01Z") == [3, 2]
    first = await viewer.json("GET", "security-events", params={"limit": 1})
    assert await found(cursor=first["next_cursor"]) == [2, 1]

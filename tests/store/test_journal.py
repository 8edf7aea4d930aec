"""The journal: filters, pages, and which answer belongs to which question."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from ocpptrio.store import journal
from ocpptrio.store.driver import Reader, Row, SqlValue, Store
from ocpptrio.store.records import JournalEntry
from ocpptrio.store.vocabulary import Direction

IN, OUT = Direction.IN, Direction.OUT
FRAMES = [  # charge point, generation, direction, action, unique id, text
    ("CP1", 1, IN, "Heartbeat", "1", '[2,"1","Heartbeat",{}]'),
    ("CP1", 1, OUT, "Heartbeat", "1", '[3,"1",{"currentTime":"100%"}]'),
    ("CP2", 1, IN, "Heartbeat", "1", ' [2,"1","Heartbeat",{}]'),
    ("CP1", 1, OUT, "Reset", "1", '[2,"1","Reset",{"type":"Soft"}]'),
    ("CP1", 1, IN, "Reset", "1", '[4,"1","InternalError","a_b",{}]'),
    ("CP1", 2, IN, "Heartbeat", "1", '[2,"1","Heartbeat",{}]'),
]


def _row(*, at_us: int = 0, action: str = "Heartbeat") -> Row:
    return journal.row(
        at_us=at_us,
        charge_point_id="CP1",
        generation=1,
        direction=IN,
        action=action,
        unique_id="1",
        text="[]",
    )


@pytest.fixture
async def entries(store: Store) -> list[JournalEntry]:
    """All frames, entered at the time of their number."""
    for number, (charge_point_id, generation, direction, action, unique_id, text) in enumerate(
        FRAMES, start=1
    ):
        store.note(
            journal.TABLE,
            journal.row(
                at_us=number,
                charge_point_id=charge_point_id,
                generation=generation,
                direction=direction,
                action=action,
                unique_id=unique_id,
                text=text,
            ),
        )
    await store.write(lambda db: None)
    return await store.read(journal.entries)


async def test_entries_come_back_as_they_were(entries: list[JournalEntry]) -> None:
    assert [
        (one.charge_point_id, one.generation, one.direction, one.action, one.unique_id, one.text)
        for one in entries
    ] == FRAMES
    assert [one.at_us for one in entries] == [one.entry for one in entries] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"charge_point_id": "CP2"}, [3]),
        ({"action": "Reset"}, [4, 5]),
        ({"direction": "out"}, [2, 4]),
        ({"since_us": 2, "until_us": 4}, [2, 3]),
        ({"text": "Soft"}, [4]),
        ({"text": "100%"}, [2]),
        ({"text": "a_b"}, [5]),
        ({"text": "%"}, [2]),
        ({"text": "\\"}, []),
        ({"after": 4}, [5, 6]),
        ({"after": 1, "limit": 2}, [2, 3]),
        ({"limit": 2}, [5, 6]),
        ({"before": 5, "limit": 2}, [3, 4]),
        ({"after": 1, "before": 4, "charge_point_id": "CP1"}, [2]),
    ],
)
async def test_entries_are_chosen_by_anything(
    store: Store,
    entries: list[JournalEntry],
    filters: dict[str, Any],  # Any: arguments of any type
    found: list[int],
) -> None:
    chosen = await store.read(lambda reader: journal.entries(reader, **filters))
    assert [entry.entry for entry in chosen] == found


async def test_question_and_answer_belong_together(
    store: Store, entries: list[JournalEntry]
) -> None:
    pairs = [await store.read(partial(journal.pair, entry=entry)) for entry in entries]
    assert [pair and pair.entry for pair in pairs] == [2, 1, None, 5, 4, None]


async def test_entries_of_a_time_are_found_though_the_clock_was_set_back(
    store: Store,
) -> None:
    minute_us = 60_000_000
    times = [minute * minute_us for minute in (*range(100), *range(70, 200))]
    for at_us in times:
        store.note(journal.TABLE, _row(at_us=at_us))
    await store.write(lambda db: db.run("DELETE FROM journal WHERE entry IN (1, 50, 51)"))
    kept = [at_us for entry, at_us in enumerate(times, start=1) if entry not in (1, 50, 51)]
    for since, until in ((0, 200), (50, 51), (80, 90), (150, 500), (300, 400), (-9, 3)):
        since_us, until_us = since * minute_us, until * minute_us

        def work(reader: Reader, since_us: int = since_us, until_us: int = until_us) -> list[int]:
            found = journal.entries(reader, since_us=since_us, until_us=until_us, limit=1000)
            return [entry.at_us for entry in found]

        expected = [at_us for at_us in kept if since_us <= at_us < until_us]
        assert await store.read(work) == expected


@pytest.mark.parametrize("action", ["Heartbeat", "BootNotification", ""])
async def test_entries_are_found_by_action_whether_it_is_rare_or_not(
    store: Store, action: str
) -> None:
    for each in ("Heartbeat", "BootNotification", "", "Heartbeat"):
        store.note(journal.TABLE, _row(action=each))
    await store.write(lambda db: None)
    found = await store.read(lambda reader: journal.entries(reader, action=action))
    assert [entry.action for entry in found] == [action] * (2 if action == "Heartbeat" else 1)


async def test_rare_actions_have_an_index(store: Store) -> None:
    sql: list[tuple[str, Sequence[SqlValue]]] = []

    class Recorded:
        def rows(self, text: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
            sql.append((text, parameters))
            return []

        def row(self, text: str, parameters: Sequence[SqlValue] = ()) -> Row | None:
            raise NotImplementedError

    journal.entries(Recorded(), action="FirmwareStatusNotification")
    ((text, parameters),) = sql
    plan = await store.read(lambda reader: reader.rows("EXPLAIN QUERY PLAN " + text, parameters))
    assert "journal_by_rare_action" in str(plan)


async def test_a_question_without_an_answer_is_not_paired_with_another_question(
    store: Store,
) -> None:
    for number, direction in enumerate((IN, OUT, IN), start=1):
        text = f'[{"2" if number < 3 else "3"},"1","Heartbeat",{{}}]'
        row = journal.row(
            at_us=number,
            charge_point_id="CP1",
            generation=1,
            direction=direction,
            action="Heartbeat",
            unique_id="1",
            text=text,
        )
        store.note(journal.TABLE, row)
    await store.write(lambda db: None)
    found = await store.read(journal.entries)
    pairs = await store.read(lambda reader: [journal.pair(reader, entry) for entry in found])
    assert pairs == [None, found[2], found[1]]


async def test_many_are_paired_as_each_alone(store: Store) -> None:
    frames = (
        (IN, "1", '[2,"1","Heartbeat",{}]'),
        (OUT, "1", '[2,"1","Reset",{"type":"Soft"}]'),  # its own CALL with the same id
        (OUT, "1", '[3,"1",{}]'),
        (IN, "2", '[2,"2","Heartbeat",{}]'),
        (IN, "1", '[3,"1",{"status":"Accepted"}]'),
        (IN, "1", '[2,"1","Heartbeat",{}]'),  # sent again
        (OUT, "1", '[3,"1",{}]'),
        (IN, "9", '[4,"9","InternalError","",{}]'),
        (IN, "", "hello"),
    )
    for number, (direction, unique_id, text) in enumerate(frames, start=1):
        row = journal.row(
            at_us=number,
            charge_point_id="CP1",
            generation=1,
            direction=direction,
            action="",
            unique_id=unique_id,
            text=text,
        )
        store.note(journal.TABLE, row)
    await store.write(lambda db: None)

    def numbers(found: list[JournalEntry | None]) -> list[int | None]:
        return [None if one is None else one.entry for one in found]

    def work(reader: Reader) -> None:
        every = journal.entries(reader)
        expected = [3, 5, 1, None, 2, 7, 6, None, None]
        assert numbers([journal.pair(reader, entry) for entry in every]) == expected
        assert numbers(journal.pairs(reader, every)) == expected
        # Those whose other half is not among them are looked for.
        assert numbers(journal.pairs(reader, every[2:5])) == [1, None, 2]

    await store.read(work)


async def test_what_is_no_frame_has_no_kind_and_no_pair(store: Store) -> None:
    row = journal.row(
        at_us=1,
        charge_point_id="CP1",
        generation=1,
        direction=IN,
        action="",
        unique_id="",
        text="hello",
    )
    store.note(journal.TABLE, row)
    await store.write(lambda db: None)
    (entry,) = await store.read(journal.entries)
    assert journal.kind(entry) is None
    assert await store.read(lambda reader: journal.pair(reader, entry)) is None

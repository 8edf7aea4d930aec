import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from ocpptrio.cli.journal import Filter, tail
from ocpptrio.store import journal
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import Direction
from tests.cli.conftest import Command

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC

MESSAGES = [
    ("CP1", Direction.IN, "Heartbeat", "a", '[2,"a","Heartbeat",{}]'),
    ("CP1", Direction.OUT, "Heartbeat", "a", '[3,"a",{"currentTime":"2026-11-22T12:00:00Z"}]'),
    ("CP2", Direction.OUT, "Reset", "b", '[2,"b","Reset",{"type":"Soft"}]'),
    ("CP2", Direction.IN, "", "", "100% \x1b[31m no_JSON"),
    ("CP2", Direction.IN, "Reset", "b", '[4,"b","NotSupported","",{}]'),
]


async def note(
    path: Path, messages: Sequence[tuple[str, Direction, str, str, str]] = MESSAGES
) -> None:
    async with SqliteStore(path, inline=True) as store:
        for number, (charge_point, direction, action, unique_id, text) in enumerate(messages):
            store.note(
                journal.TABLE,
                journal.row(
                    at_us=NOON_US + number * 250_000,
                    charge_point_id=charge_point,
                    generation=1,
                    direction=direction,
                    action=action,
                    unique_id=unique_id,
                    text=text,
                ),
            )


@pytest.fixture
def _noted(path: Path) -> None:
    trio.run(note, path)


@pytest.mark.usefixtures("_noted")
def test_tail_shows_the_last_messages_harmless_and_uncut(ocpptrio: Command) -> None:
    assert ocpptrio("journal", "tail", "-n", "3").lines == [
        '3  2026-11-22 12:00:00.500  CP2 <- Reset [2,"b","Reset",{"type":"Soft"}]',
        r"4  2026-11-22 12:00:00.750  CP2 ->  100% \x1b[31m no_JSON",
        '5  2026-11-22 12:00:01.000  CP2 -> Reset [4,"b","NotSupported","",{}]',
    ]


@pytest.mark.usefixtures("_noted")
@pytest.mark.parametrize(
    ("arguments", "entries"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("-n", "0"), []),
        (("--lines", "2"), [4, 5]),
        (("--charge-point", "CP1"), [1, 2]),
        (("--action", "Reset"), [3, 5]),
        (("--direction", "out"), [2, 3]),
        (("--direction", "in", "-n", "1"), [5]),
        (("--contains", "100%"), [4]),
        (("--contains", "no_json"), [4]),
        (("--contains", "n%j"), []),
        (("--since", "2026-11-22T12:00:00.5"), [3, 4, 5]),
        (("--until", "2026-11-22T12:00:00.5"), [1, 2]),
    ],
)
def test_tail_and_export_filter(
    ocpptrio: Command, arguments: tuple[str, ...], entries: list[int]
) -> None:
    found = [json.loads(line) for line in ocpptrio("journal", "tail", *arguments, "--json").lines]
    assert [entry["entry"] for entry in found] == entries
    if not {"-n", "--lines"} & set(arguments):
        exported = [json.loads(line) for line in ocpptrio("journal", "export", *arguments).lines]
        assert exported == found


@pytest.mark.usefixtures("_noted")
def test_show_formats_a_message_and_finds_its_answer(ocpptrio: Command) -> None:
    lines = ocpptrio("journal", "show", "3").lines
    assert lines[:4] == [
        "entry         3",
        "time          2026-11-22 12:00:00.500",
        "charge point  to CP2, connection 1",
        "action        Reset",
    ]
    assert '    "type": "Soft"' in lines
    assert lines[lines.index("Its answer:") + 1] == "entry         5"
    assert lines[-1] == "answered after 0.500 s"


@pytest.mark.usefixtures("_noted")
def test_show_of_an_answer_finds_what_it_answers(ocpptrio: Command) -> None:
    out = ocpptrio("journal", "show", "2").out
    assert "It answers:\nentry         1\n" in out
    assert out.endswith("answered after 0.250 s\n")
    document = ocpptrio("journal", "show", "2", "--json").json
    assert (document["entry"], document["pair"]["entry"]) == (2, 1)


@pytest.mark.usefixtures("_noted")
def test_show_of_what_cannot_be_read_shows_it_all_the_same(ocpptrio: Command) -> None:
    assert ocpptrio("journal", "show", "4").lines[-1] == r"100% \x1b[31m no_JSON"
    assert ocpptrio("journal", "show", "4", "--json").json["pair"] is None


@pytest.mark.usefixtures("_noted")
def test_an_unknown_entry_is_an_error(ocpptrio: Command) -> None:
    assert "no entry 6 in the journal" in ocpptrio("journal", "show", "6", status=1).err


@pytest.mark.usefixtures("_noted")
def test_export_gives_the_texts_as_they_were(
    ocpptrio: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpptrio.cli.journal.PAGE", 2)
    file = tmp_path / "journal.jsonl"
    ocpptrio("journal", "export", str(file))
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [entry["text"] for entry in entries] == [text for *_, text in MESSAGES]
    assert entries[0] == {
        "entry": 1,
        "at": "2026-11-22T12:00:00Z",
        "charge_point_id": "CP1",
        "generation": 1,
        "direction": "in",
        "action": "Heartbeat",
        "unique_id": "a",
        "text": '[2,"a","Heartbeat",{}]',
    }


async def test_following_shows_what_comes_and_fits(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
) -> None:
    monkeypatch.setattr("ocpptrio.cli.journal.PAGE", 2)
    await note(path)
    of_cp1 = Filter(charge_point="CP1")
    nursery.start_soon(partial(tail, follow=True, lines=1, filter=of_cp1))
    await trio.sleep(1)
    await note(path, [("CP1", Direction.IN, "A", str(n), f"text {n}") for n in range(5)])
    await trio.sleep(1)
    await note(path, [("CP2", Direction.IN, "A", "x", "not of CP1")] * 3)
    await trio.sleep(1)
    await note(path, [("CP1", Direction.IN, "A", "y", "the last")])
    await trio.sleep(1)
    nursery.cancel_scope.cancel()
    first, *followed = capsys.readouterr().out.splitlines()
    assert first.startswith("2 ")
    assert [line.partition("-> A ")[2] for line in followed] == [
        *(f"text {n}" for n in range(5)),
        "the last",
    ]

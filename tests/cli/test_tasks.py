"""`ocpptrio tasks`."""

from collections.abc import Callable

import pytest

from ocpptrio.clock import system_clock
from ocpptrio.store import commands
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import CommandState
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], object]], object]


@pytest.fixture(autouse=True)
def _known(ocpptrio: Command) -> None:
    for name in ("CP1", "CP2", "CP3"):
        ocpptrio("charge-points", "add", name)
    ocpptrio("groups", "add", "yard", "CP2", "CP3")


def test_a_task_is_started_shown_and_cancelled(ocpptrio: Command, write: Write) -> None:
    assert ocpptrio("tasks", "list").out.startswith("no tasks yet")
    said = ocpptrio("tasks", "start", "ClearCache", "{}", "CP1", "--group", "yard")
    assert said.lines[0] == "task 1: ClearCache for 3 charge points"
    assert said.lines[1].startswith("No daemon runs on this database")

    def fail(db: Db) -> None:
        commands.claim(db, 1, system_clock())
        commands.settle(db, 1, state=CommandState.REFUSED, at_us=1, error="NotSupported")

    write(fail)
    header, row = ocpptrio("tasks", "list").lines
    assert header.split() == ["id", "action", "state", "settled", "failed", "started", "ended"]
    assert row.split()[:7] == ["1", "ClearCache", "running", "1", "of", "3", "1"]
    shown = ocpptrio("tasks", "show", "1").out
    assert "queued         2" in shown
    assert "refused        1" in shown
    assert "Where it failed:" in shown
    document = ocpptrio("tasks", "show", "1", "--json").json
    assert document["counts"] == {"queued": 2, "refused": 1}
    assert (document["failures"], len(document["commands"])) == (1, 3)
    assert document["request"] == {}
    (listed,) = ocpptrio("tasks", "list", "--json").json
    assert listed["task_id"] == 1
    assert len(ocpptrio("commands", "list", "--task", "1", "--json").json) == 3
    assert ocpptrio("tasks", "cancel", "1").out == "task 1 cancelled\n"
    assert "is cancelled already" in ocpptrio("tasks", "cancel", "1", status=1).err
    assert ocpptrio("tasks", "show", "1", "--json").json["counts"] == {"cancelled": 2, "refused": 1}


@pytest.mark.parametrize(
    ("given", "kept"), [("2", 2), ("10%", 1), ("34%", 2), ("100%", 3), (None, None)]
)
def test_it_stops_after_a_number_or_a_share(
    ocpptrio: Command, given: str | None, kept: int | None
) -> None:
    options = [] if given is None else ["--stop-after", given]
    names = ["CP1", "CP2", "CP3"]
    task = ocpptrio("tasks", "start", "ClearCache", "{}", *names, *options, "--json").json
    assert task["stop_after"] == kept


@pytest.mark.parametrize("given", ["0", "0%", "101%", "-1", "many"])
def test_what_is_no_number_of_failures_is_wrong_usage(ocpptrio: Command, given: str) -> None:
    ocpptrio("tasks", "start", "ClearCache", "{}", "CP1", f"--stop-after={given}", status=2)


def test_a_mistake_starts_nothing(ocpptrio: Command) -> None:
    start = ("tasks", "start", "ClearCache", "{}")
    assert "not registered: CP9" in ocpptrio(*start, "CP1", "CP9", status=1).err
    assert "group none is empty" in ocpptrio(*start, "--group", "none", status=1).err
    assert "not 0" in ocpptrio(*start, status=1).err
    assert "unknown" in ocpptrio("tasks", "start", "Clear", "{}", "CP1", status=1).err
    assert ocpptrio("tasks", "list", "--json").json == []
    assert "no task 1" in ocpptrio("tasks", "show", "1", status=1).err
    assert "no task 1" in ocpptrio("tasks", "cancel", "1", status=1).err


def test_a_key_starts_one_task(ocpptrio: Command) -> None:
    start = ("tasks", "start", "ClearCache", "{}", "CP1", "--key", "k")
    ocpptrio(*start)
    ocpptrio(*start)
    assert len(ocpptrio("tasks", "list", "--json").json) == 1

"""`ocpptrio groups`."""

from collections.abc import Callable

from ocpptrio.store.driver import Db
from tests.cli.conftest import Command


def test_groups_are_made_listed_and_undone(ocpptrio: Command) -> None:
    assert ocpptrio("charge-points", "add", "CP1").status == 0
    assert ocpptrio("charge-points", "add", "CP2").status == 0
    assert ocpptrio("groups", "list").out.startswith("no groups yet")
    assert ocpptrio("groups", "add", "yard", "CP1", "CP2").lines == ["2 charge points in yard"]
    assert ocpptrio("groups", "list").lines == ["group  charge points", "yard   CP1, CP2"]
    assert ocpptrio("groups", "list", "--json").json == {"yard": ["CP1", "CP2"]}
    ocpptrio("groups", "remove", "yard", "CP1")
    assert ocpptrio("groups", "list", "--json").json == {"yard": ["CP2"]}
    ocpptrio("groups", "remove", "yard", "CP2")
    assert ocpptrio("groups", "list", "--json").json == {}


def test_a_mistake_changes_nothing(
    ocpptrio: Command, write: Callable[[Callable[[Db], None]], None]
) -> None:
    ocpptrio("charge-points", "add", "CP1")
    assert "CP9 is not registered" in ocpptrio("groups", "add", "yard", "CP1", "CP9", status=1).err
    assert ocpptrio("groups", "list", "--json").json == {}
    assert "CP1 is not in yard" in ocpptrio("groups", "remove", "yard", "CP1", status=1).err
    assert "at least one" in ocpptrio("groups", "add", "yard", status=1).err

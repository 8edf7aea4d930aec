"""`ocpptrio tag-groups`."""

from tests.cli.conftest import Command


def test_a_group_is_there_with_its_first_tag_or_its_first_setting(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "A", "--parent", "FAMILY")
    assert ocpptrio("tag-groups", "set", "FLEET", "--note", "vans").lines == [
        "group FLEET may charge"
    ]
    assert ocpptrio("tag-groups", "list").lines == [
        "group   tags  state       expires  at a time  only  note",
        "FAMILY     1  may charge",
        "FLEET      0  may charge                            vans",
    ]


def test_what_is_settled_is_shown_with_the_group_and_with_its_tags(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("tags", "add", "A", "--parent", "family")
    group = ocpptrio(
        *("tag-groups", "set", "FAMILY", "--only-at", "CP1", "--times", "08:00-18:00"),
        *("--month-budget", "300kWh", "--max-concurrent", "2", "--expires", "2099-01-01", "--json"),
    ).json
    assert (group["parent_id_tag"], group["charge_points"]) == ("family", ["CP1"])
    assert (group["month_budget_wh"], group["max_concurrent"]) == (300_000, 2)
    shown = ocpptrio("tag-groups", "show", "family").lines
    assert shown[0] == "group      family"
    assert "expires    2099-01-01 00:00:00" in shown
    assert "A    may charge" in shown
    shown = ocpptrio("tags", "show", "A").lines
    assert "Its group, family; both must allow it:" in shown
    assert "budget     300 kWh a month, 0 kWh spent" in shown
    assert ocpptrio("tags", "show", "A", "--json").json["group"]["max_concurrent"] == 2
    assert ocpptrio("tag-groups", "show", "FAMILY", "--json").json["tags"] == ["A"]


def test_a_group_is_blocked_and_allowed_again(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("tags", "add", "A", "--parent", "G")
    check = ("tags", "check", "A", "--charge-point", "CP1")
    assert ocpptrio("tag-groups", "block", "g").lines == ["group G blocked"]
    assert ocpptrio(*check).lines == ["Blocked: group G is blocked"]
    ocpptrio("tag-groups", "unblock", "G")
    assert ocpptrio(*check).lines == ["Accepted"]


def test_only_an_empty_group_is_removed(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "A", "--parent", "G")
    assert (
        "A is in G; take its tags out first" in ocpptrio("tag-groups", "remove", "G", status=1).err
    )
    ocpptrio("tags", "set", "A", "--parent", "")
    assert ocpptrio("tag-groups", "remove", "G").lines == ["G removed"]
    assert ocpptrio("tag-groups", "list", "--json").json == []
    for command in ("show", "block", "remove"):
        assert "no group G; see" in ocpptrio("tag-groups", command, "G", status=1).err

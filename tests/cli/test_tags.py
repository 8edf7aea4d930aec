from collections.abc import Callable
from pathlib import Path

import pytest

from ocpptrio.services import tags_csv
from ocpptrio.services.tags import SettledTag
from ocpptrio.store import id_tags, tag_rights
from ocpptrio.store.driver import Db
from ocpptrio.store.records import IdTagRecord, TagRights
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], object]], object]


def test_an_added_tag_is_listed_with_all_that_was_said(ocpptrio: Command) -> None:
    ocpptrio(
        *("tags", "add", "04A1B2C3", "--parent", "FAMILY", "--expires", "2099-01-01"),
        *("--max-concurrent", "0", "--note", "the blue one"),
    )
    (tag,) = ocpptrio("tags", "list", "--json").json
    assert tag.pop("created_at").endswith("Z")
    assert tag == {
        "id_tag": "04A1B2C3",
        "parent_id_tag": "FAMILY",
        "expires_at": "2099-01-01T00:00:00Z",
        "blocked": False,
        "max_concurrent": 0,
        "week_times": None,
        "day_budget_wh": None,
        "month_budget_wh": None,
        "charge_points": [],
        "charge_point_groups": [],
        "note": "the blue one",
    }
    assert ocpptrio("tags", "list").lines == [
        "tag       state       expires              parent  at a time  only  note",
        "04A1B2C3  may charge  2099-01-01 00:00:00  FAMILY          0        the blue one",
    ]


def test_without_tags_people_are_told_how_to_add_one(ocpptrio: Command, write: Write) -> None:
    write(lambda db: None)
    assert ocpptrio("tags", "list").out == "no tags yet; add one: ocpptrio tags add TAG\n"
    assert ocpptrio("tags", "list", "--json").json == []


def test_adding_says_until_when_it_may_charge(ocpptrio: Command) -> None:
    out = ocpptrio("tags", "add", "A", "--expires", "2099-01-01T12:30").out
    assert out == "A may charge until 2099-01-01 12:30:00\n"
    assert ocpptrio("tags", "add", "B", "--expires", "2001-01-01").out == "B expired\n"


def test_a_tag_is_not_added_twice_whatever_its_case(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "abc")
    assert "ABC is there already" in ocpptrio("tags", "add", "ABC", status=1).err


@pytest.mark.parametrize("tag", ["", " A", "A\n", "A" * 21])
def test_what_is_no_tag_is_refused(ocpptrio: Command, tag: str) -> None:
    assert ocpptrio("tags", "add", tag, status=2).err.count("\n") == 1


def test_block_unblock_and_remove_find_a_tag_in_any_case(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "abc")
    assert ocpptrio("tags", "block", "ABC").out == "abc blocked\n"
    assert ocpptrio("tags", "list", "--json").json[0]["blocked"] is True
    assert ocpptrio("tags", "unblock", "ABC").out == "abc may charge\n"
    assert ocpptrio("tags", "remove", "ABC").out == "abc removed\n"
    assert ocpptrio("tags", "list", "--json").json == []


@pytest.mark.parametrize("command", ["block", "unblock", "remove", "set"])
def test_an_unknown_tag_is_an_error(ocpptrio: Command, command: str) -> None:
    ocpptrio("tags", "add", "A")
    assert ocpptrio("tags", command, "abc", status=1).err.startswith("ocpptrio: no tag abc; see")


def test_set_changes_what_is_given_and_nothing_else(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "A", "--expires", "2099-01-01", "--note", "mine", "--parent", "P")
    ocpptrio("tags", "block", "A")
    for word in ("never", "none", "always", "default"):  # which mean something elsewhere
        assert ocpptrio("tags", "set", "A", "--note", word, "--json").json["note"] == word
    changed = ocpptrio("tags", "set", "A", "--note", "", "--max-concurrent", "3", "--json").json
    assert (changed["note"], changed["max_concurrent"]) == (None, 3)
    assert (changed["expires_at"], changed["blocked"]) == ("2099-01-01T00:00:00Z", True)
    changed = ocpptrio("tags", "set", "A", "--expires", "never", "--parent", "", "--json").json
    assert (changed["expires_at"], changed["parent_id_tag"]) == (None, None)


def test_without_a_tag_one_is_made_up(ocpptrio: Command) -> None:
    tag = ocpptrio("tags", "add", "--generate", "--json").json["id_tag"]
    assert len(tag) == 14
    assert ocpptrio("tags", "list", "--json").json[0]["id_tag"] == tag
    assert "name the tag, or --generate" in ocpptrio("tags", "add", status=1).err
    assert "name the tag" in ocpptrio("tags", "add", "A", "--generate", status=1).err


def test_rights_times_and_budgets_are_set_shown_and_taken_back(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("charge-points", "add", "CP2")
    ocpptrio("groups", "add", "yard", "CP2")
    tag = ocpptrio(
        *("tags", "add", "A", "--only-at", "CP1", "--only-in", "yard"),
        *("--times", "mon-fri 8:00-18:00", "--day-budget", "20kWh", "--month-budget", "300500"),
        "--json",
    ).json
    assert tag["charge_points"] == ["CP1"]
    assert tag["charge_point_groups"] == ["yard"]
    assert tag["week_times"] == "Mon-Fri 08:00-18:00"
    assert (tag["day_budget_wh"], tag["month_budget_wh"]) == (20_000, 300_500)
    only = "CP1, group yard; Mon-Fri 08:00-18:00; 20 kWh a day; 300.5 kWh a month"
    assert only in ocpptrio("tags", "list").out
    shown = ocpptrio("tags", "show", "a").lines
    assert "where      CP1, group yard" in shown
    assert "when       Mon-Fri 08:00-18:00 (UTC)" in shown
    assert "budget     20 kWh a day, 0 kWh spent; 300.5 kWh a month, 0 kWh spent" in shown
    assert ocpptrio("tags", "set", "A", "--note", "x", "--json").json["charge_points"] == ["CP1"]
    tag = ocpptrio("tags", "set", "A", "--only-at", "CP2", "--json").json
    assert (tag["charge_points"], tag["charge_point_groups"]) == (["CP2"], [])
    tag = ocpptrio(
        *("tags", "set", "A", "--everywhere", "--times", "always", "--day-budget", "none"),
        *("--month-budget", "none", "--max-concurrent", "default", "--json"),
    ).json
    assert (tag["charge_points"], tag["week_times"]) == ([], None)
    assert (tag["day_budget_wh"], tag["month_budget_wh"]) == (None, None)


@pytest.mark.parametrize(
    ("options", "status", "error"),
    [
        (["--only-at", "CP9"], 1, "CP9 is not registered"),
        (["--only-in", "yard"], 1, "no charge points in yard"),
        (["--only-at", "CP1", "--everywhere"], 1, "either --everywhere, or"),
        (["--times", "Mon 8-18"], 2, "write Mon-Fri 08:00-18:00"),
        (["--day-budget", "much"], 2, "write 20kWh, 7.5kWh or 500Wh"),
        (["--day-budget", "0.0001kWh"], 2, "write 20kWh"),
        (["--max-concurrent", "-1"], 2, "write a number, 0 for no limit"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    ocpptrio: Command, options: list[str], status: int, error: str
) -> None:
    ocpptrio("tags", "add", "A")
    before = ocpptrio("tags", "list", "--json").json
    assert error in ocpptrio("tags", "set", "A", "--note", "new", *options, status=status).err
    assert ocpptrio("tags", "list", "--json").json == before


def test_check_tells_the_verdict_and_why(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("tags", "add", "A", "--times", "Mon-Fri 08:00-18:00")
    check = ("tags", "check", "A", "--charge-point", "CP1", "--at")
    assert ocpptrio(*check, "2026-01-14T12:00").lines == ["Accepted"]
    assert ocpptrio(*check, "2026-01-17T12:00").lines == [
        "Blocked: tag A may charge Mon-Fri 08:00-18:00 only; it is Sat 12:00"
    ]
    assert ocpptrio(*check, "2026-01-14T12:00", "--json").json == {
        "id_tag": "A",
        "charge_point_id": "CP1",
        "at": "2026-01-14T12:00:00Z",
        "charged_to": "A",
        "status": "Accepted",
        "reason": None,
        "parent_id_tag": None,
        "expires_at": "2026-01-14T18:00:00Z",
    }
    unknown = ("tags", "check", "X", "--charge-point")
    assert ocpptrio(*unknown, "CP1").lines == ["Invalid: unknown"]
    assert "CP9 is not registered" in ocpptrio(*unknown, "CP9", status=1).err
    ocpptrio("charge-points", "set-mode", "CP1", "learn")
    assert ocpptrio(*unknown, "CP1").lines == ["Accepted: unknown, but would be learnt"]
    ocpptrio("charge-points", "set-mode", "CP1", "fixed-tag", "--tag", "a")
    ocpptrio("tags", "block", "A")
    assert ocpptrio(*unknown, "CP1").lines == ["Blocked: tag A is blocked (it counts as A there)"]


def test_check_uses_the_settings(ocpptrio: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[authorization]\ntime_zone = "Asia/Tokyo"\nurl = "http://127.0.0.1:1/"\n')
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("tags", "add", "A", "--times", "08:00-18:00")
    check = ("tags", "check", "A", "--charge-point", "CP1", "--config", str(config))
    assert ocpptrio(*check, "--at", "2026-01-14T12:00Z").lines == [
        "Blocked: tag A may charge 08:00-18:00 only; it is Wed 21:00",
        "The external authorizer is asked, too, when somebody charges.",
    ]


# CSV.

TAGS = [
    IdTagRecord(id_tag="Plain", created_at_us=1_700_000_000_123_456),
    IdTagRecord(
        id_tag="=1+1",
        parent_id_tag="P,Q",
        expires_at_us=4_000_000_000_000_001,
        blocked=True,
        max_concurrent=0,
        note=' "quoted", with; all\r\nthat\nhurts ',
        created_at_us=0,
    ),
    IdTagRecord(
        id_tag="été;☃",
        note="\ufeff",
        max_concurrent=12,
        week_times="Mon-Fri 08:00-18:00; Sat 22:00-02:00",
        day_budget_wh=0,
        month_budget_wh=300_000,
        created_at_us=1,
    ),
]
RIGHTS = TagRights(charge_points=("a, b", 'c"d'), charge_point_groups=("yard",))


def test_what_is_exported_imports_as_exactly_the_same(
    ocpptrio: Command, write: Write, tmp_path: Path, path: Path
) -> None:
    def put(db: Db) -> None:
        for tag in TAGS:
            id_tags.put(db, tag)
        tag_rights.put(db, "tag", "plain", RIGHTS)

    write(put)
    before = ocpptrio("tags", "list", "--json").json
    ocpptrio("tags", "export", str(tmp_path / "tags.csv"))
    exported = (tmp_path / "tags.csv").read_bytes().decode()
    assert ocpptrio("tags", "export").out == exported
    path.unlink()
    assert ocpptrio("tags", "import", str(tmp_path / "tags.csv")).out == (
        "3 tags added, 0 changed\n"
    )
    assert ocpptrio("tags", "list", "--json").json == before
    assert ocpptrio("tags", "import", "-", stdin=exported, status=0).out == (
        "0 tags added, 3 changed\n"
    )
    assert ocpptrio("tags", "list", "--json").json == before


def test_rights_times_and_budgets_are_imported(ocpptrio: Command, write: Write) -> None:
    write(lambda db: id_tags.put(db, TAGS[0]))
    write(lambda db: tag_rights.put(db, "tag", "plain", RIGHTS))
    text = 'id_tag,charge_points,week_times\nPLAIN,"CP1, CP2",8:00-9:00\nB,,\n'
    ocpptrio("tags", "import", "-", stdin=text)
    plain, other = sorted(
        ocpptrio("tags", "list", "--json").json, key=lambda tag: tag["id_tag"], reverse=True
    )
    assert plain["charge_points"] == ["CP1", "CP2"]
    assert plain["charge_point_groups"] == ["yard"]  # a column that is not there
    assert plain["week_times"] == "08:00-09:00"
    assert (other["charge_points"], other["week_times"]) == ([], None)
    for line in ("A,8-9,", "A,,20kWh"):
        text = f"id_tag,week_times,day_budget_wh\n{line}\n"
        assert "nothing was imported" in ocpptrio("tags", "import", "-", stdin=text, status=1).err


def test_an_import_changes_only_the_columns_and_tags_that_it_names(ocpptrio: Command) -> None:
    for tag in ("A", "B"):
        ocpptrio("tags", "add", tag, "--note", "old", "--expires", "2099-01-01")
        ocpptrio("tags", "block", tag)
    ocpptrio("tags", "import", "-", stdin="id_tag,note\na,new\nC,other\n")
    tags = {tag["id_tag"]: tag for tag in ocpptrio("tags", "list", "--json").json}
    assert {id_tag: tag["note"] for id_tag, tag in tags.items()} == {
        "a": "new",
        "B": "old",
        "C": "other",
    }
    assert tags["a"]["blocked"] is True
    assert tags["a"]["expires_at"] == "2099-01-01T00:00:00Z"
    assert tags["C"]["blocked"] is False


def test_the_csv_of_a_european_spreadsheet_is_read(ocpptrio: Command) -> None:
    text = '\ufeffID_Tag;Blocked;Expires_At;Note\r\nA;YES;2099-01-01;"a;b"\r\n;;;\r\n'
    assert ocpptrio("tags", "import", "-", "--json", stdin=text).json == {"added": 1, "changed": 0}
    (tag,) = ocpptrio("tags", "list", "--json").json
    assert (tag["blocked"], tag["note"]) == (True, "a;b")
    assert tag["expires_at"] == "2099-01-01T00:00:00Z"


def test_one_bad_line_imports_nothing_and_each_is_named(
    ocpptrio: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tags.csv").write_text(
        "id_tag,blocked,expires_at,max_concurrent,note\n"
        "GOOD,no,,,fine\n"
        'A,perhaps,,,"two\nlines"\n'
        "B,,soon,,\n"
        "C,,,-1,\n"
        "good,,,,\n"
        "D,,\n"
        ",,,,no tag\n"
    )
    result = ocpptrio("tags", "import", "tags.csv", status=1)
    assert result.err.splitlines() == [
        "ocpptrio: tags.csv line 3: blocked: write yes or no",
        (
            "ocpptrio: tags.csv line 5: expires_at: "
            "write 2026-11-22, 2026-11-22T10:00 or 2026-11-22T09:00:00Z"
        ),
        "ocpptrio: tags.csv line 6: max_concurrent: write a number, 0 for no limit",
        "ocpptrio: tags.csv line 7: good is on line 2 too",
        "ocpptrio: tags.csv line 8: 3 cells, the first line has 5",
        (
            "ocpptrio: tags.csv line 9: id_tag: '' is no idTag: it needs visible characters, "
            "no blanks around"
        ),
        "ocpptrio: tags.csv: nothing was imported",
    ]
    assert ocpptrio("tags", "list", status=1).err.startswith("ocpptrio: no database at")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "it must name each column once"),
        ("note\nx\n", "it must name each column once"),
        ("id_tag,id_tag\n", "it must name each column once"),
        ("id_tag,parent\n", "unknown column 'parent'"),
        ('id_tag\n"A\n', "standard input line 2: not CSV"),
    ],
)
def test_what_is_no_list_of_tags_is_told(ocpptrio: Command, text: str, error: str) -> None:
    assert error in ocpptrio("tags", "import", "-", stdin=text, status=1).err


def test_a_file_that_cannot_be_read_is_told(ocpptrio: Command, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.csv")
    assert "No such file" in ocpptrio("tags", "import", missing, status=1).err
    latin = tmp_path / "latin.csv"
    latin.write_bytes("id_tag\nété\n".encode("latin-1"))
    assert "not UTF-8" in ocpptrio("tags", "import", str(latin), status=1).err


def test_a_file_that_cannot_be_written_is_told(ocpptrio: Command, write: Write) -> None:
    write(lambda db: None)
    assert "cannot be written" in ocpptrio("tags", "export", "/nowhere/tags.csv", status=1).err


def test_a_note_of_several_lines_is_read_back_as_it_was_written() -> None:
    for note in ("first\nsecond", "first\rsecond", "first\r\nsecond\n"):
        tag = IdTagRecord(id_tag="A", note=note, created_at_us=0)
        text = tags_csv.header() + tags_csv.lines([SettledTag(tag, TagRights())])
        (line,) = tags_csv.parse(text, "tags.csv")
        assert line["note"] == note

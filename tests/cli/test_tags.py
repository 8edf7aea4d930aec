from collections.abc import Callable
from pathlib import Path

import pytest

from ocpptrio.store import id_tags
from ocpptrio.store.driver import Db
from ocpptrio.store.records import IdTagRecord
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
        "note": "the blue one",
    }
    assert ocpptrio("tags", "list").lines == [
        "tag       state       expires              parent  at a time  note",
        "04A1B2C3  may charge  2099-01-01 00:00:00  FAMILY          0  the blue one",
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
    assert ocpptrio("tags", command, "abc", status=1).err.startswith("ocpptrio: no tag abc; see")


def test_set_changes_what_is_given_and_nothing_else(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "A", "--expires", "2099-01-01", "--note", "mine", "--parent", "P")
    ocpptrio("tags", "block", "A")
    changed = ocpptrio("tags", "set", "A", "--note", "", "--max-concurrent", "3", "--json").json
    assert (changed["note"], changed["max_concurrent"]) == (None, 3)
    assert (changed["expires_at"], changed["blocked"]) == ("2099-01-01T00:00:00Z", True)
    changed = ocpptrio("tags", "set", "A", "--expires", "never", "--parent", "", "--json").json
    assert (changed["expires_at"], changed["parent_id_tag"]) == (None, None)


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
    IdTagRecord(id_tag="été;☃", note="\ufeff", max_concurrent=12, created_at_us=1),
]


def test_what_is_exported_imports_as_exactly_the_same(
    ocpptrio: Command, write: Write, tmp_path: Path, path: Path
) -> None:
    def put(db: Db) -> None:
        for tag in TAGS:
            id_tags.put(db, tag)

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

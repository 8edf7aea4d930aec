import time
from pathlib import Path

import pytest

from ocpptrio.cli.options import Database, parse_moment
from ocpptrio.clock import parse_time
from tests.cli.conftest import Command

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC


@pytest.mark.parametrize(
    ("text", "offset_s"),
    [
        ("2026-11-22", -12 * 3600),
        ("2026-11-22T12:00", 0),
        ("2026-11-22 12:00:01.5", 1.5),
        ("2026-11-22T12:00:00Z", 0),
        ("2026-11-22T12:00:00+02:00", -7200),
        ("90s", -90),
        ("30m", -1800),
        ("2h", -7200),
        ("1d", -86_400),
        ("2w", -14 * 86_400),
    ],
)
def test_moments(text: str, offset_s: float) -> None:
    assert parse_moment(text, NOON_US) == NOON_US + offset_s * 1_000_000


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "12:00", "-2h", "2y", "99999999999h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 2026-11-22, .* or 30m, 2h, 7d for ago"):
        parse_moment(text, NOON_US)


def test_a_time_is_not_ago() -> None:
    with pytest.raises(ValueError, match="write 2026-11-22"):
        parse_time("2h")


def test_a_wrong_moment_is_wrong_usage(ocpptrio: Command) -> None:
    error = ocpptrio("transactions", "list", "--since", "soon", status=2).err
    assert error.startswith("ocpptrio: Invalid value")
    assert "--since" in error


@pytest.mark.parametrize(
    "command",
    [
        ("charge-points", "list"),
        ("charge-points", "attempts"),
        ("charge-points", "show", "CP1"),
        ("tags", "list"),
        ("tags", "export"),
        ("transactions", "list"),
        ("transactions", "show", "1"),
        ("transactions", "export"),
        ("transactions", "orphans"),
        ("journal", "tail"),
        ("journal", "show", "1"),
        ("journal", "export"),
    ],
)
def test_what_only_reads_makes_no_database(
    ocpptrio: Command, path: Path, command: tuple[str, ...]
) -> None:
    error = ocpptrio(*command, status=1).err
    assert error == (
        f"ocpptrio: no database at {path}; start the daemon first (ocpptrio serve), "
        "or name another (--database, --config)\n"
    )
    assert not path.exists()


def test_a_database_in_memory_is_out_of_reach(
    ocpptrio: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_STORE_PATH", ":memory:")
    assert "in the memory of the daemon" in ocpptrio("tags", "list", status=1).err


def test_a_file_that_is_no_database_is_told(ocpptrio: Command, path: Path) -> None:
    path.write_text("something else entirely" * 100)
    assert ocpptrio("tags", "list", status=1).err == (
        f"ocpptrio: {path}: not an SQLite database; name another file\n"
    )


def test_the_option_beats_the_variable_beats_the_file(
    ocpptrio: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("file", "variable", "option"):
        ocpptrio("tags", "add", name, "--database", str(tmp_path / f"{name}.db"))
    config = tmp_path / "config.toml"
    config.write_text(f"[store]\npath = '{tmp_path}/file.db'")
    monkeypatch.delenv("OCPPTRIO_STORE_PATH")

    def tag(*options: str) -> object:
        return ocpptrio("tags", "list", "--json", *options).json[0]["id_tag"]

    assert tag("--config", str(config)) == "file"
    monkeypatch.setenv("OCPPTRIO_CONFIG", str(config))
    assert tag() == "file"
    monkeypatch.setenv("OCPPTRIO_STORE_PATH", f"{tmp_path}/variable.db")
    assert tag() == "variable"
    assert tag("--database", f"{tmp_path}/option.db") == "option"


def test_options_as_another_command_needs_them() -> None:
    assert Database().as_typed() == ""
    database = Database(config=Path("my config.toml"), path=Path("x.db"))
    assert database.as_typed() == "--config 'my config.toml' --database x.db"


@pytest.mark.parametrize(
    "arguments",
    [
        ("transactions", "list", "--since", "999999999w"),
        ("call", "CP1", "ClearCache", "--expires", "999999999w"),
        ("call", "CP1", "ClearCache", "--expires", "0"),
        ("tasks", "start", "ClearCache", "{}", "CP1", "--expires", "0s"),
        ("alerts", "list", "--limit", "0"),
    ],
)
def test_a_time_that_cannot_be_meant_is_wrong_usage(
    ocpptrio: Command, arguments: tuple[str, ...]
) -> None:
    ocpptrio("charge-points", "add", "CP1")
    assert arguments[-2] in ocpptrio(*arguments, status=2).err


def test_the_end_of_all_times_is_read_and_shown_anywhere(
    ocpptrio: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    ocpptrio("tags", "add", "A", "--expires", "9999-12-31T23:59:59Z")
    assert "9999-12-31 23:59:59" in ocpptrio("tags", "list").out

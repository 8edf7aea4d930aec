import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ocpptrio.cli.output import Columns, Failed, Output, Quantity, cell, writing
from ocpptrio.presentation import public


class Row(msgspec.Struct, kw_only=True):
    name: str
    seen_at_us: int | None = None
    password_hash: str | None = None
    id_tag_key: str = "internal"
    wh: float = 0


COLUMNS: Columns[Row] = {
    "name": lambda row: row.name,
    "seen": lambda row: row.seen_at_us,
    "kWh": lambda row: Quantity(f"{row.wh / 1000:.1f} kWh"),
    "open": lambda row: row.wh < 2,
}
ROWS = [Row(name="[bold]one", wh=1.5), Row(name="a long name a long name", wh=123_000)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_pipe_a_table_is_plain_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(ROWS, COLUMNS)
    assert capsys.readouterr().out.splitlines() == [
        "name                     seen        kWh  open",
        "[bold]one                        0.0 kWh  yes",
        "a long name a long name        123.0 kWh  no",
    ]


def test_on_a_terminal_a_table_fits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "36")
    monkeypatch.setenv("TERM", "xterm")
    Output().table(ROWS, COLUMNS)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    assert [line.rstrip() for line in plain.splitlines()] == [
        "name           seen        kWh  open",
        "[bold]one              0.0 kWh  yes",
        "a long name a        123.0 kWh  no",
        "long name",
    ]


def test_what_a_charge_point_says_cannot_command_a_terminal() -> None:
    assert cell("\x1b[2J\x9b1m\u202ered\n") == r"\x1b[2J\x9b1m\u202ered\n"
    assert cell("Köln, 充电") == "Köln, 充电"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (2.50, "2.5"),
        (123_456.789, "123456.789"),
        (datetime(2026, 11, 22, 12, 0, 0, 999, UTC), "2026-11-22 12:00:00"),
    ],
)
def test_values_as_people_read_them(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_programs_get_times_and_neither_hashes_nor_what_is_internal() -> None:
    row = Row(name="one", seen_at_us=1_500_000, password_hash="secret")
    assert public(row) == {
        "name": "one",
        "seen_at": datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC),
        "password_set": True,
        "wh": 0,
    }


def test_a_file_is_written_as_utf_8_without_changing_line_ends(tmp_path: Path) -> None:
    with writing(tmp_path / "file") as out:
        out.write("é\r\n")
    assert (tmp_path / "file").read_bytes() == "é\r\n".encode()


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be written: Is a directory"), writing(tmp_path):
        pass

"""The pages in docs/ are true: what they show runs, as it stands there.

- `python`: a whole program, which ends by itself; it asserts what it shows.
- `console`: commands of a page in order, against one fresh database, with what they print; a line
  or a part of one that is `...` stands for anything.
- `toml`: a config.toml, or a part of one.
- `sh`: commands that exist, but need a running daemon, so they are not run.
"""

import fnmatch
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ocpptrio import config_sources
from ocpptrio.cli.app import main

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))


class Block(NamedTuple):
    language: str
    text: str
    place: str


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found[1], found[2], f"{page.name}:{line}")


def _of(page: Path, language: str) -> Iterator[Block]:
    return (block for block in _blocks(page) if block.language == language)


every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A directory, a database and a port of its own; local time is UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCPPTRIO_OCPP_PORT", "0")
    monkeypatch.setenv("OCPPTRIO_STORE_PATH", str(tmp_path / "docs.db"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@every_page
def test_every_block_is_of_a_kind_that_is_known(page: Path) -> None:
    kinds = {"python", "console", "toml", "sh", "text", "json", "http"}
    assert {block.language for block in _blocks(page)} <= kinds


@every_page
def test_programs_run(page: Path) -> None:
    for block in _of(page, "python"):
        exec(compile(block.text, block.place, "exec"), {"__name__": "__main__"})  # our own pages


@every_page
def test_commands_print_what_is_shown(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in _of(page, "console"):
        commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
        assert not commands[0].strip(), f"{block.place}: begins with a command"
        for command in commands[1:]:
            line, _, expected = command.partition("\n")
            words = shlex.split(line, comments=True)
            assert words[0] == "ocpptrio", f"{block.place}: {line}"
            main(words[1:])
            printed = capsys.readouterr()
            _compare(expected, printed.out + printed.err, f"{block.place}: {line}")


def _compare(expected: str, printed: str, place: str) -> None:
    if not expected.strip():
        assert not printed.startswith("ocpptrio: "), f"{place}: {printed}"
        return
    want = [line.rstrip() for line in expected.rstrip().splitlines()]
    got = [line.rstrip() for line in printed.rstrip().splitlines()]
    pattern = "\n".join(line.replace("[", "[[]").replace("...", "*") for line in want)
    assert fnmatch.fnmatchcase("\n".join(got), pattern), f"{place} printed:\n{printed}"


@every_page
def test_settings_are_settings(page: Path, tmp_path: Path) -> None:
    for block in _of(page, "toml"):
        path = tmp_path / "config.toml"
        path.write_text(block.text)
        config_sources.load(path, {})


@every_page
def test_commands_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in _of(page, "sh") for line in block.text.splitlines()]
    for line in lines:
        words = shlex.split(line.removeprefix(".venv/bin/"), comments=True)
        if words[:1] == ["ocpptrio"]:
            command = [word for word in words[1:4] if re.fullmatch(r"[a-z][a-z-]*", word)]
            assert main([*command, "--help"]) == 0, line
            help_text = capsys.readouterr().out
            options = [word for word in words if word.startswith("-")]
            assert all(option in help_text for option in options), line


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (DOCS / link).exists(), f"{page.name}: {link}"

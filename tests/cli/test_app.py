import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command

COMMANDS = {
    "serve": (),
    "simulate": (),
    "check-config": (),
    "charge-points": (
        *("list", "show", "attempts", "add", "adopt", "set", "set-password", "remove"),
    ),
    "tags": ("list", "add", "set", "block", "unblock", "remove", "import", "export"),
    "transactions": ("list", "show", "export", "orphans"),
    "journal": ("tail", "show", "export"),
}


def python(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # options are passed on
        [sys.executable, "-c", code], text=True, capture_output=True, check=False, **options
    )


def test_help_names_every_command(ocpptrio: Command) -> None:
    out = ocpptrio("--help").out
    assert [name for name in COMMANDS if f" {name} " not in out] == []
    assert ocpptrio().out == out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_names_what_it_can_do(ocpptrio: Command, name: str) -> None:
    out = ocpptrio(name, "--help").out
    assert [command for command in COMMANDS[name] if f" {command} " not in out] == []
    for command in COMMANDS[name]:
        assert f"Usage: ocpptrio {name} {command}" in ocpptrio(name, command, "--help").out


def test_help_is_quick_because_it_imports_no_command() -> None:
    ended = python(
        "import sys; from ocpptrio.__main__ import main; main(['--help'])\n"
        "print(sorted(name for name in sys.modules if name.startswith('ocpptrio.')))"
    )
    imported = ended.stdout.splitlines()[-1]
    assert "ocpptrio.cli.app" in imported
    for heavy in ("ocpptrio.central_system", "ocpptrio.protocol", "ocpptrio.cli.serve"):
        assert heavy not in imported, imported


def test_wrong_usage_is_one_line_on_stderr_and_status_2(ocpptrio: Command) -> None:
    assert ocpptrio("tags", "list", "--jsn", status=2).err == (
        "ocpptrio: Unknown option: --jsn. Did you mean --json?\n"
    )
    assert 'Did you mean "tags"?' in ocpptrio("tag", status=2).err
    assert ocpptrio("tags", "set", status=2).err.count("\n") == 1


def test_the_version_is_told(ocpptrio: Command) -> None:
    assert ocpptrio("--version").out == "0.1.0\n"


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_says_what_to_install(missing: str) -> None:
    ended = python(
        f"import sys; sys.modules['{missing}'] = None\n"
        "from ocpptrio.__main__ import main; sys.exit(main(['tags', 'list']))"
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"ocpptrio: this needs {missing}: pip install 'ocpptrio[server]'\n"


def test_a_module_that_no_extra_brings_is_our_own_mistake() -> None:
    ended = python(
        "import sys; sys.modules['apsw'] = None\n"
        "from ocpptrio.__main__ import main; sys.exit(main(['tags', 'list']))"
    )
    assert "Traceback" in ended.stderr


def test_a_reader_that_has_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "ocpptrio", "check-config"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_the_quirks_of_the_simulator_are_listed(ocpptrio: Command) -> None:
    lines = ocpptrio("simulate", "--list-quirks").out.splitlines()
    assert lines[0].split()[0] == "quirk"
    assert [line.split()[0] for line in lines[1:]] == [f"q{number}" for number in range(1, 58)]


def test_an_error_cannot_command_the_terminal(ocpptrio: Command) -> None:
    ocpptrio("tags", "add", "A")
    error = ocpptrio("tags", "remove", "\x1b[2J\x9b1m", status=1).err
    assert error == "ocpptrio: no tag \\x1b[2J\\x9b1m; see the list of tags\n"


@pytest.mark.parametrize(
    "command",
    [
        ("charge-points", "remove", "CP1"),
        ("tags", "block", "A"),
        ("tokens", "remove", "1"),
        ("transactions", "end", "1"),
    ],
)
def test_what_changes_something_makes_no_database(
    ocpptrio: Command, path: Path, command: tuple[str, ...]
) -> None:
    assert "no database at" in ocpptrio(*command, status=1).err
    assert not path.exists()

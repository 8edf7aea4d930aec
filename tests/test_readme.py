"""What README shows is true: its example runs, its commands exist, its links lead somewhere."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed

from ocpptrio.cli.app import main
from tests.clients import connection

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def example(name: str) -> str:
    match = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert match is not None
    return match[1]


async def test_the_embedding_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("OCPPTRIO_OCPP_PORT", str(port))
    monkeypatch.setenv("OCPPTRIO_STORE_PATH", str(tmp_path / "example.db"))
    names: dict[str, Any] = {}  # Any: what the example defines
    code, run = example("embedding").rsplit("trio.run(main)", 1)
    assert not run.strip()
    exec(compile(code, "README.md", "exec"), names)  # our own README
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(names["main"])
            await _charge_point(port)
    printed = capsys.readouterr().out
    assert "Booted(" in printed
    assert "\nAccepted\n" in printed


async def _charge_point(port: int) -> None:
    while True:
        try:
            async with connection("127.0.0.1", port, "/ocpp/CP1") as point:
                hello = {"vendorId": "com.example"}
                assert (await point.call("DataTransfer", hello))["data"] == "hello"
                await point.boot()
                frame = await point.receive()
                assert frame[2:] == ["Reset", {"type": "Soft"}]
                await point.send(3, frame[1], {"status": "Accepted"})
                with pytest.raises(ConnectionClosed):
                    await point.receive()
                return
        except OSError:
            await trio.lowlevel.checkpoint()  # the example has not bound its port yet


def test_every_relative_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_command_shown_exists(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^(?:\$ )?\.venv/bin/ocpptrio (.+?)(?: +#.*)?$", README, re.MULTILINE)
    assert len(shown) >= 8
    for line in shown:
        words = line.split()
        options = [word for word in words if word.startswith("-")]
        command = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]*", word)]
        assert main([*command, "--help"]) == 0, line
        help_text = capsys.readouterr().out
        assert "Usage: ocpptrio " + " ".join(command) in help_text, line
        assert all(option in help_text for option in options), line


def test_the_set_up_is_one_command_each() -> None:
    command = re.search(r"<!-- test command -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert command is not None
    assert command[1].count("\n") == 0
    assert "\n" not in command[1].strip()

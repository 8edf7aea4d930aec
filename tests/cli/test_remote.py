"""Commands through the API of a daemon: what is asked, what goes wrong, and who asks."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import Failed
from ocpptrio.cli.remote import Remote
from ocpptrio.store import charge_points
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import token_for
from tests.cli.conftest import Command, There
from tests.clients import BOOT
from tests.test_central_system import Wire, plug_in

SOFT = '{"type": "Soft"}'
RESET = ("call", "CP1", "Reset", SOFT)


@asynccontextmanager
async def plugged_in(there: There) -> AsyncIterator[Wire]:
    async with trio.open_nursery() as nursery:
        wire = plug_in(there.central, nursery)
        await wire.call("BootNotification", BOOT)
        yield wire
        nursery.cancel_scope.cancel()


async def answer(wire: Wire, payload: object) -> list[object]:
    """Answer the next CALL."""
    call: list[object] = await wire.receive()
    await wire.send(3, call[1], payload)
    return call


async def register(there: There) -> None:
    await there.central.store.write(
        lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=1)
    )


# call.


async def test_what_is_answered_is_printed(there: There) -> None:
    async with plugged_in(there) as wire, trio.open_nursery() as nursery:
        nursery.start_soon(answer, wire, {"status": "Accepted"})
        said = await there(*RESET)
    assert said.lines == ['{"status":"Accepted"}', "effect awaited"]
    (command,) = await there.central.store.read(
        lambda reader: reader.rows("SELECT * FROM commands")
    )
    assert any("token" in str(value) for value in command), "it says who asked"


async def test_what_is_refused_ends_with_status_1(there: There) -> None:
    async with plugged_in(there) as wire, trio.open_nursery() as nursery:
        nursery.start_soon(answer, wire, {"status": "Rejected"})
        said = await there(*RESET, status=1)
    assert (said.out, said.err) == (
        '{"status":"Rejected"}\n',
        "ocpptrio: command 1 was answered Rejected\n",
    )


async def test_the_effect_is_waited_for(there: There) -> None:
    async def reset(wire: Wire) -> None:
        await answer(wire, {"status": "Accepted"})
        await wire.call("BootNotification", BOOT)

    async with plugged_in(there) as wire, trio.open_nursery() as nursery:
        nursery.start_soon(reset, wire)
        said = await there(*RESET, "--until-effect", "--wait", "20s")
    assert said.lines[1].startswith("effect seen: ")


async def test_programs_get_the_same_as_from_the_database(
    there: There, ocpptrio: Command, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(there)
    remote = (await there(*RESET, "--key", "k", "--json")).json
    monkeypatch.delenv("OCPPTRIO_URL")
    database = str(path.with_name("here.db"))
    await there("charge-points", "add", "CP1", "--database", database)
    here = (await there(*RESET, "--key", "k", "--json", "--database", database)).json
    assert remote.pop("requested_by") == "token 2 test admin"
    assert here.pop("requested_by") is None
    assert remote.keys() == here.keys()
    times = {name for name in here if name.endswith("_at")}
    assert {name: remote[name] for name in here if name not in times} == {
        name: here[name] for name in here if name not in times
    }


async def test_one_that_is_not_there_is_not_waited_for(there: There) -> None:
    await register(there)
    said = (await there(*RESET, "--expires", "2h")).out
    assert said.startswith("command 1 is queued until ")
    assert said.endswith(": CP1 is not connected\n")
    error = (await there(*RESET, "--key", "k", "--wait", "0.1", status=1)).err
    assert error == (
        "ocpptrio: command 2 is still queued; to see what becomes of it: "
        f"{there.url}/api/v1/commands/2\n"
    )
    await there(*RESET, "--key", "k")
    found = await there.central.store.read(lambda reader: reader.rows("SELECT * FROM commands"))
    assert len(found) == 2, "the same key is sent once"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("CP9/x", "ClearCache"), "CP9/x is not registered"),
        (("CP1", "Reset", "{}"), "Reset: object missing required field type"),
        (("CP1", "Reste"), "did you mean Reset?"),
    ],
)
async def test_what_cannot_be_asked_is_told(
    there: There, arguments: tuple[str, ...], error: str
) -> None:
    assert error in (await there("call", *arguments, status=1)).err


# What goes wrong on the way.


async def test_nobody_there_is_told(there: There) -> None:
    await there.server.stop()
    error = (await there("users", "list", status=1)).err
    assert f"{there.url} cannot be reached: " in error
    assert "does the daemon run there" in error


async def test_without_a_token_it_says_how_to_get_one(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OCPPTRIO_TOKEN")
    error = (await there("users", "list", status=1)).err
    assert "wants a token: set OCPPTRIO_TOKEN, or give --token-file" in error
    assert "ocpptrio tokens add NAME --role ROLE" in error


async def test_a_token_that_is_not_good_is_told_and_not_shown(there: There) -> None:
    error = (await there("users", "list", "--token", "ocpptrio_secret", status=1)).err
    assert "does not know the token of --token: it was removed, has expired, or" in error
    assert "secret" not in error


async def test_a_role_that_is_not_enough_is_told(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_TOKEN", await token_for(there.central, Role.VIEWER))
    error = (await there("users", "list", status=1)).err
    assert "this needs the role admin, you are viewer" in error
    assert "ocpptrio tokens add NAME --role ROLE" in error


async def test_the_address_of_charge_points_is_none_of_an_api(there: There) -> None:
    host, port = there.central.addresses[0]
    error = (await there("users", "list", "--url", f"http://{host}:{port}", status=1)).err
    assert "is this its address?" in error or "speaks no HTTP" in error


async def test_what_speaks_no_http_is_told(there: There) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"220 mail.example.com\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, hang_up, 0)
        port = listeners[0].socket.getsockname()[1]
        error = (await there("users", "list", "--url", f"http://127.0.0.1:{port}", status=1)).err
        nursery.cancel_scope.cancel()
    assert "cut the connection, or speaks no HTTP" in error


async def test_a_redirect_is_told_and_not_followed(there: There) -> None:
    async def redirect(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(
            b"HTTP/1.1 301 Moved\r\nLocation: https://ocpp.example.com/\r\n"
            b"Content-Length: 0\r\n\r\n"
        )

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, redirect, 0)
        port = listeners[0].socket.getsockname()[1]
        error = (await there("users", "list", "--url", f"http://127.0.0.1:{port}", status=1)).err
        nursery.cancel_scope.cancel()
    assert "answers 301 (see https://ocpp.example.com/)" in error


# Where, and as whom.


async def test_a_token_that_is_not_good_is_told_with_where_it_comes_from(
    there: There, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCPPTRIO_TOKEN", "ocpptrio_old")
    error = (await there("users", "list", status=1)).err
    assert "does not know the token of OCPPTRIO_TOKEN" in error
    assert "on the machine of the daemon: ocpptrio tokens add NAME --role ROLE" in error
    file = tmp_path / "token"
    file.write_text("ocpptrio_older")
    error = (await there("users", "list", "--token-file", str(file), status=1)).err
    assert f"does not know the token of {file}:" in error
    monkeypatch.setenv("OCPPTRIO_TOKEN", "")
    monkeypatch.setenv("OCPPTRIO_TOKEN_FILE", str(file))
    error = (await there("users", "list", status=1)).err
    assert f"does not know the token of {file} (OCPPTRIO_TOKEN_FILE):" in error


def token_of(remote: Remote, environment: dict[str, str]) -> str | None:
    client = remote.client(FROM_SETTINGS, {"OCPPTRIO_URL": "http://x"} | environment)
    assert client is not None
    return client._headers.get("Authorization")


def test_a_token_comes_from_the_option_the_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("ocpptrio_file\nsecond line\n")
    both = {"OCPPTRIO_TOKEN": "ocpptrio_environment", "OCPPTRIO_TOKEN_FILE": str(file)}
    assert token_of(Remote(), {}) is None
    assert token_of(Remote(), both) == "Bearer ocpptrio_environment"
    assert token_of(Remote(token_file=file), both) == "Bearer ocpptrio_file"
    assert token_of(Remote(token="ocpptrio_option"), both) == "Bearer ocpptrio_option"
    assert token_of(Remote(), {"OCPPTRIO_TOKEN_FILE": str(file)}) == "Bearer ocpptrio_file"


def test_a_token_is_in_no_representation_of_the_options() -> None:
    assert "secret" not in repr(Remote(token="secret"))


@pytest.mark.parametrize(
    ("remote", "error"),
    [
        (Remote(token="a", token_file=Path("b")), "give --token or --token-file, not both"),
        (Remote(token="two secrets"), "--token holds no token"),
        (Remote(token="sécret"), "--token holds no token"),
        (Remote(token_file=Path("/nowhere/token")), "/nowhere/token: the token cannot be read"),
        (Remote(url="host:8081"), "--url host:8081: write http://192.0.2.1:8081"),
        (Remote(url="ws://host:8081"), "write http://"),
        (Remote(url="http://"), "write http://"),
        (Remote(url="http://host:x"), "write http://"),
        (Remote(url="http://host/?a=b"), "write http://"),
        (Remote(url="http://anna:secret@host"), "no user and password in it"),
    ],
)
def test_what_is_no_address_and_no_token_is_told(remote: Remote, error: str) -> None:
    with pytest.raises(Failed) as told:
        remote.client(FROM_SETTINGS, {"OCPPTRIO_URL": "http://x"})
    assert error in str(told.value)
    assert "secret" not in str(told.value)


def test_a_database_that_is_named_goes_before_the_environment() -> None:
    here = Database(path=Path("a.db"))
    assert Remote().client(here, {"OCPPTRIO_URL": "http://x"}) is None
    with pytest.raises(Failed, match="not both"):
        Remote(url="http://x").client(here, {})
    with pytest.raises(Failed, match="a token is for --url"):
        Remote(token="a").client(FROM_SETTINGS, {})


def test_an_address_with_the_path_of_the_api_is_the_same_one() -> None:
    client = Remote(url="https://ocpp.example.com/sub/api/v1/").client(FROM_SETTINGS, os.environ)
    assert client is not None
    assert client.url == "https://ocpp.example.com/sub"

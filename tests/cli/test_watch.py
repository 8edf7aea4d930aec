"""`ocpptrio watch`: from the database here, and through the API of a daemon."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpptrio.cli import remote as remote_module
from ocpptrio.cli.event_lines import line
from ocpptrio.cli.options import Database
from ocpptrio.cli.output import Failed, Output
from ocpptrio.cli.remote import Remote
from ocpptrio.cli.watch import watch
from ocpptrio.store import access, charge_points
from ocpptrio.store.driver import Db
from ocpptrio.store.sqlite import SqliteStore
from tests.cli.conftest import Command, There

JSON = Output(json=True)


def registering(*names: str) -> Any:  # Any: a work
    def work(db: Db) -> None:
        for name in names:
            charge_points.add(db, charge_point_id=name, origin="added", at_us=1)

    return work


@asynccontextmanager
async def watching(**options: Any) -> AsyncIterator[None]:
    """While it runs beside."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(watch, **options))
        yield
        nursery.cancel_scope.cancel()


# Here.


async def test_what_happens_is_shown_once_and_in_order(
    path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    async with SqliteStore(path, inline=True) as store:
        await store.write(registering("OLD"))
        async with watching(database=Database(path=path)):
            await trio.sleep(1)
            assert capsys.readouterr().out == ""
            await store.write(registering("CP1", "CP2"))
            await trio.sleep(1)
            assert capsys.readouterr().out.splitlines() == [
                "2  1970-01-01 00:00:00.000  CP1  Registered  origin added",
                "3  1970-01-01 00:00:00.000  CP2  Registered  origin added",
            ]
        async with watching(database=Database(path=path), since_number=0, charge_point="CP2"):
            await trio.sleep(1)
            (told,) = capsys.readouterr().out.splitlines()
            assert told.startswith("3 ")
        async with watching(database=Database(path=path), since_number=0, kind=["Edited"]):
            await trio.sleep(1)
            assert capsys.readouterr().out == ""


async def test_events_that_are_missing_are_told(
    path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    async with SqliteStore(path, inline=True) as store:
        await store.write(registering("A", "B", "C"))
        await store.write(lambda db: db.run("DELETE FROM events WHERE number < 3"))
        async with watching(database=Database(path=path), since_number=1):
            await trio.sleep(1)
            assert capsys.readouterr().out == (
                "events are missing: what came after it is not kept any more (the oldest is 3); "
                "goes on after 3\n"
            )
            await store.write(registering("D"))
            await trio.sleep(1)
            assert capsys.readouterr().out.startswith("4 ")
        async with watching(database=Database(path=path), since_number=99, output=JSON):
            await trio.sleep(1)
            assert json.loads(capsys.readouterr().out) == {
                "number": 4,
                "kind": "reset",
                "oldest": 3,
                "reason": "it is none of this database",
            }


def test_a_kind_that_is_none_is_told(ocpptrio: Command) -> None:
    error = ocpptrio("watch", "--kind", "TransactionStart", status=1).err
    assert error == (
        "ocpptrio: there are no events of kind TransactionStart; did you mean TransactionStarted?\n"
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"connector_id": 0, "status": "Available", "error_code": "NoError"}, "status Available"),
        (
            {"connector_id": 1, "error_code": "GroundFailure"},
            "connector 1, error code GroundFailure",
        ),
        ({"energy_wh": 1234, "power_w": 11040.0}, "energy 1.234 kWh, power 11040 W"),
        ({"expires_at": "2026-11-22T12:00:00Z"}, "expires 2026-11-22 12:00:00"),
        ({"counts": {"answered": 3}, "keys": ["A", "B"]}, "counts answered=3, keys A B"),
        ({"skew_us": -1_500_000, "late": True, "triggered": False}, "skew -1.5 s, late"),
        ({"reason": "\x1b[2Jgone", "detail": None}, "reason \\x1b[2Jgone"),
    ],
)
def test_fields_are_shown_as_people_read_them(fields: dict[str, Any], said: str) -> None:
    event = {"number": 7, "kind": "K", "charge_point_id": "", "at": "2026-11-22T12:00:00.25Z"}
    assert line(event | fields) == f"7  2026-11-22 12:00:00.250  -  K  {said}"


# There.


class Cutter:
    """Between a client and the API: cuts connections after so many bytes of an answer."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self._port = port
        self._chance = chance
        self.cuts = 0

    async def serve(self, client: trio.SocketStream) -> None:
        async with (
            await trio.open_tcp_stream("127.0.0.1", self._port) as server,
            client,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self._pass_on, client, server)
            left = self._chance.randrange(300, 2000)
            while left > 0 and (data := await server.receive_some(left)):
                left -= len(data)
                await client.send_all(data)
            self.cuts += 1
            nursery.cancel_scope.cancel()

    async def _pass_on(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        async for data in client:
            await server.send_all(data)


async def numbers_until(
    last: int, capsys: pytest.CaptureFixture[str], seen: list[int], told: list[str]
) -> None:
    with trio.fail_after(20):
        while not seen or seen[-1] < last:
            printed = capsys.readouterr()
            seen += [json.loads(text)["number"] for text in printed.out.splitlines()]
            told += printed.err.splitlines()
            await trio.sleep(0.01)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_stream_that_is_cut_goes_on_without_gap_or_double(
    there: There, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(remote_module, "RETRY_S", 0.001)
    monkeypatch.setattr(remote_module, "LONGEST_RETRY_S", 0.01)
    cutter = Cutter(int(there.url.rpartition(":")[2]), random.Random(seed))
    await there.central.store.write(registering(*(f"CP{number}" for number in range(60))))
    seen: list[int] = []
    told: list[str] = []
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, cutter.serve, 0)
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        at = Remote(url=url, token=there.token)
        async with watching(remote=at, since_number=0, output=JSON):
            for number in range(60, 120):
                await there.central.store.write(registering(f"CP{number}"))
                await trio.sleep(0.002)
            await numbers_until(120, capsys, seen, told)
        nursery.cancel_scope.cancel()
    assert seen == list(range(1, 121))
    assert cutter.cuts > 3
    assert told[0].startswith("ocpptrio: the stream was cut: ")
    assert there.token not in "".join(told)


async def test_a_token_that_is_removed_ends_it(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_module, "RETRY_S", 0.001)
    cutter = Cutter(int(there.url.rpartition(":")[2]), random.Random(1))
    with pytest.RaisesGroup(
        pytest.RaisesExc(Failed, match="does not know the token"), flatten_subgroups=True
    ):
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, cutter.serve, 0)
            url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            at = Remote(url=url, token=there.token)
            async with watching(remote=at):
                await trio.sleep(0.3)
                await there.central.store.write(lambda db: access.remove_token(db, 2))
                names = (f"CP{number}" for number in range(30))
                await there.central.store.write(registering(*names))
                await trio.sleep(10)


async def test_events_that_are_missing_there_are_told(
    there: There, capsys: pytest.CaptureFixture[str]
) -> None:
    await there.central.store.write(registering("A", "B", "C"))
    await there.central.store.write(lambda db: db.run("DELETE FROM events WHERE number < 3"))
    async with watching(since_number=1):  # where the environment says
        printed = ""
        with trio.fail_after(10):
            while not printed:
                printed = capsys.readouterr().out
                await trio.sleep(0.01)
    assert printed.startswith("events are missing: what came after it is not kept any more")


async def test_nobody_there_at_first_is_an_error(there: There) -> None:
    await there.server.stop()
    assert "cannot be reached" in (await there("watch", status=1)).err

"""Live events over real sockets: each once and in order, whatever happens to the connection."""

import json
import random
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from ocpptrio import presentation
from ocpptrio.api import recent, streams
from ocpptrio.api.metrics import exposition
from ocpptrio.api.server import ApiServer
from ocpptrio.central_system import CentralSystem
from ocpptrio.config import ApiSettings
from ocpptrio.store import access, charge_points, events
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import Client, token_for
from tests.clients import test_settings
from tests.test_central_system import Wire, plug_in

BOOT = {"chargePointVendor": "VendorX", "chargePointModel": "SingleSocket"}
FLEET = 200


class Serving:
    """A central system with its API on a socket."""

    def __init__(self, central: CentralSystem, server: ApiServer, token: str) -> None:
        self.central = central
        self.server = server
        self.token = token
        self.port = int(server.urls[0].rpartition(":")[2])

    @asynccontextmanager
    async def watching(self, query: str = "", **options: Any) -> AsyncIterator["Watching"]:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            watching = Watching(stream)
            await watching.ask(self.token, query, **options)
            yield watching

    async def numbers(self, **filters: Any) -> list[int]:
        """Of all events in the table."""
        found = await self.central.store.read(
            lambda reader: events.since(reader, 0, limit=1_000_000, **filters)
        )
        return [numbered.number for numbered in found]

    async def register(self, *names: str) -> None:
        def work(db: Db) -> None:
            for name in names:
                charge_points.add(db, charge_point_id=name, origin="added", at_us=1)

        await self.central.store.write(work)


class Watching:
    """A client of the stream, without any help: what it has read, and what is still to be read."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.status = 0
        self.headers = ""
        self.last_id: str | None = None
        self._buffer = b""

    async def ask(self, token: str, query: str, *, last_id: str | None = None) -> None:
        # HTTP/1.0: the body ends with the connection, and is not in chunks.
        lines = [f"GET /api/v1/events/stream{query} HTTP/1.0", "Host: x"]
        lines += [f"Authorization: Bearer {token}"]
        lines += [] if last_id is None else [f"Last-Event-ID: {last_id}"]
        await self.stream.send_all("\r\n".join([*lines, "", ""]).encode())

    async def begin(self) -> None:
        while b"\r\n\r\n" not in self._buffer:
            assert await self._read()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        self.headers = head.decode()
        self.status = int(self.headers.split()[1])

    async def message(self) -> dict[str, Any] | None:
        """The next message with data; None: the stream has ended."""
        while True:
            while b"\n\n" not in self._buffer:
                if not await self._read():
                    return None
            block, _, self._buffer = self._buffer.partition(b"\n\n")
            fields = dict(re.findall(r"^(\w+): (.*)$", block.decode(), re.MULTILINE))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                body: dict[str, Any] = json.loads(fields["data"])
                assert (fields["id"], fields["event"]) == (str(body["number"]), body["kind"])
                return body

    async def several(self, count: int) -> list[dict[str, Any]]:
        found = []
        with trio.fail_after(30):
            for _ in range(count):
                message = await self.message()
                assert message is not None
                found.append(message)
        return found

    async def _read(self) -> bool:
        data = await self.stream.receive_some(65_536)
        self._buffer += data
        return bool(data)


@asynccontextmanager
async def opened(**api: Any) -> AsyncIterator[Serving]:
    settings = msgspec.structs.replace(test_settings(), api=ApiSettings(port=0, **api))
    async with CentralSystem(settings, inline_store=True) as central:
        server = ApiServer(central)
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run)
            yield Serving(central, server, await token_for(central, Role.VIEWER))
            await server.stop()


async def work(wire: Wire, messages: int, chance: random.Random) -> None:
    """What a charge point does: boots, and then some."""
    await wire.call("BootNotification", BOOT)
    for number in range(messages):
        status = ("Available", "Preparing")[number % 2]
        await wire.send(
            2,
            f"s{number}",
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": status},
        )
        await wire.receive()
        await trio.sleep(chance.random() * 0.05)


@pytest.mark.parametrize(("seed", "kept_bytes"), [(1, 600), (2, 4_000_000)])
async def test_a_client_that_is_cut_at_random_gets_each_event_once_and_in_order(
    seed: int, kept_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "KEPT_BYTES", kept_bytes)
    monkeypatch.setattr(streams, "PAUSE_S", 0.005)
    chance = random.Random(seed)
    seen: list[int] = []
    cuts = 0
    done = trio.Event()

    async def watch(serving: Serving) -> None:
        nonlocal cuts
        last_id: str | None = "0"
        while not (done.is_set() and seen[-1:] == (await serving.numbers())[-1:]):
            async with serving.watching(last_id=last_id) as watching:
                watching.last_id = last_id
                await watching.begin()
                # Cut after so many, wherever in the text that is; or when all is quiet.
                for _ in range(chance.randrange(200)):
                    with trio.move_on_after(0.3) as quiet:
                        message = await watching.message()
                    if quiet.cancelled_caught or message is None:
                        break
                    seen.append(message["number"])
                last_id = watching.last_id
            cuts += 1

    async with opened() as serving:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, serving)
            async with trio.open_nursery() as plugged:
                async with trio.open_nursery() as fleet:
                    for number in range(FLEET):
                        wire = plug_in(serving.central, plugged, f"CP{number}")
                        fleet.start_soon(work, wire, 6, chance)
                plugged.cancel_scope.cancel()
            done.set()
        assert seen == await serving.numbers()
    assert len(seen) > 8 * FLEET
    assert cuts > 10


async def test_what_is_not_recent_enough_comes_from_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "KEPT_BYTES", 600)
    async with opened() as serving, serving.watching() as watching:
        await watching.begin()
        await serving.register("CP0")
        await watching.several(1)
        await serving.register(*(f"CP{number}" for number in range(1, 50)))  # in one commit
        expected = list(range(2, 51))
        assert [message["number"] for message in await watching.several(49)] == expected


async def test_a_watcher_that_never_reads_costs_nothing_and_gets_everything_afterwards() -> None:
    text, fleet_size = "x" * 12_000, 50
    async with (
        opened() as serving,
        serving.watching() as watching,
        trio.open_nursery() as plugged,
    ):
        await watching.begin()

        async def send(wire: Wire, first: int) -> None:
            if first == 0:
                await wire.call("BootNotification", BOOT)
            for number in range(first, first + 10):
                await wire.send(2, f"d{number}", "DataTransfer", {"vendorId": "V", "data": text})
                await wire.receive()

        wires = [plug_in(serving.central, plugged, f"CP{number}") for number in range(fleet_size)]
        kept = []
        tracemalloc.start()
        try:
            for first in (0, 10):
                with trio.fail_after(30):
                    async with trio.open_nursery() as fleet:
                        for wire in wires:
                            fleet.start_soon(send, wire, first)
                kept.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        # As much again came, and is not in memory.
        assert kept[1] - kept[0] < fleet_size * 10 * len(text) / 5
        expected = await serving.numbers()
        assert [one["number"] for one in await watching.several(len(expected))] == expected
        plugged.cancel_scope.cancel()


async def test_a_watcher_that_never_reads_does_not_keep_the_daemon_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ocpptrio.api.server.GRACE_S", 0.2)
    async with (
        opened() as serving,
        serving.watching() as watching,
        trio.open_nursery() as plugged,
    ):
        await watching.begin()
        wire = plug_in(serving.central, plugged, "CP1")
        await wire.call("BootNotification", BOOT)
        for number in range(100):
            await wire.send(
                2, str(number), "DataTransfer", {"vendorId": "V", "data": "x" * 100_000}
            )
            await wire.receive()
        began = trio.current_time()
        await serving.server.stop()
        assert trio.current_time() - began < 1  # it is not the time-out of `stop` that ends it
        plugged.cancel_scope.cancel()


async def test_a_stream_begins_now_and_has_only_what_was_asked_for() -> None:
    async with opened() as serving:
        await serving.register("CP1")
        async with (
            serving.watching() as everything,
            serving.watching("?charge_point_id=CP2") as one,
            serving.watching("?kind=Connected&kind=Booted") as kinds,
            trio.open_nursery() as nursery,
        ):
            for watching in (everything, one, kinds):
                await watching.begin()
                assert watching.status == 200
            assert "text/event-stream" in everything.headers
            assert "content-encoding" not in everything.headers.lower()
            await serving.register("CP3")
            wire = plug_in(serving.central, nursery, "CP2")
            await wire.call("BootNotification", BOOT)
            expected = ["Registered", "Connected", "Booted"]
            assert [m["kind"] for m in await one.several(3)] == expected
            assert [m["kind"] for m in await everything.several(4)] == ["Registered", *expected]
            assert [m["kind"] for m in await kinds.several(2)] == ["Connected", "Booted"]
            nursery.cancel_scope.cancel()


async def test_silence_is_broken_by_a_sign_of_life_that_knows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    async with opened() as serving, serving.watching("?charge_point_id=CP9") as watching:
        await watching.begin()
        await serving.register("CP1", "CP2")
        with trio.move_on_after(0.5):
            await watching.message()
        assert watching.last_id == "2"


@pytest.mark.parametrize("asked", ["2", "99"])
async def test_who_asks_for_what_is_not_kept_is_told_to_begin_anew(asked: str) -> None:
    async with opened() as serving:
        await serving.register(*(f"CP{number}" for number in range(6)))
        await serving.central.store.write(lambda db: db.run("DELETE FROM events WHERE number <= 4"))
        async with serving.watching(last_id=asked) as watching:
            await watching.begin()
            (reset,) = await watching.several(1)
            assert (reset["kind"], reset["number"], reset["oldest"]) == ("reset", 6, 5)
            await serving.register("CP7")
            assert [m["number"] for m in await watching.several(1)] == [7]
        async with serving.watching("?after=4") as watching:
            await watching.begin()
            assert [m["number"] for m in await watching.several(3)] == [5, 6, 7]


async def test_a_stream_ends_when_its_token_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    async with opened() as serving:
        async with serving.watching() as watching:
            await watching.begin()
            await serving.central.store.write(lambda db: access.remove_token(db, 1))
            with trio.fail_after(5):
                assert await watching.message() is None
        async with serving.watching() as watching:
            await watching.begin()
            assert watching.status == 401


async def test_there_are_so_many_streams_and_no_more() -> None:
    async with opened(max_streams=1) as serving:
        async with serving.watching() as first:
            await first.begin()
            async with serving.watching() as second:
                await second.begin()
                assert second.status == 503
                assert "retry-after" in second.headers.lower()
            _, text = await exposition(serving.central)
            assert b"\nocpptrio_streams 1.0\n" in text
        with trio.fail_after(5):
            status = 0
            while status != 200:  # the server has still to notice that the first one is gone
                async with serving.watching() as third:
                    await third.begin()
                    status = third.status


async def test_streams_end_when_the_central_system_does() -> None:
    async with opened() as serving, serving.watching() as watching:
        await watching.begin()
        serving.central.stop()
        with trio.fail_after(5):
            assert await watching.message() is None


async def test_an_event_is_encoded_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    real = presentation.public_event

    def counting(numbered: Any) -> Any:
        encoded.append(numbered.number)
        return real(numbered)

    monkeypatch.setattr(recent, "public_event", counting)
    async with opened() as serving, serving.watching() as first, serving.watching() as second:
        await first.begin()
        await second.begin()
        await serving.register("CP1", "CP2")
        assert len(await first.several(2)) == len(await second.several(2)) == 2
    assert encoded == [1, 2]


async def test_events_are_listed_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ocpptrio.api.routes.events.WINDOW", 4
    )  # rare ones are looked for a stretch at a time
    async with opened() as serving:
        await serving.register(*(f"CP{number}" for number in range(10)))
        headers = {"Authorization": f"Bearer {serving.token}"}
        base = f"http://127.0.0.1:{serving.port}/api/v1/"
        async with Client(base_url=base, headers=headers) as client:

            async def pages(**parameters: Any) -> list[list[int]]:
                found = []
                while True:
                    answer = (await client.get("events", params=parameters)).json()
                    found.append([item["number"] for item in answer["items"]])
                    if answer["next_cursor"] is None:
                        return found
                    parameters["cursor"] = answer["next_cursor"]

            assert await pages(limit=3) == [[10, 9, 8], [7, 6, 5], [4, 3, 2], [1]]
            assert await pages(after=2, before=9, limit=4) == [[3, 4, 5, 6], [7, 8]]
            assert await pages(before=4) == [[3, 2, 1]]
            # What is rare is not looked for in one go.
            assert await pages(charge_point_id="CP0") == [[], [], [1]]
            assert await pages(charge_point_id="CP0", kind="Registered") == [[1]]  # by an index
            assert await pages(after=0, charge_point_id="CP9") == [[], [], [10]]
            assert await pages(kind="Booted") == [[], [], []]
            assert await pages(after=10) == [[]]

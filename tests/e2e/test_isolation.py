"""One charge point never disturbs another: not by a bug, a flood, a stall or half a connection.

Over real sockets, each with a second charge point that must notice nothing.
"""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog.testing
import trio
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.connection import INBOX_SIZE
from ocpptrio.errors import NotConnected
from ocpptrio.protocol.core import (
    ClearCache,
    DataTransfer,
    DataTransferResponse,
    DataTransferStatus,
)
from tests.clients import charge_point, close_code, test_settings
from tests.quirks.scene import BOOTED, Wire, frame, upgrade


@asynccontextmanager
async def with_bystander(**ocpp: Any) -> AsyncIterator[CentralSystem]:  # Any: OcppSettings' fields
    """A central system on which a second charge point works before, meanwhile and after."""
    async with (
        CentralSystem(test_settings(**ocpp), inline_store=True) as central,
        charge_point(central, "bystander") as bystander,
        trio.open_nursery() as nursery,
    ):
        await bystander.boot()
        wanted, enough = 10**9, trio.Event()
        answered = 0

        async def work() -> None:
            nonlocal answered
            while True:
                with trio.fail_after(2):  # it would notice
                    await bystander.call("Heartbeat")
                answered += 1
                if answered >= wanted:
                    enough.set()

        nursery.start_soon(work)
        yield central
        wanted = answered + 5
        with trio.fail_after(5):
            await enough.wait()
        nursery.cancel_scope.cancel()


async def test_take_over_by_the_newest_connection() -> None:
    async with (
        with_bystander() as central,
        charge_point(central) as old,
        trio.open_nursery() as nursery,
    ):
        await old.boot()
        outcome: list[str] = []

        async def ask() -> None:
            with pytest.raises(NotConnected, match="replaced"):
                await central.charge_point("CP1").call(ClearCache())
            outcome.append("told at once")

        nursery.start_soon(ask)
        assert (await old.receive())[2] == "ClearCache"  # never answered
        async with charge_point(central) as new:
            await new.boot()
            assert outcome == ["told at once"]
            with pytest.raises(ConnectionClosed):
                await old.receive()
            state = central.charge_point("CP1").state
            assert state is not None
            assert state.connected
            assert state.generation == 2
            # The old one's end, which comes later, does not take the new one away.
            nursery.start_soon(central.charge_point("CP1").call, ClearCache())
            frame = await new.receive()
            await new.send(3, frame[1], {"status": "Accepted"})


async def test_a_reader_that_stalls_holds_up_itself_alone() -> None:
    async with with_bystander() as central:
        with socket.create_connection(central.addresses[0]) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(_upgrade("stalled"))
            await _read_until(raw, b"\r\n\r\n")
            # Far more answers than its sockets can hold, none of them read.
            question = _masked(json.dumps([2, "1", "DataTransfer", {"vendorId": "v" * 200}]))
            raw.setblocking(False)
            sent = 0
            with trio.move_on_after(1):
                while sent < 40_000_000:
                    await trio.lowlevel.wait_writable(raw)
                    sent += raw.send(question * 50)
            assert sent > 100_000
            session = central.registry.get("stalled")
            assert session is not None
            assert session.connection is not None


async def test_a_flood_is_slowed_down_by_its_own_socket() -> None:
    async with with_bystander() as central, charge_point(central, "flooder") as flooder:
        handled = 0
        enough = trio.Event()

        async def slow(incoming: object, request: DataTransfer) -> DataTransferResponse:
            nonlocal handled
            handled += 1
            await enough.wait()
            return DataTransferResponse(status=DataTransferStatus.REJECTED)

        central.handlers[DataTransfer] = slow
        with trio.move_on_after(1):
            for number in range(1_000_000):
                await flooder.send(2, str(number), "DataTransfer", {"vendorId": "x" * 250})
        assert handled == 1
        enough.set()
        for number in range(INBOX_SIZE):
            assert (await flooder.receive())[1] == str(number)


async def test_a_message_of_3_megabytes_is_refused_with_1009() -> None:
    async with with_bystander() as central, charge_point(central, "huge") as huge:
        await huge.boot()
        try:
            await huge.send(2, "1", "DataTransfer", {"vendorId": "x", "data": "y" * 3_000_000})
        except ConnectionClosed:
            pass  # refused before all of it was sent
        with pytest.raises(ConnectionClosed) as caught:
            await huge.receive()
        assert close_code(caught.value) in (1009, 1006)


async def test_a_stop_of_200_kilobytes_is_taken() -> None:
    async with with_bystander() as central, charge_point(central) as wordy:
        await wordy.boot()
        values = [
            {"timestamp": f"2026-01-15T{h:02}:{m:02}:00Z", "sampledValue": [{"value": str(n)}] * 4}
            for n, (h, m) in enumerate((h, m) for h in range(24) for m in range(60))
        ]
        stop = {
            "transactionId": 7,
            "meterStop": 1,
            "timestamp": "2026-01-16T00:00:00Z",
            "transactionData": values,
        }
        assert len(json.dumps(stop)) > 180_000
        assert await wordy.call("StopTransaction", stop) == {}


async def test_a_half_open_socket_does_not_keep_the_charge_point_out() -> None:
    async with with_bystander() as central:
        # A client that vanished: its socket stays open, nothing comes from it any more.
        with socket.create_connection(central.addresses[0]) as vanished:
            vanished.sendall(_upgrade("CP1"))
            await _read_until(vanished, b"\r\n\r\n")
            async with charge_point(central) as back:
                assert (await back.boot())["status"] == "Accepted"
                assert "currentTime" in await back.call("Heartbeat")


async def test_slow_handshakes_are_cut_and_hold_nobody_up() -> None:
    async with with_bystander(handshake_timeout=0.5, max_handshakes=8) as central:
        slow = [socket.create_connection(central.addresses[0]) for _ in range(6)]
        try:
            for connection in slow:
                connection.sendall(b"GET /ocpp/SLOW HTTP/1.1\r\nHost: x\r\n")
            async with charge_point(central) as quick:
                await quick.boot()
            for connection in slow:
                connection.setblocking(False)
                with trio.fail_after(5):
                    await trio.lowlevel.wait_readable(connection)
                assert connection.recv(100) == b""
        finally:
            for connection in slow:
                connection.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS on the plain port
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 1000,
        b"POST /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"",
    ],
    ids=["tls", "no upgrade", "zeros", "post", "nothing"],
)
async def test_what_is_no_websocket_is_turned_away(nonsense: bytes) -> None:
    async with with_bystander(handshake_timeout=3) as central:
        with socket.create_connection(central.addresses[0]) as raw:
            raw.sendall(nonsense)
            if not nonsense:
                raw.shutdown(socket.SHUT_WR)
            raw.setblocking(False)
            with trio.fail_after(5):
                while True:
                    await trio.lowlevel.wait_readable(raw)
                    try:
                        if not raw.recv(1000):
                            break
                    except ConnectionResetError:
                        break


async def test_an_exception_in_a_handler_costs_one_answer() -> None:
    async with with_bystander() as central, charge_point(central) as unlucky:
        await unlucky.boot()

        async def fail(incoming: object, request: object) -> Any:  # Any: never returns
            raise ZeroDivisionError

        central.handlers[DataTransfer] = fail
        frame = await unlucky.ask("DataTransfer", {"vendorId": "x"})
        assert (frame[0], frame[2]) == (4, "InternalError")
        assert "currentTime" in await unlucky.call("Heartbeat")


async def test_an_exception_outside_a_handler_costs_one_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with with_bystander() as central, charge_point(central) as unlucky:
        await unlucky.boot()
        session = central.registry.get("CP1")
        assert session is not None

        def broken(data: str) -> None:
            raise ZeroDivisionError

        assert session.connection is not None
        monkeypatch.setattr(session.connection._conversation, "receive", broken)
        with pytest.raises(ConnectionClosed):
            await unlucky.call("Heartbeat")
        async with charge_point(central) as again:
            await again.boot()


def _upgrade(identity: str) -> bytes:
    return (
        f"GET /ocpp/{identity} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    ).encode()


def _masked(text: str) -> bytes:
    payload = text.encode()
    assert 125 < len(payload) < 65_536
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + b"\x00" * 4 + payload


async def _read_until(raw: socket.socket, end: bytes) -> bytes:
    raw.setblocking(False)
    data = b""
    with trio.fail_after(5):
        while end not in data:
            await trio.lowlevel.wait_readable(raw)
            data += raw.recv(4096)
    return data


async def test_a_ping_that_crosses_our_close_is_no_failure() -> None:
    with structlog.testing.capture_logs() as lines:
        async with with_bystander() as central, Wire.to(central) as wire:
            await wire.open(upgrade("/ocpp/CP1"))
            await wire.send_text(BOOTED)
            await wire.message()
            connection = central.registry.session("CP1").connection
            assert connection is not None
            connection.close(1001, "going")
            assert await wire.close_code() == 1001
            await wire.send(frame(b"", first=0x89))
            await wire.send(frame(b"\x03\xe9", first=0x88))
            assert await wire.rest() == b""  # no pong: after a close frame nothing is sent
    assert [line["event"] for line in lines if line["log_level"] == "error"] == []

"""What the tests of odd charge points share: tags, transactions, time, and raw bytes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import Settings, VendorProfileSettings
from ocpptrio.session.state import SessionState
from ocpptrio.store import charge_points, deviations, id_tags, meter_readings, transactions
from ocpptrio.store.records import IdTagRecord, MeterReading, TransactionRecord
from tests.clients import RawChargePoint, test_settings

TIME = "2026-01-15T08:00:00Z"
TIME_US = 1_768_464_000_000_000
TAG = "04A1B2C3"
BOOTED = json.dumps(
    [2, "boot", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]
).encode()


# What is in the central system.


async def register(central: CentralSystem, identity: str = "CP1", **fields: Any) -> None:
    """Any: columns."""
    await central.store.write(
        lambda db: charge_points.add(
            db, charge_point_id=identity, origin="added", at_us=0, **fields
        )
    )


async def put_tag(central: CentralSystem, id_tag: str, **fields: Any) -> None:
    """Any: columns."""
    record = IdTagRecord(id_tag=id_tag, created_at_us=0, **fields)
    await central.store.write(lambda db: id_tags.put(db, record))


def state(central: CentralSystem, identity: str = "CP1") -> SessionState:
    found = central.charge_point(identity).state
    assert found is not None
    return found


async def transaction(central: CentralSystem, transaction_id: int) -> TransactionRecord:
    record = await central.store.read(lambda reader: transactions.get(reader, transaction_id))
    assert record is not None
    return record


async def all_transactions(central: CentralSystem) -> list[TransactionRecord]:
    """Newest first."""
    return await central.store.read(transactions.listed)


async def readings(central: CentralSystem, identity: str = "CP1") -> list[MeterReading]:
    return await central.store.read(
        lambda reader: meter_readings.of_charge_point(reader, identity, since_us=0, until_us=2**62)
    )


async def oddities(central: CentralSystem, identity: str = "CP1") -> set[tuple[str, str, str]]:
    """The ledger of a charge point, as (action, field, kind)."""
    noted = await central.store.read(lambda reader: deviations.of(reader, identity))
    return {(each.action, each.field, str(each.kind)) for each in noted}


def profiled(directory: Path, **fields: object) -> Settings:
    """Settings with a vendor profile for the charge points of these tests."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    text = "\n".join(["[[profile]]", 'name = "odd"', 'vendor = "V*"', *lines])
    (directory / "odd.toml").write_text(text)
    return msgspec.structs.replace(
        test_settings(), vendor_profiles=VendorProfileSettings(directory=str(directory))
    )


# What a charge point says.


def start_request(**changes: Any) -> dict[str, Any]:  # Any: JSON
    return {"connectorId": 1, "idTag": TAG, "meterStart": 1000, "timestamp": TIME} | changes


async def start(point: RawChargePoint, **changes: Any) -> int:
    """Start a transaction; returns its id."""
    answer = await point.call("StartTransaction", start_request(**changes))
    transaction_id = answer["transactionId"]
    assert isinstance(transaction_id, int)
    return transaction_id


def stop_request(transaction_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "transactionId": transaction_id,
        "meterStop": 2500,
        "timestamp": "2026-01-15T09:00:00Z",
    } | changes


async def stop(point: RawChargePoint, transaction_id: int, **changes: Any) -> dict[str, Any]:
    return await point.call("StopTransaction", stop_request(transaction_id, **changes))


def sampled(
    *values: Any, connector: int = 1, at: str = "2026-01-15T08:30:00Z", **fields: Any
) -> dict[str, Any]:
    """A MeterValues: of each value its text, or a whole sampledValue."""
    samples = [value if isinstance(value, dict) else {"value": value} for value in values]
    moment = {"timestamp": at, "sampledValue": samples}
    return {"connectorId": connector, "meterValue": [moment]} | fields


def status(status: str = "Available", connector: int = 1, **fields: Any) -> dict[str, Any]:
    return {"connectorId": connector, "errorCode": "NoError", "status": status} | fields


async def answer_call(point: RawChargePoint, action: str, payload: dict[str, Any]) -> Any:
    """Answer the next CALL of the central system; returns its payload."""
    frame = await point.receive()
    assert (frame[0], frame[2]) == (2, action), frame
    await point.send(3, frame[1], payload)
    return frame[3]


# Time.


async def settled() -> None:
    """Return when both sides wait, and nothing is under way between them.

    What was written to a socket of this machine can be read from its other end at once.
    """
    await wait_all_tasks_blocked(0.005)


async def pass_time(clock: MockClock, seconds: float, step: float = 20) -> None:
    """Let time pass, in steps, so that whoever sleeps in between wakes up."""
    while seconds > 0:
        clock.jump(min(step, seconds))
        seconds -= step
        await settled()


# A charge point in bytes.


def upgrade(
    target: str | bytes = "/ocpp/CP1",
    *more: str,
    connection: str | None = "Connection: Upgrade",
    subprotocol: str | None = "Sec-WebSocket-Protocol: ocpp1.6",
) -> bytes:
    """An opening handshake with whichever header lines."""
    raw = target.encode() if isinstance(target, str) else target
    lines = [
        "Host: x",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *(line for line in (connection, subprotocol) if line is not None),
        *more,
    ]
    return b"GET " + raw + b" HTTP/1.1\r\n" + "\r\n".join([*lines, "", ""]).encode()


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """A frame as a client sends it; the mask is zero, which is one as well."""
    length = len(payload)
    if length < 126:
        return bytes((first, 0x80 | length)) + bytes(4) + payload
    return bytes((first, 0xFE)) + length.to_bytes(2, "big") + bytes(4) + payload


class Wire:
    """A charge point in bytes, for what no WebSocket library would send."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._came = b""

    @classmethod
    @asynccontextmanager
    async def to(cls, central: CentralSystem) -> AsyncIterator["Wire"]:
        """A connection to the central system, without any handshake."""
        async with await trio.open_tcp_stream(*central.addresses[0]) as stream:
            yield cls(stream)

    def vanish(self) -> None:
        """Close the socket without a word."""
        self._stream.socket.close()

    async def end(self) -> None:
        """Say that no more will come."""
        await self._stream.send_eof()

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def send_text(self, payload: bytes) -> None:
        await self.send(frame(payload))

    async def open(self, request: bytes) -> bytes:
        """Send an opening handshake; returns the head of what answers it."""
        await self.send(request)
        while b"\r\n\r\n" not in self._came:
            await self._more()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        return head

    async def rest(self) -> bytes:
        """All that still comes until the server closes."""
        try:
            while True:
                await self._more()
        except (EOFError, trio.BrokenResourceError):
            return self._came

    async def frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame."""
        while len(self._came) < 2:
            await self._more()
        first, length, head = self._came[0], self._came[1], 2
        if length == 126:
            while len(self._came) < 4:
                await self._more()
            length, head = int.from_bytes(self._came[2:4], "big"), 4
        while len(self._came) < head + length:
            await self._more()
        payload = self._came[head : head + length]
        self._came = self._came[head + length :]
        return first, payload

    async def message(self) -> list[Any]:  # Any: JSON
        first, payload = await self.frame()
        assert first == 0x81, (first, payload)
        received = json.loads(payload)
        assert isinstance(received, list)
        return received

    async def close_code(self) -> int:
        """The code of the close frame that must come next."""
        first, payload = await self.frame()
        assert first == 0x88, (first, payload)
        return int.from_bytes(payload[:2], "big")

    async def _more(self) -> None:
        data = await self._stream.receive_some(65_536)
        if not data:
            raise EOFError("the server has closed")
        self._came += data

"""A charge point in texts over a real WebSocket, and a central system to connect it to."""

import base64
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import OcppSettings, Settings, StoreSettings

BOOT = {"chargePointVendor": "VendorX", "chargePointModel": "SingleSocket"}

Frame = list[Any]  # Any: JSON of any shape


def close_code(closed: ConnectionClosed) -> int | None:
    """The WebSocket close code that ended a connection."""
    return None if closed.reason is None else closed.reason.code


def now() -> str:
    """The time as a charge point says it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class RawChargePoint:
    """Sends and receives frames as they are; nothing is checked or helped."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self.websocket = websocket
        self._numbers = itertools.count(1)

    async def send(self, *frame: object) -> None:
        await self.websocket.send_message(json.dumps(frame))

    async def receive(self) -> Frame:
        frame = json.loads(await self.websocket.get_message())
        assert isinstance(frame, list)
        return frame

    async def ask(self, action: str, payload: dict[str, Any] | None = None) -> Frame:
        """Send a CALL and return the frame that answers it, payload or error and all."""
        unique_id = f"{action}-{next(self._numbers)}"
        await self.send(2, unique_id, action, payload or {})
        frame = await self.receive()
        assert frame[1] == unique_id, frame
        return frame

    async def call(self, action: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a CALL and return the payload of its CALLRESULT."""
        frame = await self.ask(action, payload)
        assert frame[0] == 3, frame
        assert isinstance(frame[2], dict)
        return frame[2]

    async def boot(self) -> dict[str, Any]:
        return await self.call("BootNotification", BOOT)


def test_settings(**ocpp: Any) -> Settings:  # Any: the fields of OcppSettings
    """Loopback, any free port, nothing kept."""
    return Settings(
        ocpp=OcppSettings(port=0, **ocpp),
        store=StoreSettings(path=":memory:"),
    )


test_settings.__test__ = False  # type: ignore[attr-defined]  # a helper, not a test


def url(central: CentralSystem, identity: str, prefix: str = "/ocpp") -> str:
    host, port = central.addresses[0]
    return f"ws://{host}:{port}{prefix}/{identity}"


@asynccontextmanager
async def charge_point(
    central: CentralSystem,
    identity: str = "CP1",
    *,
    prefix: str = "/ocpp",
    subprotocols: tuple[str, ...] = ("ocpp1.6",),
    password: bytes | None = None,
    user: str | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> AsyncIterator[RawChargePoint]:
    """An open connection to the central system; closed at the end of the block."""
    host, port = central.addresses[0]
    extra = list(headers)
    if password is not None:
        credentials = (user or identity).encode() + b":" + password
        extra.append((b"Authorization", b"Basic " + base64.b64encode(credentials)))
    target = f"{prefix}/{identity}"
    async with connection(host, port, target, subprotocols, extra) as point:
        yield point


@asynccontextmanager
async def connection(
    host: str,
    port: int,
    target: str,
    subprotocols: tuple[str, ...] = ("ocpp1.6",),
    headers: Sequence[tuple[bytes, bytes]] = (),
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[RawChargePoint]:
    """As `charge_point`, to any address; with a context, by TLS.

    By hand: trio-websocket leaves the socket open if the server refuses or closes.
    """
    async with await _opened(host, port, context) as stream:
        with _unwrapped():
            async with trio.open_nursery() as nursery:
                with trio.move_on_after(10) as handshake:
                    websocket = await wrap_client_stream(
                        nursery,
                        stream,
                        f"{host}:{port}",
                        target,
                        subprotocols=subprotocols,
                        extra_headers=list(headers),
                    )
                assert not handshake.cancelled_caught, "no answer to the handshake"
                try:
                    yield RawChargePoint(websocket)
                finally:
                    with trio.move_on_after(5, shield=True):
                        await websocket.aclose()
                nursery.cancel_scope.cancel()


async def _opened(
    host: str, port: int, context: ssl.SSLContext | None
) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    if context is None:
        return await trio.open_tcp_stream(host, port)
    return await trio.open_ssl_over_tcp_stream(
        host, port, ssl_context=context, https_compatible=True
    )


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise the only exception of a group as itself."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None  # noqa: ASYNC123 - tests want the error itself

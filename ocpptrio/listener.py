"""The listener for charge points: from a TCP connection to an open WebSocket with an identity.

One task per connection, one broad catch round it: no charge point can end the listener. Not here:
who may enter (`admit`), and what happens on an open connection (`serve`), both given by the caller.
"""

import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
import trio
from trio_websocket import (
    CloseReason,
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)

from ocpptrio import handshake
from ocpptrio.config import OcppSettings
from ocpptrio.handshake import Handshake
from ocpptrio.stream import SocketStream, accept, close_all, listen
from ocpptrio.websocket import ShortWay

# Messages that trio-websocket keeps before it stops reading, of those that come through it: enough
# that pings are seen while the inbox is full, small since it is per connection.
MESSAGE_QUEUE: Final = 4
ABNORMAL_CLOSURE: Final = 1006

log = structlog.get_logger("ocpptrio.listener")


class Admitted(msgspec.Struct, frozen=True):
    """The handshake may be completed; the identity as it is registered."""

    charge_point_id: str


class Refused(msgspec.Struct, frozen=True):
    """The handshake is answered with an HTTP status and a line of text that says why."""

    status: int
    reason: str


Admit = Callable[[Handshake], Awaitable[Admitted | Refused]]


class Link:
    """An open WebSocket and its socket: a transport whose life signs can be watched."""

    def __init__(
        self, websocket: WebSocketConnection, short: ShortWay, stream: SocketStream, address: str
    ) -> None:
        self.address = address
        self.ping = websocket.ping
        self._websocket = websocket
        self._short = short
        self._stream = stream

    @property
    def heard_at(self) -> float:
        """Trio's time of the last bytes that came."""
        return self._stream.heard_at

    async def get_message(self) -> str | bytes:
        text = await self._short.receive_text()
        return await self._websocket.get_message() if text is None else text

    async def send_message(self, message: str) -> None:
        closed = self._websocket.closed
        if closed is not None:
            raise ConnectionClosed(closed)
        try:
            if await self._short.send_text(message):
                return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise ConnectionClosed(CloseReason(ABNORMAL_CLOSURE, None)) from None
        await self._websocket.send_message(message)

    async def aclose(self, code: int = 1000, reason: str | None = None) -> None:
        self._short.leave()
        await self._websocket.aclose(code, reason)


Serve = Callable[[str, Link], Awaitable[None]]


class Listener:
    """Accepts charge points on the configured address; see the module.

    Args:
        admit: decides who may enter.
        serve: serves one admitted charge point until its connection ends.
    """

    def __init__(self, settings: OcppSettings, admit: Admit, serve: Serve) -> None:
        self._settings = settings
        self._admit = admit
        self._serve = serve
        self._handshakes = trio.Semaphore(settings.max_handshakes)
        self._per_address: Counter[str] = Counter()
        self._accepting = trio.CancelScope()

    async def run(
        self, *, task_status: trio.TaskStatus[list[tuple[str, int]]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled or closed; `nursery.start` returns the (address, port) pairs bound.

        Raises:
            OSError: the address is in use, or not of this machine.
        """
        sockets = await listen(self._settings.host, self._settings.port)
        try:
            async with trio.open_nursery() as nursery:
                with self._accepting:
                    async with trio.open_nursery() as accepting:
                        for listening in sockets:
                            accepting.start_soon(self._accept_all, listening, nursery)
                        task_status.started([s.getsockname()[:2] for s in sockets])
                close_all(sockets)
        finally:
            close_all(sockets)

    def stop_accepting(self) -> None:
        """Take no new connections; `run` returns when the open ones have ended."""
        self._accepting.cancel()

    async def _accept_all(self, listening: socket.socket, nursery: trio.Nursery) -> None:
        while True:
            # A slot first: beyond the cap, connections wait in the kernel's queue.
            await self._handshakes.acquire()
            try:
                stream = await accept(listening)
            except BaseException:
                self._handshakes.release()
                raise
            nursery.start_soon(self._connection, stream)

    async def _connection(self, stream: SocketStream) -> None:
        try:
            async with trio.open_nursery() as nursery:
                opened = None
                try:
                    opened = await self._open(stream, nursery)
                finally:
                    self._handshakes.release()
                if opened is not None:
                    charge_point_id, link = opened
                    self._per_address[link.address] += 1
                    try:
                        await self._serve(charge_point_id, link)
                    finally:
                        self._per_address[link.address] -= 1
                        if not self._per_address[link.address]:
                            del self._per_address[link.address]
                nursery.cancel_scope.cancel()
        except* Exception:  # the one broad catch: a bug met here must not end the listener
            log.exception("connection failed", peer=stream.peer)
        finally:
            stream.close()

    async def _open(self, stream: SocketStream, nursery: trio.Nursery) -> tuple[str, Link] | None:
        """Complete the handshake, or refuse it and return None."""
        with trio.move_on_after(self._settings.handshake_timeout) as scope:
            # After a broken handshake trio-websocket closes the stream, but returns never.
            stream.on_end = scope.cancel
            short = ShortWay(stream)
            request = await wrap_server_stream(
                nursery,
                short,
                message_queue_size=MESSAGE_QUEUE,
                max_message_size=self._settings.max_message_bytes,
            )
            answer = await self._examine(request, stream.peer)
            if isinstance(answer, Refused):
                await _refuse(request, answer)
                return None
            charge_point_id, address = answer
            offered = [token for token in request.proposed_subprotocols if token.strip()]
            token = handshake.choose_subprotocol(offered)
            websocket = await request.accept(subprotocol=token)
            stream.on_end = None
            if token is None and offered:
                # OCPP-J 1.6, 3.2: complete the handshake without a subprotocol, then close.
                log.warning(
                    "offers no OCPP version that we speak",
                    charge_point=charge_point_id,
                    offered=offered,
                )
                short.leave()
                await websocket.aclose(1002, "ocpp1.6 is the only subprotocol here")
                return None
            return charge_point_id, Link(websocket, short, stream, address)
        log.info("handshake not completed", peer=stream.peer)
        return None

    async def _examine(self, request: WebSocketRequest, peer: str) -> tuple[str, str] | Refused:
        """Path, identity and credentials, in this order, so that a failed login learns no more."""
        settings = self._settings
        address, local = handshake.client_address(peer, request.headers, settings.trusted_proxies)
        charge_point_id = handshake.identity(request.path, settings.paths)
        if charge_point_id is None:
            log.warning("no identity in the URL", peer=address, path=request.path)
            return Refused(404, f"connect to {settings.paths[0]}/{{identity of the charge point}}")
        if not local and self._per_address[address] >= settings.max_connections_per_address:
            log.warning("too many connections from one address", peer=address)
            return Refused(503, "too many connections from this address")
        admission = await self._admit(
            Handshake(
                charge_point_id=charge_point_id,
                address=address,
                local=local,
                basic=handshake.basic_credentials(request.headers),
            )
        )
        if isinstance(admission, Refused):
            return admission
        if settings.require_subprotocol and not any(request.proposed_subprotocols):
            return Refused(400, "offer the subprotocol ocpp1.6 (Sec-WebSocket-Protocol)")
        return admission.charge_point_id, address


async def _refuse(request: WebSocketRequest, refused: Refused) -> None:
    headers = [(b"Content-Type", b"text/plain; charset=utf-8"), (b"Connection", b"close")]
    if refused.status == 401:
        headers.append((b"WWW-Authenticate", b'Basic realm="ocpptrio"'))
    await request.reject(
        refused.status, extra_headers=headers, body=refused.reason.encode() + b"\n"
    )

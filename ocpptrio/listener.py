"""The listener for charge points: from a TCP connection to an open WebSocket with an identity.

One task per connection, one broad catch round it: no charge point can end the listener. Not here:
who may enter (`admit`), and what happens on an open connection (`serve`), both given by the caller.
"""

import socket
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec
import structlog
import trio
from trio_websocket import CloseReason, ConnectionClosed, WebSocketConnection, WebSocketRequest
from wsproto.utilities import RemoteProtocolError

from ocpptrio import handshake, opening
from ocpptrio.config import OcppSettings
from ocpptrio.handshake import Handshake
from ocpptrio.opening import Hopeless
from ocpptrio.protocol.datatypes import Deviation, DeviationKind
from ocpptrio.stream import SocketStream, accept, close_all, listen
from ocpptrio.websocket import ShortWay, wrap_server_stream

# Messages that trio-websocket keeps before it stops reading, of those that come through it: enough
# that pings are seen while the inbox is full, small since it is per connection.
MESSAGE_QUEUE: Final = 4
ABNORMAL_CLOSURE: Final = 1006

# s between lines about the same trouble with one address: a device that speaks TLS to the plain
# port tries every few seconds, and so do those who scan the internet.
TOLD_EVERY_S: Final = 60
ADDRESSES_KEPT: Final = 1000
PATH_TOLD: Final = 100  # characters of a path that holds no identity

# In a few words, what each HTTP status of a refusal stands for.
_REFUSALS: Final = {
    400: "no subprotocol",
    401: "wrong or no password",
    403: "no password is set",
    404: "unknown charge point",
    429: "too many attempts",
    503: "too many connections",
}

NO_SUBPROTOCOL: Final = Deviation("Sec-WebSocket-Protocol", DeviationKind.MISSING, "")

log = structlog.get_logger("ocpptrio.listener")


class Admitted(msgspec.Struct, frozen=True):
    """The handshake may be completed; the identity as it is registered."""

    charge_point_id: str


class Refused(msgspec.Struct, frozen=True):
    """The handshake is answered with an HTTP status and a line of text that says why."""

    status: int
    reason: str


Admit = Callable[[Handshake], Awaitable[Admitted | Refused]]

TurnedAway = Callable[[str, str, str], None]
"""Told of those who came in vain for another reason: identity (or ""), address, reason."""

Identify = Callable[[str], str | None]
"""The identity in a request target; None if there is none."""


class Link:
    """An open WebSocket and its socket: a transport whose life signs can be watched.

    Attributes:
        address: where it comes from.
        deviations: what was odd about its handshake.
    """

    def __init__(
        self,
        websocket: WebSocketConnection,
        short: ShortWay,
        stream: SocketStream,
        address: str,
        deviations: tuple[Deviation, ...] = (),
    ) -> None:
        self.address = address
        self.deviations = deviations
        self.ping = websocket.ping
        self._websocket = websocket
        self._short = short
        self._stream = stream

    @property
    def heard_at(self) -> float:
        """Trio's time of the last bytes that came."""
        return self._stream.heard_at

    async def get_message(self) -> str | bytes:
        message = await self._short.receive()
        return await self._websocket.get_message() if message is None else message

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
        turned_away: told of openings that never came before `admit`.
        identify: where the identity stands in the URL; default: behind one of `settings.paths`.

    Attributes:
        refusals: how many did not come in, by the reason in a few words.
    """

    def __init__(
        self,
        settings: OcppSettings,
        admit: Admit,
        serve: Serve,
        turned_away: TurnedAway,
        identify: Identify | None = None,
    ) -> None:
        self._settings = settings
        self._admit = admit
        self._serve = serve
        self._turned_away = turned_away
        self._identify = identify or partial(handshake.identity, prefixes=settings.paths)
        self.refusals: Counter[str] = Counter()
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
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
            opened = await self._request(stream, nursery)
            if opened is None:
                return None
            request, short, deviations = opened
            # From here on trio-websocket reads, and tells nobody when the client has gone.
            stream.on_end = scope.cancel
            answer = await self._examine(request, stream.peer)
            if isinstance(answer, Refused):
                self.refusals[_REFUSALS.get(answer.status, "refused")] += 1
                await _refuse(request, answer)
                return None
            charge_point_id, address = answer
            offered = [token for token in request.proposed_subprotocols if token.strip()]
            token = handshake.choose_subprotocol(offered)
            websocket = await request.accept(subprotocol=token)
            stream.on_end = None
            if token is None and offered:
                # OCPP-J 1.6, 3.2: complete the handshake without a subprotocol, then close.
                self.refusals["wrong subprotocol"] += 1
                reason = f"speaks only {', '.join(offered)}, and we ocpp1.6"
                self._turned_away(charge_point_id, address, reason)
                short.leave()
                await websocket.aclose(1002, "ocpp1.6 is the only subprotocol here")
                return None
            if token is None:
                deviations += (NO_SUBPROTOCOL,)
            return charge_point_id, Link(websocket, short, stream, address, deviations)
        self.refusals["handshake not completed"] += 1
        log.info("handshake not completed", peer=stream.peer)
        return None

    async def _request(
        self, stream: SocketStream, nursery: trio.Nursery
    ) -> tuple[WebSocketRequest, ShortWay, tuple[Deviation, ...]] | None:
        """Read the request, mended if need be; None if it is none, and has been answered."""
        head = b""
        try:
            while not head or not opening.is_whole(head):
                received = await stream.receive_some()
                if not received:
                    # Not a byte: a load balancer that looks whether the port is open.
                    level = log.info if head else log.debug
                    level("handshake not completed", peer=stream.peer)
                    self.refusals["handshake not completed"] += bool(head)
                    return None
                head += received
            if not opening.is_http(head):
                self.refusals["no WebSocket handshake"] += 1
                self._tell_seldom(stream.peer, opening.why_not_http(head))
                return None
            try:
                return *await self._wrapped(stream, nursery, head), ()
            except (RemoteProtocolError, UnicodeError):
                # Here begins what a sound handshake never sees (Q4, Q11).
                mended = opening.mend(head)
            if not isinstance(mended, Hopeless):
                try:
                    return *await self._wrapped(stream, nursery, mended.head), mended.deviations
                except (RemoteProtocolError, UnicodeError):
                    mended = opening.MALFORMED
            self.refusals["no WebSocket handshake"] += 1
            self._tell_seldom(stream.peer, mended.reason)
            await stream.send_all(opening.answer(mended))
        except trio.BrokenResourceError:
            log.info("handshake not completed", peer=stream.peer)
        return None

    async def _wrapped(
        self, stream: SocketStream, nursery: trio.Nursery, head: bytes
    ) -> tuple[WebSocketRequest, ShortWay]:
        short = ShortWay(stream, head)
        request = await wrap_server_stream(
            nursery,
            short,
            head,
            message_queue_size=MESSAGE_QUEUE,
            max_message_size=self._settings.max_message_bytes,
        )
        return request, short

    def _tell_seldom(self, address: str, reason: str) -> None:
        """Tell the operator why nothing came of a connection, the same once a minute."""
        now, key = trio.current_time(), (address, reason)
        if now - self._told.get(key, -TOLD_EVERY_S) < TOLD_EVERY_S:
            return
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > ADDRESSES_KEPT:
            self._told.popitem(last=False)
        self._turned_away("", address, reason)

    async def _examine(self, request: WebSocketRequest, peer: str) -> tuple[str, str] | Refused:
        """Path, identity and credentials, in this order, so that a failed login learns no more."""
        settings = self._settings
        address, local = handshake.client_address(peer, request.headers, settings.trusted_proxies)
        charge_point_id = self._identify(request.path)
        if charge_point_id is None:
            self._tell_seldom(address, f"no identity in the URL: {request.path[:PATH_TOLD]}")
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
            reason = "offer the subprotocol ocpp1.6 (Sec-WebSocket-Protocol)"
            self._turned_away(charge_point_id, address, reason)
            return Refused(400, reason)
        return admission.charge_point_id, address


async def _refuse(request: WebSocketRequest, refused: Refused) -> None:
    headers = [(b"Content-Type", b"text/plain; charset=utf-8"), (b"Connection", b"close")]
    if refused.status == 401:
        headers.append((b"WWW-Authenticate", b'Basic realm="ocpptrio"'))
    await request.reject(
        refused.status, extra_headers=headers, body=refused.reason.encode() + b"\n"
    )

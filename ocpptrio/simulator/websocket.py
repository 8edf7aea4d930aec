"""The WebSocket client of a simulated charge point: URL, Basic authentication, TLS, subprotocol.

Not here: when to connect, and again (link).
"""

import os
import ssl
import tempfile
from base64 import b64encode
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import LocalProtocolError as ClosingAlready

from ocpptrio.connection import Transport
from ocpptrio.errors import NotConnected, first_of
from ocpptrio.simulator.link import NotAdmitted
from ocpptrio.simulator.quirks.messages import Opening
from ocpptrio.simulator.quirks.quirk import Quirks

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint

SUBPROTOCOL: Final = "ocpp1.6"
# s for TCP, TLS and handshake each: one that breaks off would otherwise be waited for for ever
CONNECT_TIMEOUT_S: Final = 10
MAX_MESSAGE_BYTES: Final = 1_048_576

_MEANINGS: Final = {
    401: "wrong password, or none where one is needed",
    403: "not allowed",
    404: "the central system does not know this charge point",
}


class WebSocketTransport:
    """An open WebSocket as the connection wants it, and how to tear it."""

    def __init__(self, websocket: WebSocketConnection, socket: trio.socket.SocketType) -> None:
        self._socket = socket
        self.get_message = websocket.get_message
        self.send_message = websocket.send_message
        self.aclose = websocket.aclose
        self.ping = websocket.ping

    def abort(self) -> None:
        """Cut the connection without the closing handshake."""
        self._socket.close()


class _QuirkyStream(trio.abc.Stream):
    """The stream under a WebSocket whose bytes go through the quirks on their way out."""

    def __init__(self, stream: trio.abc.Stream, quirks: Quirks) -> None:
        self._stream = stream
        self._quirks = quirks

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(self._quirks.octets(bytes(data)))

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


async def open_transport(
    url: str,
    charge_point: "SimulatedChargePoint",
    sockets: trio.Nursery,
    ca_file: Path | None = None,
) -> Transport:
    """Connect a charge point to `url`, with its credentials of now.

    Args:
        url: without the identity: `ws://127.0.0.1:8080/ocpp`.
        sockets: where the WebSocket's own task runs; has to outlive the connection.
        ca_file: certificates to trust instead of the system's, for `wss`.

    Raises:
        NotConnected: says why.
    """
    transport: Transport = await sockets.start(partial(_hold, url, charge_point, ca_file))
    return transport


async def _hold(
    url: str,
    charge_point: "SimulatedChargePoint",
    ca_file: Path | None,
    *,
    task_status: trio.TaskStatus[Transport],
) -> None:
    """Open a WebSocket, hand it over, and run its task until it is closed."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    host, port = parts.hostname or "127.0.0.1", parts.port or (443 if secure else 80)
    credentials = charge_point.credentials
    if credentials.security_profile >= 2 and not secure:
        raise NotConnected("this security profile needs a wss:// URL")
    quirks = charge_point.quirks
    opening = quirks.opening(
        parts.path.rstrip("/"),
        quote(charge_point.identity, safe=""),
        charge_point.identity.encode(),
        credentials.password,
    )
    problem: NotConnected | None = None
    handed_over = False
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            for quirk in quirks:
                await quirk.probe(host, port)
            tcp = await trio.open_tcp_stream(host, port)
        stream: Any = tcp  # Any: trio-websocket takes any stream, and says two kinds
        async with tcp:
            if secure:
                context = _ssl_context(charge_point, ca_file)
                tls = trio.SSLStream(tcp, context, server_hostname=host, https_compatible=True)
                with trio.fail_after(CONNECT_TIMEOUT_S):
                    await tls.do_handshake()
                stream = tls
            if quirks:
                stream = _QuirkyStream(stream, quirks)
            async with trio.open_nursery() as nursery:
                with trio.fail_after(CONNECT_TIMEOUT_S):
                    websocket = await wrap_client_stream(
                        nursery,
                        stream,
                        parts.netloc.rpartition("@")[2],
                        opening.target,
                        subprotocols=opening.subprotocols,
                        extra_headers=_headers(opening),
                        max_message_size=MAX_MESSAGE_BYTES,
                    )
                agreed = (websocket.subprotocol or "").casefold()
                if agreed == SUBPROTOCOL or not opening.subprotocols:
                    handed_over = True
                    task_status.started(WebSocketTransport(websocket, tcp.socket))
                else:
                    problem = NotConnected(f"the central system does not speak {SUBPROTOCOL}")
                    await websocket.aclose(1002, "no subprotocol")
    except* ConnectionRejected as group:
        problem = _rejected(first_of(group))
    except* trio.TooSlowError:
        problem = NotConnected(f"no answer within {CONNECT_TIMEOUT_S} s")
    except* ClosingAlready:
        # A ping came after our close frame, and trio-websocket wanted to answer it.
        problem = NotConnected("closed while a ping came in")
    except* (OSError, trio.BrokenResourceError, ConnectionClosed) as group:
        problem = _broken(first_of(group), f"{host} port {port}")
    if problem is not None and not handed_over:  # else whoever has the transport sees it too
        raise problem


def _rejected(error: BaseException) -> NotConnected:
    status = error.status_code if isinstance(error, ConnectionRejected) else 0
    reason = f"refused with HTTP {status}"
    if status in _MEANINGS:
        reason += f": {_MEANINGS[status]}"
    if status in (401, 403):
        return NotAdmitted(reason, "FailedToAuthenticateAtCentralSystem")
    return NotConnected(reason)


def _broken(error: BaseException, place: str) -> NotConnected:
    cause = first_of(error.__cause__ or error)  # where Trio tells more
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NotAdmitted(
            f"{place}: its certificate is not trusted: {cause.verify_message}",
            "CentralSystemFailedToAuthenticate",
        )
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return NotConnected(f"{place}: {os.strerror(cause.errno)}")
    why = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return NotConnected(f"{place}: {why}")


def _headers(opening: Opening) -> list[tuple[bytes, bytes]]:
    if opening.password is None:
        return opening.headers
    token = b64encode(opening.user + b":" + opening.password)
    return [*opening.headers, (b"Authorization", b"Basic " + token)]


def _ssl_context(charge_point: "SimulatedChargePoint", ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or higher; roots from the charge point's own store before all others."""
    certificates = charge_point.certificates
    if not certificates.has_central_system_root and not certificates.has_own:
        return _common_context(ca_file)
    context = _new_context(ca_file)
    if certificates.has_central_system_root:
        context.load_verify_locations(cadata=certificates.roots_pem())
    own = certificates.own_pem()
    if own is not None and charge_point.credentials.security_profile == 3:
        # The ssl module takes a chain from a file only.
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(own[0] + own[1])
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _new_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


# To read the system's certificates takes some 30 ms: half a minute for a thousand charge points.
_common_context = lru_cache(maxsize=8)(_new_context)

"""One open WebSocket of a charge point: texts out, texts in. The only user of picows and uvloop.

Both are here because the load must cost less than what it measures. Not here: OCPP.
"""

import asyncio
import base64
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

# The ignores: picows and uvloop are not installed where the types are checked (see README.md), and
# where they are, nothing is to be ignored.
import picows  # type: ignore[import-not-found, unused-ignore]
import uvloop  # type: ignore[import-not-found, unused-ignore]

T = TypeVar("T")

_TEXT, _CLOSE = picows.WSMsgType.TEXT, picows.WSMsgType.CLOSE
_BY_US = "closed by us"


class Link(picows.WSListener):  # type: ignore[misc, unused-ignore]
    """See the module.

    Args:
        on_text: called with each text as it comes.
        on_end: called once with the reason when the connection has ended.

    Attributes:
        subprotocol: what the server chose.
    """

    def __init__(self, on_text: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._on_end = on_end
        self._transport: picows.WSTransport | None = None
        self._reason = "lost"
        self.subprotocol: str | None = None

    def send(self, text: str) -> None:
        """Hand a text to the socket; nothing happens when the connection has ended."""
        if self._transport is not None:
            self._transport.send(_TEXT, text.encode())

    def close(self) -> None:
        """Begin the closing handshake."""
        if self._transport is not None:
            self._reason = _BY_US
            self._transport.send_close(picows.WSCloseCode.OK)

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._reason = _BY_US
            self._transport.disconnect(graceful=False)

    # Called by picows.

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self.subprotocol = transport.response.headers.get("Sec-WebSocket-Protocol")

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind == _TEXT:
            self._on_text(frame.get_payload_as_bytes())
        elif kind == _CLOSE and self._reason != _BY_US:
            self._reason = f"closed with {frame.get_close_code()} {frame.get_close_reason()}"
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, _transport: picows.WSTransport) -> None:
        self._transport = None
        self._on_end(self._reason)


async def connect(
    url: str,
    on_text: Callable[[bytes], None],
    on_end: Callable[[str], None],
    *,
    login: tuple[str, str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    timeout_s: float = 30,
) -> Link:
    """Open a WebSocket that offers ocpp1.6.

    Args:
        login: user name and password for Basic authentication.

    Raises:
        ConnectionError, OSError, TimeoutError: nobody there, or no WebSocket.
    """
    headers = {"Sec-WebSocket-Protocol": "ocpp1.6"}
    if login is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    try:
        _, link = await picows.ws_connect(
            lambda: Link(on_text, on_end),
            url,
            ssl_context=ssl_context,
            extra_headers=headers,
            websocket_handshake_timeout=timeout_s,
        )
    except picows.WSError as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    if not isinstance(link, Link):  # seen when the server is killed in the midst of it
        raise ConnectionError("the connection ended at once")
    return link


def run(main: Coroutine[Any, Any, T]) -> T:  # Any: what asyncio leaves open
    """`asyncio.run`, on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)

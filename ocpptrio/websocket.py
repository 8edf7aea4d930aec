"""A short way beside trio-websocket for what OCPP-J is made of: whole text messages.

trio-websocket does handshakes, pings and closes. A text in one frame, which is nearly every
message, goes straight between socket and connection: that saves four of seven trips through the
scheduler. A text that is no UTF-8 comes as bytes, since a charge point would send a transaction
again and again that ends its connection (Q28). Not here: the socket (stream), who may connect
(listener).
"""

from collections.abc import Generator
from typing import Final

import trio
from trio_websocket import WebSocketConnection, WebSocketRequest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Event, Ping

# First bytes of frames: a text in one piece, a ping, a pong. All else is not for the short way.
WHOLE_TEXT: Final = 0x81
KNOWN: Final = frozenset((WHOLE_TEXT, 0x89, 0x8A))
SHORT: Final = 65_535  # bytes of payload: the longest whose length takes two bytes
END_OF_REQUEST: Final = b"\r\n\r\n"


class ShortWay(trio.abc.Stream):
    """The stream that trio-websocket gets, and a way past it for texts.

    We read the socket, in `receive`, and pass on pings and pongs only, until something else comes:
    a fragment, a long message, a close, or what breaks the protocol. From there on trio-websocket
    reads for itself.

    Args:
        stream: several tasks may send at a time; what each sends stays in one piece.
        request: what was read already. If frames came with it, they are trio-websocket's, and so
            is all after them.
    """

    def __init__(self, stream: trio.abc.Stream, request: bytes) -> None:
        self._stream = stream
        self._short = request.endswith(END_OF_REQUEST)  # we read the socket
        self._received = b""  # not looked at yet
        self._passed_on = b""  # not taken yet
        self._waiting = trio.lowlevel.ParkingLot()  # for something to be passed on, or taken

    # What trio-websocket sees.

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while self._short and not self._passed_on:
            await self._waiting.park()
        if self._passed_on:
            data = self._passed_on[:max_bytes]
            self._passed_on = self._passed_on[len(data) :]
            self._waiting.unpark_all()
            return data
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self.leave()
        await self._stream.aclose()

    # What the connection sees.

    async def receive(self) -> str | bytes | None:
        """The next message; None if this and all that follow are trio-websocket's to read."""
        while self._short:
            data = self._received
            head, length = _measure(data)
            end = head + length
            if head == 0 or end > len(data):
                try:
                    more = await self._stream.receive_some()
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    more = b""
                if not more:
                    break  # trio-websocket will see that, too
                self._received = data + more
            elif head < 0:
                break
            elif data[0] == WHOLE_TEXT:
                self._received = data[end:]
                return _text(data[head:end], data[head - 4 : head])
            else:
                while self._passed_on:
                    await self._waiting.park()
                self._received = data[end:]
                self._pass_on(data[:end])
        self.leave()
        return None

    async def send_text(self, text: str) -> bool:
        """Send a message; False if it is too long for the short way, and was not sent."""
        payload = text.encode()
        length = len(payload)
        if length < 126:
            head = bytes((WHOLE_TEXT, length))
        elif length <= SHORT:
            head = b"\x81\x7e" + length.to_bytes(2, "big")
        else:
            return False
        await self._stream.send_all(head + payload)
        return True

    def leave(self) -> None:
        """End the short way: trio-websocket gets what is left, and reads for itself.

        Nobody may be in `receive`.
        """
        if self._short:
            self._short = False
            rest, self._received = self._received, b""
            self._pass_on(rest)

    def _pass_on(self, data: bytes) -> None:
        self._passed_on += data
        self._waiting.unpark_all()


def _measure(data: bytes) -> tuple[int, int]:
    """Bytes of a frame's head and payload; a head of 0: too little came, -1: not for us."""
    available = len(data)
    if available < 2:
        return (0, 0) if not data or data[0] in KNOWN else (-1, 0)
    first, second = data[0], data[1]
    if first not in KNOWN or second < 0x80:  # not masked
        return -1, 0
    length = second & 0x7F
    if length < 126:
        return (6, length) if available >= 6 else (0, 0)
    if length > 126 or first != WHOLE_TEXT:
        return -1, 0
    if available < 8:
        return 0, 0
    length = int.from_bytes(data[2:4], "big")
    return (8, length) if length >= 126 else (-1, 0)


def _text(payload: bytes, mask: bytes) -> str | bytes:
    """The text of a masked payload, as bytes if it is not UTF-8."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    unmasked = number.to_bytes(length, "little")
    try:
        return unmasked.decode()
    except UnicodeDecodeError:
        return unmasked


class _Protocol(WSConnection):
    """The server's side of wsproto, with manners at the end of a connection.

    It says 1002 to those who break the protocol, and nothing after its own close frame.
    """

    def __init__(self) -> None:
        super().__init__(ConnectionType.SERVER)

    def events(self) -> Generator[Event, None, None]:
        for event in super().events():
            if type(event) is Ping and self.state is ConnectionState.LOCAL_CLOSING:
                # It crossed our close frame, after which nothing may be sent (RFC 6455, 5.5.1);
                # trio-websocket would try to answer it.
                continue
            if (
                type(event) is CloseConnection
                and self.connection is not None
                and self.state is ConnectionState.OPEN
            ):
                # trio-websocket hangs up without a word, unless it takes this for a close of
                # theirs, which it answers with the same code.
                self.connection._state = ConnectionState.REMOTE_CLOSING
            yield event


async def wrap_server_stream(
    nursery: trio.Nursery,
    stream: trio.abc.Stream,
    request: bytes,
    *,
    message_queue_size: int,
    max_message_size: int,
) -> WebSocketRequest:
    """As trio_websocket's function of this name, for a request that was read already.

    It has no parameter for that, hence the two names below that it keeps to itself; the version is
    pinned below the next minor one. Its own function never returns after a broken handshake.

    Raises:
        RemoteProtocolError: of wsproto; the request is no opening handshake.
    """
    protocol = _Protocol()
    protocol.receive_data(request)
    connection = WebSocketConnection(
        stream,
        protocol,
        message_queue_size=message_queue_size,
        max_message_size=max_message_size,
        receive_buffer_size=None,
    )
    nursery.start_soon(connection._reader_task)
    return await connection._get_request()

"""WebSocket framing with a short way for what OCPP-J is made of: whole text messages.

Everything else goes the way of wsproto: handshake, fragments, control frames, long messages, and
what breaks the protocol, but for a text that is no UTF-8: it comes as bytes, since a charge point
would send a transaction again and again that ends its connection (Q28).
Not here: the socket (stream), who may connect (listener).
"""

from collections import deque
from collections.abc import Generator
from typing import Final

import trio
from trio_websocket import WebSocketConnection, WebSocketRequest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, TextMessage

# First bytes of frames: all that are legal without an extension, and the one of a whole text.
LEGAL: Final = frozenset(b"\x00\x01\x02\x80\x81\x82\x88\x89\x8a")
WHOLE_TEXT: Final = 0x81
SHORT: Final = 65_535  # bytes of payload; a longer frame is read by wsproto as it arrives


class ShortWay(WSConnection):
    """The server's side of wsproto, which sees whole short text frames never.

    A frame costs 3 us instead of 13 us to read and 1 us instead of 7 us to send. Only the public
    methods are overridden, and wsproto gets whole frames or the rest of a long one, so that it is
    always where we are.
    """

    def __init__(self) -> None:
        super().__init__(ConnectionType.SERVER)
        self._texts: deque[TextMessage | BytesMessage] = deque()
        self._begun = b""  # of a frame that is not complete
        self._passing = 0  # bytes still to come of a long frame that wsproto reads
        self._in_message = False  # a fragmented message is under way
        self._behind = False  # wsproto has events that were not taken yet
        self._tracking = False  # we know where frames begin

    def receive_data(self, data: bytes | None) -> None:
        if self.connection is None:
            super().receive_data(data)
            # Frames that come with the handshake, before it is answered, are wsproto's.
            self._tracking = data is not None and data.endswith(b"\r\n\r\n")
        elif data is None or not self._tracking or self.state is not ConnectionState.OPEN:
            self._give_up(data)
        else:
            self._frames(self._begun + data if self._begun else data)

    def _give_up(self, data: bytes | None) -> None:
        """From here on everything is wsproto's."""
        self._tracking = False
        begun, self._begun = self._begun, b""
        super().receive_data(begun + data if data is not None else None)

    def _frames(self, data: bytes) -> None:
        start, end = 0, len(data)
        while start < end:
            if self._passing:
                stop = min(start + self._passing, end)
                self._passing -= stop - start
                self._pass_on(data[start:stop])
                start = stop
                continue
            head, length = _measure(data, start)
            if not head:
                break
            if head < 0:
                self._begun = b""
                self._give_up(data[start:])
                return
            first, stop = data[start], start + head + length
            if length > SHORT:
                self._passing = head + length
                self._note_fragment(first)
                continue
            if stop > end:
                break
            if first == WHOLE_TEXT and not (self._in_message or self._behind):
                text = _text(data[start + head : stop], data[start + head - 4 : start + head])
                self._texts.append(text)
            else:
                self._note_fragment(first)
                self._pass_on(data[start:stop])
            start = stop
        self._begun = data[start:]

    def _note_fragment(self, first: int) -> None:
        if first & 0x0F <= 2:  # text, binary, or the continuation of either
            self._in_message = not first & 0x80

    def _pass_on(self, data: bytes) -> None:
        self._behind = True
        super().receive_data(data)

    def events(self) -> Generator[Event, None, None]:
        while self._texts:
            yield self._texts.popleft()
        for event in super().events():
            if type(event) is CloseConnection:
                self._tracking = False
                if self.connection is not None and self.state is ConnectionState.OPEN:
                    # They broke the protocol. trio-websocket hangs up without a word, unless it
                    # takes this for a close of theirs, which it answers with the same code.
                    self.connection._state = ConnectionState.REMOTE_CLOSING
            yield event
        self._behind = False

    def send(self, event: Event) -> bytes:
        if type(event) is TextMessage and self.state is ConnectionState.OPEN:
            payload = event.data.encode()
            length = len(payload)
            if length < 126:
                return bytes((WHOLE_TEXT, length)) + payload
            if length <= SHORT:
                return b"\x81\x7e" + length.to_bytes(2, "big") + payload
        return super().send(event)


def _measure(data: bytes, start: int) -> tuple[int, int]:
    """Bytes of a frame's head and of its payload; a head of 0: too little came, -1: not legal."""
    available = len(data) - start
    if data[start] not in LEGAL:
        return -1, 0
    if available < 2:
        return 0, 0
    second = data[start + 1]
    if second < 0x80:
        return -1, 0
    length = second & 0x7F
    if length < 126:
        head = 6
    elif length == 126:
        head, length = 8, int.from_bytes(data[start + 2 : start + 4], "big")
    else:
        head, length = 14, int.from_bytes(data[start + 2 : start + 10], "big")
    return (head, length) if available >= head else (0, 0)


def _text(payload: bytes, mask: bytes) -> TextMessage | BytesMessage:
    """The message of a masked payload, as bytes if it is not UTF-8."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    unmasked = number.to_bytes(length, "little")
    try:
        return TextMessage(data=unmasked.decode())
    except UnicodeDecodeError:
        return BytesMessage(data=unmasked)


async def wrap_server_stream(
    nursery: trio.Nursery,
    stream: trio.abc.Stream,
    head: bytes,
    *,
    message_queue_size: int,
    max_message_size: int,
) -> WebSocketRequest:
    """As trio_websocket's function of this name, with the short way in it.

    It has no parameter for that, hence the two names below that it keeps to itself; the version is
    pinned below the next minor one. After a broken handshake its function never returns, while
    this one raises, for `head` is the whole request, read already.

    Raises:
        RemoteProtocolError: of wsproto; `head` is no opening handshake.
    """
    protocol = ShortWay()
    protocol.receive_data(head)
    connection = WebSocketConnection(
        stream,
        protocol,
        message_queue_size=message_queue_size,
        max_message_size=max_message_size,
        receive_buffer_size=None,
    )
    nursery.start_soon(connection._reader_task)
    return await connection._get_request()

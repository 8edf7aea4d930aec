"""A short way beside trio-websocket for what OCPP-J is made of: whole text messages.

trio-websocket does handshakes, pings and closes. A text in one frame, which is nearly every
message, goes straight between socket and connection: that saves four of seven trips through the
scheduler. Not here: the socket (stream), who may connect (listener).
"""

from typing import Final

import trio

# First bytes of frames: a text in one piece, a ping, a pong. All else is not for the short way.
WHOLE_TEXT: Final = 0x81
KNOWN: Final = frozenset((WHOLE_TEXT, 0x89, 0x8A))
SHORT: Final = 65_535  # bytes of payload: the longest whose length takes two bytes
END_OF_REQUEST: Final = b"\r\n\r\n"


class ShortWay(trio.abc.Stream):
    """The stream that trio-websocket gets, and a way past it for texts.

    trio-websocket reads the socket up to the end of the request. Then we do, in `receive_text`, and
    pass on pings and pongs only, until something else comes: a fragment, a long message, a close,
    or what breaks the protocol. From there on trio-websocket reads for itself again.

    Args:
        stream: several tasks may send at a time; what each sends stays in one piece.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._request: bytes | None = b""  # as far as it has come
        self._short = False  # we read the socket
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
        data = bytes(await self._stream.receive_some(max_bytes))
        if self._request is not None:
            self._request += data
            if END_OF_REQUEST in self._request.lstrip():
                # If frames came with it, they are trio-websocket's, and so is all after them.
                self._short = self._request.endswith(END_OF_REQUEST)
                self._request = None
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self.leave()
        await self._stream.aclose()

    # What the connection sees.

    async def receive_text(self) -> str | None:
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
                text = _text(data[head:end], data[head - 4 : head])
                if text is None:
                    break
                self._received = data[end:]
                return text
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

        Nobody may be in `receive_text`.
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


def _text(payload: bytes, mask: bytes) -> str | None:
    """The text of a masked payload; None if it is not UTF-8."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    try:
        return number.to_bytes(length, "little").decode()
    except UnicodeDecodeError:
        return None

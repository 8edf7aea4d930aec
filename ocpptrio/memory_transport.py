"""A connection without a socket: two transports joined back to back, for tests and embedders."""

import trio
from trio_websocket import CloseReason, ConnectionClosed

from ocpptrio.connection import Transport

# Messages under way in one direction; then the sender waits, as it would for a full socket.
IN_FLIGHT = 64


class _End:
    """One end of the pair; what the other end closes is closed here too."""

    def __init__(
        self, out: trio.MemorySendChannel[str], inbound: trio.MemoryReceiveChannel[str]
    ) -> None:
        self._out = out
        self._in = inbound
        self.peer: _End
        self.closed: CloseReason | None = None

    async def get_message(self) -> str:
        try:
            return await self._in.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise ConnectionClosed(self.closed) from None

    async def send_message(self, message: str) -> None:
        try:
            await self._out.send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise ConnectionClosed(self.closed) from None

    async def aclose(self, code: int = 1000, reason: str | None = None) -> None:
        if self.closed is None:
            self.closed = CloseReason(code, reason)
            if self.peer.closed is None:
                self.peer.closed = self.closed
        self._out.close()
        self._in.close()
        await trio.lowlevel.checkpoint()


def memory_transport_pair() -> tuple[Transport, Transport]:
    """Two open transports; what is sent into one comes out of the other, in order."""
    out_a, in_b = trio.open_memory_channel[str](IN_FLIGHT)
    out_b, in_a = trio.open_memory_channel[str](IN_FLIGHT)
    a, b = _End(out_a, in_a), _End(out_b, in_b)
    a.peer, b.peer = b, a
    return a, b

"""The socket under a WebSocket, and the accept loop above it: as few system calls as it takes.

A read waits for readability first, because an idle charge point has nothing to read (but for the
very first: when a fleet returns, its requests are there before we accept); a write goes straight to
the kernel and waits only when that is full. This serves about 1.4 times as many messages as
`trio.SocketStream`. Not here: WebSocket (listener), TLS.
"""

import errno
import socket
from collections.abc import Callable, Iterable
from typing import Final

import structlog
import trio

# The kernel's queue of connections not yet accepted: a whole fleet may return at once.
BACKLOG: Final = 4096
# What one read takes. A message is a few hundred bytes; a large one takes several reads.
RECEIVE_SIZE: Final = 16_384
# s to wait when the process has no file descriptor left for a connection that is there
NO_DESCRIPTOR_PAUSE_S: Final = 0.1
_OUT_OF_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = structlog.get_logger("ocpptrio.stream")


class SocketStream(trio.abc.Stream):
    """A connected TCP socket as a Trio stream.

    Attributes:
        peer: address of the other side.
        heard_at: Trio's time of the last bytes read: any of them prove that the peer lives.
    """

    def __init__(self, connected: socket.socket, peer: str) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._fresh = True  # nothing was read yet
        self.peer = peer
        self.heard_at = trio.current_time()
        self.on_end: Callable[[], None] | None = None  # called when nothing more will come
        self._sending = False  # what somebody sends has not gone out whole
        self._torn = False  # and never will
        self._senders = trio.lowlevel.ParkingLot()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while True:
            if self._socket.fileno() < 0:
                raise trio.ClosedResourceError
            try:
                if not self._fresh:
                    await trio.lowlevel.wait_readable(self._socket)
                self._fresh = False
                data = self._socket.recv(max_bytes or RECEIVE_SIZE)
            except BlockingIOError:
                continue
            except OSError as error:
                self._ended()
                raise trio.BrokenResourceError from error
            if not data:
                self._ended()
            self.heard_at = trio.current_time()
            return data

    def _ended(self) -> None:
        if self.on_end is not None:
            self.on_end()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As for any stream, but several tasks may send: what each sends stays in one piece.

        After a send that was cut short nothing more can be sent.
        """
        while self._sending:
            await self._senders.park()
        if self._socket.fileno() < 0:
            raise trio.ClosedResourceError
        if self._torn:
            raise trio.BrokenResourceError("an earlier send was cut short")
        sent = self._send_nowait(data)
        if sent < len(data):
            self._sending = self._torn = True
            try:
                with memoryview(data) as rest:
                    while sent < len(rest):
                        sent += await self._send_later(rest[sent:])
                self._torn = False
            finally:
                self._sending = False
                self._senders.unpark_all()

    async def _send_later(self, data: memoryview) -> int:
        try:
            await trio.lowlevel.wait_writable(self._socket)
        except OSError as error:
            raise trio.BrokenResourceError from error
        return self._send_nowait(data)

    def _send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.wait_writable(self._socket)

    def close(self) -> None:
        """Close at once; whoever waits on the socket gets ClosedResourceError."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            self._ended()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()


async def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of `host`; port 0 takes one free port for all.

    Raises:
        OSError: the address is in use, or not of this machine.
    """
    addresses = await trio.socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(addresses):
            listening = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if port == 0 and len(sockets) > 1:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            listening.bind(address)
            listening.listen(BACKLOG)
            listening.setblocking(False)
    except BaseException:
        close_all(sockets)
        raise
    return sockets


async def accept(listening: socket.socket) -> SocketStream:
    """The next connection. No checkpoint if one waits already: they come in crowds.

    Raises:
        trio.ClosedResourceError: the listening socket was closed.
    """
    while True:
        try:
            if listening.fileno() < 0:
                raise trio.ClosedResourceError
            connected, address = listening.accept()
        except BlockingIOError:
            await trio.lowlevel.wait_readable(listening)
            continue
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                log.error("no file descriptor left; raise the limit", error=str(error))  # noqa: TRY400
                await trio.sleep(NO_DESCRIPTOR_PAUSE_S)
            # All other errors are of that one connection, which is gone (accept(2), ECONNABORTED).
            continue
        try:
            return SocketStream(connected, address[0])
        except OSError:
            connected.close()


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close listening sockets at once."""
    for listening in sockets:
        if listening.fileno() >= 0:
            trio.lowlevel.notify_closing(listening)
            listening.close()

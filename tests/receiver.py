"""An HTTP server that gets webhooks: goes away, comes back, and answers as told."""

import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio


class Received:
    """One POST."""

    def __init__(self, head: str, content: bytes) -> None:
        self.line, *lines = head.split("\r\n")
        self.headers = dict(line.lower().split(": ", 1) for line in lines)
        self.content = content

    @property
    def body(self) -> Any:  # Any: JSON
        return json.loads(self.content)

    @property
    def numbers(self) -> list[int]:
        return [event["number"] for event in self.body["events"]]

    def is_signed_with(self, secret: str) -> bool:
        """As docs/webhooks.md says."""
        parts = dict(part.split("=") for part in self.headers["ocpptrio-signature"].split(","))
        signed = parts["t"].encode() + b"." + self.content
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(digest, parts["v1"])


class Receiver:
    """See the module.

    Args:
        tls: what it speaks TLS with.

    Attributes:
        answers: called for each POST, returns the status line and the body.
        hangs: it never answers.
        got: what was answered with 2xx.
        refused: all else.
    """

    def __init__(self, nursery: trio.Nursery, tls: ssl.SSLContext | None = None) -> None:
        self._nursery = nursery
        self._tls = tls
        self._scope: trio.CancelScope | None = None
        self.port = 0
        self.answers: Callable[[Received], tuple[str, bytes]] = lambda _: ("204 No Content", b"")
        self.headers = ""
        self.hangs = False
        self.got: list[Received] = []
        self.refused: list[Received] = []

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/hook"

    @property
    def numbers(self) -> list[int]:
        """Of all events that came, in the order in which they came."""
        return [number for one in self.got for number in one.numbers]

    async def up(self) -> None:
        self._scope = await self._nursery.start(self._serve)

    def down(self) -> None:
        assert self._scope is not None
        self._scope.cancel()

    async def _serve(self, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(
                partial(trio.serve_tcp, self._handle, self.port, host="127.0.0.1")
            )
            self.port = listener.socket.getsockname()[1]
            task_status.started(nursery.cancel_scope)

    async def _handle(self, connection: trio.SocketStream) -> None:
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = connection
        if self._tls is not None:
            stream = trio.SSLStream(connection, self._tls, server_side=True, https_compatible=True)
        data = b""
        async with stream:
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = await stream.receive_some()
                        if not more:
                            return
                        data += more
                    head, _, data = data.partition(b"\r\n\r\n")
                    text = head.decode()
                    length = int(text.lower().split("content-length:")[1].split()[0])
                    while len(data) < length:
                        data += await stream.receive_some()
                    received, data = Received(text, data[:length]), data[length:]
                    if self.hangs:
                        await trio.sleep_forever()
                    status, body = self.answers(received)
                    (self.got if status[0] == "2" else self.refused).append(received)
                    lines = f"HTTP/1.1 {status}\r\n{self.headers}"
                    if not status.startswith("204"):
                        lines += f"Content-Length: {len(body)}\r\n"
                    await stream.send_all(f"{lines}\r\n".encode() + body)
            except trio.BrokenResourceError:
                return


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    async with trio.open_nursery() as nursery:
        made = Receiver(nursery, tls)
        await made.up()
        yield made
        nursery.cancel_scope.cancel()

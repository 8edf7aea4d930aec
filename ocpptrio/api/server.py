"""Runs the API for the daemon: hypercorn's HTTP, in our nursery, on connections that we can end.

Not here: the application (app), which an embedder gives to a server of their own.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, ResponseSummary, WWWScope
from hypercorn.utils import wrap_app

from ocpptrio.api.app import Api
from ocpptrio.central_system import CentralSystem

# For requests that are being answered when the daemon stops; live streams have ended by then.
GRACE_S: Final = 3
BACKLOG: Final = 128
# Until the kernel gives a connection up whose client takes nothing (Linux): it holds a stream.
STALLED_MS: Final = 60_000
KEEP_ALIVE_S: Final = 75  # more than common proxies, so that they close first

log = structlog.get_logger("ocpptrio.api")


class ApiServer:
    """See the module.

    Attributes:
        urls: where it listens, once it runs.
    """

    def __init__(self, central: CentralSystem) -> None:
        self._settings = central.settings.api
        self._api = Api(central)
        self._stop = trio.Event()
        self._stopped = trio.Event()
        self._streams: set[trio.SocketStream] = set()
        self._left = trio.Event()  # one of them
        self.urls: list[str] = []

    async def run(self, *, task_status: trio.TaskStatus[list[str]]) -> None:
        """Serve until `stop`.

        Raises:
            OSError: the address cannot be bound.
        """
        listening = await _bound(self._settings.host, self._settings.port)
        host, port = listening.getsockname()[:2]
        self.urls = [f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"]
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
        context = WorkerContext(None)
        serve = partial(
            self._serve_connection,
            wrap_app(self._api.app, 0, "asgi"),
            _config(),
            context,
        )
        try:
            async with trio.open_nursery() as connections:
                try:
                    async with trio.open_nursery() as accepting:
                        accepting.start_soon(
                            partial(
                                trio.serve_listeners, serve, [listener], handler_nursery=connections
                            )
                        )
                        task_status.started(self.urls)
                        await self._stop.wait()
                        accepting.cancel_scope.cancel()
                    await context.terminated.set()  # idle connections end
                    with trio.move_on_after(GRACE_S):
                        await self._wait_nobody()
                finally:
                    # Hypercorn shields what it sends: where a client does not read, nothing but
                    # closing the socket under it helps.
                    for stream in self._streams:
                        stream.socket.close()
        finally:
            self._stopped.set()

    async def _serve_connection(
        self, app: AppWrapper, config: Config, context: WorkerContext, stream: trio.SocketStream
    ) -> None:
        self._streams.add(stream)
        try:
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
            state = ConnectionState({})
            await TCPServer(app, config, context, state, stream)  # type: ignore[arg-type] # or TLS
        except OSError:
            pass  # it is gone before it said anything
        except Exception:  # one connection must not end the others
            log.exception("connection failed")
        finally:
            self._streams.discard(stream)
            self._left.set()

    async def _wait_nobody(self) -> None:
        while self._streams:
            self._left = trio.Event()
            await self._left.wait()

    async def stop(self) -> None:
        """End live streams, let requests finish, and return when nothing is served any more."""
        self._api.close()
        self._stop.set()
        with trio.move_on_after(GRACE_S + 1):
            await self._stopped.wait()


class _Log:
    """What hypercorn has to say, as lines of ours; requests go to the audit log."""

    def __init__(self, config: Config) -> None:
        pass

    async def access(
        self, request: WWWScope, response: ResponseSummary | None, request_time: float
    ) -> None:
        if log.is_enabled_for(10):
            log.debug(
                "request",
                method=request.get("method"),
                path=request["path"],
                status=None if response is None else response["status"],  # None: it was cut off
                ms=round(request_time * 1000),
            )

    def __getattr__(self, level: str) -> Callable[..., Any]:
        write = getattr(log, level)

        async def say(message: str, *args: Any, **_kwargs: Any) -> None:
            write(message % args if args else message)

        return say


async def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens; of a name with several addresses, on the first."""
    found = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, _, _, _, address = found[0]
    return socket.create_server(address[:2], family=family, backlog=BACKLOG)


def _config() -> Config:
    config = Config()
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.include_server_header = False
    config.logger_class = _Log  # type: ignore[assignment] # it has all that is called
    config.alpn_protocols = ["http/1.1"]
    return config

"""Runs the API for the daemon: hypercorn, in our nursery.

Not here: the application (app), which an embedder gives to a server of their own.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from hypercorn.typing import ResponseSummary, WWWScope

from ocpptrio.api.app import Api
from ocpptrio.central_system import CentralSystem

# For requests that are being answered when the daemon stops; live streams have ended by then.
GRACE_S: Final = 3
BACKLOG: Final = 128
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
        self.urls: list[str] = []

    async def run(self, *, task_status: trio.TaskStatus[list[str]]) -> None:
        """Serve until `stop`.

        Raises:
            OSError: the address cannot be bound.
        """
        # Hypercorn takes the file descriptor, and closes it.
        listening = await _bound(self._settings.host, self._settings.port)
        config = _config(listening.detach())
        try:
            async with trio.open_nursery() as nursery:
                self.urls = await nursery.start(
                    partial(
                        hypercorn_serve,
                        self._api.app,  # type: ignore[arg-type] # Litestar's types of ASGI
                        config,
                        shutdown_trigger=self._stop.wait,
                        mode="asgi",
                    )
                )
                task_status.started(self.urls)
        finally:
            self._stopped.set()

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
            # It announces its address by itself, in a form of its own.
            if not message.startswith("Running on"):
                write(message % args if args else message)

        return say


async def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens; of a name with several addresses, on the first."""
    found = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, _, _, _, address = found[0]
    return socket.create_server(address[:2], family=family, backlog=BACKLOG)


def _config(descriptor: int) -> Config:
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.graceful_timeout = GRACE_S
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.include_server_header = False
    config.logger_class = _Log  # type: ignore[assignment] # it has all that is called
    config.alpn_protocols = ["http/1.1"]
    return config

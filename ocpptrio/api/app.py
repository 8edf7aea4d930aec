"""All routes as one ASGI application, for our own server or an embedder's.

Not here: what a route does (routes), who may use it (access), the server (server).
"""

from typing import Final

import trio
from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp

from ocpptrio.api import access, monitoring, openapi, paths, problems, static
from ocpptrio.api.given import AnyRequest
from ocpptrio.api.outermost import Outermost
from ocpptrio.api.routes import ROUTES
from ocpptrio.api.streams import Streams
from ocpptrio.central_system import CentralSystem
from ocpptrio.services.access import Principal

MAX_BODY_BYTES: Final = 10_000_000  # a CSV of a hundred thousand tags


class Api:
    """See the module.

    Args:
        central: whose API it is; must run as long as requests are served.

    Attributes:
        app: the ASGI application; its server must run on Trio.
        closing: set once live streams are to end: before a server waits for its requests.
        streams: of live events.
    """

    app: ASGIApp

    def __init__(self, central: CentralSystem) -> None:
        self.closing = trio.Event()
        self.streams = Streams(central, self.closing, central.settings.api.max_streams)

        async def provide_central() -> CentralSystem:
            return central

        async def provide_asker(request: AnyRequest) -> Principal:
            return access.principal_of(request)

        pages = [static.docs]
        if central.settings.api.dashboard:
            pages.append(static.dashboard)
        self.litestar = Litestar(
            [
                Router("/api/v1", route_handlers=ROUTES, before_request=paths.restore),
                *monitoring.routes(central.settings.api),
                openapi.openapi_json,
                *pages,
            ],
            guards=[access.guard],
            dependencies={
                "central": Provide(provide_central),
                "asker": Provide(provide_asker),
            },
            state=State({"central": central, "api": self, "static": static.StaticFiles()}),
            exception_handlers={Exception: problems.answer},
            openapi_config=openapi.CONFIG,
            compression_config=CompressionConfig(backend="gzip", exclude_opt_key=access.AS_IT_IS),
            request_max_body_size=MAX_BODY_BYTES,
            logging_config=None,
        )
        self.app = Outermost(self.litestar, central)

    def close(self) -> None:
        """End all live streams; call it before the server is told to stop."""
        self.closing.set()

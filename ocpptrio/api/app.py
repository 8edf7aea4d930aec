"""All routes as one ASGI application, for our own server or an embedder's.

Not here: what a route does (routes), who may use it (access), the server (server).
"""

from functools import cache
from typing import Any, Final

import trio
from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide

from ocpptrio.api import access, monitoring, openapi, paths, problems, queries, static
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
        litestar: the routes.
        closing: set once live streams are to end: before a server waits for its requests.
        streams: of live events.
    """

    def __init__(self, central: CentralSystem) -> None:
        self.central = central
        self.closing = trio.Event()
        self.streams = Streams(central, self.closing, central.settings.api.max_streams)
        settings = central.settings.api
        self.litestar = _routes(dashboard=settings.dashboard, open_metrics=settings.open_metrics)
        self._outermost = Outermost(self.litestar, central)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:  # Any: as the server has them
        """The ASGI application; its server must run on Trio."""
        scope.setdefault("state", {})["api"] = self
        await self._outermost(scope, receive, send)

    def close(self) -> None:
        """End all live streams; call it before the server is told to stop."""
        self.closing.set()


@cache  # Litestar takes a fourth of a second for it; whose API it is, each request says
def _routes(*, dashboard: bool, open_metrics: bool) -> Litestar:
    return Litestar(
        [
            Router("/api/v1", route_handlers=ROUTES, before_request=_before),
            *monitoring.routes(open_metrics=open_metrics),
            openapi.openapi_json,
            static.docs,
            *([static.dashboard] if dashboard else []),
        ],
        guards=[access.guard],
        dependencies={"central": Provide(_central), "asker": Provide(_asker)},
        state=State({"static": static.StaticFiles(), "openapi_lock": trio.Lock()}),
        exception_handlers={Exception: problems.answer},
        openapi_config=openapi.CONFIG,
        compression_config=CompressionConfig(backend="gzip", exclude_opt_key=access.AS_IT_IS),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )


async def _before(request: AnyRequest) -> None:
    queries.check(request)
    paths.restore(request)


async def _central(request: AnyRequest) -> CentralSystem:
    central: CentralSystem = request.state.api.central
    return central


async def _asker(request: AnyRequest) -> Principal:
    return access.principal_of(request)

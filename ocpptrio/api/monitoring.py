"""/metrics, /healthz and /readyz: for what watches this process, outside of /api/v1.

Not here: which metrics there are (metrics), how large and how fast all is (routes.system).
"""

from http import HTTPStatus
from typing import Final

import msgspec
import trio
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from ocpptrio.api.access import ANYBODY, needs
from ocpptrio.api.given import AnyRequest, Central
from ocpptrio.api.metrics import exposition
from ocpptrio.api.problems import Problem
from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import StoreError
from ocpptrio.store import statistics
from ocpptrio.store.vocabulary import Role

READY_WITHIN_S: Final = 2  # a commit takes ms


class Status(msgspec.Struct, frozen=True):
    """Nothing but that all is well: anybody may ask."""

    status: str = "ok"


async def metrics(central: Central, request: AnyRequest) -> Response[bytes]:
    """Figures for Prometheus, as OpenMetrics if that is asked for."""
    media_type, text = await exposition(central, request.headers.get("accept", ""))
    # Litestar tells the charset of text by itself.
    if media_type.startswith("text/"):
        media_type = media_type.removesuffix("; charset=utf-8")
    return Response(text, media_type=media_type)


@get("/healthz", opt=ANYBODY)
async def healthz() -> Status:
    """Whether the process lives."""
    return Status()


@get("/readyz", opt=ANYBODY)
async def readyz(central: Central) -> Status:
    """Whether charge points are let in, and what they say is stored; if not: 503."""
    if not await is_ready(central):
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not ready", headers={"Retry-After": "5"})
    return Status()


async def is_ready(central: CentralSystem) -> bool:
    """Whether charge points are let in, and the store writes in good time."""
    if not central.ready:
        return False
    with trio.move_on_after(READY_WITHIN_S):
        try:
            # A question, but asked in the writer: it is the writer that has to be there.
            await central.store.write(statistics.schema_version)
        except StoreError:
            return False
        return True
    return False


def routes(*, open_metrics: bool) -> list[HTTPRouteHandler]:
    """All of these; open_metrics: anybody may read the metrics."""
    may = ANYBODY if open_metrics else needs(Role.VIEWER)
    return [get("/metrics", opt=may, media_type="text/plain")(metrics), healthz, readyz]

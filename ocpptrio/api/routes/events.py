"""/events: what happened, and what happens. Not here: how a stream is kept (streams)."""

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

from litestar import get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ASGIApp

from ocpptrio.api.access import AS_IT_IS, identify
from ocpptrio.api.filters import ChargePointId
from ocpptrio.api.given import AnyRequest, Central
from ocpptrio.api.paging import Cursor, Limit, Page, cursor_to, key_of
from ocpptrio.api.problems import Problem
from ocpptrio.api.recent import Wanted
from ocpptrio.api.streams import Streams
from ocpptrio.events import AnyEvent, MeterValuesReceived
from ocpptrio.presentation import public_event
from ocpptrio.store import events
from ocpptrio.store.driver import Reader
from ocpptrio.store.events import Scan

TAGS: Final = ["events"]
RETRY_AFTER_S: Final = 10
WINDOW: Final = 100_000  # numbers that one page looks at, where no index helps: some 0.1 s
ALL: Final = 2**62

if TYPE_CHECKING:
    EventKind = str  # made below, which mypy cannot follow
else:
    EventKind = StrEnum("EventKind", {kind.__name__: kind.__name__ for kind in get_args(AnyEvent)})
    EventKind.__doc__ = "What can happen."

Kinds = Annotated[
    list[EventKind] | None,
    QueryParameter(name="kind", description="only of this kind; may be given several times"),
]
After = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=2**63 - 1,
        description="only those with a greater number",
        schema_extra={"minimum": 0},
    ),
]
Before = Annotated[
    int | None,
    QueryParameter(ge=1, le=2**63 - 1, description="only those with a smaller number"),
]
LastEventId = Annotated[
    int | None,
    HeaderParameter(
        name="Last-Event-ID",
        ge=0,
        le=2**63 - 1,
        description="the last number seen, as browsers send it by themselves; goes before `after`",
        schema_extra={"minimum": 0},
    ),
]


@get("/events", tags=TAGS)
async def list_events(
    central: Central,
    after: After = None,
    before: Before = None,
    charge_point_id: ChargePointId = None,
    kind: Kinds = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:  # Any: each kind has fields of its own
    """What happened: the newest first, or with `after` in order from that number on.

    Each has `number`, `kind`, `at`, `charge_point_id` and the fields of its kind. A page may hold
    fewer than `limit` although more follow: go on as long as there is a `next_cursor`.
    """
    seen = key_of(cursor, int)
    kinds = None if kind is None else frozenset(map(str, kind))
    # The index by charge point has all but these.
    indexed = charge_point_id is not None and kinds and MeterValuesReceived.__name__ not in kinds
    window = ALL if indexed else WINDOW

    def work(reader: Reader) -> Scan:
        if after is not None:
            return events.scan(
                reader,
                after if seen is None else max(after, seen),
                before=before,
                limit=limit,
                charge_point_id=charge_point_id,
                kinds=kinds,
                window=window,
            )
        return events.scan_back(
            reader,
            before if seen is None else seen,
            limit=limit,
            charge_point_id=charge_point_id,
            kinds=kinds,
            window=window,
        )

    found = await central.store.read(work)
    items = [public_event(numbered) for numbered in found.events]
    return Page(items, cursor_to(found.up_to) if found.more else None)


@get(
    "/events/stream",
    opt={AS_IT_IS: True},
    responses={200: ResponseSpec(str, media_type="text/event-stream", generate_examples=False)},
    tags=TAGS,
)
async def stream_events(
    request: AnyRequest,
    central: Central,
    after: After = None,
    last_event_id: LastEventId = None,
    charge_point_id: ChargePointId = None,
    kind: Kinds = None,
) -> ASGIApp:
    """What happens, as it happens: server-sent events, each once and in order.

    `id` is the number of the event, `event` its kind, `data` what GET /events gives of it. Begins
    after `Last-Event-ID` or `after`; without both, now. An event `reset` says that what came after
    that number is not kept any more: read what you show anew, the stream goes on from now.
    """
    streams: Streams = request.state.api.streams
    if streams.full:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "as many streams as may be are open ([api] max_streams); close some, or wait",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )

    async def may_watch() -> bool:
        return await identify(request, central) is not None

    wanted = Wanted(
        after=after if last_event_id is None else last_event_id,
        charge_point_id=charge_point_id,
        kinds=None if kind is None else frozenset(map(str, kind)),
    )
    return streams.answer(wanted, may_watch)


ROUTES: Final = [list_events, stream_events]

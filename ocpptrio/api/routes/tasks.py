"""/tasks: many charge points are asked, at a pace. One route to start one for each Action.

Each charge point gets a command of its own: GET /commands?task_id=. Not here: one charge point
(commands).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter, RawBody
from msgspec import UNSET, Meta, UnsetType

from ocpptrio.api.bodies import BODY, read_body
from ocpptrio.api.filters import Number
from ocpptrio.api.given import AnyRequest, Asker, Central
from ocpptrio.api.openapi import ALSO, CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import bad_request
from ocpptrio.api.routes.commands import OURS, payload, summary_of
from ocpptrio.api.views import Change, View, shown
from ocpptrio.api.waiting import YEAR_S, IdempotencyKey, WaitS, within
from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol.actions import ActionSpec
from ocpptrio.services.tasks import AT_A_TIME, SHARE
from ocpptrio.store import tasks
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import TaskRecord
from ocpptrio.store.tasks import LARGEST, Progress
from ocpptrio.store.vocabulary import TaskState

TAGS: Final = ["tasks"]

ChargePoints = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=LARGEST)
]
State = Annotated[TaskState | None, QueryParameter(name="state", description="only those")]


class NewTask(Change, frozen=True, kw_only=True):
    """Who is asked, and at which pace; `request` is told with each Action.

    Attributes:
        group: who else is asked: its members now.
        at_a_time: how many may be under way at once.
        per_minute: how many may be begun within a minute.
        stop_after: after so many failures, or at this share of all ("10%"), no more are sent.
        expires_in_s: what is not sent by then is not sent at all.
    """

    charge_points: ChargePoints = ()
    group: Annotated[str, Meta(max_length=255)] | None = None
    at_a_time: Annotated[int, Meta(ge=1, le=LARGEST)] = AT_A_TIME
    per_minute: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None
    stop_after: (
        Annotated[int, Meta(ge=1, le=LARGEST)]
        | Annotated[str, Meta(pattern=f"^{SHARE.pattern}$")]
        | None
    ) = None
    expires_in_s: Annotated[float, Meta(ge=1, le=YEAR_S)] | None = None


class Task(View, frozen=True, kw_only=True):
    """Many charge points that are asked for the same, or each for its own, and how far that is.

    Attributes:
        request: as in OCPP, secrets taken out; null: each charge point has its own.
        total: charge points.
        counts: state of a command -> charge points.
        failures: charge points where it failed.
        effects: state of an effect -> charge points, where one is expected.
        reason: why it was stopped.
    """

    task_id: int
    action: str
    request: dict[str, Any] | None  # Any: as in OCPP
    state: TaskState
    total: int
    counts: dict[str, int]
    failures: int
    effects: dict[str, int]
    at_a_time: int
    per_minute: int | None
    stop_after: int | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    reason: str | None
    idempotency_key: str | None
    requested_by: str | None


def _route(spec: ActionSpec) -> HTTPRouteHandler:
    """The route that starts a task of one Action."""
    body_type = msgspec.defstruct(
        f"{spec.name}Task",
        [
            ("request", spec.request | UnsetType, UNSET),
            ("requests", dict[str, spec.request] | UnsetType, UNSET),  # type: ignore[name-defined]
        ],
        bases=(NewTask,),
        namespace={
            "__doc__": f"{spec.name} for many charge points: `request` for all of "
            "`charge_points` and `group`, or `requests`: charge point -> its own."
        },
        frozen=True,
        kw_only=True,
    )
    decode = msgspec.json.Decoder(body_type).decode

    async def start(
        central: Central, asker: Asker, body: RawBody, idempotency_key: IdempotencyKey = None
    ) -> Response[Task]:
        given: Any = read_body(body, decode)  # Any: of the struct just made
        if (given.request is UNSET) == (given.requests is UNSET):
            raise bad_request("send request, or requests", field="request")
        task_id = await central.tasks.start(
            given.requests if given.request is UNSET else given.request,
            given.charge_points,
            group=given.group,
            at_a_time=given.at_a_time,
            per_minute=given.per_minute,
            stop_after=given.stop_after,
            expires_in_s=given.expires_in_s,
            idempotency_key=idempotency_key,
            requested_by=asker.name,
        )
        return Response(
            await _task(central, task_id),
            status_code=HTTPStatus.ACCEPTED,
            headers={"Location": f"/api/v1/tasks/{task_id}"},
        )

    start.__name__ = f"start_{spec.name}"
    return post(
        f"/tasks/{spec.name}",
        opt={CONFLICTS: True, ALSO: ("404",), BODY: body_type},
        status_code=HTTPStatus.ACCEPTED,
        operation_id=f"start{spec.name}Task",
        summary=f"Send {spec.name} to many",
        description=(
            f"{summary_of(spec)}\n\nAll commands are on disk before anything is sent. Charge "
            "points that are not connected are asked when they return, until the task expires."
        ),
        response_description="It has begun: see Location.",
        tags=TAGS,
    )(start)


@get("/tasks", tags=TAGS)
async def list_tasks(
    central: Central, state_: State = None, cursor: Cursor = None, limit: Limit = 100
) -> Page[Task]:
    """All tasks and how far they are, the newest first."""
    before = key_of(cursor, int)

    def work(reader: Reader) -> list[tuple[TaskRecord, Progress]]:
        found = tasks.listed(
            reader,
            state=state_,
            before=2**63 - 1 if before is None else before,
            limit=limit + 1,
        )
        so_far = tasks.progress_of_each(reader, [record.task_id for record in found])
        return [(record, so_far[record.task_id]) for record in found]

    found = await central.store.read(work)
    return page(found, limit, lambda each: each[0].task_id, lambda each: _view(*each))


@get("/tasks/{task_id:int}", tags=TAGS)
async def one_task(
    central: Central, request: AnyRequest, task_id: Number, wait_s: WaitS = None
) -> Task:
    """One task and how far it is; with `wait_s`, once it has ended, or that time has passed."""
    await within(request, wait_s or 0, partial(central.tasks.wait_ended, task_id))
    return await _task(central, task_id)


@delete("/tasks/{task_id:int}", opt={CONFLICTS: True}, status_code=HTTPStatus.OK, tags=TAGS)
async def cancel_task(central: Central, task_id: Number) -> Task:
    """Send no more of a task; what is sent already goes on."""
    await central.tasks.cancel(task_id)
    return await _task(central, task_id)


async def _task(central: CentralSystem, task_id: int) -> Task:
    return _view(*await central.tasks.get(task_id))


def _view(record: TaskRecord, so_far: Progress) -> Task:
    return shown(
        Task,
        record,
        request=None if record.request is None else payload(record.request),
        counts=so_far.counts,
        failures=so_far.failures,
        effects=so_far.effects,
    )


ROUTES: Final[Sequence[HTTPRouteHandler]] = [
    *map(_route, OURS),
    list_tasks,
    one_task,
    cancel_task,
]

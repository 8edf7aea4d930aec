"""/commands: what charge points are asked, and what came of it. One route to ask for each Action.

Not here: many charge points at once (tasks), what an Action's request consists of (actions).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, RawBody

from ocpptrio.api.bodies import BODY, read_body
from ocpptrio.api.filters import ChargePointId, Number
from ocpptrio.api.given import AnyRequest, Asker, Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import not_found
from ocpptrio.api.views import View, shown
from ocpptrio.api.waiting import ExpiresInS, IdempotencyKey, WaitS, within
from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol.actions import ACTIONS, ActionSpec, Role
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.store import commands
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState

# The Actions that a central system sends: each has a route here, and one for tasks.
OURS: Final = [spec for spec in ACTIONS.values() if Role.CENTRAL_SYSTEM in spec.senders]
WAIT_S: Final = 30  # if nothing is said: as long as charge points have to answer, by default
TAGS: Final = ["commands"]

ActionName = Annotated[
    str | None, QueryParameter(max_length=50, description="only of this Action: Reset, ...")
]
State = Annotated[
    CommandState | None, QueryParameter(name="state", description="only those that came so far")
]
TaskId = Annotated[int | None, QueryParameter(ge=1, le=2**63 - 1, description="only of this task")]
Until = Annotated[
    Literal["answer", "effect"],
    QueryParameter(description="what to wait for: the answer, or what it brings about, too"),
]


class ListedCommand(View, frozen=True, kw_only=True):
    """What a charge point was asked, how far that came, and what it brought about.

    Attributes:
        request: as in OCPP, secrets taken out.
        status: of the answer: Accepted, Rejected, ...
        error: why it was not answered, or what is known about such an answer.
        late: the answer came after the time-out.
        failed: what was asked for did not happen, as far as is known.
        effect: whether what was asked for was seen to happen: the boot after a Reset, for example.
        transaction_id: of the transaction that it began or ended.
        follows: the command that this one makes up for.
        requested_by: "user anna", "token 3 billing"; null: the central system itself, or the
            command line.
    """

    command_id: int
    charge_point_id: str
    action: str
    request: dict[str, Any]  # Any: as in OCPP
    state: CommandState
    status: str | None
    response: dict[str, Any] | None
    error: str | None
    late: bool
    failed: bool
    effect: EffectState
    effect_detail: str | None
    effect_at: datetime | None
    effect_due_at: datetime | None
    created_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None
    settled_at: datetime | None
    transaction_id: int | None
    task_id: int | None
    follows: int | None
    idempotency_key: str | None
    requested_by: str | None


class Command(ListedCommand, frozen=True, kw_only=True):
    """A command, and which one makes up for it: where that is, its outcome is the one to look at.

    Attributes:
        followed_by: the number of that command.
    """

    followed_by: int | None


async def _submit(
    central: CentralSystem,
    request: AnyRequest,
    charge_point_id: str,
    data: Request[Message],
    *,
    requested_by: str,
    wait_s: float | None,
    expires_in_s: float | None,
    idempotency_key: str | None,
) -> Response[Command]:
    command_id = await central.commands.submit(
        charge_point_id,
        data,
        expires_in_s=expires_in_s,
        idempotency_key=idempotency_key,
        requested_by=requested_by,
    )
    if wait_s is None:
        # One that is not there may be gone for days: it is asked when it returns.
        session = central.registry.get(charge_point_id)
        wait_s = 0 if session is None or session.connection is None else WAIT_S
    settled = await within(request, wait_s, partial(central.commands.wait_settled, command_id))
    command = await _command(central, command_id if settled is None else settled.command_id)
    done = command.settled_at is not None
    return Response(
        command,
        status_code=HTTPStatus.OK if done else HTTPStatus.ACCEPTED,
        headers={} if done else {"Location": f"/api/v1/commands/{command.command_id}"},
    )


def _route(spec: ActionSpec) -> HTTPRouteHandler:
    """The route that asks a charge point for one Action."""

    async def submit(
        central: Central,
        asker: Asker,
        request: AnyRequest,
        charge_point_id: FromPath[str],
        body: RawBody,
        wait_s: WaitS = None,
        expires_in_s: ExpiresInS = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[Command]:
        return await _submit(
            central,
            request,
            charge_point_id,
            read_body(body, spec.read_request),
            requested_by=asker.name,
            wait_s=wait_s,
            expires_in_s=expires_in_s,
            idempotency_key=idempotency_key,
        )

    submit.__name__ = f"send_{spec.name}"
    return post(
        f"/charge-points/{{charge_point_id:str}}/commands/{spec.name}",
        opt={CONFLICTS: True, BODY: spec.request},
        status_code=HTTPStatus.OK,
        operation_id=f"send{spec.name}",
        summary=f"Send {spec.name}",
        description=(
            f"{summary_of(spec)}\n\nThe command is on disk before anything is sent. Without "
            f"`wait_s`, the answer is waited for {WAIT_S} s if the charge point is connected, and "
            "not at all if it is not: it is asked when it returns, until the command expires."
        ),
        responses={
            202: ResponseSpec(Command, description="It waits, or its answer does: see Location.")
        },
        response_description="It is answered, or will not be: see `state`.",
        tags=TAGS,
    )(submit)


@get("/commands", tags=TAGS)
async def list_commands(
    central: Central,
    charge_point_id: ChargePointId = None,
    state_: State = None,
    task_id: TaskId = None,
    action: ActionName = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[ListedCommand]:
    """What charge points were asked, the newest first."""
    before = key_of(cursor, int)
    found = await central.store.read(
        lambda reader: commands.listed(
            reader,
            charge_point_id=charge_point_id,
            state=state_,
            task_id=task_id,
            action=action,
            before=before,
            limit=limit + 1,
        )
    )
    return page(found, limit, lambda record: record.command_id, _listed)


@get("/commands/{command_id:int}", tags=TAGS)
async def one_command(
    central: Central,
    request: AnyRequest,
    command_id: Number,
    wait_s: WaitS = None,
    until: Until = "answer",
) -> Command:
    """One command as it stands; with `wait_s`, once it came so far, or that time has passed.

    If another command makes up for it, that one is waited for, and returned.
    """
    service = central.commands
    wait = service.wait_effect if until == "effect" else service.wait_settled
    waited = await within(request, wait_s or 0, partial(wait, command_id))
    return await _command(central, command_id if waited is None else waited.command_id)


@delete(
    "/commands/{command_id:int}",
    opt={CONFLICTS: True},
    status_code=HTTPStatus.OK,
    tags=TAGS,
)
async def cancel_command(central: Central, command_id: Number) -> Command:
    """Withdraw a command that is not sent yet."""
    await central.commands.cancel(command_id)
    return await _command(central, command_id)


def summary_of(spec: ActionSpec) -> str:
    """What an Action is for, in a line or two, with the place in the specification."""
    return " ".join((spec.request.__doc__ or "").split())


def payload(text: str) -> dict[str, Any]:  # Any: as in OCPP
    """A payload from the store, as JSON."""
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


async def _command(central: CentralSystem, command_id: int) -> Command:
    def work(reader: Reader) -> tuple[CommandRecord | None, CommandRecord | None]:
        return commands.get(reader, command_id), commands.follower(reader, command_id)

    record, follower = await central.store.read(work)
    if record is None:
        raise not_found(f"there is no command {command_id}", see="GET /api/v1/commands")
    followed_by = None if follower is None else follower.command_id
    return shown(Command, record, **_json(record), followed_by=followed_by)


def _listed(record: CommandRecord) -> ListedCommand:
    return shown(ListedCommand, record, **_json(record))


def _json(record: CommandRecord) -> dict[str, object]:
    response = record.response
    return {
        "request": payload(record.request),
        "response": None if response is None else payload(response),
        "failed": record.failed,
    }


ROUTES: Final[Sequence[HTTPRouteHandler]] = [
    *map(_route, OURS),
    list_commands,
    one_command,
    cancel_command,
]

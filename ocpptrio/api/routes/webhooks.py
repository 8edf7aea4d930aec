"""/webhooks: which programs are told of which events. Operators see them, admins make them."""

from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from ocpptrio.api.access import needs
from ocpptrio.api.filters import Number
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import bad_request
from ocpptrio.api.versions import IfMatch, check, tagged
from ocpptrio.api.views import Change, View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.services import webhooks
from ocpptrio.store import webhooks as store
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import WebhookRecord
from ocpptrio.store.vocabulary import Role, WebhookState

SEEN: Final = needs(Role.OPERATOR)
ADMIN: Final = needs(Role.ADMIN)

Url = Annotated[str, Meta(max_length=2000)]
Kinds = Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=200)]
Name = Annotated[str, Meta(max_length=255)]


class Webhook(View, frozen=True, kw_only=True):
    """A program that is told of events by HTTP.

    Attributes:
        kinds: of events; none named: all.
        delivered_up_to: number of an event: what fits is there up to it.
        waiting: events that it has not got yet.
        failures: in a row.
        lost_events: deleted for their age before they were delivered.
    """

    webhook_id: int
    url: str
    kinds: tuple[str, ...]
    charge_point_id: str | None
    group: str | None
    state: WebhookState
    created_at: datetime
    delivered_up_to: int
    delivered_at: datetime | None
    waiting: int
    failures: int
    failing_since: datetime | None
    next_try_at: datetime | None
    last_error: str | None
    lost_events: int


class ShownWebhook(Webhook, frozen=True, kw_only=True):
    """A webhook just made: this is the only time that its secret is shown."""

    secret: str


class Delivery(View, frozen=True, kw_only=True):
    """One try to deliver events.

    Attributes:
        first_number: of the events in it; null: none, a test.
        status: of the answer; null: none came.
        error: null: delivered.
    """

    delivery_number: int
    at: datetime
    first_number: int | None
    last_number: int | None
    events: int
    status: int | None
    took_ms: int
    error: str | None


class WebhookTest(View, frozen=True, kw_only=True):
    """What came of a test; `error` is null if it was taken."""

    at: datetime
    status: int | None
    took_ms: int
    error: str | None


class NewWebhook(Change, frozen=True, kw_only=True):
    """Without `secret`, a new one is made."""

    url: Url
    kinds: Kinds = ()
    charge_point_id: Name | None = None
    group: Name | None = None
    secret: Annotated[str, Meta(min_length=16, max_length=200)] | None = None


class WebhookChange(Change, frozen=True, kw_only=True):
    url: Url | UnsetType = UNSET
    kinds: Kinds | UnsetType = UNSET
    charge_point_id: Name | UnsetType | None = UNSET
    group: Name | UnsetType | None = UNSET


class Replay(Change, frozen=True, kw_only=True):
    """From which event on; a number ahead leaves out what is between."""

    from_number: Annotated[int, Meta(ge=1, le=2**53)]


@get("/webhooks", opt=SEEN)
async def list_webhooks(
    central: Central, cursor: Cursor = None, limit: Limit = 100
) -> Page[Webhook]:
    """All webhooks, by number."""
    after = key_of(cursor, int) or 0

    def work(reader: Reader) -> list[Webhook]:
        rest = [one for one in store.everyone(reader) if one.webhook_id > after]
        return [_view(reader, one) for one in rest[: limit + 1]]

    found = await central.store.read(work)
    return page(found, limit, lambda one: one.webhook_id, lambda one: one)


@post("/webhooks", opt=ADMIN)
async def add_webhook(central: Central, data: JSONBody[NewWebhook]) -> Response[ShownWebhook]:
    """Deliver what happens from now on to a URL."""
    at_us = central.clock()

    def work(db: Db) -> ShownWebhook:
        record = webhooks.create(
            db,
            data.url,
            at_us=at_us,
            secret=data.secret,
            kinds=data.kinds,
            charge_point_id=data.charge_point_id,
            group=data.group,
        )
        return shown(ShownWebhook, record, group=record.group_name, waiting=0, secret=record.secret)

    return Response(await central.store.write(work), status_code=HTTPStatus.CREATED)


@get("/webhooks/{webhook_id:int}", opt=SEEN)
async def get_webhook(central: Central, webhook_id: Number) -> Response[Webhook]:
    """One webhook."""

    def work(reader: Reader) -> tuple[WebhookRecord, Webhook]:
        record = webhooks.known(reader, webhook_id)
        return record, _view(reader, record)

    record, view = await central.store.read(work)
    return tagged(view, _version(record))


@patch("/webhooks/{webhook_id:int}", opt=ADMIN)
async def change_webhook(
    central: Central,
    webhook_id: Number,
    data: JSONBody[WebhookChange],
    if_match: IfMatch = None,
) -> Response[Webhook]:
    """Change where to deliver, or what, also of what is not delivered yet."""
    edits: Any = data.given()  # Any: the fields of WebhookChange
    if not edits:
        raise bad_request("send what to change: url, kinds, charge_point_id or group")
    at_us = central.clock()

    def work(db: Db) -> tuple[WebhookRecord, Webhook]:
        check(if_match, _version(webhooks.known(db, webhook_id)))
        record = webhooks.edit(db, webhook_id, at_us=at_us, **edits)
        return record, _view(db, record)

    record, view = await central.store.write(work)
    return tagged(view, _version(record))


@delete("/webhooks/{webhook_id:int}", opt=ADMIN)
async def remove_webhook(central: Central, webhook_id: Number, if_match: IfMatch = None) -> None:
    """Forget a webhook; what it has not got, it never will."""
    at_us = central.clock()

    def work(db: Db) -> None:
        check(if_match, _version(webhooks.known(db, webhook_id)))
        webhooks.remove(db, webhook_id, at_us=at_us)

    await central.store.write(work)


@post("/webhooks/{webhook_id:int}/pause", opt=ADMIN, status_code=HTTPStatus.OK)
async def pause_webhook(central: Central, webhook_id: Number) -> Webhook:
    """Deliver nothing until it is resumed; what happens is kept, as long as events are."""
    await central.services.webhooks.pause(webhook_id)
    return await _now(central, webhook_id)


@post("/webhooks/{webhook_id:int}/resume", opt=ADMIN, status_code=HTTPStatus.OK)
async def resume_webhook(central: Central, webhook_id: Number) -> Webhook:
    """Go on delivering; one that is failing is tried at once."""
    await central.services.webhooks.resume(webhook_id)
    return await _now(central, webhook_id)


@post("/webhooks/{webhook_id:int}/replay", opt=ADMIN, status_code=HTTPStatus.OK)
async def replay_webhook(central: Central, webhook_id: Number, data: JSONBody[Replay]) -> Webhook:
    """Deliver events again, as far back as they are kept."""
    await central.services.webhooks.replay(webhook_id, data.from_number)
    return await _now(central, webhook_id)


@post("/webhooks/{webhook_id:int}/test", opt=ADMIN, status_code=HTTPStatus.OK)
async def test_webhook(central: Central, webhook_id: Number) -> WebhookTest:
    """Send a message without events now, and tell what is answered."""
    return shown(WebhookTest, await central.services.webhooks.test(webhook_id))


@get("/webhooks/{webhook_id:int}/deliveries", opt=SEEN)
async def list_deliveries(
    central: Central, webhook_id: Number, cursor: Cursor = None, limit: Limit = 100
) -> Page[Delivery]:
    """The last tries to deliver, the newest first."""
    found = await central.services.webhooks.deliveries(
        webhook_id, before=key_of(cursor, int), limit=limit + 1
    )
    return page(found, limit, lambda one: one.delivery_number, partial(shown, Delivery))


async def _now(central: CentralSystem, webhook_id: int) -> Webhook:
    return await central.store.read(
        lambda reader: _view(reader, webhooks.known(reader, webhook_id))
    )


def _view(reader: Reader, record: WebhookRecord) -> Webhook:
    waiting = store.waiting(reader, record)
    return shown(Webhook, record, group=record.group_name, waiting=waiting)


def _version(record: WebhookRecord) -> object:
    return (record.url, record.kinds, record.charge_point_id, record.group_name)


ROUTES: Final = [
    list_webhooks,
    add_webhook,
    get_webhook,
    change_webhook,
    remove_webhook,
    pause_webhook,
    resume_webhook,
    replay_webhook,
    test_webhook,
    list_deliveries,
]

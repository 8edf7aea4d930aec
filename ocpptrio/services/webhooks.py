"""Webhooks: which programs are told of which events. See docs/webhooks.md.

Functions on an open write, for commands beside the daemon; `WebhookService` for embedders. Not
here: the delivery (webhook_delivery).
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypedDict, TypeVar, Unpack

from msgspec.structs import replace

from ocpptrio.clock import Clock
from ocpptrio.config import SHORTEST_SECRET
from ocpptrio.errors import UnknownWebhook, WebhookError
from ocpptrio.events import misnamed
from ocpptrio.presentation import public
from ocpptrio.services import signature
from ocpptrio.services.outbound import check_url
from ocpptrio.services.webhook_delivery import WebhookDelivery
from ocpptrio.store import charge_points, events, webhooks
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import WebhookDeliveryRecord, WebhookRecord
from ocpptrio.store.vocabulary import WebhookState

MOST: Final = 100  # webhooks: each has a task, and reads what happens

LOOKED_AT: Final = 100_000  # numbers of events, some 50 ms of the writer

T = TypeVar("T")


class Filters(TypedDict, total=False):
    """Which events are delivered; what is left out stays, or is all."""

    kinds: Iterable[str]  # none: all
    charge_point_id: str | None
    group: str | None


class Edits(Filters, total=False):
    """What can be changed of a webhook; what is left out stays."""

    url: str


def create(
    db: Db, url: str, *, at_us: int, secret: str | None = None, **filters: Unpack[Filters]
) -> WebhookRecord:
    """Deliver what happens from now on to `url`.

    Args:
        at_us: now.
        secret: to sign with; None: a new one, which is shown once.

    Raises:
        WebhookError: it cannot be; says why.
    """
    if secret is None:
        secret = signature.new_secret()
    elif len(secret) < SHORTEST_SECRET or not secret.isprintable():
        raise WebhookError(
            f"secret: expected at least {SHORTEST_SECRET} visible characters; "
            "leave it out to get a good one"
        )
    if len(webhooks.everyone(db)) >= MOST:
        raise WebhookError(f"there are {MOST} webhooks already; remove one first")
    record = WebhookRecord(
        webhook_id=0,
        url=_checked(url),
        secret=secret,
        created_at_us=at_us,
        delivered_up_to=events.last_number(db),
    )
    return webhooks.add(db, _filtered(db, record, filters))


def edit(db: Db, webhook_id: int, *, at_us: int, **edits: Unpack[Edits]) -> WebhookRecord:
    """Change where to deliver, or what; also of the events that are not delivered yet.

    What did not fit when it happened, while nothing was pending, is not delivered later.

    Raises:
        WebhookError: there is none, or it cannot be so; says why.
    """
    before = known(db, webhook_id)
    record = _filtered(db, before, edits)
    if record != before:
        scan = webhooks.pending(db, before, limit=1, window=LOOKED_AT)
        passed = scan.events[0].number - 1 if scan.events else scan.up_to
        record = replace(record, delivered_up_to=passed)
    if "url" in edits:
        record = replace(record, url=_checked(edits["url"]), next_try_at_us=None)
    webhooks.put(db, record)
    webhooks.tell(db, record, "edited", at_us)
    return record


def pause(db: Db, webhook_id: int, *, at_us: int) -> WebhookRecord:
    """Deliver nothing until it is resumed; what happens meanwhile is kept as long as events are.

    Raises:
        UnknownWebhook: there is none.
    """
    record = known(db, webhook_id)
    if record.state is WebhookState.PAUSED:
        return record
    record = webhooks.paused(record, None)
    webhooks.put(db, record)
    webhooks.tell(db, record, "paused", at_us)
    return record


def resume(db: Db, webhook_id: int, *, at_us: int) -> WebhookRecord:
    """Go on where it stood, or try again at once if it is failing.

    Raises:
        UnknownWebhook: there is none.
    """
    record = known(db, webhook_id)
    if record.state is WebhookState.PAUSED:
        record = replace(record, state=WebhookState.ACTIVE, last_error=None)
    record = replace(record, next_try_at_us=None)
    webhooks.put(db, record)
    webhooks.tell(db, record, "resumed", at_us)
    return record


def replay(db: Db, webhook_id: int, from_number: int, *, at_us: int) -> WebhookRecord:
    """Deliver again from this event on, as far back as events are kept.

    A number ahead of where it stands leaves out what is between.

    Raises:
        WebhookError: there is none, or the event has not happened yet.
    """
    record = known(db, webhook_id)
    newest = events.last_number(db)
    if not 1 <= from_number <= newest + 1:
        raise WebhookError(f"from_number: expected 1 to {newest + 1}, the next event")
    record = replace(record, delivered_up_to=from_number - 1, warned_at_us=None)
    webhooks.put(db, record)
    webhooks.tell(db, record, "replayed", at_us, f"from event {from_number}")
    return record


def remove(db: Db, webhook_id: int, *, at_us: int) -> None:
    """Forget it; what is not delivered yet never will be.

    Raises:
        UnknownWebhook: there is none.
    """
    webhooks.remove(db, known(db, webhook_id), at_us)


def known(reader: Reader, webhook_id: int) -> WebhookRecord:
    """The webhook with this number.

    Raises:
        UnknownWebhook: there is none.
    """
    record = webhooks.get(reader, webhook_id)
    if record is None:
        raise UnknownWebhook(f"there is no webhook {webhook_id}")
    return record


def view(record: WebhookRecord, *, secret: bool = False) -> dict[str, object]:
    """What programs get of a webhook; its secret only when it is made."""
    shown = public(record)
    shown["group"] = shown.pop("group_name")
    return shown | ({"secret": record.secret} if secret else {})


class WebhookService:
    """See the functions of the module."""

    def __init__(self, store: Store, clock: Clock, delivery: WebhookDelivery) -> None:
        self._store = store
        self._clock = clock
        self._delivery = delivery

    async def everyone(self) -> list[WebhookRecord]:
        """In the order in which they were made."""
        return await self._store.read(webhooks.everyone)

    async def get(self, webhook_id: int) -> WebhookRecord:
        return await self._store.read(partial(known, webhook_id=webhook_id))

    async def create(
        self, url: str, *, secret: str | None = None, **filters: Unpack[Filters]
    ) -> WebhookRecord:
        """The record has the secret to verify signatures with."""
        return await self._write(partial(create, url=url, secret=secret, **filters))

    async def edit(self, webhook_id: int, **edits: Unpack[Edits]) -> WebhookRecord:
        return await self._write(partial(edit, webhook_id=webhook_id, **edits))

    async def pause(self, webhook_id: int) -> WebhookRecord:
        return await self._write(partial(pause, webhook_id=webhook_id))

    async def resume(self, webhook_id: int) -> WebhookRecord:
        return await self._write(partial(resume, webhook_id=webhook_id))

    async def replay(self, webhook_id: int, from_number: int) -> WebhookRecord:
        return await self._write(partial(replay, webhook_id=webhook_id, from_number=from_number))

    async def remove(self, webhook_id: int) -> None:
        await self._write(partial(remove, webhook_id=webhook_id))

    async def test(self, webhook_id: int) -> WebhookDeliveryRecord:
        """Send a message without events now, whatever its state, and tell what came of it."""
        return await self._delivery.test(await self.get(webhook_id))

    async def deliveries(
        self, webhook_id: int, *, before: int | None = None, limit: int = webhooks.DELIVERIES
    ) -> list[WebhookDeliveryRecord]:
        """Its last tries, the newest first."""

        def work(reader: Reader) -> list[WebhookDeliveryRecord]:
            known(reader, webhook_id)
            return webhooks.deliveries(reader, webhook_id, before=before, limit=limit)

        return await self._store.read(work)

    async def _write(self, work: Callable[..., T]) -> T:
        return await self._store.write(partial(work, at_us=self._clock()))


def _checked(url: str) -> str:
    try:
        check_url(url)
    except ValueError as error:
        raise WebhookError(f"url: {error}") from None
    return url


def _filtered(reader: Reader, record: WebhookRecord, filters: Filters) -> WebhookRecord:
    if "kinds" in filters:
        kinds = tuple(sorted(set(filters["kinds"])))
        if wrong := misnamed(kinds):
            raise WebhookError(f"kinds: {wrong}")
        record = replace(record, kinds=kinds)
    if "charge_point_id" in filters:
        identity = filters["charge_point_id"]
        if identity is not None and charge_points.get(reader, identity) is None:
            raise WebhookError(f"charge_point_id: {identity} is not registered")
        record = replace(record, charge_point_id=identity)
    if "group" in filters:
        record = replace(record, group_name=filters["group"] or None)
    return record

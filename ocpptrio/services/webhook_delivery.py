"""Delivery of events to webhooks: in order, again until it succeeds, one at a time for each.

Each webhook has a task. It reads what happened behind the last event that was delivered, sends a
few of them in one POST, and notes how far it came; so it goes on where it was, after an outage of
theirs or a restart of ours. None waits for another, and nobody waits for any. Not here: which there
are (webhooks), HTTP (outbound).
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from ocpptrio.clock import DAY_US, Clock
from ocpptrio.config import RetentionSettings, WebhookSettings
from ocpptrio.errors import ConfigError
from ocpptrio.events import NumberedEvent, WebhookChanged
from ocpptrio.presentation import public_event
from ocpptrio.services import signature
from ocpptrio.services.outbound import Answer, Outbound, Unreachable
from ocpptrio.services.pauses import pause_s
from ocpptrio.store import events, webhooks
from ocpptrio.store.driver import Reader, Store
from ocpptrio.store.records import WebhookDeliveryRecord, WebhookRecord
from ocpptrio.store.vocabulary import WebhookState

EVENTS: Final = 100  # of one POST
BODY_BYTES: Final = 262_144  # of one POST, unless a single event is longer
GATHER_S: Final = 0.05  # what happens together is sent together: at most twenty POSTs a second
FIRST_PAUSE_S: Final = 5  # after a failure; doubled after each further one
LONGEST_PAUSE_S: Final = 300
# Numbers of events that nothing fits, after which it is noted that they were looked at.
PASSED: Final = 10_000
WARN_EVERY_S: Final = 3600
KEPT_ANSWER: Final = 1024  # bytes of an answer that are kept, if it is no yes

log = structlog.get_logger("ocpptrio.webhooks")


class _Worker:
    """The task of one webhook, as others see it.

    Attributes:
        record: as last read; None: not yet.
        news: something happened that may fit, or a person changed something.
        changed: a person changed something.
    """

    def __init__(self) -> None:
        self.record: WebhookRecord | None = None
        self.news = trio.Event()
        self.changed = trio.Event()
        self.position = (-1, 0)  # up to where nothing fits, if it still stands at the first

    def wants(self, happened: Sequence[NumberedEvent], kinds: set[str]) -> bool:
        """Whether one of these events, of these kinds, may be one to deliver.

        Groups are looked at later.
        """
        record = self.record
        if record is None:
            return True
        if record.state is WebhookState.PAUSED:
            return False
        if record.kinds and kinds.isdisjoint(record.kinds):
            return False
        identity = record.charge_point_id
        return identity is None or any(one.event.charge_point_id == identity for one in happened)


class WebhookDelivery:
    """See the module.

    Args:
        chance: from 0 to 1, for pauses that are not all alike.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: WebhookSettings,
        retention: RetentionSettings,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._retention_us = retention.events_days * DAY_US
        self._chance = chance
        self._workers: dict[int, _Worker] = {}
        self._created = trio.Event()
        self._outbound: Outbound | None = None

    async def run(self) -> None:
        """Deliver, for ever."""
        self._workers.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._warn)
            while True:
                self._created = trio.Event()
                for record in await self._store.read(webhooks.everyone):
                    if record.webhook_id not in self._workers:
                        worker = self._workers[record.webhook_id] = _Worker()
                        nursery.start_soon(self._serve, record.webhook_id, worker)
                await self._created.wait()

    def notice(self, happened: Sequence[NumberedEvent]) -> None:
        """Wake whoever may have to deliver what was committed. Never waits."""
        if not self._workers:
            return
        kinds = {numbered.event.kind for numbered in happened}
        for worker in self._workers.values():
            if not worker.news.is_set() and worker.wants(happened, kinds):
                worker.news.set()

    def changed(self, event: WebhookChanged) -> None:
        """Somebody changed a webhook, here or in another process."""
        if event.change in ("failing", "working"):
            return  # by us
        worker = self._workers.get(event.webhook_id)
        if worker is None:
            self._created.set()
        else:
            worker.changed.set()
            worker.news.set()

    async def test(self, record: WebhookRecord) -> WebhookDeliveryRecord:
        """Send a message without events, and tell what came of it."""
        attempt = await self._post(record, [], f"{record.webhook_id}-test")
        await self._store.write(partial(webhooks.noted, attempt=attempt))
        return attempt

    async def aclose(self) -> None:
        if self._outbound is not None:
            await self._outbound.aclose()

    async def _serve(self, webhook_id: int, worker: _Worker) -> None:
        while True:
            # Before the read: what is committed meanwhile wakes it, whatever it is to get by now.
            worker.news, worker.changed, worker.record = trio.Event(), trio.Event(), None
            record, scan = await self._store.read(
                partial(_look, webhook_id=webhook_id, position=worker.position)
            )
            worker.record = record
            if record is None:
                del self._workers[webhook_id]
                return
            if record.state is WebhookState.PAUSED:
                await worker.changed.wait()
            elif (wait_s := self._pause_s(record)) > 0:
                with trio.move_on_after(wait_s):
                    await worker.changed.wait()
            elif scan.events:
                await self._deliver(record, scan)
            else:
                worker.position = (record.delivered_up_to, scan.up_to)
                if scan.up_to - record.delivered_up_to >= PASSED:
                    await self._store.write(
                        partial(
                            webhooks.passed,
                            webhook_id=webhook_id,
                            before=record.delivered_up_to,
                            up_to=scan.up_to,
                        )
                    )
                if not scan.more:
                    await worker.news.wait()
                    await trio.sleep(GATHER_S)

    def _pause_s(self, record: WebhookRecord) -> float:
        if record.next_try_at_us is None:
            return 0
        # A clock that was set back does not make it longer.
        return min((record.next_try_at_us - self._clock()) / 1_000_000, LONGEST_PAUSE_S)

    async def _deliver(self, record: WebhookRecord, scan: events.Scan) -> None:
        texts: list[bytes] = []
        length = 0
        for numbered in scan.events:
            text = msgspec.json.encode(public_event(numbered))
            length += len(text)
            if texts and length > BODY_BYTES:
                break
            texts.append(text)
        sent = scan.events[: len(texts)]
        up_to = scan.up_to if len(sent) == len(scan.events) else sent[-1].number
        first, last = sent[0].number, sent[-1].number
        attempt = await self._post(record, texts, f"{record.webhook_id}-{first}-{last}")
        attempt = msgspec.structs.replace(attempt, first_number=first, last_number=last)
        if attempt.error is None:
            await self._store.write(
                partial(
                    webhooks.delivered,
                    attempt=attempt,
                    before=record.delivered_up_to,
                    up_to=up_to,
                )
            )
        elif attempt.status == 410:
            await self._store.write(partial(webhooks.gone, attempt=attempt))
        else:
            wait_s = pause_s(
                record.failures,
                first_s=FIRST_PAUSE_S,
                longest_s=LONGEST_PAUSE_S,
                chance=self._chance(),
            )
            await self._store.write(
                partial(
                    webhooks.failed,
                    attempt=attempt,
                    next_try_at_us=self._clock() + round(wait_s * 1_000_000),
                )
            )

    async def _post(
        self, record: WebhookRecord, texts: list[bytes], delivery_id: str
    ) -> WebhookDeliveryRecord:
        """One try. Its bounds: the time-out of the settings, and KEPT_ANSWER."""
        head = msgspec.json.encode({"webhook_id": record.webhook_id, "delivery_id": delivery_id})
        body = head[:-1] + b',"events":[' + b",".join(texts) + b"]}"
        at_us = self._clock()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ocpptrio",
            "Ocpptrio-Delivery": delivery_id,
            signature.HEADER: signature.sign(record.secret, body, at_us),
        }
        began = trio.current_time()
        status: int | None = None
        try:
            with trio.fail_after(self._settings.timeout):
                answer = await self._connections().post(
                    record.url, headers, body, most_bytes=KEPT_ANSWER
                )
            status, error = answer.status, refusal(answer)
        except trio.TooSlowError:
            error = f"no answer within {self._settings.timeout:g} s"
        except (Unreachable, ConfigError) as failure:
            error = str(failure)
        return WebhookDeliveryRecord(
            webhook_id=record.webhook_id,
            at_us=at_us,
            events=len(texts),
            status=status,
            took_ms=round((trio.current_time() - began) * 1000),
            error=error,
        )

    def _connections(self) -> Outbound:
        if self._outbound is None:
            self._outbound = Outbound(
                "a webhook", private_addresses=self._settings.private_addresses
            )
        return self._outbound

    async def _warn(self) -> None:
        while True:
            await trio.sleep(WARN_EVERY_S)
            if self._workers:
                await self.warn()

    async def warn(self) -> None:
        """Tell of each webhook, once, that events which it has not got will soon be deleted."""
        now_us = self._clock()
        soon_us = min(DAY_US, self._retention_us // 4)
        for record in await self._store.read(webhooks.everyone):
            if record.warned_at_us is not None:
                continue
            before_us = now_us - self._retention_us + soon_us
            oldest_us = await self._store.read(
                partial(webhooks.oldest_pending_us, record=record, before_us=before_us)
            )
            if oldest_us is not None:
                await self._store.write(
                    partial(
                        webhooks.warn,
                        webhook_id=record.webhook_id,
                        at_us=now_us,
                        ends_at_us=oldest_us + self._retention_us,
                    )
                )


def refusal(answer: Answer) -> str | None:
    """Why an answer means that it was not delivered; None: it was."""
    if 200 <= answer.status < 300:
        return None
    text = answer.content.decode("utf-8", "replace").strip()
    if 300 <= answer.status < 400:
        text = "redirects are not followed; enter the address it leads to"
    return f"answered {answer.status}: {text}" if text else f"answered {answer.status}"


def _look(
    reader: Reader, webhook_id: int, position: tuple[int, int]
) -> tuple[WebhookRecord | None, events.Scan]:
    """The webhook as it is now, and what it is to get next."""
    record = webhooks.get(reader, webhook_id)
    if record is None or record.state is WebhookState.PAUSED:
        return record, events.Scan([], 0, more=False)
    stood_at, looked_up_to = position
    after = looked_up_to if stood_at == record.delivered_up_to else None
    return record, webhooks.pending(reader, record, after=after, limit=EVENTS)

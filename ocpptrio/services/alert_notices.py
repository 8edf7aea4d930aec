"""Who is told of alerts, and when: not at night, not all the time, and of nothing twice.

Each destination has a task of its own: what it was told stands in the store, so that it is told the
rest after an outage, in one message. Not here: what an alert is (alerts), the words
(alert_messages), the ways (mail, outbound).
"""

import math
from functools import partial
from typing import Final, Protocol

import msgspec
import structlog
import trio

from ocpptrio.clock import DAY_US, Clock, from_us
from ocpptrio.config import AlertKind, AlertSettings
from ocpptrio.errors import ConfigError
from ocpptrio.services import alert_messages, signature
from ocpptrio.services.alert_messages import Message
from ocpptrio.services.mail import Mailer, NotSent, NotSentToAll
from ocpptrio.services.outbound import Outbound, Unreachable
from ocpptrio.services.webhook_delivery import KEPT_ANSWER, refusal
from ocpptrio.store import alerts, progress
from ocpptrio.store.driver import Db, Store
from ocpptrio.week_times import WeekTimes, week_times

GATHER_S: Final = 10  # what fails together is told together
LOOK_EVERY_S: Final = 30  # for what is over to settle, and for the end of quiet hours
FIRST_RETRY_S: Final = 60  # doubled after each further failure
LONGEST_RETRY_S: Final = 3600
WEBHOOK_TIMEOUT_S: Final = 20
DESTINATIONS: Final = ("mail", "webhook")

log = structlog.get_logger("ocpptrio.alerts")


class Destination(Protocol):
    """Where messages go."""

    @property
    def name(self) -> str: ...

    async def send(self, message: Message) -> None:
        """Returns when it is there.

        Raises:
            NotSent: it is not, or not with all (NotSentToAll); says why.
        """
        ...


class DestinationState(msgspec.Struct, kw_only=True):
    """How a destination is, since the start."""

    name: str
    last_sent_at_us: int | None = None
    last_error: str | None = None  # None: the last message was sent


class MailDestination:
    name: Final = "mail"

    def __init__(self, settings: AlertSettings, public_url: str) -> None:
        self._mailer = Mailer(settings)
        self._zone = settings.zone
        self._public_url = public_url

    async def send(self, message: Message) -> None:
        await self._mailer.send(
            alert_messages.subject(message),
            alert_messages.text(message, self._zone, self._public_url),
        )


class WebhookDestination:
    name: Final = "webhook"

    def __init__(self, settings: AlertSettings, public_url: str, clock: Clock) -> None:
        self._settings = settings
        self._public_url = public_url
        self._clock = clock
        self._outbound = Outbound("[alerts] webhook_url")

    async def send(self, message: Message) -> None:
        at_us = self._clock()
        body = alert_messages.document(message, at_us, self._public_url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ocpptrio",
            signature.HEADER: signature.sign(self._settings.webhook_secret, body, at_us),
        }
        try:
            with trio.fail_after(WEBHOOK_TIMEOUT_S):
                answer = await self._outbound.post(
                    self._settings.webhook_url, headers, body, most_bytes=KEPT_ANSWER
                )
        except trio.TooSlowError:
            raise NotSent(f"no answer within {WEBHOOK_TIMEOUT_S} s") from None
        except Unreachable as error:
            raise NotSent(str(error)) from error
        if (error_text := refusal(answer)) is not None:
            raise NotSent(error_text)

    async def aclose(self) -> None:
        await self._outbound.aclose()


def quiet_times(settings: AlertSettings) -> WeekTimes | None:
    """The quiet hours; None: there are none.

    Raises:
        ConfigError: they cannot be read.
    """
    if not settings.quiet_hours:
        return None
    try:
        return week_times(settings.quiet_hours)
    except ValueError as error:
        raise ConfigError(f"[alerts] quiet_hours: {error}") from None


class AlertNotices:
    """See the module.

    Raises:
        ConfigError: the quiet hours cannot be read, or the webhook needs httpcore2.
    """

    def __init__(
        self, store: Store, clock: Clock, settings: AlertSettings, public_url: str = ""
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._quiet = quiet_times(settings)
        self.destinations: list[Destination] = []
        self._webhook: WebhookDestination | None = None
        if settings.smtp_host:
            self.destinations.append(MailDestination(settings, public_url))
        if settings.webhook_url:
            self._webhook = WebhookDestination(settings, public_url, clock)
            self.destinations.append(self._webhook)
        self.states: dict[str, DestinationState] = {}
        self._news: dict[str, trio.Event] = {}

    def see(self, _: object) -> None:
        """An alert began, ended or was acknowledged. Never waits."""
        for news in self._news.values():
            news.set()

    async def run(self) -> None:
        """Tell, for ever."""
        begun_at_us = await self._store.write(self._begin)
        async with trio.open_nursery() as nursery:
            for destination in self.destinations:
                nursery.start_soon(self._serve, destination, begun_at_us[destination.name])

    async def test(self) -> dict[str, str | None]:
        """Send a message to each destination now: what went wrong by name, None where it went."""
        return {one.name: await send_test(one) for one in self.destinations}

    async def aclose(self) -> None:
        if self._webhook is not None:
            await self._webhook.aclose()

    def _begin(self, db: Db) -> dict[str, int]:
        """Since when there is each destination: the past is not told to a new one."""
        begun_at_us = {}
        names = [destination.name for destination in self.destinations]
        for name in dict.fromkeys([*DESTINATIONS, *names]):
            key = f"alerts by {name}"
            if name not in names:
                progress.put(db, key, 0)
            else:
                begun_at_us[name] = progress.get(db, key) or self._clock()
                progress.put(db, key, begun_at_us[name])
        return begun_at_us

    async def _serve(self, destination: Destination, begun_at_us: int) -> None:
        name = destination.name
        state = self.states[name] = DestinationState(name=name)
        ready_at = -math.inf  # Trio's time
        failures = 0
        is_gathered = False
        # Of what ended earlier, all was told. A day earlier than looked at: an event may come late.
        told_up_to_us = 0
        while True:
            news = self._news[name] = trio.Event()
            settled_us = self._clock() - round(self._settings.settle * 1_000_000)
            urgent = self._settings.urgent_kinds if self._is_quiet() else None
            message = await self._due(name, begun_at_us, (told_up_to_us, settled_us), urgent)
            if not message.alerts:
                if urgent is None:
                    told_up_to_us = settled_us - DAY_US
                is_gathered = False
                with trio.move_on_after(LOOK_EVERY_S):
                    await news.wait()
                continue
            if not is_gathered:
                is_gathered = True
                ready_at = max(ready_at, trio.current_time() + GATHER_S)
            if trio.current_time() < ready_at:
                await trio.sleep_until(ready_at)
                continue  # with what has come, or is over, meanwhile
            failure: NotSent | None = None
            try:
                await destination.send(message)
            except NotSent as error:
                failure = error
            state.last_error = None if failure is None else str(failure)
            if failure is None or isinstance(failure, NotSentToAll):
                at_us = state.last_sent_at_us = self._clock()
                await self._store.write(
                    partial(alerts.told, destination=name, alerts=message.alerts, at_us=at_us)
                )
                failures, pause_s = 0, self._settings.pause
                log.info("alerts sent", by=name, alerts=len(message.alerts))
            else:
                pause_s = min(FIRST_RETRY_S * 2.0 ** min(failures, 30), LONGEST_RETRY_S)
                failures += 1
            if failure is not None:
                log.warning(
                    "alerts not sent", by=name, reason=str(failure), again_in_s=round(pause_s)
                )
            is_gathered = False
            ready_at = trio.current_time() + pause_s

    def _is_quiet(self) -> bool:
        now = from_us(self._clock()).astimezone(self._settings.zone)
        return self._quiet is not None and self._quiet.allow(now)

    async def _due(
        self,
        name: str,
        begun_at_us: int,
        ended_us: tuple[int, int],
        urgent: tuple[AlertKind, ...] | None,
    ) -> Message:
        """What is to be told now; see the store."""
        found = await self._store.read(
            partial(
                alerts.due,
                destination=name,
                begun_at_us=begun_at_us,
                ended_us=ended_us,
                urgent=urgent,
            )
        )
        return Message(
            began=tuple(one.alert for one in found if not one.told),
            over=tuple(one.alert for one in found if one.told),
        )


async def send_test(destination: Destination) -> str | None:
    """Send a message that nothing is wrong; returns what went wrong with that, None if nothing."""
    try:
        await destination.send(Message((), ()))
    except NotSent as error:
        return str(error)
    return None

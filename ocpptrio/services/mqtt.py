"""Events and states for an MQTT broker: in order, complete after an outage. See docs/mqtt.md.

Events are read from the database behind the last that the broker acknowledged, as webhooks do; so a
broker that is away delays nobody, and takes no memory. What is now is published when a connection
begins and when it changes, whatever events are still to come. Nothing is subscribed to. Not here:
topics (mqtt_topics), the protocol (mqtt_connection).
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import MqttSettings
from ocpptrio.errors import first_of
from ocpptrio.events import (
    Connected,
    Disconnected,
    Event,
    NumberedEvent,
    Registered,
    Removed,
    StatusChanged,
)
from ocpptrio.figures import Metric, counter, gauge
from ocpptrio.presentation import public_event
from ocpptrio.services.mqtt_connection import BrokerGone, Message, MqttConnection
from ocpptrio.services.mqtt_topics import FALSE, TRUE, Topics, chosen_kinds
from ocpptrio.services.pauses import pause_s
from ocpptrio.session.registry import Registry
from ocpptrio.store import events, mqtt
from ocpptrio.store.driver import Store

MESSAGES: Final = 100  # that wait for the broker's acknowledgement at a time
GATHER_S: Final = 0.05  # what happens together is sent together: twenty commits a second at most
FIRST_PAUSE_S: Final = 1  # after a failure; doubled after each further one
LONGEST_PAUSE_S: Final = 60
# Numbers of events that nothing fits, after which it is noted that they were looked at.
PASSED: Final = 10_000
STATUSES: Final = 1000  # of one that was removed, in which its connectors are looked for

# What changes a state that is retained.
_TELLING: Final[tuple[type[Event], ...]] = (Registered, Connected, Disconnected, StatusChanged)

log = structlog.get_logger("ocpptrio.mqtt")


class MqttView(msgspec.Struct, frozen=True, kw_only=True):
    """How it goes.

    Attributes:
        error: why there is no connection; None: there is one, or none was tried yet.
        delay_s: for how long the oldest event that the broker has not got has waited.
        lost_events: deleted for their age before they were published.
    """

    broker: str
    connected: bool
    error: str | None
    delay_s: float
    lost_events: int


class MqttPublisher:
    """See the module.

    Args:
        chance: from 0 to 1, for pauses that are not all alike.

    Raises:
        ConfigError: a kind of events that there is not.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        settings: MqttSettings,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._settings = settings
        self._chance = chance
        self._topics = Topics(settings.prefix)
        self._kinds = chosen_kinds(settings)
        # To take back what is retained of a charge point, its end must be seen, too.
        is_seen_anyway = not self._kinds or not settings.retain_status
        self._read_kinds = self._kinds if is_seen_anyway else self._kinds | {Removed.__name__}
        self._broker = urlsplit(settings.url).netloc  # without a password: the settings say so
        self._news = trio.Event()
        self._changed: set[str] = set()  # charge points whose state may be another
        self._retained: dict[str, bytes] = {}  # topic -> what this connection was told
        self._position = 0
        self._waits_since_us: int | None = None  # the oldest event that is not published
        self._is_connected = False
        self._error: str | None = None
        self._messages = 0
        self._failures = 0
        self._lost_events = 0

    def view(self) -> MqttView:
        since_us = self._waits_since_us
        delay_s = 0.0 if since_us is None else max(0.0, (self._clock() - since_us) / 1_000_000)
        return MqttView(
            broker=self._broker,
            connected=self._is_connected,
            error=self._error,
            delay_s=delay_s,
            lost_events=self._lost_events,
        )

    def metrics(self) -> Iterator[Metric]:
        now = self.view()
        yield gauge("mqtt_connected", "1 if the MQTT broker is connected", now.connected)
        yield counter("mqtt_messages", "Messages that the broker acknowledged", self._messages)
        yield counter(
            "mqtt_failures", "Connections to the broker that failed or were lost", self._failures
        )
        yield gauge(
            "mqtt_delay_seconds",
            "For how long the oldest event that the broker has not got has waited",
            now.delay_s,
        )
        yield counter(
            "mqtt_lost_events",
            "Events that were deleted for their age before they were published",
            now.lost_events,
        )

    def notice(self, happened: Sequence[NumberedEvent]) -> None:
        """Something was committed. Never waits."""
        for numbered in happened:
            event = numbered.event
            if self._settings.retain_status and isinstance(event, _TELLING):
                self._changed.add(event.charge_point_id)
                self._news.set()
            if not self._read_kinds or event.kind in self._read_kinds:
                self._waits_since_us = self._waits_since_us or event.at_us
                self._news.set()

    async def run(self) -> None:
        """Publish, for ever."""
        failures = 0
        while True:
            await self._look_up()
            connected_at = trio.current_time()
            error = ""
            connection = MqttConnection(self._settings, self._online(FALSE))
            was_connected = False
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(connection.run)
                    connected_at = trio.current_time()
                    await self._publish(connection)
            except* BrokerGone as gone:
                error = str(first_of(gone))
            finally:
                was_connected, self._is_connected = self._is_connected, False
            # One that is kicked out at once, as by another with its client_id, is no success.
            if was_connected and trio.current_time() - connected_at > LONGEST_PAUSE_S:
                failures = 0
            again_in_s = pause_s(
                failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, chance=self._chance()
            )
            if was_connected or error != self._error:
                log.warning(
                    "mqtt broker away",
                    broker=self._broker,
                    reason=error,
                    again_in_s=round(again_in_s, 1),
                )
            self._error = error
            failures += 1
            self._failures += 1
            await trio.sleep(again_in_s)

    async def _look_up(self) -> None:
        """Where we are; what was lost while the broker was away is told."""
        record = await self._store.write(partial(mqtt.begin, kinds=self._kinds))
        self._position = record.published_up_to
        if self._lost_events < record.lost_events:
            log.warning("events were deleted before they were published", lost=record.lost_events)
        self._lost_events = record.lost_events
        scan = await self._scan(limit=1)
        self._waits_since_us = scan.events[0].event.at_us if scan.events else None

    async def _publish(self, connection: MqttConnection) -> None:
        """All that there is, and what comes, until the connection ends."""
        self._retained = {}
        await connection.publish([self._online(TRUE)])
        self._changed = {session.state.charge_point_id for session in self._registry}
        self._is_connected, self._error = True, None
        log.info("mqtt broker connected", broker=self._broker)
        noted = self._position
        while True:
            # Before all else: what happens meanwhile is looked at in the next round.
            self._news = trio.Event()
            await self._publish_states(connection)
            scan = await self._scan(limit=MESSAGES)
            if scan.events:
                self._waits_since_us = scan.events[0].event.at_us
                messages = [
                    message for one in scan.events for message in await self._messages_of(one)
                ]
                await self._deliver(connection, messages)
            elif not scan.more and not self._news.is_set():
                self._waits_since_us = None
            self._position = scan.up_to
            if scan.events or self._position - noted >= PASSED:
                noted = self._position
                await self._store.write(partial(mqtt.published, up_to=noted))
            elif not scan.more:
                await self._news.wait()
                await trio.sleep(GATHER_S)

    async def _scan(self, limit: int) -> events.Scan:
        return await self._store.read(
            partial(events.scan, after=self._position, kinds=self._read_kinds or None, limit=limit)
        )

    async def _messages_of(self, numbered: NumberedEvent) -> list[Message]:
        event = numbered.event
        messages = []
        if not self._kinds or event.kind in self._kinds:
            topic = self._topics.event(event.charge_point_id, event.kind)
            messages.append(Message(topic, msgspec.json.encode(public_event(numbered))))
        if isinstance(event, Removed) and self._settings.retain_status:
            messages += await self._taken_back(event.charge_point_id)
        return messages

    async def _publish_states(self, connection: MqttConnection) -> None:
        """What is now, of those of whom it may have changed."""
        changed, self._changed = self._changed, set()
        if not self._settings.retain_status:
            return
        messages: list[Message] = []
        for identity in changed:
            messages += self._new_states(identity)
            if len(messages) >= MESSAGES:
                await self._deliver(connection, messages)
                messages = []
        await self._deliver(connection, messages)

    def _new_states(self, identity: str) -> Iterable[Message]:
        session = self._registry.get(identity)
        if session is None:
            return
        for topic, payload in self._topics.states(session.state).items():
            if self._retained.get(topic) != payload:
                self._retained[topic] = payload
                yield Message(topic, payload, retain=True)

    async def _taken_back(self, identity: str) -> list[Message]:
        """What makes the broker forget the states of a charge point that was removed."""
        reported = await self._store.read(
            partial(
                events.latest,
                charge_point_id=identity,
                kinds=[StatusChanged.__name__],
                limit=STATUSES,
            )
        )
        topics = {self._topics.connected(identity)} | {
            self._topics.status(identity, one.event.connector_id)
            for one in reported
            if isinstance(one.event, StatusChanged)
        }
        session = self._registry.get(identity)
        if session is not None:  # registered again
            topics -= self._topics.states(session.state).keys()
        for topic in topics:
            self._retained.pop(topic, None)
        return [Message(topic, b"", retain=True) for topic in sorted(topics)]

    async def _deliver(self, connection: MqttConnection, messages: Sequence[Message]) -> None:
        await connection.publish(messages)
        self._messages += len(messages)

    def _online(self, payload: bytes) -> Message:
        return Message(self._topics.online, payload, retain=True)

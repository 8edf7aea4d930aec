"""All services of a central system: which gets what, hears what, and runs in the background.

Not here: connections and the life of the whole (central_system).
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import MqttSettings, OnSpent, Settings
from ocpptrio.errors import ConfigError, StoreError, first_of
from ocpptrio.events import (
    AlertAcknowledged,
    AlertClosed,
    AlertOpened,
    AnyEvent,
    CommandChanged,
    Event,
    NumberedEvent,
    WebhookChanged,
)
from ocpptrio.passwords import Passwords
from ocpptrio.services import alerts, tasks
from ocpptrio.services.access import AccessService
from ocpptrio.services.admission import AdmissionService
from ocpptrio.services.alert_notices import AlertNotices
from ocpptrio.services.alerts import AlertService
from ocpptrio.services.authorization import AuthorizationService
from ocpptrio.services.budgets import BudgetService
from ocpptrio.services.command_queue import CommandQueue
from ocpptrio.services.commands import CommandService
from ocpptrio.services.data_transfer import DataTransferService
from ocpptrio.services.decisions import DecisionService
from ocpptrio.services.dispatch import HandlerTable, handler_table
from ocpptrio.services.effect_watch import EffectWatch
from ocpptrio.services.housekeeping import Housekeeping
from ocpptrio.services.http_authorizer import HttpAuthorizer
from ocpptrio.services.metering import MeteringService
from ocpptrio.services.notifications import NotificationService
from ocpptrio.services.provisioning import ProvisioningService
from ocpptrio.services.reconciliation import ReconciliationService
from ocpptrio.services.registration import RegistrationService
from ocpptrio.services.rollups import RollupService
from ocpptrio.services.security import SecurityService
from ocpptrio.services.status import StatusService
from ocpptrio.services.transactions import TransactionService
from ocpptrio.services.watchdog import Watchdog
from ocpptrio.services.webhook_delivery import WebhookDelivery
from ocpptrio.services.webhooks import WebhookService
from ocpptrio.session.registry import Registry
from ocpptrio.store import mqtt
from ocpptrio.store.driver import Store
from ocpptrio.store.vocabulary import CommandState

if TYPE_CHECKING:
    from ocpptrio.services.mqtt import MqttPublisher  # needs an extra

CLOSE_S: Final = 10  # for connections to an external authorizer, and to webhooks
RETRY_S: Final = 10  # after the database failed

log = structlog.get_logger("ocpptrio")

Reaction = Callable[[Any], None]  # Any: one kind of event each


class Services:
    """See the module.

    Attributes:
        handlers: request struct -> what answers it.
        passwords: hashes them, without keeping others waiting.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        registry: Registry,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self.passwords = passwords
        self.authorization = AuthorizationService(store, settings.authorization)
        self._http_authorizer: HttpAuthorizer | None = None
        if settings.authorization.url:
            self._http_authorizer = HttpAuthorizer(settings.authorization)
            self.authorization.consult(self._http_authorizer)
        self.effect_watch = EffectWatch(store, clock, registry)
        self.commands = CommandService(store, clock, registry, self.effect_watch, settings.commands)
        self.command_queue = CommandQueue(store, clock, registry, self.commands)
        self.tasks = tasks.TaskService(
            store, clock, registry, settings.commands, self.command_queue
        )
        self.budgets = BudgetService(store, registry, self.commands, settings.authorization, clock)
        self.watchdog = Watchdog(store, registry, self.commands, settings.watchdog, clock)
        self.provisioning = ProvisioningService(
            store, registry, settings.provisioning, clock, self.commands.call
        )
        self.access = AccessService(store, clock, passwords, login_days=settings.api.login_days)
        self.data_transfer = DataTransferService(store)
        self.decisions = DecisionService(store, clock)
        self.reconciliation = ReconciliationService(store, settings.transactions, clock)
        self.rollups = RollupService(store)
        self.webhook_delivery = WebhookDelivery(store, clock, settings.webhooks, settings.retention)
        self.alerts = AlertService(store, clock, settings.alerts)
        self.alert_notices = AlertNotices(store, clock, settings.alerts, settings.api.public_url)
        self.mqtt: MqttPublisher | None = None
        if settings.mqtt.url:
            self.mqtt = _mqtt(store, registry, clock, settings.mqtt)
        self.webhooks = WebhookService(store, clock, self.webhook_delivery)
        self.housekeeping = Housekeeping(store, registry, self.rollups, settings.retention, clock)
        self.admission = AdmissionService(
            store,
            settings.ocpp,
            clock,
            passwords,
            hold_new=settings.provisioning.hold_new,
        )
        self.handlers: HandlerTable = handler_table(
            registration=RegistrationService(store, settings.ocpp, clock, registry.profiles),
            authorization=self.authorization,
            transactions=TransactionService(store, self.authorization),
            metering=MeteringService(store),
            status=StatusService(store),
            data_transfer=self.data_transfer,
            notifications=NotificationService(store),
            security_service=SecurityService(store),
        )
        self._reactions: defaultdict[type[Event], list[Reaction]] = defaultdict(list)
        for kind, reaction in self.provisioning.reactions.items():
            self._reactions[kind].append(reaction)
        self._reactions[WebhookChanged].append(self.webhook_delivery.changed)
        for kind in alerts.KINDS:
            self._reactions[kind].append(self.alerts.see)
        for kind in (AlertOpened, AlertClosed, AlertAcknowledged):
            self._reactions[kind].append(self.alert_notices.see)
        for kind in tasks.TOLD:
            self._reactions[kind].append(self._command_may_go)

    async def load(self) -> None:
        """At start: what was begun before, and goes on."""
        await self.commands.recover()
        await self.effect_watch.restore()
        await self.command_queue.load()
        await self.tasks.load()
        if self.mqtt is None and await self._store.read(mqtt.get) is not None:
            await self._store.write(mqtt.forget)

    async def start(self, nursery: trio.Nursery) -> None:
        """Start what runs in the background, for as long as the central system does."""
        background = [
            self.housekeeping.note_seen,
            self.housekeeping.prune,
            self.effect_watch.run,
            self.command_queue.run,
            self.tasks.run,
            self.reconciliation.run,
            self.rollups.run,
            self.webhook_delivery.run,
            self.alerts.run,
            self.alert_notices.run,
        ]
        if self.mqtt is not None:
            background.append(self.mqtt.run)
        if self._settings.watchdog.enabled:
            background.append(self.watchdog.run)
        if self._settings.authorization.on_spent is OnSpent.STOP:
            background.append(self.budgets.run)
        for run in background:
            nursery.start_soon(_again_and_again, run)
        await nursery.start(self.provisioning.run)

    async def close(self) -> None:
        """Let go of what outlives the nursery."""
        with trio.move_on_after(CLOSE_S, shield=True):
            if self._http_authorizer is not None:
                await self._http_authorizer.aclose()
            await self.webhook_delivery.aclose()
            await self.alert_notices.aclose()

    def notice(self, events: Sequence[NumberedEvent]) -> None:
        """See what was committed; the session states are up to date. Never waits."""
        for numbered in events:
            event = numbered.event
            for react in self._reactions.get(type(event), ()):
                react(event)
            if self.effect_watch.watched:
                self.effect_watch.see(event.charge_point_id, event, event.at_us)
        self.webhook_delivery.notice(events)
        if self.mqtt is not None:
            self.mqtt.notice(events)

    def _command_may_go(self, event: AnyEvent) -> None:
        """What an event means for commands that wait."""
        if isinstance(event, CommandChanged):
            self.commands.changed(event)
            if event.state == CommandState.QUEUED and event.expires_at_us is not None:
                self.command_queue.queued(event.charge_point_id, event.expires_at_us)
        self.tasks.see(event)
        self.command_queue.wake(event.charge_point_id)


async def _again_and_again(run: Callable[[], Awaitable[None]]) -> None:
    """Run it anew after the database failed: a full disk ends neither it nor the daemon."""
    while True:
        try:
            await run()
        except* StoreError as group:
            log.warning("stands still", what=run.__qualname__, reason=str(first_of(group)))
        else:
            return
        await trio.sleep(RETRY_S)


def _mqtt(
    store: Store, registry: Registry, clock: Clock, settings: MqttSettings
) -> "MqttPublisher":
    try:
        from ocpptrio.services.mqtt import MqttPublisher
    except ImportError as error:
        raise ConfigError(
            "[mqtt] url: needs paho-mqtt: pip install 'ocpptrio[mqtt]'. Else leave it out"
        ) from error
    return MqttPublisher(store, registry, clock, settings)

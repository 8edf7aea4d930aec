"""What can happen to a charge point: the vocabulary shared by store, session state and watchers.

An event is a row first: it is inserted with the change it tells about, in the same commit, under a
growing number; only then is it published. Not here: what an event does to the state (session), or
when one is raised (services).

Times are microseconds since 1970 in UTC, energy is in Wh.
"""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeAlias, get_args

import msgspec

from ocpptrio.config import AlertKind
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.protocol.datatypes import DeviationKind


class ConditionKind(StrEnum):
    """What can be wrong with a charge point for longer than a moment."""

    NO_ANSWER = "no answer"  # it sends, but does not answer our CALLs (Q15)
    STUCK_PREPARING = "stuck in Preparing"
    STUCK_FINISHING = "stuck in Finishing"  # Q49
    WRONG_CLOCK = "wrong clock"  # Q34
    NO_METER_VALUES = "no meter values"  # of a running transaction
    LONG_TRANSACTION = "long transaction"
    OFFLINE = "offline"
    BOOT_LOOP = "boot loop"
    RECONNECTS = "reconnects"  # again and again


class ProvisioningState(StrEnum):
    """How far a charge point is from its wanted configuration."""

    RUNNING = "running"
    RETRYING = "tries again"
    WAITS_FOR_REBOOT = "waits for reboot"
    WAITS_FOR_IDLE = "waits for the end of a transaction"
    FINISHED = "finished"
    GIVEN_UP = "given up"


class OpenMode(StrEnum):
    """Which idTags may charge at a charge point."""

    CLOSED = "closed"  # those that are known, and may
    EVERYBODY = "everybody"  # unknown ones too
    FIXED_TAG = "fixed tag"  # whichever is presented counts as one that is configured
    LEARN = "learn"  # for a while, unknown ones become known; then as closed


class Event(
    msgspec.Struct,
    frozen=True,
    tag_field="kind",
    tag=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
):
    """Base of every event.

    Attributes:
        charge_point_id: the identity of the charge point.
        at_us: when we learnt of it.
    """

    charge_point_id: str
    at_us: int

    @property
    def kind(self) -> str:
        """The name under which the event is stored and filtered."""
        return type(self).__name__


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of evidence for what we conclude: a message, a reading, a time."""

    what: str
    at_us: int | None = None
    wh: float | None = None  # register or energy
    detail: str | None = None


Facts: TypeAlias = tuple[Fact, ...]


class Registered(Event, frozen=True, kw_only=True):
    """The charge point is known from now on; `origin` says who brought it in."""

    origin: str  # loopback, accepted, adopted, added
    mode: OpenMode = OpenMode.CLOSED
    registration: RegistrationStatus = RegistrationStatus.ACCEPTED


class Edited(Event, frozen=True, kw_only=True):
    """An operator changed what is kept of the charge point; `fields` names what."""

    fields: tuple[str, ...]


class OpenModeChanged(Event, frozen=True, kw_only=True):
    """An operator changed which idTags may charge at the charge point."""

    mode: OpenMode
    fixed_id_tag: str | None = None  # of mode "fixed tag"
    learning_ends_at_us: int | None = None  # of mode "learn"


class Removed(Event, frozen=True, kw_only=True):
    """The charge point is no longer known; its transactions stay."""


class AttemptRefused(Event, frozen=True, kw_only=True):
    """Somebody with this identity was turned away at the handshake."""

    peer: str
    reason: str


class Connected(Event, frozen=True, kw_only=True):
    """A connection of the charge point is open; a higher generation replaces a lower one."""

    generation: int
    peer: str


class Disconnected(Event, frozen=True, kw_only=True):
    """A connection ended. A newer one may have taken its place: that has a higher generation."""

    generation: int
    reason: str


class Booted(Event, frozen=True, kw_only=True):
    """A BootNotification, and how it was answered."""

    status: RegistrationStatus
    vendor: str
    model: str
    serial_number: str | None = None
    firmware_version: str | None = None
    triggered: bool = False  # we had asked for it: no sign of a reboot


class RegistrationChanged(Event, frozen=True, kw_only=True):
    """An operator accepted the charge point, or holds it back."""

    status: RegistrationStatus


class StatusChanged(Event, frozen=True, kw_only=True):
    """A StatusNotification; connector 0 is the charge point as a whole."""

    connector_id: int
    status: ChargePointStatus
    error_code: ChargePointErrorCode
    status_at_us: int  # as the charge point says
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    outdated: bool = False  # older than what is known: history, not the current status


class TransactionStarted(Event, frozen=True, kw_only=True):
    transaction_id: int
    connector_id: int
    id_tag: str
    authorization: str  # the AuthorizationStatus in the answer
    started_at_us: int
    meter_start_wh: int
    reason: str | None = None  # why that answer, where there is something to say
    charged_to: str | None = None  # the idTag that answers for it, if it is another
    suspect_since_us: int | None = None  # a boot that came after it, though reported before


class TransactionStopped(Event, frozen=True, kw_only=True):
    transaction_id: int
    connector_id: int
    stopped_at_us: int
    meter_stop_wh: int
    reason: str
    energy_wh: int | None = None  # None: cannot be told from the meter values


class TransactionSuperseded(Event, frozen=True, kw_only=True):
    """Another start on the connector proves that this transaction is over; its stop may follow."""

    transaction_id: int
    connector_id: int
    by_transaction_id: int
    energy_wh: int | None = None  # by its meter readings


class TransactionReconciled(Event, frozen=True, kw_only=True):
    """Something concluded about a transaction that its own messages do not say.

    Attributes:
        conclusion: suspect, running, ended, stop matched or stop taken; superseded and stopped
            have events of their own.
        confidence: certain, likely or unsure.
    """

    transaction_id: int
    connector_id: int
    conclusion: str
    confidence: str
    evidence: Facts = ()
    ended_at_us: int | None = None
    energy_wh: int | None = None


class TransactionEnergyChanged(Event, frozen=True, kw_only=True):
    """Readings that came late tell more about a transaction that is over."""

    transaction_id: int
    connector_id: int
    energy_wh: int
    energy_source: str


class StopOrphaned(Event, frozen=True, kw_only=True):
    """A StopTransaction that fits no transaction: kept for review."""

    transaction_id: int  # as the charge point sent it
    meter_stop_wh: int
    stopped_at_us: int
    orphan_id: int = 0


class OrphanStopResolved(Event, frozen=True, kw_only=True):
    """An orphaned stop found its transaction, or a person dismissed it."""

    orphan_id: int
    transaction_id: int | None = None  # ours, which it ended


class ReviewOpened(Event, frozen=True, kw_only=True):
    """Something that we cannot decide waits for a person."""

    review_id: int
    review: str  # its kind: orphan stop, suspect, energy unknown, values after end
    transaction_id: int | None = None
    orphan_id: int | None = None


class ReviewResolved(Event, frozen=True, kw_only=True):
    """A person decided, or later messages did."""

    review_id: int
    decision: str
    transaction_id: int | None = None


class RegisterHabitNoted(Event, frozen=True, kw_only=True):
    """The charge point's registers count in an odd way, or no longer do."""

    habit: str
    transaction_id: int  # that shows it
    forgotten: bool = False


class AuthorizationRefused(Event, frozen=True, kw_only=True):
    """An Authorize that was not Accepted. A refused start is a TransactionStarted that says so."""

    id_tag: str
    status: str
    reason: str | None = None


class TagLearnt(Event, frozen=True, kw_only=True):
    """An unknown idTag became known, as the charge point is in mode "learn"."""

    id_tag: str


class BudgetSpent(Event, frozen=True, kw_only=True):
    """A budget was spent while charging: the charge point is asked to stop this transaction."""

    transaction_id: int
    connector_id: int
    id_tag: str
    holder: str  # whose budget: "tag 04A1B2C3", "group FAMILY"
    period: str  # day, month
    budget_wh: int
    spent_wh: int


class MeterValuesReceived(Event, frozen=True, kw_only=True):
    """The newest instant of a MeterValues; None where it was not measured."""

    connector_id: int
    transaction_id: int | None = None
    measured_at_us: int
    energy_wh: float | None = None  # import register
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None
    temperature_c: float | None = None


class FirmwareStatusChanged(Event, frozen=True, kw_only=True):
    status: str
    signed: bool = False
    request_id: int | None = None


class DiagnosticsStatusChanged(Event, frozen=True, kw_only=True):
    status: str


class LogStatusChanged(Event, frozen=True, kw_only=True):
    status: str
    request_id: int | None = None


class SecurityEventReported(Event, frozen=True, kw_only=True):
    type: str
    occurred_at_us: int
    tech_info: str | None = None


class CertificateRequested(Event, frozen=True, kw_only=True):
    """A SignCertificate; the request itself is in the store."""

    request_number: int


class DataTransferred(Event, frozen=True, kw_only=True):
    """A DataTransfer from the charge point, and how it was answered."""

    vendor_id: str
    status: str
    message_id: str | None = None
    data: str | None = None


class CommandChanged(Event, frozen=True, kw_only=True):
    """A command of ours came one step further, or its effect was seen.

    Attributes:
        state: queued, sent, answered, refused, timed out, outcome unknown, failed, expired or
            cancelled.
        detail: the answer as JSON, or why there is none.
        expires_at_us: of one that waits for its charge point; None: sent at once or never.
        effect: none, awaited, seen, failed, or not seen in time.
        transaction_id: that it began or ended.
        failed: what was asked for did not happen, as far as is known.
    """

    command_id: int
    action: str
    state: str
    detail: str | None = None
    expires_at_us: int | None = None
    effect: str = "none"
    effect_detail: str | None = None
    transaction_id: int | None = None
    task_id: int | None = None
    failed: bool = False


class TaskChanged(Event, frozen=True, kw_only=True):
    """A task over many charge points began, came further, or ended; `charge_point_id` is empty.

    Some fifty of them tell of a task, however many charge points it has.

    Attributes:
        counts: state of a command -> charge points.
        failures: charge points where it failed.
    """

    task_id: int
    action: str
    state: str
    total: int
    counts: dict[str, int] = {}
    failures: int = 0
    reason: str | None = None


class ConfigurationReported(Event, frozen=True, kw_only=True):
    """What the charge point says its configuration keys hold."""

    keys: dict[str, str | None]


class ConfigurationChanged(Event, frozen=True, kw_only=True):
    """A configuration key holds another value than the charge point said before."""

    key: str
    before: str | None = None
    after: str | None = None
    command_id: int | None = None  # that changed it; None: the charge point by itself


class WantedConfigurationChanged(Event, frozen=True, kw_only=True):
    """What is wanted of these keys has changed, for the charge point or a group that it is in."""

    keys: tuple[str, ...]


class ConfigurationRefreshRequested(Event, frozen=True, kw_only=True):
    """An operator wants the configuration read again."""


class ProvisioningChanged(Event, frozen=True, kw_only=True):
    """The charge point came nearer to its wanted configuration, or cannot."""

    state: ProvisioningState
    detail: str | None = None  # which keys, and why


class Deviated(Event, frozen=True, kw_only=True):
    """The charge point left the specification in a way not seen of it before."""

    action: str
    field: str
    deviation: DeviationKind
    example: str


class ConditionRaised(Event, frozen=True, kw_only=True):
    """Something is wrong with the charge point, and stays open until it is cleared."""

    condition: ConditionKind
    connector_id: int = 0  # 0: the charge point as a whole
    since_us: int
    evidence: str


class ConditionCleared(Event, frozen=True, kw_only=True):
    condition: ConditionKind
    connector_id: int = 0


class ConditionEscalated(Event, frozen=True, kw_only=True):
    """The watchdog takes a step against an open condition, as a policy says."""

    condition: ConditionKind
    connector_id: int = 0
    step: str  # reconnect, trigger, soft-reset
    number: int  # of the step in its ladder, from 1


class ClockMeasured(Event, frozen=True, kw_only=True):
    """How far the clock of the charge point is off; above 0: it is ahead of ours."""

    skew_us: int


class WebhookChanged(Event, frozen=True, kw_only=True):
    """A webhook was changed, or begins or ceases to fail; `charge_point_id` is empty.

    Attributes:
        receiver: scheme and host of its URL; the rest may hold a secret.
        change: created, edited, paused, resumed, replayed, removed, failing or working.
    """

    webhook_id: int
    receiver: str
    change: str
    detail: str | None = None


class WebhookLagging(Event, frozen=True, kw_only=True):
    """Events are deleted for their age before they are delivered; `charge_point_id` is empty.

    Attributes:
        lost_events: how many are gone, all in all; 0: none yet.
        ends_at_us: when the oldest that is not delivered is deleted.
    """

    webhook_id: int
    receiver: str
    lost_events: int = 0
    ends_at_us: int | None = None


class AlertOpened(Event, frozen=True, kw_only=True):
    """People are to be told of something; `charge_point_id` is empty if it concerns none.

    Attributes:
        alert: its kind.
        subject: a type of security event, or the number of a webhook.
        occurrences: above 1: it was over for a moment, and came again.
    """

    alert_id: int
    alert: AlertKind
    connector_id: int = 0
    subject: str = ""
    since_us: int
    detail: str
    occurrences: int = 1


class AlertClosed(Event, frozen=True, kw_only=True):
    """It is over."""

    alert_id: int
    alert: AlertKind
    connector_id: int = 0
    subject: str = ""


class AlertAcknowledged(Event, frozen=True, kw_only=True):
    """Somebody knows of it."""

    alert_id: int
    alert: AlertKind
    by: str


AnyEvent: TypeAlias = (
    Registered
    | Edited
    | Removed
    | AttemptRefused
    | Connected
    | Disconnected
    | Booted
    | RegistrationChanged
    | StatusChanged
    | TransactionStarted
    | TransactionStopped
    | TransactionSuperseded
    | StopOrphaned
    | MeterValuesReceived
    | FirmwareStatusChanged
    | DiagnosticsStatusChanged
    | LogStatusChanged
    | SecurityEventReported
    | CertificateRequested
    | DataTransferred
    | CommandChanged
    | ConfigurationReported
    | Deviated
    | ConditionRaised
    | ConditionCleared
    | ConditionEscalated
    | ClockMeasured
    | ConfigurationChanged
    | WantedConfigurationChanged
    | ConfigurationRefreshRequested
    | ProvisioningChanged
    | OpenModeChanged
    | AuthorizationRefused
    | TagLearnt
    | BudgetSpent
    | TaskChanged
    | TransactionReconciled
    | TransactionEnergyChanged
    | OrphanStopResolved
    | ReviewOpened
    | ReviewResolved
    | RegisterHabitNoted
    | WebhookChanged
    | WebhookLagging
    | AlertOpened
    | AlertClosed
    | AlertAcknowledged
)

# The names under which events are stored and filtered.
KINDS: Final = frozenset(event.__name__ for event in get_args(AnyEvent))


def misnamed(kinds: Iterable[str]) -> str | None:
    """What is wrong with names of kinds, and what may be meant; None: nothing."""
    for kind in kinds:
        if kind not in KINDS:
            near = get_close_matches(kind, KINDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(KINDS))}"
            return f"there are no events of kind {kind}; {hint}"
    return None


class NumberedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as stored; a watcher that knows the last number it saw misses nothing."""

    number: int
    event: AnyEvent


# Called after each commit with the events in it, in the order of their numbers.
Publish: TypeAlias = Callable[[Sequence[NumberedEvent]], None]

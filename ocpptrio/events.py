"""What can happen to a charge point: the vocabulary shared by store, session state and watchers.

An event is a row first: it is inserted with the change it tells about, in the same commit, under a
growing number; only then is it published. Not here: what an event does to the state (session), or
when one is raised (services).

Times are microseconds since 1970 in UTC, energy is in Wh.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.protocol.datatypes import DeviationKind


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
    open: bool = False  # every idTag may charge
    registration: RegistrationStatus = RegistrationStatus.ACCEPTED


class Edited(Event, frozen=True, kw_only=True):
    """An operator changed what is kept of the charge point; `fields` names what."""

    fields: tuple[str, ...]
    open: bool | None = None  # as it is now, if that was changed


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
    generation: int
    reason: str


class Booted(Event, frozen=True, kw_only=True):
    """A BootNotification, and how it was answered."""

    status: RegistrationStatus
    vendor: str
    model: str
    serial_number: str | None = None
    firmware_version: str | None = None


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
    """A CALL of ours: waiting, answered, refused, timed out, late or failed."""

    command_id: int
    action: str
    state: str
    detail: str | None = None


class ConfigurationReported(Event, frozen=True, kw_only=True):
    """What the charge point says its configuration keys hold."""

    keys: dict[str, str | None]


class Deviated(Event, frozen=True, kw_only=True):
    """The charge point left the specification in a way not seen of it before."""

    action: str
    field: str
    deviation: DeviationKind
    example: str


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
    | TransactionReconciled
    | TransactionEnergyChanged
    | OrphanStopResolved
    | ReviewOpened
    | ReviewResolved
    | RegisterHabitNoted
)


class NumberedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as stored; a watcher that knows the last number it saw misses nothing."""

    number: int
    event: AnyEvent


# Called after each commit with the events in it, in the order of their numbers.
Publish: TypeAlias = Callable[[Sequence[NumberedEvent]], None]

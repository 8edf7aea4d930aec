"""SessionState: what is known of one charge point now, and how an event changes it.

`apply` is pure: state in, event in, state out. Not here: connections (registry), history (store).
"""

import msgspec
from msgspec.structs import replace

from ocpptrio.events import (
    AnyEvent,
    Booted,
    ClockMeasured,
    ConditionCleared,
    ConditionEscalated,
    ConditionKind,
    ConditionRaised,
    ConfigurationReported,
    Connected,
    DiagnosticsStatusChanged,
    Disconnected,
    FirmwareStatusChanged,
    LogStatusChanged,
    MeterValuesReceived,
    OpenMode,
    OpenModeChanged,
    OrphanStopResolved,
    ProvisioningChanged,
    ProvisioningState,
    Registered,
    RegisterHabitNoted,
    RegistrationChanged,
    StatusChanged,
    StopOrphaned,
    TransactionReconciled,
    TransactionStarted,
    TransactionStopped,
    TransactionSuperseded,
)
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.store.vocabulary import Conclusion

# Boots and connections within this time are remembered, up to so many.
RECENT_US = 3_600_000_000
RECENT_KEPT = 100


class ConnectorState(msgspec.Struct, frozen=True, kw_only=True):
    """A connector; 0 is the charge point as a whole. Times in microseconds since 1970 (UTC)."""

    connector_id: int
    status: ChargePointStatus
    error_code: ChargePointErrorCode = ChargePointErrorCode.NO_ERROR
    status_at_us: int  # as the charge point says
    received_at_us: int = 0
    since_us: int = 0  # when this status came first, by our clock
    info: str | None = None
    vendor_error_code: str | None = None


class MeterState(msgspec.Struct, frozen=True, kw_only=True):
    """The newest of each measured value of a connector, in the units of the names."""

    measured_at_us: int  # as the charge point says
    received_at_us: int = 0
    heard_at_us: int = 0  # when values came last, old ones too
    energy_wh: float | None = None
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None
    temperature_c: float | None = None


class RunningTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that has started and not stopped, as far as we know."""

    transaction_id: int
    connector_id: int
    id_tag: str
    authorization: str
    started_at_us: int  # as the charge point says
    received_at_us: int = 0
    meter_start_wh: int
    suspect_since_us: int | None = None  # a boot, since which nothing shows that it runs
    # The first register that was sampled: tells whether registers count as they should.
    first_register_wh: float | None = None
    first_register_at_us: int | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong now; `stepped_at_us` tells when something was done about it."""

    kind: ConditionKind
    connector_id: int  # 0: the charge point as a whole
    since_us: int
    raised_at_us: int
    evidence: str
    steps: int = 0  # taken
    stepped_at_us: int | None = None


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """One charge point. Its dicts are replaced, never changed.

    Attributes:
        boot_status: how its last BootNotification was answered, hence what it believes to be.
        configuration_read_at_us: when it last reported configuration keys; None: never.
        provisioning: how far it is from its wanted configuration; None: nothing was ever wanted.
    """

    charge_point_id: str
    registration: RegistrationStatus = RegistrationStatus.ACCEPTED
    mode: OpenMode = OpenMode.CLOSED
    fixed_id_tag: str | None = None
    learning_ends_at_us: int | None = None
    connected: bool = False
    generation: int = 0
    peer: str | None = None
    connected_at_us: int | None = None
    disconnected_at_us: int | None = None
    booted_at_us: int | None = None
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    firmware_status: str | None = None
    diagnostics_status: str | None = None
    log_status: str | None = None
    connectors: dict[int, ConnectorState] = {}
    meters: dict[int, MeterState] = {}
    transactions: dict[int, RunningTransaction] = {}
    configuration: dict[str, str | None] = {}
    clock_skew_us: int | None = None  # above 0: its clock is ahead of ours; None: not known
    conditions: tuple[Condition, ...] = ()
    boots_us: tuple[int, ...] = ()  # within the last hour
    connections_us: tuple[int, ...] = ()  # within the last hour
    configuration_read_at_us: int | None = None
    boot_status: RegistrationStatus | None = None
    provisioning: ProvisioningState | None = None
    provisioning_detail: str | None = None
    orphan_stops: frozenset[int] = frozenset()  # that fit nothing yet
    register_habits: frozenset[str] = frozenset()  # odd ways in which its registers count


def apply(state: SessionState, event: AnyEvent) -> SessionState:
    """The state after the event. An event that changes nothing known returns the same state."""
    match event:
        case MeterValuesReceived(connector_id=connector_id):
            meters = state.meters | {connector_id: _meter(state, event)}
            running_one = state.transactions.get(event.transaction_id or 0)
            if (
                running_one is None
                or event.energy_wh is None
                or running_one.first_register_wh is not None
            ):
                return replace(state, meters=meters)
            running_one = replace(
                running_one,
                first_register_wh=event.energy_wh,
                first_register_at_us=event.measured_at_us,
            )
            transactions = state.transactions | {running_one.transaction_id: running_one}
            return replace(state, meters=meters, transactions=transactions)
        case StatusChanged(outdated=True):
            return state
        case StatusChanged(connector_id=connector_id):
            before = state.connectors.get(connector_id)
            unchanged = before is not None and before.status == event.status
            connector = ConnectorState(
                connector_id=connector_id,
                status=event.status,
                error_code=event.error_code,
                status_at_us=event.status_at_us,
                received_at_us=event.at_us,
                since_us=before.since_us if before is not None and unchanged else event.at_us,
                info=event.info,
                vendor_error_code=event.vendor_error_code,
            )
            return replace(state, connectors=state.connectors | {connector_id: connector})
        case TransactionStarted(transaction_id=transaction_id):
            transaction = RunningTransaction(
                transaction_id=transaction_id,
                connector_id=event.connector_id,
                id_tag=event.id_tag,
                authorization=event.authorization,
                started_at_us=event.started_at_us,
                received_at_us=event.at_us,
                meter_start_wh=event.meter_start_wh,
                suspect_since_us=event.suspect_since_us,
            )
            return replace(state, transactions=state.transactions | {transaction_id: transaction})
        case TransactionStopped() | TransactionSuperseded():
            running = dict(state.transactions)
            running.pop(event.transaction_id, None)
            return replace(state, transactions=running)
        case TransactionReconciled():
            return replace(state, transactions=_reconciled(state, event))
        case StopOrphaned(orphan_id=orphan_id):
            return replace(state, orphan_stops=state.orphan_stops | {orphan_id})
        case OrphanStopResolved(orphan_id=orphan_id):
            return replace(state, orphan_stops=state.orphan_stops - {orphan_id})
        case RegisterHabitNoted(habit=habit, forgotten=forgotten):
            habits = state.register_habits
            return replace(
                state, register_habits=habits - {habit} if forgotten else habits | {habit}
            )
        case Connected():
            return replace(
                state,
                connected=True,
                generation=event.generation,
                peer=event.peer,
                connected_at_us=event.at_us,
                connections_us=_recent(state.connections_us, event.at_us),
            )
        case Disconnected(generation=generation):
            if generation < state.generation:  # an older connection than the one that is open
                return state
            return replace(state, connected=False, disconnected_at_us=event.at_us)
        case Booted():
            return replace(
                state,
                # One that we asked for is no reboot (Q17).
                booted_at_us=state.booted_at_us if event.triggered else event.at_us,
                boots_us=(
                    state.boots_us if event.triggered else _recent(state.boots_us, event.at_us)
                ),
                boot_status=event.status,
                vendor=event.vendor,
                model=event.model,
                serial_number=event.serial_number,
                firmware_version=event.firmware_version,
            )
        case Registered():
            return replace(state, mode=event.mode, registration=event.registration)
        case OpenModeChanged():
            return replace(
                state,
                mode=event.mode,
                fixed_id_tag=event.fixed_id_tag,
                learning_ends_at_us=event.learning_ends_at_us,
            )
        case RegistrationChanged(status=status):
            return replace(state, registration=status)
        case FirmwareStatusChanged(status=text):
            return replace(state, firmware_status=text)
        case DiagnosticsStatusChanged(status=text):
            return replace(state, diagnostics_status=text)
        case LogStatusChanged(status=text):
            return replace(state, log_status=text)
        case ConfigurationReported(keys=keys):
            return replace(
                state,
                configuration=state.configuration | keys,
                configuration_read_at_us=event.at_us,
            )
        case ClockMeasured(skew_us=skew_us):
            return replace(state, clock_skew_us=skew_us)
        case ConditionRaised() | ConditionCleared() | ConditionEscalated():
            return replace(state, conditions=_conditions(state.conditions, event))
        case ProvisioningChanged():
            return replace(state, provisioning=event.state, provisioning_detail=event.detail)
    return state


def _recent(times_us: tuple[int, ...], at_us: int) -> tuple[int, ...]:
    kept = [time_us for time_us in times_us if time_us > at_us - RECENT_US]
    return (*kept[1 - RECENT_KEPT :], at_us)


def _conditions(
    before: tuple[Condition, ...], event: ConditionRaised | ConditionCleared | ConditionEscalated
) -> tuple[Condition, ...]:
    kind, connector_id = event.condition, event.connector_id
    others = tuple(c for c in before if (c.kind, c.connector_id) != (kind, connector_id))
    match event:
        case ConditionRaised():
            raised = Condition(
                kind=kind,
                connector_id=connector_id,
                since_us=event.since_us,
                raised_at_us=event.at_us,
                evidence=event.evidence,
            )
            return (*others, raised)
        case ConditionCleared():
            return others
        case ConditionEscalated():
            return tuple(
                c if c in others else replace(c, steps=event.number, stepped_at_us=event.at_us)
                for c in before
            )


def is_outdated(
    state: SessionState, stated_us: int, known_us: int, known_received_at_us: int
) -> bool:
    """Was this queued while there was no connection, and is something newer known (Q46)?

    On one connection the last one counts, whatever time it states: clocks are set forward and back,
    and one that was ahead is no reason to wait until its time has come.

    Args:
        known_us: the time that the newest known one states, and when we received it.
    """
    connected_at_us = state.connected_at_us or known_received_at_us
    return stated_us < min(known_us, known_received_at_us, connected_at_us)


def _meter(state: SessionState, event: MeterValuesReceived) -> MeterState:
    before = state.meters.get(event.connector_id)
    values = {name: value for name in _METER_FIELDS if (value := getattr(event, name)) is not None}
    if before is None:
        before = MeterState(measured_at_us=event.measured_at_us)
    elif is_outdated(state, event.measured_at_us, before.measured_at_us, before.received_at_us):
        return replace(before, heard_at_us=event.at_us)
    return replace(
        before,
        measured_at_us=event.measured_at_us,
        received_at_us=event.at_us,
        heard_at_us=event.at_us,
        **values,
    )


def _reconciled(state: SessionState, event: TransactionReconciled) -> dict[int, RunningTransaction]:
    running = dict(state.transactions)
    known = running.get(event.transaction_id)
    if known is not None:
        match event.conclusion:
            case Conclusion.SUSPECT:
                running[event.transaction_id] = replace(known, suspect_since_us=event.at_us)
            case Conclusion.RUNNING:
                running[event.transaction_id] = replace(known, suspect_since_us=None)
            case Conclusion.ENDED:
                del running[event.transaction_id]
    return running


_METER_FIELDS = tuple(name for name in MeterState.__struct_fields__ if not name.endswith("_at_us"))

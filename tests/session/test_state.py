"""SessionState: what each event changes, and what it leaves alone."""

from typing import Any

import msgspec
import pytest

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
    ProvisioningChanged,
    ProvisioningState,
    Registered,
    RegistrationChanged,
    SecurityEventReported,
    StatusChanged,
    TransactionStarted,
    TransactionStopped,
    TransactionSuperseded,
)
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.session.state import SessionState, apply

BEFORE = SessionState(charge_point_id="CP1")


def after(*events: AnyEvent) -> SessionState:
    state = BEFORE
    for event in events:
        state = apply(state, event)
    return state


def started(transaction_id: int = 7) -> TransactionStarted:
    return TransactionStarted(
        charge_point_id="CP1",
        at_us=1,
        transaction_id=transaction_id,
        connector_id=1,
        id_tag="TAG",
        authorization="Accepted",
        started_at_us=1,
        meter_start_wh=0,
    )


def meter(at_us: int, **values: Any) -> MeterValuesReceived:  # Any: the measured fields
    return MeterValuesReceived(
        charge_point_id="CP1", at_us=at_us, connector_id=1, measured_at_us=at_us, **values
    )


def status(value: ChargePointStatus, *, outdated: bool = False) -> StatusChanged:
    return StatusChanged(
        charge_point_id="CP1",
        at_us=5,
        connector_id=1,
        status=value,
        error_code=ChargePointErrorCode.NO_ERROR,
        status_at_us=5,
        outdated=outdated,
    )


def test_a_transaction_runs_from_start_to_stop() -> None:
    running = after(started(7), started(8))
    assert list(running.transactions) == [7, 8]
    stop = TransactionStopped(
        charge_point_id="CP1",
        at_us=2,
        transaction_id=7,
        connector_id=1,
        stopped_at_us=2,
        meter_stop_wh=5,
        reason="Local",
    )
    assert list(apply(running, stop).transactions) == [8]
    superseded = TransactionSuperseded(
        charge_point_id="CP1", at_us=2, transaction_id=8, connector_id=1, by_transaction_id=9
    )
    assert list(apply(running, superseded).transactions) == [7]
    assert list(running.transactions) == [7, 8]  # the old state is as it was


def test_a_replayed_meter_value_does_not_overwrite_a_newer_one() -> None:
    state = after(
        meter(10, power_w=7000, soc_percent=40), meter(5, power_w=1), meter(11, energy_wh=3)
    )
    newest = state.meters[1]
    assert (newest.measured_at_us, newest.power_w, newest.soc_percent) == (11, 7000, 40)
    assert newest.energy_wh == 3


def test_an_outdated_status_is_history() -> None:
    state = after(
        status(ChargePointStatus.CHARGING), status(ChargePointStatus.AVAILABLE, outdated=True)
    )
    assert state.connectors[1].status is ChargePointStatus.CHARGING


def test_the_end_of_an_older_connection_does_not_take_the_newer_one_away() -> None:
    one = Connected(charge_point_id="CP1", at_us=1, generation=1, peer="a")
    two = Connected(charge_point_id="CP1", at_us=2, generation=2, peer="b")
    gone = Disconnected(charge_point_id="CP1", at_us=3, generation=1, reason="replaced")
    assert after(one, two, gone).connected
    gone = Disconnected(charge_point_id="CP1", at_us=4, generation=2, reason="bye")
    state = after(one, two, gone)
    assert (state.connected, state.disconnected_at_us, state.peer) == (False, 4, "b")


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        (
            Booted(
                charge_point_id="CP1",
                at_us=9,
                status=RegistrationStatus.ACCEPTED,
                vendor="V",
                model="M",
            ),
            "booted_at_us",
            9,
        ),
        (
            Booted(
                charge_point_id="CP1",
                at_us=9,
                status=RegistrationStatus.PENDING,
                vendor="V",
                model="M",
            ),
            "boot_status",
            RegistrationStatus.PENDING,
        ),
        (
            ConfigurationReported(charge_point_id="CP1", at_us=7, keys={"A": "1"}),
            "configuration_read_at_us",
            7,
        ),
        (
            ProvisioningChanged(
                charge_point_id="CP1", at_us=1, state=ProvisioningState.GIVEN_UP, detail="A"
            ),
            "provisioning",
            ProvisioningState.GIVEN_UP,
        ),
        (
            Registered(charge_point_id="CP1", at_us=1, origin="added", mode=OpenMode.LEARN),
            "mode",
            "learn",
        ),
        (
            RegistrationChanged(charge_point_id="CP1", at_us=1, status=RegistrationStatus.PENDING),
            "registration",
            RegistrationStatus.PENDING,
        ),
        (
            FirmwareStatusChanged(charge_point_id="CP1", at_us=1, status="Installed"),
            "firmware_status",
            "Installed",
        ),
        (
            DiagnosticsStatusChanged(charge_point_id="CP1", at_us=1, status="Idle"),
            "diagnostics_status",
            "Idle",
        ),
        (ClockMeasured(charge_point_id="CP1", at_us=1, skew_us=-5), "clock_skew_us", -5),
        (LogStatusChanged(charge_point_id="CP1", at_us=1, status="Idle"), "log_status", "Idle"),
        (
            ConfigurationReported(charge_point_id="CP1", at_us=1, keys={"A": "1", "B": None}),
            "configuration",
            {"A": "1", "B": None},
        ),
    ],
)
def test_what_else_an_event_changes(event: AnyEvent, field: str, value: object) -> None:
    assert getattr(after(event), field) == value


def test_a_status_that_comes_again_has_lasted_since_it_came_first() -> None:
    first, again = status(ChargePointStatus.FINISHING), status(ChargePointStatus.FINISHING)
    state = after(first, msgspec.structs.replace(again, at_us=50, status_at_us=50))
    connector = state.connectors[1]
    assert (connector.since_us, connector.received_at_us, connector.status_at_us) == (5, 50, 50)
    other = msgspec.structs.replace(status(ChargePointStatus.AVAILABLE), at_us=60)
    assert apply(state, other).connectors[1].since_us == 60


def connected(at_us: int) -> Connected:
    return Connected(charge_point_id="CP1", at_us=at_us, generation=1, peer="192.0.2.1")


@pytest.mark.parametrize("before_us", [999_999, 8])  # its clock was ahead; or is behind now
def test_a_clock_that_is_set_back_does_not_hold_up_meter_values(before_us: int) -> None:
    ahead = msgspec.structs.replace(meter(before_us, power_w=7000), at_us=10)
    corrected = msgspec.structs.replace(meter(7, power_w=1), at_us=20)
    assert after(connected(6), ahead, corrected).meters[1].power_w == 1
    # What was measured before the connection came out of a queue.
    later = connected(15), msgspec.structs.replace(corrected, measured_at_us=6)
    assert after(connected(6), ahead, *later).meters[1].power_w == 7000


def test_old_meter_values_are_a_sign_of_life_too() -> None:
    before = msgspec.structs.replace(meter(5), at_us=20)
    newest = after(meter(10), before).meters[1]
    assert (newest.measured_at_us, newest.received_at_us, newest.heard_at_us) == (10, 10, 20)


def test_boots_and_connections_of_the_last_hour_are_remembered() -> None:
    hour_us = 3_600_000_000
    state = BEFORE
    for at_us in (0, 1, hour_us + 1):
        connected = Connected(charge_point_id="CP1", at_us=at_us, generation=1, peer="a")
        state = apply(state, connected)
    assert state.connections_us == (hour_us + 1,)
    for _ in range(200):
        connected = Connected(charge_point_id="CP1", at_us=2 * hour_us, generation=1, peer="a")
        state = apply(state, connected)
    assert len(state.connections_us) == 100


def test_a_condition_is_there_from_raised_to_cleared() -> None:
    kind = ConditionKind.STUCK_FINISHING
    raised = [
        ConditionRaised(
            charge_point_id="CP1",
            at_us=5,
            condition=kind,
            connector_id=connector_id,
            since_us=1,
            evidence="Finishing",
        )
        for connector_id in (1, 2)
    ]
    escalated = ConditionEscalated(
        charge_point_id="CP1", at_us=9, condition=kind, connector_id=1, step="trigger", number=1
    )
    state = after(*raised, escalated)
    assert [(one.connector_id, one.steps, one.stepped_at_us) for one in state.conditions] == [
        (1, 1, 9),
        (2, 0, None),
    ]
    cleared = ConditionCleared(charge_point_id="CP1", at_us=10, condition=kind, connector_id=1)
    assert [one.connector_id for one in apply(state, cleared).conditions] == [2]


def test_an_event_that_tells_nothing_about_the_state_leaves_it_alone() -> None:
    event = SecurityEventReported(charge_point_id="CP1", at_us=1, type="X", occurred_at_us=1)
    assert after(event) is BEFORE

"""What is wrong with a charge point, rule by rule: state and time in, findings out."""

from typing import Any

import pytest
from msgspec.structs import replace

from ocpptrio.config import Step, WatchdogSettings
from ocpptrio.events import ConditionKind
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.services.conditions import Facts, duration, judge, next_step
from ocpptrio.session.state import Condition, ConnectorState, RunningTransaction, SessionState
from ocpptrio.session.state import MeterState as Meter
from ocpptrio.vendor_profiles import VendorProfile

S = 1_000_000
NOW = 100 * 86_400 * S
LIMITS = WatchdogSettings()
ONLINE = SessionState(charge_point_id="CP1", connected=True, connected_at_us=NOW - 86_400 * S)


def found(
    facts: Facts, limits: WatchdogSettings = LIMITS
) -> list[tuple[ConditionKind, int, int, str]]:
    """Kind, connector, since how many seconds, evidence."""
    return [
        (one.kind, one.connector_id, (facts.now_us - one.since_us) // S, one.evidence)
        for one in judge(facts, limits)[0]
    ]


def in_status(status: ChargePointStatus, since_s: int) -> SessionState:
    connector = ConnectorState(
        connector_id=1, status=status, status_at_us=0, since_us=NOW - since_s * S
    )
    return replace(ONLINE, connectors={1: connector})


def charging(since_s: int, heard_s: int | None = None, **configuration: str) -> SessionState:
    """A transaction on connector 2 that began so long ago, with values that long ago."""
    transaction = RunningTransaction(
        transaction_id=7,
        connector_id=2,
        id_tag="TAG",
        authorization="Accepted",
        started_at_us=0,
        received_at_us=NOW - since_s * S,
        meter_start_wh=0,
    )
    meters = {}
    if heard_s is not None:
        meters[2] = Meter(measured_at_us=0, heard_at_us=NOW - heard_s * S)
    return replace(
        ONLINE, transactions={7: transaction}, meters=meters, configuration=dict(configuration)
    )


def opened(kind: ConditionKind, connector_id: int = 0, steps: int = 0) -> Condition:
    return Condition(
        kind=kind,
        connector_id=connector_id,
        since_us=0,
        raised_at_us=0,
        evidence="",
        steps=steps,
    )


def test_one_with_which_nothing_is_wrong_has_no_findings() -> None:
    assert found(Facts(ONLINE, NOW)) == []
    assert found(Facts(in_status(ChargePointStatus.CHARGING, 10**6), NOW)) == []


@pytest.mark.parametrize(
    ("unanswered", "limit", "is_found"), [(2, 3, False), (3, 3, True), (9, 0, False)]
)
def test_a_socket_that_does_not_answer(unanswered: int, limit: int, is_found: bool) -> None:
    facts = Facts(ONLINE, NOW, last_seen_us=NOW - 5 * S, unanswered=unanswered)
    limits = WatchdogSettings(unanswered_calls=limit)
    assert bool(found(facts, limits)) is is_found
    if is_found:
        assert found(facts, limits)[0][:3] == (ConditionKind.NO_ANSWER, 0, 5)


@pytest.mark.parametrize(
    ("status", "since_s", "kind"),
    [
        (ChargePointStatus.PREPARING, 3600, None),
        (ChargePointStatus.PREPARING, 3601, ConditionKind.STUCK_PREPARING),
        (ChargePointStatus.FINISHING, 43_200, None),
        (ChargePointStatus.FINISHING, 43_201, ConditionKind.STUCK_FINISHING),
        (ChargePointStatus.SUSPENDED_EV, 10**6, None),
    ],
)
def test_a_connector_is_stuck(
    status: ChargePointStatus, since_s: int, kind: ConditionKind | None
) -> None:
    kinds = [one[0] for one in found(Facts(in_status(status, since_s), NOW))]
    assert kinds == ([] if kind is None else [kind])
    off = WatchdogSettings(preparing_limit=0, finishing_limit=0)
    assert found(Facts(in_status(status, since_s), NOW), off) == []


@pytest.mark.parametrize(
    ("state", "is_found"),
    [
        (charging(1801), True),
        (charging(1799), False),
        (charging(9000, 1799), False),
        (charging(9000, 1801), True),
        (charging(241, MeterValueSampleInterval="60"), True),  # three intervals and a minute
        (charging(239, MeterValueSampleInterval="60"), False),
        (charging(9000, MeterValueSampleInterval="0"), False),  # told to send none
        (charging(2761, MeterValueSampleInterval="0", ClockAlignedDataInterval="900"), True),
        (charging(2759, MeterValueSampleInterval="0", ClockAlignedDataInterval="900"), False),
        (charging(1801, MeterValueSampleInterval="often"), True),
        (replace(charging(9000), connected_at_us=NOW - 60 * S), False),  # just back
    ],
)
def test_a_transaction_without_meter_values(state: SessionState, is_found: bool) -> None:
    kinds = [one[0] for one in found(Facts(state, NOW))]
    assert kinds == ([ConditionKind.NO_METER_VALUES] if is_found else [])
    off = WatchdogSettings(meter_values_limit=0)
    assert found(Facts(state, NOW), off) == []


def test_a_transaction_that_never_ends() -> None:
    ((kind, connector_id, since_s, evidence),) = found(Facts(charging(172_801, 0), NOW))
    assert (kind, connector_id, since_s) == (ConditionKind.LONG_TRANSACTION, 2, 172_801)
    assert evidence == "transaction 7 has run for 48 h"


@pytest.mark.parametrize(
    ("seen_s", "watching_s", "is_found"),
    [
        (3601, 86_400, True),
        (3599, 86_400, False),
        (90_000, 600, False),  # we were down ourselves
        (None, 86_400, False),  # it has never been here
    ],
)
def test_one_that_is_away(seen_s: int | None, watching_s: int, is_found: bool) -> None:
    state = SessionState(charge_point_id="CP1")
    last_seen_us = 0 if seen_s is None else NOW - seen_s * S
    facts = Facts(state, NOW, last_seen_us, NOW - watching_s * S)
    assert [one[:3] for one in found(facts)] == (
        [(ConditionKind.OFFLINE, 0, seen_s)] if is_found else []
    )


@pytest.mark.parametrize("field", ["boots_us", "connections_us"])
def test_again_and_again_within_an_hour(field: str) -> None:
    kind, limits = {
        "boots_us": (ConditionKind.BOOT_LOOP, WatchdogSettings(boots_per_hour=3)),
        "connections_us": (ConditionKind.RECONNECTS, WatchdogSettings(connections_per_hour=3)),
    }[field]

    def times(*seconds_ago: int, conditions: tuple[Condition, ...] = ()) -> Facts:
        values: dict[str, Any] = {field: tuple(NOW - s * S for s in seconds_ago)}
        return Facts(replace(ONLINE, conditions=conditions, **values), NOW)

    assert [one[:3] for one in found(times(3000, 2000, 10), limits)] == [(kind, 0, 3000)]
    assert found(times(3601, 2000, 10), limits) == []
    # Half of the limit clears it, so that it does not come and go.
    is_open = opened(kind)
    assert judge(times(3601, 2000, 10, conditions=(is_open,)), limits) == ([], [])
    assert judge(times(3601, 3601, 10, conditions=(is_open,)), limits) == ([], [is_open])


@pytest.mark.parametrize(
    ("skew_s", "unset", "evidence"),
    [
        (59, False, None),
        (-59, False, None),
        (None, False, None),
        (61, False, "61 s ahead"),
        (-7190, False, "7190 s behind: as if the local time of UTC-02:00 were sent as UTC"),
        (0, True, "it was never set"),
    ],
)
def test_a_clock_that_is_off(skew_s: int | None, unset: bool, evidence: str | None) -> None:
    state = replace(ONLINE, clock_skew_us=None if skew_s is None else skew_s * S)
    facts = Facts(state, NOW, clock_unset=unset)
    assert [one[3] for one in found(facts)] == ([] if evidence is None else [evidence])
    assert found(facts, WatchdogSettings(clock_limit=0)) == []


def test_what_is_open_is_not_raised_again_and_is_cleared_when_it_is_over() -> None:
    condition = opened(ConditionKind.STUCK_FINISHING, 1)
    stuck = replace(in_status(ChargePointStatus.FINISHING, 50_000), conditions=(condition,))
    assert judge(Facts(stuck, NOW), LIMITS) == ([], [])
    free = replace(in_status(ChargePointStatus.AVAILABLE, 1), conditions=(condition,))
    assert judge(Facts(free, NOW), LIMITS) == ([], [condition])


@pytest.mark.parametrize(
    "kind", sorted(set(ConditionKind) - {ConditionKind.BOOT_LOOP, ConditionKind.RECONNECTS})
)
def test_while_it_is_away_nothing_is_known_to_be_over(kind: ConditionKind) -> None:
    condition = opened(kind)
    away = SessionState(charge_point_id="CP1", conditions=(condition,))
    assert judge(Facts(away, NOW), LIMITS) == ([], [])


def test_a_rule_that_is_switched_off_clears_what_it_had_raised() -> None:
    kinds = [ConditionKind.NO_ANSWER, ConditionKind.WRONG_CLOCK, ConditionKind.OFFLINE]
    conditions = tuple(map(opened, kinds))
    state = replace(ONLINE, conditions=conditions)
    off = WatchdogSettings(unanswered_calls=0, clock_limit=0, offline_limit=0)
    assert judge(Facts(state, NOW, unanswered=9), off) == ([], list(conditions))


def test_not_answering_is_over_with_an_answer_or_another_socket() -> None:
    condition = opened(ConditionKind.NO_ANSWER)
    state = replace(ONLINE, conditions=(condition,))
    assert judge(Facts(state, NOW, unanswered=1), LIMITS) == ([], [])
    assert judge(Facts(state, NOW, unanswered=0), LIMITS) == ([], [condition])


# What is done about it.

LADDER = (Step.TRIGGER, Step.RECONNECT, Step.SOFT_RESET)


@pytest.mark.parametrize(
    ("steps", "step"), [(0, LADDER[0]), (1, LADDER[1]), (2, LADDER[2]), (3, None)]
)
def test_steps_are_taken_in_order_and_end(steps: int, step: Step | None) -> None:
    settings = WatchdogSettings(stuck_connector_steps=LADDER)
    condition = opened(ConditionKind.STUCK_FINISHING, 1, steps)
    assert next_step(condition, ONLINE, settings) is step
    assert next_step(condition, replace(ONLINE, connected=False), settings) is None


def test_nothing_is_reset_while_a_transaction_runs_unless_that_is_wanted() -> None:
    condition = opened(ConditionKind.NO_METER_VALUES, 2)
    settings = WatchdogSettings(no_meter_values_steps=(Step.SOFT_RESET,))
    assert next_step(condition, charging(10), settings) is None
    assert next_step(condition, ONLINE, settings) is Step.SOFT_RESET
    wanted = replace(settings, reset_while_charging=True)
    assert next_step(condition, charging(10), wanted) is Step.SOFT_RESET


@pytest.mark.parametrize("kind", sorted(set(ConditionKind) - {ConditionKind.NO_ANSWER}))
def test_by_default_no_message_is_sent(kind: ConditionKind) -> None:
    assert next_step(opened(kind), ONLINE, LIMITS) is None


def test_by_default_a_deaf_socket_is_closed() -> None:
    assert next_step(opened(ConditionKind.NO_ANSWER), ONLINE, LIMITS) is Step.RECONNECT


@pytest.mark.parametrize(
    ("seconds", "words"), [(119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")]
)
def test_durations_are_short(seconds: int, words: str) -> None:
    assert duration(seconds * S) == words


def test_one_that_only_unplugging_frees_is_left_alone() -> None:
    profile = VendorProfile(name="Autel", stuck_in_finishing=True)
    stuck = in_status(ChargePointStatus.FINISHING, 86_400)
    facts = Facts(stuck, NOW, profile=profile)
    (finding,) = found(facts)
    assert finding[3].endswith("; only unplugging ends it")
    settings = WatchdogSettings(stuck_connector_steps=LADDER)
    condition = opened(ConditionKind.STUCK_FINISHING, 1)
    assert next_step(condition, stuck, settings, profile) is None
    assert next_step(condition, stuck, settings) is Step.TRIGGER


def test_one_that_is_slow_to_return_is_not_sent_away_and_missed_later() -> None:
    profile = VendorProfile(name="FoxESS", slow_to_return=True)
    assert next_step(opened(ConditionKind.NO_ANSWER), ONLINE, LIMITS) is Step.RECONNECT
    assert next_step(opened(ConditionKind.NO_ANSWER), ONLINE, LIMITS, profile) is None
    away = SessionState(charge_point_id="CP1", disconnected_at_us=NOW - 1200 * S)
    limits = WatchdogSettings(offline_limit=600)
    assert found(Facts(away, NOW), limits)
    assert found(Facts(away, NOW, profile=profile), limits) == []
    longer = replace(away, disconnected_at_us=NOW - 1900 * S)
    assert found(Facts(longer, NOW, profile=profile), limits)

"""What is wrong with a charge point: one rule per kind of condition, over what is known now.

Pure: state, counters and the time go in, findings come out. What cannot be seen now is neither
raised nor cleared: an offline charge point may have mended its connector. Not here: when it is
looked at, and what is done about it (watchdog).
"""

from typing import Final

import msgspec

from ocpptrio.config import Step, WatchdogSettings
from ocpptrio.events import ConditionKind
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.services import clock_skew
from ocpptrio.session.state import (
    RECENT_US,
    Condition,
    ConnectorState,
    RunningTransaction,
    SessionState,
)
from ocpptrio.vendor_profiles import ORDINARY, VendorProfile

SECOND_US: Final = 1_000_000
# Meter values may be this many intervals late, and a bit, before they are missed.
INTERVALS_MISSED: Final = 3
INTERVAL_MARGIN_S: Final = 60
# Members of an enumeration take a while to look up.
_PREPARING: Final = ChargePointStatus.PREPARING
_FINISHING: Final = ChargePointStatus.FINISHING
# One that is slow to return is missed no sooner: 19 minutes were seen (Q19).
SLOW_RETURN_S: Final = 1800
# Clocks drift by seconds a day: less of a change is not worth a row.
SKEW_NEWS_US: Final = 5_000_000


class Facts(msgspec.Struct, gc=False):
    """All that the rules look at.

    Attributes:
        last_seen_us: when a message came last; 0: never.
        watching_since_us: since when we could have seen it.
        unanswered: CALLs of ours in a row without an answer, on this connection.
        clock_unset: the newest time that it stated is that of a clock that was never set.
    """

    state: SessionState
    now_us: int
    last_seen_us: int = 0
    watching_since_us: int = 0
    unanswered: int = 0
    clock_unset: bool = False
    profile: VendorProfile = ORDINARY


class Finding(msgspec.Struct, frozen=True, gc=False):
    """Something that is wrong, and since when by our clock; connector 0 is the whole of it."""

    kind: ConditionKind
    connector_id: int
    since_us: int
    evidence: str


def judge(facts: Facts, limits: WatchdogSettings) -> tuple[list[Finding], list[Condition]]:
    """What is to be raised, and which open conditions are to be cleared."""
    found = _found(facts, limits)
    conditions = facts.state.conditions
    if not conditions:
        return found, []
    wrong = {(finding.kind, finding.connector_id) for finding in found}
    cleared = [
        condition
        for condition in conditions
        if (condition.kind, condition.connector_id) not in wrong
        and not _holds(condition, facts, limits)
    ]
    known = {(condition.kind, condition.connector_id) for condition in conditions}
    return [f for f in found if (f.kind, f.connector_id) not in known], cleared


def _found(facts: Facts, limits: WatchdogSettings) -> list[Finding]:
    """Quick where nothing is wrong, as with nearly all of ten thousand charge points."""
    state, now_us = facts.state, facts.now_us
    found: list[Finding] = []
    if state.connected:
        if 0 < limits.unanswered_calls <= facts.unanswered:
            found.append(
                Finding(
                    ConditionKind.NO_ANSWER,
                    0,
                    facts.last_seen_us,
                    f"{facts.unanswered} CALLs in a row were not answered, though messages came",
                )
            )
        for connector in state.connectors.values():
            if connector.status is _PREPARING:
                _stuck(
                    found, connector, ConditionKind.STUCK_PREPARING, limits.preparing_limit, now_us
                )
            elif connector.status is _FINISHING:
                _stuck(
                    found,
                    connector,
                    ConditionKind.STUCK_FINISHING,
                    limits.finishing_limit,
                    now_us,
                    "; only unplugging ends it" if facts.profile.stuck_in_finishing else "",
                )
        if state.transactions:
            _transactions(found, state, now_us, limits)
        if facts.clock_unset or state.clock_skew_us is not None:
            _clock(found, facts, limits)
    else:
        _offline(found, facts, limits)
    # Most have one or two of each in memory: no need to count.
    if 0 < limits.boots_per_hour <= len(state.boots_us):
        recent = _recent(state.boots_us, now_us)
        if len(recent) >= limits.boots_per_hour:
            words = f"{len(recent)} boots within an hour"
            found.append(Finding(ConditionKind.BOOT_LOOP, 0, recent[0], words))
    if 0 < limits.connections_per_hour <= len(state.connections_us):
        recent = _recent(state.connections_us, now_us)
        if len(recent) >= limits.connections_per_hour:
            words = f"{len(recent)} connections within an hour"
            found.append(Finding(ConditionKind.RECONNECTS, 0, recent[0], words))
    return found


def _offline(found: list[Finding], facts: Facts, limits: WatchdogSettings) -> None:
    since_us = max(facts.state.disconnected_at_us or 0, facts.last_seen_us)
    # While we were down ourselves, nobody could be seen.
    seen_us = max(since_us, facts.watching_since_us)
    limit_s = limits.offline_limit
    if limit_s and facts.profile.slow_to_return:
        limit_s = max(limit_s, SLOW_RETURN_S)
    if since_us and 0 < limit_s * SECOND_US < facts.now_us - seen_us:
        found.append(Finding(ConditionKind.OFFLINE, 0, since_us, "no connection"))


def _stuck(
    found: list[Finding],
    connector: ConnectorState,
    kind: ConditionKind,
    limit_s: float,
    now_us: int,
    remark: str = "",
) -> None:
    stuck_us = now_us - connector.since_us
    if 0 < limit_s * SECOND_US < stuck_us:
        words = f"{connector.status} for {duration(stuck_us)}{remark}"
        found.append(Finding(kind, connector.connector_id, connector.since_us, words))


def _transactions(
    found: list[Finding], state: SessionState, now_us: int, limits: WatchdogSettings
) -> None:
    silent_us = _longest_silence_s(state, limits) * SECOND_US
    longest_us = limits.transaction_limit * SECOND_US
    for transaction in state.transactions.values():
        connector_id, started_us = transaction.connector_id, transaction.received_at_us
        heard_us = max(started_us, state.connected_at_us or 0)
        meter = state.meters.get(connector_id)
        if meter is not None and meter.heard_at_us > heard_us:
            heard_us = meter.heard_at_us
        if 0 < silent_us < now_us - heard_us:
            words = f"no values of {_name(transaction)} for {duration(now_us - heard_us)}"
            found.append(Finding(ConditionKind.NO_METER_VALUES, connector_id, heard_us, words))
        if 0 < longest_us < now_us - started_us:
            words = f"{_name(transaction)} has run for {duration(now_us - started_us)}"
            found.append(Finding(ConditionKind.LONG_TRANSACTION, connector_id, started_us, words))


def _name(transaction: RunningTransaction) -> str:
    return f"transaction {transaction.transaction_id}"


def _longest_silence_s(state: SessionState, limits: WatchdogSettings) -> float:
    """How long a transaction may be without values; 0: for ever, as it is told to send none."""
    if not limits.meter_values_limit:
        return 0
    sampled_s = _number(state.configuration.get("MeterValueSampleInterval"))
    if sampled_s is None:
        return limits.meter_values_limit
    interval_s = sampled_s or _number(state.configuration.get("ClockAlignedDataInterval"))
    return INTERVALS_MISSED * interval_s + INTERVAL_MARGIN_S if interval_s else 0


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


def _clock(found: list[Finding], facts: Facts, limits: WatchdogSettings) -> None:
    limit_us = limits.clock_limit * SECOND_US
    skew_us = facts.state.clock_skew_us
    if not limit_us:
        return
    if facts.clock_unset:
        words = "it was never set"
    elif skew_us is not None and abs(skew_us) > limit_us:
        words = clock_skew.in_words(skew_us)
    else:
        return
    found.append(Finding(ConditionKind.WRONG_CLOCK, 0, facts.now_us, words))


def _recent(times_us: tuple[int, ...], now_us: int) -> list[int]:
    return [time_us for time_us in times_us if time_us > now_us - RECENT_US]


def _holds(condition: Condition, facts: Facts, limits: WatchdogSettings) -> bool:
    """Whether a condition stays open though its rule does not find it now.

    Because it cannot be seen now, or because it is only just better: half of a limit clears it.
    """
    state = facts.state
    match condition.kind:
        case ConditionKind.OFFLINE:
            return not state.connected and limits.offline_limit > 0
        case ConditionKind.NO_ANSWER:
            # It is about a socket: on the next one it may answer.
            return limits.unanswered_calls > 0 and not (state.connected and not facts.unanswered)
        case ConditionKind.BOOT_LOOP:
            boots = len(_recent(state.boots_us, facts.now_us))
            return 0 < limits.boots_per_hour <= 2 * boots
        case ConditionKind.RECONNECTS:
            connections = len(_recent(state.connections_us, facts.now_us))
            return 0 < limits.connections_per_hour <= 2 * connections
        case ConditionKind.WRONG_CLOCK:
            skew_us = state.clock_skew_us
            is_off = skew_us is not None and 2 * abs(skew_us) > limits.clock_limit * SECOND_US
            return limits.clock_limit > 0 and (not state.connected or skew_us is None or is_off)
    return not state.connected


# What is done about a condition.


def ladder(kind: ConditionKind, settings: WatchdogSettings) -> tuple[Step, ...]:
    """The steps against a condition, in order; none: it is only reported."""
    match kind:
        case ConditionKind.NO_ANSWER:
            return settings.no_answer_steps
        case ConditionKind.STUCK_PREPARING | ConditionKind.STUCK_FINISHING:
            return settings.stuck_connector_steps
        case ConditionKind.NO_METER_VALUES:
            return settings.no_meter_values_steps
        case ConditionKind.WRONG_CLOCK:
            return settings.clock_steps
    # Nothing can be sent to one that is away, and a reset does not mend a boot loop.
    return ()


def next_step(
    condition: Condition,
    state: SessionState,
    settings: WatchdogSettings,
    profile: VendorProfile = ORDINARY,
) -> Step | None:
    """The step that is due against an open condition; None: all were taken, or it must wait.

    None as well if it is known that nothing but unplugging helps (Q49), or that a connection that
    is closed may not come back (Q19). Not here: pauses and how many a day (watchdog).
    """
    steps = ladder(condition.kind, settings)
    if not state.connected or condition.steps >= len(steps):
        return None
    step = steps[condition.steps]
    if profile.stuck_in_finishing and condition.kind is ConditionKind.STUCK_FINISHING:
        return None
    if profile.slow_to_return and step is Step.RECONNECT:
        return None
    if step is Step.SOFT_RESET and state.transactions and not settings.reset_while_charging:
        return None
    return step


def duration(us: int) -> str:
    """`90 s`, `45 min`, `36 h`."""
    seconds = us // SECOND_US
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"

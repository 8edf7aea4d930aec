"""Which limit holds when: each rule by example, then all of them against a naive reading."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocpptrio.composite_schedule import (
    CompositeSchedule,
    Installation,
    InstalledProfile,
    Limit,
    Limits,
    Period,
    RunningTransaction,
    composite_schedule,
    limits_at,
)
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    RecurrencyKindType,
)

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, W = ChargingRateUnitType.A, ChargingRateUnitType.W
MAX = ChargingProfilePurposeType.CHARGE_POINT_MAX_PROFILE
DEFAULT = ChargingProfilePurposeType.TX_DEFAULT_PROFILE
TX = ChargingProfilePurposeType.TX_PROFILE
ABSOLUTE, RELATIVE = ChargingProfileKindType.ABSOLUTE, ChargingProfileKindType.RELATIVE
RECURRING = ChargingProfileKindType.RECURRING


def profile(
    *limits: float | tuple[int, float],
    level: int = 0,
    purpose: ChargingProfilePurposeType = DEFAULT,
    kind: ChargingProfileKindType | None = None,
    unit: ChargingRateUnitType = A,
    start: datetime | None = None,
    duration: int | None = None,
    phases: int | None = None,
    recurrency: RecurrencyKindType | None = None,
    **fields: Any,  # validFrom, validTo, transactionId
) -> ChargingProfile:
    """A profile of periods: a number is the limit from 0 on, a pair says from when."""
    if kind is None:
        kind = RELATIVE if start is None else ABSOLUTE
    periods = [each if isinstance(each, tuple) else (0, each) for each in limits]
    return ChargingProfile(
        charging_profile_id=1,
        stack_level=level,
        charging_profile_purpose=purpose,
        charging_profile_kind=kind,
        recurrency_kind=recurrency,
        charging_schedule=ChargingSchedule(
            charging_rate_unit=unit,
            start_schedule=start,
            duration=duration,
            charging_schedule_period=tuple(
                ChargingSchedulePeriod(start_period=at, limit=limit, number_phases=phases)
                for at, limit in periods
            ),
        ),
        **fields,
    )


def installed(*profiles: ChargingProfile | tuple[int, ChargingProfile]) -> Installation:
    """Profiles of a charge point with a transaction (id 5) on its connector 1 of 2."""
    return Installation(
        profiles=[
            InstalledProfile(*each)
            if isinstance(each, tuple)
            else InstalledProfile(0 if each.charging_profile_purpose is not TX else 1, each)
            for each in profiles
        ],
        connectors=2,
        transactions={1: RunningTransaction(NOON, 5)},
    )


def schedule(
    installation: Installation,
    connector_id: int = 1,
    at: datetime = NOON,
    duration_s: int = 86_400,
    unit: ChargingRateUnitType = A,
) -> list[tuple[int, float | None]]:
    result = composite_schedule(installation, connector_id, at, duration_s, unit)
    return [(period.start_s, period.limit) for period in result.periods]


def test_without_profiles_nothing_limits() -> None:
    result = composite_schedule(Installation(), 1, NOON, 60, W)
    assert result == CompositeSchedule(NOON, 60, W, (Period(0, None),))
    assert composite_schedule(Installation(), 0, NOON, 60, W).periods == (Period(0, None),)
    assert limits_at(Installation(), 1, NOON) == Limits(None, None)


def test_p2_a_limit_of_tenths_comes_through_as_it_is() -> None:
    assert schedule(installed(profile(8.1))) == [(0, 8.1)]


def test_p3_the_higher_stack_level_wins_over_a_lower_limit_but_not_over_the_charge_point() -> None:
    everything = installed(
        profile(10, level=0), profile(16, level=1), profile(13, purpose=MAX, start=MIDNIGHT)
    )
    assert schedule(everything) == [(0, 13)]
    assert schedule(installed(profile(10, level=0), profile(16, level=1))) == [(0, 16)]


def test_p4_outside_the_duration_of_a_daily_profile_there_is_no_limit() -> None:
    nightly = profile(
        16,
        start=MIDNIGHT + 20 * HOUR,
        duration=8 * 3600,
        kind=RECURRING,
        recurrency=RecurrencyKindType.DAILY,
    )
    assert schedule(installed(nightly), duration_s=2 * 86_400) == [
        (0, None),
        (8 * 3600, 16),  # 20:00
        (16 * 3600, None),  # 04:00
        (32 * 3600, 16),
        (40 * 3600, None),
    ]


def test_a_gap_in_the_top_profile_shows_the_next_lower_level() -> None:
    top = profile(32, level=5, start=NOON, duration=600)
    assert schedule(installed(profile(10), top)) == [(0, 32), (600, 10)]
    later = profile(32, level=5, start=NOON, valid_from=NOON + HOUR)
    assert schedule(installed(profile(10), later)) == [(0, 10), (3600, 32)]


def test_valid_from_and_valid_to_cut_the_periods_but_do_not_shift_them() -> None:
    cut = profile(
        (0, 6),
        (600, 10),
        (1200, 16),
        start=NOON,
        valid_from=NOON + timedelta(seconds=300),
        valid_to=NOON + timedelta(seconds=1500),
    )
    assert schedule(installed(cut)) == [(0, None), (300, 6), (600, 10), (1200, 16), (1500, None)]


def test_a_relative_profile_starts_with_the_transaction_or_else_now() -> None:
    relative = installed(profile((0, 6), (3600, 16)))
    assert schedule(relative, connector_id=1, at=NOON + HOUR / 2) == [(0, 6), (1800, 16)]
    assert schedule(relative, connector_id=2, at=NOON + HOUR / 2) == [(0, 6), (3600, 16)]


def test_an_absolute_profile_without_start_is_relative_to_the_start_of_charging() -> None:
    odd = installed(profile((0, 6), (3600, 16), kind=ABSOLUTE))
    assert schedule(odd, at=NOON + HOUR / 2) == [(0, 6), (1800, 16)]


def test_periods_past_the_duration_are_cut_off() -> None:
    assert schedule(installed(profile((0, 6), (600, 16), start=NOON, duration=300))) == [
        (0, 6),
        (300, None),
    ]


def test_a_recurrence_cuts_off_the_one_before_it() -> None:
    long = profile(
        (0, 6),
        (80_000, 10),
        (90_000, 16),
        start=NOON - 3 * 24 * HOUR,
        kind=RECURRING,
        recurrency=RecurrencyKindType.DAILY,
    )
    assert schedule(installed(long), duration_s=2 * 86_400) == [
        (0, 6),
        (80_000, 10),
        (86_400, 6),
        (166_400, 10),
    ]


def test_a_weekly_profile_recurs_after_seven_days_also_before_its_first_start() -> None:
    saturday = profile(
        10,
        start=NOON + 9 * 24 * HOUR,
        duration=3600,
        kind=RECURRING,
        recurrency=RecurrencyKindType.WEEKLY,
    )
    assert schedule(installed(saturday), duration_s=8 * 86_400) == [
        (0, None),
        (2 * 86_400, 10),
        (2 * 86_400 + 3600, None),
    ]


def test_a_recurring_profile_that_does_not_say_when_never_holds() -> None:
    assert schedule(installed(profile(10, kind=RECURRING))) == [(0, None)]


def test_a_tx_profile_goes_before_the_default_even_with_a_higher_limit() -> None:
    both = installed(profile(10, level=9), profile(16, purpose=TX, duration=600))
    assert schedule(both) == [(0, 16), (600, 10)]


def test_a_tx_profile_of_another_transaction_or_connector_does_not_count() -> None:
    foreign = profile(16, purpose=TX, transaction_id=6)
    own = profile(8, purpose=TX, transaction_id=5)
    assert schedule(installed(profile(10), foreign)) == [(0, 10)]
    assert schedule(installed(profile(10), own)) == [(0, 8)]
    assert schedule(installed(profile(10), (2, own)), connector_id=2) == [(0, 10)]  # none runs


def test_the_default_of_a_connector_replaces_that_of_connector_0_at_the_same_level() -> None:
    everywhere = profile(16, level=1)
    here = profile(10, level=1, duration=600)
    for order in ((0, everywhere), (1, here)), ((1, here), (0, everywhere)):
        assert schedule(installed(*order)) == [(0, 10), (600, None)]
        assert schedule(installed(*order), connector_id=2) == [(0, 16)]


def test_the_default_of_connector_0_at_another_level_still_counts() -> None:
    assert schedule(installed((0, profile(16, level=0)), (1, profile(10, level=1)))) == [(0, 10)]
    assert schedule(installed((0, profile(16, level=2)), (1, profile(10, level=1)))) == [(0, 16)]


def test_watts_and_amperes_compare_through_voltage_and_phases() -> None:
    mixed = installed(profile(16), profile(6900, unit=W, purpose=MAX, start=NOON))
    assert schedule(mixed, unit=A) == [(0, 10)]
    assert schedule(mixed, unit=W) == [(0, 6900)]
    single = installed(profile(16, phases=1))
    assert schedule(single, unit=W) == [(0, 16 * 230)]


def test_the_result_has_the_lower_number_of_phases() -> None:
    both = installed(profile(16, phases=3), profile(32, phases=1, purpose=MAX, start=NOON))
    assert composite_schedule(both, 1, NOON, 60, A).periods == (Period(0, 16, 1),)


def test_connector_0_is_the_sum_but_no_more_than_the_maximum() -> None:
    parts = ((1, profile(10)), (2, profile(16)))
    assert schedule(installed(*parts), connector_id=0) == [(0, 26)]
    maximum = profile((0, 32), (600, 20), purpose=MAX, start=NOON)
    assert schedule(installed(*parts, maximum), connector_id=0) == [(0, 26), (600, 20)]


def test_a_connector_without_limit_adds_what_libocpp_takes_it_for() -> None:
    one = installed((1, profile(10)))
    assert schedule(one, connector_id=0) == [(0, 58)]
    assert schedule(one, connector_id=0, unit=W) == [(0, 10 * 690 + 33_120)]


def test_limits_are_told_in_the_units_they_were_set_in() -> None:
    mixed = installed(profile(16, phases=1), profile(6900, unit=W, purpose=MAX, start=NOON + HOUR))
    assert limits_at(mixed, 1, NOON) == Limits(Limit(16, A, 1), None)
    assert limits_at(mixed, 1, NOON + HOUR) == Limits(Limit(16, A, 1), Limit(6900, W, 3))


def test_a_moment_later_than_now_counts_from_now() -> None:
    relative = installed((2, profile((0, 6), (60, 16))))
    at = NOON + timedelta(seconds=90)
    assert limits_at(relative, 2, at, now=NOON).transaction == Limit(16, A)
    assert limits_at(relative, 2, at).transaction == Limit(6, A)


def test_the_start_is_cut_to_the_second() -> None:
    result = composite_schedule(Installation(), 1, NOON + timedelta(seconds=0.7), 60, A)
    assert result.start == NOON


def test_zones_do_not_matter() -> None:
    east = NOON.astimezone(tz=None) + timedelta(0)
    assert schedule(installed(profile(10, start=east, duration=60)), at=east) == [
        (0, 10),
        (60, None),
    ]


# All rules at once, read second by second.

SPAN_S = 60
DAY_S = 86_400
moments = st.integers(-90, 90).map(lambda seconds: NOON + timedelta(seconds=seconds))


@st.composite
def profiles(draw: st.DrawFn) -> tuple[int, ChargingProfile]:
    purpose = draw(st.sampled_from(ChargingProfilePurposeType))
    kind = draw(st.sampled_from(ChargingProfileKindType))
    start = draw(st.none() | moments)
    recurrency = None
    if kind is RECURRING:
        recurrency = draw(st.none() | st.sampled_from(RecurrencyKindType))
        if start is not None:
            start += timedelta(days=draw(st.sampled_from([-14, -7, -1, 0, 1, 7, 3])))
    starts = sorted(draw(st.sets(st.integers(1, 100), max_size=3)))
    limits = st.integers(0, 320).map(lambda tenths: tenths / 10)
    connector_id = 0 if purpose is MAX else draw(st.integers(1 if purpose is TX else 0, 2))
    return connector_id, ChargingProfile(
        charging_profile_id=1,
        transaction_id=draw(st.sampled_from([None, 5, 6])) if purpose is TX else None,
        stack_level=draw(st.integers(0, 2)),
        charging_profile_purpose=purpose,
        charging_profile_kind=kind,
        recurrency_kind=recurrency,
        valid_from=draw(st.none() | moments),
        valid_to=draw(st.none() | moments),
        charging_schedule=ChargingSchedule(
            charging_rate_unit=draw(st.sampled_from(ChargingRateUnitType)),
            start_schedule=start,
            duration=draw(st.none() | st.integers(0, 120) | st.just(DAY_S - 30)),
            charging_schedule_period=tuple(
                ChargingSchedulePeriod(
                    start_period=at,
                    limit=draw(limits),
                    number_phases=draw(st.none() | st.integers(1, 3)),
                )
                for at in [0, *starts]
            ),
        ),
    )


def naive_period(
    each: ChargingProfile, at: datetime, now: datetime, charging_since: datetime | None
) -> ChargingSchedulePeriod | None:
    """The period of one profile in force at one second: rules 2 and 3, word by word."""
    plan = each.charging_schedule
    if each.valid_from is not None and at < each.valid_from:
        return None
    if each.valid_to is not None and at >= each.valid_to:
        return None
    start = charging_since or now
    if each.charging_profile_kind is RECURRING:
        if plan.start_schedule is None or each.recurrency_kind is None:
            return None
        every = timedelta(days=1 if each.recurrency_kind is RecurrencyKindType.DAILY else 7)
        start = plan.start_schedule
        while start > at:
            start -= every
        while start + every <= at:
            start += every
    elif each.charging_profile_kind is ABSOLUTE and plan.start_schedule is not None:
        start = plan.start_schedule
    elapsed_s = (at - start) // timedelta(seconds=1)
    if plan.duration is not None and elapsed_s >= plan.duration:
        return None
    begun = [one for one in plan.charging_schedule_period if one.start_period <= elapsed_s]
    return begun[-1] if begun else None


def naive_limit(
    installation: Installation, connector_id: int, at: datetime, now: datetime
) -> dict[ChargingProfilePurposeType, tuple[float, ChargingRateUnitType, int]]:
    """Per purpose what holds at one second: rules 1 and 4."""
    running = installation.transactions.get(connector_id)
    best: dict[ChargingProfilePurposeType, tuple[int, Any]] = {}
    for position, one in enumerate(installation.profiles):
        each = one.profile
        purpose = each.charging_profile_purpose
        same_place = [
            other
            for other in installation.profiles[position + 1 :]
            if other.profile.charging_profile_purpose is purpose
            and other.profile.stack_level == each.stack_level
        ]
        if purpose is MAX:
            counts = one.connector_id == 0
            replaced = any(other.connector_id == 0 for other in same_place)
        elif purpose is TX:
            counts = (
                running is not None
                and one.connector_id == connector_id
                and each.transaction_id in (None, running.transaction_id)
            )
            replaced = any(
                other.connector_id == connector_id
                and running is not None
                and other.profile.transaction_id in (None, running.transaction_id)
                for other in same_place
            )
        else:
            counts = one.connector_id in (0, connector_id)
            own = any(
                other.connector_id == connector_id
                and other.profile.charging_profile_purpose is DEFAULT
                and other.profile.stack_level == each.stack_level
                for other in installation.profiles
            )
            replaced = (one.connector_id == 0 and own) or any(
                other.connector_id == one.connector_id for other in same_place
            )
        if not counts or replaced:
            continue
        period = naive_period(each, at, now, running.started if running else None)
        if period is not None and best.get(purpose, (-1, None))[0] < each.stack_level:
            unit = each.charging_schedule.charging_rate_unit
            best[purpose] = (each.stack_level, (period.limit, unit, period.number_phases or 3))
    return {purpose: value for purpose, (_, value) in best.items()}


def naive_value(
    installation: Installation, connector_id: int, at: datetime, now: datetime, unit: Any
) -> float | None:
    """Rules 5 to 8."""

    def convert(limit: tuple[float, ChargingRateUnitType, int]) -> float:
        value, given, phases = limit
        if given is unit:
            return value
        return value * 230 * phases if unit is W else value / (230 * phases)

    if connector_id == 0:
        each = [naive_limit(installation, number, at, now) for number in (1, 2)]
        charging = [found.get(TX, found.get(DEFAULT)) for found in each]
        maximum = each[0].get(MAX)
        if maximum is None and charging == [None, None]:
            return None
        total = sum(convert((48, A, 3) if limit is None else limit) for limit in charging)
        return total if maximum is None else min(total, convert(maximum))
    found = naive_limit(installation, connector_id, at, now)
    limits = [found.get(TX, found.get(DEFAULT)), found.get(MAX)]
    return min((convert(limit) for limit in limits if limit is not None), default=None)


@settings(max_examples=120)
@given(
    st.lists(profiles(), max_size=5),
    st.integers(0, 2),
    st.sampled_from(ChargingRateUnitType),
    st.none() | moments,
)
@example([], 0, A, None)
def test_the_schedule_is_what_a_naive_reading_finds_each_second(
    each: list[tuple[int, ChargingProfile]],
    connector_id: int,
    unit: ChargingRateUnitType,
    charging_since: datetime | None,
) -> None:
    installation = Installation(
        profiles=[InstalledProfile(*one) for one in each],
        connectors=2,
        transactions={}
        if charging_since is None
        else {1: RunningTransaction(min(charging_since, NOON), 5)},
    )
    result = composite_schedule(installation, connector_id, NOON, SPAN_S, unit)
    assert result.periods[0].start_s == 0
    for second in range(SPAN_S):
        at = NOON + timedelta(seconds=second)
        period = [one for one in result.periods if one.start_s <= second][-1]
        expected = naive_value(installation, connector_id, at, NOON, unit)
        assert period.limit == (None if expected is None else pytest.approx(expected))
        if connector_id:
            limits = limits_at(installation, connector_id, at, now=NOON)
            given_limits = [one for one in (limits.transaction, limits.charge_point) if one]
            assert period.limit == min(
                (one.in_unit(unit, 230) for one in given_limits), default=None
            )
    for before, after in zip(result.periods, result.periods[1:], strict=False):
        assert before.start_s < after.start_s < SPAN_S
        assert (before.limit, before.number_phases) != (after.limit, after.number_phases)

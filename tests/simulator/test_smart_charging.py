"""Charging profiles: taken, obeyed, reported; and what is left shared out."""

from datetime import timedelta
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpptrio.errors import CallRefused
from ocpptrio.protocol import core
from ocpptrio.protocol.core import ChargePointStatus, Measurand
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    RecurrencyKindType,
)
from ocpptrio.protocol.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfile,
    ClearChargingProfileStatus,
    GetCompositeSchedule,
    GetCompositeScheduleStatus,
    SetChargingProfile,
)
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.ev import ElectricVehicle
from ocpptrio.simulator.smart_charging import share
from tests.simulator.fake_central import START, FakeCentral, start

Sides = tuple[FakeCentral, SimulatedChargePoint]
A, W = ChargingRateUnitType.A, ChargingRateUnitType.W
MAX = ChargingProfilePurposeType.CHARGE_POINT_MAX_PROFILE
DEFAULT = ChargingProfilePurposeType.TX_DEFAULT_PROFILE
TX = ChargingProfilePurposeType.TX_PROFILE
ACCEPTED, REJECTED = ChargingProfileStatus.ACCEPTED, ChargingProfileStatus.REJECTED


def profile(
    *limits: tuple[int, float],
    number: int = 1,
    purpose: ChargingProfilePurposeType = DEFAULT,
    level: int = 0,
    unit: ChargingRateUnitType = A,
    relative: bool = False,
    phases: int | None = None,
    duration: int | None = None,
    **fields: Any,  # of ChargingProfile
) -> ChargingProfile:
    kind = ChargingProfileKindType
    usual: dict[str, Any] = {
        "charging_profile_id": number,
        "stack_level": level,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": kind.RELATIVE if relative else kind.ABSOLUTE,
        "charging_schedule": ChargingSchedule(
            charging_rate_unit=unit,
            start_schedule=None if relative else START,
            duration=duration,
            charging_schedule_period=tuple(
                ChargingSchedulePeriod(start_period=at, limit=limit, number_phases=phases)
                for at, limit in limits
            ),
        ),
    }
    return ChargingProfile(**usual | fields)


async def install(
    central: FakeCentral, connector_id: int, each: ChargingProfile
) -> ChargingProfileStatus:
    answer = await central.call(
        SetChargingProfile(connector_id=connector_id, cs_charging_profiles=each)
    )
    return answer.status


async def start_charging(
    charge_point: SimulatedChargePoint, connector_id: int = 1, ev: ElectricVehicle | None = None
) -> None:
    await charge_point.plug_in(connector_id, ev or ElectricVehicle(200_000, 22_080, soc=0.1))
    assert await charge_point.present(f"TAG{connector_id}", connector_id)
    await trio.sleep(1)


def power_w(charge_point: SimulatedChargePoint, connector_id: int = 1) -> float:
    meter = charge_point.station.connector(connector_id).meter
    return meter.read(charge_point.device.now_us()).power_w


# Obeyed.


async def test_the_measured_current_follows_the_schedule(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery, configuration={"MeterValuesSampledData": "Current.Import,Current.Offered"}
    )
    steps = profile((0, 16), (1800, 8.1), (3600, 0), (5400, 32))
    assert await install(central, 0, steps) is ACCEPTED
    await start_charging(charge_point)
    await trio.sleep(7200)
    for sample in central.all(core.MeterValues):
        at_s = (sample.meter_value[0].timestamp - START).total_seconds()
        expected = 16 if at_s < 1800 else 8.1 if at_s < 3600 else 0 if at_s < 5400 else 32
        by_kind: dict[Measurand | None, list[float]] = {}
        for each in sample.meter_value[0].sampled_value:
            by_kind.setdefault(each.measurand, []).append(float(each.value))
        assert by_kind[Measurand.CURRENT_OFFERED] == [pytest.approx(expected)]
        for current in by_kind[Measurand.CURRENT_IMPORT]:
            assert expected * 230 / 232.1 <= current <= expected
    assert central.statuses(1)[2:] == ["Charging", "SuspendedEVSE", "Charging"]


async def test_energy_is_the_exact_sum_over_the_steps_of_a_schedule(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await install(central, 0, profile((0, 16), (1801, 8.1), (3601, 10)))
    await start_charging(charge_point)
    await trio.sleep(4000)
    await charge_point.unplug(1)
    ended = await central.wait(core.StopTransaction)
    expected = (16 * 1800 + 8.1 * 1800 + 10 * 401) * 690 / 3600  # from second 1 to 4002
    begun = central.all(core.StartTransaction)[0]
    assert ended.meter_stop - begun.meter_start == pytest.approx(expected, abs=2)


async def test_a_new_profile_holds_at_once_and_its_end_too(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    assert power_w(charge_point) == 22_080
    await install(central, 1, profile((0, 5_000), purpose=TX, unit=W, transaction_id=1))
    assert power_w(charge_point) == 5_000
    await central.call(ClearChargingProfile(id=1))
    assert power_w(charge_point) == 22_080
    till = START + timedelta(seconds=600)
    await install(central, 1, profile((0, 10), purpose=TX, valid_to=till))
    assert power_w(charge_point) == 6_900
    await trio.sleep(600)
    assert power_w(charge_point) == 22_080


async def test_a_relative_profile_counts_from_the_start_of_the_transaction(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await install(central, 0, profile((0, 10), (600, 16), relative=True))
    await trio.sleep(1000)
    await start_charging(charge_point)
    assert power_w(charge_point) == 6_900
    await trio.sleep(590)
    assert power_w(charge_point) == 6_900
    await trio.sleep(10)
    assert power_w(charge_point) == 11_040


async def test_a_daily_profile_recurs(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    daily = profile(
        (0, 6),
        (3600, 32),
        charging_profile_kind=ChargingProfileKindType.RECURRING,
        recurrency_kind=RecurrencyKindType.DAILY,
    )
    await install(central, 0, daily)
    await trio.sleep(3 * 86_400 - 60)
    await start_charging(charge_point)
    assert power_w(charge_point) == 22_080
    await trio.sleep(120)
    assert power_w(charge_point) == 6 * 690
    await trio.sleep(3600)
    assert power_w(charge_point) == 22_080


async def test_one_phase_is_one_phase(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await start_charging(charge_point, 1)
    await start_charging(charge_point, 2, ElectricVehicle(60_000, 7_360, phases=1))
    await install(central, 0, profile((0, 10)))
    assert power_w(charge_point, 1) == 10 * 230 * 3
    assert power_w(charge_point, 2) == 10 * 230  # as is, never recalculated
    await install(central, 0, profile((0, 10), phases=1))
    assert power_w(charge_point, 1) == 10 * 230
    await install(central, 0, profile((0, 6_900), unit=W))
    assert power_w(charge_point, 2) == 6_900


async def test_less_than_a_car_can_charge_with_is_nothing(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await install(central, 0, profile((0, 5.9)))
    assert power_w(charge_point) == 0
    assert charge_point.status(1) is ChargePointStatus.SUSPENDED_EVSE
    await install(central, 0, profile((0, 6)))
    assert power_w(charge_point) == 6 * 690


async def test_both_sides_suspending_is_the_charge_points(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await charge_point.suspend(1)
    assert charge_point.status(1) is ChargePointStatus.SUSPENDED_EV
    await install(central, 0, profile((0, 0)))
    assert charge_point.status(1) is ChargePointStatus.SUSPENDED_EVSE
    await install(central, 0, profile((0, 10)))
    assert charge_point.status(1) is ChargePointStatus.SUSPENDED_EV


@pytest.mark.parametrize("unit", [A, W])
async def test_the_maximum_of_the_charge_point_is_shared_out(
    sides: Sides, autojump_clock: MockClock, unit: ChargingRateUnitType
) -> None:
    central, charge_point = sides
    in_a = 1 if unit is A else 690
    await install(central, 0, profile((0, 20 * in_a), purpose=MAX, unit=unit))
    await start_charging(charge_point, 1)
    assert power_w(charge_point, 1) == pytest.approx(20 * 690)
    await start_charging(charge_point, 2)
    assert power_w(charge_point, 1) == power_w(charge_point, 2) == pytest.approx(10 * 690)
    await install(central, 1, profile((0, 7), number=2))
    assert power_w(charge_point, 1) == pytest.approx(7 * 690)
    assert power_w(charge_point, 2) == pytest.approx(13 * 690)
    await charge_point.suspend(2)
    await central.call(ClearChargingProfile(id=2))
    assert power_w(charge_point, 1) == pytest.approx(20 * 690)
    await charge_point.resume(2)
    await install(central, 0, profile((0, 11 * in_a), purpose=MAX, unit=unit))
    assert power_w(charge_point, 1) == pytest.approx(11 * 690)  # not enough for two
    assert charge_point.status(2) is ChargePointStatus.SUSPENDED_EVSE


@given(
    st.floats(0, 100_000),
    st.lists(st.tuples(st.floats(0, 30_000), st.sampled_from([1_380.0, 4_140.0])), max_size=6),
)
def test_shares_are_within_total_caps_and_minimums(
    total: float, places: list[tuple[float, float]]
) -> None:
    caps, minimums = [cap for cap, _ in places], [minimum for _, minimum in places]
    shares = share(total, caps, minimums)
    assert sum(shares) <= total * (1 + 1e-9)
    for given_w, cap, minimum in zip(shares, caps, minimums, strict=True):
        assert given_w <= cap
        assert given_w == 0 or given_w >= minimum
    if total >= sum(caps):
        assert shares == [
            cap if cap >= minimum else 0 for cap, minimum in zip(caps, minimums, strict=True)
        ]


# Taken, replaced, cleared.


async def test_unsound_profiles_are_rejected(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    recurring = ChargingProfileKindType.RECURRING
    for connector_id, each in [
        (0, profile((0, 10), level=11)),
        (0, profile((5, 10))),
        (0, profile((0, 10), (60, 12), (60, 14))),
        (0, profile((0, -1))),
        (0, profile(*((at, 10.0) for at in range(49)))),
        (1, profile((0, 10), purpose=MAX)),
        (0, profile((0, 10), purpose=MAX, relative=True)),
        (0, profile((0, 10), purpose=TX)),
        (1, profile((0, 10), purpose=TX)),  # nothing is charging
        (0, profile((0, 10), charging_profile_kind=recurring)),
        (0, profile((0, 10), valid_to=START)),
    ]:
        assert await install(central, connector_id, each) is REJECTED, each
    await start_charging(charge_point)
    assert await install(central, 1, profile((0, 10), purpose=TX, transaction_id=2)) is REJECTED
    with pytest.raises(CallRefused, match="no connector 3"):
        await install(central, 3, profile((0, 10)))
    assert charge_point.station.power.profiles.installed == ()


async def test_the_same_id_or_the_same_place_replaces(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    profiles = charge_point.station.power.profiles

    def ids() -> list[int]:
        return [each.profile.charging_profile_id for each in profiles.installed]

    await install(central, 0, profile((0, 10), number=1))
    await install(central, 1, profile((0, 10), number=2))
    await install(central, 0, profile((0, 10), number=3, level=1))
    assert ids() == [1, 2, 3]
    await install(central, 0, profile((0, 12), number=4))
    assert ids() == [2, 3, 4]
    await install(central, 2, profile((0, 12), number=3))
    assert [(each.connector_id, each.profile.stack_level) for each in profiles.installed] == [
        (1, 0),
        (0, 0),
        (2, 0),
    ]


async def test_there_is_room_for_so_many(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    charge_point.configuration.set("MaxChargingProfilesInstalled", "2")
    assert await install(central, 0, profile((0, 10), number=1, level=1)) is ACCEPTED
    assert await install(central, 0, profile((0, 10), number=2, level=2)) is ACCEPTED
    assert await install(central, 0, profile((0, 10), number=3, level=3)) is REJECTED
    assert await install(central, 0, profile((0, 10), number=3, level=2)) is ACCEPTED


async def test_profiles_are_cleared_by_id_or_by_what_they_are(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    cleared, unknown = ClearChargingProfileStatus.ACCEPTED, ClearChargingProfileStatus.UNKNOWN

    async def clear(**fields: Any) -> ClearChargingProfileStatus:  # of ClearChargingProfile
        return (await central.call(ClearChargingProfile(**fields))).status

    await install(central, 0, profile((0, 10), number=1, purpose=MAX))
    await install(central, 1, profile((0, 10), number=2))
    await install(central, 1, profile((0, 10), number=3, level=1))
    assert await clear(id=9) is unknown
    assert await clear(id=1, connector_id=2, stack_level=5) is cleared  # the id alone counts
    assert await clear(connector_id=1, charging_profile_purpose=DEFAULT, stack_level=1) is cleared
    assert await clear(connector_id=2) is unknown
    assert [
        each.profile.charging_profile_id for each in charge_point.station.power.profiles.installed
    ] == [2]
    assert await clear() is cleared
    assert await clear() is unknown


async def test_profiles_outlive_a_reset_but_not_their_transaction(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await install(central, 0, profile((0, 10), number=1))
    await install(central, 1, profile((0, 8), number=2, purpose=TX))
    await central.call(core.Reset(type=core.ResetType.HARD))
    await central.wait(core.BootNotification, 2)
    assert [
        each.profile.charging_profile_id for each in charge_point.station.power.profiles.installed
    ] == [1]


# Reported.


async def composite(
    central: FakeCentral,
    connector_id: int,
    duration: int = 3600,
    unit: ChargingRateUnitType | None = None,
) -> list[tuple[int, float]]:
    answer = await central.call(
        GetCompositeSchedule(connector_id=connector_id, duration=duration, charging_rate_unit=unit)
    )
    assert answer.status is GetCompositeScheduleStatus.ACCEPTED
    schedule = answer.charging_schedule
    assert schedule is not None
    assert schedule.start_schedule is None
    assert answer.connector_id == connector_id
    return [(each.start_period, each.limit) for each in schedule.charging_schedule_period]


async def test_the_composite_schedule_is_reported(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    assert await composite(central, 1) == [(0, 32)]  # what the cable can carry
    assert await composite(central, 0, unit=W) == [(0, 2 * 22_080)]
    await install(central, 0, profile((0, 16), (601, 8.1), duration=1201))
    await install(central, 0, profile((0, 20), number=2, purpose=MAX))
    assert await composite(central, 1) == [(0, 16), (600, 8.1), (1200, 20)]
    assert await composite(central, 0) == [(0, 20), (600, 16.2), (1200, 20)]
    assert await composite(central, 1, 300, W) == [(0, 11_040)]


async def test_a_schedule_of_what_is_not_there_is_rejected(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    for connector_id, duration in (3, 60), (1, 0):
        answer = await central.call(
            GetCompositeSchedule(connector_id=connector_id, duration=duration)
        )
        assert answer.status is GetCompositeScheduleStatus.REJECTED


async def test_a_schedule_for_ever_is_answered_for_a_week(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    answer = await central.call(GetCompositeSchedule(connector_id=1, duration=2**31 - 1))
    assert answer.charging_schedule is not None
    assert answer.charging_schedule.duration == 7 * 86_400


async def test_a_unit_that_the_charge_point_does_not_take_is_rejected(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await start(
        nursery, configuration={"ChargingScheduleAllowedChargingRateUnit": "Current"}
    )
    assert await install(central, 1, profile((0, 5000), unit=W)) is REJECTED
    assert await install(central, 1, profile((0, 16), unit=A)) is ACCEPTED

"""The car's battery: exact whatever the sampling, and as a battery behaves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.simulator.ev import FLOOR, KNEE, ElectricVehicle, Flow

flows = st.builds(
    lambda capacity, power, soc, target, limit: Flow.of(
        ElectricVehicle(capacity, power, soc=soc, target_soc=target), limit
    ),
    st.floats(5_000, 120_000),
    st.floats(1_000, 50_000),
    st.floats(0, 1),
    st.floats(0.2, 1),
    st.sampled_from([0.0, 1_380.0, 4_140.0, 11_040.0, 60_000.0]),
)
seconds = st.floats(0, 48 * 3600)


def euler(flow: Flow, total_s: float, step_s: float = 1.0) -> float:
    """The same by small steps of the power that the flow itself reports."""
    energy = flow.energy_wh
    for _ in range(round(total_s / step_s)):
        energy += flow.power_w(energy) * step_s / 3600
    return energy


@pytest.mark.parametrize(
    ("soc", "limit_w", "hours"),
    [(0.2, 11_040, 2), (0.7, 11_040, 3), (0.7, 5_000, 4), (0.95, 30_000, 2), (0.5, 900, 1)],
)
def test_closed_form_agrees_with_small_steps(soc: float, limit_w: float, hours: float) -> None:
    flow = Flow.of(ElectricVehicle(60_000, 11_040, soc=soc), limit_w)
    assert flow.energy_after(hours * 3600) == pytest.approx(euler(flow, hours * 3600), rel=1e-4)


@given(flows, seconds, seconds)
def test_looking_in_between_changes_nothing(flow: Flow, first_s: float, then_s: float) -> None:
    between = Flow(
        flow.energy_after(first_s),
        flow.target_wh,
        flow.capacity_wh,
        flow.max_power_w,
        flow.limit_w,
    )
    assert between.energy_after(then_s) == pytest.approx(
        flow.energy_after(first_s + then_s), rel=1e-9, abs=1e-6
    )


@given(flows, seconds)
def test_a_battery_only_gains_and_never_passes_its_target(flow: Flow, duration_s: float) -> None:
    energy = flow.energy_after(duration_s)
    assert energy >= flow.energy_wh
    assert energy <= max(flow.target_wh, flow.energy_wh) + 1e-6
    gained = energy - flow.energy_wh
    assert gained <= min(flow.limit_w, flow.max_power_w) * duration_s / 3600 * (1 + 1e-9) + 1e-6


@given(flows, st.floats(0, 30_000))
def test_the_time_until_an_energy_is_when_it_is_there(flow: Flow, more_wh: float) -> None:
    wanted = flow.energy_wh + more_wh
    duration_s = flow.seconds_until(wanted)
    if duration_s == math.inf:
        assert flow.limit_w == 0 or wanted > flow.target_wh
    else:
        assert flow.energy_after(duration_s) == pytest.approx(wanted, rel=1e-9, abs=1e-5)


def test_power_falls_above_the_knee_down_to_a_floor() -> None:
    flow = Flow.of(ElectricVehicle(60_000, 11_000), 50_000)
    assert flow.power_w(0.5 * 60_000) == 11_000
    assert flow.power_w(KNEE * 60_000) == pytest.approx(11_000)
    assert flow.power_w(0.9 * 60_000) == pytest.approx(5_500)
    assert flow.power_w(0.999 * 60_000) == pytest.approx(11_000 * FLOOR)
    assert flow.power_w(60_000) == 0


def test_a_car_stops_at_its_target() -> None:
    car = ElectricVehicle(60_000, 11_000, soc=0.5, target_soc=0.8)
    assert not car.full
    flow = Flow.of(car, 11_000)
    assert flow.energy_after(10 * 3600) == pytest.approx(48_000)
    assert flow.seconds_until(48_000) == pytest.approx(18_000 / 11_000 * 3600)

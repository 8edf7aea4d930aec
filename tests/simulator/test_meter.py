"""The meter: readings that fit together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.protocol.core import Measurand, Phase, ReadingContext
from ocpptrio.simulator.ev import ElectricVehicle
from ocpptrio.simulator.meter import (
    SUPPORTED,
    Measured,
    Meter,
    parse_measurand,
    sampled_values,
)

SECOND = 1_000_000


def charging(limit_w: float = 11_040, phases: int = 3) -> Meter:
    meter = Meter(1000, 0)
    meter.connect(ElectricVehicle(60_000, 11_040, phases, soc=0.5), 0)
    meter.set_limit(limit_w, 0, phases)
    return meter


@given(
    st.lists(
        st.tuples(
            st.integers(1, 7200 * SECOND), st.sampled_from([0.0, 4_140.0, 9_000.0, 22_000.0])
        ),
        max_size=8,
    ),
    st.integers(1, 50),
)
def test_reading_often_does_not_change_what_is_read(
    changes: list[tuple[int, float]], reads: int
) -> None:
    watched, alone = charging(), charging()
    now_us = 0
    for after_us, limit_w in changes:
        for number in range(reads):
            watched.read(now_us + after_us * number // reads)
        watched.settle(now_us + after_us // 2)
        now_us += after_us
        watched.set_limit(limit_w, now_us)
        alone.set_limit(limit_w, now_us)
    assert watched.read(now_us).register_wh == pytest.approx(
        alone.read(now_us).register_wh, abs=1e-6
    )


def test_the_register_gains_power_times_time_and_the_car_as_much() -> None:
    meter = charging(7_000)
    reading = meter.read(1800 * SECOND)
    assert reading.register_wh == pytest.approx(1000 + 3500)
    assert reading.soc == pytest.approx(0.5 + 3500 / 60_000)
    assert reading.whole_wh == 4500


@pytest.mark.parametrize("phases", [1, 3])
def test_power_is_voltage_times_current_times_phases(phases: int) -> None:
    meter = charging(6 * 230 * phases, phases)
    for minute in range(0, 60, 7):
        reading = meter.read(minute * 60 * SECOND)
        assert reading.current_a * reading.voltage_v * phases == pytest.approx(reading.power_w)
        assert reading.current_a <= 6


def test_a_meter_without_car_shows_its_register() -> None:
    meter = charging()
    meter.connect(None, 3600 * SECOND)
    before = meter.read(3600 * SECOND)
    assert before.register_wh == pytest.approx(1000 + 11_040)
    assert meter.read(90_000 * SECOND).register_wh == before.register_wh
    assert before.power_w == 0
    assert before.soc is None


def test_every_supported_measurand_has_a_value() -> None:
    reading = charging().read(60 * SECOND)
    for measurand in SUPPORTED:
        values = sampled_values(reading, [Measured(measurand)], ReadingContext.TRIGGER, 1000)
        assert values, measurand
        assert all(float(value.value) >= 0 for value in values)
        assert {value.measurand for value in values} == {measurand}


def test_phases_are_told_apart() -> None:
    reading = charging().read(60 * SECOND)
    voltage, current, one = (
        sampled_values(reading, [measured], ReadingContext.SAMPLE_PERIODIC)
        for measured in (
            Measured(Measurand.VOLTAGE),
            Measured(Measurand.CURRENT_IMPORT),
            Measured(Measurand.POWER_ACTIVE_IMPORT, Phase.L2),
        )
    )
    assert [value.phase for value in voltage] == [Phase.L1_N, Phase.L2_N, Phase.L3_N]
    assert [value.phase for value in current] == [Phase.L1, Phase.L2, Phase.L3]
    assert [value.phase for value in one] == [Phase.L2]
    assert float(one[0].value) == pytest.approx(11_040 / 3, abs=0.1)


def test_a_car_on_one_phase_draws_nothing_on_the_others() -> None:
    reading = charging(3_680, phases=1).read(60 * SECOND)
    values = sampled_values(
        reading,
        [Measured(Measurand.CURRENT_IMPORT, phase) for phase in (Phase.L1, Phase.L3)],
        ReadingContext.SAMPLE_PERIODIC,
    )
    assert float(values[0].value) > 15
    assert float(values[1].value) == 0


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("SoC", Measured(Measurand.SOC)),
        ("Voltage.L1", Measured(Measurand.VOLTAGE, Phase.L1)),
        ("Voltage.L1-N", Measured(Measurand.VOLTAGE, Phase.L1_N)),
        ("Current.Import.L3", Measured(Measurand.CURRENT_IMPORT, Phase.L3)),
        (
            "Energy.Active.Import.Register",
            Measured(Measurand.ENERGY_ACTIVE_IMPORT_REGISTER),
        ),
        ("RPM", None),
        ("SoC.L1", None),
        ("Nonsense", None),
        ("", None),
    ],
)
def test_items_of_measurand_lists_are_read(text: str, measured: Measured | None) -> None:
    assert parse_measurand(text) == measured

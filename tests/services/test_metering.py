"""Sampled values in base units: which value of an instant counts, and which is left alone."""

from typing import Any

import pytest

from ocpptrio.protocol.core import (
    Location,
    Measurand,
    Phase,
    SampledValue,
    UnitOfMeasure,
    ValueFormat,
)
from ocpptrio.protocol.tolerance import open_member
from ocpptrio.services.metering import columns

IMPORT = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
POWER = Measurand.POWER_ACTIVE_IMPORT
CURRENT = Measurand.CURRENT_IMPORT


def sample(value: str, **fields: Any) -> SampledValue:  # Any: the other fields
    return SampledValue(value=value, **fields)


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        (sample("1234"), {"energy_wh": 1234}),
        (sample("1.5", unit=UnitOfMeasure.KWH), {"energy_wh": 1500}),
        (sample(" 1e3 ", unit=UnitOfMeasure.WH), {"energy_wh": 1000}),
        (sample("7.4", measurand=POWER, unit=UnitOfMeasure.KW), {"power_w": 7400}),
        (sample("16", measurand=CURRENT), {"current_a": 16}),
        (sample("50.02", measurand=Measurand.FREQUENCY), {"frequency_hz": 50.02}),
        (sample("41", measurand=Measurand.SOC, location=Location.EV), {"soc_percent": 41}),
        (
            sample("300.15", measurand=Measurand.TEMPERATURE, unit=UnitOfMeasure.K),
            {"temperature_c": 27},
        ),
        (
            sample("212", measurand=Measurand.TEMPERATURE, unit=UnitOfMeasure.FAHRENHEIT),
            {"temperature_c": 100},
        ),
        (
            sample("21", measurand=Measurand.TEMPERATURE, unit=UnitOfMeasure.CELCIUS),
            {"temperature_c": 21},
        ),
        (sample("12,5", measurand=CURRENT), {"current_a": 12.5}),
        # No register shows less than nothing: -1 stands for what is not known.
        (sample("-1"), {}),
        (sample("-2147483.648", unit=UnitOfMeasure.KWH), {}),
        (sample("-7400", measurand=POWER), {"power_w": -7400}),
        (sample("12,345"), {}),  # twelve or twelve thousand
        # Not a number, not finite, not of this world; signed; and what has no column.
        (sample(""), {}),
        (sample("n/a"), {}),
        (sample("nan"), {}),
        (sample("inf"), {}),
        (sample("1e300"), {}),
        (sample("42", format=ValueFormat.SIGNED_DATA), {}),
        (sample("42", measurand=Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL), {}),
        (sample("42", measurand=Measurand.CURRENT_OFFERED), {}),
        (sample("42", measurand=open_member(Measurand, "Request.Energy")), {}),
    ],
)
def test_one_value(sampled: SampledValue, expected: dict[str, float]) -> None:
    assert columns([sampled]) == pytest.approx(expected)


def test_phases_are_summed_where_no_total_was_sent() -> None:
    phases = [
        sample(str(number), measurand=POWER, phase=phase)
        for number, phase in ((1000, Phase.L1), (2000, Phase.L2), (3000, Phase.L3_N))
    ]
    assert columns(phases) == {"power_w": 6000}
    assert columns([*phases, sample("6100", measurand=POWER)]) == {"power_w": 6100}


def test_the_current_is_that_of_the_phase_that_carries_most() -> None:
    phases = [
        sample(number, measurand=CURRENT, phase=phase)
        for number, phase in (("6", Phase.L1), ("16", Phase.L2), ("9", Phase.N))
    ]
    assert columns(phases) == {"current_a": 16}


def test_the_voltage_is_the_mean_and_line_voltages_do_not_count() -> None:
    phases = [
        sample(number, measurand=Measurand.VOLTAGE, phase=phase)
        for number, phase in (("230", Phase.L1_N), ("232", Phase.L2), ("400", Phase.L1_L2))
    ]
    assert columns(phases) == {"voltage_v": 231}


def test_the_same_phase_under_two_names_counts_once() -> None:
    phases = [
        sample("1000", measurand=POWER, phase=Phase.L1),
        sample("1000", measurand=POWER, phase=Phase.L1_N),
    ]
    assert columns(phases) == {"power_w": 1000}


def test_the_outlet_wins_over_other_places() -> None:
    at = [
        sample("900", measurand=IMPORT, location=Location.INLET),
        sample("1000", measurand=IMPORT, location=Location.OUTLET),
        sample("800", measurand=IMPORT, location=Location.EV),
    ]
    assert columns(at) == {"energy_wh": 1000}
    assert columns(at[:1]) == {"energy_wh": 900}

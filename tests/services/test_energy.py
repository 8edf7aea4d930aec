"""How much a transaction took: the best source, and registers that count in odd ways."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.services.energy import Energy, Sample, Span, counted, is_plain, measure
from ocpptrio.store.vocabulary import EnergySource, RegisterHabit

MINUTE_US = 60_000_000
BEGIN, END = "Transaction.Begin", "Transaction.End"
PER_TRANSACTION = RegisterHabit.SAMPLES_PER_TRANSACTION
ZERO_START = RegisterHabit.ZERO_START


def samples(*values: float | tuple[float, str]) -> list[Sample]:
    """One a minute, from the first minute on."""
    return [
        Sample(minute * MINUTE_US, *(value if isinstance(value, tuple) else (value,)))
        for minute, value in enumerate(values, start=1)
    ]


def told(
    start: int,
    stop: int | None,
    sampled: Sequence[Sample] = (),
    habits: Sequence[RegisterHabit] = (),
    **ends: Any,  # Any: the other fields of a Span
) -> Energy:
    span = Span(
        started_at_us=0,
        meter_start_wh=start,
        meter_stop_wh=stop,
        **({"ended_at_us": 60 * MINUTE_US} | ends),
    )
    return measure(span, sampled, habits)


@pytest.mark.parametrize(
    ("energy", "wh", "source"),
    [
        (told(1000, 2500), 1500, EnergySource.START_STOP),
        (told(1000, 2500, samples(1100, 1200)), 1500, EnergySource.START_STOP),
        (told(0, 0), 0, EnergySource.START_STOP),
        # The stop says nothing: the samples do, up to the marked end.
        (told(1000, -1, samples(1100, 1800)), 800, EnergySource.SAMPLES),
        (told(1000, None, samples(1100)), 100, EnergySource.SAMPLES),
        (
            told(1000, -1, samples((1000, BEGIN), 1700, (1800, END), 1900)),
            800,
            EnergySource.TRANSACTION_SAMPLES,
        ),
        # No transaction takes as much as a register shows whose bits are all set.
        (told(1000, 2**32 - 1), None, None),
        (told(1000, 2**32 - 1, samples(1100, 1800)), 800, EnergySource.SAMPLES),
        (told(-1, 2**63 - 1, samples(1000)), None, None),
        (told(1000, None, next_start_wh=2**31 - 1), None, None),
        # Nor does the start: then between the first and the last sample.
        (told(-1, 2500, samples(1000, 1800)), 1500, EnergySource.STOP_FIELD),
        (told(-1, 2500, samples(1000)), 1500, EnergySource.STOP_FIELD),
        # Nothing tells.
        (told(-1, 2500), None, None),
        (told(1000, -1), None, None),
        (told(5000, 900), None, None),
        (told(1000, None), None, None),
        # No stop came, but the next start.
        (told(1000, None, next_start_wh=3000), 2000, EnergySource.NEXT_START),
        (told(1000, None, samples(1400), next_start_wh=3000), 400, EnergySource.SAMPLES),
        (told(0, None, next_start_wh=0), None, None),
        (told(3000, None, next_start_wh=1000), None, None),
    ],
)
def test_the_best_source_counts(energy: Energy, wh: int | None, source: str | None) -> None:
    assert (energy.wh, energy.source) == (wh, source)


def test_samples_that_count_per_transaction_are_recognised_and_remembered() -> None:
    without_stop = told(900_000, -1, samples(10, 500, 2000))
    assert without_stop.wh == 2000
    assert without_stop.shown == {PER_TRANSACTION}
    assert told(900_000, 902_000, samples(10, 2000)).wh == 2000
    # A young meter: only what is remembered tells 1600 of it from 1600 since the start.
    assert told(500, -1, samples(700, 1600)).wh == 1100
    assert told(500, -1, samples(700, 1600), [PER_TRANSACTION]).wh == 1600
    # It was repaired.
    healed = told(900_000, -1, samples(900_100, 902_000), [PER_TRANSACTION])
    assert healed.wh == 2000
    assert healed.refuted == {PER_TRANSACTION}


def test_a_start_of_0_is_no_register_if_the_samples_count_on() -> None:
    found = told(0, 905_000, samples(900_100, 904_000))
    assert (found.wh, found.source) == (4900, EnergySource.STOP_FIELD)
    assert found.shown == {ZERO_START}
    # The stop before it tells where the register stood.
    assert told(0, 905_000, samples(900_100, 904_000), before_wh=900_000).wh == 5000
    # Without samples only that helps, and only if it fits.
    assert told(0, 905_000).wh is None
    assert told(0, 905_000, before_wh=900_000).wh == 5000
    assert told(0, 905_000, before_wh=100).wh is None
    # Known for it, a small register is not taken for the energy either.
    assert told(0, 20_000).wh == 20_000
    assert told(0, 20_000, habits=[ZERO_START], before_wh=15_000).wh == 5000


def test_a_start_of_0_is_no_register_if_what_was_sampled_cannot_have_made_it() -> None:
    # One a minute: 500 kW could have made 6 kWh in the first one, but the car takes 11 kW.
    sampled = samples(11_000, 11_180, 11_360)
    assert told(0, 11_540, sampled).wh == 11_540
    found = told(0, 11_540, sampled, power_w=11_000)
    assert found.wh == 540
    assert found.shown == {ZERO_START}
    # Unless the register counts faster than that power.
    assert told(0, 11_540, sampled, power_w=11).wh == 11_540


def test_a_start_of_0_is_no_register_if_it_goes_on_where_it_was_before() -> None:
    before: Any = {"before_start_wh": 9000, "before_wh": 10_950}
    assert told(0, 11_540, samples(11_000, 11_180), **before).wh == 590
    assert told(0, 11_540, **before).wh == 590
    # A register that begins at 0 each time may well come higher than it did before.
    assert told(0, 11_540, before_start_wh=0, before_wh=10_950).wh == 11_540


def test_a_register_below_what_it_was_begins_at_0_indeed() -> None:
    before: Any = {"before_start_wh": 0, "before_wh": 9000}
    found = told(0, 4000, samples(2000, 3000), [ZERO_START], **before)
    assert found.wh == 4000
    assert found.refuted == {ZERO_START}


def test_samples_of_two_registers_by_turns_are_not_added_up() -> None:
    base = Sample(0, 600_000)
    sampled = samples(600_100, 600_200, 300, 400, 600_500, 600, 600_700)
    assert counted(base, sampled) == (700, False)
    # Once the other has taken over, it tells what all of it was.
    assert counted(base, samples(600_200, 600_400, 600, 900)) == (900, False)


def test_a_stop_that_counts_per_transaction_is_learnt_from_samples() -> None:
    found = told(900_000, 2010, samples(10, 1000, 2000))
    assert found.wh == 2010
    assert found.shown == {PER_TRANSACTION, RegisterHabit.STOP_PER_TRANSACTION}
    assert told(900_000, 3000, habits=[RegisterHabit.STOP_PER_TRANSACTION]).wh == 3000


def test_a_register_that_begins_anew_counts_on() -> None:
    found = told(900_000, -1, samples(900_100, 900_500, 40, 300))
    assert found.wh == 800
    assert found.shown == {RegisterHabit.RESTARTS}


@pytest.mark.parametrize(
    ("sampled", "wh"),
    [
        ((1100, 50, 1300), 300),  # it only looked so, once
        ((1100, 1099.6, 1300), 300),  # rounded
        ((1100, 9e9, 1300), 300),  # nothing that was charged in a minute
        ((50_000_000, 49_000_000, 49_000_100), 100),  # another register
    ],
)
def test_odd_samples_do_not_make_energy(sampled: tuple[float, ...], wh: float) -> None:
    base = Sample(0, min(1000, sampled[0])) if sampled[0] < 1e6 else Sample(0, sampled[0])
    assert counted(base, samples(*sampled))[0] == pytest.approx(wh, abs=0.5)


@given(
    st.integers(-1, 2_000_000),
    st.none() | st.integers(-1, 2_000_000),
    st.lists(st.floats(0, 2_000_000), max_size=6),
    st.sets(st.sampled_from(RegisterHabit)),
    st.none() | st.integers(0, 2_000_000),
)
def test_energy_is_never_negative(
    start: int,
    stop: int | None,
    sampled: list[float],
    habits: set[RegisterHabit],
    other: int | None,
) -> None:
    found = told(
        start, stop, samples(*sampled), sorted(habits), before_wh=other, next_start_wh=other
    )
    assert (found.wh is None) == (found.source is None)
    assert found.wh is None or found.wh >= 0


@pytest.mark.parametrize(
    ("start", "stop", "first", "habits", "plain"),
    [
        (1000, 2000, None, [], True),
        (1000, 2000, 1100, [], True),
        (1000, 900, None, [], False),
        (-1, 900, None, [], False),
        (90_000, 91_000, 10, [], False),  # something to learn
        (90_000, 91_000, 10, [PER_TRANSACTION], True),
        (0, 2000, 10, [], True),
        (0, 900_000, None, [], False),
        (0, 2000, 900_000, [], False),
        (0, 2000, None, [ZERO_START], False),
        (0, 0, None, [ZERO_START], True),
    ],
)
def test_nearly_every_stop_is_plain(
    start: int, stop: int, first: float | None, habits: list[RegisterHabit], plain: bool
) -> None:
    span = Span(started_at_us=0, meter_start_wh=start)
    sample = None if first is None else Sample(MINUTE_US, first)
    got = is_plain(span, sample, habits, stop_wh=stop)
    assert got == plain
    if plain:
        assert told(start, stop, [] if sample is None else [sample], habits).wh == stop - start

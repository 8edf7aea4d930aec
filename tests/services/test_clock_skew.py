"""How far a clock is off, in spite of delays, replays and mistakes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.services.clock_skew import Samples, estimate, fresh_times, in_words, zone_minutes
from ocpptrio.session.state import ConnectorState, MeterState, SessionState

S = 1_000_000
CONNECTED = 1000 * S


def steady(skew_s: float, count: int = 3, start_s: int = 0) -> list[tuple[int, int]]:
    """A sample a minute, each with a delay of its own."""
    return [((start_s + 60 * n) * S, round((skew_s - 0.1 * (n % 4)) * S)) for n in range(count)]


def test_three_that_agree_make_a_measurement() -> None:
    assert estimate(steady(90)) == 90 * S
    assert estimate(steady(90, count=2)) is None
    assert estimate([]) is None


def test_a_queue_that_is_being_delivered_shows_nothing() -> None:
    # A message a second, each of them taken a minute after the one before.
    replays = [(n * S, (-86_400 + 60 * n - n) * S) for n in range(8)]
    assert estimate(replays) is None
    burst = [(n * S // 10, -86_400 * S) for n in range(8)]  # of one moment
    assert estimate(burst) is None


def test_replays_do_not_spoil_what_is_known() -> None:
    replays = [((300 + n) * S, -(3600 - 61 * n) * S) for n in range(5)]
    assert estimate([*steady(2), *replays]) == 2 * S


def test_one_time_from_the_future_is_a_mistake() -> None:
    assert estimate([*steady(1), (500 * S, 10**6 * S)]) == 1 * S


@given(
    skew_s=st.integers(-100_000, 100_000),
    delays_s=st.lists(st.floats(0, 3), min_size=4, max_size=5),
    late_s=st.lists(st.floats(30, 10**6), max_size=3),
    seed=st.integers(0, 100),
)
def test_the_skew_is_found_whatever_comes_late(
    skew_s: int, delays_s: list[float], late_s: list[float], seed: int
) -> None:
    delays = [*delays_s, *sorted(late_s)]
    random.Random(seed).shuffle(delays)
    samples = [(90 * n * S, round((skew_s - delay) * S)) for n, delay in enumerate(delays)]
    found = estimate(samples)
    assert found is not None
    assert skew_s * S - 3 * S <= found <= skew_s * S


def state(**fields: object) -> SessionState:
    online = SessionState(charge_point_id="CP1", connected=True, connected_at_us=CONNECTED)
    return replace(online, **fields)


def connector(
    received_s: int, stated_s: int, since_s: int | None = None
) -> dict[int, ConnectorState]:
    one = ConnectorState(
        connector_id=1,
        status=ChargePointStatus.AVAILABLE,
        status_at_us=stated_s * S,
        received_at_us=received_s * S,
        since_us=(received_s if since_s is None else since_s) * S,
    )
    return {1: one}


@pytest.mark.parametrize(
    ("one", "is_fresh"),
    [
        (state(connectors=connector(1100, 1099)), True),
        (state(connectors=connector(1050, 1049)), False),  # just connected: may be queued
        (state(connectors=connector(1100, 1099), booted_at_us=1080 * S), False),
        (state(connectors=connector(1200, 1099, since_s=1100)), False),  # the same status again
        (state(connectors=connector(1100, 1100)), False),  # no timestamp
        (state(connectors=connector(1100, 1099), connected=False), False),
    ],
)
def test_only_what_was_surely_not_queued_counts(one: SessionState, is_fresh: bool) -> None:
    assert bool(list(fresh_times(one))) is is_fresh


def test_each_message_counts_once_and_a_boot_begins_anew() -> None:
    samples = Samples()
    for minute in range(4):
        received_s = 1100 + 60 * minute
        now = state(connectors=connector(received_s, received_s + 500))
        assert samples.look(now)
        assert not samples.look(now)
        assert not samples.look(replace(now, peer="elsewhere"))
    assert samples.skew_us() == 500 * S
    booted = state(
        booted_at_us=1400 * S,
        meters={1: MeterState(measured_at_us=1500 * S, received_at_us=1501 * S)},
    )
    assert samples.look(booted)
    assert samples.skew_us() is None


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [(3600, 60), (3550, 60), (-19_800, -330), (900, 15), (1000, None), (30, None), (0, None)],
)
def test_local_time_sent_as_utc_is_recognised(seconds: int, minutes: int | None) -> None:
    assert zone_minutes(seconds * S) == minutes


def test_it_is_told_in_words() -> None:
    assert in_words(75 * S) == "75 s ahead"
    assert in_words(-19_801 * S) == (
        "19801 s behind: as if the local time of UTC-05:30 were sent as UTC"
    )

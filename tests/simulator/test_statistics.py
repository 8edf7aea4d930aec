"""Counting without keeping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.simulator.statistics import Latencies, Statistics


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=200), st.integers(1, 100))
def test_a_percentile_is_right_to_within_a_tenth(seconds: list[float], percent: int) -> None:
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    exact = sorted(seconds)[max(0, -(-len(seconds) * percent // 100) - 1)]
    assert exact * 0.999 <= latencies.percentile_s(percent) <= exact * 1.101
    assert latencies.longest_s == max(seconds)
    assert latencies.count == len(seconds)


def test_nothing_has_no_percentile() -> None:
    assert Latencies().percentile_s(99) == 0
    latencies = Latencies()
    latencies.add(0)  # by a virtual clock
    assert latencies.percentile_s(99) == 0


def test_errors_are_listed_most_frequent_first() -> None:
    statistics = Statistics()
    statistics.refused["MeterValues", "InternalError"] += 1
    statistics.unanswered["Heartbeat"] += 3
    statistics.invalid["Authorize"] += 2
    assert statistics.errors == 6
    assert statistics.error_lines() == [
        "3 x Heartbeat never answered",
        "2 x Authorize answered unreadably",
        "1 x MeterValues answered with InternalError",
    ]


@pytest.mark.parametrize("percent", [50, 99])
def test_a_single_value_is_every_percentile(percent: int) -> None:
    latencies = Latencies()
    latencies.add(0.5)
    assert latencies.percentile_s(percent) == 0.5

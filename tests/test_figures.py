"""Counting and measuring, without a central system."""

import gc

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.figures import Figures, GcPauses, Histogram, counter, gauge


def test_a_histogram_counts_up_to_each_bound() -> None:
    values = Histogram((1, 10))
    for value in (0.5, 1, 1.5, 10, 11, -3):
        values.observe(value)
    assert values.counts == [3, 2, 1]
    assert values.total == 24  # a time below 0 is a clock that was set back


@pytest.mark.parametrize(
    ("share", "value"), [(0, None), (0.25, 5.0), (0.5, 10.0), (0.75, 55.0), (1, 100.0)]
)
def test_a_quantile_is_as_exact_as_the_bounds(share: float, value: float | None) -> None:
    values = Histogram((10, 100))
    for each in (3, 7, 20, 90):
        values.observe(each)
    assert values.quantile(share) == value


def test_a_quantile_leaves_out_what_came_before() -> None:
    values = Histogram((10, 100))
    values.observe(50)
    then = list(values.counts)
    assert values.quantile(0.5, then) is None
    values.observe(1)
    assert values.quantile(0.5, then) == 5


def test_a_quantile_beyond_all_bounds_is_the_highest_of_them() -> None:
    values = Histogram((10, 100))
    values.observe(1000)
    assert values.quantile(0.99) == 100


def test_pauses_of_the_garbage_collector_are_seen_while_they_are_watched() -> None:
    with GcPauses() as pauses:
        gc.collect()
    gc.collect()
    assert pauses.collections[2] == 1
    assert sum(pauses.pauses_s.counts) >= 1
    assert 0 < pauses.longest_s <= pauses.pauses_s.total


async def test_the_last_minute_forgets_what_was_before(autojump_clock: MockClock) -> None:
    figures = Figures(Histogram((1.0, 2.0)))
    calls = figures.messages["in", "CALL"]
    async with trio.open_nursery() as nursery:
        calls["Heartbeat"] = 6000
        nursery.start_soon(figures.run, 7)
        await trio.sleep(30)
        calls["Heartbeat"] += 60
        figures.commit_s.observe(1.5)
        minute = figures.last_minute()
        assert minute.received_per_s == 2
        assert minute.sent_per_s == 0
        assert minute.commits_per_s * 30 == pytest.approx(1)
        assert minute.commit_p50_s == 1.5
        await trio.sleep(100)
        minute = figures.last_minute()
        assert minute.received_per_s == 0
        assert minute.commit_p99_s is None
        assert (figures.started_at_us, figures.uptime_s) == (7, 130)
        nursery.cancel_scope.cancel()


def test_others_add_metrics_of_their_own() -> None:
    figures = Figures(Histogram(()))
    figures.add_source(lambda: [gauge("a", "A", 1)])
    figures.add_source(lambda: [counter("b", "B", 2), gauge("c", "C", 3)])
    assert [metric.name for metric in figures.from_sources()] == ["a", "b", "c"]

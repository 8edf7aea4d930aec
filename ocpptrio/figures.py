"""What a central system counts and measures of itself, and how that is told to a monitoring system.

Counting is an addition to a plain number: the busiest paths do it with each message. Anybody may
add metrics (`Figures.add_source`). Not here: which metrics there are and in which format they are
shown (api.metrics), log lines (observe).
"""

import gc
import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import msgspec
import trio

OTHER: Final = "other"  # any Action that the specification does not know: they have no end

# Upper bounds in s. A commit and an answer take ms, a charge point on a mobile link seconds.
COMMIT_BOUNDS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
ANSWER_BOUNDS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0)
CALL_BOUNDS_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
PAUSE_BOUNDS_S: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
BATCH_BOUNDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # changes

SAMPLE_EVERY_S: Final = 10
SAMPLES: Final = 7  # hence the last minute


class Histogram:
    """How many values were up to each bound.

    Attributes:
        counts: of the values up to each bound and above the one before; last, of those above all.
        total: of all values.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        if value > 0:  # a clock that was set back must not make a sum fall
            self.total += value

    def quantile(self, share: float, since: Sequence[int] | None = None) -> float | None:
        """The value that `share` of all do not exceed, as exactly as the bounds allow.

        None if there is no value; the highest bound if it is above that.

        Args:
            since: `counts` as they were earlier: what came before does not count.
        """
        counts = self.counts
        if since is not None:
            counts = [now - then for now, then in zip(counts, since, strict=True)]
        rank = share * sum(counts)
        if not rank:
            return None
        lower = 0.0
        for bound, count in zip(self.bounds, counts, strict=False):
            if rank <= count:
                return lower + (bound - lower) * rank / count
            rank -= count
            lower = bound
        return lower


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True):
    """A figure as a monitoring system gets it.

    Attributes:
        name: snake_case with the unit last; a counter without `_total`, which is added.
        labels: names of the labels. Each has few values: never a charge point, or a text of one.
        samples: values of the labels, and the figure.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...]
    samples: Sequence[tuple[tuple[str, ...], float | Histogram]]


def counter(name: str, help_: str, value: float) -> Metric:
    """A count without labels."""
    return Metric(name, MetricKind.COUNTER, help_, (), [((), value)])


def gauge(name: str, help_: str, value: float) -> Metric:
    """A number that rises and falls, without labels."""
    return Metric(name, MetricKind.GAUGE, help_, (), [((), value)])


def histogram(name: str, help_: str, values: Histogram) -> Metric:
    return Metric(name, MetricKind.HISTOGRAM, help_, (), [((), values)])


def by_label(
    kind: MetricKind, name: str, help_: str, label: str, values: Iterable[tuple[str, float]]
) -> Metric:
    """One figure for each value of a label."""
    return Metric(name, kind, help_, (label,), [((key,), value) for key, value in values])


Source: TypeAlias = Callable[[], Iterable[Metric]]
"""Asked for its metrics with each scrape, in Trio's thread: must be quick, and must not wait."""


class GcPauses:
    """How long the garbage collector held everything up; of the whole process.

    Attributes:
        pauses_s: all of them.
        collections: how many, by generation.
    """

    def __init__(self) -> None:
        self.pauses_s = Histogram(PAUSE_BOUNDS_S)
        self.longest_s = 0.0
        self.collections = [0, 0, 0]
        self._began = 0.0

    def __enter__(self) -> Self:
        gc.callbacks.append(self._see)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        gc.callbacks.remove(self._see)

    def _see(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            pause_s = time.perf_counter() - self._began
            self.pauses_s.observe(pause_s)
            self.longest_s = max(self.longest_s, pause_s)
            self.collections[info["generation"]] += 1


class _Sample(msgspec.Struct, frozen=True):
    """Counts at one time."""

    at: float  # of Trio's clock
    received: int
    sent: int
    commits: tuple[int, ...]


class LastMinute(msgspec.Struct, frozen=True):
    """What happened in the last minute; None where nothing did."""

    received_per_s: float
    sent_per_s: float
    commits_per_s: float
    commit_p50_s: float | None
    commit_p99_s: float | None


class Figures:
    """All that one central system counts.

    Attributes:
        messages: direction, then kind of frame (CALL, CALLRESULT, CALLERROR, ignored) -> counts
            by Action; only Actions of the specification, and OTHER.
        answer_s: from when a CALL came until its answer was handed to the socket.
        call_s: from when a CALL of ours was handed to the socket until its answer came.
        connections: how many were accepted, or turned away and why.
        events: how many were published, by kind.
        commands: how many ended, by state and Action.
        commit_s: how long commits took, the way to the writer's thread and back included.
        started_at_us: when it was started; 0 before.
    """

    def __init__(self, commit_s: Histogram) -> None:
        self.messages: dict[tuple[str, str], defaultdict[str, int]] = {
            (direction, kind): defaultdict(int)
            for direction in ("in", "out")
            for kind in ("CALL", "CALLRESULT", "CALLERROR")
        }
        self.messages["in", "ignored"] = defaultdict(int)
        self.answer_s = Histogram(ANSWER_BOUNDS_S)
        self.call_s = Histogram(CALL_BOUNDS_S)
        self.connections: Counter[str] = Counter()
        self.events: Counter[type[Any]] = Counter()  # Any: kinds of events, unknown down here
        self.commands: Counter[tuple[str, str]] = Counter()
        self.commit_s = commit_s
        self.gc = GcPauses()
        self.started_at_us = 0
        self._started_at: float | None = None  # of Trio's clock; None: it does not run yet
        self._sources: list[Source] = []
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)

    @property
    def uptime_s(self) -> float:
        """Since it runs; 0 while it does not."""
        return 0 if self._started_at is None else trio.current_time() - self._started_at

    def add_source(self, source: Source) -> None:
        """Let somebody tell metrics of its own."""
        self._sources.append(source)

    def from_sources(self) -> list[Metric]:
        return [metric for source in self._sources for metric in source()]

    async def run(self, now_us: int) -> None:
        """Remember what was counted when, for ever; and see the garbage collector's pauses."""
        self.started_at_us, self._started_at = now_us, trio.current_time()
        with self.gc:
            while True:
                self._samples.append(self._sample())
                await trio.sleep(SAMPLE_EVERY_S)

    def last_minute(self) -> LastMinute:
        now = self._sample()
        first = self._samples[0] if self._samples else now
        elapsed_s = max(now.at - first.at, 1)  # just started: as if it had been a second
        commits = sum(now.commits) - sum(first.commits)
        return LastMinute(
            received_per_s=(now.received - first.received) / elapsed_s,
            sent_per_s=(now.sent - first.sent) / elapsed_s,
            commits_per_s=commits / elapsed_s,
            commit_p50_s=self.commit_s.quantile(0.5, first.commits),
            commit_p99_s=self.commit_s.quantile(0.99, first.commits),
        )

    def _sample(self) -> _Sample:
        counts = {"in": 0, "out": 0}
        for (direction, _), by_action in self.messages.items():
            counts[direction] += sum(by_action.values())
        return _Sample(
            trio.current_time(), counts["in"], counts["out"], tuple(self.commit_s.counts)
        )

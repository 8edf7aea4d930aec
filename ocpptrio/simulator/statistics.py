"""What charge points have sent, and how they were answered: counted, never kept.

One instance may serve a whole fleet. Latencies are real time, whatever the time scale.
"""

import math
from collections import Counter
from typing import Final

_STEP: Final = math.log(1.1)  # each bucket of the histogram is a tenth wider than the one before
_SMALLEST_S: Final = 1e-6


class Latencies:
    """A histogram with buckets of a tenth: small, whatever it has seen."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.longest_s = 0.0

    def add(self, seconds: float) -> None:
        self._buckets[int(math.log(max(seconds, _SMALLEST_S) / _SMALLEST_S) / _STEP)] += 1
        self.count += 1
        self.longest_s = max(self.longest_s, seconds)

    def percentile_s(self, percent: float) -> float:
        """A time that so many per cent of all did not exceed, to within a tenth."""
        wanted = math.ceil(self.count * percent / 100)
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                return min(_SMALLEST_S * math.exp(_STEP * (bucket + 1)), self.longest_s)
        return 0.0


class Statistics:
    """Counts of one charge point, or of many.

    Attributes:
        sent: our CALLs by Action.
        received: CALLs of the central system by Action.
        refused: our CALLs answered with a CALLERROR, by Action and errorCode.
        unanswered: our CALLs never answered in time, by Action.
        invalid: answers that could not be read, by Action.
        lost: connections that ended without our doing.
    """

    def __init__(self) -> None:
        self.connected = 0
        self.connections = 0
        self.failed_connects = 0
        self.lost = 0
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.answered = 0
        self.refused: Counter[tuple[str, str]] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.invalid: Counter[str] = Counter()
        self.latencies = Latencies()

    @property
    def errors(self) -> int:
        """Messages that were not answered as they should have been."""
        return self.refused.total() + self.unanswered.total() + self.invalid.total()

    def error_lines(self) -> list[str]:
        """What went wrong, most frequent first."""
        lines = [
            (count, f"{action} answered with {code}")
            for (action, code), count in self.refused.items()
        ]
        lines += [(count, f"{action} never answered") for action, count in self.unanswered.items()]
        lines += [
            (count, f"{action} answered unreadably") for action, count in self.invalid.items()
        ]
        return [f"{count} x {line}" for count, line in sorted(lines, key=lambda line: -line[0])]

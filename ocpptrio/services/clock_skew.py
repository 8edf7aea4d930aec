"""How far the clock of a charge point is off, told from the times in its messages (Q34).

A message comes later than its timestamp by the delay of the network, or by days if it was queued,
but never earlier. So of all differences (stated minus received) the greatest is nearest to the
truth, and replays cannot spoil it. One alone may be a mistake, and a queue that is being delivered
shows many wrong ones: it counts what agrees with others over a while. Not here: where the samples
come from (watchdog).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from ocpptrio.session.state import SessionState

# After a connection opens, what was queued and the states of all connectors come first.
QUIET_US: Final = 60_000_000
SAMPLES_KEPT: Final = 8
SAMPLES_THAT_AGREE: Final = 3
AGREE_US: Final = 5_000_000  # more than delays of a mobile link, less than any skew that matters
AGREE_OVER_US: Final = 60_000_000  # queued messages of one moment are delivered in one burst

STEP_US: Final = 15 * 60 * 1_000_000  # all time zones differ by multiples of it
NEAR_STEP_US: Final = 60_000_000


class Samples:
    """The last differences between stated and received times of one charge point.

    Attributes:
        newest_us: when the last one was received.
    """

    __slots__ = ("_kept", "newest_us", "seen")

    def __init__(self) -> None:
        self._kept: list[tuple[int, int]] = []  # received, stated - received
        self.newest_us = 0
        self.seen: SessionState | None = None

    def look(self, state: SessionState) -> bool:
        """Take in what is new in the state; whether there was anything."""
        if state is self.seen:
            return False
        self.seen = state
        fresh = [sample for sample in fresh_times(state) if sample[0] > self.newest_us]
        if not fresh:
            return False
        booted_at_us = state.booted_at_us or 0  # a boot sets the clock (OCPP 1.6, 4.2)
        kept = [sample for sample in self._kept if sample[0] > booted_at_us]
        kept += [(received_us, stated_us - received_us) for received_us, stated_us in sorted(fresh)]
        self._kept = kept[-SAMPLES_KEPT:]
        self.newest_us = kept[-1][0]
        return True

    def skew_us(self) -> int | None:
        """The measured skew, above 0 if the charge point is ahead; None: cannot be told yet."""
        return estimate(self._kept)


def fresh_times(state: SessionState) -> Iterator[tuple[int, int]]:
    """Times of receipt and times stated, of the newest messages that were surely not queued.

    Only of a charge point that has been online for a while, and only a status that has changed: a
    repeated one may state when it changed. An equal pair is one without a usable timestamp.
    """
    if not state.connected or state.connected_at_us is None:
        return
    since_us = max(state.connected_at_us, state.booted_at_us or 0) + QUIET_US
    for connector in state.connectors.values():
        received_us = connector.received_at_us
        if received_us > since_us and received_us == connector.since_us != connector.status_at_us:
            yield received_us, connector.status_at_us
    for meter in state.meters.values():
        if meter.received_at_us > since_us and meter.received_at_us != meter.measured_at_us:
            yield meter.received_at_us, meter.measured_at_us
    for transaction in state.transactions.values():
        received_us = transaction.received_at_us
        if received_us > since_us and received_us != transaction.started_at_us:
            yield received_us, transaction.started_at_us


def estimate(samples: Iterable[tuple[int, int]]) -> int | None:
    """The greatest difference that enough samples share, over enough time; None: there is none.

    Args:
        samples: time of receipt, and stated minus received; microseconds.
    """
    by_difference = sorted(samples, key=lambda sample: sample[1], reverse=True)
    for _, difference_us in by_difference:
        agreeing = [
            received_us
            for received_us, other_us in by_difference
            if difference_us - AGREE_US <= other_us <= difference_us
        ]
        if len(agreeing) >= SAMPLES_THAT_AGREE and max(agreeing) - min(agreeing) >= AGREE_OVER_US:
            return difference_us
    return None


def zone_minutes(skew_us: int) -> int | None:
    """The offset of the time zone whose local time is sent as UTC; None: that is not it."""
    steps = round(skew_us / STEP_US)
    if steps and abs(skew_us - steps * STEP_US) <= NEAR_STEP_US:
        return steps * 15
    return None


def in_words(skew_us: int) -> str:
    """What is wrong with the clock, for people."""
    seconds = round(abs(skew_us) / 1_000_000)
    words = f"{seconds} s {'ahead' if skew_us > 0 else 'behind'}"
    minutes = zone_minutes(skew_us)
    if minutes is None:
        return words
    zone = f"UTC{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    return f"{words}: as if the local time of {zone} were sent as UTC"

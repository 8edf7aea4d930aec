"""Wall time for everything that stores or sends one. Deadlines use Trio's clock instead.

Times in the store are integer microseconds since 1970 in UTC; on the wire they are whole seconds.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import trio

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000

# Asks for the time: microseconds since EPOCH. Passed in wherever a time is needed, never imported.
Clock = Callable[[], int]


def system_clock() -> int:
    """The time of this machine, in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1000


def trio_clock(start: datetime) -> Clock:
    """A clock that begins at `start` and follows Trio's time: under a MockClock, virtual time."""
    start_us = to_us(start)
    trio_start = trio.current_time()
    return lambda: start_us + round((trio.current_time() - trio_start) * 1_000_000)


def is_outdated(stated_us: int, known_us: int, now_us: int) -> bool:
    """Is what a charge point states for this time older than what is known of it?

    A known time that is more than a day ahead, and not in this one's company, was told by a clock
    that was wrong: no time zone is that far away, and nothing would be news until then.
    """
    tomorrow_us = now_us + DAY_US
    return stated_us < known_us and (known_us <= tomorrow_us or stated_us > tomorrow_us)


def to_us(when: datetime) -> int:
    """Microseconds since 1970 of a time with a zone; exact, unlike `datetime.timestamp`."""
    return (when - EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The UTC time of `us` microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def parse_time(text: str) -> int:
    """Microseconds since 1970 of `2026-11-22`, `2026-11-22T10:00` or `2026-11-22T09:00:00Z`.

    A day means its beginning; without a zone, local time is meant.

    Raises:
        ValueError: it is none of these.
    """
    try:
        when = datetime.fromisoformat(text)
        return to_us(when if when.tzinfo else when.astimezone())
    except (ValueError, OverflowError):
        raise ValueError("write 2026-11-22, 2026-11-22T10:00 or 2026-11-22T09:00:00Z") from None


def whole_seconds(us: int) -> datetime:
    """As `from_us`, cut to the second: the form that no charge point is known to refuse."""
    return EPOCH + timedelta(seconds=us // 1_000_000)

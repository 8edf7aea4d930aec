"""Times of the week: `Mon-Fri 08:00-18:00; Sat,Sun 10:00-02:00`, and whether a moment is in them.

A window means what the clock on the wall shows. So the days on which clocks change need no rule of
their own: at a place where it is 17:59, `08:00-18:00` is in force, whatever happened in the night.
Not here: which time zone (settings), who has which times (store).
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTES_OF_DAY: Final = 24 * 60
MINUTES_OF_WEEK: Final = 7 * MINUTES_OF_DAY

_SYNTAX: Final = "write Mon-Fri 08:00-18:00, with ; between several; without days: every day"
_WINDOW: Final = re.compile(r"(?:(?P<days>[A-Za-z,\- ]+?) +)?(?P<start>[\d:]+) *- *(?P<end>[\d:]+)")


class WeekTimes(msgspec.Struct, frozen=True):
    """Windows that repeat every week.

    Attributes:
        text: as it can be read again.
        spans: (first minute, minute after the last) of the week from Monday 00:00, in order, apart
            from each other; over the end of the week it is two.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return self.text

    def allow(self, local: datetime) -> bool:
        """Is this moment in one of the windows?

        Args:
            local: the time at the place.
        """
        return self._span_at(_minute(local)) is not None

    def end(self, local: datetime) -> datetime | None:
        """Until when, from a moment in a window, the windows go on; None if they never end.

        An end that the clocks jump over on that day is told as the time they jump to or later, by
        less than the jump.
        """
        minute = _minute(local)
        span = self._span_at(minute)
        assert span is not None, "the moment is in no window"
        minutes = span[1] - minute
        if span[1] == MINUTES_OF_WEEK:
            if self.spans[0] == (0, MINUTES_OF_WEEK):
                return None
            if self.spans[0][0] == 0:
                minutes += self.spans[0][1]
        # Added to the time on the wall. Where an hour comes twice, its second 02:30 is the one that
        # follows its second 02:10.
        end = local.replace(second=0, microsecond=0) + timedelta(minutes=minutes)
        return end.replace(fold=local.fold)

    def _span_at(self, minute: int) -> tuple[int, int] | None:
        for span in self.spans:
            if span[0] <= minute < span[1]:
                return span
        return None


@lru_cache(1024)
def week_times(text: str) -> WeekTimes:
    """Read windows; one that ends before it starts goes over midnight.

    Raises:
        ValueError: they cannot be read; says what to write.
    """
    minutes: set[int] = set()
    windows = []
    for part in filter(None, map(str.strip, text.split(";"))):
        found = _WINDOW.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no window: {_SYNTAX}")
        start, end = _time(found["start"]), _time(found["end"])
        if start == end:
            raise ValueError(f"{part!r} ends where it starts: the whole day is 00:00-24:00")
        if end < start:
            end += MINUTES_OF_DAY
        days, title = _days(found["days"])
        for day in days:
            first = day * MINUTES_OF_DAY + start
            minutes.update(m % MINUTES_OF_WEEK for m in range(first, first - start + end))
        clock = f"{found['start'].zfill(5)}-{found['end'].zfill(5)}"
        windows.append(f"{title} {clock}" if title else clock)
    if not windows:
        raise ValueError(f"no times: {_SYNTAX}")
    return WeekTimes("; ".join(windows), _spans(minutes))


def _spans(minutes: set[int]) -> tuple[tuple[int, int], ...]:
    starts = sorted(minute for minute in minutes if minute == 0 or minute - 1 not in minutes)
    ends = sorted(
        minute + 1
        for minute in minutes
        if minute == MINUTES_OF_WEEK - 1 or minute + 1 not in minutes
    )
    return tuple(zip(starts, ends, strict=True))


def _days(text: str | None) -> tuple[list[int], str]:
    """The days from Monday = 0, and how they are written."""
    if text is None:
        return list(range(7)), ""
    days: list[int] = []
    titles = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        start = _day(first)
        end = _day(last) if dash else start
        days += [(start + n) % 7 for n in range((end - start) % 7 + 1)]
        titles.append(f"{DAYS[start]}-{DAYS[end]}" if dash else DAYS[start])
    return days, ",".join(titles)


def _day(text: str) -> int:
    try:
        return DAYS.index(text.capitalize())
    except ValueError:
        raise ValueError(f"{text!r} is no day: {', '.join(DAYS)}") from None


def _time(text: str) -> int:
    """The minute of the day."""
    found = re.fullmatch(r"(\d{1,2}):(\d\d)", text)
    if found is not None:
        minute = int(found[1]) * 60 + int(found[2])
        if int(found[2]) < 60 and minute <= MINUTES_OF_DAY:
            return minute
    raise ValueError(f"{text!r} is no time: {_SYNTAX}")


def _minute(local: datetime) -> int:
    return local.weekday() * MINUTES_OF_DAY + local.hour * 60 + local.minute

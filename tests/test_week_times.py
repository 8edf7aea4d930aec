"""Times of the week: what can be written, and what the clock on the wall makes of it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.week_times import DAYS, WeekTimes, week_times

MONDAY = date(2026, 1, 12)


def at(day: str, clock: str) -> datetime:
    """That moment of an ordinary week."""
    offset = timedelta(days=DAYS.index(day))
    return datetime.combine(MONDAY + offset, time.fromisoformat(clock))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (
            "Mon-Fri 08:00-18:00",
            ["Mon 08:00", "Fri 17:59"],
            ["Mon 07:59", "Fri 18:00", "Sat 12:00"],
        ),
        ("08:00-18:00", ["Mon 08:00", "Sun 17:59"], ["Wed 18:00"]),
        ("Fri 22:00-06:00", ["Fri 22:00", "Sat 05:59"], ["Fri 05:00", "Sat 06:00", "Sat 22:00"]),
        ("Sun 22:00-06:00", ["Sun 23:00", "Mon 05:59"], ["Mon 06:00", "Sun 21:59"]),
        (
            "Sat-Mon 10:00-11:00",
            ["Sat 10:30", "Sun 10:30", "Mon 10:30"],
            ["Tue 10:30", "Fri 10:30"],
        ),
        ("Mon,Wed 9:00-10:00; Thu 00:00-24:00", ["Wed 09:30", "Thu 23:59"], ["Tue 09:30"]),
    ],
)
def test_a_moment_is_inside_or_outside(text: str, inside: list[str], outside: list[str]) -> None:
    times = week_times(text)
    assert all(times.allow(at(*moment.split())) for moment in inside)
    assert not any(times.allow(at(*moment.split())) for moment in outside)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("mon-FRI 8:00-18:00;sat 09:00 - 12:00;", "Mon-Fri 08:00-18:00; Sat 09:00-12:00"),
        ("Mon, Wed 8:00-9:00", "Mon,Wed 08:00-09:00"),
        ("22:00-6:00", "22:00-06:00"),
    ],
)
def test_times_are_kept_in_one_form_that_reads_the_same(written: str, kept: str) -> None:
    assert str(week_times(written)) == kept
    assert week_times(kept) == week_times(written)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no times: write Mon-Fri"),
        (" ; ", "no times"),
        ("Mon", "'Mon' is no window: write"),
        ("Mo 08:00-18:00", "'Mo' is no day: Mon, Tue"),
        ("Mon 08:00-25:00", "'25:00' is no time"),
        ("Mon 08:60-09:00", "'08:60' is no time"),
        ("Mon 8-18", "'8' is no time"),
        ("Mon 08:00-08:00", "ends where it starts: the whole day is 00:00-24:00"),
    ],
)
def test_what_cannot_be_read_is_told_with_a_remedy(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        week_times(text)


def test_windows_that_touch_end_together() -> None:
    times = week_times("Sun 20:00-24:00; Mon 00:00-06:00; Mon 05:00-07:00")
    assert times.end(at("Sun", "21:30")) == at("Sun", "21:30") + timedelta(hours=9, minutes=30)
    assert times.end(at("Mon", "06:30")) == at("Mon", "07:00")
    assert week_times("00:00-24:00").end(at("Wed", "12:00")) is None


BERLIN = ZoneInfo("Europe/Berlin")


def test_the_clocks_change_and_the_wall_is_right() -> None:
    times = week_times("Sun 02:00-02:30")
    # On 25 October 2026, 02:15 comes twice; on 29 March not at all.
    first = datetime(2026, 10, 25, 0, 15, tzinfo=UTC).astimezone(BERLIN)
    second = datetime(2026, 10, 25, 1, 15, tzinfo=UTC).astimezone(BERLIN)
    assert times.allow(first)
    assert times.allow(second)
    end = times.end(second)
    assert end is not None
    assert end.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    spring = datetime(2026, 3, 29, tzinfo=UTC)
    minutes = [(spring + timedelta(minutes=n)).astimezone(BERLIN) for n in range(24 * 60)]
    assert not any(times.allow(moment) for moment in minutes)


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]
clocks = st.builds(lambda minute: f"{minute // 60:02}:{minute % 60:02}", st.integers(0, 1439))
windows = st.builds(
    lambda days, start, end: (sorted(days), start, end),
    st.sets(st.sampled_from(DAYS), min_size=1),
    clocks,
    clocks,
).filter(lambda window: window[1] != window[2])


@given(
    st.lists(windows, min_size=1, max_size=4),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
)
def test_a_moment_is_allowed_as_the_clock_on_the_wall_shows(
    chosen: list[tuple[list[str], str, str]], zone: str, moment: datetime
) -> None:
    times = week_times("; ".join(f"{','.join(days)} {a}-{b}" for days, a, b in chosen))
    local = moment.astimezone(ZoneInfo(zone))
    wall = local.replace(tzinfo=None, fold=0)
    expected = any(
        DAYS[day.weekday()] in days and _begin(day, start) <= wall < _end(day, start, end)
        for days, start, end in chosen
        for day in (wall.date(), wall.date() - timedelta(days=1))
    )
    assert times.allow(local) == expected
    if expected:
        _check_end(times, local)


def _check_end(times: WeekTimes, local: datetime) -> None:
    """Until the end it is allowed, and at the end no more, clocks that jump over it apart."""
    end = times.end(local)
    if end is None:
        return
    assert end.astimezone(UTC) > local.astimezone(UTC)
    read_back = end.astimezone(UTC).astimezone(end.tzinfo)
    if read_back.replace(tzinfo=None) == end.replace(tzinfo=None):
        assert not times.allow(read_back)
        assert times.allow(end.replace(tzinfo=None) - timedelta(minutes=1))


def _begin(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock))


def _end(day: date, start: str, end: str) -> datetime:
    return _begin(day if end > start else day + timedelta(days=1), end)


def test_a_window_is_open_for_its_length_on_every_day_whose_clocks_stand_still() -> None:
    """And on the two days that differ, for as long as the wall shows its hours."""
    times = week_times("01:00-04:00")
    open_minutes = {}
    for day in range(365):
        start = datetime(2026, 1, 1, tzinfo=BERLIN) + timedelta(days=day)
        end = start + timedelta(days=1)
        moment, count = start.astimezone(UTC), 0
        while moment < end.astimezone(UTC):
            count += times.allow(moment.astimezone(BERLIN))
            moment += timedelta(minutes=10)
        open_minutes[start.date()] = count * 10
    assert open_minutes.pop(date(2026, 3, 29)) == 120
    assert open_minutes.pop(date(2026, 10, 25)) == 240
    assert set(open_minutes.values()) == {180}

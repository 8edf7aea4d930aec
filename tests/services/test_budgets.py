"""Energy budgets: what is spent of them, and what happens to transactions that spend them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpptrio.clock import from_us, to_us
from ocpptrio.events import BudgetSpent
from ocpptrio.services.budgets import LOOK_EVERY_S, STOP_ARRIVES_WITHIN_S, bounds_us, energy_wh
from ocpptrio.services.verdict import BudgetPeriod
from ocpptrio.store import commands, id_tags, transactions
from ocpptrio.store.authorization import Draw
from ocpptrio.store.records import IdTagRecord
from tests.services.yard import NOON, Yard, opened

BERLIN = ZoneInfo("Europe/Berlin")

# Periods.


@pytest.mark.parametrize(
    ("at", "period", "first", "after"),
    [
        ("2026-03-29T12:00Z", BudgetPeriod.DAY, "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("2026-10-25T12:00Z", BudgetPeriod.DAY, "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        ("2026-10-25T22:59Z", BudgetPeriod.DAY, "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        ("2026-10-05T12:00Z", BudgetPeriod.MONTH, "2026-09-30T22:00Z", "2026-10-31T23:00Z"),
        ("2026-12-31T23:30Z", BudgetPeriod.MONTH, "2026-12-31T23:00Z", "2027-01-31T23:00Z"),
    ],
)
def test_days_and_months_are_those_of_the_place(
    at: str, period: BudgetPeriod, first: str, after: str
) -> None:
    bounds = bounds_us(to_us(datetime.fromisoformat(at)), BERLIN, period)
    assert bounds == (to_us(datetime.fromisoformat(first)), to_us(datetime.fromisoformat(after)))


def test_a_day_whose_first_hour_comes_twice_begins_with_the_first() -> None:
    havana = ZoneInfo("America/Havana")
    day = (to_us(datetime(2026, 11, 1, 4, tzinfo=UTC)), to_us(datetime(2026, 11, 2, 5, tzinfo=UTC)))
    for minutes in (30, 90):  # 00:30, and 00:30 again
        at_us = day[0] + minutes * 60_000_000
        assert bounds_us(at_us, havana, BudgetPeriod.DAY) == day


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Beirut", "UTC"]),
    st.sampled_from(BudgetPeriod),
)
def test_periods_follow_each_other_without_a_gap(
    moment: datetime, zone: str, period: BudgetPeriod
) -> None:
    place = ZoneInfo(zone)
    at_us = to_us(moment)
    first, after = bounds_us(at_us, place, period)
    assert first <= at_us < after
    assert bounds_us(first, place, period) == (first, after)
    assert bounds_us(after, place, period)[0] == after
    assert bounds_us(after - 1, place, period) == (first, after)
    local = from_us(at_us).astimezone(place)
    start = from_us(first).astimezone(place)
    assert (start.year, start.month) == (local.year, local.month)
    assert period is BudgetPeriod.MONTH or start.day == local.day


# Energy.


def draw(**fields: Any) -> Draw:  # Any: the fields of Draw
    nothing = {"stopped_at_us": None, "energy_wh": None, "first_wh": None, "first_at_us": 150}
    nothing |= {"before_wh": None, "newest_wh": None}
    return Draw(**({"started_at_us": 150, "meter_start_wh": 1000} | nothing | fields))


@pytest.mark.parametrize(
    ("fields", "spent_wh"),
    [
        ({"stopped_at_us": 180, "energy_wh": 700}, 700),
        ({"first_wh": 1000, "newest_wh": 1400}, 400),
        ({}, 0),  # no meter values yet
        ({"meter_start_wh": 90_000, "first_wh": 0, "newest_wh": 300}, 300),  # counts from 0 (Q44)
        # 0 is no register: the first sample is that of a life.
        ({"meter_start_wh": 0, "first_wh": 900_000, "newest_wh": 900_300}, 300),
        ({"meter_start_wh": -1, "first_wh": 500, "newest_wh": 800}, 300),
        ({"first_wh": 1000, "newest_wh": 900}, 0),  # ran backwards
        ({"stopped_at_us": 180, "first_wh": 1000, "newest_wh": 1250}, 250),  # a stop without meter
        # Over the beginning of the period, over its end, and without meter values to divide it.
        (
            {"started_at_us": 50, "stopped_at_us": 180, "energy_wh": 700, "first_wh": 1000}
            | {"before_wh": 1200, "newest_wh": 1690},
            500,
        ),
        ({"stopped_at_us": 250, "energy_wh": 700, "first_wh": 1000, "newest_wh": 1300}, 300),
        ({"started_at_us": 50, "stopped_at_us": 180, "energy_wh": 700}, 700),
        ({"stopped_at_us": 250, "energy_wh": 700}, 0),
    ],
)
def test_the_energy_of_a_period(fields: dict[str, Any], spent_wh: int) -> None:
    assert energy_wh([draw(**fields)], 100, 200) == spent_wh
    assert energy_wh([draw(**fields), draw()], 100, 200) == spent_wh


# At the start.


async def meter(
    yard: Yard, transaction_id: int, energy_wh: int, at: datetime = NOON, identity: str = "CP1"
) -> None:
    sampled = [{"value": str(energy_wh)}]
    request = {
        "connectorId": 1,
        "transactionId": transaction_id,
        "meterValue": [{"timestamp": at.isoformat(), "sampledValue": sampled}],
    }
    assert await yard.call(identity, "MeterValues", request) == {}


@pytest.fixture
async def yard() -> AsyncIterator[Yard]:
    async with opened(time_zone="Europe/Berlin") as yard:
        await yard.register("CP1", "CP2")
        yield yard


async def test_a_spent_budget_refuses_the_next_start(yard: Yard) -> None:
    await yard.tag("A", day_budget_wh=5000, max_concurrent=0)
    _, first = await yard.start("A", meter_start=0)
    await meter(yard, first, 4000)
    assert (await yard.start("A", "CP2", meter_start=0))[0] == "Accepted"
    await meter(yard, first, 5000, NOON + timedelta(minutes=1))
    assert (await yard.start("A", "CP2", connector=2, meter_start=0))[0] == "Blocked"
    assert (await yard.authorize("A", "CP2"))["status"] == "Accepted"  # to stop what runs there
    stopped = await yard.stop(first, "A")
    assert stopped["idTagInfo"]["status"] == "Accepted"
    assert (await yard.authorize("A", "CP1"))["status"] == "Blocked"
    # The day before was another one.
    yesterday = NOON - timedelta(days=1)
    assert (await yard.start("A", connector=3, at=yesterday))[0] == "Accepted"


async def test_what_was_drawn_before_midnight_is_of_the_day_before(yard: Yard) -> None:
    await yard.tag("A", day_budget_wh=2000, max_concurrent=0)
    evening = datetime(2026, 1, 13, 21, tzinfo=UTC)  # 22:00 in Berlin
    _, transaction_id = await yard.start("A", at=evening, meter_start=0)
    await meter(yard, transaction_id, 1000, evening + timedelta(minutes=1))
    await meter(yard, transaction_id, 3000, evening + timedelta(minutes=119))
    await meter(yard, transaction_id, 4999, evening + timedelta(minutes=121))
    assert (await yard.authorize("A", "CP2"))["status"] == "Accepted"
    assert (await yard.start("A", "CP2", at=evening + timedelta(minutes=119)))[0] == "Blocked"
    await meter(yard, transaction_id, 5000, evening + timedelta(minutes=122))
    assert (await yard.authorize("A", "CP2"))["status"] == "Blocked"
    # Registers of the future, by a clock that is ahead, are of another day.
    await yard.tag("A", day_budget_wh=2001, max_concurrent=0)
    await meter(yard, transaction_id, 9000, evening + timedelta(days=3))
    assert (await yard.authorize("A", "CP2"))["status"] == "Accepted"


async def test_a_groups_budget_is_shared_and_a_month_is_a_month(yard: Yard) -> None:
    await yard.group("G", month_budget_wh=9999)
    await yard.tag("A", parent_id_tag="G")
    await yard.tag("B", parent_id_tag="g")
    earlier = NOON - timedelta(days=10)
    _, first = await yard.start("A", at=earlier, meter_start=0)
    assert (await yard.stop(first, "A"))["idTagInfo"]["status"] == "Accepted"  # at 9999 Wh
    assert (await yard.authorize("B"))["status"] == "Blocked"
    last_month = NOON - timedelta(days=20)
    assert (await yard.start("B", at=last_month))[0] == "Accepted"


async def test_what_a_refused_start_drew_is_not_on_the_tags_account(yard: Yard) -> None:
    await yard.tag("A", day_budget_wh=5000, week_times="Wed 08:00-18:00")
    _, refused = await yard.start("A", at=NOON - timedelta(hours=8), meter_start=0)
    await yard.stop(refused, "A")
    assert (await yard.authorize("A"))["status"] == "Accepted"


async def test_what_ended_without_its_stop_counts_too(yard: Yard) -> None:
    await yard.tag("A", day_budget_wh=5000, max_concurrent=0)
    _, lost = await yard.start("A", meter_start=1000, at=NOON - timedelta(hours=1))
    await yard.start("B", meter_start=7000)  # on the same connector: the stop was lost
    (_, superseded) = await yard.central.store.read(transactions.listed)
    assert (superseded.transaction_id, superseded.energy_wh) == (lost, 6000)
    assert (await yard.authorize("A"))["status"] == "Blocked"


# While charging.


class Stopping:
    """Takes the commands to a charge point, and answers as it is told."""

    def __init__(self, yard: Yard, answer: str | None) -> None:
        self._wire = yard.wire("CP1")
        self.answer = answer  # None: none at all
        self.times: list[float] = []

    async def run(self) -> None:
        while True:
            _, unique_id, action, request = await self._wire.receive()
            assert (action, request) == ("RemoteStopTransaction", {"transactionId": 1})
            self.times.append(trio.current_time())
            if self.answer is not None:
                await self._wire.send(3, unique_id, {"status": self.answer})


async def overspend(yard: Yard) -> int:
    await yard.register("CP1")
    await yard.tag("A", day_budget_wh=1000)
    _, transaction_id = await yard.start("A", meter_start=0)
    await meter(yard, transaction_id, 1001)
    return transaction_id


async def test_by_the_default_what_runs_may_finish(autojump_clock: MockClock) -> None:
    async with opened() as yard:
        await overspend(yard)
        await trio.sleep(1000)
        assert await yard.central.store.read(lambda reader: commands.of(reader, "CP1")) == []


@pytest.mark.parametrize("answer", ["Accepted", "Rejected", None])
async def test_whatever_it_answers_it_is_asked_three_times_at_most_and_far_apart(
    autojump_clock: MockClock, answer: str | None
) -> None:
    async with opened(on_spent="stop") as yard:
        await overspend(yard)
        stopping = Stopping(yard, answer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stopping.run)
            await trio.sleep(6 * STOP_ARRIVES_WITHIN_S)
            nursery.cancel_scope.cancel()
        assert len(stopping.times) == 3
        gaps = [b - a for a, b in zip(stopping.times, stopping.times[1:], strict=False)]
        assert all(gap >= STOP_ARRIVES_WITHIN_S for gap in gaps)
        (told,) = await yard.events(BudgetSpent)
        assert (told.transaction_id, told.holder, told.period) == (1, "tag A", "day")
        assert (told.budget_wh, told.spent_wh) == (1000, 1001)


async def test_one_that_is_away_is_asked_when_it_is_back(autojump_clock: MockClock) -> None:
    async with opened(on_spent="stop") as yard:
        await overspend(yard)
        await yard.unplug("CP1")
        await trio.sleep(1000)
        assert await yard.central.store.read(lambda reader: commands.of(reader, "CP1")) == []
        stopping = Stopping(yard, "Accepted")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stopping.run)
            await trio.sleep(2 * LOOK_EVERY_S)
            nursery.cancel_scope.cancel()
        assert len(stopping.times) == 1


async def test_whose_budget_is_raised_charges_on(autojump_clock: MockClock) -> None:
    async with opened(on_spent="stop") as yard:
        await overspend(yard)
        tag = IdTagRecord(id_tag="A", day_budget_wh=2000, created_at_us=1)
        await yard.central.store.write(lambda db: id_tags.put(db, tag))
        await trio.sleep(1000)
        assert await yard.events(BudgetSpent) == []


async def test_the_budget_of_the_group_ends_it_too(autojump_clock: MockClock) -> None:
    async with opened(on_spent="stop") as yard:
        await yard.register("CP1")
        await yard.group("G", month_budget_wh=1000)
        await yard.tag("A", parent_id_tag="G")
        await yard.tag("B", parent_id_tag="G", max_concurrent=0)
        _, first = await yard.start("A", meter_start=0)
        _, second = await yard.start("B", connector=2, meter_start=0)
        await meter(yard, first, 600)
        await trio.sleep(2 * LOOK_EVERY_S)
        assert await yard.events(BudgetSpent) == []
        await meter(yard, second, 400)
        await trio.sleep(2 * LOOK_EVERY_S)
        told = await yard.events(BudgetSpent)
        assert sorted((event.transaction_id, event.holder) for event in told) == [
            (first, "group G"),
            (second, "group G"),
        ]

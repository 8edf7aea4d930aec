"""Late, twice, in another order or not at all: what is concluded, on which evidence, by whom."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import to_us
from ocpptrio.config import OcppSettings, Settings, StoreSettings
from ocpptrio.errors import CannotDecide
from ocpptrio.events import ClockMeasured
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.services.decisions import Decision
from ocpptrio.services.reconciliation import _let_wait
from ocpptrio.store import (
    charge_points,
    clock_skews,
    conclusions,
    deviations,
    id_tags,
    meter_readings,
    orphan_stops,
    register_habits,
    rollups,
    series,
    transactions,
)
from ocpptrio.store.records import IdTagRecord, ReviewRecord, TransactionRecord
from ocpptrio.store.vocabulary import (
    Conclusion,
    Confidence,
    EnergySource,
    RegisterHabit,
    ReviewKind,
    TransactionState,
)
from tests.clients import BOOT

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def text(minute: float) -> str:
    return (NOON + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """A central system, a charge point in frames, and a clock that stands still."""

    def __init__(self, central: CentralSystem, nursery: trio.Nursery) -> None:
        self.central = central
        self._nursery = nursery
        self._ids = itertools.count(1)
        self.minute: float = 0
        theirs, self._wire = memory_transport_pair()
        nursery.start_soon(central.serve, "CP1", theirs)

    def now_us(self) -> int:
        return to_us(NOON + timedelta(minutes=self.minute))

    async def call(self, action: str, **payload: Any) -> Any:  # Any: JSON
        frame = [2, str(next(self._ids)), action, payload]
        await self._wire.send_message(json.dumps(frame))
        kind, _, answer = json.loads(await self._wire.get_message())
        assert kind == 3, answer
        return answer

    async def start(self, minute: float, wh: int = 1000, tag: str = "TAG", on: int = 1) -> int:
        answer = await self.call(
            "StartTransaction", connectorId=on, idTag=tag, meterStart=wh, timestamp=text(minute)
        )
        assert isinstance(answer["transactionId"], int)
        return answer["transactionId"]

    async def stop(self, transaction_id: int, minute: float, wh: int, **fields: Any) -> None:
        await self.call(
            "StopTransaction",
            transactionId=transaction_id,
            meterStop=wh,
            timestamp=text(minute),
            **fields,
        )

    async def values(
        self, transaction_id: int | None, minute: float, *wh: float, on: int = 1, **fields: Any
    ) -> None:
        value = [
            {"timestamp": text(minute + n), "sampledValue": [{"value": str(one), **fields}]}
            for n, one in enumerate(wh)
        ]
        known = {} if transaction_id is None else {"transactionId": transaction_id}
        await self.call("MeterValues", connectorId=on, meterValue=value, **known)

    async def boot(self, status: str = "Available") -> None:
        await self.call("BootNotification", **BOOT)
        await self.call("StatusNotification", connectorId=1, errorCode="NoError", status=status)

    async def look(self, minute: float) -> None:
        self.minute = minute
        await self.central.services.reconciliation.look()

    async def get(self, transaction_id: int) -> TransactionRecord:
        found = await self.central.store.read(lambda r: transactions.get(r, transaction_id))
        assert found is not None
        return found

    async def concluded(self, transaction_id: int) -> list[Conclusion]:
        found = await self.central.store.read(
            lambda reader: conclusions.of_transaction(reader, transaction_id)
        )
        assert all(one.evidence for one in found)
        return [one.conclusion for one in found]

    async def waiting(self) -> list[ReviewRecord]:
        return await self.central.decisions.waiting()


@pytest.fixture
async def world(nursery: trio.Nursery) -> AsyncIterator[World]:
    now = [lambda: to_us(NOON)]
    settings = Settings(ocpp=OcppSettings(enabled=False), store=StoreSettings(path=":memory:"))
    central = CentralSystem(settings, clock=lambda: now[0](), inline_store=True)
    async with central, trio.open_nursery() as connections:
        made = World(central, connections)
        now[0] = made.now_us
        await wait_all_tasks_blocked()
        yield made
        connections.cancel_scope.cancel()


# The order of arrival is no order of events.


async def test_a_late_start_is_over_if_another_followed(world: World) -> None:
    world.minute = 100
    second = await world.start(60, wh=5000, tag="B")
    first = await world.start(0, wh=1000, tag="A")
    assert (await world.get(second)).state is TransactionState.OPEN
    record = await world.get(first)
    assert (record.state, record.superseded_by) == (TransactionState.SUPERSEDED, second)
    assert (record.energy_wh, record.energy_source) == (4000, EnergySource.NEXT_START)
    # A nearer one proves it better, and its own stop best.
    between = await world.start(30, wh=3000, tag="C")
    assert (await world.get(first)).energy_wh == 2000
    assert (await world.get(between)).energy_wh == 2000
    await world.stop(first, 20, 2500)
    record = await world.get(first)
    assert (record.state, record.energy_wh) == (TransactionState.STOPPED, 1500)
    assert Conclusion.SUPERSEDED in await world.concluded(first)


async def test_an_orphaned_stop_finds_a_start_that_comes_later(world: World) -> None:
    world.minute = 100
    await world.stop(-1, 30, 2500, idTag="TAG")
    (review,) = await world.waiting()
    assert review.kind is ReviewKind.ORPHAN_STOP
    transaction_id = await world.start(0)
    record = await world.get(transaction_id)
    assert (record.state, record.energy_wh) == (TransactionState.STOPPED, 1500)
    assert record.stop_sent_id == -1
    assert await world.concluded(transaction_id) == [Conclusion.STOP_MATCHED]
    assert await world.waiting() == []
    state = world.central.charge_point("CP1").state
    assert state is not None
    assert (state.transactions, state.orphan_stops) == ({}, frozenset())
    # Sent again, it changes nothing.
    await world.start(50, wh=2500)
    await world.stop(-1, 30, 2500, idTag="TAG")
    assert await world.get(transaction_id) == record
    assert len(await world.central.store.read(orphan_stops.everyone)) == 1


async def test_a_stop_that_could_mean_two_waits_until_one_is_left(world: World) -> None:
    world.minute = 100
    one = await world.start(0, on=1)
    other = await world.start(1, on=2)
    await world.stop(0, 30, 2500)
    assert len(await world.waiting()) == 1
    await world.stop(one, 40, 3000)
    assert (await world.get(other)).energy_wh == 1500
    assert await world.waiting() == []


async def test_a_stop_that_could_mean_two_is_told_from_their_registers(world: World) -> None:
    first = await world.start(0, 500_000, on=1)
    second = await world.start(0, 20_000, on=2)
    await world.stop(0, 30, 503_000)
    assert (await world.get(first)).energy_wh == 3000
    assert (await world.get(second)).state is TransactionState.OPEN


async def test_a_stop_that_could_mean_two_is_told_from_their_readings(world: World) -> None:
    first = await world.start(0, 20_000, on=1)
    second = await world.start(0, 21_000, on=2)
    await world.values(first, 20, 26_000, on=1)
    await world.values(second, 20, 22_000, on=2)
    await world.stop(0, 21, 23_000)  # the first is beyond that
    assert (await world.get(second)).energy_wh == 2000
    assert (await world.get(first)).state is TransactionState.OPEN


async def test_a_stop_without_an_id_that_comes_again_ends_no_other(world: World) -> None:
    world.minute = 100
    first = await world.start(0)
    await world.stop(-1, 30, 2500)
    second = await world.start(10, on=2)
    await world.stop(-1, 30, 2500)
    assert (await world.get(first)).state is TransactionState.STOPPED
    assert (await world.get(second)).state is TransactionState.OPEN


async def test_a_stop_without_a_clock_that_comes_again_ends_no_other(world: World) -> None:
    first = await world.start(0, wh=2000)
    unset = {"transactionId": -1, "meterStop": 2500, "timestamp": "1970-01-01T00:00:09Z"}
    world.minute = 1
    await world.call("StopTransaction", **unset)
    world.minute = 2
    await world.call("StopTransaction", **unset)
    assert (await world.get(first)).stopped_at_us == to_us(NOON + timedelta(minutes=1))
    second = await world.start(2, on=2)
    world.minute = 3
    await world.call("StopTransaction", **unset)  # another one: a start came since
    assert (await world.get(second)).state is TransactionState.STOPPED


async def test_a_stop_without_a_clock_that_comes_again_leaves_what_runs_beside(
    world: World,
) -> None:
    first = await world.start(0, wh=2400, tag="A")
    second = await world.start(0, wh=1000, tag="B", on=2)
    unset = {"transactionId": -1, "meterStop": 2500, "timestamp": "1970-01-01T00:00:09Z"}
    await world.values(second, 0, 1000, on=2)
    world.minute = 1
    await world.call("StopTransaction", idTag="A", **unset)
    for minute in (2, 3):
        world.minute = minute
        await world.call("StopTransaction", idTag="A", **unset)
    stopped, runs = await world.get(first), await world.get(second)
    assert (stopped.state, runs.state) == (TransactionState.STOPPED, TransactionState.OPEN)
    assert await world.waiting() == []


async def test_a_stop_without_an_id_is_not_of_one_that_others_followed(world: World) -> None:
    first = await world.start(0)
    world.minute = 1
    await world.boot()
    await world.look(20)
    assert (await world.get(first)).state is TransactionState.CONCLUDED
    world.minute = 100
    await world.stop(await world.start(30, wh=1500), 40, 2500)
    await world.stop(-1, 100, 9000)
    assert (await world.get(first)).state is TransactionState.CONCLUDED
    assert ReviewKind.ORPHAN_STOP in [review.kind for review in await world.waiting()]


async def test_a_start_that_comes_again_is_found_where_the_clock_stands_still(
    world: World,
) -> None:
    for wh in range(100, 120):
        last = await world.start(0, wh=wh)
    assert await world.start(0, wh=wh) == last


async def test_a_start_without_a_clock_that_comes_again_is_one(world: World) -> None:
    unset = {"connectorId": 1, "idTag": "T", "meterStart": 5, "timestamp": "1970-01-01T00:00:09Z"}
    first = await world.call("StartTransaction", **unset)
    world.minute = 1
    assert await world.call("StartTransaction", **unset) == first
    assert "clock not set" in (await world.get(first["transactionId"])).flags


async def test_a_start_from_the_future_is_over_with_the_next(world: World) -> None:
    future = await world.start(600)
    world.minute = 5
    now = await world.start(5, wh=2000)
    assert (await world.get(future)).superseded_by == now
    assert (await world.get(now)).state is TransactionState.OPEN


async def test_a_clock_that_was_years_ahead_does_not_freeze_what_is_shown(world: World) -> None:
    async def status(status: str, year: int) -> None:
        await world.call(
            "StatusNotification",
            connectorId=1,
            errorCode="NoError",
            status=status,
            timestamp=f"{year}-01-15T12:00:00Z",
        )

    async def values(power: str, year: int) -> None:
        sampled = [{"value": power, "measurand": "Power.Active.Import"}]
        value = [{"timestamp": f"{year}-01-15T12:00:00Z", "sampledValue": sampled}]
        await world.call("MeterValues", connectorId=1, meterValue=value)

    for year in (2026, 2043, 2026):
        await status("Charging" if year == 2043 else "Available", year)
        await values(str(year), year)
    state = world.central.charge_point("CP1").state
    assert state is not None
    assert (state.connectors[1].status, state.meters[1].power_w) == ("Available", 2026)


# Reboots.


async def test_after_a_reboot_it_is_suspect_until_it_shows_that_it_runs(world: World) -> None:
    transaction_id = await world.start(0)
    world.minute = 10
    await world.boot("Charging")
    assert (await world.get(transaction_id)).suspect_since_us == world.now_us()
    await world.values(transaction_id, 8, 1100)  # from before
    assert (await world.get(transaction_id)).suspect_since_us is not None
    await world.values(transaction_id, 11, 1200)
    record = await world.get(transaction_id)
    assert (record.state, record.suspect_since_us) == (TransactionState.OPEN, None)
    assert await world.concluded(transaction_id) == [Conclusion.SUSPECT, Conclusion.RUNNING]
    await world.look(10_000)
    assert (await world.get(transaction_id)).state is TransactionState.OPEN


async def test_it_is_over_when_the_connector_stays_available(world: World) -> None:
    transaction_id = await world.start(0)
    await world.values(transaction_id, 5, 1400)
    world.minute = 10
    await world.boot()
    await world.look(24)
    assert (await world.get(transaction_id)).state is TransactionState.OPEN
    with world.central.watch() as events:
        await world.look(26)
        event = (await events.next()).event
    assert event.kind == "TransactionReconciled"
    record = await world.get(transaction_id)
    assert (record.state, record.energy_wh) == (TransactionState.CONCLUDED, 400)
    assert record.ended_at_us == to_us(NOON + timedelta(minutes=5))
    assert await world.concluded(transaction_id) == [Conclusion.SUSPECT, Conclusion.ENDED]
    assert await world.waiting() == []
    # What was queued before the boot still counts, and the real stop most of all.
    await world.values(transaction_id, 9, 1700)
    record = await world.get(transaction_id)
    assert (record.energy_wh, record.ended_at_us) == (700, to_us(NOON + timedelta(minutes=9)))
    assert await world.waiting() == []
    await world.stop(transaction_id, 9.5, 1750, reason="PowerLoss")
    record = await world.get(transaction_id)
    assert (record.state, record.energy_wh) == (TransactionState.STOPPED, 750)
    assert (await world.concluded(transaction_id))[-1] is Conclusion.STOP_TAKEN


async def test_values_of_one_that_was_concluded_wait_for_a_person(world: World) -> None:
    transaction_id = await world.start(0)
    world.minute = 10
    await world.boot()
    await world.look(26)
    await world.values(transaction_id, 30, 2000)
    assert (await world.get(transaction_id)).state is TransactionState.CONCLUDED
    assert ReviewKind.VALUES_AFTER_END in [review.kind for review in await world.waiting()]
    await world.stop(transaction_id, 40, 3000)
    assert await world.waiting() == []


async def test_a_suspect_that_nothing_proves_over_waits_for_a_person(world: World) -> None:
    transaction_id = await world.start(0)
    await world.values(transaction_id, 5, 1400)
    world.minute = 10
    await world.boot("Faulted")
    await world.look(1000)
    assert await world.waiting() == []
    for minute in (1500, 1600):
        await world.look(minute)
    (review,) = await world.waiting()
    assert (review.kind, review.transaction_id) == (ReviewKind.SUSPECT, transaction_id)
    await world.central.decisions.resolve(review.review_id, Decision.END, note="Eve: unplugged")
    record = await world.get(transaction_id)
    assert (record.state, record.energy_wh) == (TransactionState.CONCLUDED, 400)
    assert await world.waiting() == []
    with pytest.raises(CannotDecide, match="resolved already"):
        await world.central.decisions.resolve(review.review_id, Decision.END)


async def test_a_stop_that_comes_while_suspects_are_looked_at_leaves_nothing_to_decide(
    world: World,
) -> None:
    transaction_id = await world.start(0)
    await world.boot("Faulted")
    world.minute = 1600
    service = world.central.services.reconciliation
    _, stuck = await world.central.store.read(lambda reader: service._due(reader, world.now_us()))
    assert [one.transaction_id for one in stuck] == [transaction_id]
    await world.stop(transaction_id, 9, 2000)
    await world.central.store.write(partial(_let_wait, stuck=stuck, at_us=world.now_us()))
    assert await world.waiting() == []


@pytest.mark.parametrize(("hours", "suspect"), [(2, True), (-5, False)])
async def test_that_a_clock_is_off_by_a_zone_says_nothing_of_a_boot(
    world: World, hours: int, suspect: bool
) -> None:
    skew = ClockMeasured(charge_point_id="CP1", at_us=1, skew_us=hours * 3_600_000_000)
    await world.central.store.write(lambda db: clock_skews.put(db, skew))
    minutes = 60 * hours
    transaction_id = await world.start(minutes)
    world.minute = 10
    await world.boot("Charging")
    await world.values(transaction_id, minutes + 8, 1100)  # from before
    assert (await world.get(transaction_id)).suspect_since_us is not None
    await world.values(transaction_id, minutes + 11, 1200)
    assert (await world.get(transaction_id)).suspect_since_us is None
    world.minute = 12
    after = await world.start(minutes + 12, on=2)
    assert (await world.get(after)).suspect_since_us is None


async def test_a_queued_start_from_before_the_boot_is_suspect(world: World) -> None:
    world.minute = 10
    await world.boot()
    transaction_id = await world.start(0)
    assert (await world.get(transaction_id)).suspect_since_us == world.now_us()
    assert (await world.get(await world.start(10, on=2))).suspect_since_us is None


# Decisions.


async def test_a_person_attaches_a_stop(world: World) -> None:
    world.minute = 100
    transaction_id = await world.start(0, tag="A")
    await world.stop(77, 30, 2500, idTag="B")
    (review,) = await world.waiting()
    decide = world.central.decisions.resolve
    with pytest.raises(CannotDecide, match="attach to which"):
        await decide(review.review_id, Decision.ATTACH)
    with pytest.raises(CannotDecide, match="has no transaction 99"):
        await decide(review.review_id, Decision.ATTACH, transaction_id=99)
    with pytest.raises(CannotDecide, match="attach or dismiss"):
        await decide(review.review_id, Decision.END)
    await decide(review.review_id, Decision.ATTACH, transaction_id=transaction_id, note="Eve")
    record = await world.get(transaction_id)
    assert (record.state, record.energy_wh) == (TransactionState.STOPPED, 1500)
    assert await world.waiting() == []
    found = await world.central.store.read(
        lambda reader: conclusions.of_transaction(reader, transaction_id)
    )
    assert (found[0].confidence, found[0].evidence[-1].detail) == (Confidence.CERTAIN, "Eve")


async def test_a_stop_that_was_dismissed_stays_so(world: World) -> None:
    world.minute = 100
    await world.stop(-1, 30, 2500, idTag="TAG")
    (review,) = await world.waiting()
    await world.central.decisions.resolve(review.review_id, Decision.DISMISS)
    transaction_id = await world.start(0)
    await world.stop(-1, 30, 2500, idTag="TAG")
    assert (await world.get(transaction_id)).state is TransactionState.OPEN
    assert await world.waiting() == []


async def test_a_person_knows_the_energy_that_no_message_tells(world: World) -> None:
    world.minute = 100
    transaction_id = await world.start(0)
    await world.stop(transaction_id, 30, -1)
    (review,) = await world.waiting()
    assert review.kind is ReviewKind.ENERGY_UNKNOWN
    decide = world.central.decisions.resolve
    with pytest.raises(CannotDecide, match="give a meter value or the energy"):
        await decide(review.review_id, Decision.END)
    with pytest.raises(CannotDecide, match="does not fit"):
        await decide(review.review_id, Decision.END, meter_wh=900)
    await decide(review.review_id, Decision.END, meter_wh=1800)
    record = await world.get(transaction_id)
    assert (record.energy_wh, record.energy_source) == (800, EnergySource.PERSON)
    await world.values(transaction_id, 29, 1500)  # it is not told anew
    assert (await world.get(transaction_id)).energy_wh == 800


async def test_what_a_person_said_is_not_told_anew(world: World) -> None:
    world.minute = 100
    first = await world.start(0, wh=0)
    await world.start(60, wh=0)
    (review,) = await world.waiting()
    await world.central.decisions.resolve(review.review_id, Decision.END, energy_wh=4200)
    await world.start(30, wh=0, tag="LATE")
    record = await world.get(first)
    assert (record.energy_wh, record.energy_source) == (4200, EnergySource.PERSON)


async def test_values_that_come_before_their_late_start_are_found_by_it(world: World) -> None:
    world.minute = 60
    await world.values(None, 5, 1100)
    await world.values(None, 15, 1900)
    await world.values(None, 15, 7000, on=2)
    await world.values(None, 40, 3000)  # of the next one
    await world.start(30, 2500)
    late = await world.start(0, 1000)
    readings = await world.central.store.read(
        lambda reader: meter_readings.of_transaction(reader, late)
    )
    assert [reading.energy_wh for reading in readings] == [1100, 1900]
    await world.stop(late, 20, -1)
    assert (await world.get(late)).energy_wh == 900


async def test_readings_that_come_late_tell_an_energy_that_was_unknown(world: World) -> None:
    world.minute = 100
    transaction_id = await world.start(0)
    await world.stop(transaction_id, 30, -1)
    assert len(await world.waiting()) == 1
    await world.values(transaction_id, 10, 1200, 1600)
    record = await world.get(transaction_id)
    assert (record.energy_wh, record.energy_source) == (600, EnergySource.SAMPLES)
    assert await world.waiting() == []


# Stops and meters.


@pytest.mark.parametrize(("tag", "odd"), [("BEEF", ()), ("OTHER", ("stopped by another tag",))])
async def test_another_tag_of_the_same_parent_may_stop(
    world: World, tag: str, odd: tuple[str, ...]
) -> None:
    for name in ("CAFE", "BEEF"):
        record = IdTagRecord(id_tag=name, parent_id_tag="FLEET", created_at_us=0)
        await world.central.store.write(partial(id_tags.put, record=record))
    transaction_id = await world.start(0, tag="CAFE")
    await world.stop(transaction_id, 30, 2500, idTag=tag)
    stopped = await world.get(transaction_id)
    assert (stopped.stop_id_tag, stopped.flags) == (tag, odd)


async def test_a_group_is_the_same_in_other_letters(world: World) -> None:
    for name, parent in (("CAFE", "Fleet"), ("BEEF", "FLEET")):
        record = IdTagRecord(id_tag=name, parent_id_tag=parent, created_at_us=0)
        await world.central.store.write(partial(id_tags.put, record=record))
    world.minute = 100
    await world.stop(-1, 30, 2500, idTag="BEEF")  # before its start
    transaction_id = await world.start(0, tag="CAFE")
    stopped = await world.get(transaction_id)
    assert (stopped.state, stopped.stop_id_tag) == (TransactionState.STOPPED, "BEEF")
    assert stopped.flags == ("stop sent for id -1",)


async def test_a_stop_that_tells_no_meter_is_no_register_that_ran_backwards(world: World) -> None:
    transaction_id = await world.start(0)
    await world.stop(transaction_id, 30, -1)
    assert (await world.get(transaction_id)).flags == ("no meter stop",)
    assert await world.central.store.read(deviations.everyone) == []


async def test_a_habit_of_the_registers_helps_the_next_transaction(world: World) -> None:
    world.minute = 100
    first = await world.start(0, wh=900_000)
    await world.values(first, 1, 10, 1500)
    await world.stop(first, 30, 902_000)
    assert (await world.get(first)).energy_wh == 2000
    (habit,) = await world.central.store.read(register_habits.everyone)
    assert (habit.habit, habit.transaction_id) == (RegisterHabit.SAMPLES_PER_TRANSACTION, first)
    second = await world.start(40, wh=500, on=2)
    await world.values(second, 41, 700, 1600, on=2)
    await world.stop(second, 50, -1)
    assert (await world.get(second)).energy_wh == 1600
    state = world.central.charge_point("CP1").state
    assert state is not None
    assert state.register_habits == {RegisterHabit.SAMPLES_PER_TRANSACTION}


async def test_transaction_data_adds_only_what_was_not_sent_before(world: World) -> None:
    transaction_id = await world.start(0)
    await world.values(transaction_id, 5, 1100)
    power = {"value": "7000", "measurand": "Power.Active.Import", "unit": "W"}
    known = {"value": "1100.0", "context": "Sample.Periodic", "location": "Outlet"}
    data = [
        {"timestamp": text(5), "sampledValue": [known, power]},
        {"timestamp": text(6), "sampledValue": [{"value": "1200"}]},
    ]
    await world.stop(transaction_id, 7, 1300, transactionData=data)
    await world.values(transaction_id, 6, 1200)  # behind the stop, again

    found = await world.central.store.read(
        lambda reader: meter_readings.of_transaction(reader, transaction_id)
    )
    assert [(one.energy_wh, one.power_w) for one in found] == [
        (1100, None),
        (None, 7000),
        (1200, None),
    ]


async def test_two_values_of_one_second_are_both_kept(world: World) -> None:
    """Charge points cut their times to the second: another value is no repeat."""
    transaction_id = await world.start(0)
    await world.boot()  # from now on a suspect, whose values take the careful way
    for wh in (1100, 1150, 1150.0, 1100):
        await world.values(transaction_id, -1, wh)
    found = await world.central.store.read(
        lambda reader: meter_readings.of_transaction(reader, transaction_id)
    )
    assert [one.energy_wh for one in found] == [1100, 1150]


async def test_quarter_hours_stay_when_the_readings_go(world: World) -> None:
    transaction_id = await world.start(0)
    await world.values(transaction_id, 5, 1100, 1200)
    await world.values(transaction_id, 20, 1800)
    await world.values(transaction_id, 25, 7000, measurand="Power.Active.Import", unit="W")
    await world.central.services.rollups.catch_up()
    await world.values(transaction_id, 10, 1500)  # late
    await world.central.services.rollups.catch_up()
    read = world.central.store.read
    rows = await read(lambda reader: rollups.of_transaction(reader, transaction_id))
    assert [(row.energy_wh, row.register_wh, row.readings) for row in rows] == [
        (500, 1500, 3),
        (300, 1800, 2),
    ]
    assert (rows[1].power_min_w, rows[1].power_avg_w, rows[1].power_max_w) == (7000, 7000, 7000)

    bounds = {"since_us": to_us(NOON), "until_us": to_us(NOON) + 3_600_000_000}
    points = await read(lambda reader: series.of_transaction(reader, transaction_id, step_s=600))
    assert [point.energy_wh for point in points] == [1200, 1500, 1800]
    await world.central.store.write(lambda db: db.run("DELETE FROM meter_readings"))
    points = await read(lambda reader: series.of_transaction(reader, transaction_id))
    assert [(point.energy_wh, point.power_w) for point in points] == [(1500, None), (1800, 7000)]
    points = await read(lambda reader: series.of_connector(reader, "CP1", 1, **bounds))
    assert [point.energy_wh for point in points] == [1500, 1800]
    # Numbers of readings begin again.
    await world.values(transaction_id, 40, 2000)
    await world.central.services.rollups.catch_up()
    assert len(await read(lambda reader: rollups.of_transaction(reader, transaction_id))) == 3


async def test_a_series_has_no_more_points_than_asked_for(world: World) -> None:
    transaction_id = await world.start(0)
    await world.values(transaction_id, 1, *range(1000, 1100))
    points = await world.central.store.read(
        lambda reader: series.of_transaction(reader, transaction_id, points=10)
    )
    assert 5 <= len(points) <= 11
    assert points[-1].energy_wh == 1099


async def test_a_removed_charge_point_leaves_no_habits(world: World) -> None:
    transaction_id = await world.start(0, wh=900_000)
    await world.values(transaction_id, 1, 10)
    await world.stop(transaction_id, 30, 902_000)
    store = world.central.store
    assert len(await store.read(register_habits.everyone)) == 1
    await store.write(lambda db: charge_points.remove(db, "CP1", 0))
    assert await store.read(register_habits.everyone) == []

"""The watchdog at work on a central system, in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import from_us, trio_clock
from ocpptrio.config import OcppSettings, Settings, Step, StoreSettings, WatchdogSettings
from ocpptrio.errors import CallFailed, CallTimedOut
from ocpptrio.events import ConditionKind
from ocpptrio.protocol.core import ClearCache
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.store import conditions, deviations
from ocpptrio.store.records import ConditionRecord
from tests.clients import BOOT
from tests.test_central_system import Wire, plug_in

MORNING = datetime(2026, 1, 15, tzinfo=UTC)


class Bench:
    """A central system and charge points that are played by hand."""

    def __init__(self, central: CentralSystem, nursery: trio.Nursery) -> None:
        self.central = central
        self.nursery = nursery

    async def connect(self, identity: str = "CP1") -> Wire:
        wire = plug_in(self.central, self.nursery, identity)
        await wire.call("BootNotification", BOOT)
        return wire

    async def conditions(self, *, open_only: bool = True) -> list[ConditionRecord]:
        """The oldest first."""
        return (
            await self.central.store.read(
                lambda reader: conditions.listed(reader, open_only=open_only)
            )
        )[::-1]

    async def kinds(self, *, open_only: bool = True) -> list[ConditionKind]:
        return [one.kind for one in await self.conditions(open_only=open_only)]


@asynccontextmanager
async def bench(
    path: str = ":memory:", start: datetime = MORNING, **watchdog: Any
) -> AsyncIterator[Bench]:
    settings = Settings(
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=path),
        watchdog=WatchdogSettings(**{"interval": 5} | watchdog),
    )
    central = CentralSystem(settings, clock=trio_clock(start), inline_store=True)
    async with central, trio.open_nursery() as nursery:
        yield Bench(central, nursery)
        nursery.cancel_scope.cancel()


def status(value: str, at_us: int) -> dict[str, Any]:
    return {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": value,
        "timestamp": f"{from_us(at_us):%Y-%m-%dT%H:%M:%SZ}",
    }


async def answer_commands(wire: Wire, seen: list[str], status: str = "Accepted") -> None:
    """Answer what is asked, and tell what it was."""
    while True:
        frame = await wire.receive()
        if frame[0] != 2:  # the answer to what a test sent meanwhile
            continue
        _, unique_id, action, payload = frame
        seen.append(f"{action} {payload.get('requestedMessage') or payload.get('type')}")
        await wire.send(3, unique_id, {"status": status})


async def test_a_socket_that_does_not_answer_is_closed_with_1011(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        wire = await b.connect()
        point = b.central.charge_point("CP1")
        for calls in (1, 2):
            with pytest.raises(CallTimedOut):
                await point.call(ClearCache())
            await wire.receive()
            await trio.sleep(10)
            assert await b.kinds() == [], calls
        with pytest.raises(CallTimedOut):
            await point.call(ClearCache())
        await wire.receive()
        with pytest.raises(ConnectionClosed) as closed:
            await wire.receive()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1011
        assert "no answer" in (closed.value.reason.reason or "")
        await b.connect()
        await trio.sleep(10)
        (condition,) = await b.conditions(open_only=False)
        assert condition.cleared_at_us is not None
        assert (condition.kind, condition.steps) == (ConditionKind.NO_ANSWER, 1)
        (noted,) = await b.central.store.read(deviations.everyone)
        assert noted.kind is DeviationKind.NO_ANSWER


async def test_an_answer_in_between_begins_a_new_row(autojump_clock: MockClock) -> None:
    async with bench() as b:
        wire = await b.connect()
        point = b.central.charge_point("CP1")
        for answered in (False, False, True, False, False):
            b.nursery.start_soon(_call, point)
            frame = await wire.receive()
            if answered:
                await wire.send(4, frame[1], "InternalError", "", {})
            await trio.sleep(40)
        assert await b.kinds(open_only=False) == []


async def _call(point: Any) -> None:  # Any: a handle of any central system
    try:
        await point.call(ClearCache())
    except CallFailed:
        pass


async def test_one_that_stays_deaf_is_not_closed_again_and_again(
    autojump_clock: MockClock,
) -> None:
    closed = 0
    async with bench(step_pause=600, steps_per_day=3) as b:
        point = b.central.charge_point("CP1")
        for _ in range(12):
            await b.connect()
            for _ in range(40):
                with trio.move_on_after(60):
                    await _call(point)
                session = b.central.registry.get("CP1")
                assert session is not None
                if session.connection is None:
                    closed += 1
                    break
    assert closed == 3


async def test_a_stuck_connector_climbs_the_ladder_and_the_ladder_ends(
    autojump_clock: MockClock,
) -> None:
    ladder = (Step.TRIGGER, Step.TRIGGER, Step.SOFT_RESET)
    async with bench(stuck_connector_steps=ladder, finishing_limit=100, step_pause=300) as b:
        wire = await b.connect()
        await wire.call("StatusNotification", status("Finishing", b.central.clock()))
        seen: list[str] = []
        b.nursery.start_soon(answer_commands, wire, seen)
        await trio.sleep(95)
        assert await b.kinds() == []
        await trio.sleep(15)
        assert await b.kinds() == [ConditionKind.STUCK_FINISHING]
        trigger = "TriggerMessage StatusNotification"
        assert seen == [trigger]
        await trio.sleep(290)
        assert seen == [trigger]
        await trio.sleep(20)
        assert seen == [trigger, trigger]
        await trio.sleep(300)
        assert seen == [trigger, trigger, "Reset Soft"]
        await trio.sleep(86_400)
        assert len(seen) == 3
        (condition,) = await b.conditions()
        assert condition.steps == 3
        await wire.send(2, "x", "StatusNotification", status("Available", b.central.clock()))
        await trio.sleep(10)
        assert await b.kinds() == []


async def test_by_default_it_is_only_reported(autojump_clock: MockClock) -> None:
    async with bench(finishing_limit=100) as b:
        wire = await b.connect()
        await wire.call("StatusNotification", status("Finishing", b.central.clock()))
        with b.central.watch("CP1") as events:
            raised = (await events.next()).event
        assert raised.kind == "ConditionRaised"
        state = b.central.charge_point("CP1").state
        assert state is not None
        assert [one.kind for one in state.conditions] == [ConditionKind.STUCK_FINISHING]
        with trio.move_on_after(3600) as waiting:
            await wire.receive()
        assert waiting.cancelled_caught, "nothing is sent"


async def test_no_reset_while_a_transaction_runs(autojump_clock: MockClock) -> None:
    async with bench(no_meter_values_steps=(Step.SOFT_RESET,)) as b:
        wire = await b.connect()
        start = {
            "connectorId": 1,
            "idTag": "TAG",
            "meterStart": 0,
            "timestamp": "2026-01-15T00:00:00Z",
        }
        started = await wire.call("StartTransaction", start)
        seen: list[str] = []
        with trio.move_on_after(7200):
            await answer_commands(wire, seen)
        assert await b.kinds() == [ConditionKind.NO_METER_VALUES]
        assert seen == []
        stop = {
            "transactionId": started["transactionId"],
            "meterStop": 5,
            "timestamp": "2026-01-15T02:00:00Z",
        }
        await wire.call("StopTransaction", stop)
        with trio.move_on_after(7200):
            await answer_commands(wire, seen)
        assert seen == []
        assert await b.kinds() == []


async def test_a_fleet_is_not_reset_at_once(autojump_clock: MockClock) -> None:
    settings: dict[str, Any] = {
        "stuck_connector_steps": (Step.SOFT_RESET,),
        "finishing_limit": 10,
        "steps_per_minute": 4,
    }
    async with bench(**settings) as b:
        seen: list[str] = []
        for number in range(10):
            wire = await b.connect(f"CP{number}")
            await wire.call("StatusNotification", status("Finishing", b.central.clock()))
            b.nursery.start_soon(answer_commands, wire, seen)
        counts = []
        for _ in range(4):
            await trio.sleep(60)
            counts.append(len(seen))
    assert counts == [4, 8, 10, 10]


async def test_conditions_and_their_steps_survive_a_restart(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    settings: dict[str, Any] = {
        "path": str(tmp_path / "test.db"),
        "stuck_connector_steps": (Step.TRIGGER,) * 3,
        "finishing_limit": 100,
        "steps_per_day": 2,
    }
    seen: list[str] = []
    for run in (1, 2):
        async with bench(start=MORNING + timedelta(seconds=300 * (run - 1)), **settings) as b:
            wire = await b.connect()
            state = b.central.charge_point("CP1").state
            assert state is not None
            assert [one.steps for one in state.conditions] == ([] if run == 1 else [1])
            await wire.call("StatusNotification", status("Finishing", b.central.clock()))
            with trio.move_on_after(300):
                await answer_commands(wire, seen)
    assert seen == ["TriggerMessage StatusNotification"]  # the pause is not over
    async with bench(start=MORNING + timedelta(seconds=600), **settings) as b:
        wire = await b.connect()
        await wire.call("StatusNotification", status("Finishing", b.central.clock()))
        with trio.move_on_after(7200):
            await answer_commands(wire, seen)
        assert len(seen) == 2  # and that is all for a day
        (condition,) = await b.conditions()
        assert condition.steps == 2


async def test_one_that_goes_away_is_offline_until_it_is_back(autojump_clock: MockClock) -> None:
    async with bench() as b:
        async with trio.open_nursery() as nursery:
            away = plug_in(b.central, nursery)
            await away.call("BootNotification", BOOT)
            nursery.cancel_scope.cancel()
        await trio.sleep(3500)
        assert await b.kinds() == []
        await trio.sleep(200)
        assert await b.kinds() == [ConditionKind.OFFLINE]
        await b.connect()
        await trio.sleep(10)
        assert await b.kinds() == []


async def test_a_boot_loop_is_seen_and_forgotten(autojump_clock: MockClock) -> None:
    async with bench(boots_per_hour=3) as b:
        for _ in range(3):
            wire = await b.connect()
            await trio.sleep(60)
        assert await b.kinds() == [ConditionKind.BOOT_LOOP]
        for _ in range(75):
            await wire.call("Heartbeat", {})
            await trio.sleep(60)
        assert await b.kinds() == []


async def test_a_clock_that_is_off_is_measured_and_replays_do_not_count(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        now_us = b.central.clock
        wire = await b.connect()
        for minute in range(60):  # what was queued for an hour comes in one minute
            await wire.call(
                "StatusNotification",
                status(("Available", "Preparing")[minute % 2], now_us() - 3_600_000_000),
            )
            await trio.sleep(1)
        await trio.sleep(70)
        state = b.central.charge_point("CP1").state
        assert state is not None
        assert state.clock_skew_us is None
        for minute in range(5):  # now it is online: local time is sent as UTC
            await trio.sleep(60)
            await wire.call(
                "StatusNotification",
                status(("Available", "Preparing")[minute % 2], now_us() + 7_200_500_000),
            )
        await trio.sleep(10)
        state = b.central.charge_point("CP1").state
        assert state is not None
        assert state.clock_skew_us is not None
        assert abs(state.clock_skew_us - 7_200_000_000) <= 1_000_000
        (condition,) = await b.conditions()
        assert condition.kind is ConditionKind.WRONG_CLOCK
        assert condition.evidence.endswith("as if the local time of UTC+02:00 were sent as UTC")
        noted = await b.central.store.read(deviations.everyone)
        assert DeviationKind.WRONG_CLOCK in [one.kind for one in noted]


async def test_a_clock_that_was_never_set_is_seen_until_it_is(autojump_clock: MockClock) -> None:
    async with bench() as b:
        wire = await b.connect()
        await wire.call("StatusNotification", status("Available", 5_000_000))
        await trio.sleep(10)
        (condition,) = await b.conditions()
        assert (condition.kind, condition.evidence) == (
            ConditionKind.WRONG_CLOCK,
            "it was never set",
        )
        for number in range(4):
            await trio.sleep(60)
            await wire.call(
                "StatusNotification",
                status(("Preparing", "Available")[number % 2], b.central.clock() - 500_000),
            )
        await trio.sleep(10)
        assert await b.kinds() == []


async def test_switched_off_it_sees_nothing(autojump_clock: MockClock) -> None:
    async with bench(enabled=False, finishing_limit=1) as b:
        wire = await b.connect()
        await wire.call("StatusNotification", status("Finishing", b.central.clock()))
        await trio.sleep(100)
        assert await b.kinds() == []

"""Tasks over many charge points: at a pace, until too much fails, over restarts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import CommandError, KeyInUse, TooLate, UnknownChargePoint, UnknownCommand
from ocpptrio.events import CommandChanged, TaskChanged
from ocpptrio.protocol.core import (
    ChangeConfiguration,
    ClearCache,
    GetConfiguration,
    RegistrationStatus,
    RemoteStartTransaction,
    Reset,
    ResetType,
)
from ocpptrio.store import charge_point_groups, charge_points, commands
from tests.services.device import Device, central_system, register


@asynccontextmanager
async def fleet(central: CentralSystem, size: int) -> AsyncIterator[list[Device]]:
    """CP0 and on: registered, and there."""
    devices = [Device(f"CP{number}") for number in range(size)]
    await register(central, *(device.identity for device in devices))
    async with AsyncExitStack() as stack:
        for device in devices:
            await stack.enter_async_context(device.connected(central))
        yield devices


def names(size: int) -> list[str]:
    return [f"CP{number}" for number in range(size)]


def asked(devices: list[Device]) -> int:
    return sum(len(device.sent) for device in devices)


async def test_all_are_asked_and_the_progress_is_told(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 5) as devices:
        devices[3].answers["ClearCache"] = {"status": "Rejected"}
        with central.watch() as events:
            task_id = await central.tasks.start(ClearCache(), names(5))
            record = await central.tasks.wait_ended(task_id)
            told: list[TaskChanged] = []
            while not told or told[-1].state == "running":
                event = (await events.next()).event
                if isinstance(event, TaskChanged):
                    told.append(event)
        assert (record.state, record.total, record.reason) == ("done", 5, None)
        _, progress = await central.tasks.get(task_id)
        assert (progress.counts, progress.failures) == ({"answered": 5}, 1)
        assert told[0].counts == {"queued": 5}
        assert told[-1].counts == {"answered": 5}
        assert (told[-1].failures, told[-1].charge_point_id) == (1, "")
        assert [len(device.sent) for device in devices] == [1] * 5
        members = await central.store.read(lambda reader: commands.members(reader, task_id))
        assert {member.charge_point_id for member in members} == set(names(5))


async def test_only_so_many_are_under_way_at_once(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 6) as devices:
        for device in devices:
            device.answers["ClearCache"] = None
        task_id = await central.tasks.start(ClearCache(), names(6), at_a_time=2)
        for expected in (2, 4, 6):
            await trio.sleep(10)
            assert asked(devices) == expected
            await trio.sleep(20.5)  # until they time out
        assert (await central.tasks.wait_ended(task_id)).state == "done"
        _, progress = await central.tasks.get(task_id)
        assert (progress.counts, progress.failures) == ({"timed out": 6}, 6)


async def test_only_so_many_are_begun_within_a_minute(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 7) as devices:
        task_id = await central.tasks.start(ClearCache(), names(7), per_minute=3)
        began = trio.current_time()
        counts = []
        for _ in range(3):
            await trio.sleep(59)
            counts.append(asked(devices))
            await trio.sleep(1)
        assert counts == [3, 6, 7]
        await central.tasks.wait_ended(task_id)
        assert 120 <= trio.current_time() - began <= 180


async def test_too_many_failures_stop_it(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 10) as devices:
        for device in devices:
            device.answers["ClearCache"] = "NotSupported"
        devices[0].answers["ClearCache"] = {"status": "Accepted"}
        task_id = await central.tasks.start(ClearCache(), names(10), at_a_time=1, stop_after=3)
        record = await central.tasks.wait_ended(task_id)
        assert (record.state, record.reason) == ("stopped", "3 of 10 failed")
        await trio.sleep(100)
        assert asked(devices) == 4
        _, progress = await central.tasks.get(task_id)
        assert progress.counts == {"answered": 1, "refused": 3, "cancelled": 6}


async def test_an_effect_that_is_not_seen_is_a_failure(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 3) as devices:
        request = RemoteStartTransaction(id_tag="A", connector_id=1)
        task_id = await central.tasks.start(request, names(3), at_a_time=1, stop_after=1)
        # All have accepted before anything shows.
        assert (await central.tasks.wait_ended(task_id)).state == "done"
        await trio.sleep(500)
        _, progress = await central.tasks.get(task_id)
        assert (progress.failures, progress.effects) == (3, {"not seen in time": 3})
        assert asked(devices) == 3


async def test_the_offline_take_no_place_and_are_asked_when_they_return(
    autojump_clock: MockClock,
) -> None:
    async with central_system() as central, fleet(central, 3) as devices:
        await register(central, "OFF1", "OFF2")
        task_id = await central.tasks.start(
            ClearCache(), ["OFF1", "OFF2", *names(3)], at_a_time=1, expires_in_s=3600
        )
        await trio.sleep(100)
        assert asked(devices) == 3
        back = Device("OFF1")
        async with back.connected(central):
            await trio.sleep(10)
            assert back.actions == ["ClearCache"]
        assert (await central.tasks.get(task_id))[0].state == "running"
        record = await central.tasks.wait_ended(task_id)
        assert record.state == "done"
        assert 3600 <= trio.current_time() < 3700
        _, progress = await central.tasks.get(task_id)
        assert progress.counts == {"answered": 4, "expired": 1}


async def test_one_that_goes_before_its_turn_gives_its_place_to_the_next(
    autojump_clock: MockClock,
) -> None:
    async with central_system() as central, fleet(central, 1) as devices:
        gone = Device("GONE")
        await register(central, "GONE")
        async with gone.connected(central, boot=False):  # so that it waits for the grace
            task_id = await central.tasks.start(ClearCache(), ["GONE", "CP0"], at_a_time=1)
            await trio.sleep(1)
            assert asked(devices) == 0
        await trio.sleep(1)
        assert asked(devices) == 1
        async with gone.connected(central):
            await central.tasks.wait_ended(task_id)
        assert gone.actions == ["ClearCache"]


async def test_a_pending_charge_point_does_not_hold_up_the_others(
    autojump_clock: MockClock,
) -> None:
    async with central_system() as central, fleet(central, 1) as devices:
        pending = Device("PENDING")
        await register(central, "PENDING", registration=RegistrationStatus.PENDING)
        async with pending.connected(central):
            request = RemoteStartTransaction(id_tag="A", connector_id=1)
            await central.tasks.start(request, ["PENDING", "CP0"], at_a_time=1)
            await trio.sleep(1)
            assert (asked(devices), pending.sent) == (1, [])
            await central.store.write(
                lambda db: charge_points.edit(
                    db, "PENDING", 0, registration=RegistrationStatus.ACCEPTED
                )
            )
            await trio.sleep(1)
            assert pending.actions == ["RemoteStartTransaction"]


async def test_a_cancelled_task_sends_no_more(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 4) as devices:
        task_id = await central.tasks.start(ClearCache(), names(4), per_minute=1)
        await trio.sleep(1)
        await central.tasks.cancel(task_id)
        assert (await central.tasks.wait_ended(task_id)).state == "cancelled"
        await trio.sleep(300)
        assert asked(devices) == 1
        with pytest.raises(TooLate, match=f"task {task_id} is cancelled already"):
            await central.tasks.cancel(task_id)
        with pytest.raises(UnknownCommand, match="no task 99"):
            await central.tasks.cancel(99)
        (member, *_) = await central.store.read(lambda reader: commands.members(reader, task_id))
        assert member.state == "answered"


async def test_a_group_is_asked_as_it_is_now(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 3) as devices:
        for name in names(2):
            await central.store.write(
                lambda db, name=name: charge_point_groups.put(db, "yard", name)  # type: ignore[misc]
            )
        task_id = await central.tasks.start(ClearCache(), ["CP0"], group="yard")
        assert (await central.tasks.wait_ended(task_id)).total == 2
        assert [len(device.sent) for device in devices] == [1, 1, 0]


async def test_each_may_be_asked_for_its_own(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 2) as devices:
        task_id = await central.tasks.start(
            {name: ChangeConfiguration(key="Name", value=name) for name in names(2)}
        )
        record = await central.tasks.wait_ended(task_id)
        assert record.request is None
        assert [device.sent[0][1]["value"] for device in devices] == names(2)


async def test_what_makes_no_task_is_refused_at_once(autojump_clock: MockClock) -> None:
    async with central_system() as central:
        await register(central)
        start = central.tasks.start
        with pytest.raises(UnknownChargePoint, match="not registered: CP8, CP9; nothing was"):
            await start(ClearCache(), ["CP1", "CP9", "CP8"])
        with pytest.raises(CommandError, match="group yard is empty"):
            await start(ClearCache(), group="yard")
        with pytest.raises(CommandError, match="1 to 10000 charge points, not 0"):
            await start(ClearCache())
        with pytest.raises(CommandError, match="at_a_time must be at least 1, got 0"):
            await start(ClearCache(), ["CP1"], at_a_time=0)
        with pytest.raises(CommandError, match="one Action"):
            await start({"CP1": ClearCache(), "CP2": GetConfiguration()})
        with pytest.raises(CommandError, match="leave the others out"):
            await start({"CP1": ClearCache()}, ["CP1"])
        assert await central.store.read(commands.unsettled) == []


async def test_a_key_stands_for_one_task(autojump_clock: MockClock) -> None:
    async with central_system() as central, fleet(central, 2) as devices:
        first = await central.tasks.start(ClearCache(), names(2), idempotency_key="k")
        await central.tasks.wait_ended(first)
        assert await central.tasks.start(ClearCache(), names(2), idempotency_key="k") == first
        with pytest.raises(KeyInUse, match=f"'k' stands for task {first}"):
            await central.tasks.start(ClearCache(), names(1), idempotency_key="k")
        assert asked(devices) == 2


async def test_a_task_goes_on_after_a_restart(autojump_clock: MockClock, tmp_path: Path) -> None:
    path = tmp_path / "central.db"
    async with central_system(path) as central, fleet(central, 4) as devices:
        devices[0].answers["ClearCache"] = {"status": "Rejected"}
        task_id = await central.tasks.start(
            ClearCache(), names(4), at_a_time=1, per_minute=1, stop_after=2
        )
        await trio.sleep(90)
        assert asked(devices) == 2
    devices = [Device(name) for name in names(4)]
    devices[2].answers["ClearCache"] = "InternalError"
    async with central_system(path) as central, AsyncExitStack() as stack:
        for device in devices:
            await stack.enter_async_context(device.connected(central))
        record = await central.tasks.wait_ended(task_id)
        assert (record.state, record.reason) == ("stopped", "2 of 4 failed")
    assert [len(device.sent) for device in devices] == [0, 0, 1, 0]


async def test_a_member_that_is_made_up_for_counts_once(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with central_system() as central:
        await register(central)
        device = Device()
        device.answers["GetConfiguration"] = None
        task_id = await central.tasks.start(GetConfiguration(), ["CP1"], stop_after=1)
        async with device.connected(central):
            await trio.sleep(1)
        device.answers["GetConfiguration"] = {}
        async with device.connected(central):
            assert (await central.tasks.wait_ended(task_id)).state == "done"
        record, progress = await central.tasks.get(task_id)
    assert (progress.counts, progress.failures, record.total) == ({"answered": 1}, 0, 1)
    assert device.actions == ["GetConfiguration"] * 2


async def test_a_task_of_hundreds_tells_its_progress_in_a_few_events(
    autojump_clock: MockClock,
) -> None:
    async with central_system() as central, fleet(central, 200):
        with central.watch() as events:
            task_id = await central.tasks.start(ClearCache(), names(200), at_a_time=50)
            await central.tasks.wait_ended(task_id)
            kinds: list[str] = []
            while True:
                event = (await events.next()).event
                if isinstance(event, CommandChanged | TaskChanged):
                    kinds.append(event.kind)
                if isinstance(event, TaskChanged) and event.state == "done":
                    break
    assert kinds.count("CommandChanged") == 400  # sent, answered
    assert 2 <= kinds.count("TaskChanged") <= 52


async def test_a_task_and_single_commands_share_the_queue_of_a_charge_point(
    autojump_clock: MockClock,
) -> None:
    async with central_system() as central, fleet(central, 2) as devices:
        task_id = await central.tasks.start(ClearCache(), ["CP0", "CP1"], per_minute=1)
        single = await central.commands.submit("CP1", Reset(type=ResetType.SOFT))
        await trio.sleep(1)
        # What the task holds back does not hold up others.
        assert (await central.commands.get(single)).state == "answered"
        await central.tasks.wait_ended(task_id)
        assert devices[1].actions == ["Reset", "ClearCache"]

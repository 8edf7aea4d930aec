"""Commands are followed to their effect: over a real WebSocket, in time or not, over a restart."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import system_clock, whole_seconds
from ocpptrio.events import OpenMode
from ocpptrio.protocol.core import (
    AvailabilityType,
    ChangeAvailability,
    ChangeConfiguration,
    RemoteStartTransaction,
    RemoteStopTransaction,
    Reset,
    ResetType,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.firmware import UpdateFirmware
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.store import charge_points, commands, transactions
from ocpptrio.store.records import CommandRecord
from tests.clients import RawChargePoint, charge_point, test_settings
from tests.services.device import Device, central_system, register

SOFT = Reset(type=ResetType.SOFT)
START = RemoteStartTransaction(connector_id=1, id_tag="04A1B2C3")


def status(connector_id: int, text: str) -> dict[str, Any]:
    return {"connectorId": connector_id, "errorCode": "NoError", "status": text}


def start_now(central: CentralSystem, **changes: Any) -> dict[str, Any]:
    now = whole_seconds(central.clock()).isoformat()
    payload = {"connectorId": 1, "idTag": "04a1b2c3", "meterStart": 100, "timestamp": now}
    return payload | changes


async def record(central: CentralSystem, command_id: int) -> CommandRecord:
    return await central.commands.get(command_id)


# Over a real WebSocket.


async def opened(central: CentralSystem) -> None:
    await central.store.write(
        lambda db: charge_points.add(
            db,
            charge_point_id="CP1",
            origin="added",
            at_us=system_clock(),
            mode=OpenMode.EVERYBODY,
        )
    )


async def accept(point: RawChargePoint, **payload: Any) -> Any:
    """Take a CALL and accept it; returns its payload."""
    kind, unique_id, action, request = await point.receive()
    assert kind == 2, action
    await point.send(3, unique_id, payload or {"status": "Accepted"})
    return request


async def test_a_remote_start_is_linked_to_the_transaction_that_it_began() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        await opened(central)
        async with charge_point(central) as point:
            await point.boot()
            command_id = await central.charge_point("CP1").submit(START)
            assert (await accept(point))["idTag"] == "04A1B2C3"
            started = await point.call("StartTransaction", start_now(central))
            end = await central.commands.wait_effect(command_id)
            assert (end.effect, end.transaction_id) == ("seen", started["transactionId"])
            (linked,) = await central.store.read(
                lambda reader: commands.of_transaction(reader, started["transactionId"])
            )
            assert linked.command_id == command_id
            # And its end: by the direct path, which is followed alike.
            async with trio.open_nursery() as nursery:
                stop = RemoteStopTransaction(transaction_id=started["transactionId"])
                nursery.start_soon(central.charge_point("CP1").call, stop)
                await accept(point)
            now = start_now(central)["timestamp"]
            await point.call(
                "StopTransaction",
                {
                    "transactionId": started["transactionId"],
                    "meterStop": 200,
                    "timestamp": now,
                    "reason": "Remote",
                },
            )
            end = await central.commands.wait_effect(command_id + 1)
            assert (end.effect, end.effect_detail) == ("seen", "stopped, reason Remote")


async def test_a_reset_is_followed_to_the_boot_on_the_next_connection() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        await opened(central)
        async with charge_point(central) as point:
            await point.boot()
            command_id = await central.charge_point("CP1").submit(SOFT)
            assert await accept(point) == {"type": "Soft"}
        assert (await record(central, command_id)).effect == "awaited"
        async with charge_point(central) as point:
            await point.boot()
        end = await central.commands.wait_effect(command_id)
        assert (end.state, end.effect, end.effect_detail) == ("answered", "seen", "booted")


async def test_availability_is_pending_until_the_car_has_left() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        await opened(central)
        async with charge_point(central) as point:
            await point.boot()
            await point.call("StatusNotification", status(1, "Charging"))
            request = ChangeAvailability(connector_id=1, type=AvailabilityType.INOPERATIVE)
            command_id = await central.charge_point("CP1").submit(request)
            await accept(point, status="Scheduled")
            end = await central.commands.wait_settled(command_id)
            assert (end.effect, end.effect_detail, end.failed) == ("awaited", "scheduled", False)
            await point.call("StatusNotification", status(1, "Finishing"))
            await point.call("StatusNotification", status(1, "Unavailable"))
            assert (await central.commands.wait_effect(command_id)).effect == "seen"


async def test_a_triggered_message_is_the_effect_even_without_an_event() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        await opened(central)
        async with charge_point(central) as point:
            await point.boot()
            for trigger, action in (
                (MessageTrigger.HEARTBEAT, "Heartbeat"),
                (MessageTrigger.METER_VALUES, "MeterValues"),
            ):
                request = TriggerMessage(requested_message=trigger)
                command_id = await central.charge_point("CP1").submit(request)
                await accept(point)
                payload = {} if action == "Heartbeat" else {"connectorId": 1, "meterValue": []}
                await point.call(action, payload)
                end = await central.commands.wait_effect(command_id)
                assert (end.effect, end.effect_detail) == ("seen", f"{action} came")


# In virtual time.


async def test_what_does_not_follow_in_time_was_not_seen(autojump_clock: MockClock) -> None:
    device = Device()
    async with central_system() as central:
        await register(central, mode=OpenMode.EVERYBODY)
        async with device.connected(central):
            command_id = await central.commands.submit("CP1", START)
            began = trio.current_time()
            end = await central.commands.wait_effect(command_id)
            assert trio.current_time() - began == pytest.approx(240, abs=1)
            assert (end.state, end.effect, end.failed) == ("answered", "not seen in time", True)
            await device.call("StartTransaction", start_now(central))
            await trio.sleep(1)
            assert (await record(central, command_id)).effect == "not seen in time"


@pytest.mark.parametrize(("answer", "effect"), [("Accepted", "seen"), ("Rejected", "none")])
async def test_what_comes_before_the_answer_counts_if_that_says_yes(
    autojump_clock: MockClock, answer: str, effect: str
) -> None:
    device = Device()
    device.answers["RemoteStartTransaction"] = None
    async with central_system() as central:
        await register(central, mode=OpenMode.EVERYBODY)
        async with device.connected(central):
            command_id = await central.commands.submit("CP1", START)
            await trio.sleep(1)
            await device.call("StartTransaction", start_now(central))
            assert (await record(central, command_id)).effect == "none"
            await device.answer(device.unanswered[0], {"status": answer})
            end = await central.commands.wait_effect(command_id)
            assert end.effect == effect
            assert (end.transaction_id is not None) == (answer == "Accepted")
            assert central.services.effect_watch.watched == {}


async def test_a_start_is_the_effect_of_one_command(autojump_clock: MockClock) -> None:
    device = Device()
    async with central_system() as central:
        await register(central, mode=OpenMode.EVERYBODY)
        async with device.connected(central):
            first, second = [await central.commands.submit("CP1", START) for _ in range(2)]
            await trio.sleep(1)
            started = await device.call("StartTransaction", start_now(central))
            end = await central.commands.wait_effect(first)
            assert end.transaction_id == started["transactionId"]
            assert (await central.commands.wait_effect(second)).effect == "not seen in time"


async def test_without_an_answer_the_effect_still_tells(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers["Reset"] = None
    async with central_system() as central:
        await register(central)
        command_id = await central.commands.submit("CP1", SOFT)
        async with device.connected(central):
            await trio.sleep(1)  # it is gone before it answers
        end = await record(central, command_id)
        assert (end.state, end.effect) == ("outcome unknown", "awaited")
        async with device.connected(central):
            end = await central.commands.wait_effect(command_id)
    assert (end.state, end.effect, end.failed) == ("outcome unknown", "seen", False)


async def test_an_update_shows_its_progress_and_its_end(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers["UpdateFirmware"] = {}
    async with central_system() as central:
        await register(central)
        request = UpdateFirmware(
            location="http://me:hunter2@host/f", retrieve_date=whole_seconds(central.clock())
        )
        async with device.connected(central):
            replaced = await central.commands.submit("CP1", request)
            await central.commands.wait_settled(replaced)
            command_id = await central.commands.submit("CP1", request)
            end = await central.commands.wait_settled(command_id)
            assert "hunter2" not in str(end)
            assert "hunter2" in str(device.sent)
            await device.call("FirmwareStatusNotification", {"status": "Downloading"})
            await trio.sleep(1)
            end = await record(central, command_id)
            assert (end.effect, end.effect_detail) == ("awaited", "Downloading")
            await device.call("FirmwareStatusNotification", {"status": "InstallationFailed"})
            end = await central.commands.wait_effect(command_id)
            assert (end.effect, end.effect_detail, end.failed) == (
                "failed",
                "InstallationFailed",
                True,
            )
            end = await record(central, replaced)
            assert (end.effect, end.effect_detail) == ("failed", f"replaced by {command_id}")


async def test_effects_are_awaited_over_a_restart(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = tmp_path / "central.db"
    device = Device()
    device.answers["ChangeConfiguration"] = {"status": "RebootRequired"}
    requests: list[Request[Message]] = [
        START,
        ChangeConfiguration(key="A", value="1"),
        TriggerMessage(requested_message=MessageTrigger.HEARTBEAT),
    ]
    async with central_system(path) as central:
        await register(central, mode=OpenMode.EVERYBODY)
        async with device.connected(central):
            ids = [await central.commands.submit("CP1", request) for request in requests]
            for one in ids:
                await central.commands.wait_settled(one)
            # Nobody notes what this start shows: as if we had been killed at once.
            central.services.effect_watch.watched.clear()
            started = await device.call("StartTransaction", start_now(central))
        assert (await record(central, ids[0])).effect == "awaited"
    await trio.sleep(1000)
    async with central_system(path) as central:
        assert (await record(central, ids[1])).effect == "awaited"
        start = await central.commands.wait_effect(ids[0])
        assert (start.effect, start.transaction_id) == ("seen", started["transactionId"])
        trigger = await central.commands.wait_effect(ids[2])
        assert trigger.effect == "not seen in time"
        async with device.connected(central):
            change = await central.commands.wait_effect(ids[1])
        assert (change.effect, change.effect_detail) == ("seen", "booted")
        found = await central.store.read(
            lambda reader: transactions.get(reader, started["transactionId"])
        )
        assert found is not None


async def test_nothing_is_watched_when_nothing_is_awaited(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers["Reset"] = {"status": "Rejected"}
    async with central_system() as central:
        await register(central)
        async with device.connected(central):
            assert (await central.charge_point("CP1").call(SOFT)).status == "Rejected"
            assert central.services.effect_watch.watched == {}
            with trio.move_on_after(1):  # the asker walks away
                device.answers["Reset"] = None
                await central.charge_point("CP1").call(SOFT)
            await device.answer(device.unanswered[0], {"status": "Rejected"})
            await trio.sleep(1)
            assert central.services.effect_watch.watched == {}
            assert (await record(central, 2)).status == "Rejected"

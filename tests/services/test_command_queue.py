"""Queued commands: each is sent once, in order, when its charge point is there; none is lost."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import KeyInUse, LocalProtocolError, TooLate, UnknownChargePoint, Withdrawn
from ocpptrio.events import CommandChanged
from ocpptrio.protocol.core import (
    AvailabilityType,
    ChangeAvailability,
    ChangeConfiguration,
    ClearCache,
    GetConfiguration,
    Heartbeat,
    RegistrationStatus,
    RemoteStartTransaction,
    Reset,
    ResetType,
    UnlockConnector,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.store import charge_points, commands
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState
from tests.services.device import Device, central_system, register

SOFT = Reset(type=ResetType.SOFT)
SECRET = ChangeConfiguration(key="AuthorizationKey", value="0001020304050607FFFFFFFFFFFFFFFF")


async def record(central: CentralSystem, command_id: int) -> CommandRecord:
    return await central.commands.get(command_id)


async def test_a_command_to_a_charge_point_that_is_there_is_sent_and_answered(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        async with device.connected(central):
            command_id = await central.charge_point("CP1").submit(ClearCache())
            end = await central.commands.wait_settled(command_id)
    assert device.sent == [("ClearCache", {})]
    assert (end.state, end.status, end.response) == (
        "answered",
        "Accepted",
        '{"status":"Accepted"}',
    )
    assert end.created_at_us <= (end.sent_at_us or 0) <= (end.settled_at_us or 0)


async def test_an_offline_charge_point_gets_its_commands_on_return_in_order(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        requests: list[Request[Message]] = [
            ChangeConfiguration(key="A", value="1"),
            UnlockConnector(connector_id=1),
            ClearCache(),
        ]
        ids = [await central.commands.submit("CP1", request) for request in requests]
        await trio.sleep(3600)
        assert [(await record(central, one)).state for one in ids] == ["queued"] * 3
        async with device.connected(central):
            for one in ids:
                await central.commands.wait_settled(one)
    assert device.actions == ["ChangeConfiguration", "UnlockConnector", "ClearCache"]


async def test_nothing_is_sent_before_the_boot_is_answered_or_the_grace_is_over(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        command_id = await central.commands.submit("CP1", ClearCache())
        async with device.connected(central, boot=False):
            await trio.sleep(9)
            assert device.sent == []
            assert (await record(central, command_id)).state == "queued"
            await trio.sleep(2)
            assert device.actions == ["ClearCache"]


async def test_a_command_that_waits_for_too_long_expires(autojump_clock: MockClock) -> None:
    device = Device()
    async with central_system(expiry=500) as central:
        await register(central)
        short = await central.commands.submit("CP1", SECRET, expires_in_s=60)
        long = await central.commands.submit("CP1", ClearCache())
        await trio.sleep(59)
        assert (await record(central, short)).state == "queued"
        await trio.sleep(2)
        end = await record(central, short)
        assert (end.state, end.failed, end.secret_request) == ("expired", False, None)
        async with device.connected(central):
            assert (await central.commands.wait_settled(long)).state == "answered"
        assert (await central.commands.wait_settled(short)).state == "expired"
    assert device.actions == ["ClearCache"]


async def test_a_key_stops_doubles(autojump_clock: MockClock) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        first = await central.commands.submit("CP1", SOFT, idempotency_key="k")
        assert await central.commands.submit("CP1", SOFT, idempotency_key="k") == first
        with pytest.raises(KeyInUse):
            await central.commands.submit("CP1", ClearCache(), idempotency_key="k")
        async with device.connected(central):
            await central.commands.wait_settled(first)
            assert await central.commands.submit("CP1", SOFT, idempotency_key="k") == first
            await trio.sleep(100)
    assert device.actions == ["Reset"]


async def test_what_cannot_be_sent_is_refused_at_once() -> None:
    async with central_system() as central:
        with pytest.raises(UnknownChargePoint, match="CP1 is not registered"):
            await central.commands.submit("CP1", SOFT)
        await register(central)
        with pytest.raises(LocalProtocolError, match="does not send Heartbeat"):
            await central.commands.submit("CP1", Heartbeat())
        with pytest.raises(LocalProtocolError, match="key"):
            await central.commands.submit("CP1", ChangeConfiguration(key="k" * 51, value=""))
        assert await central.store.read(commands.unsettled) == []


async def test_a_queued_command_can_be_cancelled_and_a_sent_one_cannot(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    device.answers["Reset"] = None
    async with central_system() as central:
        await register(central)
        command_id = await central.commands.submit("CP1", ClearCache())
        assert (await central.commands.cancel(command_id)).state == "cancelled"
        async with device.connected(central):
            await trio.sleep(1)
            sent = await central.commands.submit("CP1", SOFT)
            await trio.sleep(1)
            with pytest.raises(TooLate, match="is sent"):
                await central.commands.cancel(sent)
    assert device.actions == ["Reset"]


async def test_one_that_fails_does_not_hold_up_the_next(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers |= {
        "ClearCache": None,
        "UnlockConnector": "InternalError",
        "GetConfiguration": {"configurationKey": 7},
    }
    requests: list[Request[Message]] = [
        ClearCache(),
        UnlockConnector(connector_id=1),
        GetConfiguration(),
        ChangeConfiguration(key="A", value="1"),
    ]
    async with central_system() as central:
        await register(central)
        ids = [await central.commands.submit("CP1", request) for request in requests]
        async with device.connected(central):
            ends = [await central.commands.wait_settled(one) for one in ids]
    assert [end.state for end in ends] == ["timed out", "refused", "failed", "answered"]
    assert [end.failed for end in ends] == [True, True, True, False]
    assert ends[1].error == "InternalError"


async def test_a_late_answer_is_recorded(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers["ClearCache"] = None
    async with central_system() as central:
        await register(central)
        async with device.connected(central):
            command_id = await central.commands.submit("CP1", ClearCache())
            assert (await central.commands.wait_settled(command_id)).state == "timed out"
            await device.answer(device.unanswered[0], {"status": "Rejected"})
            await trio.sleep(1)
        end = await record(central, command_id)
    assert (end.state, end.status, end.late, end.failed) == ("answered", "Rejected", True, True)


async def test_what_the_registration_forbids_waits_and_lets_others_pass(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    async with central_system() as central:
        await register(central, registration=RegistrationStatus.PENDING)
        start = await central.commands.submit("CP1", RemoteStartTransaction(id_tag="A"))
        read = await central.commands.submit("CP1", GetConfiguration())
        async with device.connected(central):
            assert (await central.commands.wait_settled(read)).state == "answered"
            assert (await record(central, start)).state == "queued"
            await central.store.write(
                lambda db: charge_points.edit(
                    db, "CP1", 0, registration=RegistrationStatus.ACCEPTED
                )
            )
            assert (await central.commands.wait_settled(start)).state == "answered"
    assert device.actions == ["GetConfiguration", "RemoteStartTransaction"]


async def test_a_rejected_charge_point_is_sent_nothing(autojump_clock: MockClock) -> None:
    device = Device()
    async with central_system() as central:
        await register(central, registration=RegistrationStatus.REJECTED)
        command_id = await central.commands.submit("CP1", ClearCache(), expires_in_s=60)
        async with device.connected(central):
            end = await central.commands.wait_settled(command_id)
    assert end.state == "expired"
    assert device.sent == []


async def test_after_a_reset_the_next_command_waits_for_the_return(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        await central.commands.submit("CP1", SOFT)
        after = await central.commands.submit("CP1", ClearCache())
        async with device.connected(central):
            await trio.sleep(10)
            assert device.actions == ["Reset"]
        await trio.sleep(10)
        async with device.connected(central):
            assert (await central.commands.wait_settled(after)).state == "answered"
    assert device.actions == ["Reset", "ClearCache"]


async def test_one_that_does_not_go_after_a_reset_is_not_waited_for_for_ever(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        await central.commands.submit("CP1", SOFT)
        after = await central.commands.submit("CP1", ClearCache())
        async with device.connected(central):
            began = trio.current_time()
            await central.commands.wait_settled(after)
            assert 60 <= trio.current_time() - began < 62


async def test_if_the_connection_ends_before_the_answer_the_outcome_is_unknown(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    device.answers |= {"UnlockConnector": None, "GetConfiguration": None}
    async with central_system() as central:
        await register(central)
        unlock = await central.commands.submit("CP1", UnlockConnector(connector_id=1))
        async with device.connected(central):
            await trio.sleep(1)
        end = await central.commands.wait_settled(unlock)
        assert (end.state, end.failed) == ("outcome unknown", True)
        assert "connection ended" in (end.error or "")
        read = await central.commands.submit("CP1", GetConfiguration())
        async with device.connected(central):
            await trio.sleep(1)
        device.answers["GetConfiguration"] = {"configurationKey": []}
        async with device.connected(central):
            second = await central.commands.wait_settled(read)
            await trio.sleep(1)
        first = await record(central, read)
    assert (first.state, second.state, second.follows) == ("outcome unknown", "answered", read)
    # The unlocking is not repeated: somebody may have plugged in since.
    assert device.actions == ["UnlockConnector", "GetConfiguration", "GetConfiguration"]
    assert len(set(device.ids)) == 3


async def test_what_is_harmless_is_repeated_only_once(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers["ClearCache"] = None
    async with central_system() as central:
        await register(central)
        command_id = await central.commands.submit("CP1", ClearCache())
        for _ in range(4):
            async with device.connected(central):
                await trio.sleep(1)
        end = await central.commands.wait_settled(command_id)
    assert (end.state, end.follows) == ("outcome unknown", command_id)
    assert device.actions == ["ClearCache"] * 2


async def test_commands_survive_a_restart(autojump_clock: MockClock, tmp_path: Path) -> None:
    path = tmp_path / "central.db"
    device = Device()
    device.answers["UnlockConnector"] = device.answers["GetConfiguration"] = None
    async with central_system(path) as central:
        await register(central, "CP1", "CP2")
        queued = await central.commands.submit("CP2", SECRET)
        expiring = await central.commands.submit("CP2", ClearCache(), expires_in_s=60)
    # What a process leaves behind that is killed while it waits for answers.
    async with central_system(path) as central:
        for request in (UnlockConnector(connector_id=1), GetConfiguration()):
            command_id = await central.commands.submit("CP1", request)
            await central.store.write(
                lambda db, one=command_id: commands.claim(db, one, 1)  # type: ignore[misc]
            )
        draft = commands.draft(ClearCache())
        direct = await central.store.write(
            lambda db: commands.insert(db, draft, charge_point_id="CP1", at_us=1)
        )
    await trio.sleep(100)
    second = Device("CP2")
    device.answers.clear()
    async with central_system(path) as central:
        await wait_all_tasks_blocked()
        unlock, read = queued + 2, queued + 3
        assert (await record(central, unlock)).state == "outcome unknown"
        assert (await record(central, direct)).state == "failed"
        assert (await record(central, expiring)).state == "expired"
        async with device.connected(central), second.connected(central):
            assert (await central.commands.wait_settled(queued)).state == "answered"
            assert (await central.commands.wait_settled(read)).follows == read
            await trio.sleep(10)
    assert device.actions == ["GetConfiguration"]
    assert second.sent == [
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET.value})
    ]


async def test_going_down_begins_nothing_new_and_loses_nothing(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = tmp_path / "central.db"
    device = Device()
    device.answers["UnlockConnector"] = None
    async with central_system(path) as central:
        await register(central)
        sent = await central.commands.submit("CP1", UnlockConnector(connector_id=1))
        queued = await central.commands.submit("CP1", ClearCache())
        async with device.connected(central):
            await trio.sleep(1)
            central.stop()
            await trio.sleep(1)
    async with central_system(path) as central:
        assert (await record(central, sent)).state == "outcome unknown"
        assert (await record(central, queued)).state == "queued"
    assert device.actions == ["UnlockConnector"]


async def test_what_another_process_queues_is_sent(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = tmp_path / "central.db"
    device = Device()
    async with central_system(path) as central, central_system(path) as beside:
        await register(central)
        async with device.connected(central):
            command_id = await beside.commands.submit("CP1", ClearCache())
            await device.call("Heartbeat")
            await device.call("StatusNotification", _status(1, "Available"))
            assert (await central.commands.wait_settled(command_id)).state == "answered"


def _status(connector_id: int, status: str) -> dict[str, Any]:
    return {"connectorId": connector_id, "errorCode": "NoError", "status": status}


async def test_a_single_connector_that_knows_no_connector_0_is_asked_for_its_own(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    device.answers["ChangeAvailability"] = lambda payload: {
        "status": "Accepted" if payload["connectorId"] == 1 else "Rejected"
    }
    request = ChangeAvailability(connector_id=0, type=AvailabilityType.INOPERATIVE)
    async with central_system() as central:
        await register(central)
        async with device.connected(central):
            await device.call("StatusNotification", _status(0, "Available"))
            await device.call("StatusNotification", _status(1, "Available"))
            command_id = await central.commands.submit("CP1", request)
            end = await central.commands.wait_settled(command_id)
            assert (end.status, end.follows) == ("Accepted", command_id)
            assert (await record(central, command_id)).status == "Rejected"
            # With two, it would be another request than what was asked.
            await device.call("StatusNotification", _status(2, "Available"))
            command_id = await central.commands.submit("CP1", request)
            assert (await central.commands.wait_settled(command_id)).status == "Rejected"
            # The direct path does what it is told, and nothing else.
            response = await central.charge_point("CP1").call(request)
            assert response.status == "Rejected"
    assert [payload["connectorId"] for _, payload in device.sent] == [0, 1, 0, 0]


async def test_by_policy_connector_0_is_not_tried_as_1(autojump_clock: MockClock) -> None:
    device = Device()
    device.answers["ChangeAvailability"] = {"status": "Rejected"}
    request = ChangeAvailability(connector_id=0, type=AvailabilityType.OPERATIVE)
    async with central_system(availability_by_connector=False) as central:
        await register(central)
        async with device.connected(central):
            await device.call("StatusNotification", _status(1, "Available"))
            command_id = await central.commands.submit("CP1", request)
            assert (await central.commands.wait_settled(command_id)).follows is None
    assert len(device.sent) == 1


async def test_a_direct_call_that_waits_for_its_turn_can_be_withdrawn(
    autojump_clock: MockClock,
) -> None:
    device = Device()
    device.answers["UnlockConnector"] = None
    async with central_system() as central:
        await register(central)
        async with device.connected(central), trio.open_nursery() as nursery:
            point = central.charge_point("CP1")
            nursery.start_soon(central.commands.wait_settled, 1)
            await point.submit(UnlockConnector(connector_id=1))
            await trio.sleep(1)

            async def ask() -> None:
                with pytest.raises(Withdrawn):
                    await point.call(ClearCache())

            nursery.start_soon(ask)
            await trio.sleep(1)
            (waiting,) = await central.store.read(
                lambda reader: commands.listed(reader, state=CommandState.QUEUED)
            )
            await central.commands.cancel(waiting.command_id)
        assert (await record(central, waiting.command_id)).state == "cancelled"
    assert device.actions == ["UnlockConnector"]


async def test_events_tell_each_step(autojump_clock: MockClock) -> None:
    device = Device()
    told: list[CommandChanged] = []
    async with central_system() as central:
        await register(central)
        with central.watch("CP1") as events:
            command_id = await central.commands.submit("CP1", ClearCache(), expires_in_s=60)
            async with device.connected(central):
                await central.commands.wait_settled(command_id)
            while len(told) < 3:
                event = (await events.next()).event
                if isinstance(event, CommandChanged):
                    told.append(event)
    assert [event.state for event in told] == ["queued", "sent", "answered"]
    assert {event.expires_at_us for event in told} == {told[0].at_us + 60_000_000}


async def test_many_waiting_for_one_command_all_hear_of_it(autojump_clock: MockClock) -> None:
    device = Device()
    async with central_system() as central:
        await register(central)
        command_id = await central.commands.submit("CP1", ClearCache())
        heard: list[str] = []

        async def wait() -> None:
            heard.append((await central.commands.wait_settled(command_id)).state)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            async with device.connected(central):
                await trio.sleep(1)
    assert heard == ["answered"] * 3

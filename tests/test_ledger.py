"""What a charge point does that is not allowed ends up in the ledger, one entry per way."""

from datetime import UTC, datetime
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import trio_clock
from ocpptrio.protocol.core import GetConfiguration, RegistrationStatus
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.store import charge_points, deviations, transactions
from ocpptrio.store.driver import Db
from ocpptrio.store.records import DeviationRecord
from tests.clients import BOOT
from tests.session.test_liveness import Life
from tests.test_central_system import NO_SOCKET, plug_in

MORNING = datetime(2026, 11, 22, tzinfo=UTC)
NOON = "2026-11-22T12:00:00Z"


async def noted(central: CentralSystem) -> list[DeviationRecord]:
    await wait_all_tasks_blocked()
    return await central.store.read(deviations.everyone)


async def test_conduct_is_noted_with_the_firmware_that_showed_it() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            await wire.call("BootNotification", BOOT | {"firmwareVersion": "1.0"})
            await wire.send(2, "a", "Dance", {})
            assert (await wire.receive())[2] == "NotImplemented"
            stop = {"transactionId": 999, "meterStop": 5, "timestamp": NOON}
            await wire.call("StopTransaction", stop)
            start = {"connectorId": 1, "idTag": "T", "meterStart": 500, "timestamp": NOON}
            started = await wire.call("StartTransaction", start)
            await wire.send(2, "b", "BootNotification", BOOT | {"firmwareVersion": "2.0"})
            await wire.receive()
            await wire.send(2, "c", "StopTransaction", stop | started | {"meterStop": 5})
            await wire.receive()
            nursery.cancel_scope.cancel()
        ledger = await noted(central)
    assert [(one.action, one.field, one.kind, one.example) for one in ledger] == [
        ("Dance", "", DeviationKind.UNKNOWN_ACTION, "Dance: unknown Action"),
        ("StopTransaction", "idTagInfo", DeviationKind.UNKNOWN_FIELD, '{"status":"Accepted"}'),
        ("StopTransaction", "meterStop", DeviationKind.REGISTER_BACKWARDS, "5 after 500"),
        ("StopTransaction", "transactionId", DeviationKind.UNKNOWN_TRANSACTION, "999"),
    ]
    assert [one.last_firmware for one in ledger] == ["1.0", "2.0", "2.0", "1.0"]


async def test_ids_that_were_never_given_are_noted_also_where_it_is_plain_what_they_mean() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            start = {"connectorId": 1, "idTag": "T", "meterStart": 500, "timestamp": NOON}
            await wire.call("StartTransaction", start)
            value = {"timestamp": NOON, "sampledValue": [{"value": "510"}]}
            values = {"connectorId": 1, "transactionId": 998, "meterValue": [value]}
            await wire.call("MeterValues", values)
            stop = {"transactionId": 999, "idTag": "T", "meterStop": 520, "timestamp": NOON}
            await wire.call("StopTransaction", stop)
            await wire.call("StopTransaction", stop)  # again, which is no second deviation
            nursery.cancel_scope.cancel()
        assert [
            (one.action, one.kind, one.example, one.occurrences) for one in await noted(central)
        ] == [
            ("MeterValues", DeviationKind.UNKNOWN_TRANSACTION, "998", 1),
            ("StopTransaction", DeviationKind.UNKNOWN_TRANSACTION, "999", 1),
        ]
        assert await central.store.read(transactions.everyone_open) == []


async def test_a_stop_for_minus_one_is_as_it_should_be() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            stop = {"transactionId": -1, "meterStop": 5, "timestamp": NOON}
            await wire.call("StopTransaction", stop)
            nursery.cancel_scope.cancel()
        assert await noted(central) == []


async def test_a_call_before_the_boot_is_accepted_is_noted() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:

        def add(db: Db) -> None:
            charge_points.add(
                db,
                charge_point_id="CP1",
                origin="added",
                at_us=0,
                registration=RegistrationStatus.PENDING,
            )

        await central.store.write(add)
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            await wire.send(2, "a", "Heartbeat", {})
            assert (await wire.receive())[2] == "SecurityError"
            nursery.cancel_scope.cancel()
        (one,) = await noted(central)
    assert (one.action, one.kind, one.example) == (
        "Heartbeat",
        DeviationKind.BEFORE_BOOT,
        "Pending",
    )


async def test_a_connection_beside_a_living_one_is_noted_and_a_dead_one_is_not(
    autojump_clock: MockClock,
) -> None:
    async with (
        CentralSystem(NO_SOCKET, clock=trio_clock(MORNING), inline_store=True) as central,
        trio.open_nursery() as nursery,
    ):
        for pause_s, times in ((60, 0), (4, 1), (4, 2)):
            wire = plug_in(central, nursery)
            await wire.call("Heartbeat", {})
            await trio.sleep(pause_s)
            plug_in(central, nursery)
            ledger = await noted(central)
            assert sum(one.occurrences for one in ledger) == times
            await trio.sleep(60)
        assert [one.kind for one in ledger] == [DeviationKind.SECOND_CONNECTION]
        nursery.cancel_scope.cancel()


async def test_a_ping_without_a_pong_is_told_once_a_connection(
    autojump_clock: MockClock,
) -> None:
    async with (
        CentralSystem(NO_SOCKET, clock=trio_clock(MORNING), inline_store=True) as central,
        trio.open_nursery() as nursery,
    ):
        for connections in (1, 2):
            wire = plug_in(central, nursery)
            await wire.call("Heartbeat", {})
            session = central.registry.get("CP1")
            assert session is not None
            session.life = Life(answers=False)
            await trio.sleep(100)
            assert sum(one.occurrences for one in await noted(central)) == connections - 1
            await trio.sleep(500)
            (one,) = await noted(central)
            assert (one.kind, one.occurrences) == (DeviationKind.NO_PONG, connections)
        nursery.cancel_scope.cancel()


async def test_a_secret_does_not_reach_the_ledger() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            await wire.call("BootNotification", BOOT)
            nursery.start_soon(central.charge_point("CP1").call, GetConfiguration())
            frame: Any = await wire.receive()
            keys = [{"key": "AuthorizationKey", "readonly": False, "value": 4711}]
            await wire.send(3, frame[1], {"configurationKey": keys})
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        (one,) = await noted(central)
    assert (one.kind, one.example) == (DeviationKind.WRONG_TYPE, "***")

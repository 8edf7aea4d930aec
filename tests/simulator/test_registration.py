"""Boots, what may be sent before one is accepted, clock and heartbeats."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import NoReturn

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.connection import Transport
from ocpptrio.errors import CallRefused, ErrorCode, RemoteProtocolError
from ocpptrio.protocol import core, remote_trigger
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.protocol.datatypes import Message
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.fake_central import START, FakeCentral, simulated, start

Sides = tuple[FakeCentral, SimulatedChargePoint]


def boots(central: FakeCentral, *statuses: RegistrationStatus, interval: int = 90) -> None:
    """Answer boots with these in turn, the last one again and again."""

    def answers() -> Iterator[RegistrationStatus]:
        yield from statuses
        while True:
            yield statuses[-1]

    turn = answers()
    central.script[core.BootNotification] = lambda _request: core.BootNotificationResponse(
        status=next(turn), current_time=central.now(), interval=interval
    )


async def started(nursery: trio.Nursery, *statuses: RegistrationStatus) -> Sides:
    central = FakeCentral()
    boots(central, *statuses)
    await nursery.start(central.run)
    charge_point = simulated()
    nursery.start_soon(charge_point.run, central.connect)
    await central.wait(core.BootNotification)
    await trio.sleep(0.1)
    return central, charge_point


async def test_an_accepted_boot_is_followed_by_the_status_of_all_connectors(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    boot = central.all(core.BootNotification)
    assert [each.charge_point_serial_number for each in boot] == ["CP1"]
    assert [
        (each.connector_id, each.status.value, each.error_code.value)
        for each in central.all(core.StatusNotification)
    ] == [(number, "Available", "NoError") for number in (0, 1, 2)]
    assert charge_point.link.registration.accepted


async def test_while_pending_only_boots_and_what_was_triggered_go_out(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await started(
        nursery, RegistrationStatus.PENDING, RegistrationStatus.ACCEPTED
    )
    await charge_point.plug_in(1)
    reported = await central.call(core.GetConfiguration(key=("HeartbeatInterval",)))
    assert reported.configuration_key is not None
    status = await central.call(
        remote_trigger.TriggerMessage(
            requested_message=remote_trigger.MessageTrigger.STATUS_NOTIFICATION, connector_id=1
        )
    )
    assert status.status is remote_trigger.TriggerMessageStatus.ACCEPTED
    await trio.sleep(80)
    assert [type(request).__name__ for _, request in central.requests] == [
        "BootNotification",
        "StatusNotification",
    ]
    await central.wait(core.BootNotification, 2)
    assert central.times(core.BootNotification)[1] == pytest.approx(90)
    await central.wait(core.StatusNotification, 4)


async def test_remote_start_and_stop_are_rejected_while_pending(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await started(nursery, RegistrationStatus.PENDING)
    answer = await central.call(core.RemoteStartTransaction(connector_id=1, id_tag="A"))
    assert answer.status is core.RemoteStartStopStatus.REJECTED


async def test_a_triggered_boot_while_pending_does_not_wait_for_the_interval(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await started(nursery, RegistrationStatus.PENDING, RegistrationStatus.ACCEPTED)
    await central.call(
        remote_trigger.TriggerMessage(
            requested_message=remote_trigger.MessageTrigger.BOOT_NOTIFICATION
        )
    )
    await central.wait(core.StatusNotification, 3)
    assert trio.current_time() < 1


async def test_a_rejected_charge_point_is_silent_until_the_interval_is_over(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await started(
        nursery, RegistrationStatus.REJECTED, RegistrationStatus.ACCEPTED
    )
    assert not charge_point.link.connected
    await trio.sleep(85)
    assert len(central.requests) == 1
    await central.wait(core.StatusNotification, 3)
    assert central.times(core.BootNotification) == pytest.approx([0, 90], abs=0.1)


async def test_a_boot_that_gets_no_answer_is_repeated(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    central.script[core.BootNotification] = lambda _request: None
    await nursery.start(central.run)
    nursery.start_soon(simulated().run, central.connect)
    await central.wait(core.BootNotification, 2)
    assert central.times(core.BootNotification) == pytest.approx([0, 90])  # time-out and wait


async def test_interval_zero_while_pending_lets_the_charge_point_choose(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    boots(central, RegistrationStatus.PENDING, interval=0)
    await nursery.start(central.run)
    nursery.start_soon(simulated().run, central.connect)
    await central.wait(core.BootNotification, 3)
    assert central.times(core.BootNotification) == pytest.approx([0, 60, 120])


async def test_a_reconnect_is_no_boot_and_reports_only_what_has_changed(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    central.hang_up()
    await trio.lowlevel.checkpoint()
    await charge_point.plug_in(2)
    await central.wait_status(2, core.ChargePointStatus.PREPARING)
    assert central.connects == 2
    assert len(central.all(core.BootNotification)) == 1
    assert len(central.statuses(1)) == 1
    assert trio.current_time() > 3  # not at once


async def test_waits_between_connection_attempts_grow(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    attempts: list[float] = []

    async def connect() -> NoReturn:
        attempts.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        raise OSError("nobody there")

    nursery.start_soon(simulated().run, connect)
    await trio.sleep(300)
    waits = [after - before for before, after in pairwise(attempts)]
    assert len(waits) >= 6
    for doubled_s, wait in zip((3, 6, 12, 24, 48, 48), waits, strict=False):
        assert doubled_s <= wait <= doubled_s + 3
    assert not central.requests


async def test_the_clock_is_set_by_the_central_system(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    ahead = timedelta(days=1, seconds=30)
    central.script[core.BootNotification] = lambda _request: core.BootNotificationResponse(
        status=RegistrationStatus.ACCEPTED, current_time=START + ahead, interval=300
    )
    await nursery.start(central.run)
    nursery.start_soon(simulated().run, central.connect)
    first = await central.wait(core.StatusNotification)
    assert first.timestamp == START + ahead


async def test_heartbeats_come_only_when_nothing_else_was_sent(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await trio.sleep(890)  # now it is 891
    assert central.times(core.Heartbeat) == pytest.approx([300, 600], abs=1)
    await charge_point.plug_in(1)
    await trio.sleep(100)
    await charge_point.unplug(1)
    await trio.sleep(295)
    assert len(central.all(core.Heartbeat)) == 2
    await trio.sleep(10)
    assert len(central.all(core.Heartbeat)) == 3


async def test_a_busy_charge_point_asks_for_the_time_once_a_day(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(nursery, configuration={"ClockAlignedDataInterval": "250"})
    await trio.sleep(3.1 * 86_400)
    assert len(central.all(core.Heartbeat)) == 3
    assert len(central.all(core.MeterValues)) > 3 * 1000
    assert charge_point.statistics.errors == 0


async def test_a_changed_heartbeat_interval_holds_at_once(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    await central.call(core.ChangeConfiguration(key="heartbeatinterval", value="10"))
    await trio.sleep(35)
    assert len(central.all(core.Heartbeat)) == 3


async def test_a_central_system_that_forgot_us_gets_a_boot(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    forgot = [True]

    def refuse(_request: core.StatusNotification) -> Message:
        if forgot:
            forgot.clear()
            raise RemoteProtocolError(ErrorCode.SECURITY_ERROR, "who are you?")
        return core.StatusNotificationResponse()

    central.script[core.StatusNotification] = refuse
    await charge_point.plug_in(1)
    await central.wait(core.BootNotification, 2)
    await central.wait_status(1, core.ChargePointStatus.PREPARING)
    assert charge_point.statistics.refused["StatusNotification", "SecurityError"] == 1


async def test_a_boot_may_be_triggered_after_acceptance_and_reports_all_statuses(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    await central.call(
        remote_trigger.TriggerMessage(
            requested_message=remote_trigger.MessageTrigger.BOOT_NOTIFICATION
        )
    )
    await central.wait(core.BootNotification, 2)
    await central.wait(core.StatusNotification, 6)


async def test_a_call_of_a_tester_fails_as_calls_do(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides

    def refuse(_request: core.Heartbeat) -> Message:
        raise RemoteProtocolError(ErrorCode.INTERNAL_ERROR, "database is down")

    central.script[core.Heartbeat] = refuse
    with pytest.raises(CallRefused, match="database is down"):
        await charge_point.call(core.Heartbeat())
    assert charge_point.statistics.error_lines() == ["1 x Heartbeat answered with InternalError"]


async def test_cards_are_not_asked_about_while_pending(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await started(nursery, RegistrationStatus.PENDING)
    await charge_point.plug_in(1)
    assert not await charge_point.present("A", 1)
    await trio.sleep(1)
    assert [type(request).__name__ for _, request in central.requests] == ["BootNotification"]


async def test_any_heartbeat_interval_is_taken(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    central.interval = 200_000
    await nursery.start(central.run)
    nursery.start_soon(simulated().run, central.connect)
    await central.wait(core.StatusNotification, 3)
    await trio.sleep(86_400)
    assert not central.all(core.Heartbeat)


async def test_an_interval_below_zero_is_no_interval(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    # Without the bound a boot loop would leave no time to pass.
    pending = [RegistrationStatus.PENDING] * 20
    boots(central, *pending, RegistrationStatus.ACCEPTED, interval=-5)
    await nursery.start(central.run)
    nursery.start_soon(simulated().run, central.connect)
    await trio.sleep(200)
    assert len(central.all(core.BootNotification)) == 4


async def test_a_cut_while_it_connects_is_a_cut_too(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    await nursery.start(central.run)

    async def connect() -> Transport:
        await trio.sleep(2)
        return await central.connect()

    charge_point = simulated()
    nursery.start_soon(charge_point.run, connect)
    await trio.sleep(1)
    await charge_point.cut(600)
    await trio.sleep(500)
    assert not central.requests
    await trio.sleep(200)
    assert central.all(core.BootNotification)

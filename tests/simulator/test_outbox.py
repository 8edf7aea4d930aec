"""What happens to messages that cannot be sent or are not answered (OCPP 1.6, 3.7)."""

from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol import core
from ocpptrio.protocol.core import ChargePointStatus, Reason
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.security import SecurityEventNotification
from ocpptrio.simulator import outbox
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.fake_central import FakeCentral, Script, start

Sides = tuple[FakeCentral, SimulatedChargePoint]


def fails(central: FakeCentral, kind: type[Message], *how: str) -> None:
    """The first answers to messages of a kind are these: `error`, `silence`; then as usual."""

    def turns() -> Iterator[str]:
        yield from how
        while True:
            yield "usual"

    turn = turns()

    def answer(request: Request[Message]) -> Message | None:
        match next(turn):
            case "error":
                raise RemoteProtocolError(ErrorCode.INTERNAL_ERROR, "database is down")
            case "silence":
                return None
        return central.usual(request)

    script: Script = answer
    central.script[kind] = script


async def start_charging(charge_point: SimulatedChargePoint) -> None:
    await charge_point.plug_in(1)
    assert await charge_point.present("A", 1)


async def test_a_refused_start_message_is_repeated_with_growing_waits(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    fails(central, core.StartTransaction, "error", "error")
    await start_charging(charge_point)
    await central.wait(core.StartTransaction, 3)
    assert central.times(core.StartTransaction) == pytest.approx([1, 61, 181], abs=0.1)
    assert len({str(each) for each in central.all(core.StartTransaction)}) == 1
    await trio.sleep(1)
    await charge_point.present("A", 1)
    assert (await central.wait(core.StopTransaction)).transaction_id == 1


async def test_an_unanswered_message_waits_for_the_time_out_first(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    fails(central, core.StartTransaction, "silence")
    await start_charging(charge_point)
    await central.wait(core.StartTransaction, 2)
    assert central.times(core.StartTransaction) == pytest.approx([1, 1 + 30 + 60], abs=0.1)
    assert charge_point.statistics.unanswered["StartTransaction"] == 1


async def test_everything_behind_a_repeated_message_waits_in_order(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    fails(central, core.StartTransaction, "error", "error")
    await start_charging(charge_point)
    await trio.sleep(150)
    await charge_point.unplug(1)
    await trio.sleep(5)
    kinds = [type(request).__name__ for _, request in central.requests]
    assert "MeterValues" not in kinds
    # Notices may overtake.
    assert central.statuses(1)[-1] == "Available"
    await central.wait(core.StopTransaction)
    related = core.StartTransaction | core.MeterValues | core.StopTransaction
    kinds = [
        type(request).__name__ for _, request in central.requests if isinstance(request, related)
    ]
    assert kinds == [
        "StartTransaction",
        "StartTransaction",
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
    ]
    assert all(each.transaction_id == 1 for each in central.all(core.MeterValues))


async def test_a_message_is_given_up_after_so_many_attempts_and_the_next_gets_its_turn(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    fails(central, core.StartTransaction, "error", "error", "error")
    await start_charging(charge_point)
    await trio.sleep(200)
    await charge_point.present("A", 1)
    ended = await central.wait(core.StopTransaction)
    assert len(central.all(core.StartTransaction)) == 3
    assert ended.transaction_id == -1  # never got one
    assert {each.transaction_id for each in central.all(core.MeterValues)} == {-1}


async def test_an_answer_that_comes_late_counts_all_the_same(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    central.delays[core.StartTransaction] = 45
    await start_charging(charge_point)
    await trio.sleep(50)
    central.delays.clear()
    await charge_point.present("A", 1)
    ended = await central.wait(core.StopTransaction)
    assert ended.transaction_id == 1
    await trio.sleep(300)
    assert len(central.all(core.StartTransaction)) == 1


async def test_a_whole_visit_offline_is_delivered_in_order_afterwards(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("AllowOfflineTxForUnknownId", "true")
    central.refuse_connections = True
    central.hang_up()
    await trio.sleep(1)
    begun_at = charge_point.device.now()
    await start_charging(charge_point)
    await trio.sleep(130)
    await charge_point.present("A", 1)
    await charge_point.unplug(1)
    await trio.sleep(600)
    before = len(central.requests)
    central.refuse_connections = False
    ended = await central.wait(core.StopTransaction)
    assert [
        type(request).__name__
        for _, request in central.requests[before:]
        if isinstance(request, core.StartTransaction | core.MeterValues | core.StopTransaction)
    ] == ["StartTransaction", "MeterValues", "MeterValues", "StopTransaction"]
    assert central.all(core.StartTransaction)[0].timestamp == begun_at
    assert ended.transaction_id == 1
    assert charge_point.statistics.errors == 0


async def test_the_current_status_goes_before_the_backlog(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await trio.sleep(1)
    central.refuse_connections = True
    central.hang_up()
    await trio.sleep(600)
    await charge_point.suspend(1)
    before = len(central.requests)
    central.refuse_connections = False
    await central.wait(core.MeterValues, 10)
    kinds = [type(request).__name__ for _, request in central.requests[before:]]
    assert kinds[0] == "StatusNotification"
    assert set(kinds[1:]) == {"MeterValues"}


async def test_a_message_under_way_in_a_cut_is_sent_again(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    fails(central, core.StartTransaction, "silence")
    await start_charging(charge_point)
    await trio.sleep(1)
    central.hang_up()
    await central.wait(core.StartTransaction, 2)
    assert central.connects == 2
    await trio.sleep(1)
    assert charge_point.station.with_transaction_id(1) is not None
    assert charge_point.statistics.errors == 0


async def test_power_loss_ends_transactions_after_the_next_boot(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await trio.sleep(100)
    await charge_point.power_loss(600)
    await trio.sleep(610)
    assert not central.all(core.StopTransaction)
    ended = await central.wait(core.StopTransaction)
    kinds = [type(request).__name__ for _, request in central.requests]
    assert kinds.index("StopTransaction") > kinds.index("BootNotification", 1)
    assert (ended.reason, ended.transaction_id) == (Reason.POWER_LOSS, 1)
    assert central.statuses(1)[-1] == "Finishing"
    start_wh = central.all(core.StartTransaction)[0].meter_start
    assert ended.meter_stop - start_wh == pytest.approx(100 * 11_040 / 3600, abs=1)


async def test_message_ids_are_never_used_twice(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    fails(central, core.StartTransaction, "error")
    await start_charging(charge_point)
    await trio.sleep(600)
    central.hang_up()
    await trio.sleep(600)
    ids = [text.split('"')[1] for text in central.raw if text.startswith("[2,")]
    assert len(ids) == len(set(ids)) > 20


async def test_a_full_queue_drops_meter_values_never_a_start_or_stop(
    sides: Sides, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    central, charge_point = sides
    monkeypatch.setattr(outbox, "LONGEST_QUEUE", 20)
    await start_charging(charge_point)
    await trio.sleep(1)
    central.refuse_connections = True
    central.hang_up()
    await trio.sleep(3600)
    await charge_point.unplug(1)
    assert len(charge_point.device.outbox) == 20
    central.refuse_connections = False
    await central.wait(core.StopTransaction)
    assert len(central.all(core.MeterValues)) == 19


async def test_security_events_wait_and_are_dropped_only_if_nobody_wants_them(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    central.refuse_connections = True
    central.hang_up()
    charge_point.security_event("TamperDetectionActivated")
    await trio.sleep(60)
    central.refuse_connections = False
    await central.wait(SecurityEventNotification, 2)

    def refuse(_request: SecurityEventNotification) -> Message:
        raise RemoteProtocolError(ErrorCode.NOT_IMPLEMENTED, "no such thing")

    central.script[SecurityEventNotification] = refuse
    charge_point.security_event("TamperDetectionActivated")
    await start_charging(charge_point)
    await central.wait_status(1, ChargePointStatus.CHARGING)
    assert len(central.all(SecurityEventNotification)) == 3


async def test_notices_are_not_kept_for_later(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    central.refuse_connections = True
    central.hang_up()
    await trio.sleep(1)
    for _ in range(3):
        await charge_point.plug_in(1)
        await charge_point.unplug(1)
    await trio.sleep(1000)
    central.refuse_connections = False
    await trio.sleep(100)
    assert central.statuses(1) == ["Available"]


async def test_what_cannot_be_sent_at_all_does_not_stop_the_rest(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    told: list[str] = []
    central, charge_point = await start(nursery, tell=told.append)
    await start_charging(charge_point)
    await trio.sleep(1)
    transaction = charge_point.station.connector(1).transaction
    assert transaction is not None
    transaction.id.value = 2**63 - 1  # seen in the field; no 32 bits hold it
    await charge_point.unplug(1)
    await central.wait_status(1, ChargePointStatus.AVAILABLE)
    await start_charging(charge_point)
    await central.wait(core.StartTransaction, 2)
    assert "StopTransaction cannot be sent" in told[-1]


async def test_all_who_wait_for_the_last_message_hear_of_it(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    central.delays[core.StartTransaction] = 5
    await start_charging(charge_point)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(charge_point.device.outbox.wait_empty)

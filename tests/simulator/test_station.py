"""What happens at the connectors: from plug to unplug, and the statuses they show."""

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.clock import to_us
from ocpptrio.protocol import core
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, Reason
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.ev import ElectricVehicle
from tests.simulator.fake_central import START, FakeCentral, start

Sides = tuple[FakeCentral, SimulatedChargePoint]


def after(seconds: float) -> int:
    """Seconds after the test began, as the text of a timestamp means it."""
    return to_us(START) // 1_000_000 + int(seconds)


async def charging(charge_point: SimulatedChargePoint, id_tag: str = "A") -> None:
    await charge_point.plug_in(1)
    assert await charge_point.present(id_tag, 1)
    await trio.sleep(1)
    assert charge_point.status(1) is ChargePointStatus.CHARGING


async def test_a_visit_plug_first(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    await trio.sleep(10)
    assert await charge_point.present("A", 1)
    await trio.sleep(3600)
    assert await charge_point.present("a", 1)  # idTags ignore case
    await trio.sleep(5)
    await charge_point.unplug(1)
    await trio.sleep(1)
    assert central.statuses(1) == ["Available", "Preparing", "Charging", "Finishing", "Available"]
    (begun,), (ended,) = central.all(core.StartTransaction), central.all(core.StopTransaction)
    assert len(central.all(core.Authorize)) == 1
    assert begun.id_tag == "A"
    assert ended.id_tag == "a"
    assert ended.transaction_id == 1
    assert ended.reason is Reason.LOCAL
    assert to_us(begun.timestamp) // 1_000_000 == after(11)
    assert ended.meter_stop - begun.meter_start == 11_040
    assert charge_point.statistics.errors == 0


async def test_a_visit_card_first(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    assert await charge_point.present("A")
    assert charge_point.status(1) is ChargePointStatus.PREPARING
    await trio.sleep(5)
    await charge_point.plug_in(1)
    await central.wait(core.StartTransaction)
    await trio.sleep(1)
    assert central.statuses(1) == ["Available", "Preparing", "Charging"]


async def test_a_card_without_car_is_forgotten_after_connection_time_out(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await charge_point.present("A", 1)
    await trio.sleep(119)
    assert charge_point.status(1) is ChargePointStatus.PREPARING
    await trio.sleep(2)
    assert charge_point.status(1) is ChargePointStatus.AVAILABLE
    await charge_point.plug_in(1)
    await trio.sleep(1)
    assert not central.all(core.StartTransaction)


async def test_a_car_without_card_is_finishing_after_connection_time_out_and_may_still_start(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    await trio.sleep(121)
    assert charge_point.status(1) is ChargePointStatus.FINISHING
    assert await charge_point.present("A", 1)
    await trio.sleep(1)
    assert central.statuses(1)[-3:] == ["Finishing", "Preparing", "Charging"]


async def test_another_transaction_may_follow_with_the_cable_still_in(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charging(charge_point)
    await charge_point.present("A", 1)
    await charge_point.present("B", 1)
    await trio.sleep(1)
    assert central.statuses(1)[-3:] == ["Finishing", "Preparing", "Charging"]
    assert [each.id_tag for each in central.all(core.StartTransaction)] == ["A", "B"]


async def test_a_car_at_its_target_suspends_and_the_transaction_goes_on(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1, ElectricVehicle(60_000, 11_000, soc=0.5, target_soc=0.6))
    await charge_point.present("A", 1)
    await charge_point.wait_status(1, ChargePointStatus.SUSPENDED_EV)
    assert trio.current_time() == pytest.approx(1 + 6_000 / 11_000 * 3600, abs=1)
    await trio.sleep(7200)
    await charge_point.unplug(1)
    ended = await central.wait(core.StopTransaction)
    assert ended.meter_stop - central.all(core.StartTransaction)[0].meter_start == 6_000


async def test_the_car_may_pause_and_resume(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await charging(charge_point)
    await charge_point.suspend(1)
    await trio.sleep(3600)
    await charge_point.resume(1)
    await trio.sleep(3600)
    await charge_point.present("A", 1)
    ended = await central.wait(core.StopTransaction)
    assert central.statuses(1)[2:5] == ["Charging", "SuspendedEV", "Charging"]
    energy = ended.meter_stop - central.all(core.StartTransaction)[0].meter_start
    assert energy == pytest.approx(11_040, abs=5)


async def test_taking_the_car_away_ends_the_transaction(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charging(charge_point)
    await charge_point.unplug(1)
    ended = await central.wait(core.StopTransaction)
    assert (ended.reason, ended.id_tag) == (Reason.EV_DISCONNECTED, "A")
    await central.wait_status(1, ChargePointStatus.AVAILABLE)
    assert central.statuses(1)[2:] == ["Charging", "SuspendedEV", "Finishing", "Available"]


async def test_without_stop_on_disconnect_the_transaction_waits_for_the_car(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery, configuration={"StopTransactionOnEVSideDisconnect": "false"}
    )
    await charging(charge_point)
    await charge_point.unplug(1)
    await trio.sleep(60)
    assert charge_point.status(1) is ChargePointStatus.SUSPENDED_EV
    await charge_point.plug_in(1)
    await trio.sleep(60)
    assert charge_point.status(1) is ChargePointStatus.CHARGING
    await charge_point.unplug(1)
    assert await charge_point.present("A", 1)
    await charge_point.unplug(1)
    await trio.sleep(1)
    assert charge_point.status(1) is ChargePointStatus.AVAILABLE
    assert len(central.all(core.StopTransaction)) == 1


async def test_a_locked_cable_is_released_with_the_card(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    _, charge_point = await start(
        nursery, configuration={"UnlockConnectorOnEVSideDisconnect": "false"}
    )
    await charging(charge_point)
    await charge_point.unplug(1)
    assert charge_point.status(1) is ChargePointStatus.FINISHING
    assert await charge_point.present("A", 1)
    assert charge_point.status(1) is ChargePointStatus.AVAILABLE


async def test_another_card_of_the_group_may_stop_a_stranger_may_not(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    groups = {"A": "FLEET", "B": "fleet", "C": "OTHER", "D": None}

    def authorize(request: core.Authorize) -> core.AuthorizeResponse:
        return core.AuthorizeResponse(
            id_tag_info=IdTagInfo(
                status=AuthorizationStatus.ACCEPTED, parent_id_tag=groups[request.id_tag]
            )
        )

    central.script[core.Authorize] = authorize
    await charging(charge_point)
    assert not await charge_point.present("C", 1)
    assert not await charge_point.present("D", 1)
    assert charge_point.status(1) is ChargePointStatus.CHARGING
    assert await charge_point.present("B", 1)
    ended = await central.wait(core.StopTransaction)
    assert ended.id_tag == "B"


async def test_a_card_finds_its_own_transaction_and_else_the_waiting_car(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(2)
    assert await charge_point.present("A")
    await trio.sleep(1)
    assert charge_point.status(2) is ChargePointStatus.CHARGING
    assert await charge_point.present("B")
    assert charge_point.status(1) is ChargePointStatus.PREPARING
    assert not await charge_point.present("C")  # no place left
    assert await charge_point.present("A")
    assert (await central.wait(core.StopTransaction)).transaction_id == 1


async def test_a_refused_card_starts_nothing(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    central.script[core.Authorize] = lambda _request: core.AuthorizeResponse(
        id_tag_info=IdTagInfo(status=AuthorizationStatus.BLOCKED)
    )
    await charge_point.plug_in(1)
    assert not await charge_point.present("A", 1)
    assert not central.all(core.StartTransaction)
    assert charge_point.status(1) is ChargePointStatus.PREPARING


async def test_a_refused_start_is_stopped_again(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    central.script[core.StartTransaction] = lambda _request: central.started(
        AuthorizationStatus.INVALID
    )
    await charge_point.plug_in(1)
    await charge_point.present("A", 1)
    ended = await central.wait(core.StopTransaction)
    assert (ended.reason, ended.transaction_id) == (Reason.DE_AUTHORIZED, 1)
    await central.wait_status(1, ChargePointStatus.FINISHING)


async def test_a_refused_start_may_only_pause(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery, configuration={"StopTransactionOnInvalidId": "false"}
    )
    central.script[core.StartTransaction] = lambda _request: central.started(
        AuthorizationStatus.CONCURRENT_TX
    )
    await charge_point.plug_in(1)
    await charge_point.present("A", 1)
    await central.wait_status(1, ChargePointStatus.SUSPENDED_EVSE)
    await trio.sleep(3600)
    assert not central.all(core.StopTransaction)
    await charge_point.present("A", 1)
    ended = await central.wait(core.StopTransaction)
    assert ended.meter_stop == central.all(core.StartTransaction)[0].meter_start


@pytest.mark.parametrize("stops", [True, False])
async def test_a_refused_start_may_get_a_little_energy(
    nursery: trio.Nursery, autojump_clock: MockClock, stops: bool
) -> None:
    central, charge_point = await start(
        nursery,
        configuration={
            "MaxEnergyOnInvalidId": "500",
            "StopTransactionOnInvalidId": str(stops).lower(),
        },
    )
    central.script[core.StartTransaction] = lambda _request: central.started(
        AuthorizationStatus.EXPIRED
    )
    await charge_point.plug_in(1)
    await charge_point.present("A", 1)
    await trio.sleep(60)
    assert charge_point.status(1) is ChargePointStatus.CHARGING
    await trio.sleep(600)
    if not stops:
        assert charge_point.status(1) is ChargePointStatus.SUSPENDED_EVSE
        await charge_point.unplug(1)
    ended = await central.wait(core.StopTransaction)
    assert ended.meter_stop - central.all(core.StartTransaction)[0].meter_start == 500


async def test_a_fault_pauses_and_its_end_goes_back(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charging(charge_point)
    before = charge_point.station.connector(1).meter.read(charge_point.device.now_us())
    await charge_point.fault(1, ChargePointErrorCode.GROUND_FAILURE, "wet")
    await trio.sleep(600)
    await charge_point.clear_fault(1)
    after_it = charge_point.station.connector(1).meter.read(charge_point.device.now_us())
    await trio.sleep(1)
    assert after_it.register_wh == before.register_wh
    assert central.statuses(1)[-3:] == ["Charging", "Faulted", "Charging"]
    faulted = [each for each in central.all(core.StatusNotification) if each.info]
    assert [(each.error_code, each.info) for each in faulted] == [
        (ChargePointErrorCode.GROUND_FAILURE, "wet")
    ]
    await charge_point.fault(2)
    assert not await charge_point.present("B", 2)


async def test_a_status_that_does_not_last_is_not_reported(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(nursery, configuration={"MinimumStatusDuration": "5"})
    await charge_point.plug_in(1)
    await trio.sleep(3)
    await charge_point.present("A", 1)
    await trio.sleep(4)
    assert central.statuses(1) == ["Available"]
    await trio.sleep(2)
    assert central.statuses(1) == ["Available", "Charging"]
    reported = central.all(core.StatusNotification)[-1]
    assert reported.timestamp is not None
    assert to_us(reported.timestamp) // 1_000_000 == after(4)  # when it began
    await charge_point.suspend(1)
    await charge_point.resume(1)
    await trio.sleep(60)
    assert central.statuses(1) == ["Available", "Charging"]


async def test_a_second_car_does_not_fit(sides: Sides, autojump_clock: MockClock) -> None:
    _, charge_point = sides
    await charge_point.plug_in(1)
    with pytest.raises(ValueError, match="connector 1"):
        await charge_point.plug_in(1)
    with pytest.raises(KeyError, match="only 1 to 2"):
        await charge_point.plug_in(3)
    with pytest.raises(ValueError, match="no car"):
        await charge_point.suspend(2)


async def test_registers_differ_between_charge_points_and_go_on_over_visits(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    for _ in range(2):
        await charging(charge_point)
        await trio.sleep(3599)
        await charge_point.unplug(1)
        await trio.sleep(1)
    first, second = central.all(core.StartTransaction)
    assert second.meter_start == central.all(core.StopTransaction)[0].meter_stop
    assert second.meter_start - first.meter_start == 11_040
    assert first.meter_start > 0


async def test_what_has_no_power_neither_charges_nor_measures(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await charge_point.present("A", 2)  # so that the card is known offline
    charge_point.configuration.change("ClockAlignedDataInterval", "60")
    charge_point.configuration_changed("ClockAlignedDataInterval")
    await charge_point.power_loss(600)
    await charge_point.plug_in(1)
    assert not await charge_point.present("A", 1)
    await trio.sleep(700)
    assert not central.all(core.StartTransaction)
    away = range(after(30), after(600))
    values = [each.meter_value[0].timestamp for each in central.all(core.MeterValues)]
    assert not [each for each in values if to_us(each) // 1_000_000 in away]
    assert charge_point.status(1) is ChargePointStatus.PREPARING
    assert await charge_point.present("A", 1)
    await central.wait(core.StartTransaction)


async def test_nobody_begins_to_charge_at_a_broken_connector(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await charge_point.present("A", 1)
    await charge_point.fault(1)
    await charge_point.plug_in(1)
    await trio.sleep(5)
    assert not central.all(core.StartTransaction)
    await charge_point.clear_fault(1)
    assert charge_point.status(1) is ChargePointStatus.PREPARING
    assert await charge_point.present("A", 1)
    await central.wait(core.StartTransaction)

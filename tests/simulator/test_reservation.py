"""Reservations: made, kept, used, and run out."""

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.errors import CallRefused
from ocpptrio.protocol import core
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.protocol.reservation import (
    CancelReservation,
    CancelReservationStatus,
    ReservationStatus,
    ReserveNow,
)
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.fake_central import START, FakeCentral

Sides = tuple[FakeCentral, SimulatedChargePoint]
AVAILABLE, RESERVED = ChargePointStatus.AVAILABLE, ChargePointStatus.RESERVED


async def reserve(
    central: FakeCentral,
    connector_id: int,
    id_tag: str = "A",
    *,
    reservation_id: int = 1,
    parent: str | None = None,
    seconds: float = 1800,
) -> ReservationStatus:
    answer = await central.call(
        ReserveNow(
            connector_id=connector_id,
            expiry_date=START + timedelta(seconds=trio.current_time() + seconds),
            id_tag=id_tag,
            parent_id_tag=parent,
            reservation_id=reservation_id,
        )
    )
    return answer.status


async def test_a_reservation_is_used_up_by_its_card(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await reserve(central, 1, reservation_id=17) is ReservationStatus.ACCEPTED
    await central.wait_status(1, RESERVED)
    assert not await charge_point.present("B", 1)
    assert await charge_point.present("a", 1)
    await charge_point.plug_in(1)
    begun = await central.wait(core.StartTransaction)
    assert begun.reservation_id == 17
    await charge_point.unplug(1)
    await trio.sleep(1)
    assert charge_point.status(1) is AVAILABLE
    assert central.statuses(1)[:4] == ["Available", "Reserved", "Preparing", "Charging"]
    await charge_point.plug_in(1)
    assert await charge_point.present("B", 1)
    assert (await central.wait(core.StartTransaction, 2)).reservation_id is None


async def test_a_card_of_the_group_may_use_it(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    groups = {"MATE": "FLEET", "OTHER": "ELSE", "LONE": None}
    central.script[core.Authorize] = lambda request: core.AuthorizeResponse(
        id_tag_info=IdTagInfo(
            status=AuthorizationStatus.ACCEPTED, parent_id_tag=groups[request.id_tag]
        )
    )
    await reserve(central, 1, "A", parent="fleet")
    await charge_point.plug_in(1)
    assert not await charge_point.present("OTHER", 1)
    assert not await charge_point.present("LONE", 1)
    assert len(central.all(core.Authorize)) == 2  # asked, to learn their groups
    assert await charge_point.present("MATE", 1)
    assert (await central.wait(core.StartTransaction)).reservation_id == 1


async def test_a_reservation_runs_out(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await reserve(central, 1, seconds=600)
    await trio.sleep(595)
    assert charge_point.status(1) is RESERVED
    await trio.sleep(10)
    assert central.statuses(1)[-1] == "Available"
    assert await charge_point.present("B", 1)


async def test_a_reservation_can_be_cancelled_once(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    await reserve(central, 1)
    status = CancelReservationStatus
    for expected in status.ACCEPTED, status.REJECTED:
        answer = await central.call(CancelReservation(reservation_id=1))
        assert answer.status is expected
    await central.wait_status(1, AVAILABLE)


async def test_the_same_id_moves_a_reservation(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await reserve(central, 1)
    assert await reserve(central, 2) is ReservationStatus.ACCEPTED
    assert (charge_point.status(1), charge_point.status(2)) == (AVAILABLE, RESERVED)
    assert await reserve(central, 2, "B") is ReservationStatus.ACCEPTED
    assert await charge_point.present("B", 2)


async def test_a_move_that_fails_leaves_the_reservation_where_it_was(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await reserve(central, 1)
    await charge_point.fault(2)
    assert await reserve(central, 2) is ReservationStatus.FAULTED
    assert charge_point.status(1) is RESERVED


async def test_a_connector_in_use_reserved_faulted_or_out_of_service_cannot_be_reserved(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    assert await reserve(central, 1) is ReservationStatus.OCCUPIED
    assert await reserve(central, 2) is ReservationStatus.ACCEPTED
    assert await reserve(central, 2, reservation_id=2) is ReservationStatus.OCCUPIED
    await charge_point.unplug(1)
    await charge_point.fault(1)
    assert await reserve(central, 1, reservation_id=2) is ReservationStatus.FAULTED
    await charge_point.clear_fault(1)
    await central.call(
        core.ChangeAvailability(connector_id=1, type=core.AvailabilityType.INOPERATIVE)
    )
    assert await reserve(central, 1, reservation_id=2) is ReservationStatus.UNAVAILABLE
    with pytest.raises(CallRefused, match="no connector 3"):
        await reserve(central, 3)


async def test_a_reservation_of_the_past_is_rejected(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    assert await reserve(central, 1, seconds=-5) is ReservationStatus.REJECTED


async def test_a_fault_ends_a_reservation(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await reserve(central, 1)
    await charge_point.fault(1)
    await charge_point.clear_fault(1)
    assert charge_point.status(1) is AVAILABLE


async def test_connector_0_keeps_the_last_free_place(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await reserve(central, 0) is ReservationStatus.ACCEPTED
    assert (charge_point.status(1), charge_point.status(2)) == (AVAILABLE, RESERVED)
    assert await charge_point.present("B", 1)
    await charge_point.plug_in(1)
    await trio.sleep(1)
    assert not await charge_point.present("C", 2)
    assert not await charge_point.present("C")
    assert await reserve(central, 2, reservation_id=2) is ReservationStatus.OCCUPIED
    assert await charge_point.present("A")
    await charge_point.plug_in(2)
    assert (await central.wait(core.StartTransaction, 2)).reservation_id == 1


async def test_the_place_kept_for_connector_0_moves_with_what_is_free(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(2)
    await charge_point.present("B", 2)
    await reserve(central, 0)
    assert charge_point.status(1) is RESERVED
    await charge_point.unplug(2)
    assert (charge_point.status(1), charge_point.status(2)) == (AVAILABLE, RESERVED)
    assert await charge_point.present("A", 1)  # it may also take the other one
    assert charge_point.status(2) is RESERVED
    await charge_point.plug_in(1)
    await trio.sleep(1)
    assert charge_point.status(2) is AVAILABLE


async def test_connector_0_may_not_be_supported(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    charge_point.configuration.set("ReserveConnectorZeroSupported", "false")
    assert await reserve(central, 0) is ReservationStatus.REJECTED


async def test_connector_0_is_kept_where_no_car_is(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    assert await reserve(central, 0) is ReservationStatus.ACCEPTED
    await charge_point.plug_in(2)  # somebody else
    await trio.sleep(1)
    assert charge_point.status(1) is RESERVED
    assert not await charge_point.present("B", 1)
    assert await charge_point.present("B", 2)
    assert await charge_point.present("A", 1)


async def test_a_charge_point_out_of_service_keeps_no_connector_for_anybody(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await reserve(central, 0) is ReservationStatus.ACCEPTED
    for kind in core.AvailabilityType.INOPERATIVE, core.AvailabilityType.OPERATIVE:
        await central.call(core.ChangeAvailability(connector_id=0, type=kind))
    answer = await central.call(CancelReservation(reservation_id=1))
    assert answer.status is CancelReservationStatus.REJECTED
    assert [charge_point.status(number) for number in (1, 2)] == [AVAILABLE, AVAILABLE]

"""Commands of the profile Reservation (OCPP 1.6, 5.1 and 5.13)."""

from typing import TYPE_CHECKING

from ocpptrio.clock import to_us
from ocpptrio.protocol import reservation
from ocpptrio.simulator.commands.known import check_connector
from ocpptrio.simulator.reservation import Reservation

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def cancel_reservation(
    charge_point: "SimulatedChargePoint", request: reservation.CancelReservation
) -> reservation.CancelReservationResponse:
    if charge_point.station.reservations.cancel(request.reservation_id):
        charge_point.station.update()
        status = reservation.CancelReservationStatus.ACCEPTED
    else:
        status = reservation.CancelReservationStatus.REJECTED
    return reservation.CancelReservationResponse(status=status)


def reserve_now(
    charge_point: "SimulatedChargePoint", request: reservation.ReserveNow
) -> reservation.ReserveNowResponse:
    check_connector(charge_point, request.connector_id)
    station = charge_point.station
    status = station.reservations.reserve(
        Reservation(
            request.reservation_id,
            request.connector_id,
            request.id_tag,
            request.parent_id_tag,
            to_us(request.expiry_date),
        ),
        in_service=station.operative and station.in_service,
    )
    station.update()
    return reservation.ReserveNowResponse(status=status)

"""Reservation: what an operator keeps free, and what he is told of it.

The central system keeps no list of reservations yet: known afterwards are the commands with their
answers, the states of the connectors, and the reservation that a transaction used up.
"""

from datetime import timedelta

import pytest

from ocpptrio.protocol.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailability,
    ChangeAvailabilityResponse,
)
from ocpptrio.protocol.reservation import (
    CancelReservation,
    CancelReservationResponse,
    CancelReservationStatus,
    ReservationStatus,
    ReserveNow,
    ReserveNowResponse,
)
from tests.certification.station import MORNING, TAG, Station, put_tag

RESERVATION = 7
KEPT_FOR_S = 30
COLLEAGUE = "04D5E6F7"


async def reserve(
    station: Station,
    status: str = "Accepted",
    connector_id: int = 1,
    parent_id_tag: str | None = None,
) -> None:
    expiry_date = MORNING + timedelta(seconds=KEPT_FOR_S)
    assert station.now() < expiry_date.isoformat()
    sent = {
        "connectorId": connector_id,
        "expiryDate": "2026-01-15T08:00:30Z",
        "idTag": TAG,
        "reservationId": RESERVATION,
    }
    if parent_id_tag is not None:
        sent["parentIdTag"] = parent_id_tag
    await station.is_commanded(
        ReserveNow(
            connector_id=connector_id,
            expiry_date=expiry_date,
            id_tag=TAG,
            parent_id_tag=parent_id_tag,
            reservation_id=RESERVATION,
        ),
        sent,
        {"status": status},
        ReserveNowResponse(status=ReservationStatus(status)),
    )


async def cancel(station: Station, status: str) -> None:
    await station.is_commanded(
        CancelReservation(reservation_id=RESERVATION),
        {"reservationId": RESERVATION},
        {"status": status},
        CancelReservationResponse(status=CancelReservationStatus(status)),
    )


async def test_tc_046_a_reservation_is_used(station: Station) -> None:
    await station.is_ready()
    await reserve(station)
    await station.status(1, "Reserved")
    await station.authorizes()
    await station.status(1, "Preparing")
    transaction_id = await station.starts(reservationId=RESERVATION)
    await station.status(1, "Charging")
    assert (await station.transaction(transaction_id)).reservation_id == RESERVATION


async def test_tc_047_a_reservation_expires(station: Station) -> None:
    await station.is_ready()
    await reserve(station)
    await station.status(1, "Reserved")
    await station.waits(KEPT_FOR_S)
    await station.status(1, "Available")
    await station.has_no_transaction()


async def test_tc_048_1_no_reservation_as_it_is_faulted(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Faulted", "GroundFailure")
    await reserve(station, "Faulted")


async def test_tc_048_2_no_reservation_as_it_is_occupied(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Preparing")
    await reserve(station, "Occupied")


async def test_tc_048_3_no_reservation_as_it_is_unavailable(station: Station) -> None:
    await station.is_ready()
    await station.is_commanded(
        ChangeAvailability(connector_id=1, type=AvailabilityType.INOPERATIVE),
        {"connectorId": 1, "type": "Inoperative"},
        {"status": "Accepted"},
        ChangeAvailabilityResponse(status=AvailabilityStatus.ACCEPTED),
    )
    await station.status(1, "Unavailable")
    await reserve(station, "Unavailable")


async def test_tc_048_4_no_reservation_as_it_is_rejected(station: Station) -> None:
    await station.is_ready()
    await reserve(station, "Rejected")


async def test_tc_049_any_connector_is_reserved(station: Station) -> None:
    await station.is_ready()
    await reserve(station, connector_id=0)
    await station.status(1, "Reserved")


async def test_tc_051_a_reservation_is_cancelled(station: Station) -> None:
    await station.is_ready()
    await reserve(station)
    await station.status(1, "Reserved")
    await cancel(station, "Accepted")
    await station.status(1, "Available")


async def test_tc_052_a_reservation_cannot_be_cancelled(station: Station) -> None:
    await station.is_ready()
    await cancel(station, "Rejected")


@pytest.mark.parametrize("authorizes", [True, False], ids=["authorizes", "starts at once"])
async def test_tc_053_another_tag_of_the_group_uses_the_reservation(
    station: Station, authorizes: bool
) -> None:
    await put_tag(station.central, TAG, parent_id_tag="FLEET-7")
    await put_tag(station.central, COLLEAGUE, parent_id_tag="FLEET-7")
    await station.is_ready()
    await reserve(station, parent_id_tag="FLEET-7")
    await station.status(1, "Reserved")
    if authorizes:
        response = await station.sends("Authorize", idTag=COLLEAGUE)
        assert response == {"idTagInfo": {"status": "Accepted", "parentIdTag": "FLEET-7"}}
    await station.status(1, "Preparing")
    transaction_id = await station.starts(idTag=COLLEAGUE, reservationId=RESERVATION)
    await station.status(1, "Charging")
    assert (await station.transaction(transaction_id)).reservation_id == RESERVATION

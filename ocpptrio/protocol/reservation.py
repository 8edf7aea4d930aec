"""Feature profile Reservation: its messages (OCPP 1.6, 5.1, 5.13).

Not here: which reservations exist and when they end (services).
"""

from enum import StrEnum

from ocpptrio.protocol.datatypes import (
    ConnectorId,
    DateTime,
    IdToken,
    Integer,
    Message,
    Request,
)


class CancelReservationStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    """Whether there was such a reservation."""

    status: CancelReservationStatus


class CancelReservation(Request[CancelReservationResponse], frozen=True, kw_only=True):
    """Withdraw a reservation (OCPP 1.6, 5.1)."""

    reservation_id: Integer


class ReservationStatus(StrEnum):
    ACCEPTED = "Accepted"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"
    REJECTED = "Rejected"
    UNAVAILABLE = "Unavailable"


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    """Whether the connector is kept."""

    status: ReservationStatus


class ReserveNow(Request[ReserveNowResponse], frozen=True, kw_only=True):
    """Keep a connector free for an idTag (OCPP 1.6, 5.13)."""

    connector_id: ConnectorId  # 0 is any connector
    expiry_date: DateTime
    id_tag: IdToken
    parent_id_tag: IdToken | None = None
    reservation_id: Integer  # the id of an existing reservation replaces it

"""Reservations of a charge point: which connectors are kept for whom, until when (OCPP 1.6, 3.12).

Not here: who uses a connector (station).
"""

from collections.abc import Callable, Sequence

import msgspec

from ocpptrio.protocol.core import ChargePointErrorCode
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.protocol.reservation import ReservationStatus
from ocpptrio.simulator.connector import Connector
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.timing import Timer


class Reservation(msgspec.Struct, frozen=True):
    """Connector 0 stands for any one connector. `expiry_us` is by the charge point's clock."""

    reservation_id: int
    connector_id: int
    id_tag: str
    parent_id_tag: str | None
    expiry_us: int

    def is_for(self, id_tag: str, parent_id_tag: str | None) -> bool:
        """Whether the idTag, or the group it belongs to, may use this reservation."""
        if id_tag_key(self.id_tag) == id_tag_key(id_tag):
            return True
        if self.parent_id_tag is None or parent_id_tag is None:
            return False
        return id_tag_key(self.parent_id_tag) == id_tag_key(parent_id_tag)


class Reservations:
    """Those in force. `on_change` is called when one runs out."""

    def __init__(
        self, device: Device, connectors: Sequence[Connector], on_change: Callable[[], None]
    ) -> None:
        self._device = device
        self._connectors = connectors
        self._on_change = on_change
        self._by_id: dict[int, Reservation] = {}
        self._timer: Timer | None = None

    def reserve(self, reservation: Reservation, *, in_service: bool) -> ReservationStatus:
        """ReserveNow (OCPP 1.6, 5.13); one with the same id is replaced."""
        replaced = self._by_id.pop(reservation.reservation_id, None)
        status = self._can_be_kept(reservation, in_service=in_service)
        if status is ReservationStatus.ACCEPTED:
            self._by_id[reservation.reservation_id] = reservation
        elif replaced is not None:
            self._by_id[replaced.reservation_id] = replaced
        self.clock_changed()
        return status

    def _can_be_kept(self, reservation: Reservation, *, in_service: bool) -> ReservationStatus:
        candidates = [each for each in self._connectors if reservation.connector_id in (0, each.id)]
        supported = self._device.configuration.flag("ReserveConnectorZeroSupported")
        if (reservation.connector_id == 0 and not supported) or (
            reservation.expiry_us <= self._device.clock.now_us()
        ):
            return ReservationStatus.REJECTED
        if not in_service or not any(each.operative for each in candidates):
            return ReservationStatus.UNAVAILABLE
        if all(each.error is not ChargePointErrorCode.NO_ERROR for each in candidates):
            return ReservationStatus.FAULTED
        free = [each for each in self._free() if not each.plugged]
        if len(free) <= len(self._of_any()) or not any(each in free for each in candidates):
            return ReservationStatus.OCCUPIED
        return ReservationStatus.ACCEPTED

    def cancel(self, reservation_id: int) -> bool:
        """CancelReservation (OCPP 1.6, 5.1); False if there is no such reservation."""
        return self._by_id.pop(reservation_id, None) is not None

    def drop(self, connector: Connector) -> None:
        """The connector cannot be kept any longer: faulted, or out of service."""
        reservation = self._on(connector)
        if reservation is not None:
            self.cancel(reservation.reservation_id)

    def drop_all(self) -> None:
        """The charge point as a whole is out of service."""
        self._by_id.clear()

    def is_kept(self, connector: Connector) -> bool:
        """For somebody, also as one of the last free ones when connector 0 is reserved."""
        if self._on(connector) is not None:
            return True
        waiting = len(self._of_any())
        if not waiting:
            return False
        # Those without a car first: at the others somebody waits already.
        return connector in sorted(self._free(), key=lambda each: not each.plugged)[-waiting:]

    def usable_by(
        self, connector: Connector, id_tag: str, parent_id_tag: str | None
    ) -> Reservation | None:
        """The reservation that a start on this connector uses up, its own before any other."""
        own = self._on(connector)
        if own is not None:
            return own if own.is_for(id_tag, parent_id_tag) else None
        return next((each for each in self._of_any() if each.is_for(id_tag, parent_id_tag)), None)

    def may_be_for_group(self, connector: Connector) -> bool:
        """Whether the parentIdTag of a card could let it use this connector (OCPP 1.6, 3.12)."""
        candidates = [self._on(connector), *self._of_any()]
        return any(each is not None and each.parent_id_tag is not None for each in candidates)

    def clock_changed(self) -> None:
        """When the next one runs out may be at another time now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        expiry_us = min((each.expiry_us for each in self._by_id.values()), default=None)
        if expiry_us is not None:
            self._timer = self._device.at_clock(expiry_us, self._expire)

    def _expire(self) -> None:
        now_us = self._device.clock.now_us()
        self._by_id = {key: each for key, each in self._by_id.items() if each.expiry_us > now_us}
        self.clock_changed()
        self._on_change()

    def _on(self, connector: Connector) -> Reservation | None:
        for reservation in self._by_id.values():
            if reservation.connector_id == connector.id:
                return reservation
        return None

    def _of_any(self) -> list[Reservation]:
        return [each for each in self._by_id.values() if each.connector_id == 0]

    def _free(self) -> list[Connector]:
        return [
            each
            for each in self._connectors
            if each.operative
            and each.error is ChargePointErrorCode.NO_ERROR
            and each.transaction is None
            and each.authorization is None
            and self._on(each) is None
        ]

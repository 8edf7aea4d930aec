"""StatusNotifications: which status the central system has been told, and which it has not.

Not here: what the status is (connector, station).
"""

from ocpptrio.protocol.core import (
    ChargePointErrorCode,
    ChargePointStatus,
    StatusNotification,
    StatusNotificationResponse,
)
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.timing import Timer


class StatusReport:
    """The status of one connector, or of the charge point (0), as it is and as it was reported."""

    __slots__ = ("_connector_id", "_device", "_settling", "error", "info", "reported", "status")

    def __init__(self, device: Device, connector_id: int) -> None:
        self._device = device
        self._connector_id = connector_id
        self._settling: Timer | None = None
        self.status = ChargePointStatus.AVAILABLE
        self.error = ChargePointErrorCode.NO_ERROR
        self.info: str | None = None
        self.reported: tuple[ChargePointStatus, ChargePointErrorCode] | None = None

    def set(self, status: ChargePointStatus, error: ChargePointErrorCode, info: str | None) -> None:
        """The status is this; if it is new it goes out, once it has lasted long enough."""
        if (status, error, info) == (self.status, self.error, self.info):
            return
        self.status, self.error, self.info = status, error, info
        self._cancel()
        seconds = self._device.configuration.number("MinimumStatusDuration")
        if not seconds:
            self.send()
            return
        message = self.message()  # with the time at which the status began

        def settled() -> None:
            self._settling = None
            if (status, error) != self.reported:
                self._notify(message)

        self._settling = self._device.after(seconds, settled)

    def send_missed(self) -> None:
        """After time offline: the current status, if it is not the last one reported (4.9)."""
        if self._settling is None and self.reported != (self.status, self.error):
            self.send()

    def send(self) -> None:
        self._cancel()
        self._notify(self.message())

    def message(self) -> StatusNotification:
        return StatusNotification(
            connector_id=self._connector_id,
            error_code=self.error,
            info=self.info,
            status=self.status,
            timestamp=self._device.now(),
        )

    def _notify(self, message: StatusNotification) -> None:
        def answered(_response: StatusNotificationResponse) -> None:
            self.reported = message.status, message.error_code

        self._device.outbox.notify(message, answered)

    def _cancel(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

"""Progress of firmware updates and of diagnostics and log uploads.

OCPP 1.6, 4.4 and 4.5; security white paper, 5.13 and 5.19. Any order is taken; there is nothing to
refuse. Not here: what started them (commands).
"""

from ocpptrio.events import DiagnosticsStatusChanged, FirmwareStatusChanged, LogStatusChanged
from ocpptrio.protocol.firmware import (
    DiagnosticsStatusNotification,
    DiagnosticsStatusNotificationResponse,
    FirmwareStatusNotification,
    FirmwareStatusNotificationResponse,
)
from ocpptrio.protocol.security import (
    LogStatusNotification,
    LogStatusNotificationResponse,
    SignedFirmwareStatusNotification,
    SignedFirmwareStatusNotificationResponse,
)
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import charge_points
from ocpptrio.store.driver import Db, Store


class NotificationService:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def firmware(
        self, incoming: Incoming, request: FirmwareStatusNotification
    ) -> FirmwareStatusNotificationResponse:
        await self._firmware(incoming, request.status, signed=False, request_id=None)
        return FirmwareStatusNotificationResponse()

    async def signed_firmware(
        self, incoming: Incoming, request: SignedFirmwareStatusNotification
    ) -> SignedFirmwareStatusNotificationResponse:
        await self._firmware(incoming, request.status, signed=True, request_id=request.request_id)
        return SignedFirmwareStatusNotificationResponse()

    async def _firmware(
        self, incoming: Incoming, status: str, *, signed: bool, request_id: int | None
    ) -> None:
        charge_point_id, at_us = incoming.charge_point_id, incoming.received_at_us

        def work(db: Db) -> None:
            charge_points.set_firmware_status(db, charge_point_id, status, at_us)
            db.emit(
                FirmwareStatusChanged(
                    charge_point_id=charge_point_id,
                    at_us=at_us,
                    status=status,
                    signed=signed,
                    request_id=request_id,
                )
            )

        await self._store.write(work)

    async def diagnostics(
        self, incoming: Incoming, request: DiagnosticsStatusNotification
    ) -> DiagnosticsStatusNotificationResponse:
        charge_point_id, at_us = incoming.charge_point_id, incoming.received_at_us

        def work(db: Db) -> None:
            charge_points.set_diagnostics_status(db, charge_point_id, request.status, at_us)
            db.emit(
                DiagnosticsStatusChanged(
                    charge_point_id=charge_point_id, at_us=at_us, status=request.status
                )
            )

        await self._store.write(work)
        return DiagnosticsStatusNotificationResponse()

    async def log(
        self, incoming: Incoming, request: LogStatusNotification
    ) -> LogStatusNotificationResponse:
        charge_point_id, at_us = incoming.charge_point_id, incoming.received_at_us

        def work(db: Db) -> None:
            charge_points.set_log_status(db, charge_point_id, request.status, at_us)
            db.emit(
                LogStatusChanged(
                    charge_point_id=charge_point_id,
                    at_us=at_us,
                    status=request.status,
                    request_id=request.request_id,
                )
            )

        await self._store.write(work)
        return LogStatusNotificationResponse()

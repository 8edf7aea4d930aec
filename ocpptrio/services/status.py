"""StatusNotification: the state of connectors (OCPP 1.6, 4.9).

Status is not the truth about transactions: only their own messages open and close them.
"""

from ocpptrio.events import StatusChanged
from ocpptrio.protocol.core import StatusNotification, StatusNotificationResponse
from ocpptrio.services.incoming import Incoming
from ocpptrio.session.state import is_outdated
from ocpptrio.store import connectors
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import ConnectorRecord


class StatusService:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def notify(
        self, incoming: Incoming, request: StatusNotification
    ) -> StatusNotificationResponse:
        """Any transition is taken: short states may have been swallowed (MinimumStatusDuration).

        One that is outdated goes into the history only.
        """
        status_at_us = incoming.event_time_us(request.timestamp)
        state = incoming.state
        record = ConnectorRecord(
            charge_point_id=incoming.charge_point_id,
            connector_id=request.connector_id,
            status=request.status,
            error_code=request.error_code,
            info=request.info,
            vendor_id=request.vendor_id,
            vendor_error_code=request.vendor_error_code,
            status_at_us=status_at_us,
            received_at_us=incoming.received_at_us,
        )

        def work(db: Db) -> None:
            known = connectors.get(db, record.charge_point_id, record.connector_id)
            outdated = known is not None and is_outdated(
                state, status_at_us, known.status_at_us, known.received_at_us
            )
            if not outdated:
                connectors.put(db, record)
            db.emit(
                StatusChanged(
                    charge_point_id=record.charge_point_id,
                    at_us=record.received_at_us,
                    connector_id=record.connector_id,
                    status=request.status,
                    error_code=request.error_code,
                    status_at_us=status_at_us,
                    info=request.info,
                    vendor_id=request.vendor_id,
                    vendor_error_code=request.vendor_error_code,
                    outdated=outdated,
                )
            )

        await self._store.write(work)
        return StatusNotificationResponse()

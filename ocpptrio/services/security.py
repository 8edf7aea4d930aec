"""SecurityEventNotification and SignCertificate (security white paper, A02 to A04).

Requests for certificates are stored and answered; issuing is not built yet.
"""

from ocpptrio.events import CertificateRequested, SecurityEventReported
from ocpptrio.protocol.security import (
    GenericStatusEnumType,
    SecurityEventNotification,
    SecurityEventNotificationResponse,
    SignCertificate,
    SignCertificateResponse,
)
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import security
from ocpptrio.store.driver import Db, Store


class SecurityService:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def event(
        self, incoming: Incoming, request: SecurityEventNotification
    ) -> SecurityEventNotificationResponse:
        """Delivery is guaranteed (A04.FR.02), so the same event may come twice: kept once."""
        occurred_at_us = incoming.event_time_us(request.timestamp)

        def work(db: Db) -> None:
            is_new = security.insert_event(
                db,
                charge_point_id=incoming.charge_point_id,
                type=request.type,
                occurred_at_us=occurred_at_us,
                received_at_us=incoming.received_at_us,
                tech_info=request.tech_info,
            )
            if is_new:
                db.emit(
                    SecurityEventReported(
                        charge_point_id=incoming.charge_point_id,
                        at_us=incoming.received_at_us,
                        type=request.type,
                        occurred_at_us=occurred_at_us,
                        tech_info=request.tech_info,
                    )
                )

        await self._store.write(work)
        return SecurityEventNotificationResponse()

    async def sign_certificate(
        self, incoming: Incoming, request: SignCertificate
    ) -> SignCertificateResponse:
        """Answered at once (A02); a request that comes again is the same request."""

        def work(db: Db) -> None:
            number, is_new = security.insert_certificate_request(
                db,
                charge_point_id=incoming.charge_point_id,
                csr=request.csr,
                received_at_us=incoming.received_at_us,
            )
            if is_new:
                db.emit(
                    CertificateRequested(
                        charge_point_id=incoming.charge_point_id,
                        at_us=incoming.received_at_us,
                        request_number=number,
                    )
                )

        await self._store.write(work)
        return SignCertificateResponse(status=GenericStatusEnumType.ACCEPTED)

"""DataTransfer from charge points: a registry of vendor handlers (OCPP 1.6, 4.3)."""

from collections.abc import Awaitable, Callable

from ocpptrio.events import DataTransferred
from ocpptrio.protocol.core import DataTransfer, DataTransferResponse, DataTransferStatus
from ocpptrio.services.incoming import Incoming
from ocpptrio.store.driver import Store

VendorHandler = Callable[[Incoming, DataTransfer], Awaitable[DataTransferResponse]]
"""Answers the DataTransfers of one vendor, or of one messageId of it."""


class DataTransferService:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._handlers: dict[str, dict[str | None, VendorHandler]] = {}

    def register(
        self, vendor_id: str, handler: VendorHandler, *, message_id: str | None = None
    ) -> None:
        """Let `handler` answer a vendor's messages: those with `message_id`, or all others."""
        self._handlers.setdefault(vendor_id.casefold(), {})[message_id] = handler

    async def transfer(self, incoming: Incoming, request: DataTransfer) -> DataTransferResponse:
        """A vendor that nobody registered is UnknownVendorId, without data: never a CALLERROR."""
        response = await self._answer(incoming, request)
        event = DataTransferred(
            charge_point_id=incoming.charge_point_id,
            at_us=incoming.received_at_us,
            vendor_id=request.vendor_id,
            message_id=request.message_id,
            data=request.data,
            status=response.status,
        )
        await self._store.write(lambda db: db.emit(event))
        return response

    async def _answer(self, incoming: Incoming, request: DataTransfer) -> DataTransferResponse:
        handlers = self._handlers.get(request.vendor_id.casefold())
        if handlers is None:
            return DataTransferResponse(status=DataTransferStatus.UNKNOWN_VENDOR_ID)
        handler = handlers.get(request.message_id) or handlers.get(None)
        if handler is None:
            return DataTransferResponse(status=DataTransferStatus.UNKNOWN_MESSAGE_ID)
        return await handler(incoming, request)

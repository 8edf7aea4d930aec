"""Who may charge: Authorize, and the verdict in the answers to starts and stops.

OCPP 1.6, 4.1 and 7.2. Not here: who may connect (admission).
"""

from collections.abc import Collection

from ocpptrio.clock import from_us
from ocpptrio.config import AuthorizationSettings
from ocpptrio.protocol.core import Authorize, AuthorizeResponse
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import id_tags, transactions
from ocpptrio.store.driver import Reader, Store


class AuthorizationService:
    def __init__(self, store: Store, settings: AuthorizationSettings) -> None:
        self._store = store
        self._settings = settings

    async def authorize(self, incoming: Incoming, request: Authorize) -> AuthorizeResponse:
        """Never ConcurrentTx: that verdict belongs to a start (7.2), and would be cached."""
        is_open, now_us = incoming.state.open, incoming.received_at_us
        # In the writer though it writes nothing: it shares a trip there with all who wait, where a
        # read of its own would cost a thread's.
        info = await self._store.write(
            lambda db: self.verdict(db, request.id_tag, now_us, is_open=is_open)
        )
        return AuthorizeResponse(id_tag_info=info)

    def verdict(
        self,
        reader: Reader,
        id_tag: str,
        at_us: int,
        *,
        is_open: bool,
        start_besides: Collection[int] | None = None,
    ) -> IdTagInfo:
        """May this idTag charge?

        Args:
            at_us: the time of the event, which for a replayed start is long past.
            is_open: at this charge point an unknown idTag may charge.
            start_besides: for a start, the transactions that it proves to be over; any others
                that run for this idTag may make it ConcurrentTx.
        """
        tag = id_tags.get(reader, id_tag)
        if tag is None:
            status = AuthorizationStatus.ACCEPTED if is_open else AuthorizationStatus.INVALID
            return IdTagInfo(status=status)
        if tag.blocked:
            status = AuthorizationStatus.BLOCKED
        elif tag.expires_at_us is not None and tag.expires_at_us <= at_us:
            status = AuthorizationStatus.EXPIRED
        elif start_besides is not None and self._is_charging_enough(
            reader, id_tag, tag.max_concurrent, start_besides
        ):
            status = AuthorizationStatus.CONCURRENT_TX
        else:
            status = AuthorizationStatus.ACCEPTED
        return IdTagInfo(
            status=status,
            parent_id_tag=tag.parent_id_tag,
            expiry_date=None if tag.expires_at_us is None else from_us(tag.expires_at_us),
        )

    def _is_charging_enough(
        self, reader: Reader, id_tag: str, limit: int | None, besides: Collection[int]
    ) -> bool:
        if limit is None:
            limit = self._settings.max_concurrent_transactions
        if limit == 0:
            return False
        # Refused starts stay open until their stop arrives, but nobody charges by them.
        running = [
            transaction
            for transaction in transactions.open_of_tag(reader, id_tag)
            if transaction.authorization_status == AuthorizationStatus.ACCEPTED
            and transaction.transaction_id not in besides
        ]
        return len(running) >= limit

"""StartTransaction and StopTransaction: what was charged (OCPP 1.6, 4.8 and 4.10).

A charge point does not ask, it tells; a refusal or silence makes it repeat the message for ever and
hold back all that follows (3.7.1). So every start gets an id and every stop an answer, whatever we
think of them, and what does not fit is kept for a person to see.

Not here: what a stop does (stops), which transaction it means, and what messages prove about other
transactions (reconciliation).
"""

from typing import Final

from ocpptrio.clock import from_us, to_us
from ocpptrio.events import TransactionStarted
from ocpptrio.protocol.core import (
    StartTransaction,
    StartTransactionResponse,
    StopTransaction,
    StopTransactionResponse,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo, id_tag_key
from ocpptrio.services import reconciliation
from ocpptrio.services.authorization import AuthorizationService
from ocpptrio.services.incoming import CLOCK_NOT_SET_BEFORE_US, Incoming
from ocpptrio.store import transactions
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import TransactionRecord, TransactionState

SECOND_US: Final = 1_000_000  # to which charge points cut their times
CLOCK_NOT_SET: Final = "clock not set"  # flag


class TransactionService:
    def __init__(self, store: Store, authorization: AuthorizationService) -> None:
        self._store = store
        self._authorization = authorization

    async def start(
        self, incoming: Incoming, request: StartTransaction
    ) -> StartTransactionResponse:
        return await self._store.write(lambda db: self._start(db, incoming, request))

    def _start(
        self, db: Db, incoming: Incoming, request: StartTransaction
    ) -> StartTransactionResponse:
        started_at_us = incoming.event_time_us(request.timestamp)
        place = incoming.charge_point_id, request.connector_id
        since = transactions.started_from(db, *place, started_at_us)
        beside = transactions.open_on_connector(db, *place)
        # The duplicate before the verdict: else the idTag is concurrent with itself (Q37).
        is_timed = to_us(request.timestamp) >= CLOCK_NOT_SET_BEFORE_US
        known = _began_before(since if is_timed else beside, request, started_at_us, is_timed)
        if known is not None:
            return StartTransactionResponse(
                transaction_id=known.transaction_id, id_tag_info=_first_verdict(known)
            )
        # One transaction per connector: the stop of an earlier one was lost, or is yet to come. One
        # from the future was started by a wrong clock, before this one came.
        now_us = incoming.received_at_us
        lost = [
            transaction
            for transaction in beside
            if transaction.started_at_us <= started_at_us
            or started_at_us <= now_us < transaction.started_at_us
        ]
        info = self._authorization.verdict(
            db,
            request.id_tag,
            started_at_us,
            is_open=incoming.state.open,
            start_besides=[transaction.transaction_id for transaction in lost],
        )
        transaction_id = transactions.insert(
            db,
            charge_point_id=incoming.charge_point_id,
            connector_id=request.connector_id,
            id_tag=request.id_tag,
            parent_id_tag=info.parent_id_tag,
            authorization_status=info.status,
            authorization_expires_at_us=(
                None if info.expiry_date is None else to_us(info.expiry_date)
            ),
            reservation_id=request.reservation_id,
            started_at_us=started_at_us,
            start_received_at_us=incoming.received_at_us,
            meter_start_wh=request.meter_start,
            flags=() if is_timed else (CLOCK_NOT_SET,),
            suspect_since_us=_booted_since(incoming, started_at_us),
        )
        db.emit(
            TransactionStarted(
                charge_point_id=incoming.charge_point_id,
                at_us=incoming.received_at_us,
                transaction_id=transaction_id,
                connector_id=request.connector_id,
                id_tag=request.id_tag,
                authorization=info.status,
                started_at_us=started_at_us,
                meter_start_wh=request.meter_start,
                suspect_since_us=_booted_since(incoming, started_at_us),
            )
        )
        later = [one for one in since if started_at_us < one.started_at_us <= now_us]
        if lost or later or incoming.state.orphan_stops:
            self._put_in_order(db, incoming, transaction_id, lost, later)
        return StartTransactionResponse(transaction_id=transaction_id, id_tag_info=info)

    @staticmethod
    def _put_in_order(
        db: Db,
        incoming: Incoming,
        transaction_id: int,
        lost: list[TransactionRecord],
        later: list[TransactionRecord],
    ) -> None:
        """What a start proves about others, and others about it: they may come in any order."""
        at_us = incoming.received_at_us
        started = transactions.owned(db, incoming.charge_point_id, transaction_id)
        assert started is not None
        for transaction in lost:
            reconciliation.supersede(db, transaction, started, at_us)
        if incoming.state.orphan_stops:
            reconciliation.retry_orphans(db, incoming.charge_point_id, at_us)
            started = transactions.owned(db, incoming.charge_point_id, transaction_id)
            assert started is not None
        if not later:
            return
        if started.state is TransactionState.OPEN:
            reconciliation.supersede(db, started, later[0], at_us)
        before = transactions.before_on_connector(
            db, started.charge_point_id, started.connector_id, started.started_at_us
        )
        if before is not None and before.state is TransactionState.SUPERSEDED:
            # What proved it over is farther than this one.
            reconciliation.supersede(db, before, started, at_us)

    async def stop(self, incoming: Incoming, request: StopTransaction) -> StopTransactionResponse:
        return await self._store.write(lambda db: self._stop(db, incoming, request))

    def _stop(
        self, db: Db, incoming: Incoming, request: StopTransaction
    ) -> StopTransactionResponse:
        stopped_at_us = incoming.event_time_us(request.timestamp)
        response = StopTransactionResponse()
        info: IdTagInfo | None = None
        if request.id_tag is not None:
            info = self._authorization.verdict(
                db, request.id_tag, stopped_at_us, is_open=incoming.state.open
            )
            response = StopTransactionResponse(id_tag_info=info)
        reconciliation.take_stop(db, incoming, request, info.parent_id_tag if info else None)
        if incoming.state.orphan_stops:
            reconciliation.retry_orphans(db, incoming.charge_point_id, incoming.received_at_us)
        return response


def _first_verdict(transaction: TransactionRecord) -> IdTagInfo:
    expires_at_us = transaction.authorization_expires_at_us
    return IdTagInfo(
        status=AuthorizationStatus(transaction.authorization_status),
        parent_id_tag=transaction.parent_id_tag,
        expiry_date=None if expires_at_us is None else from_us(expires_at_us),
    )


def _booted_since(incoming: Incoming, started_at_us: int) -> int | None:
    """The boot that came after a start, for a start that was queued: it may be over (Q45)."""
    booted_at_us = incoming.state.booted_at_us
    if booted_at_us is None or started_at_us >= booted_at_us - SECOND_US:
        return None
    return booted_at_us


def _began_before(
    found: list[TransactionRecord], request: StartTransaction, started_at_us: int, is_timed: bool
) -> TransactionRecord | None:
    """The transaction that this very start began when it came before.

    Without a clock it comes at another time: then it is the one that is open all the same.
    """
    for transaction in found:
        if (
            transaction.meter_start_wh == request.meter_start
            and transaction.id_tag_key == id_tag_key(request.id_tag)
            and (
                transaction.started_at_us == started_at_us
                if is_timed
                else CLOCK_NOT_SET in transaction.flags
            )
        ):
            return transaction
    return None

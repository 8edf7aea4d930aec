"""StartTransaction and StopTransaction: what was charged (OCPP 1.6, 4.8 and 4.10).

A charge point does not ask, it tells; a refusal or silence makes it repeat the message for ever and
hold back all that follows (3.7.1). So every start gets an id and every stop an answer, whatever we
think of them, and what does not fit is kept for a person to see.

Not here: what a stop does (stops), which transaction it means, and what messages prove about other
transactions (reconciliation).
"""

from typing import Final, NamedTuple

from ocpptrio.events import TransactionStarted
from ocpptrio.protocol.core import (
    StartTransaction,
    StartTransactionResponse,
    StopTransaction,
    StopTransactionResponse,
)
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.services import reconciliation
from ocpptrio.services.authorization import AuthorizationService, account_of, first_verdict
from ocpptrio.services.flags import CLOCK_NOT_SET
from ocpptrio.services.incoming import Incoming, is_timed
from ocpptrio.services.verdict import Verdict
from ocpptrio.store import meter_readings, transactions
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import TransactionRecord
from ocpptrio.store.vocabulary import TransactionState

SECOND_US: Final = 1_000_000  # to which charge points cut their times
LATE_US: Final = 10 * SECOND_US  # a start that is older was queued


class _Neighbours(NamedTuple):
    """What is known of the connector of a start, and of that time."""

    is_timed: bool  # the start says when it was
    known: TransactionRecord | None  # that this very start began when it came before
    lost: list[TransactionRecord]  # over, as this one starts: no stop of theirs has come yet
    later: list[TransactionRecord]  # that started since

    @property
    def verdict_besides(self) -> list[int]:
        return [transaction.transaction_id for transaction in self.lost]


class TransactionService:
    def __init__(self, store: Store, authorization: AuthorizationService) -> None:
        self._store = store
        self._authorization = authorization

    async def start(
        self, incoming: Incoming, request: StartTransaction
    ) -> StartTransactionResponse:
        theirs = None
        if self._authorization.external is not None:
            # They are asked before anything is written, as the writer does not wait for anybody;
            # but not about a duplicate, which has its answer.
            found = await self._store.write(lambda db: self._before_start(db, incoming, request))
            if isinstance(found, StartTransactionResponse):
                return found
            started_at_us = incoming.event_time_us(request.timestamp)
            asked = await self._authorization.ask_for_start(incoming, request, started_at_us, found)
            theirs = None if asked is found else asked  # no opinion: ours, as it is by then
        return await self._store.write(lambda db: self._start(db, incoming, request, theirs))

    def _before_start(
        self, db: Db, incoming: Incoming, request: StartTransaction
    ) -> StartTransactionResponse | Verdict:
        """The answer to a duplicate, or our own verdict."""
        neighbours = _neighbours(db, incoming, request)
        if neighbours.known is not None:
            return _answer_again(neighbours.known)
        return self._authorization.start_verdict(
            db,
            incoming,
            request,
            incoming.event_time_us(request.timestamp),
            neighbours.verdict_besides,
        )

    def _start(
        self, db: Db, incoming: Incoming, request: StartTransaction, theirs: Verdict | None
    ) -> StartTransactionResponse:
        started_at_us = incoming.event_time_us(request.timestamp)
        neighbours = _neighbours(db, incoming, request)
        # The duplicate before the verdict: else the idTag is concurrent with itself (Q37).
        if neighbours.known is not None:
            return _answer_again(neighbours.known)
        verdict = theirs or self._authorization.start_verdict(
            db, incoming, request, started_at_us, neighbours.verdict_besides
        )
        info = verdict.info()
        account = account_of(incoming.state, request.id_tag)
        suspect_since_us = _booted_since(incoming, started_at_us)
        transaction_id = transactions.insert(
            db,
            charge_point_id=incoming.charge_point_id,
            connector_id=request.connector_id,
            id_tag=request.id_tag,
            parent_id_tag=info.parent_id_tag,
            authorization_status=info.status,
            authorization_expires_at_us=verdict.expires_at_us,
            authorization_reason=verdict.reason,
            account_id_tag=account,
            reservation_id=request.reservation_id,
            started_at_us=started_at_us,
            start_received_at_us=incoming.received_at_us,
            meter_start_wh=request.meter_start,
            flags=() if neighbours.is_timed else (CLOCK_NOT_SET,),
            suspect_since_us=suspect_since_us,
        )
        if incoming.received_at_us - started_at_us > LATE_US:
            # Its values may have come before it, and belonged nowhere.
            meter_readings.attach(
                db,
                charge_point_id=incoming.charge_point_id,
                connector_id=request.connector_id,
                transaction_id=transaction_id,
                since_us=started_at_us,
                until_us=min(
                    [incoming.received_at_us, *(one.started_at_us for one in neighbours.later)]
                ),
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
                reason=verdict.reason,
                charged_to=None if account == request.id_tag else account,
                suspect_since_us=suspect_since_us,
            )
        )
        if neighbours.lost or neighbours.later or incoming.state.orphan_stops:
            _put_in_order(db, incoming, transaction_id, neighbours)
        return StartTransactionResponse(transaction_id=transaction_id, id_tag_info=info)

    async def stop(self, incoming: Incoming, request: StopTransaction) -> StopTransactionResponse:
        return await self._store.write(lambda db: self._stop(db, incoming, request))

    def _stop(
        self, db: Db, incoming: Incoming, request: StopTransaction
    ) -> StopTransactionResponse:
        stopped_at_us = incoming.event_time_us(request.timestamp)
        info = self._authorization.stop_info(db, incoming, request, stopped_at_us)
        parent_id_tag = None if info is None else info.parent_id_tag
        reconciliation.take_stop(db, incoming, request, parent_id_tag)
        if incoming.state.orphan_stops:
            reconciliation.retry_orphans(db, incoming.charge_point_id, incoming.received_at_us)
        return StopTransactionResponse(id_tag_info=info)


def _neighbours(db: Db, incoming: Incoming, request: StartTransaction) -> _Neighbours:
    started_at_us, now_us = incoming.event_time_us(request.timestamp), incoming.received_at_us
    place = incoming.charge_point_id, request.connector_id
    since = transactions.started_from(db, *place, started_at_us)
    beside = transactions.open_on_connector(db, *place)
    timed = is_timed(request.timestamp)
    known = _began_before(since if timed else beside, request, started_at_us, timed)
    if known is None and len(since) == transactions.STARTED:
        # A clock that stands still: there may be more of that time.
        known = transactions.started_by(
            db, *place, started_at_us, request.id_tag, request.meter_start
        )
    return _Neighbours(
        timed,
        known,
        # One transaction per connector: the stop of an earlier one was lost, or is yet to come. One
        # from the future was started by a wrong clock, before this one came.
        [
            transaction
            for transaction in beside
            if transaction.started_at_us <= started_at_us
            or started_at_us <= now_us < transaction.started_at_us
        ],
        [one for one in since if started_at_us < one.started_at_us <= now_us],
    )


def _began_before(
    found: list[TransactionRecord], request: StartTransaction, started_at_us: int, timed: bool
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
                if timed
                else CLOCK_NOT_SET in transaction.flags
            )
        ):
            return transaction
    return None


def _answer_again(known: TransactionRecord) -> StartTransactionResponse:
    return StartTransactionResponse(
        transaction_id=known.transaction_id, id_tag_info=first_verdict(known).info()
    )


def _booted_since(incoming: Incoming, started_at_us: int) -> int | None:
    """The boot that came after a start, for a start that was queued: it may be over (Q45)."""
    booted_at_us = incoming.state.booted_at_us
    # A boot is of our clock; the boot may have mended the clock that the start is of.
    latest_us = max(started_at_us, started_at_us - (incoming.state.clock_skew_us or 0))
    if booted_at_us is None or latest_us >= booted_at_us - SECOND_US:
        return None
    return booted_at_us


def _put_in_order(db: Db, incoming: Incoming, transaction_id: int, neighbours: _Neighbours) -> None:
    """What a start proves about others, and others about it: they may come in any order."""
    at_us = incoming.received_at_us
    started = transactions.owned(db, incoming.charge_point_id, transaction_id)
    assert started is not None
    for transaction in neighbours.lost:
        reconciliation.supersede(db, transaction, started, at_us)
    if incoming.state.orphan_stops:
        reconciliation.retry_orphans(db, incoming.charge_point_id, at_us)
        started = transactions.owned(db, incoming.charge_point_id, transaction_id)
        assert started is not None
    if not neighbours.later:
        return
    if started.state is TransactionState.OPEN:
        reconciliation.supersede(db, started, neighbours.later[0], at_us)
    before = transactions.before_on_connector(
        db, started.charge_point_id, started.connector_id, started.started_at_us
    )
    if before is not None and before.state is TransactionState.SUPERSEDED:
        # What proved it over is farther than this one.
        reconciliation.supersede(db, before, started, at_us)

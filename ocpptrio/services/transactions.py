"""StartTransaction and StopTransaction: what was charged (OCPP 1.6, 4.8 and 4.10).

A charge point does not ask, it tells; a refusal or silence makes it repeat the message for ever and
hold back all that follows (3.7.1). So every start gets an id and every stop an answer, whatever we
think of them, and what does not fit is kept for a person to see.
"""

from collections.abc import Iterable

import msgspec

from ocpptrio.events import (
    StopOrphaned,
    TransactionStarted,
    TransactionStopped,
    TransactionSuperseded,
)
from ocpptrio.protocol.core import (
    Reason,
    StartTransaction,
    StartTransactionResponse,
    StopTransaction,
    StopTransactionResponse,
)
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.services import metering
from ocpptrio.services.authorization import AuthorizationService, account_of, first_verdict
from ocpptrio.services.incoming import Incoming
from ocpptrio.services.verdict import Verdict
from ocpptrio.store import meter_readings, orphan_stops, transactions
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import TransactionRecord


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
        started_at_us = incoming.event_time_us(request.timestamp)
        known = self._known_start(db, incoming, request, started_at_us)
        if known is not None:
            return known
        lost = self._lost(db, incoming, request, started_at_us)
        return self._own_verdict(db, incoming, request, started_at_us, lost)

    def _start(
        self, db: Db, incoming: Incoming, request: StartTransaction, theirs: Verdict | None
    ) -> StartTransactionResponse:
        started_at_us = incoming.event_time_us(request.timestamp)
        # The duplicate before the verdict: else the idTag is concurrent with itself (Q37).
        answered = self._known_start(db, incoming, request, started_at_us)
        if answered is not None:
            return answered
        lost = self._lost(db, incoming, request, started_at_us)
        verdict = theirs or self._own_verdict(db, incoming, request, started_at_us, lost)
        info = verdict.info()
        account = account_of(incoming.state, request.id_tag)
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
        )
        for transaction in lost:
            transactions.supersede(db, transaction.transaction_id, transaction_id)
            db.emit(
                TransactionSuperseded(
                    charge_point_id=incoming.charge_point_id,
                    at_us=incoming.received_at_us,
                    transaction_id=transaction.transaction_id,
                    connector_id=transaction.connector_id,
                    by_transaction_id=transaction_id,
                )
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
            )
        )
        return StartTransactionResponse(transaction_id=transaction_id, id_tag_info=info)

    @staticmethod
    def _known_start(
        db: Db, incoming: Incoming, request: StartTransaction, started_at_us: int
    ) -> StartTransactionResponse | None:
        """The answer that this very start got when it came the first time."""
        known = transactions.find_start(
            db,
            charge_point_id=incoming.charge_point_id,
            connector_id=request.connector_id,
            id_tag=request.id_tag,
            started_at_us=started_at_us,
            meter_start_wh=request.meter_start,
        )
        if known is None:
            return None
        return StartTransactionResponse(
            transaction_id=known.transaction_id, id_tag_info=first_verdict(known).info()
        )

    @staticmethod
    def _lost(
        db: Db, incoming: Incoming, request: StartTransaction, started_at_us: int
    ) -> list[TransactionRecord]:
        """One transaction per connector: their stops were lost, or are yet to come."""
        return [
            transaction
            for transaction in transactions.open_on_connector(
                db, incoming.charge_point_id, request.connector_id
            )
            if transaction.started_at_us <= started_at_us
        ]

    def _own_verdict(
        self,
        db: Db,
        incoming: Incoming,
        request: StartTransaction,
        started_at_us: int,
        lost: Iterable[TransactionRecord],
    ) -> Verdict:
        besides = [transaction.transaction_id for transaction in lost]
        return self._authorization.start_verdict(db, incoming, request, started_at_us, besides)

    async def stop(self, incoming: Incoming, request: StopTransaction) -> StopTransactionResponse:
        return await self._store.write(lambda db: self._stop(db, incoming, request))

    def _stop(
        self, db: Db, incoming: Incoming, request: StopTransaction
    ) -> StopTransactionResponse:
        stopped_at_us = incoming.event_time_us(request.timestamp)
        info = self._authorization.stop_info(db, incoming, request, stopped_at_us)
        response = StopTransactionResponse(id_tag_info=info)
        transaction, flags = self._stopped_transaction(db, incoming, request, stopped_at_us)
        if transaction is None:
            self._keep_orphan(db, incoming, request, stopped_at_us)
            return response
        metering.insert(
            db,
            incoming,
            transaction.connector_id,
            request.transaction_data or (),
            transaction_id=transaction.transaction_id,
            sent_transaction_id=request.transaction_id,
        )
        if transaction.state == "stopped":
            if (transaction.stopped_at_us, transaction.meter_stop_wh) != (
                stopped_at_us,
                request.meter_stop,
            ):
                transactions.add_flags(db, transaction.transaction_id, ["second stop differs"])
            return response  # the first stop stands
        energy = _energy_wh(db, transaction, request.meter_stop)
        if transaction.meter_start_wh < 0:
            flags = [*flags, "no meter start"]
        elif request.meter_stop < transaction.meter_start_wh:
            flags = [*flags, "meter stop below start"]
            ran = f"{request.meter_stop} after {transaction.meter_start_wh}"
            incoming.note(db, DeviationKind.REGISTER_BACKWARDS, "meterStop", ran)
        reason = str(request.reason or Reason.LOCAL)
        transactions.stop(
            db,
            transaction.transaction_id,
            stopped_at_us=stopped_at_us,
            stop_received_at_us=incoming.received_at_us,
            meter_stop_wh=request.meter_stop,
            stop_reason=reason,
            stop_id_tag=request.id_tag,
            energy_wh=energy,
            flags=flags,
        )
        db.emit(
            TransactionStopped(
                charge_point_id=incoming.charge_point_id,
                at_us=incoming.received_at_us,
                transaction_id=transaction.transaction_id,
                connector_id=transaction.connector_id,
                stopped_at_us=stopped_at_us,
                meter_stop_wh=request.meter_stop,
                energy_wh=energy,
                reason=reason,
            )
        )
        return response

    @staticmethod
    def _stopped_transaction(
        db: Db, incoming: Incoming, request: StopTransaction, stopped_at_us: int
    ) -> tuple[TransactionRecord | None, list[str]]:
        """The transaction that a stop means, and what is odd about finding it.

        -1 and 0 come from charge points that never got an id (errata 3.18, Q39). They are matched
        by tag, meter and time when exactly one transaction fits; a connector is never guessed.
        """
        if request.transaction_id > 0:
            known = transactions.owned(db, incoming.charge_point_id, request.transaction_id)
            if known is not None:
                return known, []
        transaction = transactions.newest_for_stop(
            db,
            charge_point_id=incoming.charge_point_id,
            id_tag=request.id_tag,
            meter_stop_wh=request.meter_stop,
            stopped_at_us=stopped_at_us,
        )
        return transaction, [f"stop sent for id {request.transaction_id}"]

    @staticmethod
    def _keep_orphan(
        db: Db, incoming: Incoming, request: StopTransaction, stopped_at_us: int
    ) -> None:
        is_new = orphan_stops.insert(
            db,
            charge_point_id=incoming.charge_point_id,
            transaction_id=request.transaction_id,
            id_tag=request.id_tag,
            meter_stop_wh=request.meter_stop,
            stopped_at_us=stopped_at_us,
            received_at_us=incoming.received_at_us,
            reason=str(request.reason or Reason.LOCAL),
            payload=msgspec.json.encode(request).decode(),
        )
        if is_new:
            if request.transaction_id != -1:  # which is right where no id came (errata 3.18)
                sent = str(request.transaction_id)
                incoming.note(db, DeviationKind.UNKNOWN_TRANSACTION, "transactionId", sent)
            db.emit(
                StopOrphaned(
                    charge_point_id=incoming.charge_point_id,
                    at_us=incoming.received_at_us,
                    transaction_id=request.transaction_id,
                    meter_stop_wh=request.meter_stop,
                    stopped_at_us=stopped_at_us,
                )
            )


def _energy_wh(db: Db, transaction: TransactionRecord, meter_stop_wh: int) -> int | None:
    """Energy of a transaction in Wh (OCPP 1.6, 4.10); None if it cannot be told. Never negative.

    A stop below the start (-1 from some devices, a register that was reset) says nothing, nor does
    a start below 0; then the registers sampled meanwhile do.
    """
    if meter_stop_wh >= transaction.meter_start_wh >= 0:
        return meter_stop_wh - transaction.meter_start_wh
    registers = meter_readings.register_range(db, transaction.transaction_id)
    if registers is None:
        return None
    first, last = registers
    return round(last - first) if last >= first else None

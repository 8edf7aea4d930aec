"""StartTransaction and StopTransaction: what was charged (OCPP 1.6, 4.8 and 4.10).

A charge point does not ask, it tells; a refusal or silence makes it repeat the message for ever and
hold back all that follows (3.7.1). So every start gets an id and every stop an answer, whatever we
think of them, and what does not fit is kept for a person to see.
"""

import msgspec

from ocpptrio.clock import from_us, to_us
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
from ocpptrio.protocol.datatypes import AuthorizationStatus, DeviationKind, IdTagInfo
from ocpptrio.services import metering
from ocpptrio.services.authorization import AuthorizationService
from ocpptrio.services.incoming import Incoming
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
        return await self._store.write(lambda db: self._start(db, incoming, request))

    def _start(
        self, db: Db, incoming: Incoming, request: StartTransaction
    ) -> StartTransactionResponse:
        started_at_us = incoming.event_time_us(request.timestamp)
        # The duplicate before the verdict: else the idTag is concurrent with itself (Q37).
        known = transactions.find_start(
            db,
            charge_point_id=incoming.charge_point_id,
            connector_id=request.connector_id,
            id_tag=request.id_tag,
            started_at_us=started_at_us,
            meter_start_wh=request.meter_start,
        )
        if known is not None:
            return StartTransactionResponse(
                transaction_id=known.transaction_id, id_tag_info=_first_verdict(known)
            )
        # One transaction per connector: the stop of an earlier one was lost, or is yet to come.
        lost = [
            transaction
            for transaction in transactions.open_on_connector(
                db, incoming.charge_point_id, request.connector_id
            )
            if transaction.started_at_us <= started_at_us
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
            )
        )
        return StartTransactionResponse(transaction_id=transaction_id, id_tag_info=info)

    async def stop(self, incoming: Incoming, request: StopTransaction) -> StopTransactionResponse:
        return await self._store.write(lambda db: self._stop(db, incoming, request))

    def _stop(
        self, db: Db, incoming: Incoming, request: StopTransaction
    ) -> StopTransactionResponse:
        stopped_at_us = incoming.event_time_us(request.timestamp)
        response = StopTransactionResponse()
        if request.id_tag is not None:
            info = self._authorization.verdict(
                db, request.id_tag, stopped_at_us, is_open=incoming.state.open
            )
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


def _first_verdict(transaction: TransactionRecord) -> IdTagInfo:
    expires_at_us = transaction.authorization_expires_at_us
    return IdTagInfo(
        status=AuthorizationStatus(transaction.authorization_status),
        parent_id_tag=transaction.parent_id_tag,
        expiry_date=None if expires_at_us is None else from_us(expires_at_us),
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

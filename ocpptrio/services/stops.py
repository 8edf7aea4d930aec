"""Taking a StopTransaction: what it does to the transaction that it means (OCPP 1.6, 4.10).

Not here: which transaction that is (reconciliation), the answer (transactions).
"""

from collections.abc import Sequence

from ocpptrio.events import Fact, TransactionStopped
from ocpptrio.protocol.core import Reason, StopTransaction
from ocpptrio.protocol.datatypes import DeviationKind, id_tag_key, is_same_id_tag
from ocpptrio.services import metering, registers
from ocpptrio.services.energy import Energy, Sample, Span, is_plain
from ocpptrio.services.flags import (
    METER_BELOW_START,
    NO_METER_START,
    NO_METER_STOP,
    SECOND_STOP_DIFFERS,
    STOP_BEFORE_START,
    STOPPED_BY_ANOTHER_TAG,
)
from ocpptrio.services.incoming import Incoming, is_timed
from ocpptrio.store import conclusions, reviews, transactions
from ocpptrio.store.driver import Db
from ocpptrio.store.records import TransactionRecord
from ocpptrio.store.vocabulary import (
    Conclusion,
    Confidence,
    EnergySource,
    ReviewKind,
    TransactionState,
)

# Answered by the stop itself, whoever would have decided.
_ANSWERED = {ReviewKind.SUSPECT, ReviewKind.VALUES_AFTER_END}


def take(
    db: Db,
    incoming: Incoming,
    request: StopTransaction,
    transaction: TransactionRecord,
    *,
    parent_id_tag: str | None = None,
    flags: Sequence[str] = (),
) -> None:
    """End the transaction by this stop; the first one stands, a differing second is flagged.

    Args:
        parent_id_tag: of the idTag in the stop.
        flags: what is odd about finding the transaction.
    """
    stopped_at_us = incoming.event_time_us(request.timestamp)
    transaction_id = transaction.transaction_id
    if request.transaction_data:
        metering.insert(
            db,
            incoming,
            transaction.connector_id,
            request.transaction_data,
            transaction_id=transaction_id,
            sent_transaction_id=request.transaction_id,
        )
    if transaction.state is TransactionState.STOPPED:
        if _differs(transaction, request, stopped_at_us):
            transactions.add_flags(db, transaction_id, [SECOND_STOP_DIFFERS])
        if request.transaction_data:
            registers.improve(db, transaction, incoming.received_at_us)
        return
    flags = [*flags, *_oddities(transaction, request, parent_id_tag, stopped_at_us)]
    if METER_BELOW_START in flags:
        ran = f"{request.meter_stop} after {transaction.meter_start_wh}"
        incoming.note(db, DeviationKind.REGISTER_BACKWARDS, "meterStop", ran)
    energy, samples = _measured(db, incoming, transaction, request.meter_stop, stopped_at_us)
    reason = str(request.reason or Reason.LOCAL)
    transactions.stop(
        db,
        transaction_id,
        stopped_at_us=stopped_at_us,
        stop_received_at_us=incoming.received_at_us,
        meter_stop_wh=request.meter_stop,
        stop_reason=reason,
        stop_id_tag=request.id_tag,
        energy_wh=energy.wh,
        energy_source=energy.source,
        sent_id=None if request.transaction_id == transaction_id else request.transaction_id,
        flags=flags,
    )
    db.emit(
        TransactionStopped(
            charge_point_id=incoming.charge_point_id,
            at_us=incoming.received_at_us,
            transaction_id=transaction_id,
            connector_id=transaction.connector_id,
            stopped_at_us=stopped_at_us,
            meter_stop_wh=request.meter_stop,
            energy_wh=energy.wh,
            reason=reason,
        )
    )
    _put_in_order(db, incoming, request, transaction, energy, samples, stopped_at_us)


def _differs(transaction: TransactionRecord, request: StopTransaction, stopped_at_us: int) -> bool:
    if transaction.meter_stop_wh != request.meter_stop:
        return True
    # Without a clock, the same stop comes at another time.
    return is_timed(request.timestamp) and transaction.stopped_at_us != stopped_at_us


def _oddities(
    transaction: TransactionRecord,
    request: StopTransaction,
    parent_id_tag: str | None,
    stopped_at_us: int,
) -> list[str]:
    odd = []
    if stopped_at_us < transaction.started_at_us:
        odd.append(STOP_BEFORE_START)
    if transaction.meter_start_wh < 0:
        odd.append(NO_METER_START)
    if request.meter_stop < 0:
        odd.append(NO_METER_STOP)
    elif request.meter_stop < transaction.meter_start_wh:
        odd.append(METER_BELOW_START)
    if (
        request.id_tag is not None
        and id_tag_key(request.id_tag) != transaction.id_tag_key
        and not is_same_id_tag(parent_id_tag, transaction.parent_id_tag)
    ):
        odd.append(STOPPED_BY_ANOTHER_TAG)  # not of the same group, which may (3.10)
    return odd


def _measured(
    db: Db,
    incoming: Incoming,
    transaction: TransactionRecord,
    meter_stop_wh: int,
    stopped_at_us: int,
) -> tuple[Energy, list[Sample]]:
    """The energy, from what is remembered if that will do: nearly every stop is plain."""
    state = incoming.state
    running = state.transactions.get(transaction.transaction_id)
    if running is not None:
        first = None
        if running.first_register_wh is not None and running.first_register_at_us is not None:
            first = Sample(running.first_register_at_us, running.first_register_wh)
        span = Span(
            started_at_us=transaction.started_at_us, meter_start_wh=transaction.meter_start_wh
        )
        habits = state.register_habits
        if is_plain(span, first, habits, stop_wh=meter_stop_wh):
            wh = meter_stop_wh - transaction.meter_start_wh
            return Energy(wh=wh, source=EnergySource.START_STOP), []
    samples = registers.samples_of(db, transaction)
    energy = registers.measure(
        db, transaction, samples, meter_stop_wh=meter_stop_wh, ended_at_us=stopped_at_us
    )
    return energy, samples


def _put_in_order(
    db: Db,
    incoming: Incoming,
    request: StopTransaction,
    transaction: TransactionRecord,
    energy: Energy,
    samples: Sequence[Sample],
    stopped_at_us: int,
) -> None:
    """What a stop changes about what we had concluded or remembered before."""
    at_us = incoming.received_at_us
    registers.remember(db, transaction, energy, samples, at_us)
    was_concluded = transaction.concluded_at_us is not None
    if was_concluded:
        evidence = (
            Fact(what="StopTransaction", at_us=stopped_at_us, wh=request.meter_stop),
            Fact(
                what="concluded before", at_us=transaction.concluded_at_us, wh=transaction.energy_wh
            ),
        )
        conclusions.add(
            db,
            transaction,
            at_us,
            Conclusion.STOP_TAKEN,
            Confidence.CERTAIN,
            evidence,
            ended_at_us=stopped_at_us,
            energy_wh=energy.wh,
        )
    if energy.wh is None:
        stopped = transactions.owned(db, transaction.charge_point_id, transaction.transaction_id)
        assert stopped is not None
        registers.open_unknown(db, stopped, samples, at_us)
    if was_concluded or transaction.suspect_since_us or transaction.state != TransactionState.OPEN:
        for review in reviews.of_transaction(db, transaction.transaction_id):
            if review.kind in _ANSWERED or (
                review.kind is ReviewKind.ENERGY_UNKNOWN and energy.wh is not None
            ):
                reviews.resolve(db, review, at_us, "its stop came")

"""The energy of a transaction in the store: what its readings tell, and what is remembered of it.

Not here: the arithmetic (energy), who asks (stops, reconciliation, metering).
"""

from collections.abc import Collection, Sequence

from ocpptrio.events import Fact, Facts, TransactionEnergyChanged
from ocpptrio.services import energy
from ocpptrio.services.energy import Energy, Sample, Span
from ocpptrio.store import meter_readings, register_habits, reviews, transactions
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import TransactionRecord
from ocpptrio.store.vocabulary import EnergySource, RegisterHabit, ReviewKind, TransactionState

# Those whose energy can be told better when readings come late.
_IMPROVABLE = {
    None,
    EnergySource.SAMPLES,
    EnergySource.TRANSACTION_SAMPLES,
    EnergySource.STOP_FIELD,
    EnergySource.NEXT_START,
}


def samples_of(reader: Reader, transaction: TransactionRecord) -> list[Sample]:
    """The registers of a transaction, with the ends of those that are deleted by now."""
    samples = [Sample(*row) for row in meter_readings.registers(reader, transaction.transaction_id)]
    for at_us, wh in (
        (transaction.first_register_at_us, transaction.first_register_wh),
        (transaction.last_register_at_us, transaction.last_register_wh),
    ):
        if at_us is not None and wh is not None and all(at_us != one.at_us for one in samples):
            samples.append(Sample(at_us, wh))
    return sorted(samples, key=lambda sample: sample.at_us)


def measure(
    reader: Reader,
    transaction: TransactionRecord,
    samples: Sequence[Sample],
    *,
    meter_stop_wh: int | None,
    ended_at_us: int | None,
) -> Energy:
    """The energy of a transaction if it ended then, with this meterStop or none."""
    next_start_wh = before_wh = before_start_wh = power_w = None
    if transaction.superseded_by is not None:
        successor = transactions.get(reader, transaction.superseded_by)
        next_start_wh = None if successor is None else successor.meter_start_wh
    if transaction.meter_start_wh == 0:
        before = transactions.before_on_connector(
            reader, transaction.charge_point_id, transaction.connector_id, transaction.started_at_us
        )
        if before is not None:
            before_wh, before_start_wh = before.meter_stop_wh, before.meter_start_wh
        power_w = meter_readings.highest_power_w(reader, transaction.transaction_id)
    span = Span(
        started_at_us=transaction.started_at_us,
        meter_start_wh=transaction.meter_start_wh,
        ended_at_us=ended_at_us,
        meter_stop_wh=meter_stop_wh,
        before_wh=before_wh,
        before_start_wh=before_start_wh,
        power_w=power_w,
        next_start_wh=next_start_wh,
    )
    habits = {one.habit for one in register_habits.of(reader, transaction.charge_point_id)}
    return energy.measure(span, samples, habits)


def running_wh(
    reader: Reader, transaction: TransactionRecord, habits: Collection[str]
) -> int | None:
    """What a transaction has taken so far, in Wh; None if its readings do not tell.

    Args:
        transaction: with its newest register; see `transactions.get`.
        habits: of its charge point; see `register_habits`.
    """
    last_wh, start_wh = transaction.last_meter_wh, transaction.meter_start_wh
    if last_wh is None:
        return None
    if not habits and last_wh >= start_wh > 0:
        return round(last_wh - start_wh)
    found = measure(
        reader,
        transaction,
        samples_of(reader, transaction),
        meter_stop_wh=None,
        ended_at_us=transaction.last_meter_at_us,
    )
    return found.wh


def quick_running_wh(transaction: TransactionRecord, habits: Collection[str]) -> int | None:
    """As `running_wh`, from the ends of its register alone: for lists, which cannot read them all.

    A register that began anew meanwhile is not seen.
    """
    last_wh, base_wh = transaction.last_meter_wh, float(transaction.meter_start_wh)
    first_wh, first_at_us = transaction.first_meter_wh, transaction.first_meter_at_us
    if last_wh is None or first_wh is None or first_at_us is None:
        return None
    if RegisterHabit.SAMPLES_PER_TRANSACTION in habits:
        base_wh = 0
    elif base_wh < 0 or (
        base_wh == 0
        and not energy.is_reachable(0, transaction.started_at_us, first_wh, first_at_us)
    ):
        base_wh = first_wh  # the start says nothing of the register
    return round(last_wh - base_wh) if last_wh >= base_wh else None


def so_far_wh(reader: Reader, transaction: TransactionRecord) -> int | None:
    """As `running_wh`, of one that runs; None of all others: their energy is known, or never."""
    if transaction.state is not TransactionState.OPEN:
        return None
    habits = {one.habit for one in register_habits.of(reader, transaction.charge_point_id)}
    return running_wh(reader, transaction, habits)


def remember(
    db: Db, transaction: TransactionRecord, found: Energy, samples: Sequence[Sample], at_us: int
) -> None:
    """Keep what a transaction shows of how the charge point's registers count."""
    if not (found.shown or found.refuted):
        return
    known = {one.habit for one in register_habits.of(db, transaction.charge_point_id)}
    for habit in sorted(found.shown - known):
        register_habits.note(
            db,
            transaction.charge_point_id,
            habit,
            transaction_id=transaction.transaction_id,
            at_us=at_us,
            evidence=(started(transaction), *ends(samples)),
        )
    for habit in sorted(found.refuted & known):
        register_habits.forget(
            db,
            transaction.charge_point_id,
            habit,
            transaction_id=transaction.transaction_id,
            at_us=at_us,
        )


def settle(db: Db, transaction: TransactionRecord, at_us: int) -> int | None:
    """Tell the energy of a transaction that is over from all that is known of it now.

    Keeps it with the ends of its register; what stays unknown waits for a person.
    """
    samples = samples_of(db, transaction)
    found = measure(
        db,
        transaction,
        samples,
        meter_stop_wh=transaction.meter_stop_wh,
        ended_at_us=transaction.ended_at_us,
    )
    remember(db, transaction, found, samples, at_us)
    transactions.set_energy(
        db,
        transaction.transaction_id,
        found.wh,
        found.source,
        first=samples[0][:2] if samples else None,
        last=samples[-1][:2] if samples else None,
    )
    if found.wh is None:
        open_unknown(db, transaction, samples, at_us)
    else:
        close_unknown(db, transaction.transaction_id, at_us)
    return found.wh


def improve(db: Db, transaction: TransactionRecord, at_us: int) -> None:
    """Readings of it came after its end: tell its energy anew, where that rests on readings."""
    if transaction.state is TransactionState.OPEN or transaction.energy_source not in _IMPROVABLE:
        return
    wh = settle(db, transaction, at_us)
    _move_end(db, transaction)
    now = transactions.owned(db, transaction.charge_point_id, transaction.transaction_id)
    assert now is not None
    source = now.energy_source
    if wh is not None and source is not None and wh != transaction.energy_wh:
        db.emit(
            TransactionEnergyChanged(
                charge_point_id=transaction.charge_point_id,
                at_us=at_us,
                transaction_id=transaction.transaction_id,
                connector_id=transaction.connector_id,
                energy_wh=wh,
                energy_source=source,
            )
        )


def _move_end(db: Db, transaction: TransactionRecord) -> None:
    """Concluded after a boot, it ran at least until the last reading before that."""
    boot_us = transaction.suspect_since_us
    if transaction.state is not TransactionState.CONCLUDED or boot_us is None:
        return
    times = [sample.at_us for sample in samples_of(db, transaction) if sample.at_us <= boot_us]
    if times and times[-1] > (transaction.concluded_at_us or 0):
        transactions.conclude(db, transaction.transaction_id, times[-1])


def open_unknown(
    db: Db, transaction: TransactionRecord, samples: Sequence[Sample], at_us: int
) -> None:
    """Its energy cannot be told: a person may know."""
    stop = (
        ()
        if transaction.meter_stop_wh is None
        else (
            Fact(
                what="StopTransaction",
                at_us=transaction.stopped_at_us,
                wh=transaction.meter_stop_wh,
            ),
        )
    )
    reviews.open_(
        db,
        ReviewKind.ENERGY_UNKNOWN,
        charge_point_id=transaction.charge_point_id,
        at_us=at_us,
        evidence=(started(transaction), *ends(samples), *stop),
        transaction_id=transaction.transaction_id,
    )


def close_unknown(db: Db, transaction_id: int, at_us: int) -> None:
    """Its energy is known by now."""
    for review in reviews.of_transaction(db, transaction_id):
        if review.kind is ReviewKind.ENERGY_UNKNOWN:
            reviews.resolve(db, review, at_us, "energy told by later messages")


def started(transaction: TransactionRecord) -> Fact:
    """Its StartTransaction as evidence."""
    return Fact(
        what="StartTransaction",
        at_us=transaction.started_at_us,
        wh=transaction.meter_start_wh,
        detail=f"transaction {transaction.transaction_id}",
    )


def ends(samples: Sequence[Sample]) -> Facts:
    """The first and the last sample as evidence."""
    if not samples:
        return ()
    first = Fact(what="first reading", at_us=samples[0].at_us, wh=samples[0].wh)
    last = Fact(what="last reading", at_us=samples[-1].at_us, wh=samples[-1].wh)
    return (first, last)

"""What a person decides about a transaction that we could not: attach, end, dismiss.

Functions on an open write, for commands beside the daemon; `DecisionService` for embedders.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypedDict, Unpack

import msgspec

from ocpptrio.clock import Clock
from ocpptrio.errors import CannotDecide
from ocpptrio.events import Fact, OrphanStopResolved, TransactionEnergyChanged
from ocpptrio.services import reconciliation, registers
from ocpptrio.store import conclusions, orphan_stops, reviews, transactions
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import OrphanStopRecord, ReviewRecord, TransactionRecord
from ocpptrio.store.vocabulary import Conclusion, Confidence, EnergySource, TransactionState


class Decision(StrEnum):
    """How a review is resolved."""

    ATTACH = "attach"  # this orphaned stop to that transaction
    END = "end"  # the transaction, with a meter value, an energy, or its last reading
    DISMISS = "dismiss"  # leave all as it is


class Ending(TypedDict, total=False):
    """How a transaction ended, by a person's word; see `end`."""

    meter_wh: int | None
    energy_wh: int | None
    ended_at_us: int | None
    note: str | None


def resolve(
    db: Db,
    review_id: int,
    decision: Decision,
    *,
    at_us: int,
    transaction_id: int | None = None,
    **ending: Unpack[Ending],
) -> None:
    """Decide what waits under this number.

    Args:
        at_us: now.
        transaction_id: with ATTACH, the transaction whose stop it is.
        ending: with END, see `end`; its note with any: who decided, and why.

    Raises:
        CannotDecide: there is no such review, it is resolved, or the decision does not fit it.
    """
    note = ending.get("note")
    review = reviews.get(db, review_id)
    if review is None:
        raise CannotDecide(f"there is no review {review_id}")
    if review.resolved_at_us is not None:
        raise CannotDecide(f"review {review_id} is resolved already: {review.decision}")
    match decision:
        case Decision.ATTACH:
            _attach(db, review, transaction_id, at_us, note)
        case Decision.END:
            if review.transaction_id is None:
                raise CannotDecide(
                    f"review {review_id} is about a stop, not a transaction: attach or dismiss it"
                )
            end(db, review.transaction_id, at_us=at_us, **ending)
            _resolve(db, review_id, at_us, decision, note)
        case Decision.DISMISS:
            if review.orphan_id is not None:
                orphan_stops.resolve(db, review.orphan_id, at_us, None)
                db.emit(
                    OrphanStopResolved(
                        charge_point_id=review.charge_point_id,
                        at_us=at_us,
                        orphan_id=review.orphan_id,
                    )
                )
            _resolve(db, review_id, at_us, decision, note)


def _resolve(db: Db, review_id: int, at_us: int, decision: Decision, note: str | None) -> None:
    review = reviews.get(db, review_id)
    assert review is not None
    reviews.resolve(db, review, at_us, decision, note)


def _attach(
    db: Db, review: ReviewRecord, transaction_id: int | None, at_us: int, note: str | None
) -> None:
    orphan = None if review.orphan_id is None else orphan_stops.get(db, review.orphan_id)
    if orphan is None:
        raise CannotDecide(f"review {review.review_id} is about no stop: end or dismiss it")
    if transaction_id is None:
        raise CannotDecide("attach to which transaction?")
    transaction = transactions.owned(db, review.charge_point_id, transaction_id)
    if transaction is None:
        raise CannotDecide(f"{review.charge_point_id} has no transaction {transaction_id}")
    if transaction.state is TransactionState.STOPPED:
        raise CannotDecide(f"transaction {transaction_id} has its stop already")
    reconciliation.adopt(
        db, orphan, transaction, at_us, Confidence.CERTAIN, Decision.ATTACH, note or ""
    )


def end(
    db: Db,
    transaction_id: int,
    *,
    at_us: int,
    meter_wh: int | None = None,
    energy_wh: int | None = None,
    ended_at_us: int | None = None,
    note: str | None = None,
) -> None:
    """End a transaction by a person's word; of one that has stopped, give the energy.

    Its real stop, if it still comes, takes its place.

    Args:
        at_us: now.
        meter_wh: where its register stood at the end; without this and `energy_wh`, its last
            reading counts.
        energy_wh: what it took.
        ended_at_us: when; default: its last reading, else now.
        note: who decided, and why.

    Raises:
        CannotDecide: there is no such transaction, or what is given does not fit it.
    """
    transaction = transactions.get(db, transaction_id)
    if transaction is None:
        raise CannotDecide(f"there is no transaction {transaction_id}")
    if meter_wh is not None:
        energy_wh = _taken_wh(transaction, meter_wh)
    if energy_wh is not None and energy_wh < 0:
        raise CannotDecide("energy is never negative")
    person = (Fact(what="person", at_us=at_us, wh=energy_wh, detail=note),)
    if transaction.state is TransactionState.STOPPED:
        if energy_wh is None:
            raise CannotDecide(
                f"transaction {transaction_id} has its stop: give a meter value or the energy"
            )
        conclusions.add(db, transaction, at_us, Conclusion.ENERGY_GIVEN, Confidence.CERTAIN, person)
    else:
        if ended_at_us is not None and ended_at_us < transaction.started_at_us:
            raise CannotDecide(f"transaction {transaction_id} started later than that")
        default = transaction.last_meter_at_us or at_us
        ended_at_us = default if ended_at_us is None else ended_at_us
        reconciliation.conclude(
            db, transaction, at_us, Confidence.CERTAIN, person, ended_at_us=ended_at_us
        )
    if energy_wh is not None:
        transactions.set_energy(db, transaction_id, energy_wh, EnergySource.PERSON)
        db.emit(
            TransactionEnergyChanged(
                charge_point_id=transaction.charge_point_id,
                at_us=at_us,
                transaction_id=transaction_id,
                connector_id=transaction.connector_id,
                energy_wh=energy_wh,
                energy_source=EnergySource.PERSON,
            )
        )
        registers.close_unknown(db, transaction_id, at_us)


def _taken_wh(transaction: TransactionRecord, meter_wh: int) -> int:
    base_wh: float = transaction.meter_start_wh
    if base_wh < 0 and transaction.first_meter_wh is not None:
        base_wh = transaction.first_meter_wh
    if base_wh < 0 or meter_wh < base_wh:
        raise CannotDecide(
            f"{meter_wh} Wh does not fit a start at {base_wh:.0f} Wh: give the energy instead"
        )
    return round(meter_wh - base_wh)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What waits under a number, with all that a person needs to decide it.

    Attributes:
        orphan: the stop that it is about, if it is about one.
        fitting: the transactions without a stop that this stop can end.
        choices: what can be decided; none once it is resolved.
    """

    review: ReviewRecord
    orphan: OrphanStopRecord | None
    fitting: Sequence[TransactionRecord]
    choices: tuple[Decision, ...]


def case(reader: Reader, review_id: int) -> Case | None:
    """What waits, or waited, under this number; None if there is no such review."""
    review = reviews.get(reader, review_id)
    if review is None:
        return None
    waits = review.resolved_at_us is None
    if review.orphan_id is None:
        choices = (Decision.END, Decision.DISMISS) if waits else ()
        return Case(review=review, orphan=None, fitting=(), choices=choices)
    orphan = orphan_stops.get(reader, review.orphan_id)
    fitting: list[TransactionRecord] = []
    if orphan is not None and waits:
        fitting = transactions.candidates_for_stop(
            reader,
            charge_point_id=review.charge_point_id,
            meter_stop_wh=orphan.meter_stop_wh,
            stopped_at_us=orphan.stopped_at_us,
        )
    choices = (Decision.ATTACH, Decision.DISMISS) if waits else ()
    return Case(review=review, orphan=orphan, fitting=fitting, choices=choices)


class DecisionService:
    """The list of what waits, and decisions, for an embedder: `central.decisions`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def waiting(self, charge_point_id: str | None = None) -> list[ReviewRecord]:
        """What waits for a person, of one charge point or of all, oldest first."""
        return await self._store.read(lambda reader: reviews.waiting(reader, charge_point_id))

    async def resolve(
        self,
        review_id: int,
        decision: Decision,
        *,
        transaction_id: int | None = None,
        **ending: Unpack[Ending],
    ) -> None:
        """See the function `resolve`."""
        at_us = self._clock()
        await self._store.write(
            lambda db: resolve(
                db,
                review_id,
                decision,
                at_us=at_us,
                transaction_id=transaction_id,
                **ending,
            )
        )

    async def end(self, transaction_id: int, **ending: Unpack[Ending]) -> None:
        """See the function `end`."""
        at_us = self._clock()
        await self._store.write(lambda db: end(db, transaction_id, at_us=at_us, **ending))

"""Bringing order into what charge points tell late, twice, in another order or not at all.

Which transaction a stop means, what a later start or a reboot proves, and what waits for a person.
Nothing is closed without evidence, and each conclusion is kept with its own. Not here: the
arithmetic (registers), what a person decides (decisions), suspicion after a boot (suspicion).
"""

from functools import partial
from typing import Final

import msgspec
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import TransactionSettings
from ocpptrio.events import Fact, OrphanStopResolved, StopOrphaned, TransactionSuperseded
from ocpptrio.protocol import tolerance
from ocpptrio.protocol.core import ChargePointStatus, Reason, StopTransaction
from ocpptrio.protocol.datatypes import DeviationKind, id_tag_key, is_same_id_tag
from ocpptrio.services import energy, registers, stops
from ocpptrio.services.flags import stop_sent_for
from ocpptrio.services.incoming import Incoming, is_timed
from ocpptrio.session.registry import Session
from ocpptrio.session.state import SessionState
from ocpptrio.store import (
    conclusions,
    connectors,
    id_tags,
    orphan_stops,
    reviews,
    transactions,
)
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import ConnectorRecord, OrphanStopRecord, TransactionRecord
from ocpptrio.store.vocabulary import (
    Conclusion,
    Confidence,
    EnergySource,
    ReviewKind,
    TransactionState,
)

LOOK_EVERY_S: Final = 300
AT_A_TIME: Final = 100  # transactions in one write
RETRIED: Final = 20  # orphaned stops of a charge point that are tried again, the newest
SECOND_US: Final = 1_000_000


# Which transaction a stop means.


def take_stop(
    db: Db, incoming: Incoming, request: StopTransaction, parent_id_tag: str | None
) -> None:
    """Give a stop to the transaction that it means, or keep it as an orphan.

    -1 and 0 come from charge points that never got an id (errata 3.18, Q39). Such a stop is
    matched by tag, meter and time when exactly one transaction fits; none is ever guessed.
    """
    if request.transaction_id > 0:
        known = transactions.owned(db, incoming.charge_point_id, request.transaction_id)
        if known is not None:
            stops.take(db, incoming, request, known, parent_id_tag=parent_id_tag)
            return
    stopped_at_us = incoming.event_time_us(request.timestamp)
    before = _stopped_before(db, incoming, request, stopped_at_us)
    if before is not None:
        stops.take(db, incoming, request, before, parent_id_tag=parent_id_tag)
        return
    orphan = orphan_stops.find(
        db,
        charge_point_id=incoming.charge_point_id,
        transaction_id=request.transaction_id,
        meter_stop_wh=request.meter_stop,
        stopped_at_us=stopped_at_us,
    )
    if orphan is not None:
        return  # sent again: nothing changes
    if request.transaction_id != -1:  # which is right where no id came (errata 3.18)
        sent = str(request.transaction_id)
        incoming.note(db, DeviationKind.UNKNOWN_TRANSACTION, "transactionId", sent)
    fitting = _fitting(db, incoming.charge_point_id, request, stopped_at_us, parent_id_tag)
    if len(fitting) == 1:
        _match(db, incoming, request, fitting[0], parent_id_tag)
    else:
        _keep_orphan(db, incoming, request, stopped_at_us, fitting)


def _stopped_before(
    reader: Reader, incoming: Incoming, request: StopTransaction, stopped_at_us: int
) -> TransactionRecord | None:
    """The transaction that this stop of an id not its own ended when it came before."""
    if is_timed(request.timestamp):
        return transactions.stopped_by(
            reader,
            charge_point_id=incoming.charge_point_id,
            sent_id=request.transaction_id,
            stopped_at_us=stopped_at_us,
            meter_stop_wh=request.meter_stop,
        )
    if request.meter_stop <= 0:
        return None  # without time and meter, it may be any
    before = transactions.stopped_last_by(
        reader,
        charge_point_id=incoming.charge_point_id,
        sent_id=request.transaction_id,
        meter_stop_wh=request.meter_stop,
    )
    return before if before is not None and before.stop_id_tag == request.id_tag else None


def retry_orphans(db: Db, charge_point_id: str, at_us: int) -> None:
    """Try stops that fitted nothing again: the order of arrival is no order of events (Q46)."""
    for orphan in orphan_stops.unresolved_of(db, charge_point_id, RETRIED):
        _, request = as_it_came(orphan)
        parent_id_tag = _parent(db, request.id_tag)
        fitting = _fitting(db, charge_point_id, request, orphan.stopped_at_us, parent_id_tag)
        if len(fitting) == 1:
            adopt(db, orphan, fitting[0], at_us, Confidence.LIKELY, "its transaction is known")


def adopt(
    db: Db,
    orphan: OrphanStopRecord,
    transaction: TransactionRecord,
    at_us: int,
    confidence: Confidence,
    decision: str,
    note: str | None = None,
) -> None:
    """Give an orphaned stop to a transaction, as if it came now."""
    incoming, request = as_it_came(orphan)
    parent_id_tag = _parent(db, request.id_tag)
    _match(db, incoming, request, transaction, parent_id_tag, confidence, note)
    orphan_stops.resolve(db, orphan.orphan_id, at_us, transaction.transaction_id)
    db.emit(
        OrphanStopResolved(
            charge_point_id=orphan.charge_point_id,
            at_us=at_us,
            orphan_id=orphan.orphan_id,
            transaction_id=transaction.transaction_id,
        )
    )
    for review in reviews.of_orphan(db, orphan.orphan_id):
        reviews.resolve(db, review, at_us, decision, note)


def as_it_came(orphan: OrphanStopRecord) -> tuple[Incoming, StopTransaction]:
    """The orphaned stop as the message that it was."""
    session = Session(SessionState(charge_point_id=orphan.charge_point_id))
    incoming = Incoming(
        orphan.charge_point_id, "", orphan.received_at_us, session, StopTransaction.__name__
    )
    # It may be as odd as when it came.
    request, _ = tolerance.read(StopTransaction, orphan.payload.encode(errors="surrogatepass"))
    return incoming, request


def _parent(reader: Reader, id_tag: str | None) -> str | None:
    tag = None if id_tag is None else id_tags.get(reader, id_tag)
    return None if tag is None else tag.parent_id_tag


def _fitting(
    reader: Reader,
    charge_point_id: str,
    request: StopTransaction,
    stopped_at_us: int,
    parent_id_tag: str | None,
) -> list[TransactionRecord]:
    """What a stop of an unknown id can mean: by time and meter, and by its tag if it has one."""
    found = transactions.candidates_for_stop(
        reader,
        charge_point_id=charge_point_id,
        meter_stop_wh=request.meter_stop,
        stopped_at_us=stopped_at_us,
    )
    if request.id_tag is not None:
        key = id_tag_key(request.id_tag)
        of_tag = [one for one in found if one.id_tag_key == key]
        if of_tag or parent_id_tag is None:
            found = of_tag
        else:
            found = [one for one in found if is_same_id_tag(one.parent_id_tag, parent_id_tag)]
    if len(found) < 2:
        return found
    # Connectors have registers of their own: often only one can have come to where it stopped.
    near = [one for one in found if _is_near(reader, one, request.meter_stop, stopped_at_us)]
    return near or found


def _is_near(
    reader: Reader, transaction: TransactionRecord, meter_stop_wh: int, stopped_at_us: int
) -> bool:
    """Can the register of a transaction have come to this one, as far as its readings tell?"""
    if meter_stop_wh < 0:
        return True
    start_wh = transaction.meter_start_wh
    known: list[tuple[int, float]] = []
    if start_wh > 0:
        known.append((transaction.started_at_us, start_wh))
    # Samples of another register than that of the start say nothing about the stop.
    known += [
        (sample.at_us, sample.wh)
        for sample in registers.samples_of(reader, transaction)
        if sample.at_us <= stopped_at_us and sample.wh >= start_wh > 0
    ]
    return all(energy.is_reachable(wh, at_us, meter_stop_wh, stopped_at_us) for at_us, wh in known)


def _match(
    db: Db,
    incoming: Incoming,
    request: StopTransaction,
    transaction: TransactionRecord,
    parent_id_tag: str | None,
    confidence: Confidence = Confidence.LIKELY,
    note: str | None = None,
) -> None:
    stop = _stop_fact(request, incoming.event_time_us(request.timestamp))
    person = () if note is None else (Fact(what="person", detail=note),)
    conclusions.add(
        db,
        transaction,
        incoming.received_at_us,
        Conclusion.STOP_MATCHED,
        confidence,
        (registers.started(transaction), stop, *person),
    )
    flags = [stop_sent_for(request.transaction_id)]
    stops.take(db, incoming, request, transaction, parent_id_tag=parent_id_tag, flags=flags)


def _stop_fact(request: StopTransaction, stopped_at_us: int) -> Fact:
    tag = "" if request.id_tag is None else f" by {request.id_tag}"
    return Fact(
        what="StopTransaction",
        at_us=stopped_at_us,
        wh=request.meter_stop,
        detail=f"for id {request.transaction_id}{tag}",
    )


def _keep_orphan(
    db: Db,
    incoming: Incoming,
    request: StopTransaction,
    stopped_at_us: int,
    fitting: list[TransactionRecord],
) -> None:
    orphan_id = orphan_stops.insert(
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
    assert orphan_id is not None, "looked for before"
    db.emit(
        StopOrphaned(
            charge_point_id=incoming.charge_point_id,
            at_us=incoming.received_at_us,
            transaction_id=request.transaction_id,
            meter_stop_wh=request.meter_stop,
            stopped_at_us=stopped_at_us,
            orphan_id=orphan_id,
        )
    )
    stop = _stop_fact(request, stopped_at_us)
    reviews.open_(
        db,
        ReviewKind.ORPHAN_STOP,
        charge_point_id=incoming.charge_point_id,
        at_us=incoming.received_at_us,
        evidence=(stop, *map(registers.started, fitting)),
        orphan_id=orphan_id,
    )


# What other messages prove.


def supersede(db: Db, transaction: TransactionRecord, by: TransactionRecord, at_us: int) -> None:
    """Another start on the connector proves that this transaction is over."""
    transactions.supersede(db, transaction.transaction_id, by.transaction_id)
    over = transactions.owned(db, transaction.charge_point_id, transaction.transaction_id)
    assert over is not None
    if over.energy_source is EnergySource.PERSON:
        energy_wh = over.energy_wh  # somebody knew more than messages tell
    else:
        energy_wh = registers.settle(db, over, at_us)
    conclusions.add(
        db,
        transaction,
        at_us,
        Conclusion.SUPERSEDED,
        Confidence.CERTAIN,
        (registers.started(transaction), registers.started(by)),
    )
    db.emit(
        TransactionSuperseded(
            charge_point_id=transaction.charge_point_id,
            at_us=at_us,
            transaction_id=transaction.transaction_id,
            connector_id=transaction.connector_id,
            by_transaction_id=by.transaction_id,
            energy_wh=energy_wh,
        )
    )
    if transaction.suspect_since_us is not None:
        for review in reviews.of_transaction(db, transaction.transaction_id):
            if review.kind is ReviewKind.SUSPECT:
                reviews.resolve(db, review, at_us, "superseded by another start")


class ReconciliationService:
    """Looks after suspects in the background: what proves them over, and who has to decide."""

    def __init__(self, store: Store, settings: TransactionSettings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Look every few minutes, for ever."""
        while True:
            await trio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Conclude what is proved by now; let wait for a person what is not, after so long."""
        now_us = self._clock()
        free, stuck = await self._store.read(lambda reader: self._due(reader, now_us))
        for start in range(0, len(free), AT_A_TIME):
            some = free[start : start + AT_A_TIME]
            await self._store.write(partial(_conclude_all, free=some, at_us=now_us))
        for start in range(0, len(stuck), AT_A_TIME):
            some_stuck = stuck[start : start + AT_A_TIME]
            await self._store.write(partial(_let_wait, stuck=some_stuck, at_us=now_us))

    def _due(
        self, reader: Reader, now_us: int
    ) -> tuple[list[tuple[TransactionRecord, ConnectorRecord]], list[TransactionRecord]]:
        conclude_us = round(self._settings.conclude_after * SECOND_US)
        review_us = round(self._settings.review_after * SECOND_US)
        free, stuck = [], []
        for transaction in transactions.suspects(reader, before_us=now_us - conclude_us):
            boot_us = transaction.suspect_since_us
            assert boot_us is not None
            connector = connectors.get(
                reader, transaction.charge_point_id, transaction.connector_id
            )
            if (
                connector is not None
                and connector.status is ChargePointStatus.AVAILABLE
                and boot_us <= connector.received_at_us <= now_us - conclude_us
            ):
                free.append((transaction, connector))
            elif boot_us < now_us - review_us and not any(
                review.kind is ReviewKind.SUSPECT
                for review in reviews.of_transaction(reader, transaction.transaction_id)
            ):
                stuck.append(transaction)
        return free, stuck


def _conclude_all(
    db: Db, free: list[tuple[TransactionRecord, ConnectorRecord]], at_us: int
) -> None:
    for found, connector in free:
        now = _still_suspect(db, found)
        if now is None:
            continue
        evidence = (
            Fact(what="BootNotification", at_us=now.suspect_since_us),
            Fact(what="StatusNotification", at_us=connector.received_at_us, detail="Available"),
        )
        conclude(db, now, at_us, Confidence.LIKELY, evidence)


def _still_suspect(reader: Reader, found: TransactionRecord) -> TransactionRecord | None:
    """The transaction as it is now, with its newest register; None: its stop or values came."""
    now = transactions.get(reader, found.transaction_id)
    if (
        now is None
        or now.state is not TransactionState.OPEN
        or now.suspect_since_us != found.suspect_since_us
    ):
        return None
    return now


def conclude(
    db: Db,
    transaction: TransactionRecord,
    at_us: int,
    confidence: Confidence,
    evidence: tuple[Fact, ...],
    *,
    ended_at_us: int | None = None,
) -> None:
    """End a transaction without its stop, on this evidence, with the energy of its readings.

    Args:
        transaction: with its newest register; see `transactions.get`.
        ended_at_us: default: its last reading, else its boot, else now.
    """
    if ended_at_us is None:
        ended_at_us = transaction.last_meter_at_us or transaction.suspect_since_us or at_us
    ended_at_us = max(ended_at_us, transaction.started_at_us)
    transactions.conclude(db, transaction.transaction_id, ended_at_us)
    over = transactions.owned(db, transaction.charge_point_id, transaction.transaction_id)
    assert over is not None
    energy_wh = registers.settle(db, over, at_us)
    samples = registers.samples_of(db, transaction)
    conclusions.add(
        db,
        transaction,
        at_us,
        Conclusion.ENDED,
        confidence,
        (registers.started(transaction), *evidence, *registers.ends(samples)),
        ended_at_us=ended_at_us,
        energy_wh=energy_wh,
    )
    for review in reviews.of_transaction(db, transaction.transaction_id):
        if review.kind is ReviewKind.SUSPECT:
            reviews.resolve(db, review, at_us, "concluded")


def _let_wait(db: Db, stuck: list[TransactionRecord], at_us: int) -> None:
    for found in stuck:
        transaction = _still_suspect(db, found)
        if transaction is None:
            continue
        samples = registers.samples_of(db, transaction)
        reviews.open_(
            db,
            ReviewKind.SUSPECT,
            charge_point_id=transaction.charge_point_id,
            at_us=at_us,
            evidence=(
                registers.started(transaction),
                Fact(what="BootNotification", at_us=transaction.suspect_since_us),
                *registers.ends(samples),
            ),
            transaction_id=transaction.transaction_id,
        )

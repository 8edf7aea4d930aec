"""Open transactions after a reboot: suspect, until a message shows that they run or are over.

A charge point that boots still owes the stops of what ran (OCPP 1.6, 4.10; Q45), so nothing is
closed here. Not here: what ends a suspect (reconciliation).
"""

from ocpptrio.events import Fact
from ocpptrio.store import conclusions, reviews, transactions
from ocpptrio.store.driver import Db
from ocpptrio.store.records import TransactionRecord
from ocpptrio.store.vocabulary import Conclusion, Confidence, ReviewKind


def suspect_all(db: Db, charge_point_id: str, booted_at_us: int) -> None:
    """The charge point has booted: what is open may be over."""
    for transaction in transactions.open_of(db, charge_point_id):
        if transaction.suspect_since_us is None:
            transactions.set_suspect(db, transaction.transaction_id, booted_at_us)
            conclusions.add(
                db,
                transaction,
                booted_at_us,
                Conclusion.SUSPECT,
                Confidence.UNSURE,
                (Fact(what="BootNotification", at_us=booted_at_us),),
            )


def clear(
    db: Db, transaction: TransactionRecord, measured_at_us: int, energy_wh: float | None, at_us: int
) -> None:
    """A reading from after the boot: it runs."""
    transactions.set_suspect(db, transaction.transaction_id, None)
    conclusions.add(
        db,
        transaction,
        at_us,
        Conclusion.RUNNING,
        Confidence.CERTAIN,
        (
            Fact(what="BootNotification", at_us=transaction.suspect_since_us),
            Fact(what="MeterValues", at_us=measured_at_us, wh=energy_wh),
        ),
    )
    for review in reviews.of_transaction(db, transaction.transaction_id):
        if review.kind is ReviewKind.SUSPECT:
            reviews.resolve(db, review, at_us, "it runs: its meter values came")

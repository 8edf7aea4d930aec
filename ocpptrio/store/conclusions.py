"""What was concluded about transactions, with its evidence; only ever added to."""

from ocpptrio.events import Facts, TransactionReconciled
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import ConclusionRecord, TransactionRecord, facts_json
from ocpptrio.store.vocabulary import Conclusion, Confidence


def add(
    db: Db,
    transaction: TransactionRecord,
    at_us: int,
    conclusion: Conclusion,
    confidence: Confidence,
    evidence: Facts,
    *,
    ended_at_us: int | None = None,
    energy_wh: int | None = None,
) -> None:
    """Keep a conclusion and tell of it; that another start supersedes has an event of its own."""
    db.run(
        """INSERT INTO conclusions (transaction_id, at_us, conclusion, confidence, evidence)
        VALUES (?, ?, ?, ?, ?)""",
        [transaction.transaction_id, at_us, conclusion, confidence, facts_json(evidence)],
    )
    if conclusion is Conclusion.SUPERSEDED:
        return
    db.emit(
        TransactionReconciled(
            charge_point_id=transaction.charge_point_id,
            at_us=at_us,
            transaction_id=transaction.transaction_id,
            connector_id=transaction.connector_id,
            conclusion=conclusion,
            confidence=confidence,
            evidence=evidence,
            ended_at_us=ended_at_us,
            energy_wh=energy_wh,
        )
    )


def of_transaction(reader: Reader, transaction_id: int) -> list[ConclusionRecord]:
    """In the order in which they were drawn."""
    sql = "SELECT * FROM conclusions WHERE transaction_id = ? ORDER BY conclusion_id"
    return [ConclusionRecord.of(row) for row in reader.rows(sql, [transaction_id])]

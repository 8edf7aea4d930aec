"""Odd ways in which registers of a charge point count, remembered with what showed them (Q44)."""

from ocpptrio.events import Facts, RegisterHabitNoted
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import RegisterHabitRecord, facts_json
from ocpptrio.store.vocabulary import RegisterHabit

_SELECT = "SELECT * FROM register_habits"


def note(
    db: Db,
    charge_point_id: str,
    habit: RegisterHabit,
    *,
    transaction_id: int,
    at_us: int,
    evidence: Facts,
) -> None:
    """Remember a habit by the transaction that shows it; what showed it before is replaced."""
    db.run(
        """INSERT INTO register_habits (charge_point_id, habit, transaction_id, noted_at_us,
            evidence)
        VALUES (?, ?, ?, ?, ?) ON CONFLICT (charge_point_id, habit) DO UPDATE SET
            transaction_id = excluded.transaction_id, noted_at_us = excluded.noted_at_us,
            evidence = excluded.evidence""",
        [charge_point_id, habit, transaction_id, at_us, facts_json(evidence)],
    )
    db.emit(
        RegisterHabitNoted(
            charge_point_id=charge_point_id, at_us=at_us, habit=habit, transaction_id=transaction_id
        )
    )


def forget(
    db: Db, charge_point_id: str, habit: RegisterHabit, *, transaction_id: int, at_us: int
) -> None:
    """The charge point no longer has this habit, as a transaction shows."""
    db.run(
        "DELETE FROM register_habits WHERE charge_point_id = ? AND habit = ?",
        [charge_point_id, habit],
    )
    db.emit(
        RegisterHabitNoted(
            charge_point_id=charge_point_id,
            at_us=at_us,
            habit=habit,
            transaction_id=transaction_id,
            forgotten=True,
        )
    )


def of(reader: Reader, charge_point_id: str) -> list[RegisterHabitRecord]:
    sql = _SELECT + " WHERE charge_point_id = ? ORDER BY habit"
    return [RegisterHabitRecord.of(row) for row in reader.rows(sql, [charge_point_id])]


def everyone(reader: Reader) -> list[RegisterHabitRecord]:
    rows = reader.rows(_SELECT + " ORDER BY charge_point_id, habit")
    return [RegisterHabitRecord.of(row) for row in rows]

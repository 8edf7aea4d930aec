"""Meter readings: one row per measured instant, in the order in which they came.

They are appended (`Store.append`), the busiest path there is. Not here: units and phases
(services), and the reading that a transaction shows, which is looked up with it.
"""

from hashlib import blake2b
from typing import cast

import msgspec

from ocpptrio.store.driver import Db, Reader, Row, SqlValue, Table
from ocpptrio.store.records import MeterReading

TABLE = Table(name="meter_readings", columns=MeterReading.__struct_fields__, once=True)

_SELECT = "SELECT * FROM meter_readings"
_INSERT = f"""INSERT INTO meter_readings ({", ".join(TABLE.columns)})
    VALUES ({", ".join("?" * len(TABLE.columns))}) ON CONFLICT DO NOTHING"""  # noqa: S608 - names
_SELECT_REGISTER = "SELECT energy_wh FROM meter_readings"
# Finds the rows of a transaction by the one index there is, which begins with the charge point.
_OF_TRANSACTION = """ WHERE charge_point_id =
        (SELECT charge_point_id FROM transactions WHERE transaction_id = ?)
    AND coalesce(transaction_id, 0) = ?"""


def row(reading: MeterReading) -> Row:
    return cast("Row", msgspec.structs.astuple(reading))


def insert(db: Db, reading: MeterReading) -> None:
    """Insert a reading inside a write; one that is there already adds nothing."""
    db.run(_INSERT, row(reading))


def digest(connector_id: int, transaction_id: int | None, sampled_values: str) -> int:
    """64 bits that tell readings of the same instant apart; the same for the same reading."""
    text = f"{connector_id} {transaction_id} {sampled_values}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)


def of_transaction(
    reader: Reader, transaction_id: int, *, after_us: int | None = None, limit: int = 10_000
) -> list[MeterReading]:
    """The first `limit` readings of a transaction, those after a time if given, in order."""
    where = _OF_TRANSACTION
    parameters = [transaction_id, transaction_id]
    if after_us is not None:
        where += " AND measured_at_us > ?"
        parameters.append(after_us)
    sql = _SELECT + where + " ORDER BY measured_at_us, reading_id LIMIT ?"
    return [MeterReading.of(row) for row in reader.rows(sql, [*parameters, limit])]


def of_charge_point(
    reader: Reader, charge_point_id: str, *, since_us: int, until_us: int, limit: int = 10_000
) -> list[MeterReading]:
    """The first `limit` readings between two times, in or out of transactions, in order."""
    sql = """SELECT * FROM meter_readings
        WHERE charge_point_id = ? AND measured_at_us >= ? AND measured_at_us < ?
            AND coalesce(transaction_id, 0) IN (
                SELECT 0 UNION ALL
                SELECT +transaction_id FROM transactions
                WHERE charge_point_id = ? AND started_at_us < ?
                    AND (stopped_at_us IS NULL OR stopped_at_us >= ?))
        ORDER BY measured_at_us, reading_id LIMIT ?"""
    times = [since_us, until_us]
    parameters: list[SqlValue] = [charge_point_id, *times, charge_point_id, *times[::-1], limit]
    return [MeterReading.of(row) for row in reader.rows(sql, parameters)]


def register_range(reader: Reader, transaction_id: int) -> tuple[float, float] | None:
    """The first and the last import register of a transaction, in Wh, by time of measurement."""
    where = _OF_TRANSACTION + " AND energy_wh IS NOT NULL ORDER BY measured_at_us"
    sql = _SELECT_REGISTER + where
    parameters = [transaction_id, transaction_id]
    first = reader.row(sql + ", reading_id LIMIT 1", parameters)
    last = reader.row(sql + " DESC, reading_id DESC LIMIT 1", parameters)
    if first is None or last is None:
        return None
    assert isinstance(first[0], float)
    assert isinstance(last[0], float)
    return first[0], last[0]

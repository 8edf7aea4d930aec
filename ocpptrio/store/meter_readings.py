"""Meter readings: one row per measured instant, in the order in which they came.

They are appended (`Store.append`), the busiest path there is. Not here: units and phases
(services), and the reading that a transaction shows, which is looked up with it.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import cast

import msgspec

from ocpptrio.protocol.core import ValueFormat
from ocpptrio.store.driver import Db, Reader, Row, SqlValue, Table
from ocpptrio.store.records import MeterReading, Record

TABLE = Table(name="meter_readings", columns=MeterReading.__struct_fields__, once=True)

_SELECT = "SELECT * FROM meter_readings"
_INSERT = f"""INSERT INTO meter_readings ({", ".join(TABLE.columns)})
    VALUES ({", ".join("?" * len(TABLE.columns))}) ON CONFLICT DO NOTHING"""  # noqa: S608 - names
# As above, if nothing is known of that instant.
_INSERT_FIRST = f"""INSERT INTO meter_readings ({", ".join(TABLE.columns)})
    SELECT {", ".join("?" * len(TABLE.columns))} WHERE NOT EXISTS (
        SELECT 1 FROM meter_readings WHERE charge_point_id = ?
            AND coalesce(transaction_id, 0) = ? AND measured_at_us = ?)
    ON CONFLICT DO NOTHING RETURNING reading_id"""  # noqa: S608 - names
REGISTERS = 10_000  # of a transaction: far more turns than any register takes
# Finds the rows of a transaction by the one index there is, which begins with the charge point.
_OF_TRANSACTION = """ WHERE charge_point_id =
        (SELECT charge_point_id FROM transactions WHERE transaction_id = ?)
    AND coalesce(transaction_id, 0) = ?"""
_TURNS = f"""SELECT measured_at_us, energy_wh, context FROM (
        SELECT measured_at_us, energy_wh, context, reading_id,
            lag(energy_wh, 2) OVER sampled AS before_that,
            lag(energy_wh) OVER sampled AS before,
            lead(energy_wh) OVER sampled AS after
        FROM meter_readings {_OF_TRANSACTION} AND energy_wh IS NOT NULL
        WINDOW sampled AS (ORDER BY measured_at_us, reading_id)) AS sampled
    WHERE before IS NULL OR after IS NULL OR energy_wh < before OR after < energy_wh
        OR before < before_that OR context IN ('Transaction.Begin', 'Transaction.End')
    ORDER BY measured_at_us, reading_id LIMIT ?"""  # noqa: S608 - our own text


def row(reading: MeterReading) -> Row:
    return cast("Row", msgspec.structs.astuple(reading))


def insert(db: Db, reading: MeterReading) -> None:
    """Insert a reading inside a write; one that is there already adds nothing."""
    db.run(_INSERT, row(reading))


def insert_first(db: Db, reading: MeterReading) -> bool:
    """Insert a reading if its transaction has none of that instant; False if it has."""
    where: Row = (reading.charge_point_id, reading.transaction_id or 0, reading.measured_at_us)
    return db.row(_INSERT_FIRST, [*row(reading), *where]) is not None


def sampled_at(
    reader: Reader, charge_point_id: str, transaction_id: int | None, measured_at_us: int
) -> list[tuple[int, str]]:
    """The connectors and sampled values, as JSON, of an instant."""
    return cast(
        "list[tuple[int, str]]",
        reader.rows(
            """SELECT connector_id, sampled_values FROM meter_readings
            WHERE charge_point_id = ? AND coalesce(transaction_id, 0) = ?
                AND measured_at_us = ?""",
            [charge_point_id, transaction_id or 0, measured_at_us],
        ),
    )


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


def page_of_transaction(
    reader: Reader,
    transaction_id: int,
    *,
    after: tuple[int, int] | None = None,
    signed: bool = False,
    limit: int = 100,
) -> list[MeterReading]:
    """Readings of a transaction, in the order of the index.

    Args:
        after: time and digest of the last one of the page before.
        signed: only those that hold signed values.
    """
    where = _OF_TRANSACTION
    parameters: list[SqlValue] = [transaction_id, transaction_id]
    if after is not None:
        where += " AND (measured_at_us, digest) > (?, ?)"
        parameters += after
    if signed:
        where += f" AND sampled_values LIKE '%{ValueFormat.SIGNED_DATA}%'"
    sql = _SELECT + where + " ORDER BY measured_at_us, digest LIMIT ?"
    return [MeterReading.of(row) for row in reader.rows(sql, [*parameters, limit])]


class SignedValue(Record, frozen=True, kw_only=True):
    """What a meter signed, as it was sent."""

    measured_at_us: int
    context: str
    measurand: str | None
    value: str


def signed_values(readings: Iterable[MeterReading]) -> list[SignedValue]:
    """The signed values among what was sampled."""
    return [
        SignedValue(
            measured_at_us=reading.measured_at_us,
            context=sample.get("context", reading.context),
            measurand=sample.get("measurand"),
            value=sample["value"],
        )
        for reading in readings
        for sample in msgspec.json.decode(reading.sampled_values)
        if sample.get("format") == ValueFormat.SIGNED_DATA
    ]


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


def registers(reader: Reader, transaction_id: int) -> list[tuple[int, float, str]]:
    """Time, import register in Wh and context of a transaction's readings, in order.

    Of those between, only what lies at a turn: where a register falls, with its neighbours, and
    where a transaction begins or ends. The rest adds nothing to what was charged.
    """
    rows = reader.rows(_TURNS, [transaction_id, transaction_id, REGISTERS])
    return cast("list[tuple[int, float, str]]", rows)


def attach(
    db: Db,
    *,
    charge_point_id: str,
    connector_id: int,
    transaction_id: int,
    since_us: int,
    until_us: int,
) -> int:
    """Give readings of no transaction to one that was not known when they came; how many it were.

    Args:
        transaction_id: of one that has no readings yet.
    """
    found = db.rows(
        """SELECT reading_id, sampled_values FROM meter_readings
        WHERE charge_point_id = ? AND coalesce(transaction_id, 0) = 0
            AND measured_at_us >= ? AND measured_at_us < ? AND connector_id = ?""",
        [charge_point_id, since_us, until_us, connector_id],
    )
    for reading_id, text in found:
        of_transaction = digest(connector_id, transaction_id, str(text))
        db.run(
            "UPDATE meter_readings SET transaction_id = ?, digest = ? WHERE reading_id = ?",
            [transaction_id, of_transaction, reading_id],
        )
    return len(found)


def highest_power_w(reader: Reader, transaction_id: int) -> float | None:
    """The highest power among a transaction's readings; None if none has any."""
    sql = f"SELECT max(power_w) FROM meter_readings {_OF_TRANSACTION}"  # noqa: S608 - our own text
    ((highest_w,),) = reader.rows(sql, [transaction_id, transaction_id])
    return cast("float | None", highest_w)

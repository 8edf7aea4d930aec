"""Meter readings by the quarter of an hour: small enough to be kept for years.

A row holds what one connector measured in one transaction, or outside of any, in one interval. Not
here: how readings become such a row, and when (services).
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

import msgspec

from ocpptrio.store.driver import Db, Reader, Row, SqlValue
from ocpptrio.store.records import RollupRecord

INTERVAL_US: Final = 900_000_000  # on the grid of UTC hours

_COLUMNS: Final = RollupRecord.__struct_fields__
_KEY: Final = _COLUMNS[:4]
# Names of our own.
_PUT = f"""INSERT INTO meter_rollups ({", ".join(_COLUMNS)})
    VALUES ({", ".join("?" * len(_COLUMNS))}) ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[4:])}"""  # noqa: S608
_OF_CELL = """ FROM meter_readings WHERE charge_point_id = ?
    AND coalesce(transaction_id, 0) = ? AND connector_id = ?"""


class Cell(NamedTuple):
    """What a row is about."""

    charge_point_id: str
    connector_id: int
    begins_at_us: int
    transaction_id: int  # 0: outside of any


class Measured(NamedTuple):
    """A reading, as far as it goes into a row."""

    measured_at_us: int
    context: str
    energy_wh: float | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    temperature_c: float | None


_SELECT = f"SELECT {', '.join(Measured._fields)}" + _OF_CELL


def newest_reading(reader: Reader) -> int:
    """The number of the reading that came last; 0 if there is none."""
    found = reader.row("SELECT coalesce(max(reading_id), 0) FROM meter_readings")
    assert found is not None
    assert isinstance(found[0], int)
    return found[0]


def touched(reader: Reader, after_reading: int, limit: int) -> tuple[int, set[Cell]]:
    """The cells of the next `limit` readings, by arrival, and the number of the last of them."""
    rows = reader.rows(
        """SELECT reading_id, charge_point_id, connector_id,
            measured_at_us - measured_at_us % ?, coalesce(transaction_id, 0)
        FROM meter_readings WHERE reading_id > ? ORDER BY reading_id LIMIT ?""",
        [INTERVAL_US, after_reading, limit],
    )
    if not rows:
        return after_reading, set()
    last = rows[-1][0]
    assert isinstance(last, int)
    return last, {Cell(*cast("tuple[str, int, int, int]", row[1:])) for row in rows}


def of_cell(reader: Reader, cell: Cell) -> list[Measured]:
    """Its readings in order of time."""
    sql = _SELECT + " AND measured_at_us >= ? AND measured_at_us < ? ORDER BY measured_at_us"
    end_us = cell.begins_at_us + INTERVAL_US
    return _measured(reader.rows(sql, [*_place(cell), cell.begins_at_us, end_us]))


def register_before(reader: Reader, cell: Cell) -> Measured | None:
    """The last reading with a register from before the cell."""
    sql = (
        _SELECT
        + """ AND measured_at_us < ? AND energy_wh IS NOT NULL
        ORDER BY measured_at_us DESC LIMIT 1"""
    )
    found = _measured(reader.rows(sql, [*_place(cell), cell.begins_at_us]))
    return found[0] if found else None


def following(reader: Reader, cell: Cell) -> Cell | None:
    """The next cell with a register, whose energy counts from this one."""
    sql = (
        "SELECT measured_at_us"
        + _OF_CELL
        + """ AND measured_at_us >= ? AND energy_wh IS NOT NULL
        ORDER BY measured_at_us LIMIT 1"""
    )
    found = reader.row(sql, [*_place(cell), cell.begins_at_us + INTERVAL_US])
    if found is None:
        return None
    (measured_at_us,) = found
    assert isinstance(measured_at_us, int)
    return cell._replace(begins_at_us=measured_at_us - measured_at_us % INTERVAL_US)


def put(db: Db, record: RollupRecord) -> None:
    """Keep a row in place of the one before."""
    db.run(_PUT, cast("Row", msgspec.structs.astuple(record)))


def of_transaction(reader: Reader, transaction_id: int) -> list[RollupRecord]:
    sql = "SELECT * FROM meter_rollups WHERE transaction_id = ? ORDER BY begins_at_us"
    return [RollupRecord.of(row) for row in reader.rows(sql, [transaction_id])]


def of_connector(
    reader: Reader,
    charge_point_id: str,
    connector_id: int,
    *,
    since_us: int,
    until_us: int,
    limit: int = 10_000,
) -> list[RollupRecord]:
    """The first `limit` intervals that begin between two times; two transactions may share one."""
    sql = """SELECT * FROM meter_rollups WHERE charge_point_id = ? AND connector_id = ?
            AND begins_at_us >= ? AND begins_at_us < ?
        ORDER BY begins_at_us, transaction_id LIMIT ?"""
    parameters: list[SqlValue] = [charge_point_id, connector_id, since_us, until_us, limit]
    return [RollupRecord.of(row) for row in reader.rows(sql, parameters)]


def _place(cell: Cell) -> list[SqlValue]:
    return [cell.charge_point_id, cell.transaction_id, cell.connector_id]


def _measured(rows: list[Row]) -> list[Measured]:
    return [Measured._make(cast("Iterable[Any]", row)) for row in rows]  # Any: as its fields say

"""What a meter showed over time, as points at even steps: for charts and tables.

From raw readings while these are kept, else from the quarter hours that stay of them. Not here:
single readings (meter_readings), the quarter hours themselves (rollups).
"""

from typing import Final

from ocpptrio.store.driver import Reader, Row, SqlValue
from ocpptrio.store.records import Record
from ocpptrio.store.rollups import INTERVAL_US

POINTS: Final = 2000  # of one series: more than a screen has columns
SECOND_US: Final = 1_000_000

_RAW = """SELECT measured_at_us - measured_at_us % ?, max(energy_wh), avg(power_w),
        avg(current_a), avg(voltage_v), max(soc_percent), avg(temperature_c)
    FROM meter_readings"""
_ROLLED = """SELECT begins_at_us - begins_at_us % ?, max(register_wh), avg(power_avg_w),
        avg(current_avg_a), avg(voltage_avg_v), max(soc_percent), avg(temperature_avg_c)
    FROM meter_rollups"""
_SPAN = "SELECT min(measured_at_us), max(measured_at_us) FROM meter_readings"
_ROLLED_SPAN = "SELECT min(begins_at_us), max(begins_at_us) FROM meter_rollups"
_OF_TRANSACTION = """ WHERE charge_point_id =
        (SELECT charge_point_id FROM transactions WHERE transaction_id = ?)
    AND coalesce(transaction_id, 0) = ?"""
_BY_STEP = " GROUP BY 1 ORDER BY 1 LIMIT ?"


class SeriesPoint(Record, frozen=True, kw_only=True):
    """A step of a series; None where it was not measured.

    Attributes:
        at_us: its beginning.
        energy_wh: the import register at its end; state of charge likewise, else the mean.
    """

    at_us: int
    energy_wh: float | None = None
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None
    temperature_c: float | None = None


def of_transaction(
    reader: Reader, transaction_id: int, *, step_s: int | None = None, points: int = POINTS
) -> list[SeriesPoint]:
    """What was measured in a transaction; empty if nothing was.

    Args:
        step_s: seconds from point to point; default: 1. Longer, if there were too many points.
        points: the most that are returned.
    """
    where = _OF_TRANSACTION
    ids: list[SqlValue] = [transaction_id, transaction_id]
    span = reader.row(_SPAN + where, ids)
    if _length_us(span):
        step_us = _step_us(_length_us(span), step_s, points)
        return _points(reader.rows(_RAW + where + _BY_STEP, [step_us, *ids, points + 1]))
    where = " WHERE transaction_id = ?"
    span = reader.row(_ROLLED_SPAN + where, ids[:1])
    step_us = max(INTERVAL_US, _step_us(_length_us(span), step_s, points))
    return _points(reader.rows(_ROLLED + where + _BY_STEP, [step_us, *ids[:1], points + 1]))


def of_connector(
    reader: Reader,
    charge_point_id: str,
    connector_id: int,
    *,
    since_us: int,
    until_us: int,
    step_s: int | None = None,
    points: int = POINTS,
) -> list[SeriesPoint]:
    """What a connector measured between two times, in or out of transactions.

    With steps of a quarter of an hour or more it is made of those, and may lack the newest.

    Args:
        step_s: seconds from point to point; default: 60. Longer, if there were too many points.
        points: the most that are returned.
    """
    step_us = _step_us(until_us - since_us, 60 if step_s is None else step_s, points)
    place: list[SqlValue] = [charge_point_id, connector_id]
    if step_us < INTERVAL_US:
        where = """ WHERE charge_point_id = ? AND connector_id = ?
            AND measured_at_us >= ? AND measured_at_us < ?
            AND coalesce(transaction_id, 0) IN (
                SELECT 0 UNION ALL
                SELECT +transaction_id FROM transactions
                WHERE charge_point_id = ? AND connector_id = ? AND started_at_us < ?)"""
        parameters = [step_us, *place, since_us, until_us, *place, until_us, points + 1]
        if found := reader.rows(_RAW + where + _BY_STEP, parameters):
            return _points(found)
        step_us = INTERVAL_US
    where = """ WHERE charge_point_id = ? AND connector_id = ?
        AND begins_at_us >= ? AND begins_at_us < ?"""
    parameters = [step_us, *place, since_us, until_us, points + 1]
    return _points(reader.rows(_ROLLED + where + _BY_STEP, parameters))


def newest_us(reader: Reader, charge_point_id: str, connector_id: int) -> int | None:
    """When the last reading of the newest transaction was measured, by the charge point's clock."""
    row = reader.row(
        """SELECT max(measured_at_us) FROM meter_readings
            WHERE charge_point_id = ? AND coalesce(transaction_id, 0) =
                (SELECT transaction_id FROM transactions
                    WHERE charge_point_id = ? AND connector_id = ?
                    ORDER BY started_at_us DESC LIMIT 1)""",
        [charge_point_id, charge_point_id, connector_id],
    )
    newest = None if row is None else row[0]
    assert newest is None or isinstance(newest, int)
    return newest


def _length_us(span: Row | None) -> int:
    """From the first to the last time, both included; 0 if there is none."""
    if span is None or span[0] is None:
        return 0
    first, last = span
    assert isinstance(first, int)
    assert isinstance(last, int)
    return last - first + 1


def _step_us(length_us: int, step_s: int | None, points: int) -> int:
    """Whole seconds, long enough for that many points."""
    least_s = -(-length_us // (points * SECOND_US))
    return max(1, step_s or 1, least_s) * SECOND_US


def _points(rows: list[Row]) -> list[SeriesPoint]:
    return [SeriesPoint.of(row) for row in rows]

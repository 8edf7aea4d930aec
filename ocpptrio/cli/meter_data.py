"""`ocpptrio transactions series` and `signed-data`: what a meter showed over time, and signed."""

from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, validators

from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag
from ocpptrio.cli.output import (
    FOR_PEOPLE,
    Columns,
    Failed,
    Output,
    printable,
    writing,
)
from ocpptrio.presentation import at, csv_text, public
from ocpptrio.store import meter_readings, transactions
from ocpptrio.store import series as stored
from ocpptrio.store.driver import Reader
from ocpptrio.store.meter_readings import SignedValue
from ocpptrio.store.series import SeriesPoint

READINGS: Final = 10_000  # with signed values: far more than a transaction has
Seconds = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]

_COLUMNS: Final[Columns[SeriesPoint]] = {
    "from": lambda row: at(row.at_us),
    "energy Wh": lambda row: row.energy_wh,
    "power W": lambda row: row.power_w,
    "current A": lambda row: row.current_a,
    "voltage V": lambda row: row.voltage_v,
    "charge %": lambda row: row.soc_percent,
    "temperature C": lambda row: row.temperature_c,
}


async def series(
    transaction: int,
    file: Path | None = None,
    /,
    *,
    step: Seconds = None,
    csv: Flag = False,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Show what was measured in a transaction over time, at even steps.

    Energy (the register) and state of charge are those at the end of a step, the others the mean.
    When the single readings are deleted, steps of a quarter of an hour stay.

    Args:
        transaction: Its id.
        file: The CSV to write; without it, standard output.
        step: Seconds from line to line; default: as measured. Longer, if there were too many.
        csv: Write CSV: UTC times, plain numbers.
    """

    def work(reader: Reader) -> list[SeriesPoint]:
        _check(reader, transaction)
        return stored.of_transaction(reader, transaction, step_s=step)

    points = await database.read(work)
    if file is None and not csv:
        measured = {
            title: value
            for title, value in _COLUMNS.items()
            if any(value(point) is not None for point in points)
        }
        output.table(points, measured, empty="nothing was measured", view=public)
        return
    with writing(file) as out:
        _write_csv(out, points)


def _write_csv(out: Any, points: list[SeriesPoint]) -> None:  # Any: whatever csv writes to
    out.write(csv_text([public(SeriesPoint(at_us=0)), *(public(one).values() for one in points)]))


async def signed_data(
    transaction: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show the signed meter values of a transaction as the charge point sent them.

    With --json they are exact to the byte; else what would command a terminal is escaped.

    Args:
        transaction: Its id.
    """

    def work(reader: Reader) -> list[SignedValue]:
        _check(reader, transaction)
        readings = meter_readings.page_of_transaction(
            reader, transaction, signed=True, limit=READINGS
        )
        return meter_readings.signed_values(readings)

    found = await database.read(work)
    if output.json:
        output.document([public(one) for one in found])
        return
    if not found:
        print(f"transaction {transaction} has no signed meter values")
    for one in found:
        print(printable(one.value))


def _check(reader: Reader, transaction: int) -> None:
    if transactions.get(reader, transaction) is None:
        raise Failed(f"no transaction {transaction}; see: ocpptrio transactions list")

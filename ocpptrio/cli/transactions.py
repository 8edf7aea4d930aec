"""`ocpptrio transactions`: what was charged, and what is odd about it."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter, validators

from ocpptrio.cli.options import FROM_SETTINGS, Database, Moment
from ocpptrio.cli.output import (
    FOR_PEOPLE,
    Columns,
    Failed,
    Output,
    Quantity,
    at,
    heading,
    joined,
    print_fields,
    public,
    rfc3339,
    writing,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.store import commands, meter_readings, orphan_stops, transactions
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import CommandRecord, MeterReading, TransactionRecord, TransactionState

app = App(name="transactions")

Limit = Annotated[int, Parameter(validator=validators.Number(gte=1))]
PAGE: Final = 1000  # transactions of one read of an export: short, beside the daemon

_READING_COLUMNS: Final[Columns[MeterReading]] = {
    "measured": lambda row: at(row.measured_at_us),
    "context": lambda row: row.context,
    "energy Wh": lambda row: row.energy_wh,
    "power W": lambda row: row.power_w,
    "current A": lambda row: row.current_a,
    "voltage V": lambda row: row.voltage_v,
    "frequency Hz": lambda row: row.frequency_hz,
    "charge %": lambda row: row.soc_percent,
    "temperature C": lambda row: row.temperature_c,
}

CSV_COLUMNS: Final = (
    "transaction_id",
    "charge_point_id",
    "connector_id",
    "id_tag",
    "parent_id_tag",
    "authorization_status",
    "state",
    "started_at",
    "stopped_at",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "stop_reason",
    "stop_id_tag",
    "reservation_id",
    "superseded_by",
    "flags",
    "account_key",
    "authorization_reason",
)


@app.command(name="list")
async def list_(
    *,
    charge_point: str | None = None,
    tag: str | None = None,
    state: TransactionState | None = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """List transactions, the newest first.

    Args:
        charge_point: Only those of this charge point.
        tag: Only those of this idTag.
        state: Only those that run, have stopped, or were superseded: another start on the
            connector shows that they are over, but no stop came.
        since: Only those that started then or later: 2026-11-22, with a time, or 2h for ago.
        until: Only those that started earlier.
        limit: How many at most.
    """
    found = await database.read(
        lambda reader: transactions.listed(
            reader,
            charge_point_id=charge_point,
            id_tag=tag,
            state=state,
            since_us=since,
            until_us=until,
            limit=limit,
        )
    )
    output.table(
        found,
        {
            "id": lambda row: row.transaction_id,
            "charge point": lambda row: row.charge_point_id,
            "connector": lambda row: row.connector_id,
            "tag": lambda row: row.id_tag,
            "started": lambda row: at(row.started_at_us),
            "stopped": _ended,
            "energy": _energy,
            "why": lambda row: row.stop_reason,
            "odd": _oddities,
        },
        empty="no such transactions",
    )
    if len(found) == limit and not output.json:
        print(f"(the newest {limit}; for more: --limit)")


@app.command
async def show(
    transaction: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show one transaction with its meter readings, and what is odd about it.

    Args:
        transaction: Its id.
    """

    def work(
        reader: Reader,
    ) -> tuple[TransactionRecord, list[MeterReading], list[CommandRecord]]:
        record = transactions.get(reader, transaction)
        if record is None:
            raise Failed(f"no transaction {transaction}; see: ocpptrio transactions list")
        return (
            record,
            meter_readings.of_transaction(reader, transaction),
            commands.of_transaction(reader, transaction),
        )

    record, readings, asked = await database.read(work)
    if output.json:
        output.document(
            public(record)
            | {
                "meter_readings": [public(reading) for reading in readings],
                "commands": [command.command_id for command in asked],
            }
        )
        return
    print_fields(
        {
            "transaction": record.transaction_id,
            "charge point": record.charge_point_id,
            "connector": record.connector_id,
            "tag": joined(record.id_tag, record.parent_id_tag and f"({record.parent_id_tag})"),
            "answer": joined(
                record.authorization_status,
                record.authorization_reason and f"({record.authorization_reason})",
            ),
            "charged to": record.account_key if record.account_key != record.id_tag_key else None,
            "reservation": record.reservation_id,
            "state": record.state,
            "superseded by": record.superseded_by,
            "started": at(record.started_at_us),
            "stopped": at(record.stopped_at_us),
            "lasted": _lasted(record),
            "energy": _energy(record),
            "meter": joined(record.meter_start_wh, "to", record.meter_stop_wh, "Wh")
            if record.meter_stop_wh is not None
            else f"from {record.meter_start_wh} Wh",
            "stopped because": record.stop_reason,
            "stopped by tag": record.stop_id_tag,
            "by command": ", ".join(f"{one.command_id} ({one.action})" for one in asked),
            "odd": _oddities(record),
        }
    )
    if readings:
        heading("Meter readings")
        measured = {
            title: value
            for title, value in _READING_COLUMNS.items()
            if any(value(reading) is not None for reading in readings)
        }
        output.table(readings, measured)


@app.command
async def export(
    file: Path | None = None,
    /,
    *,
    charge_point: str | None = None,
    tag: str | None = None,
    state: TransactionState | None = None,
    since: Moment = None,
    until: Moment = None,
    database: Database = FROM_SETTINGS,
) -> None:
    """Write transactions as CSV: UTC times, energy in Wh, the newest first.

    Args:
        file: The file to write; without it, standard output.
        charge_point: Only those of this charge point.
        tag: Only those of this idTag.
        state: Only those that run, have stopped, or were superseded.
        since: Only those that started then or later: 2026-11-22, with a time, or 2h for ago.
        until: Only those that started earlier.
    """
    before: int | None = None

    def work(reader: Reader) -> list[TransactionRecord]:
        return transactions.listed(
            reader,
            charge_point_id=charge_point,
            id_tag=tag,
            state=state,
            since_us=since,
            until_us=until,
            before=before,
            limit=PAGE,
        )

    async with database.open() as store:
        with writing(file) as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(CSV_COLUMNS)
            while page := await store.read(work):
                for record in page:
                    view = public(record)
                    writer.writerow(_csv_cell(view[column]) for column in CSV_COLUMNS)
                before = page[-1].transaction_id


@app.command
async def orphans(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List stops that fit no transaction; they were answered, and are kept for you to decide."""
    output.table(
        await database.read(orphan_stops.everyone),
        {
            "charge point": lambda row: row.charge_point_id,
            "sent id": lambda row: row.transaction_id,
            "tag": lambda row: row.id_tag,
            "stopped": lambda row: at(row.stopped_at_us),
            "meter Wh": lambda row: row.meter_stop_wh,
            "why": lambda row: row.reason,
            "received": lambda row: at(row.received_at_us),
        },
        empty="no orphaned stops: every stop fitted a transaction",
    )


def _energy(row: TransactionRecord) -> Quantity | None:
    if row.energy_wh is not None:
        return Quantity(f"{row.energy_wh / 1000:.3f} kWh")
    if row.state is TransactionState.OPEN and row.last_meter_wh is not None:
        return Quantity(f"so far {(row.last_meter_wh - row.meter_start_wh) / 1000:.3f} kWh")
    return None


def _ended(row: TransactionRecord) -> datetime | str | None:
    if row.state is TransactionState.SUPERSEDED:
        return f"superseded by {row.superseded_by}"
    return at(row.stopped_at_us) or "running"


def _lasted(row: TransactionRecord) -> timedelta | None:
    if row.stopped_at_us is None:
        return None
    return timedelta(seconds=(row.stopped_at_us - row.started_at_us) // 1_000_000)


def _oddities(row: TransactionRecord) -> str:
    """What a person should look at: the flags, and a refused tag that charges all the same."""
    odd = list(row.flags)
    if row.authorization_status is not AuthorizationStatus.ACCEPTED:
        odd.insert(0, f"answered {row.authorization_status}")
    return ", ".join(odd)


def _csv_cell(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case tuple():
            return ", ".join(map(str, value))
    return value

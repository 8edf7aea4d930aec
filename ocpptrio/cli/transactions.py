"""`ocpptrio transactions`: what was charged, and what is odd about it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cyclopts import App

from ocpptrio.cli import reviews as review_commands
from ocpptrio.cli.meter_data import series, signed_data
from ocpptrio.cli.options import FROM_SETTINGS, Database, Limit, Moment
from ocpptrio.cli.output import (
    FOR_PEOPLE,
    Columns,
    Failed,
    Output,
    Quantity,
    cell,
    heading,
    joined,
    print_fields,
    writing,
)
from ocpptrio.cli.reviews import UNKNOWN, Ending
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at, public
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.services import decisions, registers, transactions_csv
from ocpptrio.store import (
    commands,
    conclusions,
    meter_readings,
    orphan_stops,
    reviews,
    transactions,
)
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import (
    CommandRecord,
    ConclusionRecord,
    MeterReading,
    ReviewRecord,
    TransactionRecord,
)
from ocpptrio.store.vocabulary import TransactionState

app = App(name="transactions")
app.command(series)
app.command(signed_data)
app.command(review_commands.app)

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

# A transaction, and what it has taken so far, in Wh, if it runs and its readings tell.
Shown = tuple[TransactionRecord, int | None]


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
        state: Only those that run, have stopped, were superseded (another start on the connector
            shows that they are over, but no stop came) or concluded (over by other evidence).
        since: Only those that started then or later: 2026-11-22, with a time, or 2h for ago.
        until: Only those that started earlier.
        limit: How many at most.
    """

    def work(reader: Reader) -> list[Shown]:
        rows = transactions.listed(
            reader,
            charge_point_id=charge_point,
            id_tag=tag,
            state=state,
            since_us=since,
            until_us=until,
            limit=limit,
        )
        return [(row, registers.so_far_wh(reader, row)) for row in rows]

    found = await database.read(work)
    output.table(
        found,
        {
            "id": lambda row: row[0].transaction_id,
            "charge point": lambda row: row[0].charge_point_id,
            "connector": lambda row: row[0].connector_id,
            "tag": lambda row: row[0].id_tag,
            "started": lambda row: at(row[0].started_at_us),
            "stopped": lambda row: _ended(row[0]),
            "energy": lambda row: _energy(*row),
            "why": lambda row: row[0].stop_reason,
            "odd": lambda row: _oddities(row[0]),
        },
        empty="no such transactions",
        view=_view,
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

    def work(reader: Reader) -> tuple[Shown, _About]:
        record = transactions.get(reader, transaction)
        if record is None:
            raise Failed(f"no transaction {transaction}; see: ocpptrio transactions list")
        about = (
            meter_readings.of_transaction(reader, transaction),
            conclusions.of_transaction(reader, transaction),
            reviews.of_transaction(reader, transaction),
            commands.of_transaction(reader, transaction),
        )
        return (record, registers.so_far_wh(reader, record)), about

    (record, so_far), (readings, drawn, reviewed, asked) = await database.read(work)
    if output.json:
        output.document(
            _view((record, so_far))
            | {
                "conclusions": [review_commands.view(conclusion) for conclusion in drawn],
                "reviews": [review_commands.view(review) for review in reviewed],
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
            "suspect since": at(record.suspect_since_us)
            if record.state is TransactionState.OPEN
            else None,
            "started": at(record.started_at_us),
            "stopped": at(record.stopped_at_us),
            "concluded end": at(record.concluded_at_us),
            "lasted": _lasted(record),
            "energy": _energy(record, so_far),
            "energy from": record.energy_source,
            "meter": joined(record.meter_start_wh, "to", record.meter_stop_wh, "Wh")
            if record.meter_stop_wh is not None
            else f"from {record.meter_start_wh} Wh",
            "stopped because": record.stop_reason,
            "stopped by tag": record.stop_id_tag,
            "by command": ", ".join(f"{one.command_id} ({one.action})" for one in asked),
            "odd": _oddities(record),
        }
    )
    if drawn:
        heading("Concluded")
        output.table(
            drawn,
            {
                "when": lambda row: at(row.at_us),
                "what": lambda row: row.conclusion,
                "confidence": lambda row: row.confidence,
                "evidence": lambda row: review_commands.told(row.evidence),
            },
        )
    if reviewed:
        heading("For a person")
        review_commands.print_table(output, reviewed)
    if readings:
        heading("Meter readings")
        measured = {
            title: value
            for title, value in _READING_COLUMNS.items()
            if any(value(reading) is not None for reading in readings)
        }
        output.table(readings, measured)


@app.command
async def end(
    transaction: int,
    /,
    *,
    ending: Ending = UNKNOWN,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """End a transaction that is over though no stop came, or give the energy of one that stopped.

    Without a meter value or an energy, its last meter reading counts. If its real stop comes after
    all, that one counts.

    Args:
        transaction: Its id.
    """
    now_us = system_clock()
    await database.write(lambda db: decisions.end(db, transaction, at_us=now_us, **ending.words()))
    record = await database.read(lambda reader: transactions.get(reader, transaction))
    assert record is not None
    energy = _energy(record, None) or "unknown energy"
    output.done(f"transaction {transaction} is {record.state}: {energy}", _view((record, None)))


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
        state: Only those that run, have stopped, were superseded or concluded.
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
            out.write(transactions_csv.header())
            while page := await store.read(work):
                out.write(transactions_csv.lines(page))
                before = page[-1].transaction_id


@app.command
async def orphans(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List stops that fit no transaction; they were answered, and are kept for you to decide.

    See also: ocpptrio transactions review list
    """
    output.table(
        await database.read(orphan_stops.unresolved),
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


_About = tuple[list[MeterReading], list[ConclusionRecord], list[ReviewRecord], list[CommandRecord]]


def _view(row: Shown) -> dict[str, object]:
    record, so_far = row
    return public(record) | {"energy_so_far_wh": so_far}


def _energy(row: TransactionRecord, so_far: int | None) -> Quantity | None:
    if row.energy_wh is not None:
        return Quantity(f"{row.energy_wh / 1000:.3f} kWh")
    if so_far is not None:
        return Quantity(f"so far {so_far / 1000:.3f} kWh")
    return None


def _ended(row: TransactionRecord) -> datetime | str | None:
    match row.state:
        case TransactionState.SUPERSEDED:
            return f"superseded by {row.superseded_by}"
        case TransactionState.CONCLUDED:
            return f"concluded {cell(at(row.concluded_at_us))}"
        case TransactionState.OPEN if row.suspect_since_us is not None:
            return "suspect"
    return at(row.stopped_at_us) or "running"


def _lasted(row: TransactionRecord) -> timedelta | None:
    if row.ended_at_us is None:
        return None
    return timedelta(seconds=(row.ended_at_us - row.started_at_us) // 1_000_000)


def _oddities(row: TransactionRecord) -> str:
    """What a person should look at: the flags, and a refused tag that charges all the same."""
    odd = list(row.flags)
    if row.authorization_status is not AuthorizationStatus.ACCEPTED:
        odd.insert(0, f"answered {row.authorization_status}")
    return ", ".join(odd)

"""`ocpptrio transactions review`: what waits for a person, and how it is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cyclopts import App, Parameter

from ocpptrio.cli.options import FROM_SETTINGS, Database, Moment
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, cell, heading, print_fields
from ocpptrio.clock import system_clock
from ocpptrio.events import Fact, Facts
from ocpptrio.presentation import at, public
from ocpptrio.services import decisions
from ocpptrio.services.decisions import Case, Decision
from ocpptrio.store import reviews
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import ConclusionRecord, ReviewRecord

# How each decision is typed.
_TYPED: Final = {
    Decision.ATTACH: ["attach --transaction ID"],
    Decision.END: ["end", "end --meter-wh WH", "end --energy-wh WH"],
    Decision.DISMISS: ["dismiss"],
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a transaction ended, by the word of a person."""

    meter_wh: int | None = None
    """Where its meter stood at the end, in Wh."""
    energy_wh: int | None = None
    """What it took, in Wh."""
    ended: Moment = None
    """When it ended: 2026-11-22T10:00, or 2h for ago. Default: its last reading, else now."""
    note: str | None = None
    """Who says so, and why."""

    def words(self) -> decisions.Ending:
        """As the services take them."""
        return {
            "meter_wh": self.meter_wh,
            "energy_wh": self.energy_wh,
            "ended_at_us": self.ended,
            "note": self.note,
        }


# What is given if nothing is.
UNKNOWN: Final = Ending()

app = App(name="review", help="What waits for a person to decide.")


@app.command(name="list")
async def list_(
    *,
    charge_point: str | None = None,
    all: bool = False,  # noqa: A002 - the name of the option
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """List what waits, the oldest first.

    Args:
        charge_point: Only of this charge point.
        all: Also what is decided, the newest first.
    """

    def work(reader: Reader) -> list[ReviewRecord]:
        if not all:
            return reviews.waiting(reader, charge_point)
        return reviews.latest(reader, 1000, charge_point_id=charge_point)

    print_table(output, await database.read(work), empty="nothing waits for you")


@app.command
async def show(
    review: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show what waits under a number, with its evidence, and what can be decided.

    Args:
        review: Its number.
    """

    def work(reader: Reader) -> Case:
        found = decisions.case(reader, review)
        if found is None:
            raise Failed(f"no review {review}; see: ocpptrio transactions review list")
        return found

    case = await database.read(work)
    record, orphan, fitting = case.review, case.orphan, case.fitting
    if output.json:
        output.document(
            view(record)
            | {
                "orphan_stop": None if orphan is None else public(orphan),
                "fitting_transactions": [public(transaction) for transaction in fitting],
            }
        )
        return
    print_fields(
        {
            "review": record.review_id,
            "about": record.kind,
            "charge point": record.charge_point_id,
            "transaction": record.transaction_id,
            "since": at(record.since_us),
            "decided": record.decision,
            "when": at(record.resolved_at_us),
            "note": record.note,
        }
    )
    heading("Evidence")
    for fact in record.evidence:
        print(_fact(fact))
    if fitting:
        heading("Transactions without a stop that it could end")
        output.table(
            fitting,
            {
                "id": lambda row: row.transaction_id,
                "connector": lambda row: row.connector_id,
                "tag": lambda row: row.id_tag,
                "started": lambda row: at(row.started_at_us),
                "meter Wh": lambda row: row.meter_start_wh,
            },
        )
    if case.choices:
        heading("Decide")
        for words in (words for choice in case.choices for words in _TYPED[choice]):
            print(f"ocpptrio transactions review resolve {record.review_id} {words}")


@app.command
async def resolve(
    review: int,
    decision: Decision,
    /,
    *,
    transaction: int | None = None,
    ending: Ending = UNKNOWN,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Decide what waits under a number.

    Args:
        review: Its number.
        decision: attach: the stop ends the transaction that you name. end: the transaction is
            over, with the meter value or energy that you give, else with its last reading.
            dismiss: leave all as it is.
        transaction: With attach: whose stop it is.
    """
    now_us = system_clock()
    await database.write(
        lambda db: decisions.resolve(
            db,
            review,
            decision,
            at_us=now_us,
            transaction_id=transaction,
            **ending.words(),
        )
    )
    record = await database.read(lambda reader: reviews.get(reader, review))
    assert record is not None
    output.done(f"review {review} is resolved: {record.decision}", view(record))


def print_table(output: Output, rows: Sequence[ReviewRecord], *, empty: str = "") -> None:
    """Reviews, a line each."""
    output.table(
        rows,
        {
            "review": lambda row: row.review_id,
            "about": lambda row: row.kind,
            "charge point": lambda row: row.charge_point_id,
            "transaction": lambda row: row.transaction_id,
            "since": lambda row: at(row.since_us),
            "evidence": lambda row: told(row.evidence),
            "decided": lambda row: row.decision,
        },
        empty=empty,
        view=view,
    )


def view(record: ReviewRecord | ConclusionRecord) -> dict[str, object]:
    """What programs get of it."""
    return public(record) | {"evidence": [public(fact) for fact in record.evidence]}


def told(evidence: Facts) -> str:
    """Evidence in a line."""
    return "; ".join(map(_fact, evidence))


def _fact(fact: Fact) -> str:
    parts = [fact.what]
    if fact.at_us is not None:
        parts.append(cell(at(fact.at_us)))
    if fact.wh is not None:
        parts.append(f"{fact.wh:.10g} Wh")
    if fact.detail:
        parts.append(f"({cell(fact.detail)})")
    return " ".join(parts)

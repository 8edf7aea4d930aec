"""`ocpptrio deviations`: where charge points leave the specification, also for their makers."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from cyclopts import App

from ocpptrio.cli.charge_point_views import known
from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag
from ocpptrio.cli.output import FOR_PEOPLE, Output, plural, writing
from ocpptrio.presentation import at, public
from ocpptrio.services import deviation_report
from ocpptrio.services.deviation_kinds import MEANINGS
from ocpptrio.services.deviation_report import Report
from ocpptrio.store import deviations
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import DeviationRecord

app = App(name="deviations")


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def _as_json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


_WRITERS: Final[dict[Format, Callable[[Report], str]]] = {
    Format.TEXT: deviation_report.as_text,
    Format.MARKDOWN: deviation_report.as_markdown,
    Format.JSON: _as_json,
}


@app.command(name="list")
async def list_(
    charge_point_id: str | None = None,
    /,
    *,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """List in which ways charge points leave the specification, and what we make of it.

    Args:
        charge_point_id: Only of this charge point.
    """

    def work(reader: Reader) -> list[DeviationRecord]:
        if charge_point_id is None:
            return deviations.everyone(reader)
        known(reader, charge_point_id)
        return deviations.of(reader, charge_point_id)

    output.table(
        await database.read(work),
        {
            "charge point": lambda row: row.charge_point_id,
            "action": lambda row: row.action,
            "field": lambda row: row.field,
            "kind": lambda row: row.kind,
            "times": lambda row: row.occurrences,
            "last": lambda row: at(row.last_at_us),
            "firmware": lambda row: row.last_firmware,
            "what we made of it": lambda row: MEANINGS[row.kind].made_of_it,
        },
        empty="no deviations",
        view=_view,
    )


@app.command
async def report(
    charge_point_id: str,
    /,
    *,
    format: Format = Format.TEXT,  # noqa: A002 - the name of the option
    output: Path | None = None,
    database: Database = FROM_SETTINGS,
) -> None:
    """Write a report for the manufacturer: what is wrong, how often, and what would be right.

    It has an example from the journal where there is one; idTags in it are covered.

    Args:
        charge_point_id: Its identity.
        format: text, markdown or json.
        output: The file to write; without it, standard output.
    """

    def work(reader: Reader) -> Report:
        return deviation_report.of(reader, known(reader, charge_point_id))

    page = _WRITERS[format](await database.read(work))
    with writing(output) as out:
        out.write(page)


@app.command
async def clear(
    charge_point_id: str,
    /,
    *,
    older_firmware: Flag = False,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Forget the deviations of a charge point; what it still does comes again.

    Args:
        charge_point_id: Its identity.
        older_firmware: Only those not seen with the firmware that it has now.
    """

    def work(db: Db) -> int:
        known(db, charge_point_id)
        return deviations.clear(db, charge_point_id, older_firmware_only=older_firmware)

    count = await database.write(work)
    output.done(
        f"{plural(count, 'deviation')} of {charge_point_id} forgotten",
        {"charge_point_id": charge_point_id, "cleared": count},
    )


def _view(row: DeviationRecord) -> dict[str, object]:
    meaning = MEANINGS[row.kind]
    return public(row) | {
        "what": meaning.what,
        "made_of_it": meaning.made_of_it,
        "clause": meaning.clause,
    }

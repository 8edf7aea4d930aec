"""`ocpptrio conditions`: what is wrong with charge points now, and what was."""

from cyclopts import App

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Output
from ocpptrio.presentation import at
from ocpptrio.store import conditions

app = App(name="conditions")


@app.command(name="list")
async def list_(
    charge_point_id: str | None = None,
    /,
    *,
    all: bool = False,  # noqa: A002 - the name of the option
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """List what is wrong now, the newest first.

    Args:
        charge_point_id: Only of this charge point.
        all: Also what is over.
    """
    found = await database.read(
        lambda reader: conditions.listed(reader, charge_point_id=charge_point_id, open_only=not all)
    )
    columns = {
        "charge point": lambda row: row.charge_point_id,
        "condition": lambda row: row.kind,
        "connector": lambda row: row.connector_id or None,
        "since": lambda row: at(row.since_us),
        "evidence": lambda row: row.evidence,
        "steps": lambda row: row.steps,
    }
    if all:
        columns["over"] = lambda row: at(row.cleared_at_us)
    output.table(found, columns, empty="nothing is wrong, as far as can be seen")

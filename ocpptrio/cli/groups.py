"""`ocpptrio groups`: charge points that are treated alike."""

from cyclopts import App

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, plural
from ocpptrio.clock import system_clock
from ocpptrio.errors import UnknownChargePoint
from ocpptrio.services import groups
from ocpptrio.services.groups import NotInGroup
from ocpptrio.store import charge_point_groups
from ocpptrio.store.driver import Db

app = App(name="groups")


@app.command(name="list")
async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all groups and who is in them."""
    found = await database.read(charge_point_groups.everything)
    if output.json:
        output.document(found)
        return
    output.table(
        list(found.items()),
        {
            "group": lambda item: item[0],
            "charge points": lambda item: ", ".join(item[1]),
        },
        empty="no groups yet; make one: ocpptrio groups add GROUP CHARGE-POINT",
    )


@app.command
async def add(
    group: str,
    /,
    *identities: str,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Put charge points into a group; one that is not there yet is made.

    Args:
        group: Its name, any text.
        identities: The charge points; all must be registered.
    """
    _some(identities)

    def work(db: Db) -> None:
        try:
            groups.join(db, group, identities, system_clock())
        except UnknownChargePoint as error:
            raise Failed(f"{error}; see ocpptrio charge-points list") from None
        except ValueError as error:
            raise Failed(str(error)) from None

    await database.write(work)
    output.done(
        f"{plural(len(identities), 'charge point')} in {group}",
        {"group": group, "charge_point_ids": identities},
    )


@app.command
async def remove(
    group: str,
    /,
    *identities: str,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Take charge points out of a group; it is gone with the last one.

    Args:
        group: Its name.
        identities: The charge points.
    """
    _some(identities)

    def work(db: Db) -> None:
        try:
            groups.leave(db, group, identities, system_clock())
        except NotInGroup as error:
            raise Failed(f"{error}; see ocpptrio groups list") from None

    await database.write(work)
    output.done(
        f"{plural(len(identities), 'charge point')} taken out of {group}",
        {"group": group, "charge_point_ids": identities},
    )


def _some(identities: tuple[str, ...]) -> None:
    if not identities:
        raise Failed("name at least one charge point")

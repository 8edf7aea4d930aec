"""`ocpptrio commands`: what was asked, and what came of it. Not here: asking (call)."""

from cyclopts import App

from ocpptrio.cli.command_views import print_table, print_whole
from ocpptrio.cli.options import FROM_SETTINGS, Database, Limit
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output
from ocpptrio.clock import system_clock
from ocpptrio.store import commands
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState

app = App(name="commands")


@app.command(name="list")
async def list_(
    *,
    charge_point: str | None = None,
    state: CommandState | None = None,
    task: int | None = None,
    limit: Limit = 100,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """List commands, the newest first.

    Args:
        charge_point: Only those to this charge point.
        state: Only those that have come so far.
        task: Only those of this task.
        limit: How many at most.
    """
    found = await database.read(
        lambda reader: commands.listed(
            reader, charge_point_id=charge_point, state=state, task_id=task, limit=limit
        )
    )
    print_table(found, output, empty="no such commands")
    if len(found) == limit and not output.json:
        print(f"(the newest {limit}; for more: --limit)")


@app.command
async def show(
    command: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show one command: request, answer, times and effect.

    Args:
        command: Its number.
    """

    def work(reader: Reader) -> tuple[CommandRecord, CommandRecord | None]:
        record = commands.get(reader, command)
        if record is None:
            raise Failed(f"no command {command}; see: ocpptrio commands list")
        return record, commands.follower(reader, command)

    print_whole(*await database.read(work), output)


@app.command
async def cancel(
    command: int,
    /,
    *more: int,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Withdraw commands that are not sent yet; all of them, or none.

    Args:
        command: Its number.
        more: Others.
    """
    numbers = (command, *more)

    def work(db: Db) -> None:
        for number in numbers:
            commands.cancel(db, number, system_clock())

    await database.write(work)
    shown = ", ".join(map(str, numbers))
    output.done(f"cancelled: {shown}", {"cancelled": numbers})

"""`ocpptrio tasks`: ask many charge points, at a pace."""

import re
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from ocpptrio.cli.command_views import print_table, view
from ocpptrio.cli.options import FROM_SETTINGS, Database, Expiry, Limit
from ocpptrio.cli.output import FOR_PEOPLE, Output, heading, joined, plural, print_fields
from ocpptrio.cli.requests import Payload, read_request
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at, public
from ocpptrio.services.tasks import AT_A_TIME
from ocpptrio.services.tasks import start as start_task
from ocpptrio.store import commands, tasks
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import CommandRecord, TaskRecord
from ocpptrio.store.tasks import Progress, Terms
from ocpptrio.store.vocabulary import TaskState

app = App(name="tasks")

FAILURES_SHOWN: Final = 20


def _check_failures(_type: Any, text: str | None) -> None:  # Any: as cyclopts calls it
    if text is not None and re.fullmatch(r"[1-9]\d{0,4}|[1-9]\d?%|100%", text) is None:
        raise ValueError("write a number of failures, or a share of the charge points: 5 or 10%")


Failures = Annotated[str | None, Parameter(validator=_check_failures, metavar="N|N%")]


@app.command
async def start(
    action: str,
    payload: Payload = "{}",
    /,
    *charge_points: str,
    group: str | None = None,
    at_a_time: Limit = AT_A_TIME,
    per_minute: Limit | None = None,
    stop_after: Failures = None,
    expires: Expiry = None,
    key: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Ask many charge points for the same; those that are not connected, when they return.

    Args:
        action: What they are asked: Reset, ChangeConfiguration, and so on.
        payload: The request as JSON; - reads it from standard input.
        charge_points: Their identities.
        group: All that are in this group now.
        at_a_time: How many may be under way at once.
        per_minute: How many may be begun within a minute.
        stop_after: Send no more after so many failures, or after this share of all: 5 or 10%.
        expires: Ask within this time, or not at all: 30m, 2h, 7d.
        key: The same key with the same task is started once only, however often you ask.
    """
    request = read_request(action, payload)
    at_us = system_clock()
    seconds = expires or database.settings().commands.expiry

    def work(db: Db) -> TaskRecord:
        terms = Terms(
            at_a_time=at_a_time,
            per_minute=per_minute,
            expires_at_us=at_us + round(seconds * 1_000_000),
        )
        task_id = start_task(
            db,
            request,
            charge_points,
            group=group,
            terms=terms,
            stop_after=stop_after if stop_after is None or "%" in stop_after else int(stop_after),
            at_us=at_us,
            idempotency_key=key,
        )
        return tasks.get(db, task_id)

    record = await database.write(work)
    sentence = f"task {record.task_id}: {action} for {plural(record.total, 'charge point')}"
    if not database.has_daemon():
        sentence += "\nNo daemon runs on this database: it begins when one does (ocpptrio serve)."
    output.done(sentence, public(record))


@app.command(name="list")
async def list_(
    *, limit: Limit = 100, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """List tasks and how far they are, the newest first.

    Args:
        limit: How many at most.
    """

    def work(reader: Reader) -> list[tuple[TaskRecord, Progress]]:
        found = tasks.listed(reader, limit=limit)
        so_far = tasks.progress_of_each(reader, [record.task_id for record in found])
        return [(record, so_far[record.task_id]) for record in found]

    output.table(
        await database.read(work),
        {
            "id": lambda row: row[0].task_id,
            "action": lambda row: row[0].action,
            "state": lambda row: row[0].state,
            "settled": lambda row: f"{row[0].total - row[1].open} of {row[0].total}",
            "failed": lambda row: row[1].failures,
            "started": lambda row: at(row[0].created_at_us),
            "ended": lambda row: at(row[0].ended_at_us),
        },
        empty="no tasks yet; start one: ocpptrio tasks start ACTION PAYLOAD CHARGE-POINT...",
        view=lambda row: _view(*row),
    )


@app.command
async def show(
    task: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show one task: how far it is, and where it failed.

    Args:
        task: Its number.
    """

    def work(reader: Reader) -> tuple[TaskRecord, Progress, list[CommandRecord]]:
        return (
            tasks.get(reader, task),
            tasks.progress(reader, task),
            commands.members(reader, task),
        )

    record, progress, members = await database.read(work)
    if output.json:
        output.document(_view(record, progress) | {"commands": [view(one) for one in members]})
        return
    running = record.state is TaskState.RUNNING
    print_fields(
        {
            "task": record.task_id,
            "action": record.action,
            "request": record.request or "each has its own",
            "state": joined(record.state, record.reason and f"({record.reason})"),
            "charge points": record.total,
            "at a time": record.at_a_time,
            "per minute": record.per_minute,
            "stops after": record.stop_after and plural(record.stop_after, "failure"),
            "started": at(record.created_at_us),
            "expires": at(record.expires_at_us) if running else None,
            "ended": at(record.ended_at_us),
            "key": record.idempotency_key,
        }
        | progress.counts
        | {"failed": progress.failures}
        | {f"effect {state}": count for state, count in progress.effects.items()}
    )
    failed = [one for one in members if one.failed]
    if failed:
        heading("Where it failed")
        print_table(failed[:FAILURES_SHOWN], output, empty="")
        if len(failed) > FAILURES_SHOWN:
            print(f"(the first {FAILURES_SHOWN}; for all: ocpptrio commands list --task {task})")


@app.command
async def cancel(
    task: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Send no more of a task; what is sent already goes on.

    Args:
        task: Its number.
    """
    await database.write(lambda db: tasks.cancel(db, task, system_clock()))
    output.done(f"task {task} cancelled", {"cancelled": task})


def _view(record: TaskRecord, progress: Progress) -> dict[str, object]:
    request = record.request
    return public(record) | {
        "request": None if request is None else msgspec.Raw(request.encode()),
        "counts": progress.counts,
        "failures": progress.failures,
        "effects": progress.effects,
    }

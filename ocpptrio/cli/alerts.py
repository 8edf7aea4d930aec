"""`ocpptrio alerts`: what people are told of, and who knows."""

import getpass

from cyclopts import App

from ocpptrio.cli.options import FROM_SETTINGS, Database, Limit
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output
from ocpptrio.clock import system_clock
from ocpptrio.config import AlertKind
from ocpptrio.presentation import at, public
from ocpptrio.services import alerts
from ocpptrio.services.alert_messages import where
from ocpptrio.services.alert_notices import AlertNotices
from ocpptrio.store import alerts as store
from ocpptrio.store.driver import Db
from ocpptrio.store.records import AlertRecord
from ocpptrio.store.sqlite import SqliteStore

app = App(name="alerts")


@app.command(name="list")
async def list_(
    charge_point_id: str | None = None,
    /,
    *,
    all: bool = False,  # noqa: A002 - the name of the option
    kind: AlertKind | None = None,
    limit: Limit = 100,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """List open alerts, the newest first.

    Args:
        charge_point_id: Only of this charge point.
        all: Also those that are over.
        kind: Only of this kind.
        limit: How many at most.
    """
    found = await database.read(
        lambda reader: store.listed(
            reader,
            is_open=None if all else True,
            kind=kind,
            charge_point_id=charge_point_id,
            limit=limit,
        )
    )
    columns = {
        "alert": lambda row: row.alert_id,
        "where": where,
        "kind": lambda row: row.kind,
        "since": lambda row: at(row.since_us),
        "times": lambda row: row.occurrences,
        "detail": lambda row: row.detail,
        "told": lambda row: at(row.notified_at_us),
        "known by": lambda row: row.acknowledged_by,
    }
    if all:
        columns["over"] = lambda row: at(row.ended_at_us)
    output.table(found, columns, empty="no alerts")


@app.command
async def acknowledge(
    alert: int,
    /,
    *more: int,
    by: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Say that you know of alerts: all of them, or none. A security event is over by that.

    Args:
        alert: Its number.
        more: Others.
        by: Who knows; the name of your account here, if it is left out.
    """
    numbers, who = (alert, *more), by or _account()

    def work(db: Db) -> list[AlertRecord]:
        now_us = system_clock()
        return [alerts.acknowledge(db, number, who, at_us=now_us) for number in numbers]

    done = await database.write(work)
    shown = ", ".join(map(str, numbers))
    output.done(f"acknowledged by {who}: {shown}", [public(one) for one in done])


@app.command(name="test")
async def send_test(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """Send a message to each destination of the settings from here, and tell what came of it."""
    settings = database.settings()
    # It writes nothing: the store is never opened.
    notices = AlertNotices(
        SqliteStore(":memory:"), system_clock, settings.alerts, settings.api.public_url
    )
    if not notices.destinations:
        raise Failed("nobody is told: set [alerts] smtp_host or webhook_url")
    try:
        results = await notices.test()
    finally:
        await notices.aclose()
    failed = [f"{name}: {error}" for name, error in results.items() if error is not None]
    if failed:
        raise Failed("\n".join(failed))
    output.done(f"sent: {', '.join(results)}", results)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may have no names
        return "command line"

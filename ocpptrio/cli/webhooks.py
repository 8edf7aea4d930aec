"""`ocpptrio webhooks`: which programs are told of which events."""

from typing import Annotated

from cyclopts import App, Parameter

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, plural
from ocpptrio.clock import system_clock
from ocpptrio.config import RetentionSettings
from ocpptrio.presentation import at
from ocpptrio.services import webhooks
from ocpptrio.services.webhook_delivery import WebhookDelivery
from ocpptrio.store import webhooks as store
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import WebhookDeliveryRecord, WebhookRecord
from ocpptrio.store.vocabulary import WebhookState

app = App(name="webhooks")

Kinds = Annotated[list[str] | None, Parameter(name="--kind", negative="")]


@app.command(name="list")
async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List where events are delivered to, how far that has come, and what is in its way."""

    def work(reader: Reader) -> list[tuple[WebhookRecord, int]]:
        return [(hook, store.waiting(reader, hook)) for hook in store.everyone(reader)]

    found = await database.read(work)
    output.table(
        found,
        {
            "webhook": lambda row: row[0].webhook_id,
            "url": lambda row: row[0].url,
            "events": lambda row: _filters(row[0]),
            "state": lambda row: row[0].state,
            "since": lambda row: at(row[0].failing_since_us),
            "waiting": lambda row: row[1] or None,
            "lost": lambda row: row[0].lost_events or None,
            "next try": lambda row: at(row[0].next_try_at_us),
            "last error": lambda row: row[0].last_error,
        },
        empty="no webhooks yet; make one: ocpptrio webhooks add URL",
        view=lambda row: webhooks.view(row[0]) | {"waiting": row[1]},
    )


@app.command
async def add(
    url: str,
    /,
    *,
    kind: Kinds = None,
    charge_point: str | None = None,
    group: str | None = None,
    secret: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Deliver what happens from now on to a URL.

    Args:
        url: Where events are posted to: http:// or https://.
        kind: Only events of this kind, such as TransactionStopped; may be given several times.
        charge_point: Only events of this charge point.
        group: Only events of charge points in this group.
        secret: To sign with; without it a new one is made, and shown.
    """

    def work(db: Db) -> WebhookRecord:
        return webhooks.create(
            db,
            url,
            at_us=system_clock(),
            secret=secret,
            kinds=kind or (),
            charge_point_id=charge_point,
            group=group,
        )

    made = await database.write(work, create=True)
    output.done(
        f"webhook {made.webhook_id} made; verify its signatures with this secret, which is not "
        f"shown again:\n{made.secret}",
        webhooks.view(made, secret=True),
    )


@app.command
async def remove(
    webhook: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Forget a webhook; what it has not got, it never will.

    Args:
        webhook: Its number.
    """

    def work(db: Db) -> None:
        webhooks.remove(db, webhook, at_us=system_clock())

    await database.write(work)
    output.done(f"webhook {webhook} removed", {"removed": webhook})


@app.command
async def pause(
    webhook: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Deliver nothing until it is resumed; what happens is kept, as long as events are.

    Args:
        webhook: Its number.
    """

    def work(db: Db) -> WebhookRecord:
        return webhooks.pause(db, webhook, at_us=system_clock())

    record = await database.write(work)
    output.done(f"webhook {webhook} paused", webhooks.view(record))


@app.command
async def resume(
    webhook: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Go on delivering; one that is failing is tried at once.

    Args:
        webhook: Its number.
    """

    def work(db: Db) -> tuple[WebhookRecord, int]:
        record = webhooks.resume(db, webhook, at_us=system_clock())
        return record, store.waiting(db, record)

    record, waiting = await database.write(work)
    output.done(
        f"webhook {webhook} resumed; {plural(waiting, 'event')} to deliver", webhooks.view(record)
    )


@app.command
async def replay(
    webhook: int,
    from_number: int,
    /,
    *,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Deliver events again.

    Args:
        webhook: Its number.
        from_number: Of the first event; 1: as far back as events are kept.
    """

    def work(db: Db) -> tuple[WebhookRecord, int]:
        record = webhooks.replay(db, webhook, from_number, at_us=system_clock())
        return record, store.waiting(db, record)

    record, waiting = await database.write(work)
    paused = "; it is paused" if record.state is WebhookState.PAUSED else ""
    output.done(
        f"webhook {webhook}: {plural(waiting, 'event')} to deliver{paused}", webhooks.view(record)
    )


@app.command(name="test")
async def send_test(
    webhook: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Send a message without events from here, and show what is answered.

    Args:
        webhook: Its number.
    """
    async with database.open() as opened:
        delivery = WebhookDelivery(
            opened, system_clock, database.settings().webhooks, RetentionSettings()
        )
        record = await opened.read(lambda reader: webhooks.known(reader, webhook))
        attempt = await delivery.test(record)
        await delivery.aclose()
    if attempt.error is not None:
        raise Failed(f"webhook {webhook}: {attempt.error}")
    output.done(
        f"webhook {webhook}: answered {attempt.status} after {attempt.took_ms} ms",
        {"webhook_id": webhook, "status": attempt.status, "took_ms": attempt.took_ms},
    )


@app.command
async def deliveries(
    webhook: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """List the last tries to deliver, the newest first.

    Args:
        webhook: Its number.
    """

    def work(reader: Reader) -> list[WebhookDeliveryRecord]:
        webhooks.known(reader, webhook)
        return store.deliveries(reader, webhook)

    found = await database.read(work)
    output.table(
        found,
        {
            "at": lambda row: at(row.at_us),
            "events": lambda row: row.events,
            "from": lambda row: row.first_number,
            "to": lambda row: row.last_number,
            "answer": lambda row: row.status,
            "ms": lambda row: row.took_ms,
            "error": lambda row: row.error,
        },
        empty="nothing was sent yet",
    )


def _filters(record: WebhookRecord) -> str:
    whose = [
        f"of {record.charge_point_id}" if record.charge_point_id else "",
        f"in {record.group_name}" if record.group_name else "",
    ]
    return " ".join([", ".join(record.kinds) or "all", *filter(None, whose)])

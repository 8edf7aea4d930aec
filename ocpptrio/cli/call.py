"""`ocpptrio call`: ask one charge point for something."""

from typing import Annotated, Final

import trio
from cyclopts import Parameter

from ocpptrio.cli.command_views import effect, view
from ocpptrio.cli.options import FROM_SETTINGS, Database, Duration
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, cell
from ocpptrio.cli.requests import Payload, read_request
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at
from ocpptrio.store import charge_points, commands
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import CommandRecord, CommandState, EffectState

LOOK_EVERY_S: Final = 0.1  # another process writes; a file cannot call us
# s to wait if nothing else is said: two time-outs, for it may stand behind another one.
WAIT_S: Final = 60

Flag = Annotated[bool, Parameter(negative="", show_default=False)]


async def call(
    charge_point: str,
    action: str,
    payload: Payload = "{}",
    /,
    *,
    wait: Duration = None,
    until_effect: Flag = False,
    expires: Duration = None,
    key: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Ask a charge point for something, and print what it answers.

    One that is not connected is asked when it returns, until the command expires. The exit status
    is 0 if it was accepted, or waits for a charge point that is not there; else 1.

    Args:
        charge_point: Its identity.
        action: What it is asked: Reset, GetConfiguration, and so on.
        payload: The request as JSON; - reads it from standard input.
        wait: How long to wait for the answer: 30s, 5m; 0 does not wait. If nothing is given, a
            minute for one that is connected.
        until_effect: Also wait until it took effect: the boot after a Reset, for example.
        expires: Send it within this time, or not at all: 30m, 2h, 7d.
        key: The same key with the same request is sent once only, however often you ask.
    """
    request = commands.draft(read_request(action, payload))
    at_us = system_clock()
    settings = database.settings()
    expires_at_us = at_us + round((expires or settings.commands.expiry) * 1_000_000)

    def work(db: Db) -> tuple[int, bool]:
        record = charge_points.get(db, charge_point)
        if record is None:
            raise Failed(f"{charge_point} is not registered; see ocpptrio charge-points list")
        command_id = commands.queue(
            db,
            request,
            charge_point_id=charge_point,
            at_us=at_us,
            expires_at_us=expires_at_us,
            idempotency_key=key,
        )
        return command_id, record.connected

    async with database.open() as store:
        command_id, connected = await store.write(work)
        served = database.has_daemon()
        if wait is None:
            wait = WAIT_S if served and connected else 0
        record = await _wait(store, command_id, wait if served else 0, until_effect)
    if output.json:
        output.document(view(record))
    if not record.settled:
        if served and wait:
            raise Failed(
                f"command {record.command_id} is still {record.state}; to see what becomes of it: "
                f"ocpptrio commands show {record.command_id}"
            )
        if not output.json:
            print(_waits(record, served=served, connected=connected))
        return
    if not output.json:
        _print_answer(record)
    if record.failed or record.state is not CommandState.ANSWERED:
        raise Failed(_why_failed(record))


async def _wait(store: Store, command_id: int, wait_s: float, until_effect: bool) -> CommandRecord:
    """The command as it is then; if another made up for it, that one."""

    def work(reader: Reader) -> CommandRecord:
        record = commands.follower(reader, command_id) or commands.get(reader, command_id)
        assert record is not None
        return record

    until = trio.current_time() + wait_s
    while True:
        record = await store.read(work)
        done = record.settled and not (until_effect and record.effect is EffectState.AWAITED)
        if done or trio.current_time() >= until:
            return record
        await trio.sleep(LOOK_EVERY_S)


def _waits(record: CommandRecord, *, served: bool, connected: bool) -> str:
    command = f"command {record.command_id}"
    if not served:
        return (
            f"{command} is queued, but no daemon runs on this database: it is sent when one does "
            f"(ocpptrio serve), until {cell(at(record.expires_at_us))}"
        )
    if not connected:
        return (
            f"{command} is queued until {cell(at(record.expires_at_us))}: "
            f"{record.charge_point_id} is not connected"
        )
    return f"{command} is {record.state}"


def _print_answer(record: CommandRecord) -> None:
    if record.response is not None:
        print(cell(record.response))
    if text := effect(record):
        print(f"effect {text}")


def _why_failed(record: CommandRecord) -> str:
    command = f"command {record.command_id}"
    if record.effect in (EffectState.FAILED, EffectState.NOT_SEEN):
        return f"{command} was {record.state}, but its effect: {effect(record)}"
    if record.state is CommandState.ANSWERED:
        return f"{command} was answered {record.status}"
    return f"{command} {record.state}" + (f": {record.error}" if record.error else "")

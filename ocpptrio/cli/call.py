"""`ocpptrio call`: ask one charge point for something, here or through the API of a daemon."""

from typing import Final

import msgspec
import trio

from ocpptrio.cli import command_views
from ocpptrio.cli.charge_point_views import known
from ocpptrio.cli.command_views import effect
from ocpptrio.cli.options import FROM_SETTINGS, Database, Duration, Expiry, Flag
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, cell, printable
from ocpptrio.cli.remote import HERE, Client, Remote, either
from ocpptrio.cli.requests import Payload, read_request
from ocpptrio.cli.views import record_of
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at
from ocpptrio.protocol.actions import encode, spec_of
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.store import commands
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState

LOOK_EVERY_S: Final = 0.1  # another process writes; a file cannot call us
# s to wait if nothing else is said: two time-outs, for it may stand behind another one.
WAIT_S: Final = 60
# s that the API is asked to wait at a time: proxies cut what is silent for longer.
POLL_S: Final = 30


async def call(
    charge_point: str,
    action: str,
    payload: Payload = "{}",
    /,
    *,
    wait: Duration = None,
    until_effect: Flag = False,
    expires: Expiry = None,
    key: str | None = None,
    remote: Remote = HERE,
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
    question = _Question(
        charge_point, read_request(action, payload), wait, until_effect, expires, key
    )
    asked = await either(
        remote.client(database),
        lambda: _ask_here(database, question),
        lambda client: _ask_there(client, question),
    )
    _tell(asked, output)


class _Question(msgspec.Struct, frozen=True):
    """What is asked, and how long the answer is waited for; see `call`."""

    charge_point: str
    request: Request[Message]
    wait_s: float | None
    until_effect: bool
    expires_in_s: float | None
    key: str | None


class _Asked(msgspec.Struct, frozen=True):
    """What became of a command while we waited.

    Attributes:
        served: a daemon runs that can send it.
        connected: its charge point was there at first.
        see: where to look what becomes of it.
    """

    record: CommandRecord
    served: bool
    connected: bool
    waited: bool
    see: str


async def _ask_here(database: Database, asked: _Question) -> _Asked:
    at_us = system_clock()
    drafted = commands.draft(asked.request)
    expiry_s = asked.expires_in_s or database.settings().commands.expiry
    expires_at_us = at_us + round(expiry_s * 1_000_000)

    def work(db: Db) -> tuple[int, bool]:
        record = known(db, asked.charge_point)
        command_id = commands.queue(
            db,
            drafted,
            charge_point_id=asked.charge_point,
            at_us=at_us,
            expires_at_us=expires_at_us,
            idempotency_key=asked.key,
        )
        return command_id, record.connected

    async with database.open() as store:
        command_id, connected = await store.write(work)
        served = database.has_daemon()
        wait_s = _patience(asked.wait_s, connected) if served else 0
        record = await _wait(store, command_id, wait_s, asked.until_effect)
    see = f"ocpptrio commands show {record.command_id}"
    return _Asked(record, served, connected, wait_s > 0, see)


async def _ask_there(client: Client, asked: _Question) -> _Asked:
    # Nothing is waited for here: a connection that is lost must not cost us the number.
    view = await client.send(
        "POST",
        *("charge-points", asked.charge_point, "commands", spec_of(asked.request).name),
        body=msgspec.Raw(encode(asked.request)),
        query={"wait_s": 0, "expires_in_s": asked.expires_in_s},
        headers={} if asked.key is None else {"Idempotency-Key": asked.key},
    )
    connected = (await client.get("charge-points", asked.charge_point))["connected"]
    wait_s = _patience(asked.wait_s, connected)
    until = trio.current_time() + wait_s
    while True:
        record = _record(view)
        left_s = until - trio.current_time()
        if _done(record, asked.until_effect) or left_s <= 0:
            break
        view = await client.get(
            *("commands", record.command_id),
            wait_s=round(min(left_s, POLL_S), 3),
            until="effect" if asked.until_effect else "answer",
        )
        await trio.sleep(LOOK_EVERY_S)  # a daemon that is about to stop waits for nothing
    see = f"{client.url}/api/v1/commands/{record.command_id}"
    return _Asked(record, True, connected, wait_s > 0, see)


def _patience(wait_s: float | None, connected: bool) -> float:
    return wait_s if wait_s is not None else WAIT_S if connected else 0


def _record(view: dict[str, object]) -> CommandRecord:
    """The command that the API shows so: request and answer are text in it, not JSON."""
    response = view["response"]
    return record_of(
        CommandRecord,
        view
        | {
            "request": msgspec.json.encode(view["request"]).decode(),
            "response": None if response is None else msgspec.json.encode(response).decode(),
        },
    )


def _tell(asked: _Asked, output: Output) -> None:
    record = asked.record
    if output.json:
        output.document(command_views.view(record))
    if not record.settled:
        if asked.served and asked.waited:
            raise Failed(
                f"command {record.command_id} is still {record.state}; "
                f"to see what becomes of it: {asked.see}"
            )
        if not output.json:
            print(printable(_waits(record, served=asked.served, connected=asked.connected)))
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
        if _done(record, until_effect) or trio.current_time() >= until:
            return record
        await trio.sleep(LOOK_EVERY_S)


def _done(record: CommandRecord, until_effect: bool) -> bool:
    return record.settled and not (until_effect and record.effect is EffectState.AWAITED)


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

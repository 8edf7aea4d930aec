"""`ocpptrio charge-points`: who may connect, and on which terms.

A running daemon notices each change. Not here: showing what is known (charge_point_views).
"""

from collections.abc import Sequence
from shlex import quote
from typing import Annotated, Any

from cyclopts import App, Parameter, Token
from msgspec import UNSET

from ocpptrio.cli import new_password
from ocpptrio.cli.charge_point_registration import accept, hold, reject
from ocpptrio.cli.charge_point_views import known, list_, list_attempts, mode_sentence, show
from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag, parse_duration
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output
from ocpptrio.clock import system_clock
from ocpptrio.events import OpenMode
from ocpptrio.presentation import public
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.services import charge_points as services
from ocpptrio.services.charge_point_passwords import NewPassword, generated
from ocpptrio.services.charge_points import (
    AlreadyRegistered,
    Changes,
    NeverTried,
    NewMode,
    UnknownTag,
    change,
    check_identity,
    check_learn_us,
    register,
)
from ocpptrio.store import charge_points
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ChargePointRecord

app = App(name="charge-points")
app.command(list_, name="list")
app.command(show)
app.command(list_attempts, name="attempts")
app.command(accept)
app.command(hold)
app.command(reject)


def _check_identity(_type: Any, text: str) -> None:  # Any: as cyclopts calls it
    check_identity(text)


Identity = Annotated[str, Parameter(validator=_check_identity)]
Password = Annotated[str | None, Parameter(validator=new_password.check)]


def _duration(_type: Any, tokens: Sequence[Token]) -> int:  # Any: as cyclopts calls it
    microseconds = round(parse_duration(tokens[0].value) * 1_000_000)
    check_learn_us(microseconds)
    return microseconds


@app.command
async def add(
    charge_point_id: Identity,
    /,
    *,
    password: Password = None,
    generate_password: Flag = False,
    open: Flag = False,  # noqa: A002 - the name of the option
    pending: Flag = False,
    note: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Register a charge point, so that it may connect.

    Args:
        charge_point_id: Its identity: the end of the URL that is entered into it.
        password: What it must present (HTTP Basic); others can read it here, so rather generate
            one, or use set-password.
        generate_password: Make a password and show it, this once.
        open: Let every idTag charge.
        pending: Hold it back: it may connect, but not charge, until it is accepted.
        note: Anything you want to remember.
    """
    chosen = _chosen(password, generate_password)
    password_hash = None if chosen is None else chosen.hash()
    hold_new = database.settings().provisioning.hold_new

    def work(db: Db) -> ChargePointRecord:
        return register(
            db,
            charge_point_id,
            system_clock(),
            mode=NewMode(OpenMode.EVERYBODY if open else OpenMode.CLOSED),
            pending=pending,
            password_hash=password_hash,
            note=note,
            hold_new=hold_new,
        )

    _done("added", await database.write(work, create=True), chosen, output)


@app.command
async def adopt(
    charge_point_id: str,
    /,
    *,
    password: Password = None,
    generate_password: Flag = False,
    note: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Let in one that was turned away, or keep one that came from this machine for a try.

    From then on it is one of yours: it may connect from anywhere, and asks the list of tags.

    Args:
        charge_point_id: Its identity; see `ocpptrio charge-points attempts`.
        password: What it must present (HTTP Basic); others can read it here, so rather generate
            one, or use set-password.
        generate_password: Make a password and show it, this once.
        note: Anything you want to remember.
    """
    chosen = _chosen(password, generate_password)
    hold_new = database.settings().provisioning.hold_new
    password_hash = None if chosen is None else chosen.hash()

    def work(db: Db) -> ChargePointRecord:
        try:
            return services.adopt(
                db,
                charge_point_id,
                system_clock(),
                password_hash=password_hash,
                note=note,
                hold_new=hold_new,
            )
        except AlreadyRegistered as error:
            raise Failed(
                f"{error}; if its password is wrong: "
                f"ocpptrio charge-points set-password {quote(charge_point_id)}"
            ) from None
        except NeverTried as error:
            raise Failed(
                f"{error}; register it all the same: "
                f"ocpptrio charge-points add {quote(charge_point_id)}"
            ) from None

    _done("adopted", await database.write(work), chosen, output)


@app.command(name="set")
async def set_(
    charge_point_id: str,
    /,
    *,
    registration: RegistrationStatus | None = None,
    open: Annotated[bool | None, Parameter(negative="--no-open")] = None,  # noqa: A002 - as above
    note: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Change what is kept of a charge point; what is not given stays.

    Args:
        charge_point_id: Its identity.
        registration: What the next BootNotification is answered with, and what it may do.
        open: Let every idTag charge; --no-open: only those on the list of tags.
        note: Anything you want to remember; "" for nothing.
    """
    if registration is None and open is None and note is None:
        raise Failed("say what to change: --registration, --open, --no-open or --note")
    changes = Changes(
        registration=UNSET if registration is None else registration,
        mode=UNSET if open is None else NewMode(OpenMode.EVERYBODY if open else OpenMode.CLOSED),
        note=UNSET if note is None else note,
    )
    await _change(charge_point_id, changes, "changed", None, database, output)


@app.command
async def set_mode(
    charge_point_id: str,
    mode: OpenMode,
    /,
    *,
    tag: str | None = None,
    duration: Annotated[
        int | None, Parameter(name="--for", converter=_duration, metavar="TIME")
    ] = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Say which idTags may charge at a charge point.

    closed: those on the list of tags that may. everybody: unknown ones too. fixed-tag: whichever
    is presented counts as the one given with --tag, and is charged to it. learn: for a while,
    unknown ones that are presented go on the list of tags; then as closed.

    Args:
        charge_point_id: Its identity.
        mode: closed, everybody, fixed-tag or learn.
        tag: The idTag of fixed-tag; it must be on the list of tags.
        duration: How long to learn: 90s, 10m or 2h, at most 24h; default 10m.
    """
    new = NewMode(mode, fixed_id_tag=tag, learn_us=duration)
    try:
        new.check()
    except ValueError as error:
        raise Failed(f"{error}; see --tag and --for") from None

    def work(db: Db) -> ChargePointRecord:
        known(db, charge_point_id)
        try:
            return change(db, charge_point_id, Changes(mode=new), system_clock())
        except UnknownTag as error:
            raise Failed(f"{error}; add it first: ocpptrio tags add {quote(tag or '')}") from None

    record = await database.write(work)
    output.done(f"{charge_point_id} is {mode_sentence(record)}", public(record))


@app.command
async def set_password(
    charge_point_id: str,
    /,
    *,
    generate: Flag = False,
    password_stdin: Flag = False,
    remove: Flag = False,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Set what a charge point must present when it connects; asks for it if nothing is given.

    A connection that is open stays open.

    Args:
        charge_point_id: Its identity.
        generate: Make a password and show it, this once.
        password_stdin: Read it from standard input.
        remove: Let it connect without one.
    """
    if generate + password_stdin + remove > 1:
        raise Failed("give one of --generate, --password-stdin and --remove")
    if remove:
        changes = Changes(password_hash=None)
        await _change(charge_point_id, changes, "changed", None, database, output)
        return
    await database.read(lambda reader: known(reader, charge_point_id))  # before anybody is asked
    if generate:
        chosen = generated()
    elif password_stdin:
        chosen = new_password.from_stdin()
    else:
        chosen = new_password.prompted(charge_point_id)
    changes = Changes(password_hash=chosen.hash())
    await _change(charge_point_id, changes, "has a new password", chosen, database, output)


@app.command
async def remove(
    charge_point_id: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Forget a charge point and cut its connection; its transactions stay.

    Args:
        charge_point_id: Its identity.
    """

    def work(db: Db) -> ChargePointRecord:
        record = known(db, charge_point_id)
        charge_points.remove(db, charge_point_id, system_clock())
        return record

    output.done(f"{charge_point_id} removed", public(await database.write(work)))


async def _change(
    charge_point_id: str,
    changes: Changes,
    verb: str,
    chosen: NewPassword | None,
    database: Database,
    output: Output,
) -> None:
    def work(db: Db) -> ChargePointRecord:
        known(db, charge_point_id)
        return change(db, charge_point_id, changes, system_clock())

    _done(verb, await database.write(work), chosen, output)


def _chosen(password: str | None, generate: bool) -> NewPassword | None:
    if password is not None and generate:
        raise Failed("give one of --password and --generate-password")
    if generate:
        return generated()
    return None if password is None else NewPassword(password)


def _done(verb: str, record: ChargePointRecord, chosen: NewPassword | None, output: Output) -> None:
    """Say what was done, what to enter where, and what still stands open."""
    sentence = f"{record.charge_point_id} {verb}"
    if chosen is not None:
        sentence += new_password.explain(chosen, record.charge_point_id)
    if record.password_hash is None:
        sentence += (
            "\nIt may connect without a password; to set one: "
            f"ocpptrio charge-points set-password {quote(record.charge_point_id)} --generate"
        )
    if record.mode is OpenMode.EVERYBODY:
        sentence += (
            "\nEvery idTag may charge there; to ask the list of tags: "
            f"ocpptrio charge-points set {quote(record.charge_point_id)} --no-open"
        )
    output.done(sentence, public(record) | ({} if chosen is None else new_password.view(chosen)))

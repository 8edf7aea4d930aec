"""`ocpptrio configuration`: what configuration keys hold, what they are to hold, and what changed.

A running daemon notices each change and sends what differs. Not here: files (configuration_toml).
"""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from ocpptrio.cli import configuration_toml
from ocpptrio.cli.charge_point_views import known, vendor_profile
from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag, Limit
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, joined, plural, writing
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at, public
from ocpptrio.services.configuration import request_reading
from ocpptrio.services.wanted import DONE, Situation, Verdict, situation, verdicts, want
from ocpptrio.store import (
    charge_points,
    configuration,
    provisioning,
    wanted_configuration,
)
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import (
    ChargePointRecord,
    ConfigurationChange,
    ConfigurationRecord,
    ProvisioningRecord,
)
from ocpptrio.store.vocabulary import WantedScope

app = App(name="configuration")

Group = Annotated[str | None, Parameter(name=["--group", "-g"])]


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a charge point; the wanted half is None where nothing is wanted."""

    key: str
    reported: str | None
    wanted: str | None
    state: str | None
    source: str | None
    readonly: bool | None
    after_reboot: str | None
    reported_at: object
    detail: str | None


@app.command
async def show(
    charge_point_id: str,
    /,
    *,
    wanted: Flag = False,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Show what a charge point reports of its keys, beside what is wanted of them.

    Args:
        charge_point_id: Its identity.
        wanted: Only keys of which something is wanted.
    """

    def work(reader: Reader) -> tuple[ChargePointRecord, Situation, ProvisioningRecord]:
        record = known(reader, charge_point_id)
        return (
            record,
            situation(reader, charge_point_id, record.firmware_version),
            provisioning.get(reader, charge_point_id),
        )

    settings = database.settings()
    record, found, progress = await database.read(work)
    judged = verdicts(found, settings.provisioning, vendor_profile(record, settings))
    views = _views(found, judged, only_wanted=wanted)
    if output.json:
        output.document(
            {
                "charge_point_id": charge_point_id,
                "firmware_version": record.firmware_version,
                "provisioning": public(progress),
                "keys": views,
            }
        )
        return
    output.table(
        views,
        {
            "key": lambda view: view.key,
            "reported": lambda view: view.reported,
            "wanted": lambda view: view.wanted,
            "state": lambda view: view.state,
            "from": lambda view: view.source,
            "remark": lambda view: joined(
                view.detail,
                "read only" if view.readonly and view.state is None else None,
                f"{view.after_reboot} after its next boot" if view.after_reboot else None,
            ),
        },
        empty=(
            f"nothing is wanted of {charge_point_id}"
            if wanted
            else f"nothing is known; ask for it: ocpptrio configuration refresh {charge_point_id}"
        ),
    )
    if judged:
        done = sum(verdict.state in DONE for verdict in judged)
        print(f"\n{done} of {plural(len(judged), 'wanted key')} applied", end="")
        print(f"; {progress.state}" if progress.state else "")


@app.command(name="set")
async def set_(
    *arguments: str,
    group: Group = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Want a value of a key: `set ID KEY VALUE`, or `set --group GROUP KEY VALUE`.

    What a charge point wants for itself wins over its groups. To set a value again has it tried
    again where it was given up.

    Args:
        arguments: The identity (not with --group), the key, and the value.
        group: The group of charge points that it is for.
    """
    scope, target, (key, value) = _target(arguments, group, "KEY", "VALUE")

    def work(db: Db) -> list[str]:
        if scope is WantedScope.CHARGE_POINT:
            known(db, target)
        try:
            want(db, scope, target, key, value, system_clock())
        except ValueError as error:
            raise Failed(str(error)) from None
        return wanted_configuration.concerned(db, scope, target)

    concerned = await database.write(work, create=True)
    output.done(
        f"{key} = {value} is wanted of {_of(scope, target, concerned)}",
        {"scope": scope, "target": target, "key": key, "value": value},
    )


@app.command
async def unset(
    *arguments: str,
    group: Group = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Want nothing of a key any more: `unset ID KEY`, or `unset --group GROUP KEY`.

    The charge point keeps what it holds.

    Args:
        arguments: The identity (not with --group), and the key.
        group: The group of charge points that it was for.
    """
    scope, target, (key,) = _target(arguments, group, "KEY")

    def work(db: Db) -> list[str]:
        if not wanted_configuration.remove(db, scope, target, key, system_clock()):
            raise Failed(f"nothing is wanted of {key} there; see: ocpptrio configuration export")
        return wanted_configuration.concerned(db, scope, target)

    concerned = await database.write(work)
    output.done(
        f"{key} is not wanted of {_of(scope, target, concerned)} any more",
        {"scope": scope, "target": target, "key": key},
    )


@app.command
async def history(
    charge_point_id: str,
    key: str | None = None,
    /,
    *,
    limit: Limit = 100,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Show when keys came to hold another value, from what to what, and who changed them.

    Args:
        charge_point_id: Its identity.
        key: Only this one.
        limit: How many changes, the newest.
    """

    def work(reader: Reader) -> list[ConfigurationChange]:
        known(reader, charge_point_id)
        return configuration.history(reader, charge_point_id, key, limit)

    output.table(
        (await database.read(work))[::-1],
        {
            "when": lambda row: at(row.changed_at_us),
            "key": lambda row: row.key,
            "before": lambda row: row.value_before,
            "after": lambda row: row.value_after,
            "by": lambda row: (
                "the charge point" if row.command_id is None else f"command {row.command_id}"
            ),
        },
        empty="no change since it was first read",
    )


@app.command
async def refresh(
    charge_point_id: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Have the running daemon read all keys of a charge point again.

    Args:
        charge_point_id: Its identity.
    """

    def work(db: Db) -> None:
        known(db, charge_point_id)
        request_reading(db, charge_point_id, system_clock())

    await database.write(work)
    output.done(
        f"{charge_point_id} is asked; see: ocpptrio configuration show {charge_point_id}",
        {"charge_point_id": charge_point_id},
    )


@app.command
async def export(file: Path | None = None, /, *, database: Database = FROM_SETTINGS) -> None:
    """Write all that is wanted as TOML.

    Args:
        file: Where to; without it, to standard output.
    """
    text = configuration_toml.render(await database.read(wanted_configuration.everything))
    with writing(file) as out:
        out.write(text)


@app.command(name="import")
async def import_(
    file: Path, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Want what a TOML file says, as export writes it; what it does not name stays.

    Args:
        file: The file. If anything in it is wrong, nothing is changed.
    """
    entries = configuration_toml.parse(file)

    def work(db: Db) -> None:
        unknown = []
        for scope, target, key, value in entries:
            if scope is WantedScope.CHARGE_POINT and charge_points.get(db, target) is None:
                unknown.append(target)
                continue
            try:
                want(db, scope, target, key, value, system_clock())
            except ValueError as error:
                raise Failed(f"{file}: {error}; nothing was changed") from None
        if unknown:
            names = ", ".join(dict.fromkeys(unknown))
            raise Failed(f"{file}: not registered: {names}; nothing was changed")

    await database.write(work, create=True)
    output.done(f"{plural(len(entries), 'wanted value')} imported", {"imported": len(entries)})


def _views(found: Situation, judged: list[Verdict], *, only_wanted: bool) -> list[KeyView]:
    by_key = {verdict.key.casefold(): verdict for verdict in judged}
    keys = by_key.keys() if only_wanted else by_key.keys() | found.reported.keys()
    return [_view(found.reported.get(key), by_key.get(key)) for key in sorted(keys)]


def _view(row: ConfigurationRecord | None, verdict: Verdict | None) -> KeyView:
    either = row or verdict
    assert either is not None
    return KeyView(
        key=either.key,
        reported=None if row is None else row.value,
        wanted=None if verdict is None else verdict.wanted,
        state=None if verdict is None else verdict.state,
        source=None if verdict is None else verdict.source,
        readonly=None if row is None else row.readonly,
        after_reboot=None if row is None else row.pending_value,
        reported_at=None if row is None else at(row.reported_at_us),
        detail=None if verdict is None else verdict.detail,
    )


def _target(
    arguments: tuple[str, ...], group: str | None, *names: str
) -> tuple[WantedScope, str, tuple[str, ...]]:
    """Whom it is for, and what else was given.

    Raises:
        Failed: too much or too little.
    """
    if group is not None:
        scope, target, rest = WantedScope.GROUP, group, arguments
    else:
        scope, target, rest = WantedScope.CHARGE_POINT, "".join(arguments[:1]), arguments[1:]
    if len(rest) != len(names) or not target:
        raise Failed(f"give {' '.join((('ID',) if group is None else ()) + names)}")
    return scope, target, rest


def _of(scope: WantedScope, target: str, concerned: list[str]) -> str:
    if scope is WantedScope.CHARGE_POINT:
        return target
    return f"{plural(len(concerned), 'charge point')} in {target}"

"""`ocpptrio tokens`: what programs present to the API. Here, or through the API of a daemon."""

from typing import Annotated, Final

from cyclopts import App, Parameter, validators

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Columns, Failed, Output
from ocpptrio.cli.remote import ALL, HERE, Remote, View, either
from ocpptrio.cli.views import as_programs_get_it, time_in
from ocpptrio.clock import system_clock
from ocpptrio.services.access import LONGEST_TOKEN_NAME, new_token
from ocpptrio.store import access
from ocpptrio.store.driver import Db
from ocpptrio.store.records import TokenRecord
from ocpptrio.store.vocabulary import Role

DAY_US: Final = 86_400 * 1_000_000
MAKER: Final = "command line"
EMPTY: Final = "no tokens yet; make one: ocpptrio tokens add NAME --role viewer"

COLUMNS: Final[Columns[View]] = {
    "token": lambda row: row["token_id"],
    "name": lambda row: row["name"],
    "role": lambda row: row["role"],
    "made by": lambda row: row["created_by"],
    "made": lambda row: time_in(row, "created_at"),
    "expires": lambda row: time_in(row, "expires_at"),
    "last used": lambda row: time_in(row, "last_used_at"),
}

Days = Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=36_500))]

app = App(name="tokens")


@app.command(name="list")
async def list_(
    *, remote: Remote = HERE, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """List tokens, the newest first. What their bearers present is not kept."""

    async def here() -> list[View]:
        records = await database.read(lambda reader: access.tokens(reader, limit=ALL))
        return [as_programs_get_it(record) for record in records]

    found = await either(remote.client(database), here, lambda there: there.items("tokens"))
    output.table(found, COLUMNS, empty=EMPTY, view=lambda row: row)


@app.command
async def add(
    name: str,
    /,
    *,
    role: Role,
    days: Days = None,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Make a token, and show it, this once.

    Args:
        name: Which program it is for.
        role: What it may do: viewer looks, operator runs the charge points, admin says who may
            do what.
        days: How long it is good; without this, until it is removed.
    """
    if not 1 <= len(name) <= LONGEST_TOKEN_NAME:
        raise Failed(f"a name has 1 to {LONGEST_TOKEN_NAME} characters")
    at_us = system_clock()

    def work(db: Db) -> tuple[TokenRecord, str]:
        return new_token(
            db,
            name,
            role=role,
            created_by=MAKER,
            at_us=at_us,
            expires_at_us=None if days is None else at_us + days * DAY_US,
        )

    async def here() -> View:
        record, token = await database.write(work, create=True)
        return as_programs_get_it(record) | {"token": token}

    body = {"name": name, "role": role, "expires_in_days": days}
    made = await either(
        remote.client(database), here, lambda there: there.send("POST", "tokens", body=body)
    )
    output.done(
        f"token {made['token_id']} made, for the role {made['role']}; programs send it as "
        f"Authorization: Bearer. It is not shown again:\n{made['token']}",
        made,
    )


@app.command
async def remove(
    token: int,
    /,
    *,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Remove a token: who presents it is turned away from now on.

    Args:
        token: Its number, as `list` shows it; not the token itself.
    """

    async def here() -> None:
        if not await database.write(lambda db: access.remove_token(db, token)):
            raise Failed(f"no token {token}; see: ocpptrio tokens list")

    await either(remote.client(database), here, lambda there: there.send("DELETE", "tokens", token))
    output.done(f"token {token} removed", {"removed": token})

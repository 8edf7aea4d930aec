"""`ocpptrio users`: people who may use the API and the dashboard.

Here, or through the API of a daemon. Not here: programs (tokens).
"""

from typing import Any, Final

from cyclopts import App

from ocpptrio.cli import new_password
from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag
from ocpptrio.cli.output import FOR_PEOPLE, Columns, Failed, Output
from ocpptrio.cli.remote import ALL, HERE, Client, Remote, View, either
from ocpptrio.cli.views import as_programs_get_it, time_in
from ocpptrio.clock import system_clock
from ocpptrio.passwords import Passwords
from ocpptrio.presentation import at, rfc3339
from ocpptrio.services.access import (
    LOGIN_KEY_US,
    check_user_name,
    edit_user,
    forget_user,
    new_login_key,
)
from ocpptrio.store import access
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import UserRecord
from ocpptrio.store.vocabulary import Role

EMPTY: Final = "no users yet; add one: ocpptrio users add NAME --role admin"

COLUMNS: Final[Columns[View]] = {
    "user": lambda row: row["user_name"],
    "role": lambda row: row["role"],
    "password": lambda row: "set" if row["password_set"] else "none",
    "disabled": lambda row: "disabled" if row["disabled"] else None,
    "added": lambda row: time_in(row, "created_at"),
    "last login": lambda row: time_in(row, "last_login_at"),
}


app = App(name="users")


@app.command(name="list")
async def list_(
    *, remote: Remote = HERE, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """List users, by name."""

    async def here() -> list[View]:
        records = await database.read(lambda reader: access.users(reader, limit=ALL))
        return [as_programs_get_it(record) for record in records]

    found = await either(remote.client(database), here, lambda there: there.items("users"))
    output.table(found, COLUMNS, empty=EMPTY, view=lambda row: row)


@app.command
async def add(
    user: str,
    /,
    *,
    role: Role,
    ask_password: Flag = False,
    password_stdin: Flag = False,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Add a user. Without a password, an address that logs in once is printed, to hand over.

    Args:
        user: The name to log in with; upper and lower case are the same.
        role: What they may do: viewer looks, operator runs the charge points, admin says who may
            do what.
        ask_password: Ask for a password.
        password_stdin: Read a password from standard input.
    """
    _check_name(user)
    client = remote.client(database)
    password = _password(user, ask=ask_password, stdin=password_stdin)

    async def here() -> tuple[View, View | None]:
        at_us, hashed = system_clock(), _hash(password)

        def work(db: Db) -> tuple[UserRecord, str | None]:
            if not access.add_user(db, user, role=role, at_us=at_us, password_hash=hashed):
                raise Failed(f"there is a user {access.folded(user)} already")
            return _known(db, user), None if hashed else new_login_key(db, user, at_us)

        record, key = await database.write(work, create=True)
        return as_programs_get_it(record), None if key is None else _link(database, key, at_us)

    async def elsewhere(there: Client) -> tuple[View, View | None]:
        body = {"user_name": user, "role": role, "password": password}
        added = await there.send("POST", "users", body=body)
        if password is not None:
            return added, None
        return added, await there.send("POST", "users", added["user_name"], "login-link")

    added, link = await either(client, here, elsewhere)
    sentence = f"{added['user_name']} added, as {added['role']}"
    if link is not None:
        sentence += (
            f"; logs in once with this address, and then sets a password:\n{link['login_url']}"
        )
    output.done(sentence, added | (link or {}))


@app.command(name="set")
async def set_(
    user: str,
    /,
    *,
    role: Role | None = None,
    disable: Flag = False,
    enable: Flag = False,
    ask_password: Flag = False,
    password_stdin: Flag = False,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Change a user; what is not given stays.

    A new password logs all their browsers out, and so does --disable.

    Args:
        user: The name.
        role: What they may do from now on.
        disable: Let them in no more.
        enable: Let them in again.
        ask_password: Ask for a new password.
        password_stdin: Read a new password from standard input.
    """
    if disable and enable:
        raise Failed("give --disable or --enable, not both")
    changes: dict[str, Any] = {} if role is None else {"role": role}  # Any: columns of any type
    if disable or enable:
        changes["disabled"] = disable
    client = remote.client(database)
    password = _password(user, ask=ask_password, stdin=password_stdin)
    if not changes and password is None:
        raise Failed("give what to change: --role, --disable, --enable, or a password")

    async def here() -> View:
        if password is not None:
            changes["password_hash"] = _hash(password)

        def work(db: Db) -> UserRecord:
            _known(db, user)
            edit_user(db, user, changes)
            return _known(db, user)

        return as_programs_get_it(await database.write(work))

    async def elsewhere(there: Client) -> View:
        body = changes if password is None else changes | {"password": password}
        changed: View = await there.send("PATCH", "users", user, body=body)
        return changed

    changed = await either(client, here, elsewhere)
    state = "disabled" if changed["disabled"] else changed["role"]
    renewed = ", with a new password" if password is not None else ""
    output.done(f"{changed['user_name']} changed: {state}{renewed}", changed)


@app.command
async def remove(
    user: str,
    /,
    *,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Remove a user; their browsers are logged out.

    Args:
        user: The name.
    """

    def work(db: Db) -> None:
        _known(db, user)
        forget_user(db, user)

    await either(
        remote.client(database),
        lambda: database.write(work),
        lambda there: there.send("DELETE", "users", user),
    )
    name = access.folded(user)
    output.done(f"{name} removed", {"removed": name})


@app.command
async def login_link(
    user: str,
    /,
    *,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Make an address that logs a user in once: for a new one, or a forgotten password.

    It is good for a day. Whoever has it is that user.

    Args:
        user: The name.
    """
    at_us = system_clock()

    def work(db: Db) -> str:
        return new_login_key(db, _known(db, user).user_name, at_us)

    async def here() -> View:
        return _link(database, await database.write(work), at_us)

    link = await either(
        remote.client(database),
        here,
        lambda there: there.send("POST", "users", user, "login-link"),
    )
    output.done(link["login_url"], link)


def _link(database: Database, key: str, at_us: int) -> View:
    from ocpptrio.api.links import login_url  # Litestar comes with it, which takes a while

    expires_at = at(at_us + LOGIN_KEY_US)
    assert expires_at is not None
    return {
        "login_url": login_url(database.settings().api, key),
        "expires_at": rfc3339(expires_at),
    }


def _known(reader: Reader, user: str) -> UserRecord:
    record = access.user(reader, user)
    if record is None:
        raise Failed(f"no user {user}; see: ocpptrio users list")
    return record


def _check_name(user: str) -> None:
    try:
        check_user_name(user)
    except ValueError as error:
        raise Failed(str(error)) from error


def _password(user: str, *, ask: bool, stdin: bool) -> str | None:
    if ask and stdin:
        raise Failed("give --ask-password or --password-stdin, not both")
    return new_password.of_user(user, stdin=stdin) if ask or stdin else None


def _hash(password: str | None) -> str | None:
    return None if password is None else Passwords().hash(password.encode())

"""Brings an SQLite database to the schema of this version: migrations/0001_….sql and on.

A migration that has been released is never edited; the next number changes what it made.
"""

from importlib.resources import files

import apsw

from ocpptrio.errors import StoreError


def migrate(connection: apsw.Connection, path: str) -> None:
    """Apply each missing migration in a transaction of its own.

    Raises:
        StoreError: the database is of a newer version, lacks a migration before its last, or is of
            another program.
        apsw.Error: it cannot be read or written.
    """
    scripts = _scripts()
    version = _version(connection, path)
    if version > len(scripts):
        raise StoreError(
            f"{path}: written by a newer ocpptrio (schema {version}, this one knows "
            f"{len(scripts)}); upgrade, or restore a backup"
        )
    for number, script in enumerate(scripts[version:], start=version + 1):
        with connection:
            # Another process may do the same; only one of them holds the lock.
            connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER)")
            if _version(connection, path) < number:
                connection.execute(script)
                connection.execute("INSERT INTO schema_version VALUES (?)", (number,))


def _scripts() -> list[str]:
    """The migrations: the first leads to version 1, as its file name says, and so on."""
    folder = files("ocpptrio.store") / "migrations"
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name
    )
    numbers = [int(file.name[:4]) for file in found]
    assert numbers == [*range(1, len(found) + 1)], f"numbered from 1 on, each once: {numbers}"
    return [file.read_text(encoding="utf-8") for file in found]


def _version(connection: apsw.Connection, path: str) -> int:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if "schema_version" not in tables:
        if tables:
            raise StoreError(f"{path}: a database of another program; name another file")
        return 0
    applied = {version for (version,) in connection.execute("SELECT version FROM schema_version")}
    newest = max(applied, default=0)
    if lacking := {*range(1, newest + 1)} - applied:
        raise StoreError(
            f"{path}: lacks migration {min(lacking)} of {newest}: no released ocpptrio made it so; "
            "restore a backup, or name another file"
        )
    return newest

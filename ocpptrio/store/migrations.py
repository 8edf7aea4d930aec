"""Brings an SQLite database to the schema of this version: migrations/0001_….sql and on.

A migration that has been released is never edited; the next number changes what it made.
"""

from importlib.resources import files

import apsw

from ocpptrio.errors import StoreError


def migrate(connection: apsw.Connection, path: str) -> None:
    """Apply each missing migration in a transaction of its own.

    Raises:
        StoreError: the database is of a newer version, or of another program.
        apsw.Error: it cannot be read or written.
    """
    scripts = _scripts()
    newest = max(scripts)
    version = _version(connection, path)
    if version > newest:
        raise StoreError(
            f"{path}: written by a newer ocpptrio (schema {version}, this one knows {newest}); "
            "upgrade, or restore a backup"
        )
    for number, script in sorted(scripts.items()):
        if number <= version:
            continue
        with connection:
            # Another process may do the same; only one of them holds the lock.
            connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER)")
            version = _version(connection, path)
            if version < number:
                connection.execute(script)
                version = number
                connection.execute("INSERT INTO schema_version VALUES (?)", (version,))


def _scripts() -> dict[int, str]:
    """The version that a migration leads to, as its file name says, and the migration."""
    folder = files("ocpptrio.store") / "migrations"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    scripts = {int(file.name[:4]): file.read_text(encoding="utf-8") for file in found}
    assert len(scripts) == len(found), "two migrations with one number"
    return scripts


def _version(connection: apsw.Connection, path: str) -> int:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if "schema_version" in tables:
        ((version,),) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version")
        assert isinstance(version, int)
        return version
    if tables:
        raise StoreError(f"{path}: a database of another program; name another file")
    return 0

"""`ocpptrio backup`: a copy of the database, beside a running daemon."""

from pathlib import Path

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Output


async def backup(
    file: Path, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Write a copy of the whole database; a daemon that runs on it goes on.

    The copy is one moment's state, in one file. To go back to it: stop the daemon, put the file in
    the place of the database, remove what is left of the old one (its name with -wal and -shm
    behind it), and start.

    Args:
        file: The file to write; it must not exist.
    """
    async with database.open() as store:
        size = await store.backup(file)
    output.done(f"{file} written, {size / 1_000_000:.1f} MB", {"file": str(file), "bytes": size})

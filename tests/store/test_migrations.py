"""Opening a database: made, brought up to date, or refused with what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
import trio

from ocpptrio.errors import StoreError
from ocpptrio.store import charge_points
from ocpptrio.store.sqlite import SqliteStore


async def _open(path: Path) -> None:
    async with SqliteStore(path, inline=True):
        pass


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter, unlike tmp_path."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Root may write anything, so be somebody else for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    async with SqliteStore(path, inline=True) as store:
        await store.write(
            lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=1)
        )
    async with SqliteStore(path, inline=True) as store:
        assert len(await store.read(charge_points.everyone)) == 1
    assert path.stat().st_mode & 0o777 == 0o600


async def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "test.db", inline=True) as store:
        execute = store._writer.connection.execute
        assert execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert execute("PRAGMA synchronous").fetchall() == [(2,)]


async def test_every_migration_is_applied_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    await _open(path)
    await _open(path)
    scripts = (files("ocpptrio.store") / "migrations").iterdir()
    connection = apsw.Connection(str(path))
    versions = connection.execute("SELECT version FROM schema_version").fetchall()
    connection.close()
    assert versions == sorted((int(script.name[:4]),) for script in scripts)


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    await _open(path)
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO schema_version VALUES (1000)")
    connection.close()
    with pytest.raises(
        StoreError, match=r"written by a newer ocpptrio \(schema 1000, this one knows"
    ):
        await _open(path)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.write_text("dear diary" * 1000)
    with pytest.raises(StoreError, match="not an SQLite database"):
        await _open(path)
    assert path.read_text() == "dear diary" * 1000


async def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE cakes (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        await _open(path)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"there is no folder {tmp_path / 'nowhere'}"):
        await _open(tmp_path / "nowhere" / "test.db")


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        await _open(tmp_path)


async def test_a_read_only_file_is_refused(open_folder: Path) -> None:
    path = open_folder / "test.db"
    await _open(path)
    await trio.Path(path).chmod(0o444)
    with _unprivileged():
        with pytest.raises(StoreError, match="read-only"):
            await _open(path)
        with pytest.raises(StoreError, match="cannot be made"):
            await _open(open_folder / "other.db")

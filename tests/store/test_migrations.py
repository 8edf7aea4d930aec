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
from ocpptrio.store import charge_points, id_tags, migrations, tag_groups, transactions
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


async def test_what_was_settled_before_there_were_modes_and_groups_stays(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    scripts = sorted((files("ocpptrio.store") / "migrations").iterdir(), key=lambda f: f.name)
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE schema_version (version INTEGER)")
    for number, script in enumerate(scripts[:2], start=1):
        connection.execute(script.read_text())
        connection.execute("INSERT INTO schema_version VALUES (?)", (number,))
    connection.execute(
        """INSERT INTO charge_points (charge_point_id, registered_at_us, origin, open)
            VALUES ('OPEN', 1, 'loopback', 1), ('SHUT', 1, 'added', 0);
        INSERT INTO id_tags (id_tag_key, id_tag, parent_id_tag, created_at_us)
            VALUES ('a', 'A', 'Family', 1), ('b', 'B', 'FAMILY', 2), ('c', 'C', NULL, 3);
        INSERT INTO transactions (charge_point_id, connector_id, id_tag, id_tag_key,
            authorization_status, started_at_us, start_received_at_us, meter_start_wh, state)
            VALUES ('OPEN', 1, 'A', 'a', 'Accepted', 1, 1, 0, 'open')"""
    )
    connection.close()
    async with SqliteStore(path, inline=True) as store:
        points = await store.read(charge_points.everyone)
        assert [(p.charge_point_id, p.mode) for p in points] == [
            ("OPEN", "everybody"),
            ("SHUT", "closed"),
        ]
        (group,) = await store.read(tag_groups.everyone)
        assert group.group_key == "family"
        members = await store.read(lambda reader: id_tags.members(reader, "FAMILY"))
        assert [tag.id_tag for tag in members] == ["A", "B"]
        (running,) = await store.read(lambda r: transactions.open_of_tag(r, "a", None))
        assert running.charge_point_id == "OPEN"


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    await _open(path)
    connection = apsw.Connection(str(path))
    ((newest,),) = connection.execute("SELECT max(version) FROM schema_version")
    connection.execute("INSERT INTO schema_version VALUES (?)", (newest + 1,))
    connection.close()
    with pytest.raises(
        StoreError,
        match=rf"newer ocpptrio \(schema {newest + 1}, this one knows {newest}\); upgrade",
    ):
        await _open(path)


async def test_a_database_that_lacks_a_migration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    await _open(path)
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM schema_version WHERE version = 9")
    connection.close()
    with pytest.raises(StoreError, match=r"lacks migration 9 of [0-9]+: .* restore a backup"):
        await _open(path)


@pytest.mark.parametrize("names", [("0001_a.sql", "0003_c.sql"), ("0001_a.sql", "0001_b.sql")])
def test_no_migration_can_be_left_out_or_come_twice(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "migrations").mkdir()
    for name in names:
        (tmp_path / "migrations" / name).write_text("")
    monkeypatch.setattr(migrations, "files", lambda _: tmp_path)
    with pytest.raises(AssertionError, match="numbered from 1 on, each once"):
        migrations.migrate(apsw.Connection(":memory:"), "test.db")


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

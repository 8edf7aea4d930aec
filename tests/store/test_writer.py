"""Group commit, beside a real thread: who shares a commit, who fails, who is told, what is lost."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Event

import apsw
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from ocpptrio.errors import StoreError
from ocpptrio.events import Connected, NumberedEvent
from ocpptrio.store import charge_points, events, sqlite, writer
from ocpptrio.store.batch import Batch
from ocpptrio.store.driver import Db, Reader, Table
from ocpptrio.store.sqlite import SqliteStore

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
NUMBERS = Table(name="numbers", columns=("number",))
TIMEOUT_S = 10


class Gate:
    """Work that holds the writer's thread until it is opened."""

    def __init__(self) -> None:
        self._entered = Event()
        self._opened = Event()

    def work(self, _: Db) -> None:
        self._entered.set()
        assert self._opened.wait(TIMEOUT_S)

    async def wait_entered(self) -> None:
        assert await trio.to_thread.run_sync(self._entered.wait, TIMEOUT_S)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
async def store(
    tmp_path: Path, nursery: trio.Nursery, published: list[NumberedEvent]
) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "test.db", publish=published.extend) as made:
        await nursery.start(made.run)
        await made.write(lambda db: db.run("CREATE TABLE numbers (number INTEGER NOT NULL)"))
        yield made


@asynccontextmanager
async def held(store: SqliteStore) -> AsyncIterator[None]:
    """Within, nothing is committed; at the end, everything that waits is, in one batch."""
    gate = Gate()
    store.post(gate.work)
    await gate.wait_entered()
    try:
        yield
        await trio.testing.wait_all_tasks_blocked()
    finally:
        gate.open()


def _insert(number: int) -> Callable[[Db], None]:
    return lambda db: db.run("INSERT INTO numbers VALUES (?)", [number])


def _emit(generation: int) -> Callable[[Db], None]:
    return lambda db: db.emit(_connected(generation))


async def _numbers(store: SqliteStore) -> list[object]:
    rows = await store.read(lambda reader: reader.rows("SELECT number FROM numbers ORDER BY rowid"))
    return [number for (number,) in rows]


def _connected(generation: int) -> Connected:
    return Connected(charge_point_id="CP1", at_us=1, generation=generation, peer="here")


async def test_all_that_wait_share_one_commit_in_order_of_arrival(store: SqliteStore) -> None:
    before = store.commits
    async with trio.open_nursery() as nursery, held(store):
        for number in range(100):
            nursery.start_soon(store.write, _insert(number))
            await trio.testing.wait_all_tasks_blocked()
    assert store.commits - before == 2  # the gate's, and the one for all
    assert await _numbers(store) == list(range(100))


async def test_events_are_numbered_in_order_of_arrival_and_published_at_once(
    store: SqliteStore,
) -> None:
    batches: list[list[NumberedEvent]] = []
    store.publish = lambda batch: batches.append(list(batch))
    async with trio.open_nursery() as nursery, held(store):
        for number in range(10):
            if number % 2:
                nursery.start_soon(store.append, NUMBERS, [(number,)], [_connected(number)])
            else:
                nursery.start_soon(store.write, _emit(number))
            await trio.testing.wait_all_tasks_blocked()
    (batch,) = batches
    assert batch == [NumberedEvent(number + 1, _connected(number)) for number in range(10)]


async def test_one_that_fails_fails_alone(
    store: SqliteStore, published: list[NumberedEvent]
) -> None:
    told: list[object] = []

    def fail(db: Db) -> None:
        _insert(99)(db)
        db.emit(_connected(99))
        raise LookupError("no")

    async def write(work: Callable[[Db], None]) -> None:
        try:
            await store.write(work)
        except LookupError as error:
            told.append(error)

    def emit(db: Db) -> None:
        _insert(2)(db)
        db.emit(_connected(2))

    async with trio.open_nursery() as nursery, held(store):
        for work in (_insert(1), fail, emit):
            nursery.start_soon(write, work)
            await trio.testing.wait_all_tasks_blocked()
    assert len(told) == 1
    assert await _numbers(store) == [1, 2]
    assert published == [NumberedEvent(1, _connected(2))]


async def test_a_bad_row_fails_alone_among_appended_and_noted_ones(store: SqliteStore) -> None:
    async def refused() -> None:
        with pytest.raises(StoreError, match="NOT NULL"):
            await store.append(NUMBERS, [(2,), (None,)])

    async with trio.open_nursery() as nursery, held(store):
        store.note(NUMBERS, (None,))
        store.note(NUMBERS, (5,))
        nursery.start_soon(store.append, NUMBERS, [(1,)])
        nursery.start_soon(refused)
        nursery.start_soon(store.append, NUMBERS, [(3,)])
    await store.close()
    assert store.losses.total == 1
    async with SqliteStore(store.path, inline=True) as again:
        assert sorted(map(str, await _numbers(again))) == ["1", "3", "5"]


async def test_a_cancelled_waiter_goes_and_its_change_is_made(store: SqliteStore) -> None:
    async with trio.open_nursery() as nursery, held(store):
        nursery.start_soon(store.write, _insert(1))
        with trio.move_on_after(0.01) as scope:
            await store.write(_insert(2))
        assert scope.cancelled_caught
    assert sorted(map(str, await _numbers(store))) == ["1", "2"]


async def test_callers_wait_for_room_in_a_full_queue(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE", 3)
    async with trio.open_nursery() as nursery, held(store):
        for number in range(10):
            nursery.start_soon(store.write, _insert(number))
            await trio.testing.wait_all_tasks_blocked()
        with capture_logs() as logs:
            store.post(_insert(11))
        assert [log["event"] for log in logs] == ["not stored"]
    assert sorted(map(str, await _numbers(store))) == list("0123456789")
    assert store.losses.total == 1


async def test_notes_beyond_the_bound_are_dropped_counted_and_logged_once(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_notes_allowed", 5)
    with capture_logs() as logs:
        async with held(store):
            for number in range(8):
                store.note(NUMBERS, (number,))
    assert store.losses.total == 3
    (log,) = logs
    assert (log["event"], log["log_level"], log["total"]) == ("not stored", "error", 1)
    await store.close()
    async with SqliteStore(store.path, inline=True) as again:
        assert await _numbers(again) == [0, 1, 2, 3, 4]


async def test_notes_are_committed_soon_by_themselves(store: SqliteStore) -> None:
    committed = trio.Event()
    commit = store._commit

    def told(batch: Batch) -> list[NumberedEvent]:
        published = commit(batch)
        trio.from_thread.run_sync(committed.set)
        return published

    store._commit = told  # type: ignore[method-assign] # nothing else tells of a note
    started = trio.current_time()
    store.note(NUMBERS, (1,))
    with trio.fail_after(TIMEOUT_S):
        await committed.wait()
    assert trio.current_time() - started >= writer.NOTE_DELAY_S
    assert await _numbers(store) == [1]


async def test_a_locked_database_fails_all_who_wait_and_the_writer_lives_on(
    store: SqliteStore, published: list[NumberedEvent]
) -> None:
    async def refused() -> None:
        with pytest.raises(StoreError, match="locked"):
            await store.append(NUMBERS, [(1,)], [_connected(1)])

    store._writer.connection.set_busy_timeout(20)
    other = apsw.Connection(store.path)
    other.execute("BEGIN IMMEDIATE")
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            store.post(_insert(2))
            nursery.start_soon(refused)
            nursery.start_soon(refused)
    assert [log["event"] for log in logs] == ["not stored"]
    other.execute("ROLLBACK")
    other.close()
    assert published == []
    await store.append(NUMBERS, [(3,)], [_connected(3)])
    assert await _numbers(store) == [3]
    assert published == [NumberedEvent(1, _connected(3))]


async def test_a_full_disk_fails_all_who_wait_and_the_writer_lives_on(
    store: SqliteStore, published: list[NumberedEvent]
) -> None:
    async def refused(work: Callable[[Db], None]) -> None:
        with pytest.raises(StoreError, match="full"):
            await store.write(work)

    def fill(db: Db) -> None:
        db.emit(_connected(1))
        db.run("INSERT INTO numbers VALUES (zeroblob(1000000))")

    connection = store._writer.connection
    ((pages,),) = connection.execute("PRAGMA page_count")
    connection.execute(f"PRAGMA max_page_count = {pages}")
    async with trio.open_nursery() as nursery, held(store):
        nursery.start_soon(refused, _insert(1))
        nursery.start_soon(refused, fill)
        nursery.start_soon(refused, _insert(2))
    connection.execute("PRAGMA max_page_count = 1000000")
    assert published == []
    await store.write(fill)
    assert len(published) == 1


async def test_closing_writes_what_is_queued(tmp_path: Path, nursery: trio.Nursery) -> None:
    path = tmp_path / "test.db"
    async with SqliteStore(path) as store:
        await nursery.start(store.run)
        await store.write(lambda db: db.run("CREATE TABLE numbers (number INTEGER)"))
        async with trio.open_nursery() as waiting, held(store):
            waiting.start_soon(store.write, _insert(1))
            await trio.testing.wait_all_tasks_blocked()
            store.post(_insert(2))
            store.note(NUMBERS, (3,))
            waiting.start_soon(store.close)
    assert not path.with_name("test.db-wal").exists()
    async with SqliteStore(path, inline=True) as again:
        assert sorted(map(str, await _numbers(again))) == ["1", "2", "3"]


async def test_a_cancelled_writer_writes_what_is_queued_then_refuses(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    async with SqliteStore(path) as store:
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            await store.write(lambda db: db.run("CREATE TABLE numbers (number INTEGER)"))
            store.note(NUMBERS, (1,))
            store.post(_insert(2))
            nursery.cancel_scope.cancel()
        with pytest.raises(StoreError, match=r"store\.run"):
            await store.write(_insert(3))
        assert sorted(map(str, await _numbers(store))) == ["1", "2"]
        store.post(_insert(4))
    async with SqliteStore(path, inline=True) as again:
        assert sorted(map(str, await _numbers(again))) == ["1", "2", "4"]


async def test_what_is_left_when_closing_takes_too_long_is_told(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused() -> None:
        with pytest.raises(StoreError, match="closed"):
            await store.write(_insert(1))

    monkeypatch.setattr(writer, "CLOSE_S", 0)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery, held(store):
            nursery.start_soon(refused)
            store.note(NUMBERS, (2,))
            store.post(_insert(3))
            await trio.testing.wait_all_tasks_blocked()
            store._open = False
    assert [log["event"] for log in logs] == ["not stored"]


async def test_nothing_is_written_before_the_writer_runs(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "test.db") as store:
        with pytest.raises(StoreError, match=r"store\.run"):
            await store.write(lambda db: None)
        assert await store.read(charge_points.everyone) == []


async def test_events_of_another_process_are_published_once_and_in_order(
    store: SqliteStore, published: list[NumberedEvent]
) -> None:
    async with SqliteStore(store.path, inline=True) as other:
        await store.append(events.TABLE, [], [_connected(1)])
        await other.append(events.TABLE, [], [_connected(2), _connected(3)])
        await store.append(events.TABLE, [], [_connected(4)])
        await other.append(events.TABLE, [], [_connected(5)])
        await store.append(events.TABLE, [], [_connected(6)])
    assert [numbered.number for numbered in published] == [1, 2, 3, 4, 5, 6]
    assert published == await store.read(lambda reader: events.since(reader, 0))


async def test_events_of_another_process_are_noticed_without_any_of_ours(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOOK_INTERVAL_S", 0.01)
    seen = trio.Event()
    async with SqliteStore(tmp_path / "test.db", publish=lambda _: seen.set()) as store:
        await nursery.start(store.run)
        async with SqliteStore(store.path, inline=True) as other:
            await other.append(events.TABLE, [], [_connected(1)])
        with trio.fail_after(TIMEOUT_S):
            await seen.wait()


async def test_a_runaway_read_ends_when_its_caller_is_cancelled(store: SqliteStore) -> None:
    for _ in range(sqlite.READERS + 1):
        with trio.move_on_after(0.01) as scope:
            await store.read(lambda reader: reader.rows(ENDLESS))
        assert scope.cancelled_caught
    with trio.fail_after(TIMEOUT_S):
        assert await _numbers(store) == []


async def test_closing_ends_a_runaway_read(store: SqliteStore) -> None:
    begun = Event()

    def read(reader: Reader) -> None:
        begun.set()
        reader.rows(ENDLESS)

    async def refused() -> None:
        with pytest.raises(StoreError, match="interrupt"):
            await store.read(read)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refused)
        assert await trio.to_thread.run_sync(begun.wait, TIMEOUT_S)
        with trio.fail_after(TIMEOUT_S):
            await store.close()


async def test_memory_works_with_a_thread_too(nursery: trio.Nursery) -> None:
    async with SqliteStore(":memory:") as store:
        await nursery.start(store.run)
        add = partial(charge_points.add, charge_point_id="CP1", origin="added", at_us=1)
        assert await store.write(add)
        assert len(await store.read(charge_points.everyone)) == 1


async def test_inline_events_are_published_before_write_returns_without_other_tasks_running(
    autojump_clock: trio.testing.MockClock,
) -> None:
    order: list[str] = []

    async def other() -> None:
        order.append("other task")

    async with SqliteStore(":memory:", inline=True) as store, trio.open_nursery() as nursery:

        def publish(_: object) -> None:
            order.append("published")
            nursery.start_soon(other)

        store.publish = publish
        await store.append(events.TABLE, [], [_connected(1)])
        order.append("written")
    assert order == ["published", "written", "other task"]


async def test_the_books_balance_whatever_is_mixed(
    store: SqliteStore, published: list[NumberedEvent]
) -> None:
    chance = random.Random(1)
    await store.write(lambda db: db.run("CREATE UNIQUE INDEX once ON numbers (number)"))
    acknowledged: set[int] = set()
    refused: set[int] = set()

    def fail(db: Db, number: int) -> None:
        _insert(number)(db)
        db.emit(_connected(number))
        raise LookupError

    async def act(number: int) -> None:
        event = _connected(number)
        kind = chance.choice(["write", "append", "fail", "bad row", "cancelled"])
        try:
            if kind == "write":
                await store.write(_insert(number))
            elif kind == "append":
                await store.append(NUMBERS, [(number,)], [event])
            elif kind == "fail":
                await store.write(partial(fail, number=number))
            elif kind == "bad row":
                await store.append(NUMBERS, [(number,), (None,)], [event])
            else:
                with trio.move_on_after(chance.random() / 1000):
                    await store.append(NUMBERS, [(number,)], [event])
                return
            acknowledged.add(number)
        except (LookupError, StoreError):
            assert kind in {"fail", "bad row"}
            refused.add(number)

    async def several(first: int) -> None:
        for number in range(first, first + 20):
            await act(number)

    async with SqliteStore(store.path, inline=True) as other, trio.open_nursery() as busy:
        for task in range(20):
            busy.start_soon(several, 1 + 20 * task)
        for count in range(10):
            await other.append(events.TABLE, [], [_connected(1000 + count)])
    await store.append(events.TABLE, [], [_connected(0)])
    stored = set(await _numbers(store))
    assert acknowledged <= stored
    assert not refused & stored
    assert published == await store.read(lambda reader: events.since(reader, 0))
    told = {one.event.generation for one in published if isinstance(one.event, Connected)}
    assert not refused & told

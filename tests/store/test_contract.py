"""What every store must do, whatever its database and however it runs."""

import pytest
import trio

from ocpptrio.errors import StoreError
from ocpptrio.events import Connected, NumberedEvent
from ocpptrio.store import charge_points, events, journal
from ocpptrio.store.driver import Db, Reader, Store, Table
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import Direction


def _connected(generation: int) -> Connected:
    return Connected(charge_point_id="CP1", at_us=generation, generation=generation, peer="here")


def _add(db: Db, charge_point_id: str = "CP1") -> bool:
    return charge_points.add(db, charge_point_id=charge_point_id, origin="added", at_us=1)


async def test_a_write_returns_what_its_work_returns_and_a_read_sees_it(store: Store) -> None:
    assert await store.write(lambda db: (_add(db), 7)) == (True, 7)
    found = await store.read(lambda reader: charge_points.get(reader, "CP1"))
    assert found is not None
    assert found.origin == "added"


async def test_what_a_work_raises_is_raised_to_its_caller_and_undone(
    store: Store, published: list[NumberedEvent]
) -> None:
    def fail(db: Db) -> None:
        _add(db)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await store.write(fail)
    assert await store.read(charge_points.everyone) == []
    assert published == []


async def test_an_error_of_the_database_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no such table"):
        await store.write(lambda db: db.run("DELETE FROM nowhere"))
    with pytest.raises(StoreError, match="no such table"):
        await store.read(lambda reader: reader.rows("SELECT * FROM nowhere"))


async def test_a_work_sees_its_own_changes(store: Store) -> None:
    def work(db: Db) -> bool:
        _add(db)
        return charge_points.get(db, "CP1") is not None

    assert await store.write(work)


async def test_events_are_published_in_order_before_the_writer_goes_on(
    store: Store, published: list[NumberedEvent]
) -> None:
    def work(db: Db) -> None:
        db.emit(_connected(1))
        db.emit(_connected(2))

    await store.write(work)
    assert published == [NumberedEvent(1, _connected(1)), NumberedEvent(2, _connected(2))]
    await store.append(events.TABLE, [], [_connected(3)])
    assert published[2:] == [NumberedEvent(3, _connected(3))]
    assert await store.read(lambda reader: events.since(reader, 0)) == published


async def test_a_number_is_never_given_again(store: Store, published: list[NumberedEvent]) -> None:
    await store.append(events.TABLE, [], [_connected(1), _connected(2)])
    await store.write(lambda db: db.run("DELETE FROM events"))
    await store.append(events.TABLE, [], [_connected(3)])
    assert [event.number for event in published] == [1, 2, 3]


async def test_a_failing_work_takes_no_number(store: Store, published: list[NumberedEvent]) -> None:
    def fail(db: Db) -> None:
        db.emit(_connected(1))
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(fail)
    await store.append(events.TABLE, [], [_connected(2)])
    assert published == [NumberedEvent(1, _connected(2))]


async def test_a_publisher_that_fails_does_not_fail_the_writer(store: SqliteStore) -> None:
    def publish(_: object) -> None:
        raise LookupError("a bug of a watcher")

    store.publish = publish
    await store.append(events.TABLE, [], [_connected(1)])
    assert await store.read(events.last_number) == 1


LETTERS = Table(name="letters", columns=("letter", "word"))
LETTERS_ONCE = Table(name="letters", columns=("letter", "word"), once=True)


async def _letters(store: Store) -> list[str]:
    rows = await store.read(lambda reader: reader.rows("SELECT letter FROM letters ORDER BY 1"))
    return [str(letter) for (letter,) in rows]


async def _with_letters(store: Store) -> None:
    await store.write(lambda db: db.run("CREATE TABLE letters (letter TEXT UNIQUE, word TEXT)"))


async def test_appended_rows_are_there_afterwards(store: Store) -> None:
    await _with_letters(store)
    many = [(f"{number:04}", None) for number in range(1001)]
    await store.append(LETTERS, many)
    assert await _letters(store) == [letter for letter, _ in many]


async def test_values_come_back_as_they_were(store: Store) -> None:
    values: list[object] = ["é\x00\n😀", -(2**63), 2**63 - 1, 0.1, 1e300, b"\x00\xff", None, ""]
    await store.write(lambda db: db.run("CREATE TABLE things (number INTEGER, thing)"))
    table = Table(name="things", columns=("number", "thing"))
    await store.append(table, list(enumerate(values)))  # type: ignore[arg-type] # SqlValues
    rows = await store.read(lambda reader: reader.rows("SELECT thing FROM things ORDER BY number"))
    assert [thing for (thing,) in rows] == values


async def test_a_bad_row_fails_its_append_alone(
    store: Store, published: list[NumberedEvent]
) -> None:
    await _with_letters(store)
    await store.append(LETTERS, [("a", None)])
    with pytest.raises(StoreError, match="UNIQUE"):
        await store.append(LETTERS, [("b", None), ("a", None)], [_connected(1)])
    with pytest.raises(OverflowError):
        await store.append(LETTERS, [("c", 2**64)])
    assert await _letters(store) == ["a"]
    assert published == []


async def test_a_row_that_is_there_adds_nothing_to_a_table_of_unique_rows(store: Store) -> None:
    await _with_letters(store)
    await store.append(LETTERS_ONCE, [("a", None), ("a", None)])
    await store.append(LETTERS_ONCE, [("a", None), ("b", None)])
    assert await _letters(store) == ["a", "b"]


async def test_what_is_posted_happens_before_what_is_written_later(
    store: Store, published: list[NumberedEvent]
) -> None:
    store.post(lambda db: db.emit(_connected(1)))
    store.post(_add)
    await store.write(lambda db: db.emit(_connected(2)))
    assert [numbered.event.kind for numbered in published] == [
        "Connected",
        "Registered",
        "Connected",
    ]


async def test_posted_work_that_fails_is_counted_and_raises_nothing(store: SqliteStore) -> None:
    def fail(db: Db) -> None:
        _add(db)
        raise LookupError("no")

    store.post(fail)
    assert not await store.write(lambda db: charge_points.get(db, "CP1"))
    assert store.losses.total == 1


async def test_a_bad_note_is_counted_and_the_others_are_kept(store: SqliteStore) -> None:
    await _with_letters(store)
    for letter in "abca":
        store.note(LETTERS, (letter, None))
    await store.write(lambda db: db.run("INSERT INTO letters VALUES ('d', NULL)"))
    assert store.losses.total == 1
    assert await _letters(store) == ["a", "b", "c", "d"]


async def test_notes_are_kept_in_order(store: Store) -> None:
    for number in range(5):
        store.note(
            journal.TABLE,
            journal.row(
                at_us=number,
                charge_point_id="CP1",
                generation=1,
                direction=Direction.IN,
                action="Heartbeat",
                unique_id=str(number),
                text="",
            ),
        )
    await store.write(_add)
    found = await store.read(journal.entries)
    assert [entry.at_us for entry in found] == [0, 1, 2, 3, 4]


async def test_a_read_changes_nothing(store: Store) -> None:
    await _with_letters(store)

    def sneak(reader: Reader) -> None:
        reader.rows("INSERT INTO letters VALUES ('a', NULL) RETURNING letter")

    try:
        await store.read(sneak)
    except StoreError:
        pass
    assert await _letters(store) == []


async def test_a_closed_store_refuses_everything(store: SqliteStore) -> None:
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.write(_add)
    with pytest.raises(StoreError, match="not open"):
        await store.append(events.TABLE, [])
    with pytest.raises(StoreError, match="not open"):
        store.post(_add)
    with pytest.raises(StoreError, match="not open"):
        store.note(journal.TABLE, ())
    with pytest.raises(StoreError, match="not open"):
        await store.read(charge_points.everyone)
    await store.close()


async def test_a_cancelled_caller_gets_cancelled(store: Store) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.write(_add)
    assert scope.cancelled_caught
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.read(charge_points.everyone)
    assert scope.cancelled_caught
    await store.write(lambda db: _add(db, "CP2"))

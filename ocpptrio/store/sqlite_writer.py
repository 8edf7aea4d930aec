"""How a batch becomes one transaction of SQLite, on the one connection that writes.

Each statement lets go of the GIL and, beside a busy main thread, waits to get it back: hence few
statements, and many rows in each. Not here: who waits for it (writer), reading beside it (sqlite).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import cast

import apsw

from ocpptrio.errors import StoreError
from ocpptrio.events import AnyEvent, NumberedEvent
from ocpptrio.store import events
from ocpptrio.store.batch import Batch, Change
from ocpptrio.store.driver import Row, SqlValue, Table

# SQLite takes 32 766 parameters, but apsw keeps no statement above 16 kB prepared.
ROWS_PER_STATEMENT = 400


class SqliteWriter:
    """The connection that writes.

    Attributes:
        connection: for nobody else while a commit runs.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self._path = path
        # Of the events that were published, or there at the start.
        self._last_number = _newest_number(connection)

    def commit(self, batch: Batch, *, others: bool) -> list[NumberedEvent]:
        """Write the batch; see `GroupCommit`.

        Args:
            others: also return the events of other processes.
        """
        execute = self.connection.execute
        transaction = _Transaction(self.connection)
        emitted = transaction.emitted
        try:
            execute("BEGIN IMMEDIATE" if batch else "BEGIN")
            if not self._write_together(batch, transaction):
                for change in batch.changes:
                    self._make(change, transaction)
                self._note_apart(batch)
            last = self._last_number
            if emitted:
                self._insert(events.TABLE, [row for _, row in emitted])
                last = self.connection.last_insert_rowid()
            elif batch.look:
                last = _newest_number(self.connection)
            first = last - len(emitted) + 1
            news = self._events_between(self._last_number, first) if others else []
            execute("COMMIT")
        except Exception as error:
            raise StoreError(f"{self._path}: nothing was written: {error}") from error
        finally:
            self._roll_back()  # unless it is committed
        self._last_number = last
        news += [NumberedEvent(first + n, event) for n, (event, _) in enumerate(emitted)]
        return news

    def _write_together(self, batch: Batch, transaction: "_Transaction") -> bool:
        """Write all of the batch, with no savepoint; if anything fails, nothing is written."""
        appended: dict[Table, list[Row]] = {}
        for change in batch.changes:
            if change.table is not None:
                appended.setdefault(change.table, []).extend(change.rows)
        try:
            for table, rows in (*batch.notes.items(), *appended.items()):
                self._insert(table, rows)
            for change in batch.changes:
                if change.work is not None:
                    change.result = change.work(transaction)
                else:
                    transaction.emitted += change.events
        except Exception:  # noqa: BLE001 - whatever it is, it comes up again for the bad one alone
            self._roll_back()
            transaction.emitted.clear()
            self.connection.execute("BEGIN IMMEDIATE")
            return False
        return True

    def _note_apart(self, batch: Batch) -> None:
        for table, rows in batch.notes.items():
            for row in rows:
                failure = self._apart(partial(self._insert, table, [row]))
                if failure is not None:
                    batch.failures.append(failure)

    def _make(self, change: Change, transaction: "_Transaction") -> None:
        """Make one change; if it fails, it alone is undone, with its events."""

        def make() -> None:
            if change.work is not None:
                change.result = change.work(transaction)
            elif change.table is not None:
                self._insert(change.table, change.rows)
                transaction.emitted += change.events

        before = len(transaction.emitted)
        change.error = self._apart(make)
        if change.error is not None:
            del transaction.emitted[before:]

    def _apart(self, action: Callable[[], object]) -> Exception | None:
        """Act in a savepoint; undo it and return the error if there is one."""
        failure: Exception | None = None
        self.connection.execute("SAVEPOINT apart")
        try:
            action()
        except Exception as error:
            if not self.connection.in_transaction:
                raise  # the disk is full, or such: SQLite has undone all of the batch
            self.connection.execute("ROLLBACK TO apart")
            failure = told(error, self._path) if isinstance(error, apsw.Error) else error
        self.connection.execute("RELEASE apart")
        return failure

    def _insert(self, table: Table, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            some = rows[start : start + ROWS_PER_STATEMENT]
            self.connection.execute(_insertion(table, len(some)), list(chain.from_iterable(some)))

    def _events_between(self, after: int, before: int) -> list[NumberedEvent]:
        """What other processes inserted since we last looked."""
        if after + 1 == before:
            return []
        sql = "SELECT number, body FROM events WHERE number > ? AND number < ? ORDER BY number"
        return events.numbered(View(self.connection).rows(sql, (after, before)))

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            try:
                self.connection.execute("ROLLBACK")
            except apsw.Error:
                pass  # the next BEGIN tells whether the database can be used


def told(error: apsw.Error, path: str) -> StoreError:
    """An error of the database as callers know it."""
    as_ours = StoreError(f"{path}: {error}")
    as_ours.__cause__ = error
    return as_ours


class View:
    """The `Reader` of a connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute = connection.execute

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        return cast("list[Row]", self._execute(sql, parameters).fetchall())

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Row | None:
        found = self.rows(sql, parameters)
        return found[0] if found else None


class _Transaction(View):
    """The `Db` of a batch; its events are inserted together at the end."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.emitted: list[tuple[AnyEvent, Row]] = []

    def run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> None:
        self._execute(sql, parameters)

    def emit(self, event: AnyEvent) -> None:
        self.emitted.append((event, events.row(event)))


def _newest_number(connection: apsw.Connection) -> int:
    """The number of the newest event that there ever was; never given again."""
    sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"
    ((number,),) = connection.execute(sql)
    assert isinstance(number, int)
    return number


@lru_cache(256)
def _insertion(table: Table, rows: int) -> str:
    row = f"({', '.join('?' * len(table.columns))})"
    columns = ", ".join(table.columns)
    once = " ON CONFLICT DO NOTHING" if table.once else ""
    # Names of our own and question marks.
    return f"INSERT INTO {table.name} ({columns}) VALUES {', '.join([row] * rows)}{once}"  # noqa: S608

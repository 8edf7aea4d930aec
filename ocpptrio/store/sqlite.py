"""The store in an SQLite file, or in memory: opening, reading beside the writer, closing.

Not here: what is asked (subject modules), how a batch is written (sqlite_writer), who waits for it
(writer), the schema (migrations).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import apsw
import trio

from ocpptrio.errors import StoreError
from ocpptrio.events import NumberedEvent, Publish
from ocpptrio.store.batch import Batch
from ocpptrio.store.driver import Reader
from ocpptrio.store.migrations import migrate
from ocpptrio.store.sqlite_writer import SqliteWriter, View, told
from ocpptrio.store.writer import GroupCommit

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000  # for another process that writes
READERS = 4  # connections, hence threads; more only take the processor from each other
WRITER_CACHE_KIB = 64 * 1024  # the growing ends of all indexes for some thousand charge points
KEPT_WAL_BYTES = 64 * 1024 * 1024  # of disk, once a long read has let the file grow
# Of SQLite's virtual machine, some 10 ms: each look needs the GIL.
STEPS_BETWEEN_LOOKS = 1_000_000
MEMORY = ":memory:"


class SqliteStore(GroupCommit):
    """A store in the file `path`, or in memory.

    Args:
        path: of the database; made if there is none, readable by its owner alone. ":memory:" keeps
            nothing.
        publish: called after each commit with its events.
        inline: no threads and no writer task: everything is done at once in the caller's task,
            hence always in the same order. For tests, and for programs that end soon.

    Attributes:
        path: of the database.
    """

    def __init__(
        self, path: str | Path, *, publish: Publish | None = None, inline: bool = False
    ) -> None:
        super().__init__(publish, inline=inline)
        self.path = str(path)
        self._shared = inline or self.path == MEMORY  # reads use the connection that writes
        self._writer: SqliteWriter  # while open
        self._idle: list[apsw.Connection] = []  # for reading
        self._reads: set[_Read[Any]] = set()  # Any: of whatever they return
        self._readers = self._one_writer if self._shared else trio.CapacityLimiter(READERS)

    async def read(self, work: Callable[[Reader], T]) -> T:
        """See `driver.Store`."""
        self._check_open()
        if self._inline:
            await trio.lowlevel.checkpoint()
            self._step_inline()  # what was noted is there
            return self._read(_Read(work))
        read = _Read(work)
        self._reads.add(read)
        try:
            return await trio.to_thread.run_sync(
                self._read, read, limiter=self._readers, abandon_on_cancel=True
            )
        finally:
            self._reads.discard(read)
            read.left = True

    def sizes(self) -> dict[str, int]:
        """Bytes on disk: of the database, and of the log of changes that are not in it yet."""
        return {"database": _size(self.path), "wal": _size(f"{self.path}-wal")}

    def _read(self, read: "_Read[T]") -> T:
        self._check_open()  # it may have waited for a connection
        try:
            if self._shared:
                return read.run(self._writer.connection)
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = _connected(self.path)
                connection.execute("PRAGMA query_only = ON")
            try:
                return read.run(connection)
            finally:
                self._idle.append(connection)
        except apsw.Error as error:
            raise told(error, self.path) from error

    async def backup(self, target: Path) -> int:
        """Write a copy of all that is committed by now; others read and write meanwhile.

        Returns:
            Its size in bytes.

        Raises:
            StoreError: there is such a file already, or it cannot be written.
        """
        self._check_open()
        return await trio.to_thread.run_sync(self._backup, target, limiter=self._readers)

    def _backup(self, target: Path) -> int:
        if target.exists():
            raise StoreError(f"{target}: exists; name another file")
        _make(str(target))
        try:
            # A connection of its own: one in memory has no other, and then nobody else reads.
            connection = self._writer.connection if self._shared else _connected(self.path)
            try:
                connection.execute("VACUUM INTO ?", (str(target),))
            finally:
                if not self._shared:
                    connection.close()
        except apsw.Error as error:
            target.unlink(missing_ok=True)
            raise StoreError(f"{target}: cannot be written: {error}") from error
        return target.stat().st_size

    def _connect(self) -> None:
        if self.path != MEMORY:
            _make(self.path)
        try:
            connection = _connected(self.path)
        except apsw.Error as error:
            raise StoreError(f"{self.path}: cannot be opened: {error}") from error
        try:
            self._writer = self._prepared(connection)
        except apsw.NotADBError as error:
            connection.close()
            raise StoreError(f"{self.path}: not an SQLite database; name another file") from error
        except apsw.Error as error:
            connection.close()
            raise told(error, self.path) from error
        except StoreError:
            connection.close()
            raise

    def _prepared(self, connection: apsw.Connection) -> SqliteWriter:
        if connection.readonly("main"):
            raise StoreError(f"{self.path}: is read-only; make it writable, or name another file")
        migrate(connection, self.path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        connection.execute(f"PRAGMA journal_size_limit = {KEPT_WAL_BYTES}")
        return SqliteWriter(connection, self.path)

    async def _disconnect(self) -> None:
        for read in self._reads:
            read.left = True
        if not self._shared:
            for _ in range(READERS):  # until none reads any more
                await self._readers.acquire_on_behalf_of(object())
        await self._in_thread(self._close)

    def _close(self) -> None:
        for connection in self._idle:
            connection.close()
        try:
            # Whoever closes last does this anyway, but another process may have it open.
            self._writer.connection.wal_checkpoint()
        except apsw.Error:
            pass  # then the next one who opens it does
        self._writer.connection.close()

    def _commit(self, batch: Batch) -> list[NumberedEvent]:
        return self._writer.commit(batch, others=self.publish is not None)


class _Read(Generic[T]):
    """One `read`, which its caller may leave while it runs in a thread."""

    def __init__(self, work: Callable[[Reader], T]) -> None:
        self._work = work
        self.left = False

    def run(self, connection: apsw.Connection) -> T:
        if self.left:
            raise StoreError("nobody waits for this any more")
        # Unlike Connection.interrupt, this cannot come between two statements and be missed.
        connection.set_progress_handler(lambda: self.left, STEPS_BETWEEN_LOOKS)
        try:
            connection.execute("BEGIN")
            return self._work(View(connection))
        finally:
            connection.set_progress_handler(None)
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _connected(path: str) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    # Else some statements are compiled anew for each set of parameters: ten times the work.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:  # in memory, or not there yet
        return 0


def _make(path: str) -> None:
    """Make the file if it is not there; it holds password hashes, so nobody else may read it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        pass
    except FileNotFoundError as error:
        raise StoreError(
            f"{path}: there is no folder {Path(path).parent}; make it, or name another file"
        ) from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror}") from error

"""What every store offers: group-committed writes, reads beside them, appended rows.

Protocols, so that the subject modules and all callers know no database by name. Not here: SQL.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from ocpptrio.events import AnyEvent, Publish

SqlValue: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = tuple[SqlValue, ...]
T = TypeVar("T")


def like(text: str) -> str:
    r"""A pattern that finds text as it is, anywhere: LIKE ? ESCAPE '\'."""
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


class Reader(Protocol):
    """A consistent view of the database, for the duration of one read."""

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]: ...

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Row | None: ...


class Db(Reader, Protocol):
    """The open database transaction of one write. All of it happens, or nothing."""

    def run(self, sql: str, parameters: Sequence[SqlValue] = ()) -> None: ...

    def emit(self, event: AnyEvent) -> None:
        """Insert an event with the change it tells about; published after the commit."""
        ...


class Table(msgspec.Struct, frozen=True, eq=False):
    """A table to which rows are appended in bulk. Made once per table: compared by identity.

    Attributes:
        columns: of a row, in its order.
        once: a row that breaks a unique index is there already, and adds nothing.
    """

    name: str
    columns: tuple[str, ...]
    once: bool = False


class Store(Protocol):
    """A database with one writer. Every method raises StoreError if the database fails."""

    publish: Publish | None

    async def write(self, work: Callable[[Db], T]) -> T:
        """Run `work` in the writer and return its result once it is on disk.

        Many callers share one commit. What `work` raises is raised here, and only its own changes
        are undone. `work` must be short, must not wait, and may run in another thread: it gets
        what it needs as values. It may run twice, if another one of the same commit fails: the
        first time is undone. If the caller is cancelled, the change may be made all the same.
        """
        ...

    async def append(
        self, table: Table, rows: Sequence[Row], events: Sequence[AnyEvent] = ()
    ) -> None:
        """Append rows and events; both are on disk on return. The cheapest durable write.

        Within one commit, appended rows go first: a `work` of the same commit sees them all.
        """
        ...

    def post(self, work: Callable[[Db], object]) -> None:
        """As `write`, but nobody waits: for notes whose loss in a crash is bearable.

        What fails is logged.
        """
        ...

    def note(self, table: Table, row: Row) -> None:
        """As `append`, but nobody waits, and the commit may be a fraction of a second away.

        What fails, or exceeds what the writer keeps up with, is logged.
        """
        ...

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Run `work` on a connection for reading, beside the writer; sees what is committed.

        A cancelled reader returns at once; its query is interrupted.
        """
        ...

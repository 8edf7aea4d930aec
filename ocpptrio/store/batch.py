"""What travels from a caller to one commit. Not here: when that happens (writer)."""

from collections.abc import Callable, Sequence

import trio

from ocpptrio.events import AnyEvent
from ocpptrio.store.driver import Db, Row, Table


class Change:
    """One `write` or `post` (with `work`) or `append` (with `table`), until its commit."""

    __slots__ = ("error", "events", "posted", "result", "rows", "table", "task", "work")

    def __init__(
        self,
        work: Callable[[Db], object] | None = None,
        table: Table | None = None,
        rows: Sequence[Row] = (),
        events: Sequence[tuple[AnyEvent, Row]] = (),
        *,
        posted: bool = False,
    ) -> None:
        self.work = work
        self.table = table
        self.rows = rows
        self.events = events
        self.posted = posted  # nobody waits
        self.task: trio.lowlevel.Task | None = None  # who waits, if that takes time
        self.result: object = None
        self.error: Exception | None = None


class Batch:
    """What one commit is to write: changes in order of arrival, noted rows, both or neither.

    Attributes:
        look: look for events of other processes even if there are none of ours.
        failures: one for each noted row that cannot be written.
    """

    __slots__ = ("changes", "failures", "look", "notes")

    def __init__(
        self,
        changes: list[Change],
        notes: dict[Table, list[Row]] | None = None,
        *,
        look: bool = False,
    ) -> None:
        self.changes = changes
        self.notes = notes or {}
        self.look = look
        self.failures: list[Exception] = []

    def __bool__(self) -> bool:
        return bool(self.changes or self.notes)

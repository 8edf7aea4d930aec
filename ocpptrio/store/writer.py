"""Group commit: whatever waits is written in one database transaction, then everybody is told.

Two rules: what was awaited is on disk before its caller goes on, and events are published after
their commit, in the order of their numbers, before that caller goes on. Not here: SQL and
connections (sqlite).
"""

import math
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

import structlog
import trio

from ocpptrio.errors import StoreError
from ocpptrio.events import AnyEvent, NumberedEvent, Publish
from ocpptrio.figures import BATCH_BOUNDS, COMMIT_BOUNDS_S, Histogram
from ocpptrio.store.batch import Batch, Change
from ocpptrio.store.driver import Db, Row, Table
from ocpptrio.store.events import row as event_row
from ocpptrio.store.losses import Losses

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

QUEUE = 4096  # changes; each connection waits for one, so only a hanging disk makes that many
CHANGES_PER_COMMIT = 1024  # a longer batch saves no time, and delays whoever came first
NOTES = 50_000  # rows, ~25 MB: two seconds of a very busy journal
NOTES_PER_COMMIT = 2000  # rows of a table: they hold up those who wait by some 10 ms
# Notes wait to share index pages: taken along with each commit, they cost a third more.
NOTE_DELAY_S = 0.2
INLINE_NOTES = 1000  # rows; inline, the next read or write takes them anyway
LOOK_INTERVAL_S = 1  # for events that another process has inserted
CLOSE_S = 30  # for a full queue and a slow disk

_log = structlog.get_logger("ocpptrio.store")

WatchCommit = Callable[[int, int, int, int], None]
"""Told of each commit: when it began and ended, in ns since 1970; its changes and noted rows."""


class GroupCommit(ABC):
    """A store but for its database and how to read it.

        async with trio.open_nursery() as nursery, SqliteStore(path) as store:
            await nursery.start(store.run)

    Leaving closes the store, which ends `run`.

    Attributes:
        publish: called after each commit with its events; must not write to the store.
        commits: how many there were.
        commit_s: how long they took, from when the batch was taken until it was on disk.
        changes_per_commit: how many shared one.
        watch_commit: told of each one, if it is set.
        losses: rows noted and work posted that did not get into the database.
    """

    def __init__(self, publish: Publish | None, *, inline: bool) -> None:
        self.publish = publish
        self.commits = 0
        self.commit_s = Histogram(COMMIT_BOUNDS_S)
        self.changes_per_commit = Histogram(BATCH_BOUNDS)
        self.watch_commit: WatchCommit | None = None
        self.losses = Losses()
        self._inline = inline
        self._open = False
        self._running = False
        self._stopped = trio.Event()
        self._queue: list[Change] = []
        self._room = trio.lowlevel.ParkingLot()  # who waits for room in the queue
        self._notes: defaultdict[Table, list[Row]] = defaultdict(list)
        self._notes_waiting = 0
        self._notes_allowed = 0
        self._notes_due = math.inf
        self._look_due = -math.inf
        self._sleep: trio.CancelScope | None = None  # of the writer, while it has nothing to do
        self._one_writer = trio.CapacityLimiter(1)

    @property
    def queued(self) -> int:
        """Changes that wait for a commit."""
        return len(self._queue)

    @property
    def noted(self) -> int:
        """Rows that wait for one."""
        return self._notes_waiting

    @property
    def writes(self) -> bool:
        """It is open, and whatever is handed to it gets written."""
        return self._open and (self._inline or self._running)

    @abstractmethod
    def _connect(self) -> None:
        """Open the database, bring its schema up to date. Runs in a thread."""

    @abstractmethod
    def _commit(self, batch: Batch) -> list[NumberedEvent]:
        """Write all of the batch; set results, errors and failures. Runs in a thread.

        Returns what to publish: events inserted by others since the last call, then our own.

        Raises:
            StoreError: nothing of the batch was written.
        """

    @abstractmethod
    async def _disconnect(self) -> None:
        """Close the database; nobody writes any more."""

    async def __aenter__(self) -> Self:
        await self._in_thread(self._connect)
        self._open = True
        self._notes_allowed = INLINE_NOTES if self._inline else NOTES
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with trio.move_on_after(2 * CLOSE_S, shield=True):
            await self.close()

    async def close(self) -> None:
        """Write what is queued, then close the database; `run` returns. Cannot be cancelled."""
        if not self._open:
            return
        self._open = False
        self._notes_allowed = 0  # so that `note` looks again
        with trio.move_on_after(CLOSE_S, shield=True) as scope:
            if self._running:
                self._wake()
                await self._stopped.wait()
            else:
                await self._drain(scope)
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._disconnect()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The writer; returns when the store is closed. Inline there is none: returns at once.

        Cancelled, it writes what is queued and stops; from then on `write` and `append` fail.
        """
        assert not self._running, "one writer at a time"
        self._running = not self._inline
        self._stopped = trio.Event()
        task_status.started()
        try:
            while self._open and self._running:
                due = min(self._notes_due, self._look_due)
                if not self._queue:
                    with trio.CancelScope(deadline=due) as self._sleep:
                        await trio.sleep_forever()
                    self._sleep = None
                else:
                    await trio.lowlevel.checkpoint()
                await self._step()
        finally:
            if self._running:
                with trio.move_on_after(CLOSE_S, shield=True) as scope:
                    await self._drain(scope)
                self._running = False
                self._stopped.set()
                self._room.unpark_all()

    async def write(self, work: Callable[[Db], T]) -> T:
        """See `driver.Store`."""
        # Any: `_done` hands back whatever `work` returned.
        result: T = await self._done(Change(work))
        return result

    async def append(
        self, table: Table, rows: Sequence[Row], events: Sequence[AnyEvent] = ()
    ) -> None:
        """See `driver.Store`."""
        emitted = [(event, event_row(event)) for event in events]
        await self._done(Change(table=table, rows=rows, events=emitted))

    def post(self, work: Callable[[Db], object]) -> None:
        """See `driver.Store`."""
        self._check_open()
        if len(self._queue) >= QUEUE:
            self.losses.add(1, "the writer does not keep up")
            return
        self._queue.append(Change(work, posted=True))
        if self._inline:
            self._step_inline()
        else:
            self._wake()

    def note(self, table: Table, row: Row) -> None:
        """See `driver.Store`."""
        if self._notes_waiting >= self._notes_allowed and not self._make_room():
            return
        if not self._notes_waiting:
            self._notes_due = trio.current_time() + NOTE_DELAY_S
            if self._sleep is not None:
                self._sleep.deadline = min(self._sleep.deadline, self._notes_due)
        self._notes_waiting += 1
        self._notes[table].append(row)

    def _make_room(self) -> bool:
        self._check_open()
        if self._inline:
            self._step_inline()
            return True
        self.losses.add(1, "the writer does not keep up")
        return False

    async def _done(self, change: Change) -> Any:  # Any: the result of any work
        if self._inline:
            await trio.lowlevel.checkpoint()
            self._check_writable()
            self._queue.append(change)
            self._step_inline()
        else:
            self._check_writable()
            while len(self._queue) >= QUEUE:
                await self._room.park()
                self._check_writable()
            change.task = trio.lowlevel.current_task()
            self._queue.append(change)
            self._wake()

            def leave(_: object) -> trio.lowlevel.Abort:
                change.task = None
                return trio.lowlevel.Abort.SUCCEEDED

            await trio.lowlevel.wait_task_rescheduled(leave)
        if change.error is not None:
            raise change.error
        return change.result

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("the store is not open")

    def _check_writable(self) -> None:
        self._check_open()
        if not self.writes:
            raise StoreError("nothing writes to the store: start `store.run` in a nursery")

    def _wake(self) -> None:
        if self._sleep is not None:
            self._sleep.cancel()
            self._sleep = None

    async def _step(self) -> None:
        """One commit. Seen through once begun: it cannot be cancelled."""
        batch = self._take()
        if batch or batch.look:
            began_ns = time.time_ns()
            with trio.CancelScope(shield=True):
                events = await self._in_thread(self._try_commit, batch)
            self._measure(batch, began_ns)
            self._finish(batch, events)

    def _step_inline(self) -> None:
        batch = self._take()
        if batch:
            began_ns = time.time_ns()
            events = self._try_commit(batch)
            self._measure(batch, began_ns)
            self._finish(batch, events)

    def _measure(self, batch: Batch, began_ns: int) -> None:
        if batch:
            ended_ns = time.time_ns()
            self.commit_s.observe((ended_ns - began_ns) / 1e9)
            self.changes_per_commit.observe(len(batch.changes))
            if self.watch_commit is not None:
                rows = sum(map(len, batch.notes.values()))
                self.watch_commit(began_ns, ended_ns, len(batch.changes), rows)

    def _take(self) -> Batch:
        changes = self._queue[:CHANGES_PER_COMMIT]
        del self._queue[:CHANGES_PER_COMMIT]
        if self._room:
            self._room.unpark(count=len(changes))
        now = trio.current_time()
        notes: dict[Table, list[Row]] = {}
        if self._inline or now >= self._notes_due:
            for table, rows in self._notes.items():
                if rows:
                    notes[table] = rows[:NOTES_PER_COMMIT]
                    del rows[:NOTES_PER_COMMIT]
                    self._notes_waiting -= len(notes[table])
            if not self._notes_waiting:
                self._notes_due = math.inf
        look = now >= self._look_due
        if look:
            self._look_due = now + LOOK_INTERVAL_S
        return Batch(changes, notes, look=look and self.publish is not None)

    def _try_commit(self, batch: Batch) -> list[NumberedEvent]:
        try:
            events = self._commit(batch)
        except StoreError as error:
            for change in batch.changes:
                change.error = StoreError(*error.args)  # one each: a traceback grows as it rises
                change.error.__cause__ = error
            batch.failures += [error] * sum(map(len, batch.notes.values()))
            return []
        if batch:
            self.commits += 1
        return events

    def _finish(self, batch: Batch, events: list[NumberedEvent]) -> None:
        if events and self.publish is not None:
            try:
                self.publish(events)
            except Exception:  # noqa: BLE001 - all is on disk, and whoever waits must hear of it
                _log.exception("events not published")
        for change in batch.changes:
            if change.task is not None:
                trio.lowlevel.reschedule(change.task)
                change.task = None
            elif change.posted and change.error is not None:
                batch.failures.append(change.error)
        if batch.failures:
            self.losses.add(len(batch.failures), batch.failures[0])
        self.losses.report()

    async def _drain(self, scope: trio.CancelScope) -> None:
        """Write all that waits, until `scope` ends; what is left then is lost, and said so."""
        while (self._queue or self._notes_waiting) and not scope.cancel_called:
            self._notes_due = -math.inf
            await self._step()
        left = Batch(self._queue)
        late = StoreError("the store was closed before this was written")
        for change in left.changes:
            change.error = late
        left.failures = [late] * self._notes_waiting
        self._queue, self._notes_waiting = [], 0
        self._notes.clear()
        self._finish(left, [])

    async def _in_thread(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        if self._inline:
            return work(*arguments)
        return await trio.to_thread.run_sync(work, *arguments, limiter=self._one_writer)

"""Tasks: one request, or one of each, for many charge points; at a pace, until too much fails.

Each member is a command, queued from the beginning; a task lets so many of them go at a time, to
charge points that are there. Offline ones take no place: their turn is when they return. Not here:
sending (command_queue), what becomes of a command (commands).
"""

import math
import re
from collections import deque
from collections.abc import Collection, Mapping
from typing import Final
from weakref import WeakValueDictionary

import msgspec
import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import CommandSettings
from ocpptrio.errors import CommandError, NotAllowedNow, StoreError
from ocpptrio.events import (
    AnyEvent,
    Booted,
    CommandChanged,
    Connected,
    Disconnected,
    RegistrationChanged,
    TaskChanged,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.services.command_queue import CommandQueue
from ocpptrio.services.command_sending import check_allowed
from ocpptrio.session.registry import Registry
from ocpptrio.store import charge_point_groups, commands, tasks
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import CommandRecord, TaskRecord
from ocpptrio.store.tasks import Progress, Terms
from ocpptrio.store.vocabulary import CommandState, TaskState

AT_A_TIME: Final = 10  # a mistake in a request then reaches few before it is seen
PROGRESS_EVENTS: Final = 50  # of one task
LOOK_S: Final = 60  # at least
RETRY_S: Final = 5
MINUTE_S: Final = 60
SHARE: Final = re.compile(r"(100|[1-9]\d?)%")  # of the charge points of a task

log = structlog.get_logger("ocpptrio.tasks")


class _Running:
    """A task that runs: where each of its commands is."""

    def __init__(self, record: TaskRecord, members: Collection[CommandRecord]) -> None:
        self.record = record
        self.ready: dict[int, str] = {}  # command -> charge point, to be let go when there is room
        self.offline: dict[str, list[int]] = {}  # charge point -> commands
        self.let_go: dict[int, str] = {}  # may be sent, and are not yet
        self.sent: set[int] = set()
        self.failed: set[int] = set()
        self.settled = 0
        self.told = 0  # of the settled
        self.begun: deque[float] = deque()  # when commands were let go, in the last minute
        self.changed = trio.Event()
        for member in members:
            if member.failed:
                self.failed.add(member.command_id)
            if member.state is CommandState.QUEUED:
                self.ready[member.command_id] = member.charge_point_id
            elif member.state is CommandState.SENT:
                self.sent.add(member.command_id)
            else:
                self.settled += 1

    @property
    def is_over(self) -> bool:
        return not (self.ready or self.offline or self.let_go or self.sent)

    def see(self, event: CommandChanged) -> None:
        """A command of this task came further."""
        command_id = event.command_id
        (self.failed.add if event.failed else self.failed.discard)(command_id)
        was_open = command_id in self.ready or command_id in self.let_go or command_id in self.sent
        if event.state == CommandState.QUEUED:
            self.ready[command_id] = event.charge_point_id  # it makes up for another
        elif event.state == CommandState.SENT:
            self._take(event)
            self.sent.add(command_id)
        elif self._take(event) or was_open:
            self.settled += 1
        self.changed.set()

    def _take(self, event: CommandChanged) -> bool:
        """Take a command from wherever it is; False if it is nowhere, being settled."""
        command_id, waiting = event.command_id, self.offline.get(event.charge_point_id, [])
        found = command_id in self.sent
        self.sent.discard(command_id)
        found |= self.ready.pop(command_id, None) is not None
        found |= self.let_go.pop(command_id, None) is not None
        if command_id in waiting:
            found = True
            waiting.remove(command_id)
            if not waiting:
                del self.offline[event.charge_point_id]
        return found

    def back(self, charge_point_id: str) -> None:
        """A charge point may be asked again."""
        for command_id in self.offline.pop(charge_point_id, []):
            self.ready[command_id] = charge_point_id
            self.changed.set()

    def gone(self, charge_point_id: str) -> None:
        """It can no longer be asked: what was let go and is not sent gives up its place."""
        for command_id, member in list(self.let_go.items()):
            if member == charge_point_id:
                del self.let_go[command_id]
                self.offline.setdefault(charge_point_id, []).append(command_id)
                self.changed.set()


class TaskService:
    """See the module."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: Registry,
        settings: CommandSettings,
        queue: CommandQueue,
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._settings = settings
        self._queue = queue
        queue.permits = self.permits
        self._running: dict[int, _Running] = {}
        self._begun: set[int] = set()  # tasks to be loaded
        self._begin = trio.Event()
        self._ended: WeakValueDictionary[int, trio.Event] = WeakValueDictionary()

    # What an operator does.

    async def start(
        self,
        request: Request[Message] | Mapping[str, Request[Message]],
        charge_point_ids: Collection[str] = (),
        *,
        group: str | None = None,
        at_a_time: int = AT_A_TIME,
        per_minute: int | None = None,
        stop_after: int | str | None = None,
        expires_in_s: float | None = None,
        idempotency_key: str | None = None,
        requested_by: str | None = None,
    ) -> int:
        """Ask many charge points for the same, or each for its own; returns the task's id.

        Args:
            request: one for all, or charge point id -> its own, all of the same Action.
            charge_point_ids: who is asked; not with a mapping.
            group: who else is asked: its members now.
            at_a_time: how many may be under way at once, from being sent to being answered.
            per_minute: how many may be begun within a minute.
            stop_after: after so many failures, or failures at this share of the charge points
                ("10%"), no more are sent. A failure is no answer, a refusal, a status that means
                no, or an effect that failed or was not seen in time.
            expires_in_s: what is not sent by then is not sent at all; default `commands.expiry`.
            idempotency_key: the same key with the same task gives that task again.
            requested_by: who wants it; None: the central system itself.

        Raises:
            CommandError: nobody is asked, too many are, or a number is not above 0.
            UnknownChargePoint: one is not registered; nothing was started.
            KeyInUse: the key stands for another task.
            LocalProtocolError: a request cannot be sent as it is.
        """
        at_us = self._clock()
        seconds = self._settings.expiry if expires_in_s is None else expires_in_s
        terms = Terms(
            at_a_time=at_a_time,
            per_minute=per_minute,
            expires_at_us=at_us + round(seconds * 1_000_000),
        )
        return await self._store.write(
            lambda db: start(
                db,
                request,
                charge_point_ids,
                group=group,
                terms=terms,
                stop_after=stop_after,
                at_us=at_us,
                idempotency_key=idempotency_key,
                requested_by=requested_by,
            )
        )

    async def cancel(self, task_id: int) -> None:
        """Send no more of a task; what is sent already goes on.

        Raises:
            UnknownCommand: there is no such task.
            TooLate: it has ended.
        """
        at_us = self._clock()
        await self._store.write(lambda db: tasks.cancel(db, task_id, at_us))

    async def get(self, task_id: int) -> tuple[TaskRecord, Progress]:
        """The task, and how far it is.

        Raises:
            UnknownCommand: there is no such task.
        """
        return await self._store.read(
            lambda reader: (tasks.get(reader, task_id), tasks.progress(reader, task_id))
        )

    async def wait_ended(self, task_id: int) -> TaskRecord:
        """Return when all is answered or expired, or when the task was stopped or cancelled.

        Raises:
            UnknownCommand: there is no such task.
        """
        while True:
            ended = self._ended.get(task_id)
            if ended is None:
                ended = self._ended[task_id] = trio.Event()
            record = await self._store.read(lambda reader: tasks.get(reader, task_id))
            if record.state is not TaskState.RUNNING:
                return record
            await ended.wait()

    # What the queue asks.

    def permits(self, record: CommandRecord) -> bool:
        """Whether a queued command may be sent now, as far as its task is concerned."""
        if record.task_id is None:
            return True
        running = self._running.get(record.task_id)
        return running is not None and record.command_id in running.let_go

    # What happens.

    def see(self, event: AnyEvent) -> None:
        """After the commit, one of TOLD."""
        match event:
            case CommandChanged(task_id=int() as task_id):
                if (running := self._running.get(task_id)) is not None:
                    running.see(event)
            case TaskChanged(task_id=task_id, state=TaskState.RUNNING):
                if task_id not in self._running:
                    self._begun.add(task_id)
                    self._begin.set()
            case TaskChanged(task_id=task_id):
                if (running := self._running.pop(task_id, None)) is not None:
                    running.changed.set()
                if (ended := self._ended.pop(task_id, None)) is not None:
                    ended.set()
            case Disconnected():
                session = self._registry.get(event.charge_point_id)
                if session is None or session.connection is None:
                    for running in self._running.values():
                        running.gone(event.charge_point_id)
            case _:
                for running in self._running.values():
                    running.back(event.charge_point_id)

    # In the background.

    async def load(self) -> None:
        """At start: what was running goes on."""
        for record in await self._store.read(tasks.running):
            self._begun.add(record.task_id)
            self._begin.set()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                await self._begin.wait()
                self._begin = trio.Event()
                for task_id in sorted(self._begun - self._running.keys()):
                    nursery.start_soon(self._run, task_id)
                self._begun.clear()

    async def _run(self, task_id: int) -> None:
        def work(reader: Reader) -> tuple[TaskRecord, list[CommandRecord]]:
            return tasks.get(reader, task_id), commands.members(reader, task_id)

        while True:
            try:
                record, members = await self._store.read(work)
                break
            except StoreError:
                log.exception("task stands still", task=task_id)
                await trio.sleep(RETRY_S)
        if record.state is not TaskState.RUNNING or task_id in self._running:
            return
        running = self._running[task_id] = _Running(record, members)
        self._queue.expires(record.expires_at_us)
        log.info("task", task=task_id, action=record.action, charge_points=record.total)
        while self._running.get(task_id) is running:
            running.changed = trio.Event()
            try:
                if await self._end_or_tell(running):
                    return
            except StoreError:
                log.exception("task stands still", task=task_id)
                await trio.sleep(RETRY_S)
                continue
            wait_s = self._let_go(running)
            with trio.move_on_after(wait_s):
                await running.changed.wait()

    async def _end_or_tell(self, running: _Running) -> bool:
        """End the task if it is over, else tell how far it is if that is worth an event."""
        record, at_us = running.record, self._clock()
        failures = len(running.failed)
        if record.stop_after is not None and failures >= record.stop_after:
            reason = f"{failures} of {record.total} failed"
            log.warning("task stopped", task=record.task_id, reason=reason)
            await self._end(record.task_id, TaskState.STOPPED, at_us, reason)
            return True
        if running.is_over:
            # What made up for another, or came in another way, may still be open.
            so_far = await self._store.read(lambda db: tasks.progress(db, record.task_id))
            if not so_far.open:
                log.info("task done", task=record.task_id, failures=so_far.failures)
                await self._end(record.task_id, TaskState.DONE, at_us, None)
                return True
        if running.settled - running.told >= max(1, record.total // PROGRESS_EVENTS):
            running.told = running.settled
            await self._store.write(lambda db: tasks.tell(db, record, at_us))
        return False

    async def _end(self, task_id: int, state: TaskState, at_us: int, reason: str | None) -> None:
        await self._store.write(
            lambda db: tasks.end(db, task_id, state, at_us=at_us, reason=reason)
        )

    def _let_go(self, running: _Running) -> float:
        """Let as many commands go as there is room for; returns the s to wait at most."""
        record, now = running.record, trio.current_time()
        while running.begun and running.begun[0] <= now - MINUTE_S:
            running.begun.popleft()
        while running.ready:
            command_id, charge_point_id = next(iter(running.ready.items()))
            if len(running.let_go) + len(running.sent) >= record.at_a_time:
                return LOOK_S
            if record.per_minute is not None and len(running.begun) >= record.per_minute:
                return running.begun[0] + MINUTE_S - now
            del running.ready[command_id]
            if not self._may_be_asked(charge_point_id, record):
                running.offline.setdefault(charge_point_id, []).append(command_id)
                continue
            running.let_go[command_id] = charge_point_id
            running.begun.append(now)
            self._queue.queued(charge_point_id, record.expires_at_us)
        return LOOK_S

    def _may_be_asked(self, charge_point_id: str, record: TaskRecord) -> bool:
        session = self._registry.get(charge_point_id)
        if session is None or session.connection is None:
            return False
        try:
            check_allowed(session.state, record.action)
        except NotAllowedNow:
            return False
        return True


# What a task wants to be told.
TOLD: Final = (
    CommandChanged,
    TaskChanged,
    Connected,
    Disconnected,
    Booted,
    RegistrationChanged,
)


def start(
    db: Db,
    request: Request[Message] | Mapping[str, Request[Message]],
    charge_point_ids: Collection[str] = (),
    *,
    group: str | None = None,
    terms: Terms,
    stop_after: int | str | None = None,
    at_us: int,
    idempotency_key: str | None = None,
    requested_by: str | None = None,
) -> int:
    """As `TaskService.start`, inside a write: for a program beside the daemon."""
    for name in ("at_a_time", "per_minute"):
        value = getattr(terms, name)
        if value is not None and value < 1:
            raise CommandError(f"{name} must be at least 1, got {value}")
    if isinstance(request, Mapping):
        if charge_point_ids or group is not None:
            raise CommandError("requests of each name their charge points; leave the others out")
        drafts = {name: commands.draft(one) for name, one in request.items()}
    else:
        members = charge_point_groups.members(db, group) if group is not None else []
        if group is not None and not members:
            raise CommandError(f"group {group} is empty; see ocpptrio groups list")
        draft = commands.draft(request)
        drafts = dict.fromkeys((*charge_point_ids, *members), draft)
    if not 1 <= len(drafts) <= tasks.LARGEST:
        raise CommandError(
            f"a task is for 1 to {tasks.LARGEST} charge points, not {len(drafts)}; split it"
        )
    if len({draft.action for draft in drafts.values()}) > 1:
        raise CommandError("a task has one Action; start one for each")
    terms = msgspec.structs.replace(terms, stop_after=_failures(stop_after, len(drafts)))
    return tasks.start(
        db,
        drafts,
        terms,
        at_us=at_us,
        idempotency_key=idempotency_key,
        requested_by=requested_by,
    )


def _failures(stop_after: int | str | None, total: int) -> int | None:
    """How many failures a limit means: a number, or a share of all, at least one."""
    if stop_after is None:
        return None
    found = SHARE.fullmatch(stop_after) if isinstance(stop_after, str) else None
    if found is not None:
        return max(1, math.ceil(total * int(found[1]) / 100))
    if isinstance(stop_after, str) or stop_after < 1:
        raise CommandError(f"stop_after: expected a number from 1, or 1% to 100%, got {stop_after}")
    return stop_after

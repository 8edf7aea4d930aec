"""Tasks: one request, or one of each, for many charge points; each member is a command.

Not here: at which pace they are sent (services), the commands themselves (commands).
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from ocpptrio.errors import KeyInUse, TooLate, UnknownChargePoint, UnknownCommand
from ocpptrio.events import TaskChanged
from ocpptrio.store import charge_points, commands
from ocpptrio.store.commands import Draft
from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import TaskRecord
from ocpptrio.store.vocabulary import CommandState, EffectState, TaskState, has_failed

# Charge points of one task: their rows are inserted in one commit, some 100 ms.
LARGEST: Final = 10_000

_SELECT = "SELECT * FROM tasks"
# Of a task: how many commands stand where, and with what status and effect.
_Counted = tuple[int, CommandState, str | None, EffectState, int]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is to go.

    Attributes:
        at_a_time: commands that may be under way at once.
        per_minute: commands begun within a minute; None: no such limit.
        stop_after: failures after which no more are sent; None: it goes on in spite of them.
        expires_at_us: what is not sent by then is not sent at all.
    """

    at_a_time: int
    per_minute: int | None
    expires_at_us: int
    stop_after: int | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a task is.

    Attributes:
        counts: state of a command -> charge points.
        failures: charge points where it failed.
        effects: state of an effect -> charge points, where one is expected.
    """

    counts: dict[str, int]
    failures: int
    effects: dict[str, int]

    @property
    def open(self) -> int:
        """Charge points that are still to be asked, or to answer."""
        return self.counts.get(CommandState.QUEUED, 0) + self.counts.get(CommandState.SENT, 0)


def start(
    db: Db,
    requests: Mapping[str, Draft],
    terms: Terms,
    *,
    at_us: int,
    idempotency_key: str | None = None,
    requested_by: str | None = None,
) -> int:
    """Keep a task and the commands of its members; returns its id.

    Args:
        requests: charge point id -> what it is asked; not empty, all of the same Action.

    Raises:
        KeyInUse: the idempotency key stands for another task.
        UnknownChargePoint: one is not registered; nothing is kept.
    """
    shown = {draft.request for draft in requests.values()}
    action = next(iter(requests.values())).action
    digest = _digest(requests)
    if idempotency_key is not None:
        found = db.row(_SELECT + " WHERE idempotency_key = ?", [idempotency_key])
        if found is not None:
            record = TaskRecord.of(found)
            if (record.action, record.digest) != (action, digest):
                raise KeyInUse(
                    f"key {idempotency_key!r} stands for task {record.task_id} "
                    f"({record.action}); take a new key for a new task"
                )
            return record.task_id
    known = {record.charge_point_id for record in charge_points.everyone(db)}
    if unknown := requests.keys() - known:
        raise UnknownChargePoint(
            f"not registered: {', '.join(sorted(unknown)[:5])}; nothing was started"
        )
    row = db.row(
        """INSERT INTO tasks (action, request, state, created_at_us, expires_at_us, at_a_time,
            per_minute, stop_after, total, idempotency_key, digest,
            requested_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *""",
        [
            action,
            shown.pop() if len(shown) == 1 else None,
            TaskState.RUNNING,
            at_us,
            terms.expires_at_us,
            terms.at_a_time,
            terms.per_minute,
            terms.stop_after,
            len(requests),
            idempotency_key,
            digest,
            requested_by,
        ],
    )
    assert row is not None
    record = TaskRecord.of(row)
    commands.insert_members(
        db,
        requests.items(),
        task_id=record.task_id,
        at_us=at_us,
        expires_at_us=terms.expires_at_us,
        requested_by=requested_by,
    )
    tell(db, record, at_us)
    return record.task_id


def end(
    db: Db, task_id: int, state: TaskState, *, at_us: int, reason: str | None = None
) -> TaskRecord | None:
    """End a running task; what is not sent yet will not be. None if it has ended already."""
    row = db.row(
        """UPDATE tasks SET state = ?, ended_at_us = ?, reason = ?
        WHERE task_id = ? AND state = ? RETURNING *""",
        [state, at_us, reason, task_id, TaskState.RUNNING],
    )
    if row is None:
        return None
    record = TaskRecord.of(row)
    commands.cancel_members(db, task_id, at_us)
    tell(db, record, at_us)
    return record


def cancel(db: Db, task_id: int, at_us: int) -> None:
    """As an operator wants it.

    Raises:
        UnknownCommand: there is no such task.
        TooLate: it has ended.
    """
    if end(db, task_id, TaskState.CANCELLED, at_us=at_us) is None:
        record = get(db, task_id)
        raise TooLate(f"task {task_id} is {record.state} already")


def tell(db: Db, record: TaskRecord, at_us: int) -> None:
    """Emit how far a task is."""
    so_far = progress(db, record.task_id)
    db.emit(
        TaskChanged(
            charge_point_id="",
            at_us=at_us,
            task_id=record.task_id,
            action=record.action,
            state=record.state,
            total=record.total,
            counts=so_far.counts,
            failures=so_far.failures,
            reason=record.reason,
        )
    )


def get(reader: Reader, task_id: int) -> TaskRecord:
    """The task.

    Raises:
        UnknownCommand: there is none with this number.
    """
    found = reader.row(_SELECT + " WHERE task_id = ?", [task_id])
    if found is None:
        raise UnknownCommand(f"there is no task {task_id}")
    return TaskRecord.of(found)


def listed(
    reader: Reader,
    *,
    state: TaskState | None = None,
    before: int = 2**63 - 1,
    limit: int = 100,
) -> list[TaskRecord]:
    """The last ones, newest first; `before` is a task's number."""
    where = "" if state is None else " AND state = ?"
    parameters: list[SqlValue] = [before] if state is None else [before, state]
    sql = f" WHERE task_id < ?{where} ORDER BY task_id DESC LIMIT ?"
    return _all(reader, sql, [*parameters, limit])


def running(reader: Reader) -> list[TaskRecord]:
    return _all(reader, " WHERE state = 'running' ORDER BY task_id", [])


def progress(reader: Reader, task_id: int) -> Progress:
    """How far a task is: each charge point counts once, as it stands now."""
    return progress_of_each(reader, [task_id])[task_id]


def progress_of_each(reader: Reader, task_ids: Sequence[int]) -> dict[int, Progress]:
    """How far each of these tasks is, in one look."""
    found = {task_id: Progress(counts={}, failures=0, effects={}) for task_id in task_ids}
    marks = ", ".join("?" * len(task_ids))
    # Nothing but question marks is put in. Those that another one made up for do not count.
    sql = f"""SELECT task_id, state, status, effect, count(*) FROM commands
        WHERE task_id IN ({marks}) AND command_id NOT IN
            (SELECT follows FROM commands WHERE task_id IN ({marks}) AND follows IS NOT NULL)
        GROUP BY task_id, state, status, effect"""  # noqa: S608
    for row in reader.rows(sql, [*task_ids, *task_ids]):
        task_id, state, status, effect, count = msgspec.convert(row, _Counted)
        so_far = found[task_id]
        so_far.counts[state] = so_far.counts.get(state, 0) + count
        if effect is not EffectState.NONE:
            so_far.effects[effect] = so_far.effects.get(effect, 0) + count
        if has_failed(state, status, effect):
            found[task_id] = msgspec.structs.replace(so_far, failures=so_far.failures + count)
    return found


def _digest(requests: Mapping[str, Draft]) -> str:
    shown = sorted((name, draft.action, draft.request) for name, draft in requests.items())
    return blake2b(msgspec.json.encode(shown), digest_size=16).hexdigest()


def _all(reader: Reader, sql: str, parameters: list[SqlValue]) -> list[TaskRecord]:
    return [TaskRecord.of(row) for row in reader.rows(_SELECT + sql, parameters)]

"""Commands: what charge points are asked to do, how far that has come, and what it brought about.

Each change goes with its event. Not here: when one is sent, and what counts as its effect
(services); tasks over many charge points (tasks).
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

import msgspec

from ocpptrio.errors import KeyInUse, LocalProtocolError, TooLate, TooManyCalls, UnknownCommand
from ocpptrio.events import CommandChanged
from ocpptrio.protocol.actions import Role, encode, spec_of
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.redaction import redact
from ocpptrio.store.driver import Db, Reader, Row, SqlValue
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState

# Commands waiting for one charge point: days of a busy one; more is a mistake in a loop.
QUEUE_LENGTH: Final = 1000
ROWS_PER_STATEMENT: Final = 400
EXPIRED_AT_ONCE: Final = 500  # some 10 ms, for which other writers wait

_SELECT = "SELECT * FROM commands"
_OPEN = "('none', 'awaited')"  # effects of which more can become

# State -> the states that it may come after. There is no way back.
COMES_AFTER: Final[Mapping[CommandState, frozenset[CommandState]]] = {
    CommandState.SENT: frozenset({CommandState.QUEUED}),
    CommandState.ANSWERED: frozenset({CommandState.SENT, CommandState.TIMED_OUT}),
    CommandState.REFUSED: frozenset({CommandState.SENT, CommandState.TIMED_OUT}),
    CommandState.TIMED_OUT: frozenset({CommandState.SENT}),
    CommandState.UNKNOWN: frozenset({CommandState.SENT}),
    CommandState.FAILED: frozenset(
        {CommandState.QUEUED, CommandState.SENT, CommandState.TIMED_OUT}
    ),
    CommandState.EXPIRED: frozenset({CommandState.QUEUED}),
    CommandState.CANCELLED: frozenset({CommandState.QUEUED}),
}


class Draft(msgspec.Struct, frozen=True):
    """A request as it is stored.

    Attributes:
        request: payload as JSON, secrets redacted.
        secret_request: the true payload, if that is another.
    """

    action: str
    request: str
    secret_request: str | None


def draft(request: Request[Message]) -> Draft:
    """Check a request, and make it ready to be stored.

    Raises:
        LocalProtocolError: it is none that a central system sends, or a value breaks a limit.
    """
    spec = spec_of(request)
    if Role.CENTRAL_SYSTEM not in spec.senders:
        raise LocalProtocolError(f"a central system does not send {spec.name}")
    payload = encode(request).decode()
    shown = redact(spec.name, payload)
    return Draft(spec.name, shown, None if shown == payload else payload)


def insert(
    db: Db,
    draft: Draft,
    *,
    charge_point_id: str,
    at_us: int,
    expires_at_us: int | None = None,
    idempotency_key: str | None = None,
    task_id: int | None = None,
    follows: int | None = None,
    requested_by: str | None = None,
) -> int:
    """Keep a command that is to be sent; returns its id.

    Args:
        expires_at_us: it waits for its charge point until then; None: its sender waits for it.
        requested_by: as the audit log has it; None: ourselves, or the command line.
    """
    (record,) = _changed(
        db,
        """INSERT INTO commands (charge_point_id, action, request, secret_request, state,
            created_at_us, expires_at_us, idempotency_key, task_id, follows, requested_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *""",
        [
            charge_point_id,
            draft.action,
            draft.request,
            # One that its sender waits for needs no copy.
            None if expires_at_us is None else draft.secret_request,
            CommandState.QUEUED,
            at_us,
            expires_at_us,
            idempotency_key,
            task_id,
            follows,
            requested_by,
        ],
        at_us,
    )
    return record.command_id


def queue(
    db: Db,
    draft: Draft,
    *,
    charge_point_id: str,
    at_us: int,
    expires_at_us: int,
    idempotency_key: str | None = None,
    requested_by: str | None = None,
) -> int:
    """Keep a command until its charge point is there; returns its id.

    Raises:
        KeyInUse: the idempotency key stands for another request.
        TooManyCalls: QUEUE_LENGTH commands wait for this charge point already.
    """
    if idempotency_key is not None:
        found = db.row(
            _SELECT + " WHERE charge_point_id = ? AND idempotency_key = ?",
            [charge_point_id, idempotency_key],
        )
        if found is not None:
            return _same(CommandRecord.of(found), draft)
    if len(queued_of(db, charge_point_id)) >= QUEUE_LENGTH:
        raise TooManyCalls(
            f"{QUEUE_LENGTH} commands wait for {charge_point_id} already; cancel some, or wait"
        )
    return insert(
        db,
        draft,
        charge_point_id=charge_point_id,
        at_us=at_us,
        expires_at_us=expires_at_us,
        idempotency_key=idempotency_key,
        requested_by=requested_by,
    )


def _same(record: CommandRecord, draft: Draft) -> int:
    same = (record.action, record.request) == (draft.action, draft.request) and (
        record.secret_request is None or record.secret_request == draft.secret_request
    )
    if not same:
        raise KeyInUse(
            f"key {record.idempotency_key!r} stands for command {record.command_id} "
            f"({record.action}) to {record.charge_point_id}; take a new key for a new request"
        )
    return record.command_id


def insert_members(
    db: Db,
    members: Iterable[tuple[str, Draft]],
    *,
    task_id: int,
    at_us: int,
    expires_at_us: int,
    requested_by: str | None = None,
) -> None:
    """Queue the commands of a task. No events: there may be thousands, and the task has its own."""
    rows: list[Row] = [
        (
            charge_point_id,
            draft.action,
            draft.request,
            draft.secret_request,
            CommandState.QUEUED,
            at_us,
            expires_at_us,
            task_id,
            requested_by,
        )
        for charge_point_id, draft in members
    ]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        some = rows[start : start + ROWS_PER_STATEMENT]
        values = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
        # Nothing but question marks is put in.
        sql = f"""INSERT INTO commands (charge_point_id, action, request, secret_request, state,
            created_at_us, expires_at_us, task_id, requested_by) VALUES {values}"""  # noqa: S608
        db.run(sql, list(chain.from_iterable(some)))


def claim(db: Db, command_id: int, at_us: int) -> bool:
    """Take a command to be sent now: once, whoever else may try. Its secrets are erased.

    Returns False if it was cancelled, has expired, or is claimed already.
    """
    return bool(
        _changed(
            db,
            """UPDATE commands SET state = ?, sent_at_us = ?, secret_request = NULL
            WHERE command_id = ? AND state = ? AND (expires_at_us IS NULL OR expires_at_us > ?)
            RETURNING *""",
            [CommandState.SENT, at_us, command_id, CommandState.QUEUED, at_us],
            at_us,
        )
    )


def settle(
    db: Db,
    command_id: int,
    *,
    state: CommandState,
    at_us: int,
    response: str | None = None,
    status: str | None = None,
    error: str | None = None,
    late: bool = False,
    effect: EffectState = EffectState.NONE,
    effect_detail: str | None = None,
    effect_due_at_us: int | None = None,
    followed: bool = False,
) -> bool:
    """Note what became of a command; False if it had come further already.

    Args:
        effect: what is expected now; one that was seen, or was not seen in time, stays that.
        followed: another command makes up for it, so it is no failure yet.
    """
    before = sorted(COMES_AFTER[state])
    marks = ", ".join("?" * len(before))
    # Words of our own and question marks.
    sql = f"""UPDATE commands SET state = ?, settled_at_us = ?, response = ?, status = ?, error = ?,
            late = ?, secret_request = NULL,
            effect = CASE WHEN effect IN {_OPEN} THEN ? ELSE effect END,
            effect_detail = CASE WHEN effect IN {_OPEN} THEN ? ELSE effect_detail END,
            effect_due_at_us = CASE WHEN effect IN {_OPEN} THEN ? ELSE effect_due_at_us END
        WHERE command_id = ? AND state IN ({marks}) RETURNING *"""  # noqa: S608
    parameters: list[SqlValue] = [
        state,
        at_us,
        response,
        status,
        error,
        int(late),
        effect,
        effect_detail,
        effect_due_at_us,
        command_id,
        *before,
    ]
    return bool(_changed(db, sql, parameters, at_us, followed=followed))


def set_effect(
    db: Db,
    command_id: int,
    effect: EffectState,
    *,
    at_us: int,
    detail: str | None = None,
    transaction_id: int | None = None,
) -> bool:
    """Note what was seen of an effect that is awaited; False if none is."""
    return bool(
        _changed(
            db,
            """UPDATE commands SET effect = ?, effect_detail = coalesce(?, effect_detail),
                effect_at_us = ?, transaction_id = ?
            WHERE command_id = ? AND effect = ? RETURNING *""",
            [effect, detail, at_us, transaction_id, command_id, EffectState.AWAITED],
            at_us,
        )
    )


def cancel(db: Db, command_id: int, at_us: int) -> CommandRecord:
    """Withdraw a command that is not sent yet.

    Raises:
        UnknownCommand: there is none with this number.
        TooLate: it is sent, or settled.
    """
    cancelled = _withdraw(db, "command_id = ?", [command_id], CommandState.CANCELLED, at_us)
    if cancelled:
        return cancelled[0]
    record = get(db, command_id)
    if record is None:
        raise UnknownCommand(f"there is no command {command_id}")
    raise TooLate(f"command {command_id} is {record.state}: only a queued one can be cancelled")


def cancel_members(db: Db, task_id: int, at_us: int) -> int:
    """Withdraw the commands of a task that are not sent yet; returns how many. Without events."""
    rows = db.rows(
        """UPDATE commands SET state = ?, settled_at_us = ?, secret_request = NULL
        WHERE task_id = ? AND state = ? AND settled_at_us IS NULL RETURNING command_id""",
        [CommandState.CANCELLED, at_us, task_id, CommandState.QUEUED],
    )
    return len(rows)


def expire(db: Db, now_us: int) -> int:
    """Withdraw what has waited for too long, a slice at a time; returns how many."""
    return len(
        _withdraw(
            db,
            """command_id IN (SELECT command_id FROM commands
                WHERE settled_at_us IS NULL AND state = ? AND expires_at_us <= ?
                ORDER BY command_id LIMIT ?)""",
            [CommandState.QUEUED, now_us, EXPIRED_AT_ONCE],
            CommandState.EXPIRED,
            now_us,
        )
    )


def _withdraw(
    db: Db, which: str, parameters: list[SqlValue], state: CommandState, at_us: int
) -> list[CommandRecord]:
    # Conditions of our own and question marks.
    sql = f"""UPDATE commands SET state = ?, settled_at_us = ?, secret_request = NULL
        WHERE {which} AND state = ? RETURNING *"""  # noqa: S608
    return _changed(db, sql, [state, at_us, *parameters, CommandState.QUEUED], at_us)


def _changed(
    db: Db, sql: str, parameters: list[SqlValue], at_us: int, *, followed: bool = False
) -> list[CommandRecord]:
    """Change commands and tell of each; the statement returns them as they are now."""
    changed = [CommandRecord.of(row) for row in db.rows(sql, parameters)]
    for record in changed:
        db.emit(
            CommandChanged(
                charge_point_id=record.charge_point_id,
                at_us=at_us,
                command_id=record.command_id,
                action=record.action,
                state=record.state,
                detail=record.response or record.error,
                expires_at_us=record.expires_at_us,
                effect=record.effect,
                effect_detail=record.effect_detail,
                transaction_id=record.transaction_id,
                task_id=record.task_id,
                failed=record.failed and not followed,
            )
        )
    return changed


def get(reader: Reader, command_id: int) -> CommandRecord | None:
    found = reader.row(_SELECT + " WHERE command_id = ?", [command_id])
    return None if found is None else CommandRecord.of(found)


def follower(reader: Reader, command_id: int) -> CommandRecord | None:
    """The command that makes up for this one, if there is one."""
    # Of a younger command to the same charge point: its index is enough.
    sql = """ WHERE follows = ? AND command_id > ? AND charge_point_id =
        (SELECT charge_point_id FROM commands WHERE command_id = ?)"""
    found = reader.row(_SELECT + sql, [command_id] * 3)
    return None if found is None else CommandRecord.of(found)


def of(reader: Reader, charge_point_id: str, limit: int = 100) -> list[CommandRecord]:
    """The last commands to a charge point, newest first."""
    return listed(reader, charge_point_id=charge_point_id, limit=limit)


def listed(
    reader: Reader,
    *,
    charge_point_id: str | None = None,
    state: CommandState | None = None,
    task_id: int | None = None,
    action: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[CommandRecord]:
    """Those that fit all that is given, newest first; `before` is a command's number."""
    filters: dict[str, SqlValue] = {
        "charge_point_id = ?": charge_point_id,
        "state = ?": state,
        "task_id = ?": task_id,
        "action = ?": action,
        "command_id < ?": before,
    }
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    where = " WHERE " + " AND ".join(chosen) if chosen else ""
    sql = _SELECT + where + " ORDER BY command_id DESC LIMIT ?"
    return _all(reader, sql, [*chosen.values(), limit])


def of_transaction(reader: Reader, transaction_id: int) -> list[CommandRecord]:
    """The commands that began or ended a transaction, oldest first."""
    sql = _SELECT + " WHERE transaction_id = ? ORDER BY command_id"
    return _all(reader, sql, [transaction_id])


def queued_of(reader: Reader, charge_point_id: str) -> list[CommandRecord]:
    """What waits for a charge point to be there, oldest first."""
    sql = """ WHERE charge_point_id = ? AND settled_at_us IS NULL AND state = ?
        AND expires_at_us IS NOT NULL ORDER BY command_id"""
    return _all(reader, _SELECT + sql, [charge_point_id, CommandState.QUEUED])


def unsettled(reader: Reader) -> list[CommandRecord]:
    """Those that are queued or sent, oldest first."""
    return _all(reader, _SELECT + " WHERE settled_at_us IS NULL ORDER BY command_id", [])


def next_expiry_us(reader: Reader) -> int | None:
    """When the first of those that wait expires."""
    ((first,),) = reader.rows(
        "SELECT min(expires_at_us) FROM commands WHERE settled_at_us IS NULL AND state = ?",
        [CommandState.QUEUED],
    )
    assert first is None or isinstance(first, int)
    return first


def awaited(reader: Reader) -> list[CommandRecord]:
    """Those whose effect has still to be seen, oldest first."""
    return _all(reader, _SELECT + " WHERE effect = 'awaited' ORDER BY command_id", [])


def members(reader: Reader, task_id: int) -> list[CommandRecord]:
    """The commands of a task, each as it stands after those that made up for it; oldest first."""
    everyone = _all(reader, _SELECT + " WHERE task_id = ? ORDER BY command_id", [task_id])
    made_up_for: Collection[int | None] = {record.follows for record in everyone}
    return [record for record in everyone if record.command_id not in made_up_for]


def _all(reader: Reader, sql: str, parameters: list[SqlValue]) -> list[CommandRecord]:
    return [CommandRecord.of(row) for row in reader.rows(sql, parameters)]

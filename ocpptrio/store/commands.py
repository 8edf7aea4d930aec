"""CALLs of ours, and what became of them. Not here: when one is sent (services)."""

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import CommandRecord, CommandState

_SELECT = "SELECT * FROM commands"


def insert(db: Db, *, charge_point_id: str, action: str, request: str, created_at_us: int) -> int:
    """Keep a command that waits for its answer; returns its id."""
    found = db.row(
        """INSERT INTO commands (charge_point_id, action, request, state, created_at_us)
        VALUES (?, ?, ?, ?, ?) RETURNING command_id""",
        [charge_point_id, action, request, CommandState.WAITING, created_at_us],
    )
    assert found is not None
    (command_id,) = found
    assert isinstance(command_id, int)
    return command_id


def settle(
    db: Db,
    command_id: int,
    *,
    state: str,
    settled_at_us: int,
    response: str | None = None,
    error: str | None = None,
    late: bool = False,
) -> None:
    """Note what became of a command, in place of what was known before."""
    db.run(
        """UPDATE commands SET state = ?, settled_at_us = ?, response = ?, error = ?, late = ?
        WHERE command_id = ?""",
        [CommandState(state), settled_at_us, response, error, int(late), command_id],
    )


def get(reader: Reader, command_id: int) -> CommandRecord | None:
    found = reader.row(_SELECT + " WHERE command_id = ?", [command_id])
    return None if found is None else CommandRecord.of(found)


def of(reader: Reader, charge_point_id: str, limit: int = 100) -> list[CommandRecord]:
    """The last commands to a charge point, newest first."""
    sql = _SELECT + " WHERE charge_point_id = ? ORDER BY command_id DESC LIMIT ?"
    return [CommandRecord.of(row) for row in reader.rows(sql, [charge_point_id, limit])]


def waiting(reader: Reader) -> list[CommandRecord]:
    """Those whose end is not known, oldest first; after a crash, nobody waits for them."""
    rows = reader.rows(_SELECT + " WHERE state = 'waiting' ORDER BY command_id")
    return [CommandRecord.of(row) for row in rows]

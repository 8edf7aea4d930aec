"""How commands and their answers are shown."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ocpptrio.cli.output import Columns, Output, joined, print_fields
from ocpptrio.presentation import at, public
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState

COLUMNS: Final[Columns[CommandRecord]] = {
    "id": lambda row: row.command_id,
    "charge point": lambda row: row.charge_point_id,
    "action": lambda row: row.action,
    "state": lambda row: joined(row.state, "(late)" if row.late else None),
    "answer": lambda row: row.status,
    "effect": lambda row: effect(row),
    "created": lambda row: at(row.created_at_us),
    "task": lambda row: row.task_id,
}


def print_table(rows: Sequence[CommandRecord], output: Output, *, empty: str) -> None:
    output.table(rows, COLUMNS, empty=empty, view=view)


def print_whole(record: CommandRecord, follower: CommandRecord | None, output: Output) -> None:
    """One command with all that is known of it."""
    if output.json:
        output.document(
            view(record) | {"followed_by": None if follower is None else follower.command_id}
        )
        return
    waits = record.state is CommandState.QUEUED
    print_fields(
        {
            "command": record.command_id,
            "charge point": record.charge_point_id,
            "action": record.action,
            "request": record.request,
            "state": joined(record.state, "(late)" if record.late else None),
            "answer": record.response,
            "why": record.error,
            "effect": effect(record),
            "effect seen": at(record.effect_at_us) if record.effect is EffectState.SEEN else None,
            "effect awaited until": at(record.effect_due_at_us)
            if record.effect is EffectState.AWAITED
            else None,
            "transaction": record.transaction_id,
            "created": at(record.created_at_us),
            "expires": at(record.expires_at_us) if waits else None,
            "sent": at(record.sent_at_us),
            "settled": at(record.settled_at_us),
            "key": record.idempotency_key,
            "task": record.task_id,
            "makes up for": record.follows,
            "made up for by": None if follower is None else follower.command_id,
        }
    )


def view(record: CommandRecord) -> dict[str, object]:
    """What programs get of a command: request and answer are JSON in it, not text."""
    return public(record) | {
        "request": msgspec.Raw(record.request.encode()),
        "response": None if record.response is None else msgspec.Raw(record.response.encode()),
        "failed": record.failed,
    }


def effect(record: CommandRecord) -> str:
    """Whether it took effect, and what shows it."""
    if record.effect is EffectState.NONE:
        return ""
    return f"{record.effect}: {record.effect_detail}" if record.effect_detail else record.effect

"""Requests as people write them: an Action and its payload in JSON, checked before it is queued."""

import sys
from difflib import get_close_matches
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import inspect

from ocpptrio.cli.output import Failed
from ocpptrio.errors import LocalProtocolError
from ocpptrio.protocol.actions import ACTIONS, Role
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.store.commands import draft

STDIN: Final = "-"

Payload = Annotated[str, Parameter(allow_leading_hyphen=True)]

OURS: Final = {
    name.casefold(): spec for name, spec in ACTIONS.items() if Role.CENTRAL_SYSTEM in spec.senders
}


def read_request(action: str, payload: str) -> Request[Message]:
    """The request that an Action and a payload mean.

    Args:
        payload: JSON; "-": what is on standard input, where nobody can read it in a list of
            processes.

    Raises:
        Failed: it is none; names the field, the reason, and what fits.
    """
    spec = OURS.get(action.casefold())
    if spec is None:
        raise Failed(_unknown(action))
    if payload == STDIN:
        payload = sys.stdin.read()
    try:
        request: Request[Message] = spec.read_request(payload)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).replace("`", "").partition(" - at ")
        where = f"{path.removeprefix('$.')}: " if path else ""
        reason = reason[:1].lower() + reason[1:]
        raise Failed(f"{spec.name}: {where}{reason}\n{_fields(spec.request)}") from error
    except msgspec.DecodeError as error:
        raise Failed(
            f"{spec.name}: the payload is no JSON: {error}; write for example "
            f"""'{{"key": "value"}}', in single quotes"""
        ) from error
    try:
        draft(request)
    except LocalProtocolError as error:
        raise Failed(str(error)) from error
    return request


def _unknown(action: str) -> str:
    if action.casefold() in map(str.casefold, ACTIONS):
        return f"{action}: only charge points send that"
    near = get_close_matches(action.casefold(), OURS, n=1)
    if near:
        return f"{action}: unknown; did you mean {OURS[near[0]].name}?"
    known = ", ".join(sorted(spec.name for spec in OURS.values()))
    return f"{action}: unknown; known are {known}"


def _fields(request: type[Request[Message]]) -> str:
    """What a request consists of, in a line."""
    kind = inspect.type_info(request)
    assert isinstance(kind, inspect.StructType)
    fields = [
        field.encode_name + _choices(field.type) + ("" if field.required else " (optional)")
        for field in kind.fields
    ]
    return f"{request.__name__} has: {', '.join(fields) or 'no fields'}"


def _choices(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.EnumType):
        return f" = {' | '.join(kind.cls)}"
    if isinstance(kind, inspect.UnionType):
        return "".join(_choices(one) for one in kind.types)
    return ""

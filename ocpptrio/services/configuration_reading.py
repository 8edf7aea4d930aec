"""Reading the configuration of a charge point: all of it, or named keys in slices.

What comes is in the mirror when the functions return. Not here: when to read (provisioning).
"""

from collections.abc import Awaitable, Collection
from typing import Protocol, TypeVar

from ocpptrio.errors import CallRefused, InvalidResponse
from ocpptrio.protocol.core import GetConfiguration, GetConfigurationResponse
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.session.registry import Session

ResponseT = TypeVar("ResponseT", bound=Message)


class Call(Protocol):
    """Sends a CALL, and keeps what the answer tells; `CommandService.call`."""

    def __call__(
        self, session: Session, request: Request[ResponseT], timeout_s: float | None
    ) -> Awaitable[ResponseT]: ...


async def read_all(call: Call, session: Session, names: Collection[str]) -> None:
    """Ask for all keys, then by name for those of `names` that did not come (OCPP 1.6, 5.8).

    A charge point that refuses to list all of them is asked for `names` alone.

    Raises:
        CallFailed: it does not answer.
    """
    try:
        # Without `key`, not with an empty one (Q54).
        response = await call(session, GetConfiguration(), None)
    except (CallRefused, InvalidResponse):
        response = GetConfigurationResponse()
    told = {entry.key.casefold() for entry in response.configuration_key or ()}
    told |= {key.casefold() for key in response.unknown_key or ()}
    await read_some(call, session, [name for name in names if name.casefold() not in told])


async def read_some(call: Call, session: Session, names: Collection[str]) -> None:
    """Ask for these keys, no more at a time than the charge point announced; else one by one.

    Raises:
        CallFailed: it does not answer.
    """
    names, size = list(names), max_keys(session) or 1
    for start in range(0, len(names), size):
        some = tuple(names[start : start + size])
        try:
            await call(session, GetConfiguration(key=some), None)
        except (CallRefused, InvalidResponse):
            continue  # what it does not report cannot be compared; its word will have to do


def max_keys(session: Session) -> int | None:
    """How many keys one GetConfiguration may name; None if it did not say."""
    for key, value in session.state.configuration.items():
        if key.casefold() == "getconfigurationmaxkeys":
            text = (value or "").strip()
            return int(text) if text.isdecimal() and int(text) > 0 else None
    return None

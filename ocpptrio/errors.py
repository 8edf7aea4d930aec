"""Every exception that ocpptrio raises on purpose, as one tree. Nothing else lives here.

OcpptrioError
├── ConfigError            a setting is wrong; says which, where, and what to do
├── StoreError             the database cannot be used as it is
├── CannotDecide           a decision about a transaction does not fit it; says why
├── TagError               an idTag or a group of them cannot be what was asked
├── LocalProtocolError     we were about to break OCPP ourselves: a bug of the caller
├── RemoteProtocolError    the other side broke OCPP; carries the errorCode to answer with
├── CommandError           a command or task cannot be what was asked; see its kinds below
├── WebhookError           a webhook cannot be what was asked
│   └── UnknownWebhook     there is none with this number
├── UnknownAlert           there is no alert with this number
└── CallFailed             a CALL of ours did not get its response
    ├── NotConnected       no connection, or it ended before the answer came
    ├── CallTimedOut       no answer in time; it may still arrive, and is recorded if it does
    ├── CallRefused        answered with a CALLERROR
    ├── InvalidResponse    answered with something that cannot be read
    ├── NotAllowedNow      the registration of the charge point forbids this CALL
    ├── TooManyCalls       too many CALLs wait for this charge point already
    └── Withdrawn          cancelled or expired before it was sent
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """The errorCodes of a CALLERROR (OCPP-J 1.6, 4.2.3), misspelt where the specification is."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


class OcpptrioError(Exception):
    """Base of everything that ocpptrio raises on purpose."""


class ConfigError(OcpptrioError):
    """A setting is wrong; the message names file, key, reason and remedy."""


class StoreError(OcpptrioError):
    """The database cannot be used as it is; the message says what to do."""


class CannotDecide(OcpptrioError):
    """A person's decision about a transaction does not fit it; the message says why."""


class TagError(OcpptrioError):
    """An idTag or a group of idTags cannot be what was asked."""


class UnknownTag(TagError):
    """There is no such idTag, or no such group of idTags."""


class TagConflict(TagError):
    """It does not fit what is there: the message says what, and what to do."""


class CannotImport(TagError):
    """A file has mistakes, and nothing of it was taken; each one is told with its line.

    Attributes:
        errors: line and what is wrong there.
    """

    def __init__(self, source: str, errors: Sequence[tuple[int, str]]) -> None:
        lines = [f"{source} line {line}: {reason}" for line, reason in errors]
        super().__init__("\n".join([*lines, f"{source}: nothing was imported"]))
        self.errors = tuple(errors)


class LocalProtocolError(OcpptrioError):
    """We were about to send or do what OCPP does not allow; the caller has a bug."""


class RemoteProtocolError(OcpptrioError):
    """The other side sent what OCPP does not allow, or asked for what we must refuse.

    Raised by a handler, it becomes the CALLERROR that answers the CALL.
    """

    def __init__(
        self, code: ErrorCode, description: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        # Any: errorDetails is free-form JSON (OCPP-J 1.6, 4.2.3).
        self.details = dict(details or {})

    def __str__(self) -> str:
        return f"{self.code}: {self.description}"


class CallFailed(OcpptrioError):
    """A CALL of ours did not get its response."""


class NotConnected(CallFailed):
    """There is no connection, or it ended before the answer came."""


class CallTimedOut(CallFailed):
    """No answer came in time. The charge point may have acted all the same."""


class CallRefused(CallFailed):
    """The charge point answered with a CALLERROR.

    Attributes:
        code: the errorCode as it came; not every device keeps to `ErrorCode`.
        description: its errorDescription, possibly empty.
        details: its errorDetails, possibly empty.
    """

    def __init__(self, code: str, description: str = "", details: Any = None) -> None:
        super().__init__(code, description, details)
        self.code = code
        self.description = description
        self.details = details if details is not None else {}

    def __str__(self) -> str:
        return f"{self.code}: {self.description}" if self.description else self.code


class InvalidResponse(CallFailed):
    """The charge point answered with something that cannot be read as the response."""


class NotAllowedNow(CallFailed):
    """The registration of the charge point forbids this CALL (OCPP 1.6, 4.2)."""


class TooManyCalls(CallFailed):
    """Too many CALLs wait for this charge point already; slow down or wait for answers."""


class Withdrawn(CallFailed):
    """The command was cancelled, or it expired, before it was sent."""


class CommandError(OcpptrioError):
    """A command or a task cannot be what was asked."""


class UnknownChargePoint(CommandError):
    """No such charge point is registered; add it first, or mend the identity."""


class UnknownCommand(CommandError):
    """There is no command or task with this number; it may have outlived its retention."""


class KeyInUse(CommandError):
    """The idempotency key stands for another request; take a new key for a new request."""


class TooLate(CommandError):
    """The command has been sent, or is settled: it cannot be cancelled any more."""


class WebhookError(OcpptrioError):
    """A webhook cannot be what was asked; the message says why."""


class UnknownWebhook(WebhookError):
    """There is no webhook with this number."""


class UnknownAlert(OcpptrioError):
    """There is no alert with this number; it may have outlived its retention."""


def first_of(error: BaseException) -> BaseException:
    """The error; of a group of errors, whatever these hold, the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

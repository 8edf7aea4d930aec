"""Errors as people and programs get them: problem+json (RFC 9457), which says what to do.

Routes raise what the services raise, or a `Problem`. Not here: which route answers which status
(openapi).
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException

from ocpptrio.api.given import AnyRequest
from ocpptrio.errors import (
    CallFailed,
    CannotDecide,
    CannotImport,
    CommandError,
    KeyInUse,
    LocalProtocolError,
    OcpptrioError,
    StoreError,
    TagConflict,
    TooLate,
    TooManyCalls,
    UnknownAlert,
    UnknownChargePoint,
    UnknownCommand,
    UnknownTag,
    UnknownWebhook,
    WebhookError,
)
from ocpptrio.services.access import LastAdmin, LoginRefused, TooManyTries

MEDIA_TYPE: Final = "application/problem+json"
_NAMED: Final = re.compile(r"(?:unknown|required) field (\S+)$")

log = structlog.get_logger("ocpptrio.api")


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field, or parameter."""

    field: str
    reason: str


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, and what to do about it (RFC 9457).

    Attributes:
        see: for programs: the request that mends it, or tells more.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: tuple[FieldError, ...] = ()
    see: str = ""


class Problem(OcpptrioError):
    """Answer with this status; see `ProblemDetails`.

    The detail says what to do in words for everybody: people read it in the dashboard and on the
    command line, too. Requests stand in `see`.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        see: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.see = see
        self.headers = dict(headers or {})


def not_found(what: str, *, see: str = "") -> Problem:
    """404 for something that is named, and where to look."""
    return Problem(HTTPStatus.NOT_FOUND, what, see=see)


def conflict(detail: str, *, see: str = "") -> Problem:
    """409: it does not fit what is there."""
    return Problem(HTTPStatus.CONFLICT, detail, see=see)


def bad_request(detail: str, *, field: str | None = None) -> Problem:
    """400: it cannot be understood, or breaks a limit."""
    errors = () if field is None else (FieldError(field, detail),)
    return Problem(HTTPStatus.BAD_REQUEST, detail, errors=errors)


# What services raise -> the status that it means; the first that fits.
_STATUS: Final[tuple[tuple[type[OcpptrioError], HTTPStatus], ...]] = (
    (UnknownChargePoint, HTTPStatus.NOT_FOUND),
    (UnknownCommand, HTTPStatus.NOT_FOUND),
    (UnknownTag, HTTPStatus.NOT_FOUND),
    (TagConflict, HTTPStatus.CONFLICT),
    (UnknownWebhook, HTTPStatus.NOT_FOUND),
    (UnknownAlert, HTTPStatus.NOT_FOUND),
    (WebhookError, HTTPStatus.BAD_REQUEST),
    (KeyInUse, HTTPStatus.CONFLICT),
    (TooLate, HTTPStatus.CONFLICT),
    (CommandError, HTTPStatus.CONFLICT),
    (CannotDecide, HTTPStatus.CONFLICT),
    (LastAdmin, HTTPStatus.CONFLICT),
    (LoginRefused, HTTPStatus.UNAUTHORIZED),
    (TooManyTries, HTTPStatus.TOO_MANY_REQUESTS),
    (TooManyCalls, HTTPStatus.TOO_MANY_REQUESTS),
    (LocalProtocolError, HTTPStatus.BAD_REQUEST),
    (CallFailed, HTTPStatus.CONFLICT),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
)
RETRY_AFTER_S: Final = 60
ERRORS_SHOWN: Final = 100


def of(error: Exception) -> Problem | None:
    """The problem that an error is; None: a mistake of ours."""
    match error:
        case Problem():
            return error
        case ValidationException():
            errors = tuple(_field_errors(error.extra))
            detail = "; ".join(f"{e.field}: {e.reason}" for e in errors) or error.detail
            return Problem(HTTPStatus.BAD_REQUEST, detail, errors=errors)
        case HTTPException() if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            status = HTTPStatus(error.status_code)
            return Problem(status, error.detail or status.description, headers=error.headers)
        case CannotImport():
            where = tuple(FieldError(f"line {line}", reason) for line, reason in error.errors)
            return Problem(HTTPStatus.BAD_REQUEST, str(error), errors=where[:ERRORS_SHOWN])
        case RecursionError() if "deserializing" in str(error):  # msgspec; any other is ours
            return bad_request("the body is too deep: too many { and [ in one another")
        case ExceptionGroup() if len(error.exceptions) == 1:
            return of(error.exceptions[0])
    for kind, status in _STATUS:
        if isinstance(error, kind):
            retry = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
            headers = {"Retry-After": str(RETRY_AFTER_S)} if retry else {}
            return Problem(status, str(error), headers=headers)
    return None


def answer(request: AnyRequest, error: Exception) -> Response[ProblemDetails]:
    """The answer that tells of an error; what is a mistake of ours goes to the log."""
    problem = of(error)
    if problem is None:
        log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
        problem = Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "something went wrong here; the log of the central system says what",
        )
    return Response(
        ProblemDetails(
            title=problem.status.phrase,
            status=problem.status,
            detail=problem.detail,
            errors=problem.errors,
            see=problem.see,
        ),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def _field_errors(extra: Any) -> list[FieldError]:  # Any: as Litestar gives it
    found = []
    for item in extra if isinstance(extra, list) else ():
        if isinstance(item, dict) and "message" in item:
            # A parameter whose name means something else to Litestar has "_" behind it here.
            where = str(item.get("key", item.get("source", ""))).rstrip("_")
            message = str(item["message"]).replace("`", "")
            found.append(FieldError(field_of(where, message), message))
    return found


def field_of(path: str, reason: str) -> str:
    """The field that is wrong: msgspec gives the path of the object that it is missing in."""
    named = _NAMED.search(reason)
    if named is None:
        return path
    return named[1] if path in ("", "data") else f"{path}.{named[1]}"

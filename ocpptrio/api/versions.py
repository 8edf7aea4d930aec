"""ETag and If-Match: two people who edit the same thing do not undo each other unseen.

A version covers what can be edited, not what changes by itself (last seen, status).
"""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import Response
from litestar.params import HeaderParameter

from ocpptrio.api.problems import Problem

T = TypeVar("T")

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=200,
        description="the ETag that you saw: if it was changed meanwhile, nothing is done (412)",
    ),
]
ANY: Final = "*"


def etag(version: object) -> str:
    """The tag of a version: of whatever JSON can hold."""
    return f'"{hashlib.blake2b(msgspec.json.encode(version), digest_size=12).hexdigest()}"'


def check(if_match: str | None, version: object) -> None:
    """Nothing is done if the client saw another version.

    Raises:
        Problem: 412.
    """
    if if_match is None or if_match.strip() == ANY:
        return
    # Proxies that compress make an ETag weak; ours are of what is meant, not of bytes.
    if etag(version) not in (tag.strip().removeprefix("W/") for tag in if_match.split(",")):
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            "it was changed since you read it; read it again, and repeat what you meant",
        )


def tagged(body: T, version: Any, *, status: HTTPStatus = HTTPStatus.OK) -> Response[T]:
    """An answer that carries its version."""
    return Response(body, status_code=status, headers={"ETag": etag(version)})

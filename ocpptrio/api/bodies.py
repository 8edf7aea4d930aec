"""Bodies that are read strictly, as the wire would: no text for a number, no unknown field.

Litestar reads leniently ("1" is a 1), which is wrong for what goes to a charge point. A route that
wants this takes `body: RawBody`, and says `opt={BODY: its struct}` for the OpenAPI document.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec

from ocpptrio.api.problems import FieldError, Problem, bad_request, field_of

T = TypeVar("T")

BODY: Final = "body"  # of a route's `opt`: the struct that its body is


def read_body(body: bytes, decode: Callable[[bytes], T]) -> T:
    """What a body says; an empty one is `{}`.

    Raises:
        Problem: 400, which names the field and the reason.
    """
    try:
        return decode(body or b"{}")
    except msgspec.ValidationError as error:
        reason, _, path = str(error).replace("`", "").partition(" - at ")
        field = field_of(path.removeprefix("$").removeprefix("."), reason)
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{field}: {reason}" if field else reason,
            errors=(FieldError(field, reason),),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"the body is no JSON: {error}") from error

"""Lists come in pages: so many items, and a cursor to the next ones. Every list is bounded."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar, cast

import msgspec
from litestar.params import QueryParameter

from ocpptrio.api.problems import bad_request

MOST: Final = 1000  # items of a page
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # what the store can hold

T = TypeVar("T")
RecordT = TypeVar("RecordT")
Key = int | str | tuple[int, ...] | tuple[str, ...]
KeyT = TypeVar("KeyT", bound=Key)

Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="how many items at most")]
Cursor = Annotated[
    str | None,
    # The longest holds an identity of 255 characters, none of them ASCII, and more.
    QueryParameter(description="`next_cursor` of the page before", max_length=4000),
]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None


def cursor_to(key: Key) -> str:
    """The cursor behind the item with this key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str | None, kind: type[KeyT]) -> KeyT | None:
    """The key of the last item of the page before; None for the first page.

    Args:
        kind: of the key; numbers of a tuple are to be Int64.

    Raises:
        Problem: the cursor is none of ours.
    """
    if cursor is None:
        return None
    bounded: Any = Int64 if kind is int else kind  # Any: mypy knows no annotated types
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, b"-_", validate=True)
        return cast("KeyT", msgspec.json.decode(text, type=bounded))
    except (binascii.Error, UnicodeError, ValueError, msgspec.MsgspecError):
        raise bad_request(
            "cursor: take it from next_cursor of the page before, with the same filters",
            field="cursor",
        ) from None


def page(
    records: Sequence[RecordT],
    limit: int,
    key: Callable[[RecordT], Key],
    view: Callable[[RecordT], T],
) -> Page[T]:
    """A page of records, of which one more than `limit` was asked for.

    Args:
        key: what the next page begins behind.
        view: a record as it is shown.
    """
    shown = records[:limit]
    more = len(records) > limit
    return Page([view(record) for record in shown], cursor_to(key(shown[-1])) if more else None)

"""Files that are made while they are sent, page by page: no list is ever whole in memory."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

from litestar.response import Stream

from ocpptrio.store.driver import Reader, Store

T = TypeVar("T")
PAGE = 1000  # rows of one read: short
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")


def download(chunks: AsyncIterator[str], name: str, media_type: str) -> Stream:
    """An answer that browsers save under this name, `_` in place of what not all of them take."""
    headers = {"Content-Disposition": f'attachment; filename="{_ODD.sub("_", name)}"'}
    return Stream(chunks, headers=headers, media_type=media_type)


async def pages(
    store: Store, read: Callable[[Reader, T | None], Sequence[T]]
) -> AsyncIterator[Sequence[T]]:
    """All pages of a list.

    Args:
        read: the page behind this row; without one, the first.
    """
    last: T | None = None
    while True:
        behind = last
        found = await store.read(lambda reader: read(reader, behind))  # noqa: B023 - awaited here
        if not found:
            return
        yield found
        last = found[-1]

"""Files that are made while they are sent, page by page: no list is ever whole in memory."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from litestar.response import Stream

from ocpptrio.store.driver import Reader, Store

T = TypeVar("T")
PAGE = 1000  # rows of one read: short


def download(chunks: AsyncIterator[str], name: str, media_type: str) -> Stream:
    """An answer that browsers save under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
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

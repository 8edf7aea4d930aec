"""Files that are made while they are sent, page by page: no list is ever whole in memory."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

from litestar.response import Stream

from ocpptrio.store.driver import Reader, Store

T = TypeVar("T")
PAGE = 1000  # rows of one read: short


def download(chunks: AsyncIterator[str], name: str, media_type: str) -> Stream:
    """An answer that browsers save under this name.

    Args:
        name: may hold any text, as an identity does; what no file can be called becomes "-".
    """
    safe = re.sub(r"[^\w.@+ -]", "-", name)
    plain = safe.encode("ascii", "replace").decode().replace("?", "-")
    # The second is for names beyond ASCII (RFC 6266, 4.3).
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe)}"
    return Stream(chunks, headers={"Content-Disposition": disposition}, media_type=media_type)


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

"""Long polls: a request that waits for something to happen, for so long and no longer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import trio
from litestar.params import HeaderParameter, QueryParameter

from ocpptrio.api.given import AnyRequest

T = TypeVar("T")

LONGEST_S: Final = 120  # proxies cut a request that says nothing for longer
YEAR_S: Final = 365 * 86_400

WaitS = Annotated[
    float | None,
    QueryParameter(
        ge=0,
        le=LONGEST_S,
        description="s to wait for it at most; 0: not at all",
        schema_extra={"minimum": 0},  # which Litestar leaves out
    ),
]
ExpiresInS = Annotated[
    float | None,
    QueryParameter(
        ge=1,
        le=YEAR_S,
        description="s: what is not sent by then is not sent at all; default: `[commands] expiry`",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="the same key with the same request is carried out once, however often it is "
        "sent; with another request: 409",
    ),
]


async def within(request: AnyRequest, wait_s: float, wait: Callable[[], Awaitable[T]]) -> T | None:
    """What `wait` returns; None if that takes too long, or if the API is being closed."""
    closing: trio.Event = request.state.api.closing
    if wait_s <= 0 or closing.is_set():
        return None
    found: T | None = None

    async def give_up() -> None:
        await closing.wait()
        nursery.cancel_scope.cancel()

    with trio.move_on_after(wait_s):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_up)
            found = await wait()
            nursery.cancel_scope.cancel()
    return found

"""The socket stream: first reads, sends of several tasks, and what a send that was cut leaves."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpptrio.stream import SocketStream

MUCH = 4_000_000  # bytes: more than the kernel takes at once


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[SocketStream, trio.SocketStream]]:
    """Our stream and the other end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = await trio.open_tcp_stream("127.0.0.1", server.getsockname()[1])
        ours = SocketStream(server.accept()[0], "127.0.0.1")
    async with ours, theirs:
        yield ours, theirs


async def read(stream: trio.SocketStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await stream.receive_some(count - len(data))
    return data


async def test_the_first_read_finds_what_is_there_or_waits() -> None:
    async with pair() as (ours, theirs):
        await theirs.send_all(b"at once")
        assert await ours.receive_some() == b"at once"
    async with pair() as (ours, theirs), trio.open_nursery() as nursery:

        async def say_it_late() -> None:
            await wait_all_tasks_blocked()
            await theirs.send_all(b"late")

        nursery.start_soon(say_it_late)
        assert await ours.receive_some() == b"late"


async def test_what_several_tasks_send_stays_in_one_piece_each() -> None:
    async with pair() as (ours, theirs), trio.open_nursery() as nursery:
        for letter in (b"a", b"b", b"c"):
            nursery.start_soon(ours.send_all, letter * MUCH)
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 3, "the socket is full"
        got = await read(theirs, 3 * MUCH)
    pieces = [got[n * MUCH : (n + 1) * MUCH] for n in range(3)]
    assert sorted(pieces) == [b"a" * MUCH, b"b" * MUCH, b"c" * MUCH]


async def test_after_a_send_that_was_cut_nothing_more_is_sent() -> None:
    async with pair() as (ours, _):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.send_all, b"x" * MUCH)
                await wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught
        with pytest.raises(trio.BrokenResourceError, match="cut short"):
            await ours.send_all(b"after half a message")


async def test_who_waits_behind_a_send_that_is_cut_does_not_send() -> None:
    async with pair() as (ours, _), trio.open_nursery() as nursery:
        cut = trio.CancelScope()

        async def first() -> None:
            with cut:
                await ours.send_all(b"x" * MUCH)

        async def second() -> None:
            with pytest.raises(trio.BrokenResourceError, match="cut short"):
                await ours.send_all(b"after half a message")

        nursery.start_soon(first)
        await wait_all_tasks_blocked()
        nursery.start_soon(second)
        await wait_all_tasks_blocked()
        cut.cancel()

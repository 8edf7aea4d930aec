"""Past trio-websocket, all is read and written as through it, however the bytes are cut."""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed

from ocpptrio import opening
from ocpptrio.connection import Transport
from ocpptrio.listener import Link
from ocpptrio.stream import SocketStream
from ocpptrio.websocket import SHORT, ShortWay, wrap_server_stream

UPGRADE = (
    b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
LONGEST = 80_000  # bytes of a message


class Frame(bytes):
    """Bytes whose representation stays short."""

    def __repr__(self) -> str:
        return f"{bytes(self[:40])!r} ({len(self)} bytes)"


def frame(first: int, payload: bytes, *, mask: bytes | None = b"\x01\x80\xff\x3c") -> Frame:
    masked = 0 if mask is None else 0x80
    length = len(payload)
    if length < 126:
        head = bytes((first, masked | length))
    elif length < 65_536:
        head = bytes((first, masked | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + length.to_bytes(8, "big")
    if mask is None:
        return Frame(head + payload)
    return Frame(head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)))


CLOSE = frame(0x88, struct.pack("!H", 1000))


class Told(NamedTuple):
    """What a connection made of what it got: messages, how it ended, and what it sent."""

    messages: list[str | bytes]
    closed: list[int | None]
    sent: bytes


async def opened(
    nursery: trio.Nursery, stream: trio.abc.Stream, *, by_short_way: bool
) -> Transport:
    """The server's end of a connection, when it has read the request."""
    head = b""
    while not head or not opening.is_whole(head):
        head += await stream.receive_some()
    short = ShortWay(stream, head)
    proposal = await wrap_server_stream(
        nursery,
        short if by_short_way else stream,
        head,
        message_queue_size=100,
        max_message_size=LONGEST,
    )
    websocket = await proposal.accept()
    if not by_short_way:
        return websocket
    return Link(websocket, short, cast("SocketStream", stream), "memory")


def served(
    chunks: Sequence[bytes], *, by_short_way: bool, request: Sequence[bytes] = (UPGRADE,)
) -> Told:
    """Feed the chunks, one at a time, to a server; then the client goes away."""
    return trio.run(_served, chunks, by_short_way, request)


async def _served(chunks: Sequence[bytes], by_short_way: bool, request: Sequence[bytes]) -> Told:
    ours, theirs = memory_stream_pair()
    messages: list[str | bytes] = []
    ends: list[int | None] = []

    async def serve(nursery: trio.Nursery) -> None:
        transport = await opened(nursery, ours, by_short_way=by_short_way)
        try:
            while True:
                messages.append(await transport.get_message())
        except ConnectionClosed as closed:
            ends.append(None if closed.reason is None else closed.reason.code)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, nursery)
            for chunk in (*request, *chunks):
                try:
                    await theirs.send_all(chunk)
                except trio.BrokenResourceError:
                    break  # the server has hung up
                await wait_all_tasks_blocked()
            await theirs.send_stream.aclose()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await ours.aclose()
        sent = b"".join([part async for part in theirs])
    return Told(messages, ends, sent)


def cut(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    start = 0
    for length in [*cuts, len(data)]:
        if start < len(data):
            yield data[start : start + length]
            start += length


texts = st.text(max_size=200)
payloads = st.binary(max_size=130)
frames = st.one_of(
    texts.map(lambda text: frame(0x81, text.encode())),
    st.sampled_from(
        [("", 0), ("x", 125), ("x", 126), ("é", 200), ("x", SHORT), ("x", SHORT + 1)]
    ).map(lambda text: frame(0x81, (text[0] * text[1]).encode())),
    payloads.map(lambda data: frame(0x89, data[:125])),
    payloads.map(lambda data: frame(0x8A, data[:125])),
)
odd_frames = st.one_of(
    frames,
    st.tuples(texts, texts).map(
        lambda parts: frame(0x01, parts[0].encode()) + frame(0x80, parts[1].encode())
    ),
    st.tuples(texts, payloads.map(lambda data: data[:125]), texts).map(
        lambda parts: (
            frame(0x01, parts[0].encode()) + frame(0x89, parts[1]) + frame(0x80, parts[2].encode())
        )
    ),
    payloads.map(lambda data: frame(0x82, data)),
    st.just(frame(0x81, b"text", mask=None)),
    st.just(frame(0x89, b"x" * 126)),  # longer than a ping may be
    st.just(b"\x81\xfe\x00\x05" + frame(0x81, b"short")[2:]),  # a length in more bytes than needed
    st.just(frame(0xC1, b"reserved bit")),
    st.just(frame(0x83, b"no such opcode")),
    st.just(frame(0x01, b"begun")),
    st.just(frame(0x80, b"continued")),
    st.just(CLOSE),
    payloads,
)


@settings(max_examples=250)
@given(st.lists(odd_frames, max_size=6), st.lists(st.integers(1, 400), max_size=20))
def test_whatever_comes_is_read_as_trio_websocket_reads_it(
    sent: list[bytes], cuts: list[int]
) -> None:
    chunks = list(cut(b"".join(sent), cuts))
    assert served(chunks, by_short_way=True) == served(chunks, by_short_way=False)


@given(st.lists(frames, max_size=2), st.lists(st.integers(1, 60_000), max_size=4))
@settings(max_examples=20)
def test_a_message_that_is_too_long_is_refused_alike(before: list[bytes], cuts: list[int]) -> None:
    chunks = list(cut(b"".join(before) + frame(0x81, b"x" * (LONGEST + 1)), cuts))
    told = served(chunks, by_short_way=True)
    assert told == served(chunks, by_short_way=False)
    assert told.closed == [1009]


@settings(max_examples=20)
@given(st.lists(frames.filter(lambda data: len(data) < 500), min_size=1, max_size=3))
def test_byte_by_byte_is_no_different(sent: list[bytes]) -> None:
    data = b"".join(sent) + CLOSE
    chunks = [data[n : n + 1] for n in range(len(data))]
    assert served(chunks, by_short_way=True) == served(chunks, by_short_way=False)


@pytest.mark.parametrize(
    ("request_", "understood"),
    [
        pytest.param((UPGRADE + frame(0x81, b"early"),), True, id="with a frame after it"),
        pytest.param((UPGRADE[:20], UPGRADE[20:]), True, id="in two"),
        pytest.param((UPGRADE[:-2], UPGRADE[-2:]), True, id="cut in its end"),
        pytest.param((UPGRADE.replace(b"\r\n", b"\n"),), True, id="with bare line feeds"),
        # What follows trio-websocket does not take; then neither do we.
        pytest.param(
            (UPGRADE + frame(0x81, b"early")[:3], frame(0x81, b"early")[3:]), False, id="half"
        ),
    ],
)
def test_the_request_may_come_as_it_likes(request_: tuple[bytes, ...], understood: bool) -> None:
    chunks = [frame(0x81, b"later"), frame(0x89, b"ping"), frame(0x81, b"last"), CLOSE]
    told = served(chunks, by_short_way=True, request=request_)
    assert told == served(chunks, by_short_way=False, request=request_)
    assert (told.messages[-2:] == ["later", "last"]) == understood


def test_a_text_that_is_no_utf_8_comes_as_bytes_and_all_goes_on() -> None:
    told = served([frame(0x81, b"tag \xff"), frame(0x81, b"next"), CLOSE], by_short_way=True)
    assert told.messages == [b"tag \xff", "next"]


async def _sent(messages: Sequence[str], *, by_short_way: bool) -> bytes:
    """What a client sees of the server's messages, and of a ping and a close after them."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        await theirs.send_all(UPGRADE)
        transport = await opened(nursery, ours, by_short_way=by_short_way)
        for message in messages:
            await transport.send_message(message)
        nursery.start_soon(transport.aclose, 1001, "bye")
        await wait_all_tasks_blocked()
        with pytest.raises(ConnectionClosed):
            await transport.send_message("late")
        await theirs.send_all(frame(0x88, struct.pack("!H", 1001)))
    return b"".join([part async for part in theirs])


@settings(max_examples=50)
@given(st.lists(st.one_of(texts, st.sampled_from([125, 126, 65_535, 65_536])), max_size=3))
def test_texts_are_written_as_trio_websocket_writes_them(sent: list[str | int]) -> None:
    messages = [text if isinstance(text, str) else "x" * text for text in sent]
    expected = trio.run(lambda: _sent(messages, by_short_way=False))
    assert trio.run(lambda: _sent(messages, by_short_way=True)) == expected


async def test_a_close_of_ours_sees_the_answer_of_the_other_side() -> None:
    """After the last `get_message` trio-websocket reads for itself, what was left included."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        await theirs.send_all(UPGRADE)
        link = await opened(nursery, ours, by_short_way=True)
        answer = frame(0x88, struct.pack("!H", 1000))
        await theirs.send_all(frame(0x81, b"one") + answer[:4])
        assert await link.get_message() == "one"
        nursery.start_soon(link.aclose)
        await wait_all_tasks_blocked()
        assert nursery.child_tasks, "it waits for the answer"
        await theirs.send_all(answer[4:])
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 101")

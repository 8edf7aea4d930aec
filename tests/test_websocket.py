"""The short way reads and writes exactly what wsproto does, however the bytes are cut."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from ocpptrio.websocket import SHORT, ShortWay

UPGRADE = (
    b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(first: int, payload: bytes, *, mask: bytes | None = b"\x01\x80\xff\x3c") -> bytes:
    masked = 0 if mask is None else 0x80
    length = len(payload)
    if length < 126:
        head = bytes((first, masked | length))
    elif length < 65_536:
        head = bytes((first, masked | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + length.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def opened(websocket: WSConnection, trailing: bytes = b"") -> WSConnection:
    websocket.receive_data(UPGRADE + trailing)
    assert isinstance(next(iter(websocket.events())), Request)
    assert websocket.send(AcceptConnection()).startswith(b"HTTP/1.1 101")
    return websocket


def told(websocket: WSConnection, chunks: Iterable[bytes]) -> list[object]:
    """What a reader makes of the chunks: whole messages, control frames, and how it ended."""
    seen: list[object] = []
    text, binary = "", b""
    for chunk in chunks:
        try:
            websocket.receive_data(chunk)
            for event in websocket.events():
                match event:
                    case TextMessage(data=part, message_finished=finished):
                        text += part
                        if finished:
                            seen.append(text)
                            text = ""
                    case BytesMessage(data=part, message_finished=finished):
                        binary += part
                        if finished:
                            seen.append(binary)
                            binary = b""
                    case Ping(payload=payload) | Pong(payload=payload):
                        seen.append((type(event).__name__, bytes(payload)))
                    case CloseConnection(code=code):
                        seen.append(("close", code))
        except (RemoteProtocolError, LocalProtocolError) as error:
            seen.append(type(error).__name__)
            break
        if websocket.state is not ConnectionState.OPEN:
            break  # nobody reads on
    return seen


texts = st.text(max_size=200)
payloads = st.binary(max_size=130)
frames = st.one_of(
    texts.map(lambda text: frame(0x81, text.encode())),
    st.sampled_from(["", "x" * 125, "x" * 126, "é" * 200, "x" * SHORT, "x" * (SHORT + 1)]).map(
        lambda text: frame(0x81, text.encode())
    ),
    st.tuples(texts, texts).map(
        lambda parts: frame(0x01, parts[0].encode()) + frame(0x80, parts[1].encode())
    ),
    st.tuples(texts, payloads.map(lambda data: data[:125]), texts).map(
        lambda parts: (
            frame(0x01, parts[0].encode()) + frame(0x89, parts[1]) + frame(0x80, parts[2].encode())
        )
    ),
    payloads.map(lambda data: frame(0x82, data)),
    payloads.map(lambda data: frame(0x89, data[:125])),
    payloads.map(lambda data: frame(0x8A, data[:125])),
)
odd_frames = st.one_of(
    frames,
    st.just(frame(0x81, b"\xff\xfe")),  # no UTF-8
    st.just(frame(0x81, b"text", mask=None)),
    st.just(frame(0xC1, b"reserved bit")),
    st.just(frame(0x83, b"no such opcode")),
    st.just(frame(0x01, b"begun")),
    st.just(frame(0x80, b"continued")),
    st.just(frame(0x88, struct.pack("!H", 1000))),
    payloads,
)


@settings(max_examples=300)
@given(st.lists(odd_frames, max_size=8), st.lists(st.integers(1, 400), max_size=30))
def test_whatever_comes_is_read_as_wsproto_reads_it(sent: list[bytes], cuts: list[int]) -> None:
    data = b"".join(sent)
    chunks, start = [], 0
    for cut in [*cuts, len(data)]:
        if start < len(data):
            chunks.append(data[start : start + cut])
            start += cut
    expected = told(opened(WSConnection(ConnectionType.SERVER)), chunks)
    seen = told(opened(ShortWay()), chunks)
    if expected and expected[-1] == ("close", 1007):  # here we read on, see below
        expected.pop()
        del seen[len(expected) :]
    assert seen == expected


def test_a_text_that_is_no_utf_8_comes_as_bytes_and_ends_nothing() -> None:
    chunks = [frame(0x81, b"caf\xe9") + frame(0x81, b"next")]
    assert told(opened(ShortWay()), chunks) == [b"caf\xe9", "next"]


def test_what_breaks_the_protocol_is_answered_with_a_close() -> None:
    websocket = opened(ShortWay())
    websocket.receive_data(frame(0xC1, b"reserved bit"))
    (event,) = websocket.events()
    assert isinstance(event, CloseConnection)
    assert websocket.state is ConnectionState.REMOTE_CLOSING  # so trio-websocket answers it
    assert websocket.send(event.response()).startswith(b"\x88")


@given(st.lists(frames, min_size=1, max_size=5))
def test_byte_by_byte_is_no_different(sent: list[bytes]) -> None:
    data = b"".join(sent)[:3000]
    chunks = [data[n : n + 1] for n in range(len(data))]
    expected = told(opened(WSConnection(ConnectionType.SERVER)), chunks)
    assert told(opened(ShortWay()), chunks) == expected


@pytest.mark.parametrize("cut", [1, 5, 6, 20])
def test_frames_that_come_before_the_handshake_is_answered(cut: int) -> None:
    data = frame(0x81, b"early") + frame(0x81, b"later")
    expected = told(opened(WSConnection(ConnectionType.SERVER), data[:cut]), [data[cut:]])
    assert told(opened(ShortWay(), data[:cut]), [data[cut:]]) == expected


@given(st.one_of(texts, st.sampled_from(["x" * n for n in (125, 126, 65_535, 65_536, 70_000)])))
def test_texts_are_written_as_wsproto_writes_them(text: str) -> None:
    event = TextMessage(data=text)
    expected = opened(WSConnection(ConnectionType.SERVER)).send(event)
    assert opened(ShortWay()).send(event) == expected


@pytest.mark.parametrize(
    "event",
    [
        BytesMessage(data=b"x"),
        Ping(payload=b"1"),
        Pong(payload=b"2"),
        CloseConnection(code=1001, reason="bye"),
    ],
)
def test_everything_else_is_written_by_wsproto(event: Event) -> None:
    expected = opened(WSConnection(ConnectionType.SERVER)).send(event)
    assert opened(ShortWay()).send(event) == expected


def test_after_a_close_no_text_is_written() -> None:
    websocket = opened(ShortWay())
    websocket.send(CloseConnection(code=1000))
    with pytest.raises(LocalProtocolError):
        websocket.send(TextMessage(data="late"))

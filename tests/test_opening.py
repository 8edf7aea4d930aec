"""Requests that are no opening handshake: mended without losing anything, or answered."""

import pytest

from ocpptrio import opening
from ocpptrio.opening import Hopeless, Mended
from ocpptrio.protocol.datatypes import DeviationKind


def request(first: bytes = b"GET /ocpp/CP1 HTTP/1.1", *more: bytes, **headers: str | None) -> bytes:
    fields: dict[str, str | None] = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": None,
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Version": "13",
    }
    lines = [
        f"{name.replace('_', '-')}: {value}".encode()
        for name, value in (fields | headers).items()
        if value is not None
    ]
    return b"\r\n".join([first, *lines, *more, b"", b""])


def mended(head: bytes) -> Mended:
    result = opening.mend(head)
    assert isinstance(result, Mended), result
    return result


def hopeless(head: bytes) -> Hopeless:
    result = opening.mend(head)
    assert isinstance(result, Hopeless), result
    return result


def test_every_other_header_and_what_follows_stays() -> None:
    offers = (b"Sec-WebSocket-Protocol: ocpp2.0.1", b"Sec-WebSocket-Protocol: ocpp1.6")
    head = request(b"GET /ocpp/CP1 HTTP/1.1", *offers) + b"\x81\x80\0\0\0\0"
    result = mended(head).head
    assert all(line in result.split(b"\r\n") for line in offers)
    assert b"Connection: Upgrade\r\n" in result
    assert result.endswith(b"\r\n\r\n\x81\x80\0\0\0\0")


def test_a_connection_header_without_upgrade_is_replaced() -> None:
    result = mended(request(Connection="keep-alive"))
    assert b"keep-alive" not in result.head
    (deviation,) = result.deviations
    assert (deviation.field, deviation.original) == ("Connection", "keep-alive")


def test_line_ends_may_be_bare() -> None:
    assert b"Connection: Upgrade" in mended(request().replace(b"\r\n", b"\n")).head


def test_what_is_in_dropped_lines_is_not_told() -> None:
    result = mended(request(b"GET /ocpp/CP1 HTTP/1.1", b"Authorization Basic c2VjcmV0"))
    assert b"c2VjcmV0" not in result.head
    assert "c2VjcmV0" not in str(result.deviations)
    assert [each.kind for each in result.deviations] == [
        DeviationKind.DROPPED,
        DeviationKind.MISSING,
    ]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request(b"GET /ocpp/CP1 HTTP/1.1", Upgrade=None), 426),
        (request(Upgrade="h2c"), 426),
        (request(Sec_WebSocket_Version=None), 426),
        (request(Sec_WebSocket_Version="8"), 426),
        (request(Sec_WebSocket_Key=None), 400),
        (request(b"POST /ocpp/CP1 HTTP/1.1"), 400),
        (request(b"HEAD / HTTP/1.1"), 400),
        (request(Connection="Upgrade"), 400),  # nothing to mend: something else is wrong
        (b"GET /ocpp/CP1\r\n\r\n", 400),
        (b"X" * 20_000, 400),
        (b"\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_mended_is_answered(head: bytes, status: int) -> None:
    result = hopeless(head)
    assert result.status == status
    text = opening.answer(result)
    headers, _, body = text.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Length: %d" % len(body) in headers


@pytest.mark.parametrize(
    ("head", "whole", "http"),
    [
        (b"G", False, True),
        (b"\r\n", False, True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", False, True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True, True),
        (b"GET / HTTP/1.1\nHost: x\n\n", True, True),
        (b"G" * 20_000, True, True),
        (b"\x16\x03", True, False),
        (b"\0", True, False),
    ],
)
def test_a_request_is_whole_at_its_blank_line(head: bytes, whole: bool, http: bool) -> None:
    assert (opening.is_whole(head), opening.is_http(head)) == (whole, http)


def test_a_charge_point_that_speaks_tls_is_known_by_its_first_byte() -> None:
    assert opening.why_not_http(b"\x16\x03\x01") == opening.TLS_ON_PLAIN_PORT
    assert opening.why_not_http(b"\0") == opening.NOT_HTTP

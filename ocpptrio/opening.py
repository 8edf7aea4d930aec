"""Openings that are no WebSocket handshake: what they were meant to be, and what to answer.

Pure functions on the bytes of an HTTP request. They are asked only when the WebSocket parser has
refused those bytes, so a sound handshake costs nothing here. Not here: identity and credentials
of a sound one (handshake), sockets (listener).
"""

import re
from http import HTTPStatus
from typing import Final
from urllib.parse import quote_from_bytes

import msgspec

from ocpptrio.protocol.datatypes import TEXT_KEPT, Deviation, DeviationKind

HEAD_BYTES: Final = 16_384  # of a request without its body; what the HTTP parser takes, too

_TLS_HANDSHAKE: Final = 0x16  # type of the TLS record that a ClientHello comes in
_REQUEST_LINE: Final = re.compile(rb"\s*([A-Z]+) +(.*?) +(HTTP/1\.[01])\r?\n")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*?)[ \t]*")
_AS_IT_IS: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"  # all that HTTP lets stand in a target
# Proxies add one of these; then the question is what else the proxy has changed.
_FORWARDING: Final = (b"via", b"forwarded", b"x-forwarded-for", b"x-real-ip", b"x-forwarded-proto")

NOT_HTTP: Final = "neither HTTP nor TLS"
TLS_ON_PLAIN_PORT: Final = "TLS on the plain port: configure ws:// instead of wss://"


class Mended(msgspec.Struct, frozen=True):
    """A request that can be served after all, and what was wrong with it."""

    head: bytes
    deviations: tuple[Deviation, ...]


class Hopeless(msgspec.Struct, frozen=True):
    """A request to be answered with an HTTP status and a text that says what is missing."""

    status: int
    reason: str


MALFORMED: Final = Hopeless(400, "this is no HTTP request that can be read")


def is_whole(head: bytes) -> bool:
    """The request has come up to its blank line, or is no request and never will."""
    return b"\r\n\r\n" in head or b"\n\n" in head or len(head) > HEAD_BYTES or not is_http(head)


def is_http(head: bytes) -> bool:
    """It begins like HTTP: with a letter, or with line ends, which are passed over (RFC 9112)."""
    return 65 <= head[0] <= 90 or head[0] in b"\r\n"


def why_not_http(head: bytes) -> str:
    """What those bytes are that do not begin like HTTP."""
    return TLS_ON_PLAIN_PORT if head[0] == _TLS_HANDSHAKE else NOT_HTTP


def mend(head: bytes) -> Mended | Hopeless:
    """What can be made of a request that the WebSocket parser refused.

    Mended are a Connection header that is missing or lacks `Upgrade`, where everything else asks
    for a WebSocket; characters in the target that should have been percent-encoded; lines among
    the headers that are none.
    """
    line = _REQUEST_LINE.match(head)
    if line is None or len(head) > HEAD_BYTES:
        return MALFORMED
    method, target, version = line.groups()
    if method != b"GET":
        if method == b"POST":  # OCPP 1.5 and 1.6S
            return Hopeless(400, "OCPP-S (SOAP) is not spoken here, only OCPP-J: use WebSocket")
        return Hopeless(400, f"{method.decode()} is not GET: use WebSocket")
    head, rest = _at_blank_line(head[line.end() :])
    lines = head.splitlines()
    fields = [field for field in map(_field, lines) if field is not None]
    headers = {name.lower(): value for name, value in fields}
    if headers.get(b"upgrade", b"").lower() != b"websocket":
        return Hopeless(426, _no_upgrade(headers))
    if b"sec-websocket-key" not in headers:
        return Hopeless(400, "the header Sec-WebSocket-Key is missing")
    if headers.get(b"sec-websocket-version") != b"13":
        return Hopeless(426, "Sec-WebSocket-Version: 13 is the only one here")
    deviations = []
    encoded = quote_from_bytes(target, safe=_AS_IT_IS).encode()
    if encoded != target:
        deviations.append(_deviation("URL", DeviationKind.NOT_ENCODED, target))
    if len(fields) < len(lines):
        # Not the lines themselves: one may be a broken Authorization.
        dropped = b"%d lines" % (len(lines) - len(fields))
        deviations.append(_deviation("headers", DeviationKind.DROPPED, dropped))
    connection = headers.get(b"connection", b"")
    if b"upgrade" not in re.split(rb"[,\s]+", connection.lower()):
        kind = DeviationKind.UNKNOWN_VALUE if connection else DeviationKind.MISSING
        deviations.append(_deviation("Connection", kind, connection))
        fields = [field for field in fields if field[0].lower() != b"connection"]
        fields.append((b"Connection", b"Upgrade"))
    if not deviations:
        return MALFORMED
    lines = [b"GET " + encoded + b" " + version]
    lines += [name + b": " + value for name, value in fields]
    return Mended(b"\r\n".join(lines) + b"\r\n\r\n" + rest, tuple(deviations))


def answer(hopeless: Hopeless) -> bytes:
    """The HTTP response, for whoever reads it: a person with a browser, or a log."""
    body = hopeless.reason + "\n"
    lines = [
        f"HTTP/1.1 {hopeless.status} {HTTPStatus(hopeless.status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if hopeless.status == HTTPStatus.UPGRADE_REQUIRED:
        lines[-1] += ", Upgrade"
        lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, "", body]).encode()


def _at_blank_line(text: bytes) -> tuple[bytes, bytes]:
    """Header lines, and what follows the blank line after them."""
    blank = re.search(rb"(?:^|\n)\r?\n", text)
    return (text, b"") if blank is None else (text[: blank.start()], text[blank.end() :])


def _field(line: bytes) -> tuple[bytes, bytes] | None:
    """Name and value of a header line; None if it is none."""
    found = _FIELD.fullmatch(line)
    return None if found is None else (found[1], found[2])


def _no_upgrade(headers: dict[bytes, bytes]) -> str:
    said = "charge points connect here with WebSocket (OCPP-J); "
    if any(name in headers for name in _FORWARDING) or b"sec-websocket-key" in headers:
        return said + (
            "the headers Upgrade and Connection are missing: the proxy in front must pass them on"
        )
    return said + "the header Upgrade: websocket is missing"


def _deviation(field: str, kind: DeviationKind, original: bytes) -> Deviation:
    return Deviation(field, kind, original.decode("latin-1")[:TEXT_KEPT])

"""What a charge point asks for when it opens the WebSocket: identity, credentials, subprotocol.

Pure functions on the HTTP request (OCPP-J 1.6, 3; ocpp16 security white paper, profile 1). Not
here: whether it gets it (services.admission), sockets (listener).
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

SUBPROTOCOL: Final = "ocpp1.6"
IDENTITY_LENGTH: Final = 255  # characters; the specification sets no limit, 2.0.1 says 48


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """An opening handshake, as far as it matters for who may enter.

    Attributes:
        charge_point_id: the identity in the URL, decoded.
        address: where it comes from; behind a trusted proxy, what that says.
        local: it certainly comes from this machine, not through a proxy on it.
        basic: user name, colon and password of HTTP Basic as bytes; None without.
    """

    charge_point_id: str
    address: str
    local: bool
    basic: bytes | None = None


def identity(target: str, prefixes: Iterable[str]) -> str | None:
    """The identity in a request target, or None if there is none under any prefix.

    It is the last segment, decoded once; an encoded slash stays part of it. Empty segments and the
    query do not count (a trailing slash is common), and further segments may stand between. The
    target may be a whole URL (RFC 9112, 3.2.2).
    """
    path = target.partition("?")[0]
    if not path.startswith("/"):
        path = path.partition("://")[2].partition("/")[2]
    segments = [segment for segment in path.split("/") if segment]
    best: Sequence[str] | None = None
    for prefix in prefixes:
        parts = [part for part in prefix.split("/") if part]
        if segments[: len(parts)] == parts and (best is None or len(parts) > len(best)):
            best = parts
    if best is None or len(segments) == len(best):
        return None
    raw = segments[-1]
    escapes = raw.split("%")[1:]
    if not all(len(e) >= 2 and all(c in "0123456789abcdefABCDEF" for c in e[:2]) for e in escapes):
        return None
    try:
        decoded = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return None
    if not decoded.strip() or len(decoded) > IDENTITY_LENGTH:
        return None
    if any(ord(c) < 32 or ord(c) == 127 for c in decoded):
        return None
    return decoded


def choose_subprotocol(offered: Iterable[str]) -> str | None:
    """The client's own spelling of ocpp1.6, if it is among what it offers."""
    for token in offered:
        if token.strip().casefold() == SUBPROTOCOL:
            return token
    return None


def header_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """All values of a header, decoded as HTTP does."""
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def basic_credentials(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """What HTTP Basic carries, undecoded: a password may hold any bytes (white paper, 2.3)."""
    for value in header_values(headers, b"authorization"):
        scheme, _, encoded = value.strip().partition(" ")
        if scheme.casefold() == "basic":
            try:
                return b64decode(encoded.strip(), validate=True)
            except (binascii.Error, ValueError):
                return None
    return None


def password_of(
    basic: bytes | None, charge_point_id: str, *, any_user_name: bool = False
) -> bytes | None:
    """The password, if the user name is the identity, in whichever letter case.

    The identity is stripped as bytes: it may itself hold a colon, and so may the password.

    Args:
        any_user_name: take what stands behind the first colon if the user name is another.
    """
    if basic is None:
        return None
    prefix = charge_point_id.encode() + b":"
    if basic[: len(prefix)].lower() == prefix.lower():
        return basic[len(prefix) :]
    return basic.partition(b":")[2] if any_user_name else None


def client_address(
    peer: str, headers: Iterable[tuple[bytes, bytes]], trusted_proxies: Sequence[str]
) -> tuple[str, bool]:
    """Where a request comes from, and whether that is certainly this machine itself.

    X-Forwarded-For is believed from trusted proxies only, its last entry that is none of them. A
    request from loopback with any forwarding header came through a proxy, so it is not local.
    """
    headers = list(headers)
    forwarded = [
        part.strip()
        for value in header_values(headers, b"x-forwarded-for")
        for part in value.split(",")
    ]
    forwarding = {b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via", b"x-forwarded-host"}
    through_proxy = any(name.lower() in forwarding for name, _ in headers)
    address = peer
    for hop in reversed(forwarded):
        if not _is_in(address, trusted_proxies):
            break
        address = hop
    return address, _is_loopback(peer) and not through_proxy


def _is_in(address: str, networks: Sequence[str]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in ip_network(network) for network in networks)


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback

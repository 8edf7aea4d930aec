"""Quirks of the opening handshake: what is asked for, and as whom (Q1 to Q11).

Those that would keep the charge point out for good misbehave on every other attempt, beginning with
the first, so that it gets in at last. All but Q11 need a real socket; see Q11 for what remains.
"""

from urllib.parse import unquote

import trio

from ocpptrio.simulator.quirks.messages import Opening
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.wire import Wire

TLS_HELLO = bytes.fromhex("16030100050100000103") + bytes(16)
PROXY_IDLE_S = 60  # real, as is all patience of a network


def _odd_turn(opening: Opening) -> bool:
    """Whether this attempt is one of those that go wrong: the first, the third ..."""
    return opening.attempt % 2 == 0


class NoSubprotocol(Quirk):
    """Offers no subprotocol at all, and is content with an answer without one.

    Grizzl-E; steve#1109, OCPP.Core#43.
    """

    number = 1
    title = "no Sec-WebSocket-Protocol"
    seen = "Grizzl-E"

    def opening(self, opening: Opening) -> None:
        opening.subprotocols = []


class OddOffers(Quirk):
    """Offers blanks, versions that do not exist, and 1.6 in capitals, in two header lines.

    OCPP.Core#91 (`,ocpp2.0.1`), ocpp-go#123 (`ocpp2.0.1.1`).
    """

    number = 2
    title = "odd subprotocol offers"
    seen = "OCPP.Core#91, ocpp-go#123"

    def opening(self, opening: Opening) -> None:
        opening.headers.append((b"Sec-WebSocket-Protocol", b",ocpp2.0.1"))
        opening.subprotocols = ["ocpp2.0.1.1", "OCPP1.6"]


class ChangingVersion(Quirk):
    """Offers 2.0.1 alone on every other attempt, and 1.6 in between.

    FoxESS does it the other way round: a short probe with 1.6, then something else (HA#2008).
    """

    number = 3
    title = "another version with each attempt"
    seen = "FoxESS"

    def opening(self, opening: Opening) -> None:
        if _odd_turn(opening):
            opening.subprotocols = ["ocpp2.0.1"]


class BrokenHttp(Quirk):
    """Comes by without a word, with TLS on the plain port and with no HTTP, then without
    `Connection: Upgrade`; from the second attempt on the request is right.

    HA PR#1984, HA#1099, HA#2, ocpp-2w-proxy#5.
    """

    number = 4
    title = "broken HTTP before the handshake"
    seen = "HA PR#1984, HA#1099, ocpp-2w-proxy#5"

    def __init__(self) -> None:
        self._odd = False

    async def probe(self, host: str, port: int) -> None:
        for octets in (b"", TLS_HELLO, b"HELLO\r\n\r\n"):
            async with await trio.open_tcp_stream(host, port) as stream:
                if octets:
                    await stream.send_all(octets)

    def opening(self, opening: Opening) -> None:
        self._odd = _odd_turn(opening)

    def octets(self, data: bytes) -> bytes:
        if self._odd and data.startswith(b"GET "):
            return data.replace(b"Connection: Upgrade\r\n", b"")
        return data


class ReservedBits(Quirk):
    """Sets RSV1 in every twentieth frame, as if compression had been agreed on.

    ocpp-go#358: "unexpected reserved bits 0x40".
    """

    number = 5
    title = "reserved bits without negotiation"
    seen = "ocpp-go#358"

    def __init__(self) -> None:
        self._frames = 0

    def octets(self, data: bytes) -> bytes:
        if data[:1] != b"\x81":  # a whole text frame
            return data
        self._frames += 1
        return b"\xc1" + data[1:] if self._frames % 20 == 0 else data


class EncodedIdentity(Quirk):
    """Encodes every character of its identity, doubles slashes, and adds a slash and a query.

    citrineos-core#1093 (`RDAM%7C123`), open-ocpp#179, ev-server#751.
    """

    number = 6
    title = "identity encoded, odd slashes, a query"
    seen = "citrineos-core#1093, open-ocpp#179"

    def opening(self, opening: Opening) -> None:
        identity = unquote(opening.segment).encode()
        opening.path = opening.path.replace("/", "//")
        opening.segment = "".join(f"%{octet:02x}" for octet in identity) + "/"
        opening.query = "?v=1.6"


class UrlInPath(Quirk):
    """Puts what looks like a whole URL between the endpoint and its identity.

    steve#689 (`/4/CBI-...`), OpenEMS#1401, ocpp-go#73, libocpp#801.
    """

    number = 7
    title = "a whole URL in the path"
    seen = "steve#689, ocpp-go#73, libocpp#801"

    def opening(self, opening: Opening) -> None:
        opening.path += "/ws://central.example:80/steve/websocket/4"


class EmptyIdentity(Quirk):
    """Forgets its identity on every other attempt.

    HA#2138, where the log shows `": send ..."`.
    """

    number = 8
    title = "empty identity"
    seen = "HA#2138"

    def opening(self, opening: Opening) -> None:
        if _odd_turn(opening):
            opening.segment = ""


class OddCredentials(Quirk):
    """Sends the digits of its key instead of the bytes, and `admin` as user on every other attempt.

    Without a password it sends one of its own: binary, with a colon in it. TC_085 of the
    compliancy testing tool (shiv3#260), MaEVe (`InvalidUsernameAllowed`), ocpp-rpc.
    """

    number = 9
    title = "odd Basic credentials"
    seen = "OCTT TC_085, MaEVe, ocpp-rpc"

    def opening(self, opening: Opening) -> None:
        if opening.password is None:
            opening.password = b"\x00\xff:\x80secret"
        elif 16 <= len(opening.password) <= 20:
            opening.password = opening.password.hex().upper().encode()
        if _odd_turn(opening):
            opening.user = b"admin"


class UnknownIdentity(Quirk):
    """Comes under a name that nobody has entered on every other attempt: as from the factory.

    steve#1020, HA discovery.
    """

    number = 10
    title = "unknown identity"
    seen = "any charge point fresh from the factory"

    def opening(self, opening: Opening) -> None:
        if _odd_turn(opening):
            opening.segment += "-factory"


class ReverseProxy(Quirk):
    """Stands behind a proxy that loses the upgrade on every other attempt, hides the address, and
    cuts what has been idle for 60 s. In memory only the cuts remain.

    OCPP.Core#84, HA#135.
    """

    number = 11
    title = "behind a proxy that cuts idle connections"
    seen = "nginx with its defaults"

    def __init__(self) -> None:
        self._odd = False

    def opening(self, opening: Opening) -> None:
        self._odd = _odd_turn(opening)
        opening.headers += [(b"X-Forwarded-For", b"203.0.113.7"), (b"Via", b"1.1 proxy")]

    def octets(self, data: bytes) -> bytes:
        if self._odd and data.startswith(b"GET "):
            data = data.replace(b"Upgrade: websocket\r\n", b"")
            return data.replace(b"Connection: Upgrade\r\n", b"Connection: close\r\n")
        return data

    async def beside(self, wire: Wire) -> None:
        await wire.wait_idle(PROXY_IDLE_S)
        wire.tear()

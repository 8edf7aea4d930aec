"""What a handshake asks for: identities as devices write them, subprotocols, credentials."""

import base64

import pytest

from ocpptrio.handshake import (
    basic_credentials,
    choose_subprotocol,
    client_address,
    identity,
    password_of,
)

PATHS = ("/ocpp", "/ocpp/1.6")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/ocpp/1.6/CP1", "CP1"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/ocpp/RDAM%7C123", "RDAM|123"),
        ("/ocpp/CP%252F1", "CP%2F1"),  # decoded once
        ("/ocpp/a%2Fb", "a/b"),  # an encoded slash is part of the identity
        ("/ocpp/CP1/", "CP1"),
        ("//ocpp//CP1", "CP1"),
        ("/ocpp/CP1?token=1", "CP1"),
        ("/ocpp/4/CBI-1", "CBI-1"),  # further parts may stand between
        ("/ocpp/ws%3A%2F%2Fhost%2FCP1", "ws://host/CP1"),
        ("/ocpp/S%C3%A4ule:1", "Säule:1"),
        ("/ocpp/" + "x" * 255, "x" * 255),
    ],
)
def test_the_identity_is_the_last_segment_decoded_once(target: str, expected: str) -> None:
    assert identity(target, PATHS) == expected


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/ocpp",
        "/ocpp/",
        "/ocpp/1.6",  # a prefix without an identity
        "/ocpp/1.6/",
        "/other/CP1",
        "/ocppx/CP1",
        "/ocpp/%",
        "/ocpp/%4",
        "/ocpp/%zz",
        "/ocpp/%ff",  # not UTF-8
        "/ocpp/CP%00",
        "/ocpp/CP%0A1",
        "/ocpp/CP%7F",
        "/ocpp/%20",
        "/ocpp/" + "x" * 256,
    ],
)
def test_what_is_no_identity_is_none(target: str) -> None:
    assert identity(target, PATHS) is None


def test_the_root_may_be_the_prefix() -> None:
    assert identity("/CP1", ["/"]) == "CP1"
    assert identity("/steve/websocket/CentralSystemService/CP1", ["/"]) == "CP1"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["OCPP1.6"], "OCPP1.6"),  # echoed as it was spelt
        (["ocpp0.1", "ocpp1.6"], "ocpp1.6"),
        (["", "ocpp1.6", "ocpp1.5"], "ocpp1.6"),
        (["ocpp2.0.1.1"], None),
        (["", "ocpp2.0.1"], None),
        (["ocpp1.60"], None),
        ([], None),
    ],
)
def test_the_subprotocol_is_chosen_from_what_is_offered(
    offered: list[str], chosen: str | None
) -> None:
    assert choose_subprotocol(offered) == chosen


def _basic(credentials: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Basic " + base64.b64encode(credentials))]


def test_a_password_may_hold_any_bytes() -> None:
    key = bytes(range(4)) + b":" + b"\xff" * 15
    basic = basic_credentials(_basic(b"AL1000:" + key))
    assert password_of(basic, "AL1000") == key


def test_the_example_of_the_specification_is_read() -> None:
    headers = [(b"authorization", b"Basic QUwxMDAwOgABAgMEBQYH////////////////")]
    expected = bytes.fromhex("0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF")
    assert password_of(basic_credentials(headers), "AL1000") == expected


def test_an_identity_with_a_colon_is_stripped_whole() -> None:
    assert password_of(b"a:b:secret", "a:b") == b"secret"


def test_another_user_name_has_no_password_here() -> None:
    assert password_of(b"CP2:secret", "CP1") is None
    assert password_of(None, "CP1") is None


@pytest.mark.parametrize("value", [b"", b"Bearer x", b"Basic", b"Basic ====", b"Basic \xe4"])
def test_other_authorization_headers_hold_no_credentials(value: bytes) -> None:
    assert not basic_credentials([(b"authorization", value)])


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("127.0.0.1", [], ("127.0.0.1", True)),
        ("::1", [], ("::1", True)),
        ("::ffff:127.0.0.1", [], ("::ffff:127.0.0.1", True)),
        ("192.0.2.7", [], ("192.0.2.7", False)),
        # A proxy on this machine is not a charge point on this machine.
        ("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.9")], ("127.0.0.1", False)),
        ("127.0.0.1", [(b"Via", b"1.1 proxy")], ("127.0.0.1", False)),
        ("192.0.2.7", [(b"x-forwarded-for", b"127.0.0.1")], ("192.0.2.7", False)),
    ],
)
def test_the_address_is_the_peers_own_unless_a_proxy_is_trusted(
    peer: str, headers: list[tuple[bytes, bytes]], expected: tuple[str, bool]
) -> None:
    assert client_address(peer, headers, ()) == expected


def test_a_trusted_proxy_names_the_address() -> None:
    headers = [(b"x-forwarded-for", b"6.6.6.6, 203.0.113.9"), (b"x-forwarded-for", b"10.0.0.5")]
    trusted = ("127.0.0.0/8", "10.0.0.0/8")
    # What the client itself wrote into the header stays behind the last proxy that we trust.
    assert client_address("127.0.0.1", headers, trusted) == ("203.0.113.9", False)
    assert client_address("nonsense", headers, trusted) == ("nonsense", False)

"""Q1 to Q11: how odd charge points open a connection."""

import pytest
import structlog.testing
from trio_websocket import ConnectionClosed, ConnectionRejected

from ocpptrio.central_system import CentralSystem
from ocpptrio.events import AttemptRefused
from ocpptrio.services.admission import STRANGERS_PER_MINUTE
from ocpptrio.store import attempts, charge_points
from tests.clients import charge_point, close_code, test_settings
from tests.quirks.scene import BOOTED, Wire, frame, oddities, register, state, upgrade


async def refusal(central: CentralSystem, identity: str = "CP1", **options: object) -> int:
    with pytest.raises(ConnectionRejected) as caught:
        async with charge_point(central, identity, **options):  # type: ignore[arg-type]  # passed on
            pass
    return caught.value.status_code


async def status_of(central: CentralSystem, request: bytes) -> int:
    """The HTTP status that answers an opening."""
    async with Wire.to(central) as wire:
        head = await wire.open(request)
    return int(head.split()[1])


async def served_as(central: CentralSystem, target: str | bytes) -> str:
    """The identity under which a charge point at this URL is served."""
    async with Wire.to(central) as wire:
        assert (await wire.open(upgrade(target))).startswith(b"HTTP/1.1 101")
        await wire.send_text(BOOTED)
        assert (await wire.message())[2]["status"] == "Accepted"
        (session,) = [each for each in central.registry if each.connection is not None]
        served = session.state.charge_point_id
    await session.wait_disconnected()
    return served


async def test_q1_no_subprotocol_is_taken_for_1_6(central: CentralSystem) -> None:
    async with Wire.to(central) as wire:
        head = await wire.open(upgrade(subprotocol=None))
        assert head.startswith(b"HTTP/1.1 101")
        assert b"sec-websocket-protocol" not in head.lower()
        await wire.send_text(BOOTED)
        assert (await wire.message())[2]["status"] == "Accepted"
    assert ("handshake", "Sec-WebSocket-Protocol", "missing") in await oddities(central)
    strict = test_settings(require_subprotocol=True)
    async with CentralSystem(strict, inline_store=True) as other, Wire.to(other) as wire:
        assert (await wire.open(upgrade(subprotocol=None))).startswith(b"HTTP/1.1 400")
        assert b"Sec-WebSocket-Protocol" in await wire.rest()


async def test_q2_odd_offers_are_searched_for_1_6(central: CentralSystem) -> None:
    for lines, echoed in (
        (["ocpp2.0.1, ocpp1.6"], b"ocpp1.6"),
        ([",ocpp2.0.1 , OCPP1.6"], b"OCPP1.6"),
        (["ocpp2.0.1.1", "ocpp1.5,ocpp1.6"], b"ocpp1.6"),
        (["ocpp1.6,ocpp1.6,"], b"ocpp1.6"),
    ):
        headers = [f"Sec-WebSocket-Protocol: {line}" for line in lines]
        async with Wire.to(central) as wire:
            head = await wire.open(upgrade("/ocpp/CP1", *headers, subprotocol=None))
            assert b"Sec-WebSocket-Protocol: " + echoed in head.split(b"\r\n"), lines
    with central.watch() as events:
        async with charge_point(central, subprotocols=("ocpp2.0.1", "ocpp2.1")) as point:
            assert point.websocket.subprotocol is None
            with pytest.raises(ConnectionClosed) as caught:
                await point.receive()
            assert close_code(caught.value) == 1002
        event = None
        while not isinstance(event, AttemptRefused):
            event = (await events.next()).event
    assert "ocpp2.0.1, ocpp2.1" in event.reason
    (attempt,) = await central.store.read(attempts.everyone)
    assert (attempt.charge_point_id, attempt.reason) == ("CP1", event.reason)


async def test_q3_the_version_may_change_between_connections(central: CentralSystem) -> None:
    async def closed_at_once(*subprotocols: str) -> None:
        async with charge_point(central, subprotocols=subprotocols) as probe:
            with pytest.raises(ConnectionClosed):
                await probe.receive()

    async with charge_point(central) as probe:
        assert probe.websocket.subprotocol == "ocpp1.6"
    await closed_at_once("ocpp2.0.1")
    async with charge_point(central) as point:
        await point.boot()
        # Nor does a probe with another version cost the connection that is open.
        await closed_at_once("ocpp2.0.1")
        assert "currentTime" in await point.call("Heartbeat")
    async with charge_point(central, subprotocols=()) as point:
        assert "currentTime" in await point.call("Heartbeat")


async def test_q4_broken_http_is_mended_or_named(central: CentralSystem) -> None:
    for connection in (None, "Connection: keep-alive"):
        async with Wire.to(central) as wire:
            head = await wire.open(upgrade(connection=connection))
            assert head.startswith(b"HTTP/1.1 101"), head
            await wire.send_text(BOOTED)
            assert (await wire.message())[2]["status"] == "Accepted"
    assert {
        ("handshake", "Connection", "missing"),
        ("handshake", "Connection", "unknown value"),
    } <= await oddities(central)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            async with Wire.to(central) as wire:
                await wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
                assert await wire.rest() == b""
    (told,) = [line["reason"] for line in lines if line["event"] == "turned away"]  # once
    assert told.startswith("TLS on the plain port")
    for nonsense in (b"", b"\0" * 100, b"GET /ocpp/CP1\r\n\r\n", b"GET", b"X" * 20_000):
        async with Wire.to(central) as wire:
            await wire.send(nonsense)
            await wire.end()
            assert b"HTTP/1.1 101" not in await wire.rest()
    async with charge_point(central) as point:
        assert "currentTime" in await point.call("Heartbeat")


async def test_q5_a_reserved_bit_costs_its_connection_alone(central: CentralSystem) -> None:
    async with Wire.to(central) as wire:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        head = await wire.open(upgrade("/ocpp/CP1", offer))
        assert b"sec-websocket-extensions" not in head.lower()
        await wire.send(frame(BOOTED, first=0xC1))
        assert await wire.close_code() == 1002
        assert state(central).vendor is None
    async with charge_point(central) as point:
        await point.boot()
        assert state(central).connected


async def test_q6_the_identity_is_decoded_once(central: CentralSystem) -> None:
    for target, identity in (
        ("/ocpp/RDAM%7C123", "RDAM|123"),
        ("/ocpp/RDAM|123", "RDAM|123"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/ocpp/RDAM 123", "RDAM 123"),  # not encoded at all
        ("/ocpp/S%C3%A4ule", "Säule"),
        ("/ocpp/Säule", "Säule"),
        ("/ocpp/A:B", "A:B"),
        ("/ocpp//CP1/", "CP1"),
        ("/ocpp/CP1?token=1", "CP1"),
        ("/ocpp/CP%252F1", "CP%2F1"),
    ):
        await register(central, identity)
        assert await served_as(central, target) == identity
    for target in ("/ocpp/CP%00", "/ocpp/CP%0A", "/ocpp/CP%7F", "/ocpp/%", "/ocpp/%ZZ"):
        assert await status_of(central, upgrade(target)) == 404, target


async def test_q7_the_identity_may_stand_behind_anything(central: CentralSystem) -> None:
    await register(central, "CBI-1")
    for target in (
        "/ocpp/4/CBI-1",
        "/ocpp/1.6/CBI-1/CBI-1",
        "/ocpp/ws://central.example:80/ocpp/CBI-1",
        "ws://central.example/ocpp/CBI-1",
        "/ocpp/cbi-1",  # the only one that it can mean
    ):
        assert await served_as(central, target) == "CBI-1", target
    await register(central, "cbi-1")
    assert await served_as(central, "/ocpp/cbi-1") == "cbi-1"
    assert await status_of(central, upgrade("/ocpp/Cbi-1")) == 404  # either of the two

    def from_query(target: str) -> str | None:
        return target.partition("?id=")[2] or None

    async with CentralSystem(test_settings(), inline_store=True, identify=from_query) as own:
        assert await served_as(own, "/any/where?id=CP9") == "CP9"
        assert await status_of(own, upgrade("/any/where")) == 404


async def test_q8_an_empty_identity_is_refused_and_listed(central: CentralSystem) -> None:
    with central.watch() as events:
        for target in ("/ocpp/", "/ocpp", "/ocpp/1.6/", "/ocpp/%20"):
            assert await status_of(central, upgrade(target)) == 404
        event = (await events.next()).event
    assert isinstance(event, AttemptRefused)
    (attempt,) = await central.store.read(attempts.everyone)
    assert (attempt.charge_point_id, attempt.peer) == ("", "127.0.0.1")
    assert attempt.occurrences == 4
    assert attempt.reason == "no identity in the URL: /ocpp/%20"


async def test_q9_a_password_is_known_in_all_its_forms(central: CentralSystem) -> None:
    key = bytes([0, 58, 127, 255]) * 5
    hashed = {secret: central.passwords.hash(secret) for secret in (key, b"with : a colon")}
    await register(central, "Garage:1", password_hash=hashed[key])
    await register(central, "CP2", password_hash=hashed[b"with : a colon"])
    for identity, user, password in (
        ("Garage:1", "Garage:1", key),
        ("Garage:1", "Garage:1", key.hex().encode()),
        ("Garage:1", "Garage:1", key.hex().upper().encode()),
        ("garage:1", "Garage:1", key),
        ("CP2", "CP2", b"with : a colon"),
    ):
        async with charge_point(central, identity, user=user, password=password) as point:
            await point.boot()
    assert await refusal(central, "CP2") == 401
    assert await refusal(central, "CP2", password=b"another one") == 401
    assert await refusal(central, "CP2", user="CP3", password=b"with : a colon") == 401
    lenient = test_settings(any_user_name=True)
    async with CentralSystem(lenient, inline_store=True) as other:
        await register(other, password_hash=other.passwords.hash(b"sixteen bytes ok"))
        async with charge_point(other, user="ocpp", password=b"sixteen bytes ok") as point:
            await point.boot()
        assert await refusal(other, user="ocpp", password=b"another one") == 401


async def test_q10_an_unknown_station_is_listed_and_slowed_down(central: CentralSystem) -> None:
    assert await refusal(central, "stranger") == 404
    (attempt,) = await central.store.read(attempts.everyone)
    assert (attempt.charge_point_id, attempt.reason) == ("stranger", "unknown charge point")
    statuses = [
        await status_of(central, upgrade(f"/ocpp/guess-{number}"))
        for number in range(STRANGERS_PER_MINUTE)
    ]
    assert statuses == [404] * (STRANGERS_PER_MINUTE - 1) + [429]
    assert len(await central.store.read(attempts.everyone)) == STRANGERS_PER_MINUTE
    async with charge_point(central) as point:  # a known one behind the same router
        await point.boot()
    await central.store.write(
        lambda db: charge_points.add(db, charge_point_id="stranger", origin="adopted", at_us=0)
    )
    async with charge_point(central, "stranger") as point:
        assert (await point.boot())["status"] == "Accepted"
    # Only a setting opens the door to all.
    afar = ((b"X-Forwarded-For", b"203.0.113.9"),)
    for policy, status in (("loopback", 404), ("accept", 101)):
        settings = test_settings(unknown_charge_points=policy)
        async with CentralSystem(settings, inline_store=True) as other:
            request = upgrade("/ocpp/CP1", f"X-Forwarded-For: {afar[0][1].decode()}")
            assert await status_of(other, request) == status


async def test_q11_a_proxy_that_drops_headers_is_told_so(central: CentralSystem) -> None:
    for more, said in (
        ((), b"the header Upgrade: websocket is missing"),
        (("Via: 1.1 proxy",), b"the proxy in front must pass them on"),
        (("Sec-WebSocket-Key: x",), b"the proxy in front must pass them on"),
    ):
        async with Wire.to(central) as wire:
            lines = ["GET /ocpp/CP1 HTTP/1.1", "Host: x", "Connection: close", *more, "", ""]
            head = await wire.open("\r\n".join(lines).encode())
            assert head.startswith(b"HTTP/1.1 426")
            assert b"Upgrade: websocket" in head
            assert said in await wire.rest()
    async with Wire.to(central) as wire:
        soap = b"POST /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        assert (await wire.open(soap)).startswith(b"HTTP/1.1 400")
        assert b"SOAP" in await wire.rest()
    # The client's address is believed of a trusted proxy only.
    forwarded = ((b"X-Forwarded-For", b"203.0.113.9"),)
    for trusted, address in (((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")):
        settings = test_settings(unknown_charge_points="accept", trusted_proxies=trusted)
        async with (
            CentralSystem(settings, inline_store=True) as behind,
            charge_point(behind, headers=forwarded) as point,
        ):
            await point.boot()
            assert state(behind).peer == address

"""Who gets in: over real sockets, with the answers of OCPP-J 1.6, section 3 (H-1 to H-9)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog.testing
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import OcppSettings, Settings, StoreSettings
from ocpptrio.events import AttemptRefused, OpenMode
from ocpptrio.store import attempts, charge_points
from tests.clients import charge_point, close_code, test_settings


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        yield central


@pytest.fixture
async def closed() -> AsyncIterator[CentralSystem]:
    settings = test_settings(unknown_charge_points="reject")
    async with CentralSystem(settings, inline_store=True) as central:
        yield central


async def register(central: CentralSystem, identity: str, password: bytes | None = None) -> None:
    password_hash = None if password is None else central.passwords.hash(password)
    await central.store.write(
        lambda db: charge_points.add(
            db,
            charge_point_id=identity,
            origin="added",
            at_us=0,
            password_hash=password_hash,
        )
    )


async def refusal(central: CentralSystem, identity: str = "CP1", **options: object) -> int:
    with pytest.raises(ConnectionRejected) as caught:
        async with charge_point(central, identity, **options):  # type: ignore[arg-type]  # passed on
            pass
    return caught.value.status_code


async def test_both_paths_serve_the_same_charge_point(central: CentralSystem) -> None:
    for prefix in ("/ocpp", "/ocpp/1.6"):
        async with charge_point(central, "CP1", prefix=prefix) as point:
            assert (await point.boot())["status"] == "Accepted"
    assert len(central.registry) == 1


async def test_an_encoded_identity_is_served_decoded(central: CentralSystem) -> None:
    async with charge_point(central, "RDAM%20123") as point:
        await point.boot()
    assert central.charge_point("RDAM 123").state is not None


@pytest.mark.parametrize("identity", ["", "%", "%FF", "CP%00"])
async def test_what_is_no_identity_gets_404(central: CentralSystem, identity: str) -> None:
    assert await refusal(central, identity) == 404


async def test_an_unknown_path_gets_404(central: CentralSystem) -> None:
    assert await refusal(central, prefix="/elsewhere") == 404


async def test_an_unknown_identity_gets_404_and_is_listed(closed: CentralSystem) -> None:
    with closed.watch() as events:
        assert await refusal(closed, "stranger") == 404
        numbered = await events.next()
    assert isinstance(numbered.event, AttemptRefused)
    (attempt,) = await closed.store.read(attempts.everyone)
    assert (attempt.charge_point_id, attempt.reason) == ("stranger", "unknown charge point")


async def test_from_loopback_an_unknown_one_is_registered_open(central: CentralSystem) -> None:
    async with charge_point(central) as point:
        await point.boot()
        assert (await point.call("Authorize", {"idTag": "ANY"}))["idTagInfo"] == {
            "status": "Accepted"
        }
    state = central.charge_point("CP1").state
    assert state is not None
    assert state.mode is OpenMode.EVERYBODY


async def test_a_proxy_on_this_machine_is_not_this_machine(central: CentralSystem) -> None:
    forwarded = ((b"X-Forwarded-For", b"203.0.113.9"),)
    assert await refusal(central, headers=forwarded) == 404
    # Nor does one that came in from here before open the door for others.
    async with charge_point(central):
        pass
    assert await refusal(central, headers=forwarded) == 404


async def test_an_adopted_one_asks_the_tag_list(closed: CentralSystem) -> None:
    await register(closed, "CP1")
    async with charge_point(closed) as point:
        await point.boot()
        assert (await point.call("Authorize", {"idTag": "ANY"}))["idTagInfo"] == {
            "status": "Invalid"
        }


async def test_the_right_password_is_let_in_and_a_wrong_one_gets_401(
    closed: CentralSystem,
) -> None:
    await register(closed, "CP1", b"sixteen bytes ok")
    assert await refusal(closed) == 401
    assert await refusal(closed, password=b"wrong") == 401
    assert await refusal(closed, password=b"sixteen bytes ok", user="CP2") == 401
    for _ in range(2):  # argon2 the first time, the cache the second
        async with charge_point(closed, password=b"sixteen bytes ok") as point:
            await point.boot()


async def test_a_new_password_is_in_force_at_once(closed: CentralSystem) -> None:
    await register(closed, "CP1", b"the old password")
    async with charge_point(closed, password=b"the old password"):
        pass
    new_hash = closed.passwords.hash(b"the new password")
    await closed.store.write(lambda db: charge_points.edit(db, "CP1", 0, password_hash=new_hash))
    assert await refusal(closed, password=b"the old password") == 401
    async with charge_point(closed, password=b"the new password"):
        pass


async def test_a_key_may_come_as_bytes_or_as_its_hex_digits(closed: CentralSystem) -> None:
    key = bytes([0, 1, 58, 255]) * 5
    await register(closed, "CP1", key.hex().encode())
    for presented in (key, key.hex().encode(), key.hex().upper().encode()):
        async with charge_point(closed, password=presented):
            pass


async def test_no_secret_is_logged(closed: CentralSystem) -> None:
    await register(closed, "CP1", b"sixteen bytes ok")
    with structlog.testing.capture_logs() as lines:
        assert await refusal(closed, password=b"hunter2hunter2") == 401
        async with charge_point(closed, password=b"sixteen bytes ok"):
            pass
    assert "hunter2" not in str(lines)
    assert "sixteen" not in str(lines)


async def test_too_many_failed_logins_wait_before_anything_is_hashed(
    closed: CentralSystem,
) -> None:
    await register(closed, "CP1", b"sixteen bytes ok")
    statuses = [await refusal(closed, password=b"wrong") for _ in range(21)]
    assert statuses == [401] * 20 + [429]


async def test_one_with_a_wrong_password_does_not_keep_its_neighbours_out(
    closed: CentralSystem,
) -> None:
    for identity in ("CP1", "CP2"):
        await register(closed, identity, b"sixteen bytes ok")
    statuses = [await refusal(closed, "CP1", password=b"wrong") for _ in range(21)]
    assert statuses[-1] == 429
    async with charge_point(closed, "CP2", password=b"sixteen bytes ok") as neighbour:
        await neighbour.boot()


async def test_the_user_name_may_have_another_letter_case(closed: CentralSystem) -> None:
    await register(closed, "CP1", b"sixteen bytes ok")
    async with charge_point(closed, password=b"sixteen bytes ok", user="cp1") as point:
        await point.boot()


async def test_require_password_turns_away_those_without_one() -> None:
    settings = test_settings(require_password=True)
    async with CentralSystem(settings, inline_store=True) as central:
        await register(central, "CP1")
        assert await refusal(central) == 403


@pytest.mark.parametrize("offered", [("ocpp2.0.1",), ("ocpp0.1",), ("ocpp2.0.1.1", "ocpp2.1")])
async def test_other_versions_are_answered_without_a_subprotocol_and_closed(
    central: CentralSystem, offered: tuple[str, ...]
) -> None:
    async with charge_point(central, subprotocols=offered) as point:
        assert point.websocket.subprotocol is None
        with pytest.raises(ConnectionClosed) as caught:
            await point.receive()
        assert close_code(caught.value) == 1002


@pytest.mark.parametrize("offered", [("ocpp1.6", "ocpp1.5"), ("ocpp0.1", "ocpp1.6")])
async def test_ocpp16_is_picked_from_several(
    central: CentralSystem, offered: tuple[str, ...]
) -> None:
    async with charge_point(central, subprotocols=offered) as point:
        assert point.websocket.subprotocol == "ocpp1.6"
        await point.boot()


async def test_no_subprotocol_is_tolerated(central: CentralSystem) -> None:
    async with charge_point(central, subprotocols=()) as point:
        assert point.websocket.subprotocol is None
        await point.boot()


async def test_no_subprotocol_gets_400_where_it_is_required() -> None:
    settings = test_settings(require_subprotocol=True)
    async with CentralSystem(settings, inline_store=True) as central:
        assert await refusal(central, subprotocols=()) == 400


async def test_connections_per_address_are_capped_except_from_here() -> None:
    settings = test_settings(
        unknown_charge_points="accept",
        max_connections_per_address=2,
        trusted_proxies=("127.0.0.1",),
    )
    async with CentralSystem(settings, inline_store=True) as central:
        from_afar = ((b"X-Forwarded-For", b"203.0.113.9"),)
        async with (
            charge_point(central, "A", headers=from_afar),
            charge_point(central, "B", headers=from_afar),
        ):
            assert await refusal(central, "C", headers=from_afar) == 503
            async with charge_point(central, "D"), charge_point(central, "E"):
                pass
        async with charge_point(central, "C", headers=from_afar):
            pass


async def test_another_letter_case_is_the_same_charge_point(closed: CentralSystem) -> None:
    await register(closed, "Garage-1")
    async with charge_point(closed, "garage-1") as point:
        await point.boot()
    state = closed.charge_point("Garage-1").state
    assert state is not None
    assert state.vendor == "VendorX"


async def test_what_is_registered_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "central.db"))
    )
    async with CentralSystem(settings) as central, charge_point(central) as point:
        await point.boot()
        await point.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"},
        )
    async with CentralSystem(settings) as central:
        state = central.charge_point("CP1").state
        assert state is not None
        assert not state.connected
        assert state.vendor == "VendorX"
        assert state.connectors[1].status == "Preparing"
        async with charge_point(central) as point:
            # Accepted before, so served from its first message (OCPP-J 1.6, 5.4).
            assert "currentTime" in await point.call("Heartbeat")


async def test_stop_closes_with_1001_after_the_answers(central: CentralSystem) -> None:
    async with charge_point(central) as point:
        await point.boot()
        await point.send(2, "last", "Heartbeat", {})
        await trio.testing.wait_all_tasks_blocked()
        central.stop()
        assert (await point.receive())[:2] == [3, "last"]
        with pytest.raises(ConnectionClosed) as caught:
            await point.receive()
        assert close_code(caught.value) == 1001

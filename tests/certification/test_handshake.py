"""Security white paper and OCPP-J: who gets in, and in which protocol."""

import pytest
from trio_websocket import ConnectionClosed, ConnectionRejected

from ocpptrio.central_system import CentralSystem
from ocpptrio.store import charge_points
from tests.clients import charge_point

PASSWORD = b"0123456789ABCDEF"


async def register(central: CentralSystem, password: bytes | None = None) -> None:
    password_hash = None if password is None else central.passwords.hash(password)
    await central.store.write(
        lambda db: charge_points.add(
            db, charge_point_id="CP1", origin="added", at_us=0, password_hash=password_hash
        )
    )


async def test_tc_085_basic_authentication(central: CentralSystem) -> None:
    await register(central, PASSWORD)
    for wrong in (None, b"FEDCBA9876543210"):
        with pytest.raises(ConnectionRejected) as refused:
            async with charge_point(central, password=wrong):
                pass
        assert refused.value.status_code == 401
        assert (b"www-authenticate", b"Basic") in [
            (name.lower(), value.split()[0]) for name, value in refused.value.headers
        ]
    async with charge_point(central, password=PASSWORD) as point:
        assert (await point.boot())["status"] == "Accepted"


async def test_tc_088_subprotocol(central: CentralSystem) -> None:
    await register(central)
    async with charge_point(central, subprotocols=("ocpp0.1",)) as point:
        assert point.websocket.subprotocol is None
        with pytest.raises(ConnectionClosed):
            await point.receive()
    async with charge_point(central, subprotocols=("ocpp0.1", "ocpp1.6")) as point:
        assert point.websocket.subprotocol == "ocpp1.6"
        assert (await point.boot())["status"] == "Accepted"

"""A budget that is spent while charging, over a real WebSocket."""

from datetime import UTC, datetime

import pytest
import trio

from ocpptrio import CentralSystem, Settings
from ocpptrio.clock import to_us
from ocpptrio.config import AuthorizationSettings, OcppSettings, OnSpent, StoreSettings
from ocpptrio.services import budgets
from ocpptrio.store import charge_points, commands, id_tags
from ocpptrio.store.driver import Db
from ocpptrio.store.records import IdTagRecord
from tests.clients import RawChargePoint, charge_point

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)


def _set_up(db: Db) -> None:
    charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
    id_tags.put(db, IdTagRecord(id_tag="04A1", day_budget_wh=20_000, created_at_us=0))


async def _meter(point: RawChargePoint, transaction_id: int, second: int, energy_wh: int) -> None:
    value = {
        "timestamp": f"2026-01-14T12:00:{second:02}Z",
        "sampledValue": [{"value": str(energy_wh)}],
    }
    request = {"connectorId": 1, "transactionId": transaction_id, "meterValue": [value]}
    assert await point.call("MeterValues", request) == {}


async def test_a_transaction_that_spends_its_budget_is_stopped_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budgets, "LOOK_EVERY_S", 0.001)
    settings = Settings(
        ocpp=OcppSettings(port=0),
        store=StoreSettings(path=":memory:"),
        authorization=AuthorizationSettings(on_spent=OnSpent.STOP),
    )
    central = CentralSystem(settings, clock=lambda: to_us(NOON), inline_store=True)
    with trio.fail_after(20):
        async with central:
            await central.store.write(_set_up)
            async with charge_point(central) as point:
                await point.boot()
                start = {
                    "connectorId": 1,
                    "idTag": "04A1",
                    "meterStart": 1_000_000,
                    "timestamp": "2026-01-14T12:00:00Z",
                }
                started = await point.call("StartTransaction", start)
                assert started["idTagInfo"] == {"status": "Accepted"}
                transaction_id = started["transactionId"]
                await _meter(point, transaction_id, 1, 1_019_999)
                await point.call("Heartbeat")
                await _meter(point, transaction_id, 2, 1_020_000)
                frame = await point.receive()
                assert frame[2:] == ["RemoteStopTransaction", {"transactionId": transaction_id}]
                await point.send(3, frame[1], {"status": "Accepted"})
                # It takes its time; meanwhile it is not asked again.
                for second in range(3, 10):
                    await _meter(point, transaction_id, second, 1_020_000 + second)
                stop = {
                    "transactionId": transaction_id,
                    "idTag": "04A1",
                    "meterStop": 1_020_010,
                    "reason": "Remote",
                    "timestamp": "2026-01-14T12:00:30Z",
                }
                stopped = await point.call("StopTransaction", stop)
                assert stopped["idTagInfo"]["status"] == "Accepted"
                start |= {"meterStart": 1_020_010, "timestamp": "2026-01-14T12:01:00Z"}
                again = await point.call("StartTransaction", start)
                assert again["idTagInfo"]["status"] == "Blocked"
                assert again["transactionId"] > transaction_id
                sent = await central.store.read(lambda reader: commands.of(reader, "CP1"))
                assert [command.action for command in sent] == ["RemoteStopTransaction"]

"""What runs in the background goes on, whatever becomes of the database."""

from datetime import UTC, datetime
from typing import NoReturn

import pytest
import trio
from trio.testing import MockClock

from ocpptrio import CentralSystem, Settings
from ocpptrio.clock import trio_clock
from ocpptrio.config import AlertKind, AlertSettings, ApiSettings, OcppSettings, StoreSettings
from ocpptrio.errors import StoreError
from ocpptrio.events import ConditionKind, ConditionRaised
from ocpptrio.store import alerts
from tests.receiver import receiver

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("failing", ["read", "write"])
async def test_a_database_that_fails_for_an_hour_ends_nothing(
    failing: str, monkeypatch: pytest.MonkeyPatch, patient_clock: MockClock
) -> None:
    settings = Settings(
        ocpp=OcppSettings(enabled=False),
        api=ApiSettings(enabled=False),
        store=StoreSettings(path=":memory:"),
        alerts=AlertSettings(kinds=(AlertKind.OFFLINE,)),
    )

    async def fail(_: object) -> NoReturn:
        await trio.lowlevel.checkpoint()
        raise StoreError("the disk is full")

    async with (
        receiver() as theirs,
        CentralSystem(settings, clock=trio_clock(NOON), inline_store=True) as central,
    ):
        await central.services.webhooks.create(theirs.url, kinds=["AlertOpened"])
        raised = ConditionRaised(
            charge_point_id="CP1",
            at_us=central.clock(),
            condition=ConditionKind.OFFLINE,
            since_us=0,
            evidence="away",
        )
        await central.store.write(lambda db: db.emit(raised))
        with monkeypatch.context() as patch:
            patch.setattr(central.store, failing, fail)
            await trio.sleep(3600)
        await trio.sleep(60)
        assert len(await central.store.read(alerts.listed)) == 1
        assert [event["kind"] for one in theirs.got for event in one.body["events"]] == [
            "AlertOpened"
        ]

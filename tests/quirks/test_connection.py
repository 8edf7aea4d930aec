"""Q12 to Q20: how connections of odd charge points live and die, and what is sent when."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import OcppSettings, Settings, StoreSettings
from ocpptrio.errors import CallTimedOut, NotAllowedNow, NotConnected
from ocpptrio.events import Booted
from ocpptrio.protocol.core import (
    ChangeConfiguration,
    ChangeConfigurationResponse,
    ClearCache,
    ConfigurationStatus,
    GetConfiguration,
    RegistrationStatus,
    RemoteStartTransaction,
    UnlockConnector,
)
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.services.wanted import want
from ocpptrio.session.liveness import PING_AFTER
from ocpptrio.store import charge_points, commands
from ocpptrio.store.vocabulary import WantedScope
from tests.clients import Frame, RawChargePoint, charge_point, close_code, now, test_settings
from tests.quirks.scene import (
    BOOTED,
    TAG,
    Wire,
    answer_call,
    pass_time,
    profiled,
    put_tag,
    register,
    settled,
    start,
    state,
    status,
    stop,
    transaction,
    upgrade,
)


async def connected(wire: Wire) -> None:
    assert (await wire.open(upgrade())).startswith(b"HTTP/1.1 101")
    await wire.send_text(BOOTED)
    assert (await wire.message())[2]["status"] == "Accepted"


async def wish(central: CentralSystem, key: str, value: str) -> None:
    await central.store.write(lambda db: want(db, WantedScope.CHARGE_POINT, "CP1", key, value, 1))


def configured(frame: Frame, holds: dict[str, str]) -> list[tuple[str, str]]:
    """What a CALL writes; of LightIntensity nothing is taken."""
    if frame[2] != "ChangeConfiguration":
        return []
    key, value = frame[3]["key"], frame[3]["value"]
    if key != "LightIntensity":
        holds[key] = value
    return [(key, value)]


async def configure(point: RawChargePoint, holds: dict[str, str]) -> list[tuple[str, str]]:
    """Answer until nothing more is asked; returns what was written."""
    written: list[tuple[str, str]] = []
    while True:
        await settled()
        await point.send(2, f"end {len(written)}", "Heartbeat", {})
        frame = await point.receive()
        if frame[0] == 3:
            return written
        assert (await point.receive())[0] == 3
        written += configured(frame, holds)
        await point.send(3, frame[1], configuration_answer(frame, holds))


def configuration_answer(frame: Frame, holds: dict[str, str]) -> dict[str, Any]:
    if frame[2] == "ChangeConfiguration":
        return {"status": "Rejected" if frame[3]["key"] == "LightIntensity" else "Accepted"}
    assert frame[2] == "GetConfiguration"
    keys = [{"key": key, "readonly": False, "value": value} for key, value in holds.items()]
    return {"configurationKey": keys}


async def test_q12_the_newest_connection_wins(
    central: CentralSystem, nursery: trio.Nursery
) -> None:
    told: list[str] = []

    async def ask() -> None:
        with pytest.raises(NotConnected) as caught:
            await central.charge_point("CP1").call(ClearCache())
        told.append(str(caught.value))

    async with Wire.to(central) as half_open:  # it will never answer anything again
        await connected(half_open)
        nursery.start_soon(ask)
        assert (await half_open.message())[2] == "ClearCache"
        async with charge_point(central) as point:
            assert (await point.boot())["status"] == "Accepted"
            assert told == ["the connection ended: replaced by a newer connection"]
            # The end of the old one, whenever it comes, does not take the new one away.
            half_open.vanish()
            await settled()
            assert state(central).connected
            assert state(central).generation == 2
            nursery.start_soon(central.charge_point("CP1").call, ClearCache())
            await answer_call(point, "ClearCache", {"status": "Accepted"})


async def test_q13_a_station_that_never_pongs_is_known_by_its_messages(
    central: CentralSystem, mock_clock: MockClock, tmp_path: Path
) -> None:
    heartbeat_interval = central.settings.ocpp.heartbeat_interval
    async with Wire.to(central) as wire:
        await connected(wire)
        pings = 0
        for _ in range(12):  # an hour with a message every five minutes, and no pong
            await pass_time(mock_clock, heartbeat_interval)
            await wire.send_text(b'[2,"1","Heartbeat",{}]')
            while (received := await wire.frame())[0] == 0x89:
                pings += 1
            assert b"currentTime" in received[1]
        assert pings >= 12
        assert state(central).connected
    # Those that dislike pings are spared them.
    for settings in (test_settings(ping=False), profiled(tmp_path, pings=False)):
        async with CentralSystem(settings, inline_store=True) as quiet, Wire.to(quiet) as wire:
            await connected(wire)
            await pass_time(mock_clock, 2 * heartbeat_interval)
            await wire.send_text(b'[2,"1","Heartbeat",{}]')
            assert (await wire.message())[0] == 3


async def test_q14_a_heartbeat_that_is_due_has_time_to_come(
    central: CentralSystem, mock_clock: MockClock
) -> None:
    heartbeat_interval = central.settings.ocpp.heartbeat_interval
    async with Wire.to(central) as wire:
        await connected(wire)
        await pass_time(mock_clock, 3 * heartbeat_interval)
        assert state(central).connected
        await wire.send_text(b'[2,"1","Heartbeat",{}]')
        await settled()
        await pass_time(mock_clock, 3 * heartbeat_interval)
        assert state(central).connected
        await pass_time(mock_clock, 60)
        assert not state(central).connected
    # A proxy that cuts after a minute of silence sees our ping before.
    assert PING_AFTER * central.settings.ocpp.connection_timeout < 60


async def test_q15_a_station_that_answers_nothing_is_not_taken_for_dead(
    central: CentralSystem, point: RawChargePoint
) -> None:
    for _ in range(3):
        with pytest.raises(CallTimedOut):
            await central.charge_point("CP1").call(ClearCache(), timeout_s=0.02)
        assert (await point.receive())[2] == "ClearCache"
        assert "currentTime" in await point.call("Heartbeat")
    recorded = await central.store.read(lambda reader: commands.of(reader, "CP1"))
    assert [command.state for command in recorded] == ["timed out"] * 3


async def test_q16_nothing_is_sent_before_the_boot_is_answered(
    central: CentralSystem, mock_clock: MockClock, nursery: trio.Nursery
) -> None:
    async def call() -> None:
        await central.charge_point("CP1").call(ClearCache())

    async with charge_point(central) as point:
        await settled()
        nursery.start_soon(call)
        await settled()
        assert (await point.boot())["status"] == "Accepted"  # and not our CALL
        await answer_call(point, "ClearCache", {"status": "Accepted"})
    async with charge_point(central) as point:  # does not boot, but speaks
        await settled()
        nursery.start_soon(call)
        await settled()
        await point.send(2, "1", "StatusNotification", status())
        frames = {frame[0]: frame for frame in [await point.receive(), await point.receive()]}
        assert frames[3][1] == "1"
        await point.send(3, frames[2][1], {"status": "Accepted"})
        await settled()
    async with charge_point(central) as point:  # is silent
        await settled()
        nursery.start_soon(call)
        await settled()
        await pass_time(mock_clock, central.settings.ocpp.boot_grace)
        await answer_call(point, "ClearCache", {"status": "Accepted"})
    # Nor is what was queued or wanted meanwhile; then comes one after the other.
    await central.charge_point("CP1").submit(UnlockConnector(connector_id=1))
    await wish(central, "HeartbeatInterval", "60")
    async with charge_point(central) as point:
        await settled()
        assert (await point.boot())["status"] == "Accepted"
        queued = await point.receive()
        assert queued[2] == "UnlockConnector"
        await pass_time(mock_clock, 2 * central.settings.provisioning.delay, 1)
        assert "currentTime" in await point.call("Heartbeat")  # one at a time
        await point.send(3, queued[1], {"status": "Unlocked"})
        assert (await point.receive())[2] == "GetConfiguration"


async def test_q17_after_a_reconnect_no_boot_is_required(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    transaction_id = await start(point)
    async with charge_point(central) as back:
        assert await stop(back, transaction_id) == {}
        assert (await transaction(central, transaction_id)).energy_wh == 1500
        assert state(central).vendor == "VendorX"
        nursery.start_soon(central.charge_point("CP1").call, ClearCache())
        await answer_call(back, "ClearCache", {"status": "Accepted"})
        # A boot that we ask for is answered like any, and is no reboot: what runs is no suspect.
        running = await start(back, connectorId=2, timestamp=now())
        booted_at_us = state(central).booted_at_us
        trigger = TriggerMessage(requested_message=MessageTrigger.BOOT_NOTIFICATION)
        nursery.start_soon(central.charge_point("CP1").call, trigger)
        await answer_call(back, "TriggerMessage", {"status": "Accepted"})
        with central.watch("CP1") as events:
            assert (await back.boot())["status"] == "Accepted"
            while not isinstance(event := (await events.next()).event, Booted):
                pass
        assert event.triggered
        assert (state(central).booted_at_us, len(state(central).boots_us)) == (booted_at_us, 1)
        assert (await transaction(central, running)).suspect_since_us is None
        # The next one is its own again.
        assert (await back.boot())["status"] == "Accepted"
        assert (await transaction(central, running)).suspect_since_us is not None


async def test_q18_a_reboot_is_not_answered_with_settings(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    for _ in range(3):  # one that reboots for each setting would never end
        await point.boot()
        await settled()
        assert "currentTime" in await point.call("Heartbeat")  # the next frame, so nothing was sent
    answers: list[ChangeConfigurationResponse] = []

    async def change() -> None:
        request = ChangeConfiguration(key="MeterValueSampleInterval", value="60")
        answers.append(await central.charge_point("CP1").call(request))

    for answer in ConfigurationStatus:  # RebootRequired is a success, and no answer is an error
        nursery.start_soon(change)
        await answer_call(point, "ChangeConfiguration", {"status": str(answer)})
        await settled()
    assert [answer.status for answer in answers] == list(ConfigurationStatus)
    # What is wanted is written where it differs, measurands as one list; what was rejected is
    # remembered for this firmware, over reboots and reconnects.
    for key, value in (
        ("HeartbeatInterval", "60"),
        ("MeterValuesSampledData", "Voltage, Power.Active.Import"),
        ("LightIntensity", "7"),
    ):
        await wish(central, key, value)
    holds = {"HeartbeatInterval": "60", "MeterValuesSampledData": "Voltage", "LightIntensity": "1"}
    written = await configure(point, holds)
    for _ in range(2):
        async with charge_point(central) as back:
            await back.boot()
            await pass_time(mock_clock, 2 * central.settings.provisioning.delay, 1)
            written += await configure(back, holds)
    assert written == [
        ("LightIntensity", "7"),
        ("MeterValuesSampledData", "Voltage,Power.Active.Import"),
    ]


async def test_q19_no_socket_is_dropped_that_need_not_be(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "central.db"))
    )
    central = CentralSystem(settings, inline_store=True)
    async with central, charge_point(central) as point:
        await point.boot()
        await pass_time(mock_clock, 19 * 60)  # silent, but for pongs
        # What an operator changes costs no connection.
        await central.store.write(lambda db: charge_points.edit(db, "CP1", 0, note="by the gate"))
        assert "currentTime" in await point.call("Heartbeat")
        central.stop()
        with pytest.raises(ConnectionClosed) as caught:
            await point.receive()
        assert close_code(caught.value) == 1001  # going away: come back
    central = CentralSystem(settings, inline_store=True)
    async with central:
        await pass_time(mock_clock, 19 * 60)
        assert not state(central).connected
        async with charge_point(central) as point:
            assert "currentTime" in await point.call("Heartbeat")


async def test_q20_while_pending_it_may_only_answer(
    central: CentralSystem, nursery: trio.Nursery
) -> None:
    await register(central, "NEW", registration=RegistrationStatus.PENDING)
    async with charge_point(central, "NEW") as point:
        boot = await point.boot()
        assert boot["status"] == "Pending"
        assert boot["interval"] == central.settings.ocpp.retry_interval
        for action, payload in (("Heartbeat", {}), ("Authorize", {"idTag": TAG})):
            assert (await point.ask(action, payload))[2] == "SecurityError"
        with pytest.raises(NotAllowedNow):
            await central.charge_point("NEW").call(RemoteStartTransaction(id_tag=TAG))
        nursery.start_soon(central.charge_point("NEW").call, GetConfiguration())
        assert await answer_call(point, "GetConfiguration", {"configurationKey": []}) == {}
        trigger = TriggerMessage(requested_message=MessageTrigger.STATUS_NOTIFICATION)
        nursery.start_soon(central.charge_point("NEW").call, trigger)
        await answer_call(point, "TriggerMessage", {"status": "Accepted"})
        assert await point.call("StatusNotification", status()) == {}  # it was asked for that
        await central.store.write(
            lambda db: charge_points.edit(db, "NEW", 0, registration=RegistrationStatus.ACCEPTED)
        )
        # It believes to be Pending, so it is asked to boot again.
        asked = {"requestedMessage": "BootNotification"}
        assert await answer_call(point, "TriggerMessage", {"status": "Accepted"}) == asked
        assert (await point.boot())["status"] == "Accepted"
        await put_tag(central, TAG)
        assert "currentTime" in await point.call("Heartbeat")

"""Q21 to Q36: messages, ids and values as odd charge points write them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import to_us
from ocpptrio.errors import CallRefused, CallTimedOut
from ocpptrio.events import StatusChanged
from ocpptrio.protocol.core import (
    ClearCache,
    DataTransfer,
    DataTransferResponse,
    DataTransferStatus,
    GetConfiguration,
    UnlockConnector,
)
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import commands, deviations, journal
from tests.clients import BOOT, RawChargePoint, charge_point, close_code, test_settings
from tests.quirks.scene import (
    BOOTED,
    TAG,
    TIME_US,
    Wire,
    all_transactions,
    answer_call,
    oddities,
    profiled,
    put_tag,
    readings,
    sampled,
    settled,
    start,
    start_request,
    state,
    status,
    stop,
    stop_request,
    transaction,
    upgrade,
)


async def test_q21_a_resent_call_gets_the_stored_answer(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await point.send(2, "same", "StartTransaction", start_request())
    first = await point.websocket.get_message()
    await point.send(2, "tag", "Authorize", {"idTag": TAG})
    accepted = await point.receive()
    await put_tag(central, TAG, blocked=True)  # worked out again, the answers would be others
    for _ in range(2):
        await point.send(2, "same", "StartTransaction", start_request())
        assert await point.websocket.get_message() == first
        await point.send(2, "tag", "Authorize", {"idTag": TAG})
        assert await point.receive() == accepted
    assert len(await all_transactions(central)) == 1
    # The same id with another payload is another message.
    await point.send(2, "same", "Authorize", {"idTag": TAG})
    assert (await point.receive())[2] == {"idTagInfo": {"status": "Blocked"}}
    assert ("Authorize", "uniqueId", "reused id") in await oddities(central)
    # One that comes again while it is being worked on is worked on once.
    calls = 0
    go = trio.Event()

    async def slow(incoming: Incoming, request: DataTransfer) -> DataTransferResponse:
        nonlocal calls
        calls += 1
        await go.wait()
        return DataTransferResponse(status=DataTransferStatus.ACCEPTED)

    central.handlers[DataTransfer] = slow
    for _ in range(3):
        await point.send(2, "slow", "DataTransfer", {"vendorId": "x"})
    await settled()
    go.set()
    assert await point.receive() == [3, "slow", {"status": "Accepted"}]
    await point.send(2, "after", "Heartbeat", {})
    assert (await point.receive())[1] == "after"
    assert calls == 1


async def test_q22_ids_that_begin_anew_are_new(central: CentralSystem) -> None:
    ids = []
    for connector in (1, 2):  # a reboot each, and counting from 1000001 again
        async with charge_point(central) as point:
            await point.send(2, "1000001", "BootNotification", BOOT)
            assert (await point.receive())[2]["status"] == "Accepted"
            await point.send(2, "1000002", "StartTransaction", start_request(connectorId=connector))
            answer = await point.receive()
            ids.append(answer[2]["transactionId"])
    assert len(set(ids)) == 2
    async with charge_point(central) as point:
        # What is the same transaction is known by what it says, not by the id of the message.
        await point.send(2, "1", "StartTransaction", start_request(connectorId=2))
        assert (await point.receive())[2]["transactionId"] == ids[1]
    assert ("StartTransaction", "uniqueId", "reused id") not in await oddities(central)


async def test_q23_calls_may_cross(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    nursery.start_soon(central.charge_point("CP1").call, ClearCache())
    ours = await point.receive()
    assert "currentTime" in await point.call("Heartbeat")  # while ours waits
    assert (await point.call("Authorize", {"idTag": TAG}))["idTagInfo"]["status"] == "Accepted"
    await point.send(3, ours[1], {"status": "Accepted"})

    async def asks_back(incoming: Incoming, request: DataTransfer) -> DataTransferResponse:
        response = await central.charge_point("CP1").call(UnlockConnector(connector_id=1))
        return DataTransferResponse(status=DataTransferStatus.ACCEPTED, data=response.status)

    central.handlers[DataTransfer] = asks_back
    await point.send(2, "theirs", "DataTransfer", {"vendorId": "x"})
    await answer_call(point, "UnlockConnector", {"status": "Unlocked"})
    assert await point.receive() == [3, "theirs", {"status": "Accepted", "data": "Unlocked"}]


async def test_q24_an_answer_belongs_to_its_id_alone(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    with pytest.raises(CallTimedOut):
        await central.charge_point("CP1").call(ClearCache(), timeout_s=0.02)
    late = await point.receive()
    answers: list[object] = []

    async def ask() -> None:
        answers.append(await central.charge_point("CP1").call(UnlockConnector(connector_id=1)))

    nursery.start_soon(ask)
    current = await point.receive()
    await point.send(3, "foreign", {"status": "Unlocked"})
    await point.send(4, "foreign", "InternalError", "", {})
    await point.send(3, late[1], {"status": "Rejected"})
    assert "currentTime" in await point.call("Heartbeat")
    assert answers == []
    await point.send(3, current[1], {"status": "NotSupported"})
    await settled()
    assert [getattr(answer, "status", None) for answer in answers] == ["NotSupported"]
    recorded = await central.store.read(lambda reader: commands.of(reader, "CP1"))
    assert [(each.action, each.response, each.late) for each in recorded] == [
        ("UnlockConnector", '{"status":"NotSupported"}', False),
        ("ClearCache", '{"status":"Rejected"}', True),
    ]
    assert ("", "uniqueId", "unexpected answer") in await oddities(central)


@pytest.mark.parametrize(
    ("error", "code", "description"),
    [
        ([4, "ID", "InternalError"], "InternalError", ""),
        ([4, "ID", "InternalError", "why"], "InternalError", "why"),
        ([4, "ID", "InternalError", None, None], "InternalError", ""),
        ([4, "ID", "OutOfCoffee", "why", {"a": 1}], "OutOfCoffee", "why"),
        ([4, "", "GenericError", "unreadable", {}], "GenericError", "unreadable"),
        ([4, "-1", "RpcFrameworkError", "", {}], "RpcFrameworkError", ""),
    ],
)
async def test_q25_an_odd_callerror_is_an_answer(
    central: CentralSystem,
    point: RawChargePoint,
    nursery: trio.Nursery,
    error: list[object],
    code: str,
    description: str,
) -> None:
    async def refuse() -> None:
        asked = await point.receive()
        await point.send(*(asked[1] if item == "ID" else item for item in error))

    nursery.start_soon(refuse)
    with pytest.raises(CallRefused) as caught:
        await central.charge_point("CP1").call(ClearCache())
    assert (caught.value.code, caught.value.description) == (code, description)


async def test_q26_a_number_as_id_comes_back_as_a_number(
    central: CentralSystem, point: RawChargePoint
) -> None:
    for unique_id in ("7", "7.0", '"7"', "-1", "12345678901234567890"):
        await point.websocket.send_message(f'[2,{unique_id},"Heartbeat",{{}}]')
        text = await point.websocket.get_message()
        assert isinstance(text, str)
        echoed = text.split(",")[1]
        assert json.loads(echoed) == json.loads(unique_id)
        assert type(json.loads(echoed)) is type(json.loads(unique_id))
    assert ("Heartbeat", "uniqueId", "wrong type") in await oddities(central)
    for none in ("null", '""'):
        await point.websocket.send_message(f'[2,{none},"Heartbeat",{{}}]')
        assert (await point.receive())[:3] == [4, "", "FormationViolation"]


async def test_q27_broken_json_is_answered_and_counted(
    central: CentralSystem, point: RawChargePoint
) -> None:
    broken = '[2,"42","MeterValues",{"connectorId":1,"meterValue":[{"sampledValue":[,{'
    for _ in range(3):
        await point.websocket.send_message(broken)
        assert (await point.receive())[:3] == [4, "42", "FormationViolation"]
    assert "currentTime" in await point.call("Heartbeat")  # one more chance
    (noted,) = [
        each
        for each in await central.store.read(lambda reader: deviations.of(reader, "CP1"))
        if each.kind == "invalid JSON"
    ]
    assert noted.occurrences == 3
    assert "sampledValue" in noted.example
    for _ in range(20):
        await point.websocket.send_message("{{{")
    with pytest.raises(ConnectionClosed) as caught:
        await point.receive()
    assert close_code(caught.value) == 1008


async def test_q28_stray_bytes_in_a_tag_stop_no_stop(central: CentralSystem) -> None:
    dirty = TAG + "\x10\x0e"
    async with Wire.to(central) as wire:
        await wire.open(upgrade())
        await wire.send_text(BOOTED)
        await wire.message()
        # Not escaped, as no JSON has it; and a NUL behind it all.
        request = json.dumps([2, "1", "StartTransaction", start_request(idTag="@")])
        await wire.send_text(request.replace("@", dirty).encode() + b"\0")
        started = (await wire.message())[2]
        assert started["idTagInfo"]["status"] == "Accepted"
        transaction_id = started["transactionId"]
        # Nor is this UTF-8.
        request = json.dumps([2, "2", "StopTransaction", stop_request(transaction_id, idTag="@")])
        await wire.send_text(request.encode().replace(b"@", TAG.encode() + b"\xfe\x00\xff"))
        kind, unique_id, stopped = await wire.message()
        assert (kind, unique_id, stopped["idTagInfo"]["status"]) == (3, "2", "Accepted")
        await wire.send_text(b'[2,"3","Heartbeat",{}]')
        assert (await wire.message())[0] == 3
    record = await transaction(central, transaction_id)
    assert record.id_tag == dirty  # as it came
    assert (record.state, record.energy_wh) == ("stopped", 1500)
    assert {
        ("StartTransaction", "", "control characters"),
        ("StopTransaction", "", "invalid UTF-8"),
    } <= await oddities(central)
    entries = await central.store.read(
        lambda reader: journal.entries(reader, action="StopTransaction", direction="in")
    )
    assert r"04A1B2C3\xfe" in entries[0].text


async def test_q29_null_empty_and_binary_messages(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await point.send(2, "1", "Heartbeat", None)
    assert (await point.receive())[:2] == [3, "1"]
    await point.websocket.send_message("")
    await point.websocket.send_message(" \n")
    await point.websocket.send_message(b'[2,"2","Heartbeat",{}]')
    assert (await point.receive())[:2] == [3, "2"]  # and nothing before
    assert ("Heartbeat", "", "binary frame") in await oddities(central)
    await point.websocket.send_message(b"\x89PNG\xff\xfe")
    with pytest.raises(ConnectionClosed) as caught:
        await point.receive()
    assert close_code(caught.value) == 1003


async def test_q30_vendor_actions_are_not_implemented(
    central: CentralSystem, point: RawChargePoint
) -> None:
    for action in ("TransactionStarted", "Blink", "heartbeat"):
        assert (await point.ask(action, {"any": "thing"}))[2] == "NotImplemented"
    assert "currentTime" in await point.call("Heartbeat")
    assert ("Blink", "", "unknown Action") in await oddities(central)


async def test_q31_texts_too_long_or_empty_are_taken(
    central: CentralSystem, point: RawChargePoint
) -> None:
    serial = "SN-" + "0123456789" * 3
    boot = {"chargePointVendor": "", "chargePointModel": "M" * 40}
    boot["chargePointSerialNumber"] = serial
    assert (await point.call("BootNotification", boot))["status"] == "Accepted"
    assert state(central).serial_number == serial
    assert (state(central).vendor, state(central).model) == ("", "M" * 40)
    long_tag = "0123456789ABCDEF01234"  # 21
    transaction_id = await start(point, idTag=long_tag)
    await stop(point, transaction_id, idTag=long_tag, reason="Because")
    record = await transaction(central, transaction_id)
    assert (record.id_tag, record.stop_id_tag, record.state) == (long_tag, long_tag, "stopped")
    assert record.stop_reason == "Because"
    assert {
        ("BootNotification", "chargePointSerialNumber", "too long"),
        ("StartTransaction", "idTag", "too long"),
        ("StopTransaction", "idTag", "too long"),
        ("StopTransaction", "reason", "unknown value"),
    } <= await oddities(central)


async def test_q32_odd_units_and_enumerations_are_read(
    central: CentralSystem, point: RawChargePoint
) -> None:
    samples: list[dict[str, str]] = [
        {"value": "50.0", "measurand": "Frequency", "unit": "Hz"},
        {"value": "31.5", "measurand": "Temperature", "unit": "Celcius"},
        {"value": "7000", "measurand": "Power.Active.Import", "unit": "Wh"},
        {"value": "16", "measurand": "Current.Import", "phase": "N"},
        {"value": "99", "measurand": "Request.Energy", "context": "Sample.Whenever"},
        {"value": "1.5", "unit": "kwh"},
    ]
    assert await point.call("MeterValues", sampled(*samples)) == {}
    second = [
        {"value": "50.1", "measurand": "Frequency", "unit": "Hertz"},
        {"value": "32", "measurand": "Temperature", "unit": "Celsius"},
        {"value": "3", "unit": "parsec"},
    ]
    assert await point.call("MeterValues", sampled(*second, at="2026-01-15T08:31:00Z")) == {}
    first, other = await readings(central)
    assert (first.frequency_hz, other.frequency_hz) == (50.0, 50.1)
    assert (first.temperature_c, other.temperature_c) == (31.5, 32)
    assert (first.power_w, first.current_a) == (7000, None)  # of the neutral is no total
    assert (first.energy_wh, other.energy_wh) == (1500, None)  # of no unit that we know
    kept = json.loads(first.sampled_values)
    assert kept[4]["measurand"] == "Request.Energy"
    assert kept[0]["unit"] == "Hz"
    assert {
        path.rpartition(".")[2]
        for action, path, kind in await oddities(central)
        if (action, kind) == ("MeterValues", "unknown value")
    } == {"unit", "measurand", "context"}


async def test_q33_values_of_every_shape_are_read(
    central: CentralSystem, point: RawChargePoint
) -> None:
    one = {"connectorId": "1", "meterValue": {"timestamp": "2026-01-15T08:30:00Z"}}
    one["meterValue"] |= {"sampledValue": {"value": 1234}}  # type: ignore[operator]  # JSON
    assert await point.call("MeterValues", one) == {}
    for minute, value in enumerate(("", " ", "n/a", 1235.5, "1236,5", None), 31):
        at = f"2026-01-15T08:{minute}:00Z"
        assert await point.call("MeterValues", sampled({"value": value}, at=at)) == {}
    found = [reading.energy_wh for reading in await readings(central)]
    assert found[:5] == [1234, None, None, None, 1235.5]
    assert 0 not in found  # a blank is no value, not a zero


async def test_q34_times_of_every_shape_are_read(tmp_path: Path) -> None:
    now_us = to_us(datetime(2026, 1, 15, 12, tzinfo=UTC))
    settings = test_settings()
    async with CentralSystem(settings, clock=lambda: now_us, inline_store=True) as central:
        async with charge_point(central) as point:
            await point.boot()
            with central.watch("CP1") as events:
                for number, (text, meant_us) in enumerate(
                    [
                        (None, now_us),
                        ("", now_us),
                        ("1970-01-01T00:00:07Z", now_us),
                        ("2026-01-15T08:00:00", TIME_US),  # no zone
                        ("2026-01-15 08:00:00", TIME_US),
                        ("2026-01-15T08:00:00.123456789Z", TIME_US + 123_457),
                        ("2026-01-15T10:00:00+0200", TIME_US),
                        ("2026-01-10T08:00:00Z", TIME_US - 5 * 86_400_000_000),
                    ],
                    1,
                ):
                    request = status(connector=number)
                    if text is not None:
                        request["timestamp"] = text
                    assert await point.call("StatusNotification", request) == {}, text
                    event = (await events.next()).event
                    while not isinstance(event, StatusChanged):
                        event = (await events.next()).event
                    assert (event.status_at_us, event.at_us) == (meant_us, now_us), text
            transaction_id = await start(point, timestamp="15.01.2026 8 Uhr")
            assert await stop(point, transaction_id, timestamp="") == {}
        record = await transaction(central, transaction_id)
        assert (record.started_at_us, record.start_received_at_us) == (now_us, now_us)
        assert record.energy_wh == 1500
        assert ("StatusNotification", "timestamp", "time without zone") in await oddities(central)
    # Of one that is known to send its local time, that is meant: also in a stop kept as an orphan.
    settings = profiled(tmp_path, time_zone="+08:00")
    async with CentralSystem(settings, clock=lambda: now_us, inline_store=True) as central:
        async with charge_point(central) as point:
            await point.boot()
            for text in (
                "2026-01-15T16:00:00",
                "2026-01-15T08:00:00Z",
                "2026-01-15T10:00:00+02:00",
            ):
                at = status(timestamp=text)
                assert await point.call("StatusNotification", at) == {}
                assert state(central).connectors[1].status_at_us == TIME_US, text
            assert await stop(point, 0, timestamp="2026-01-15T16:30:00") == {}
            transaction_id = await start(point, timestamp="2026-01-15T16:00:00")
        record = await transaction(central, transaction_id)
        assert (record.started_at_us, record.stopped_at_us) == (TIME_US, TIME_US + 1_800_000_000)
        assert ("StatusNotification", "timestamp", "time without zone") in await oddities(central)


async def test_q35_our_times_are_whole_seconds_of_utc(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await put_tag(central, "CAFE", expires_at_us=4_102_444_800_123_456)
    boot, heartbeat = await point.boot(), await point.call("Heartbeat")
    info = (await point.call("Authorize", {"idTag": "CAFE"}))["idTagInfo"]
    for text in (boot["currentTime"], heartbeat["currentTime"], info["expiryDate"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)


async def test_q36_a_slow_station_has_one_call_at_a_time(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery, tmp_path: Path
) -> None:
    requests: list[Any] = [ClearCache(), GetConfiguration(), UnlockConnector(connector_id=1)]
    for request in requests:
        nursery.start_soon(central.charge_point("CP1").call, request)
        await settled()
    for action, answer in (
        ("ClearCache", {"status": "Accepted"}),
        ("GetConfiguration", {"configurationKey": []}),
        ("UnlockConnector", {"status": "Unlocked"}),
    ):
        ours = await point.receive()
        assert ours[2] == action
        await settled()
        assert "currentTime" in await point.call("Heartbeat")  # the next frame: no second CALL
        await point.send(3, ours[1], answer)
    await settled()
    # One that is slower still has its own time-out.
    with pytest.raises(CallTimedOut, match=r"within 0\.01 s"):
        await central.charge_point("CP1").call(ClearCache(), timeout_s=0.01)
    settings = profiled(tmp_path, call_timeout_s=0.02)
    async with CentralSystem(settings, inline_store=True) as slow, charge_point(slow) as point:
        await point.boot()
        with pytest.raises(CallTimedOut, match=r"within 0\.02 s"):
            await slow.charge_point("CP1").call(ClearCache())

"""Scenarios from the texts and the field, over a real WebSocket; the ids are those of the lists
that the specification's errata, test cases and the issue threads of other systems add up to.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import to_us
from ocpptrio.config import AuthorizationSettings
from ocpptrio.errors import CallRefused, NotAllowedNow
from ocpptrio.events import StatusChanged
from ocpptrio.protocol.core import (
    ClearCache,
    ClearCacheResponse,
    ClearCacheStatus,
    GetConfiguration,
    RegistrationStatus,
    RemoteStartTransaction,
    RemoteStopTransaction,
)
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.store import (
    charge_points,
    deviations,
    id_tags,
    meter_readings,
    orphan_stops,
    transactions,
)
from ocpptrio.store.records import IdTagRecord, TransactionRecord
from tests.clients import RawChargePoint, charge_point, now, test_settings

TIME = "2026-01-15T08:00:00Z"
HOUR_US = 3_600_000_000
TAG = "04A1B2C3"


async def put_tag(central: CentralSystem, id_tag: str, **fields: Any) -> None:  # Any: columns
    record = IdTagRecord(id_tag=id_tag, created_at_us=0, **fields)
    await central.store.write(lambda db: id_tags.put(db, record))


async def register(central: CentralSystem, identity: str = "CP1", **fields: Any) -> None:
    await central.store.write(
        lambda db: charge_points.add(
            db, charge_point_id=identity, origin="added", at_us=0, **fields
        )
    )


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        await register(central)
        await put_tag(central, TAG, parent_id_tag="FLEET-7")
        yield central


@pytest.fixture
async def point(central: CentralSystem) -> AsyncIterator[RawChargePoint]:
    async with charge_point(central) as point:
        await point.boot()
        yield point


async def transaction(central: CentralSystem, transaction_id: int) -> TransactionRecord:
    record = await central.store.read(lambda reader: transactions.get(reader, transaction_id))
    assert record is not None
    return record


def start_request(**changes: Any) -> dict[str, Any]:  # Any: JSON
    return {"connectorId": 1, "idTag": TAG, "meterStart": 1000, "timestamp": TIME} | changes


async def start(point: RawChargePoint, **changes: Any) -> dict[str, Any]:
    return await point.call("StartTransaction", start_request(**changes))


async def stop(point: RawChargePoint, transaction_id: int, **changes: Any) -> dict[str, Any]:
    request = {
        "transactionId": transaction_id,
        "meterStop": 2500,
        "timestamp": "2026-01-15T09:00:00Z",
    }
    return await point.call("StopTransaction", request | changes)


# Frames.


async def test_f1_a_null_payload_is_an_empty_one(point: RawChargePoint) -> None:
    await point.send(2, "1", "Heartbeat", None)
    assert (await point.receive())[:2] == [3, "1"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ([2, "1", "Foo", {}], "NotImplemented"),
        ([2, "1", "Authorize", {}], "OccurenceConstraintViolation"),
        ([2, "1", "Authorize", {"idTag": 12}], "TypeConstraintViolation"),
        (
            [
                2,
                "1",
                "StatusNotification",
                {"connectorId": 1, "errorCode": "NoError", "status": "Foo"},
            ],
            "PropertyConstraintViolation",
        ),
        ([2, "1", "Heartbeat"], "FormationViolation"),
        ([2, "1", "Reset", {"type": "Soft"}], "NotSupported"),
    ],
    ids=["f2", "f3", "f5", "f6", "f10", "f19"],
)
async def test_f_broken_calls_are_answered_with_the_right_code(
    point: RawChargePoint, frame: list[object], code: str
) -> None:
    await point.send(*frame)
    answer = await point.receive()
    assert (answer[0], answer[1], answer[2]) == (4, "1", code)
    assert len(answer) == 5


async def test_f4_a_tag_of_21_characters_is_read(point: RawChargePoint) -> None:
    info = (await point.call("Authorize", {"idTag": "x" * 21}))["idTagInfo"]
    assert info == {"status": "Invalid"}


@pytest.mark.parametrize(
    "text", ['[9,"1",{}]', "{", "[]", '""', "", '[3,"unknown",{}]', '[3,"",{}]', '[4,"x","y"]']
)
async def test_f7_f8_f9_what_is_no_call_gets_no_answer(point: RawChargePoint, text: str) -> None:
    await point.websocket.send_message(text)
    await point.send(2, "after", "Heartbeat", {})
    assert (await point.receive())[:2] == [3, "after"]


@pytest.mark.parametrize("length", [37, 300])
async def test_f11_a_long_id_is_echoed(point: RawChargePoint, length: int) -> None:
    await point.send(2, "i" * length, "Heartbeat", {})
    assert (await point.receive())[1] == "i" * length


async def test_f12_two_calls_in_a_burst_are_answered_in_order(point: RawChargePoint) -> None:
    await point.send(2, "1", "Heartbeat", {})
    await point.send(2, "2", "Heartbeat", {})
    assert [(await point.receive())[1] for _ in range(2)] == ["1", "2"]


async def test_f15_two_operators_share_one_wire(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    for _ in range(2):
        nursery.start_soon(central.charge_point("CP1").call, ClearCache())
    first = await point.receive()
    await point.send(2, "between", "Heartbeat", {})
    assert (await point.receive())[1] == "between"
    await point.send(3, first[1], {"status": "Accepted"})
    second = await point.receive()
    assert second[2] == "ClearCache"
    await point.send(3, second[1], {"status": "Accepted"})


async def test_f18_an_extra_field_is_accepted_and_noted(
    central: CentralSystem, point: RawChargePoint
) -> None:
    boot = {"chargePointVendor": "V", "chargePointModel": "M", "colour": "red"}
    assert (await point.call("BootNotification", boot))["status"] == "Accepted"
    (deviation,) = await central.store.read(lambda reader: deviations.of(reader, "CP1"))
    assert (deviation.action, deviation.field) == ("BootNotification", "colour")
    assert (deviation.kind, deviation.occurrences) == ("unknown field", 1)


async def test_f21_a_callerror_without_the_id_answers_the_only_call(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    async def refuse() -> None:
        await point.receive()
        await point.send(4, "-1", "GenericError", "could not read", {})

    nursery.start_soon(refuse)
    with pytest.raises(CallRefused, match="could not read"):
        await central.charge_point("CP1").call(ClearCache())


# Boot.


@pytest.mark.parametrize("status", [RegistrationStatus.PENDING, RegistrationStatus.REJECTED])
async def test_b1_before_it_is_accepted_only_a_boot_is_answered(
    central: CentralSystem, status: RegistrationStatus
) -> None:
    await register(central, "NEW", registration=status)
    async with charge_point(central, "NEW") as point:
        boot = await point.boot()
        assert (boot["status"], boot["interval"]) == (status, 60)
        assert "currentTime" in boot
        frame = await point.ask("Heartbeat")
        assert (frame[0], frame[2]) == (4, "SecurityError")


async def test_b2_pending_allows_all_commands_but_remote_start_and_stop(
    central: CentralSystem, nursery: trio.Nursery
) -> None:
    await register(central, "NEW", registration=RegistrationStatus.PENDING)
    async with charge_point(central, "NEW") as point:
        await point.boot()
        nursery.start_soon(central.charge_point("NEW").call, GetConfiguration())
        frame = await point.receive()
        assert frame[2:] == ["GetConfiguration", {}]
        await point.send(3, frame[1], {"configurationKey": []})
        for request in (
            RemoteStartTransaction(id_tag=TAG, connector_id=1),
            RemoteStopTransaction(transaction_id=1),
        ):
            with pytest.raises(NotAllowedNow, match="Pending"):
                await central.charge_point("NEW").call(request)


async def test_b3_what_we_trigger_while_pending_is_answered(
    central: CentralSystem, nursery: trio.Nursery
) -> None:
    await register(central, "NEW", registration=RegistrationStatus.PENDING)
    async with charge_point(central, "NEW") as point:
        await point.boot()
        nursery.start_soon(
            central.charge_point("NEW").call,
            TriggerMessage(requested_message=MessageTrigger.STATUS_NOTIFICATION),
        )
        frame = await point.receive()
        await point.send(3, frame[1], {"status": "Accepted"})
        status = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}
        assert await point.call("StatusNotification", status) == {}
        assert (await point.ask("Heartbeat"))[2] == "SecurityError"


async def test_b4_nothing_is_sent_to_a_rejected_one(central: CentralSystem) -> None:
    await register(central, "NEW", registration=RegistrationStatus.REJECTED)
    async with charge_point(central, "NEW") as point:
        await point.boot()
        with pytest.raises(NotAllowedNow, match="rejected"):
            await central.charge_point("NEW").call(ClearCache())


async def test_b5_without_a_boot_an_accepted_one_is_served(central: CentralSystem) -> None:
    async with charge_point(central) as point:
        assert "currentTime" in await point.call("Heartbeat")


async def test_b6_a_second_boot_leaves_transactions_open(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    assert (await point.boot())["status"] == "Accepted"
    assert (await transaction(central, started["transactionId"])).state == "open"


async def test_commands_wait_until_the_boot_is_answered(
    central: CentralSystem, nursery: trio.Nursery
) -> None:
    responses: list[ClearCacheResponse] = []

    async def ask() -> None:
        responses.append(await central.charge_point("CP1").call(ClearCache()))

    async with charge_point(central) as point:
        await wait_all_tasks_blocked()
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        await point.send(
            2, "boot", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}
        )
        assert (await point.receive())[1] == "boot"
        frame = await point.receive()
        assert frame[2] == "ClearCache"
        await point.send(3, frame[1], {"status": "Accepted"})
        assert "currentTime" in await point.call("Heartbeat")  # after the answer was read
    assert responses == [ClearCacheResponse(status=ClearCacheStatus.ACCEPTED)]


# Authorization.


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "Accepted"),
        ({"blocked": True}, "Blocked"),
        ({"expires_at_us": 1}, "Expired"),
        ({"expires_at_us": 1, "blocked": True}, "Blocked"),
    ],
)
async def test_authorize_tells_the_state_of_the_tag(
    central: CentralSystem, point: RawChargePoint, fields: dict[str, Any], status: str
) -> None:
    await put_tag(central, "CAFE", **fields)
    info = (await point.call("Authorize", {"idTag": "CAFE"}))["idTagInfo"]
    assert info["status"] == status


async def test_authorize_names_parent_and_expiry(
    central: CentralSystem, point: RawChargePoint
) -> None:
    expires = 4_102_444_800_000_000
    await put_tag(central, "CAFE", parent_id_tag="FLEET-7", expires_at_us=expires)
    assert (await point.call("Authorize", {"idTag": "cafe"}))["idTagInfo"] == {
        "status": "Accepted",
        "parentIdTag": "FLEET-7",
        "expiryDate": "2100-01-01T00:00:00Z",
    }


async def test_x12_letter_case_does_not_make_another_tag(point: RawChargePoint) -> None:
    info = (await point.call("Authorize", {"idTag": TAG.lower()}))["idTagInfo"]
    assert info["status"] == "Accepted"


# Transactions.


async def test_a_transaction_from_start_to_stop(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    assert started["idTagInfo"] == {"status": "Accepted", "parentIdTag": "FLEET-7"}
    transaction_id = started["transactionId"]
    assert transaction_id > 0
    answer = await stop(point, transaction_id, idTag=TAG, reason="EVDisconnected")
    assert answer["idTagInfo"]["status"] == "Accepted"
    record = await transaction(central, transaction_id)
    assert (record.state, record.energy_wh, record.stop_reason) == (
        "stopped",
        1500,
        "EVDisconnected",
    )


async def test_x1_x2_a_start_that_comes_again_is_the_same_transaction(
    central: CentralSystem, point: RawChargePoint
) -> None:
    first = await start(point)
    assert await start(point) == first  # new id of the message
    async with charge_point(central) as later:  # new connection
        assert await start(later) == first
        assert await start(later, idTag=TAG.lower()) == first


async def test_x1_a_call_that_comes_again_gets_the_same_text(point: RawChargePoint) -> None:
    await point.send(2, "same", "StartTransaction", start_request())
    first = await point.receive()
    await point.send(2, "same", "StartTransaction", start_request())
    assert await point.receive() == first


async def test_x3_a_refused_start_gets_an_id_all_the_same(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await put_tag(central, "BAD", blocked=True)
    started = await start(point, idTag="BAD")
    assert started["idTagInfo"]["status"] == "Blocked"
    assert started["transactionId"] > 0
    assert "status" not in started
    record = await transaction(central, started["transactionId"])
    assert record.authorization_status == "Blocked"


async def test_x4_a_tag_that_charges_elsewhere_is_concurrent(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await start(point, timestamp=now())
    second = await start(point, connectorId=2, timestamp=now())
    assert second["idTagInfo"]["status"] == "ConcurrentTx"
    # Never in Authorize, where it would be cached.
    assert (await point.call("Authorize", {"idTag": TAG}))["idTagInfo"]["status"] == "Accepted"


@pytest.mark.parametrize("limit", [0, 2])
async def test_a_tag_may_have_a_limit_of_its_own(
    central: CentralSystem, point: RawChargePoint, limit: int
) -> None:
    await put_tag(central, "POOL", max_concurrent=limit)
    await start(point, idTag="POOL")
    second = await start(point, idTag="POOL", connectorId=2)
    assert second["idTagInfo"]["status"] == "Accepted"


async def test_the_limit_for_all_is_configured() -> None:
    settings = test_settings()
    settings = type(settings)(
        ocpp=settings.ocpp,
        store=settings.store,
        authorization=AuthorizationSettings(max_concurrent_transactions=2),
    )
    async with CentralSystem(settings, inline_store=True) as central:
        await put_tag(central, TAG)
        async with charge_point(central) as point:
            statuses = [
                (await start(point, connectorId=connector))["idTagInfo"]["status"]
                for connector in (1, 2, 3)
            ]
    assert statuses == ["Accepted", "Accepted", "ConcurrentTx"]


async def test_a_lost_stop_does_not_count_as_charging(
    central: CentralSystem, point: RawChargePoint
) -> None:
    first = await start(point)
    second = await start(point, timestamp="2026-01-15T10:00:00Z", meterStart=2000)
    assert second["idTagInfo"]["status"] == "Accepted"
    assert (await transaction(central, first["transactionId"])).state == "superseded"
    # Its late stop is still taken.
    await stop(point, first["transactionId"], meterStop=1900)
    record = await transaction(central, first["transactionId"])
    assert (record.state, record.energy_wh) == ("stopped", 900)


async def test_a_refused_start_does_not_count_as_charging(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await put_tag(central, "CAFE", blocked=True)
    await start(point, idTag="CAFE")
    await put_tag(central, "CAFE", blocked=False)
    second = await start(point, idTag="CAFE", connectorId=2)
    assert second["idTagInfo"]["status"] == "Accepted"


async def test_an_offline_start_is_judged_by_its_own_time(
    central: CentralSystem, point: RawChargePoint
) -> None:
    # Valid when it started, expired when it was reported.
    await put_tag(central, "CAFE", expires_at_us=1_768_465_800_000_000)  # 2026-01-15 08:30
    assert (await start(point, idTag="CAFE"))["idTagInfo"]["status"] == "Accepted"
    late = await start(point, idTag="CAFE", connectorId=2, timestamp="2026-01-15T09:00:00Z")
    assert late["idTagInfo"]["status"] == "Expired"


async def test_x5_a_start_on_an_unknown_connector_is_taken(point: RawChargePoint) -> None:
    assert (await start(point, connectorId=99))["transactionId"] > 0


@pytest.mark.parametrize("transaction_id", [999_999, -1, 0])
async def test_x6_x7_a_stop_that_fits_nothing_is_answered_and_kept(
    central: CentralSystem, point: RawChargePoint, transaction_id: int
) -> None:
    for _ in range(2):
        assert await stop(point, transaction_id) == {}
    (orphan,) = await central.store.read(orphan_stops.everyone)
    assert (orphan.transaction_id, orphan.meter_stop_wh) == (transaction_id, 2500)


async def test_x7_a_stop_for_minus_one_finds_the_only_transaction_that_fits(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    assert (await stop(point, -1, idTag=TAG))["idTagInfo"]["status"] == "Accepted"
    record = await transaction(central, started["transactionId"])
    assert (record.state, record.energy_wh) == ("stopped", 1500)
    assert "stop sent for id -1" in record.flags
    assert await central.store.read(orphan_stops.everyone) == []


async def test_a_connector_is_never_guessed(central: CentralSystem, point: RawChargePoint) -> None:
    await put_tag(central, "POOL", max_concurrent=0)
    await start(point, idTag="POOL")
    await start(point, idTag="POOL", connectorId=2)
    assert (await stop(point, -1, idTag="POOL"))["idTagInfo"]["status"] == "Accepted"
    assert len(await central.store.read(orphan_stops.everyone)) == 1


async def test_x8_a_stop_that_comes_again_changes_nothing(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    first = await stop(point, started["transactionId"], idTag=TAG)
    before = await transaction(central, started["transactionId"])
    assert await stop(point, started["transactionId"], idTag=TAG) == first
    assert await transaction(central, started["transactionId"]) == before
    # A differing one neither, but it is flagged.
    await stop(point, started["transactionId"], meterStop=9999)
    after = await transaction(central, started["transactionId"])
    assert (after.meter_stop_wh, after.energy_wh) == (2500, 1500)
    assert "second stop differs" in after.flags


async def test_x9_x10_a_stop_without_tag_and_reason(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    assert await stop(point, started["transactionId"]) == {}
    assert (await transaction(central, started["transactionId"])).stop_reason == "Local"


async def test_x11_a_tag_of_the_group_may_stop(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await put_tag(central, "BEEF", parent_id_tag="FLEET-7")
    started = await start(point)
    info = (await stop(point, started["transactionId"], idTag="BEEF"))["idTagInfo"]
    assert info == {"status": "Accepted", "parentIdTag": "FLEET-7"}


async def test_x15_meter_values_after_the_stop_are_attached(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    await stop(point, started["transactionId"])
    await point.call("MeterValues", meter_values(started["transactionId"], "1200"))
    readings = await central.store.read(
        lambda reader: meter_readings.of_transaction(reader, started["transactionId"])
    )
    assert [reading.energy_wh for reading in readings] == [1200]
    assert (await transaction(central, started["transactionId"])).state == "stopped"


@pytest.mark.parametrize(
    ("meter_stop", "flag"), [(-1, "no meter stop"), (900, "meter stop below start")]
)
async def test_energy_is_never_negative(
    central: CentralSystem, point: RawChargePoint, meter_stop: int, flag: str
) -> None:
    started = await start(point)
    await stop(point, started["transactionId"], meterStop=meter_stop)
    record = await transaction(central, started["transactionId"])
    assert record.energy_wh is None
    assert record.meter_stop_wh == meter_stop
    assert flag in record.flags


async def test_without_a_meter_start_the_register_is_not_taken_for_energy(
    central: CentralSystem, point: RawChargePoint
) -> None:
    request = start_request()
    del request["meterStart"]
    started = await point.call("StartTransaction", request)
    await stop(point, started["transactionId"])
    record = await transaction(central, started["transactionId"])
    assert (record.meter_start_wh, record.energy_wh) == (-1, None)
    assert "no meter start" in record.flags


async def test_where_the_stop_says_nothing_the_samples_do(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    for minute, value in enumerate(("1000", "1.8")):
        unit = "Wh" if minute == 0 else "kWh"
        await point.call("MeterValues", meter_values(started["transactionId"], value, unit, minute))
    await stop(point, started["transactionId"], meterStop=-1)
    assert (await transaction(central, started["transactionId"])).energy_wh == 800


async def test_a_transaction_of_another_charge_point_is_not_stopped(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    await register(central, "CP2")
    async with charge_point(central, "CP2") as other:
        assert await stop(other, started["transactionId"]) == {}
    assert (await transaction(central, started["transactionId"])).state == "open"
    assert len(await central.store.read(orphan_stops.everyone)) == 1


# Meter values.


def meter_values(
    transaction_id: int | None, value: str, unit: str = "Wh", minute: int = 0
) -> dict[str, Any]:
    sample = {
        "timestamp": f"2026-01-15T08:{minute:02}:30Z",
        "sampledValue": [{"value": value, "unit": unit}],
    }
    request: dict[str, Any] = {"connectorId": 1, "meterValue": [sample]}
    return request if transaction_id is None else request | {"transactionId": transaction_id}


async def test_m1_a_bare_value_is_the_import_register_in_wh(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    request = {
        "connectorId": 1,
        "transactionId": started["transactionId"],
        "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": "1234.5"}]}],
    }
    for _ in range(2):  # a repeat adds nothing
        assert await point.call("MeterValues", request) == {}
    (reading,) = await central.store.read(
        lambda reader: meter_readings.of_transaction(reader, started["transactionId"])
    )
    assert (reading.energy_wh, reading.context) == (1234.5, "Sample.Periodic")


@pytest.mark.parametrize(
    "request_",
    [
        {"connectorId": 0, "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": "1"}]}]},
        {"connectorId": 1, "meterValue": []},
        {"connectorId": 1, "meterValue": [{"timestamp": TIME, "sampledValue": []}]},
        {
            "connectorId": 1,
            "transactionId": 4711,
            "meterValue": [
                {"timestamp": TIME, "sampledValue": [{"value": "x", "unit": "Celcius"}]}
            ],
        },
        {
            "connectorId": 1,
            "transactionId": -1,
            "meterValue": {
                "timestamp": "",
                "sampledValue": {"value": 7.5, "unit": "Hz", "measurand": "Frequency"},
            },
        },
    ],
    ids=["m3 main meter", "m5 no values", "m5 no samples", "m4 no number", "one as an object"],
)
async def test_m_odd_meter_values_are_answered_like_any(
    point: RawChargePoint, request_: dict[str, Any]
) -> None:
    assert await point.call("MeterValues", request_) == {}


async def test_m6_signed_data_is_kept_to_the_byte(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    signed = '{"signedMeterData":"T0NNRnw=","encodingMethod":"OCMF"}  \u20ac'
    await point.call(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": started["transactionId"],
            "meterValue": [
                {
                    "timestamp": TIME,
                    "sampledValue": [{"value": signed, "format": "SignedData"}],
                }
            ],
        },
    )
    (reading,) = await central.store.read(
        lambda reader: meter_readings.of_transaction(reader, started["transactionId"])
    )
    assert reading.energy_wh is None
    assert json.loads(reading.sampled_values)[0]["value"] == signed


async def test_values_without_an_id_belong_to_what_ran_on_the_connector(
    central: CentralSystem, point: RawChargePoint
) -> None:
    started = await start(point)
    await point.call("MeterValues", meter_values(None, "1100", minute=1))
    await stop(point, started["transactionId"])
    await point.call("MeterValues", meter_values(-1, "1200", minute=2))
    readings = await central.store.read(
        lambda reader: meter_readings.of_transaction(reader, started["transactionId"])
    )
    assert [reading.energy_wh for reading in readings] == [1100, 1200]


# Status.


async def status(point: RawChargePoint, **fields: object) -> None:
    request = {"connectorId": 1, "errorCode": "NoError", "status": "Available"} | fields
    assert await point.call("StatusNotification", request) == {}


async def test_s1_connector_0_says_nothing_about_the_others(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await status(point)
    await status(point, connectorId=0, status="Charging")
    state = central.charge_point("CP1").state
    assert state is not None
    assert state.connectors[1].status == "Available"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-01-15T13:00:00Z", "2026-01-15T12:00:00Z"),  # it was ahead
        ("2099-12-31T00:00:00Z", "2026-01-15T12:00:00Z"),
        ("2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z"),  # it is behind now
    ],
)
@pytest.mark.parametrize("reconnects", [False, True])
async def test_s3_a_clock_that_is_set_back_does_not_hold_up_the_status(
    before: str, after: str, reconnects: bool
) -> None:
    at_us = to_us(datetime(2026, 1, 15, 9, tzinfo=UTC))
    async with CentralSystem(test_settings(), clock=lambda: at_us, inline_store=True) as central:
        await register(central)
        async with charge_point(central) as point:
            await point.boot()
            at_us += 3 * HOUR_US
            await status(point, status="Charging", timestamp=before)
            if not reconnects:
                await status(point, status="Available", timestamp=after)
        if reconnects:
            async with charge_point(central) as point:
                await point.boot()
                at_us += 2 * HOUR_US
                later = after.replace("T11", "T14").replace("T12", "T14")
                await status(point, status="Available", timestamp=later)
        state = central.charge_point("CP1").state
        assert state is not None
        assert state.connectors[1].status == "Available"


async def test_s3_an_older_status_does_not_overwrite_a_newer_one(
    central: CentralSystem, point: RawChargePoint
) -> None:
    with central.watch("CP1") as events:
        await status(point, status="Charging", timestamp="2026-01-15T09:00:00Z")
        await status(point, status="Preparing", timestamp="2026-01-15T08:00:00Z")
        seen = [(await events.next()).event for _ in range(2)]
    assert [isinstance(event, StatusChanged) and event.outdated for event in seen] == [False, True]
    state = central.charge_point("CP1").state
    assert state is not None
    assert state.connectors[1].status == "Charging"


async def test_a_fault_is_told_with_all_its_fields(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await status(point, status="Faulted", errorCode="Error", info="x" * 60, vendorErrorCode="E17")
    state = central.charge_point("CP1").state
    assert state is not None
    connector = state.connectors[1]
    assert (connector.status, connector.error_code) == ("Faulted", "OtherError")
    assert connector.vendor_error_code == "E17"
    noted = await central.store.read(lambda reader: deviations.of(reader, "CP1"))
    assert {deviation.field for deviation in noted} == {"errorCode", "info"}


async def test_d1_an_unknown_vendor_is_no_error(point: RawChargePoint) -> None:
    request = {"vendorId": "com.example", "data": {"an": "object"}}
    assert await point.call("DataTransfer", request) == {"status": "UnknownVendorId"}


@pytest.mark.parametrize(
    ("action", "request_", "response"),
    [
        ("FirmwareStatusNotification", {"status": "Downloading"}, {}),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}, {}),
        ("LogStatusNotification", {"status": "UploadFailed", "requestId": 7}, {}),
        ("SignedFirmwareStatusNotification", {"status": "InstallScheduled", "requestId": 1}, {}),
        ("SecurityEventNotification", {"type": "x" * 50, "timestamp": TIME}, {}),
        ("SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}, {"status": "Accepted"}),
    ],
)
async def test_every_notification_is_answered(
    point: RawChargePoint, action: str, request_: dict[str, Any], response: dict[str, Any]
) -> None:
    for _ in range(2):
        assert await point.call(action, request_) == response

"""Q52 to Q57: what odd charge points make of commands."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailability,
    GetConfiguration,
)
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    Message,
    Request,
)
from ocpptrio.protocol.firmware import GetDiagnostics, UpdateFirmware
from ocpptrio.protocol.security import FirmwareType, SignedUpdateFirmware
from ocpptrio.protocol.smart_charging import ChargingProfileStatus, SetChargingProfile
from ocpptrio.store import commands, configuration, id_tags
from ocpptrio.store.vocabulary import EffectState
from tests.clients import RawChargePoint, charge_point
from tests.quirks.scene import (
    answer_call,
    profiled,
    put_tag,
    settled,
    start,
    state,
    stop,
    transaction,
)
from tests.quirks.scene import status as status_of

WHEN = datetime(2026, 1, 15, 8, tzinfo=UTC)


class Operator:
    """Sends commands to CP1 and keeps what comes back."""

    def __init__(self, central: CentralSystem, point: RawChargePoint) -> None:
        self._central = central
        self._point = point

    async def asks(self, request: Request[Any], answer: dict[str, Any]) -> tuple[Any, Any]:
        """The payload that went out, and the response that came in. Any: JSON, a response."""
        responses: list[Message] = []

        async def ask() -> None:
            responses.append(await self._central.charge_point("CP1").call(request))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            frame = await self._point.receive()
            assert frame[2] == type(request).__name__
            await self._point.send(3, frame[1], answer)
        await settled()
        return frame[3], responses[0]


@pytest.fixture
def operator(central: CentralSystem, point: RawChargePoint) -> Operator:
    return Operator(central, point)


def profile(limit: float, unit: ChargingRateUnitType, **fields: Any) -> ChargingProfile:
    """Any: fields of the profile."""
    return ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_kind=ChargingProfileKindType.RELATIVE,
        charging_schedule=ChargingSchedule(
            charging_rate_unit=unit,
            charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=limit),),
        ),
        **fields,
    )


async def test_q52_a_profile_goes_out_in_the_form_that_all_understand(
    point: RawChargePoint, operator: Operator
) -> None:
    transaction_id = await start(point)
    request = SetChargingProfile(
        connector_id=1,
        cs_charging_profiles=profile(
            10.349999,
            ChargingRateUnitType.A,
            charging_profile_purpose=ChargingProfilePurposeType.TX_PROFILE,
            transaction_id=transaction_id,
        ),
    )
    sent, response = await operator.asks(request, {"status": "Accepted"})
    assert response.status is ChargingProfileStatus.ACCEPTED
    assert sent["csChargingProfiles"]["transactionId"] == transaction_id
    schedule = sent["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 10.3}]
    # A purpose that it does not know is answered, and another unit is there to try.
    for purpose in (
        ChargingProfilePurposeType.CHARGE_POINT_MAX_PROFILE,
        ChargingProfilePurposeType.TX_DEFAULT_PROFILE,
    ):
        request = SetChargingProfile(
            connector_id=0,
            cs_charging_profiles=profile(
                4140, ChargingRateUnitType.W, charging_profile_purpose=purpose
            ),
        )
        for status in ChargingProfileStatus:
            sent, response = await operator.asks(request, {"status": str(status)})
            assert response.status is status
            assert sent["csChargingProfiles"]["chargingSchedule"]["chargingRateUnit"] == "W"


async def test_q53_scheduled_is_a_success(
    central: CentralSystem, point: RawChargePoint, operator: Operator, tmp_path: Path
) -> None:
    for connector in (0, 1):  # one that has a single connector refuses 0
        for status in AvailabilityStatus:
            request = ChangeAvailability(connector_id=connector, type=AvailabilityType.INOPERATIVE)
            sent, response = await operator.asks(request, {"status": str(status)})
            assert sent == {"connectorId": connector, "type": "Inoperative"}
            assert response.status is status
    # Scheduled is pending until it is seen.
    inoperative = ChangeAvailability(connector_id=1, type=AvailabilityType.INOPERATIVE)
    await operator.asks(inoperative, {"status": "Scheduled"})
    newest = (await central.store.read(lambda reader: commands.of(reader, "CP1")))[0]
    assert (newest.effect, newest.effect_detail) == (EffectState.AWAITED, "scheduled")
    await point.call("StatusNotification", status_of("Unavailable"))
    assert (await central.commands.wait_effect(newest.command_id)).effect is EffectState.SEEN
    # Who is known to refuse 0 need not have named its only connector for the second try.
    settings = profiled(tmp_path, connector_zero_availability=False)
    async with CentralSystem(settings, inline_store=True) as central, charge_point(central) as odd:
        await odd.boot()
        request = ChangeAvailability(connector_id=0, type=AvailabilityType.INOPERATIVE)
        first = await central.commands.submit("CP1", request)
        for connector, answer in ((0, "Rejected"), (1, "Accepted")):
            asked = await answer_call(odd, "ChangeAvailability", {"status": answer})
            assert asked["connectorId"] == connector
        end = await central.commands.wait_settled(first)
        assert (end.status, end.follows) == ("Accepted", first)
        refused = await central.commands.get(first)
        assert "knows no connector 0" in (refused.error or "")


async def test_q54_all_keys_are_asked_for_without_a_list(
    central: CentralSystem, operator: Operator
) -> None:
    reported = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
    for request in (GetConfiguration(), GetConfiguration(key=())):
        sent, _ = await operator.asks(request, {"configurationKey": [reported]})
        assert sent == {}
    answers: list[dict[str, Any]] = [
        {},
        {"configurationKey": []},
        {"configurationKey": [], "unknownKey": None},
        {"configurationKey": None, "unknownKey": []},
        {"unknownKey": ["Foo"]},
        {"configurationKey": [{"key": "A", "readonly": "true", "value": 7}, {"readonly": 1}]},
    ]
    for answer in answers:
        await operator.asks(GetConfiguration(key=("A", "Foo")), answer)
    kept = await central.store.read(configuration.everyone)
    assert [(entry.key, entry.value, entry.readonly) for entry in kept] == [
        ("A", "7", True),
        ("HeartbeatInterval", "300", False),
    ]


async def test_q55_feature_profiles_are_a_hint_and_no_gate(
    operator: Operator, tmp_path: Path
) -> None:
    request = SetChargingProfile(
        connector_id=0,
        cs_charging_profiles=profile(
            16,
            ChargingRateUnitType.A,
            charging_profile_purpose=ChargingProfilePurposeType.TX_DEFAULT_PROFILE,
        ),
    )
    key = "SupportedFeatureProfiles"
    for value in (None, "", "Core", "Core, smartcharging ,FirmwareManagement", "Core;Reservation"):
        reported = [] if value is None else [{"key": key, "readonly": True, "value": value}]
        await operator.asks(GetConfiguration(), {"configurationKey": reported})
        _, response = await operator.asks(request, {"status": "Accepted"})
        assert response.status is ChargingProfileStatus.ACCEPTED
    # It explains a refusal; but not of those that are known to have more than they announce.
    for had, remark in ((["SmartCharging"], None), ([], "does not list SmartCharging")):
        settings = profiled(tmp_path, unannounced_feature_profiles=had)
        async with CentralSystem(settings, inline_store=True) as central:
            async with charge_point(central) as point:
                await point.boot()
                reported = [{"key": key, "readonly": True, "value": "Core, Reservation"}]
                asking = Operator(central, point)
                await asking.asks(GetConfiguration(), {"configurationKey": reported})
                await asking.asks(request, {"status": "NotSupported"})
            (recorded, _) = await central.store.read(lambda reader: commands.of(reader, "CP1"))
            assert recorded.error == (remark and f"its SupportedFeatureProfiles {remark}")


@pytest.mark.parametrize(
    "location",
    [
        "ftp://user:secret@files.example/upload",
        "ftps://files.example/upload/",
        "sftp://files.example:2222/a%20directory/file.zip",
        "http://files.example/firmware.bin?version=1.2&token=x",
        "https://files.example/",
        "file:///firmware.bin",
        "files.example/firmware.bin",
    ],
)
async def test_q56_a_url_goes_out_as_it_is(operator: Operator, location: str) -> None:
    sent, _ = await operator.asks(GetDiagnostics(location=location), {"fileName": "diag.zip"})
    assert sent["location"] == location
    sent, _ = await operator.asks(UpdateFirmware(location=location, retrieve_date=WHEN), {})
    assert sent["location"] == location
    firmware = FirmwareType(
        location=location, retrieve_date_time=WHEN, signing_certificate="x", signature="x"
    )
    request = SignedUpdateFirmware(request_id=1, firmware=firmware)
    sent, _ = await operator.asks(request, {"status": "Accepted"})
    assert sent["firmware"]["location"] == location


async def test_q57_texts_are_kept_as_they_are(
    central: CentralSystem, point: RawChargePoint
) -> None:
    tag, text = "A&B<i>\"'é", '<b>&amp; "it\'s" </b>%20é'
    await put_tag(central, tag)
    assert (await point.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"] == "Accepted"
    transaction_id = await start(point, idTag=tag)
    assert (await stop(point, transaction_id, idTag=tag))["idTagInfo"]["status"] == "Accepted"
    record = await transaction(central, transaction_id)
    assert (record.id_tag, record.stop_id_tag) == (tag, tag)
    kept = await central.store.read(lambda reader: id_tags.get(reader, tag))
    assert kept is not None
    assert kept.id_tag == tag
    boot = {"chargePointVendor": text[:20], "chargePointModel": "M", "firmwareVersion": text}
    assert (await point.call("BootNotification", boot))["status"] == "Accepted"
    assert (state(central).vendor, state(central).firmware_version) == (text[:20], text)

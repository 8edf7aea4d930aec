"""Smart charging: profiles that an operator sets, asks about and clears.

The profiles are the operator's; that they are valid is his to see to until the central system makes
them.
"""

from datetime import timedelta

import pytest

from ocpptrio.protocol.core import (
    RemoteStartStopStatus,
    RemoteStartTransaction,
    RemoteStartTransactionResponse,
)
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
)
from ocpptrio.protocol.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfile,
    ClearChargingProfileResponse,
    ClearChargingProfileStatus,
    GetCompositeSchedule,
    GetCompositeScheduleResponse,
    GetCompositeScheduleStatus,
    SetChargingProfile,
    SetChargingProfileResponse,
)
from tests.certification.station import MORNING, TAG, Json, Station

PURPOSES = ChargingProfilePurposeType


def profile(
    number: int,
    purpose: ChargingProfilePurposeType,
    *,
    stack_level: int = 0,
    transaction_id: int | None = None,
    relative: bool = False,
) -> tuple[ChargingProfile, Json]:
    """A profile of one limit, 8.1 A, and how it stands on the wire."""
    struct = ChargingProfile(
        charging_profile_id=number,
        transaction_id=transaction_id,
        stack_level=stack_level,
        charging_profile_purpose=purpose,
        charging_profile_kind=(
            ChargingProfileKindType.RELATIVE if relative else ChargingProfileKindType.ABSOLUTE
        ),
        valid_from=None if relative else MORNING,
        valid_to=None if relative else MORNING + timedelta(hours=8),
        charging_schedule=ChargingSchedule(
            duration=3600,
            start_schedule=None if relative else MORNING,
            charging_rate_unit=ChargingRateUnitType.A,
            charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=8.1),),
        ),
    )
    schedule: Json = {
        "duration": 3600,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
    }
    wire: Json = {
        "chargingProfileId": number,
        "stackLevel": stack_level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative" if relative else "Absolute",
        "chargingSchedule": schedule,
    }
    if not relative:
        schedule["startSchedule"] = "2026-01-15T08:00:00Z"
        wire |= {"validFrom": "2026-01-15T08:00:00Z", "validTo": "2026-01-15T16:00:00Z"}
    if transaction_id is not None:
        wire["transactionId"] = transaction_id
    return struct, wire


async def sets(station: Station, connector_id: int, both: tuple[ChargingProfile, Json]) -> None:
    struct, wire = both
    await station.is_commanded(
        SetChargingProfile(connector_id=connector_id, cs_charging_profiles=struct),
        {"connectorId": connector_id, "csChargingProfiles": wire},
        {"status": "Accepted"},
        SetChargingProfileResponse(status=ChargingProfileStatus.ACCEPTED),
    )


async def clears(station: Station, request: ClearChargingProfile, sent: Json) -> None:
    await station.is_commanded(
        request,
        sent,
        {"status": "Accepted"},
        ClearChargingProfileResponse(status=ClearChargingProfileStatus.ACCEPTED),
    )


async def test_tc_056_a_default_profile(station: Station) -> None:
    await station.is_ready()
    await sets(station, 1, profile(1, PURPOSES.TX_DEFAULT_PROFILE))


@pytest.mark.parametrize("relative", [False, True], ids=["Absolute", "Relative"])
async def test_tc_057_a_profile_for_the_transaction(station: Station, relative: bool) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await sets(
        station,
        1,
        profile(1, PURPOSES.TX_PROFILE, transaction_id=transaction_id, relative=relative),
    )


async def test_tc_059_remote_start_with_a_profile(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Preparing")
    struct, wire = profile(1, PURPOSES.TX_PROFILE, relative=True)
    assert "transactionId" not in wire
    await station.is_commanded(
        RemoteStartTransaction(connector_id=1, id_tag=TAG, charging_profile=struct),
        {"connectorId": 1, "idTag": TAG, "chargingProfile": wire},
        {"status": "Accepted"},
        RemoteStartTransactionResponse(status=RemoteStartStopStatus.ACCEPTED),
    )
    await station.authorizes()
    await station.starts()
    await station.status(1, "Charging")


async def test_tc_066_composite_schedule(station: Station) -> None:
    await station.is_ready()
    await sets(station, 1, profile(1, PURPOSES.TX_DEFAULT_PROFILE))
    period = ChargingSchedulePeriod(start_period=0, limit=8.1)
    await station.is_commanded(
        GetCompositeSchedule(
            connector_id=1, duration=300, charging_rate_unit=ChargingRateUnitType.A
        ),
        {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"},
        {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": station.now(),
            "chargingSchedule": {
                "duration": 300,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
            },
        },
        GetCompositeScheduleResponse(
            status=GetCompositeScheduleStatus.ACCEPTED,
            connector_id=1,
            schedule_start=MORNING,
            charging_schedule=ChargingSchedule(
                duration=300,
                charging_rate_unit=ChargingRateUnitType.A,
                charging_schedule_period=(period,),
            ),
        ),
    )


async def test_tc_067_three_profiles_are_set_and_cleared(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await sets(station, 0, profile(1, PURPOSES.CHARGE_POINT_MAX_PROFILE))
    await sets(station, 1, profile(2, PURPOSES.TX_DEFAULT_PROFILE, stack_level=1))
    await sets(station, 1, profile(3, PURPOSES.TX_PROFILE, transaction_id=transaction_id))
    await clears(station, ClearChargingProfile(id=1), {"id": 1})
    await clears(
        station,
        ClearChargingProfile(
            connector_id=1,
            charging_profile_purpose=PURPOSES.TX_DEFAULT_PROFILE,
            stack_level=1,
        ),
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1},
    )
    await clears(station, ClearChargingProfile(), {})

"""Local authorization list: what an operator asks about it and sends into it."""

from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.protocol.local_auth_list import (
    AuthorizationData,
    GetLocalListVersion,
    GetLocalListVersionResponse,
    SendLocalList,
    SendLocalListResponse,
    UpdateStatus,
    UpdateType,
)
from tests.certification.station import TAG, Station


async def asks_for_the_version(station: Station, version: int) -> None:
    await station.is_commanded(
        GetLocalListVersion(),
        {},
        {"listVersion": version},
        GetLocalListVersionResponse(list_version=version),
    )


async def sends_list(
    station: Station, version: int, kind: UpdateType, id_tag: str, status: str = "Accepted"
) -> None:
    entry = AuthorizationData(
        id_tag=id_tag, id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED)
    )
    await station.is_commanded(
        SendLocalList(list_version=version, local_authorization_list=(entry,), update_type=kind),
        {
            "listVersion": version,
            "localAuthorizationList": [{"idTag": id_tag, "idTagInfo": {"status": "Accepted"}}],
            "updateType": kind,
        },
        {"status": status},
        SendLocalListResponse(status=UpdateStatus(status)),
    )


async def test_tc_042_1_no_local_list_says_the_version(station: Station) -> None:
    await station.is_ready()
    await asks_for_the_version(station, -1)


async def test_tc_042_1_no_local_list_says_an_error(station: Station) -> None:
    await station.is_ready()
    command = station.operator_sends(GetLocalListVersion())
    await station.expects("GetLocalListVersion")
    await station.refuses("NotSupported")
    await command.reports_refusal("NotSupported")


async def test_tc_042_2_the_local_list_is_empty(station: Station) -> None:
    await station.is_ready()
    await asks_for_the_version(station, 0)


async def test_tc_043_1_a_list_is_not_supported(station: Station) -> None:
    await station.is_ready()
    await sends_list(station, 1, UpdateType.FULL, TAG, "NotSupported")


async def test_tc_043_3_a_list_fails(station: Station) -> None:
    await station.is_ready()
    await sends_list(station, 1, UpdateType.FULL, TAG, "Failed")


async def test_tc_043_4_a_full_list(station: Station) -> None:
    await station.is_ready()
    await sends_list(station, 1, UpdateType.FULL, TAG)


async def test_tc_043_5_a_difference_after_a_full_list(station: Station) -> None:
    await station.is_ready()
    await sends_list(station, 1, UpdateType.FULL, TAG)
    await asks_for_the_version(station, 1)
    await sends_list(station, 2, UpdateType.DIFFERENTIAL, "04D5E6F7")
    await asks_for_the_version(station, 2)

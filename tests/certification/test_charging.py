"""Core: charging that begins and ends at the station, and what is said of idTags."""

from ocpptrio.clock import to_us
from tests.certification.station import MORNING, TAG, Station, put_tag

HOUR_S = 3600


async def test_tc_003_charging_plug_first(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Preparing")
    await station.authorizes()
    transaction_id = await station.starts()
    await station.status(1, "Charging")
    assert list(station.state.transactions) == [transaction_id]


async def test_tc_004_1_charging_tag_first(station: Station) -> None:
    await station.is_ready()
    await station.authorizes()
    await station.status(1, "Preparing")
    transaction_id = await station.starts()
    await station.status(1, "Charging")
    assert list(station.state.transactions) == [transaction_id]


async def test_tc_004_2_tag_first_but_no_cable_in_time(station: Station) -> None:
    await station.is_ready()
    await station.authorizes()
    await station.status(1, "Preparing")
    await station.waits(30)
    await station.status(1, "Available")
    await station.has_no_transaction()


async def test_tc_005_1_unplugged_at_the_car(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await station.waits(40)
    await station.status(1, "SuspendedEV")
    response = await station.stops(transaction_id, "EVDisconnected", idTag=TAG)
    assert response["idTagInfo"]["status"] == "Accepted"
    await station.status(1, "Finishing")
    await station.status(1, "Available")
    assert (await station.transaction(transaction_id)).stop_id_tag == TAG


async def test_tc_007_charging_by_a_cached_tag(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Preparing")
    transaction_id = await station.starts()
    await station.status(1, "Charging")
    assert list(station.state.transactions) == [transaction_id]


async def test_tc_023_1_authorize_with_an_unknown_tag(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Preparing")
    response = await station.sends("Authorize", idTag="FFFFFFFF")
    assert response == {"idTagInfo": {"status": "Invalid"}}
    await station.has_no_transaction()


async def test_tc_023_2_authorize_with_an_expired_tag(station: Station) -> None:
    expired_at_us = to_us(MORNING) - HOUR_S * 1_000_000
    await put_tag(station.central, "E0000000", expires_at_us=expired_at_us)
    await station.is_ready()
    await station.status(1, "Preparing")
    await station.authorizes("E0000000", "Expired")
    await station.has_no_transaction()


async def test_tc_023_3_authorize_with_a_blocked_tag(station: Station) -> None:
    await put_tag(station.central, "B0000000", blocked=True)
    await station.is_ready()
    await station.status(1, "Preparing")
    await station.authorizes("B0000000", "Blocked")
    await station.has_no_transaction()


async def test_tc_024_the_lock_fails(station: Station) -> None:
    await station.is_ready()
    await station.authorizes()
    await station.status(1, "Preparing")
    await station.status(1, "Faulted", "ConnectorLockFailure")
    await station.has_no_transaction()


async def test_tc_037_1_offline_start_with_a_valid_tag(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.starts(timestamp=station.now(-4 * HOUR_S))
    await station.status(1, "Charging")
    assert list(station.state.transactions) == [transaction_id]


async def test_tc_037_3_offline_start_with_an_invalid_tag(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.starts(
        "Invalid", idTag="FFFFFFFF", timestamp=station.now(-4 * HOUR_S)
    )
    await station.status(1, "Charging")
    assert await station.stops(transaction_id, "DeAuthorized") == {}
    await station.status(1, "Finishing")


async def test_tc_039_an_offline_transaction(station: Station) -> None:
    await station.is_ready()
    await station.reconnects()  # it was away, without a restart: no boot
    transaction_id = await station.starts(timestamp=station.now(-4 * HOUR_S))
    response = await station.stops(
        transaction_id, "Local", idTag=TAG, timestamp=station.now(-2 * HOUR_S)
    )
    assert response["idTagInfo"]["status"] == "Accepted"
    assert station.state.transactions == {}

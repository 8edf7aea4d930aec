"""Core: a boot, an ordered restart, and a restart that nobody ordered."""

import pytest

from ocpptrio.protocol.core import Reset, ResetResponse, ResetStatus, ResetType
from ocpptrio.store import charge_points
from tests.certification.station import TAG, Station


async def test_tc_001_cold_boot(station: Station) -> None:
    await station.boots(firmwareVersion="1.2.3", chargePointSerialNumber="SN-7")
    for connector_id in (0, 1, 2):
        await station.status(connector_id, "Available")
    assert await station.sends("Heartbeat") == {"currentTime": station.now()}
    kept = await station.central.store.read(lambda reader: charge_points.get(reader, "CP1"))
    assert kept is not None
    assert (kept.vendor, kept.model) == ("VendorX", "SingleSocket")
    assert (kept.firmware_version, kept.serial_number) == ("1.2.3", "SN-7")
    assert sorted(station.state.connectors) == [0, 1, 2]


async def reset(station: Station, kind: ResetType) -> None:
    await station.is_ready()
    await station.is_commanded(
        Reset(type=kind),
        {"type": kind},
        {"status": "Accepted"},
        ResetResponse(status=ResetStatus.ACCEPTED),
    )
    await station.disconnects()
    await station.waits(10)
    await station.connects()
    await station.is_ready()


async def test_tc_013_hard_reset(station: Station) -> None:
    await reset(station, ResetType.HARD)


async def test_tc_014_soft_reset(station: Station) -> None:
    await reset(station, ResetType.SOFT)


async def test_tc_032_1_power_loss_stops_the_transaction(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await station.disconnects()
    await station.waits(20)
    await station.connects()
    await station.boots()
    await station.status(0, "Available")
    await station.status(1, "Finishing")
    # Neither the boot nor the status is the end of it: only its stop is.
    assert (await station.transaction(transaction_id)).state == "open"
    assert transaction_id in station.state.transactions
    await station.stops(transaction_id, "PowerLoss", timestamp=station.now(-20))
    assert station.state.connectors[1].status == "Finishing"


@pytest.mark.parametrize("id_tag", [None, TAG], ids=["by itself", "with idTag"])
async def test_tc_032_1_the_stop_after_a_power_loss_may_name_a_tag(
    station: Station, id_tag: str | None
) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await station.reconnects()
    await station.boots()
    named = {} if id_tag is None else {"idTag": id_tag}
    response = await station.stops(transaction_id, "PowerLoss", **named)
    assert response == ({} if id_tag is None else {"idTagInfo": {"status": "Accepted"}})

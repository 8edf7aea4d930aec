"""Core: what an operator starts, stops, unlocks and clears from afar."""

from ocpptrio.protocol.core import (
    ClearCache,
    ClearCacheResponse,
    ClearCacheStatus,
    RemoteStartStopStatus,
    RemoteStartTransaction,
    RemoteStartTransactionResponse,
    RemoteStopTransaction,
    RemoteStopTransactionResponse,
    UnlockConnector,
    UnlockConnectorResponse,
    UnlockStatus,
)
from tests.certification.station import TAG, Station


async def remote_start(station: Station, status: str = "Accepted") -> None:
    await station.is_commanded(
        RemoteStartTransaction(connector_id=1, id_tag=TAG),
        {"connectorId": 1, "idTag": TAG},
        {"status": status},
        RemoteStartTransactionResponse(status=RemoteStartStopStatus(status)),
    )


async def remote_stop(station: Station, transaction_id: int, status: str = "Accepted") -> None:
    await station.is_commanded(
        RemoteStopTransaction(transaction_id=transaction_id),
        {"transactionId": transaction_id},
        {"status": status},
        RemoteStopTransactionResponse(status=RemoteStartStopStatus(status)),
    )


async def unlock(station: Station, connector_id: int, status: str) -> None:
    await station.is_commanded(
        UnlockConnector(connector_id=connector_id),
        {"connectorId": connector_id},
        {"status": status},
        UnlockConnectorResponse(status=UnlockStatus(status)),
    )


async def test_tc_010_remote_start_with_the_cable_plugged_in(station: Station) -> None:
    await station.is_ready()
    await station.status(1, "Preparing")
    await remote_start(station)
    await station.authorizes()
    transaction_id = await station.starts()
    await station.status(1, "Charging")
    assert list(station.state.transactions) == [transaction_id]


async def test_tc_011_1_remote_start_before_the_cable(station: Station) -> None:
    await station.is_ready()
    await remote_start(station)
    await station.authorizes()
    await station.status(1, "Preparing")
    transaction_id = await station.starts()
    await station.status(1, "Charging")
    assert list(station.state.transactions) == [transaction_id]


async def test_tc_011_2_remote_start_but_no_cable_in_time(station: Station) -> None:
    await station.is_ready()
    await remote_start(station)
    await station.authorizes()
    await station.status(1, "Preparing")
    await station.waits(30)
    await station.status(1, "Available")
    await station.has_no_transaction()


async def test_tc_012_remote_stop(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await station.waits(30)
    await remote_stop(station, transaction_id)
    # Accepted is a promise: the transaction runs until its stop comes.
    assert (await station.transaction(transaction_id)).state == "open"
    assert await station.stops(transaction_id, "Remote") == {}
    await station.status(1, "Finishing")
    await station.status(1, "Available")


async def test_tc_017_1_unlock_without_a_transaction(station: Station) -> None:
    await station.is_ready()
    await unlock(station, 1, "Unlocked")


async def test_tc_017_2_unlock_a_fixed_cable(station: Station) -> None:
    await station.is_ready()
    await unlock(station, 1, "NotSupported")


async def test_tc_018_1_unlock_while_charging(station: Station) -> None:
    await station.is_ready()
    transaction_id = await station.charges()
    await unlock(station, 1, "Unlocked")
    await station.status(1, "Finishing")
    assert await station.stops(transaction_id, "UnlockCommand") == {}
    await station.status(1, "Available")


async def test_tc_026_remote_start_rejected(station: Station) -> None:
    await station.is_ready()
    await remote_start(station, "Rejected")
    await station.has_no_transaction()


async def test_tc_028_remote_stop_of_an_unknown_transaction(station: Station) -> None:
    await station.is_ready()
    await remote_stop(station, 999_999, "Rejected")
    await station.has_no_transaction()


async def test_tc_030_unlock_fails(station: Station) -> None:
    await station.is_ready()
    await unlock(station, 1, "UnlockFailed")


async def test_tc_031_unlock_an_unknown_connector(station: Station) -> None:
    await station.is_ready()
    await unlock(station, 99, "NotSupported")
    assert sorted(station.state.connectors) == [0, 1]


async def test_tc_061_clear_the_authorization_cache(station: Station) -> None:
    await station.is_ready()
    await station.is_commanded(
        ClearCache(),
        {},
        {"status": "Accepted"},
        ClearCacheResponse(status=ClearCacheStatus.ACCEPTED),
    )

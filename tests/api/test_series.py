"""What charts are made of."""

import pytest

from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.store import charge_points, connectors, meter_readings
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ConnectorRecord, MeterReading
from tests.api.conftest import Client
from tests.cli.test_transactions import NOON_US, start

MINUTE_US = 60_000_000
DAY = {"since": "2026-11-22T12:00:00Z", "until": "2026-11-23T12:00:00Z"}


def measure(
    db: Db, at_us: int, *, connector_id: int = 1, transaction: int | None = None, power_w: float
) -> None:
    reading = MeterReading(
        charge_point_id="CP1",
        connector_id=connector_id,
        transaction_id=transaction,
        measured_at_us=at_us,
        received_at_us=at_us,
        context="Sample.Periodic",
        energy_wh=at_us / MINUTE_US,
        power_w=power_w,
        sampled_values="[]",
        digest=at_us + connector_id,
    )
    meter_readings.insert(db, reading)


@pytest.fixture
async def central(central: CentralSystem) -> CentralSystem:
    """CP1 with two connectors; transaction 1 has a reading a second for 3000 seconds."""

    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id="CP1", origin="added", at_us=1)
        for connector_id in (1, 2):
            record = ConnectorRecord(
                charge_point_id="CP1",
                connector_id=connector_id,
                status=ChargePointStatus.AVAILABLE,
                error_code=ChargePointErrorCode.NO_ERROR,
                status_at_us=1,
                received_at_us=1,
            )
            connectors.put(db, record)
        start(db, "Anna")
        for second in range(3000):
            measure(db, NOON_US + second * 1_000_000, transaction=1, power_w=float(second))
        for minute in (0, 60):
            measure(db, NOON_US + minute * MINUTE_US, connector_id=2, power_w=7.0)

    await central.store.write(work)
    return central


async def test_a_series_is_thinned_to_what_a_screen_shows(viewer: Client) -> None:
    found = await viewer.json("GET", "transactions/1/series")
    assert set(found["series"]) == {"power_w", "energy_wh"}
    assert len(found["times"]) == len(found["series"]["power_w"]) == 1500
    assert found["times"][:2] == [NOON_US // 1_000_000, NOON_US // 1_000_000 + 2]
    assert found["series"]["power_w"][:2] == [0.5, 2.5]  # the mean of a step
    coarse = await viewer.json(
        "GET", "transactions/1/series", params={"measurand": "power_w", "resolution": 1000}
    )
    assert list(coarse["series"]) == ["power_w"]
    assert len(coarse["times"]) in (3, 4)


async def test_a_measurand_that_is_named_is_there_though_nothing_was_measured(
    viewer: Client,
) -> None:
    parameters = {"measurand": "soc_percent, power_w", "resolution": 3600}
    found = await viewer.json("GET", "transactions/1/series", params=parameters)
    assert found["series"]["soc_percent"] == [None]
    problem = await viewer.json("GET", "transactions/1/series", 400, params={"measurand": "digest"})
    assert "power_w" in problem["detail"]
    await viewer.json("GET", "transactions/9/series", 404)


async def test_a_charge_point_has_a_column_for_each_connector(viewer: Client) -> None:
    parameters = DAY | {"measurand": "power_w", "resolution": 600}
    found = await viewer.json("GET", "charge-points/CP1/series", params=parameters)
    begins = [at_s - NOON_US // 1_000_000 for at_s in found["times"]]
    assert begins == [0, 600, 1200, 1800, 2400, 3600]
    assert found["series"]["power_w.1"][:2] == [299.5, 899.5]
    assert found["series"]["power_w.2"] == [7.0, None, None, None, None, 7.0]


async def test_one_connector_has_plain_columns(viewer: Client) -> None:
    parameters = DAY | {"connector_id": 2, "resolution": 60}
    found = await viewer.json("GET", "charge-points/CP1/series", params=parameters)
    assert found["series"]["power_w"] == [7.0, 7.0]
    await viewer.json("GET", "charge-points/CP9/series", 404)
    backwards = {"since": DAY["until"], "until": DAY["since"]}
    await viewer.json("GET", "charge-points/CP1/series", 400, params=backwards)
    await viewer.json("GET", "charge-points/CP1/series", 200)


async def test_it_goes_on_to_the_newest_reading_of_a_clock_that_is_ahead(
    central: CentralSystem, viewer: Client
) -> None:
    ahead_us = central.clock() + 90 * MINUTE_US

    def work(db: Db) -> None:
        hours = (ahead_us - NOON_US) // (60 * MINUTE_US)
        measure(db, ahead_us, transaction=start(db, "Anna", hours=hours), power_w=4000)

    await central.store.write(work)
    parameters = {"measurand": "power_w"}
    found = await viewer.json("GET", "charge-points/CP1/series", params=parameters)
    assert found["series"]["power_w.1"][-1] == 4000

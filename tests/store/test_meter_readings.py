"""Meter readings come back as they were, once, in order of measurement."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.store import meter_readings, transactions
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import MeterReading


@pytest.fixture
async def transaction_id(store: Store) -> int:
    return await store.write(_start)


def _start(db: Db) -> int:
    return transactions.insert(
        db,
        charge_point_id="CP1",
        connector_id=1,
        id_tag="Tag",
        parent_id_tag=None,
        authorization_status=AuthorizationStatus.ACCEPTED,
        authorization_expires_at_us=None,
        reservation_id=None,
        started_at_us=100,
        start_received_at_us=100,
        meter_start_wh=0,
    )


def _reading(**changes: Any) -> MeterReading:  # Any: fields of any type
    values: dict[str, Any] = {
        "charge_point_id": "CP1",
        "connector_id": 1,
        "measured_at_us": 1,
        "received_at_us": 2,
        "context": "Sample.Periodic",
        "sampled_values": "[]",
        "digest": 3,
    }
    return MeterReading(**(values | changes))


async def _append(store: Store, *readings: MeterReading) -> None:
    await store.append(meter_readings.TABLE, [meter_readings.row(one) for one in readings])


async def test_a_reading_comes_back_as_it_was(store: Store, transaction_id: int) -> None:
    reading = _reading(
        transaction_id=transaction_id,
        sent_transaction_id=9,
        energy_wh=1.0,
        power_w=2.5,
        current_a=3.5,
        voltage_v=230.1,
        frequency_hz=50.0,
        soc_percent=80.0,
        temperature_c=-5.5,
        sampled_values='[{"value":"1"}]',
        digest=-(2**63),
    )
    await _append(store, reading)
    found = await store.read(lambda reader: meter_readings.of_transaction(reader, transaction_id))
    assert found == [reading]


@pytest.mark.parametrize("known", [True, False])
async def test_a_reading_that_comes_again_adds_nothing(
    store: Store, transaction_id: int, known: bool
) -> None:
    reading = _reading(transaction_id=transaction_id if known else None)
    await _append(store, reading, reading)
    await _append(store, reading)
    await store.write(lambda db: meter_readings.insert(db, reading))
    other = replace(reading, digest=4)
    await _append(store, other)
    rows = await store.read(lambda reader: reader.rows("SELECT digest FROM meter_readings"))
    assert sorted(rows, key=str) == [(3,), (4,)]


async def test_readings_of_a_transaction_are_in_order_of_measurement(
    store: Store, transaction_id: int
) -> None:
    readings = [_reading(transaction_id=transaction_id, measured_at_us=us) for us in (3, 1, 2)]
    await _append(store, *readings, _reading(measured_at_us=2))

    async def times(**limits: int) -> list[int]:
        found = await store.read(
            lambda reader: meter_readings.of_transaction(reader, transaction_id, **limits)
        )
        return [reading.measured_at_us for reading in found]

    assert await times() == [1, 2, 3]
    assert await times(limit=2) == [1, 2]
    assert await times(after_us=1) == [2, 3]


async def test_readings_of_a_charge_point_are_found_in_and_out_of_transactions(
    store: Store, transaction_id: int
) -> None:
    within = _reading(transaction_id=transaction_id, measured_at_us=150)
    outside = _reading(measured_at_us=140, connector_id=2)
    await _append(store, within, outside, _reading(charge_point_id="CP2", measured_at_us=145))
    await _append(store, _reading(measured_at_us=99), _reading(measured_at_us=160))
    found = await store.read(
        lambda reader: meter_readings.of_charge_point(reader, "CP1", since_us=100, until_us=160)
    )
    assert found == [outside, within]


async def test_a_register_is_told_by_its_ends_and_turns(store: Store, transaction_id: int) -> None:
    async def turns() -> list[tuple[int, float]]:
        found = await store.read(lambda reader: meter_readings.registers(reader, transaction_id))
        return [(at_us, wh) for at_us, wh, _ in found]

    assert await turns() == []
    await _append(
        store,
        *(
            _reading(transaction_id=transaction_id, measured_at_us=us, energy_wh=wh)
            for us, wh in (
                *((5, 13.0), (1, None), (2, 10.0), (9, None), (3, 11.0), (4, 12.0)),
                *((6, 5.0), (7, 6.0), (8, 7.0), (10, 8.0)),
            )
        ),
        _reading(
            transaction_id=transaction_id,
            measured_at_us=3,
            energy_wh=11.5,
            context="Transaction.End",
            digest=4,
        ),
    )
    # 10 11 11.5 12 13 | 5 6 7 8
    assert await turns() == [(2, 10.0), (3, 11.5), (5, 13.0), (6, 5.0), (7, 6.0), (10, 8.0)]


@given(st.integers(), st.none() | st.integers(), st.text())
def test_a_digest_fits_the_column_and_tells_readings_apart(
    connector_id: int, transaction_id: int | None, sampled_values: str
) -> None:
    digest = meter_readings.digest(connector_id, transaction_id, sampled_values)
    assert -(2**63) <= digest < 2**63
    assert digest == meter_readings.digest(connector_id, transaction_id, sampled_values)
    assert digest != meter_readings.digest(connector_id + 1, transaction_id, sampled_values)
    assert digest != meter_readings.digest(connector_id, transaction_id, sampled_values + " ")

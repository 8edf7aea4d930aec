"""Meter values: taken in time, sent to the right place, adding up."""

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.protocol import core
from ocpptrio.protocol.core import Measurand, MeterValue, ReadingContext, Reason
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.fake_central import START, FakeCentral, start

Sides = tuple[FakeCentral, SimulatedChargePoint]
REGISTER = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
INTERVAL = Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL


def values_of(meter_value: MeterValue, measurand: Measurand) -> list[float]:
    return [float(each.value) for each in meter_value.sampled_value if each.measurand is measurand]


async def charge_for(charge_point: SimulatedChargePoint, seconds: float) -> None:
    await charge_point.plug_in(1)
    await charge_point.present("A", 1)
    await trio.sleep(seconds)
    await charge_point.present("A", 1)
    await trio.sleep(1)


async def test_samples_come_at_multiples_of_the_interval_since_the_start(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_for(charge_point, 310)
    samples = central.all(core.MeterValues)
    assert [sample.transaction_id for sample in samples] == [1] * 5
    assert [sample.meter_value[0].timestamp - START for sample in samples] == [
        timedelta(seconds=1 + 60 * number) for number in range(1, 6)
    ]
    contexts = {each.context for sample in samples for each in sample.meter_value[0].sampled_value}
    assert contexts == {ReadingContext.SAMPLE_PERIODIC}


async def test_power_voltage_current_and_energy_agree_in_each_sample(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_for(charge_point, 3610)
    for sample in central.all(core.MeterValues):
        (power,) = values_of(sample.meter_value[0], Measurand.POWER_ACTIVE_IMPORT)
        volts = values_of(sample.meter_value[0], Measurand.VOLTAGE)
        amperes = values_of(sample.meter_value[0], Measurand.CURRENT_IMPORT)
        assert power == 11_040
        assert sum(u * i for u, i in zip(volts, amperes, strict=True)) == pytest.approx(
            power, rel=1e-3
        )
    registers = [
        values_of(each.meter_value[0], REGISTER)[0] for each in central.all(core.MeterValues)
    ]
    assert registers == sorted(registers)
    assert 0 < central.all(core.StopTransaction)[0].meter_stop - registers[-1] < 11_040 / 60


async def test_intervals_add_up_to_the_difference_of_the_register(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    both = f"{INTERVAL.value},{REGISTER.value}"
    central, charge_point = await start(
        nursery,
        configuration={"MeterValuesSampledData": both, "MeterValueSampleInterval": "7"},
    )
    await charge_for(charge_point, 7 * 50 + 3)
    samples = [each.meter_value[0] for each in central.all(core.MeterValues)]
    begun = central.all(core.StartTransaction)[0]
    intervals = [values_of(sample, INTERVAL)[0] for sample in samples]
    assert len(samples) == 50
    assert all(interval in (21, 22) for interval in intervals)
    assert begun.meter_start + sum(intervals) == values_of(samples[-1], REGISTER)[0]


async def test_the_samples_of_a_transaction_may_travel_with_its_stop(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery,
        configuration={"StopTxnSampledData": f"{REGISTER.value},SoC", "StopTxnAlignedData": ""},
    )
    await charge_for(charge_point, 150)
    ended = await central.wait(core.StopTransaction)
    data = ended.transaction_data
    assert data is not None
    assert [each.sampled_value[0].context for each in data] == [
        ReadingContext.TRANSACTION_BEGIN,
        ReadingContext.SAMPLE_PERIODIC,
        ReadingContext.SAMPLE_PERIODIC,
        ReadingContext.TRANSACTION_END,
    ]
    assert values_of(data[0], REGISTER) == [central.all(core.StartTransaction)[0].meter_start]
    assert values_of(data[-1], REGISTER) == [ended.meter_stop]


async def test_too_many_samples_lose_their_middle_never_the_first_and_last(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery, configuration={"StopTxnSampledData": REGISTER.value}
    )
    charge_point.configuration.set("StopTransactionMaxMeterValues", "10")
    await charge_for(charge_point, 3 * 3600)
    data = (await central.wait(core.StopTransaction)).transaction_data
    assert data is not None
    assert 4 <= len(data) <= 10
    assert data[0].sampled_value[0].context is ReadingContext.TRANSACTION_BEGIN
    assert data[-1].sampled_value[0].context is ReadingContext.TRANSACTION_END
    times = [each.timestamp for each in data]
    assert times == sorted(times)


async def test_aligned_values_lie_on_a_grid_from_midnight_for_all_connectors(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery,
        configuration={
            "ClockAlignedDataInterval": "900",
            "MeterValuesAlignedData": f"{REGISTER.value},{INTERVAL.value}",
            "MeterValueSampleInterval": "0",
        },
    )
    await trio.sleep(100)
    await charge_for(charge_point, 1800)
    samples = central.all(core.MeterValues)
    assert [(each.connector_id, each.transaction_id) for each in samples] == [
        (0, None),
        (1, 1),
        (2, None),
    ] * 2
    assert {each.meter_value[0].timestamp - START for each in samples} == {
        timedelta(minutes=15),
        timedelta(minutes=30),
    }
    contexts = {each.meter_value[0].sampled_value[0].context for each in samples}
    assert contexts == {ReadingContext.SAMPLE_CLOCK}
    main, first, second = (values_of(each.meter_value[0], REGISTER)[0] for each in samples[3:])
    assert main == first + second
    intervals = [
        values_of(each.meter_value[0], INTERVAL)[0] for each in samples if each.connector_id == 1
    ]
    assert sum(intervals) == first - central.all(core.StartTransaction)[0].meter_start


async def test_a_grid_that_does_not_divide_the_day_begins_anew_at_midnight(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await start(nursery, configuration={"ClockAlignedDataInterval": "50000"})
    await trio.sleep(30 * 3600)
    times = [each.meter_value[0].timestamp for each in central.all(core.MeterValues)][::3]
    assert [(each.hour, each.minute, each.second) for each in times] == [
        (13, 53, 20),
        (0, 0, 0),
        (13, 53, 20),
    ]


async def test_aligned_values_may_travel_with_the_stop(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery,
        configuration={"ClockAlignedDataInterval": "60", "StopTxnAlignedData": REGISTER.value},
    )
    await charge_for(charge_point, 150)
    data = (await central.wait(core.StopTransaction)).transaction_data
    assert data is not None
    assert [each.sampled_value[0].context for each in data] == [ReadingContext.SAMPLE_CLOCK] * 2


async def test_a_changed_interval_holds_in_the_running_transaction(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    await charge_point.present("A", 1)
    await trio.sleep(5)
    await central.call(core.ChangeConfiguration(key="MeterValueSampleInterval", value="10"))
    await trio.sleep(30)
    assert len(central.all(core.MeterValues)) == 3
    await central.call(core.ChangeConfiguration(key="MeterValueSampleInterval", value="0"))
    await trio.sleep(300)
    assert len(central.all(core.MeterValues)) == 3


async def test_without_measurands_there_are_no_meter_values(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(nursery, configuration={"MeterValuesSampledData": ""})
    await charge_for(charge_point, 600)
    assert not central.all(core.MeterValues)
    assert central.all(core.StopTransaction)[0].reason is Reason.LOCAL


async def test_days_of_samples_miss_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The register is the exact integral, whatever the sampling: no drift."""
    central, charge_point = await start(
        nursery, configuration={"MeterValuesSampledData": REGISTER.value}
    )
    charge_point.configuration.set("MeterValueSampleInterval", "3601")
    for _ in range(4):
        await charge_for(charge_point, 2 * 3600)  # 22 080 Wh into a car that takes as much
        await charge_point.unplug(1)
        await trio.sleep(22 * 3600)
    starts, stops = central.all(core.StartTransaction), central.all(core.StopTransaction)
    assert [s.meter_stop - b.meter_start for b, s in zip(starts, stops, strict=True)] == [
        22_080
    ] * 4

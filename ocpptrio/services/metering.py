"""MeterValues: sampled values become readings in base units (OCPP 1.6, 4.7 and 7.31 to 7.45).

What was sent is kept as it came; the columns beside it hold what charts and bills need. Not here:
the energy of a transaction (transactions).
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ocpptrio.events import MeterValuesReceived
from ocpptrio.protocol.core import (
    Location,
    Measurand,
    MeterValue,
    MeterValues,
    MeterValuesResponse,
    Phase,
    ReadingContext,
    SampledValue,
    UnitOfMeasure,
    ValueFormat,
)
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import meter_readings, transactions
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import MeterReading

# Measurand -> the column that holds it.
COLUMNS: Final[dict[str, str]] = {
    Measurand.ENERGY_ACTIVE_IMPORT_REGISTER: "energy_wh",
    Measurand.POWER_ACTIVE_IMPORT: "power_w",
    Measurand.CURRENT_IMPORT: "current_a",
    Measurand.VOLTAGE: "voltage_v",
    Measurand.FREQUENCY: "frequency_hz",
    Measurand.SOC: "soc_percent",
    Measurand.TEMPERATURE: "temperature_c",
}

# How the phases of one instant make one value, where no overall value was sent.
_SUM, _MEAN, _HIGHEST = "sum", "mean", "highest"
PHASES_MAKE: Final[dict[str, str]] = {
    "energy_wh": _SUM,
    "power_w": _SUM,
    "current_a": _HIGHEST,  # limits in A are per phase
    "voltage_v": _MEAN,
}

_KILO: Final = {UnitOfMeasure.KWH, UnitOfMeasure.KW}

# Hertz has no unit in 1.6, but devices send one. What any other unit counts, nobody knows (Q32).
_KNOWN_UNITS: Final = frozenset({*UnitOfMeasure, "Hz", "Hertz"})

# Phases that can be added: neutral and line-to-line values are neither parts nor totals.
_PARTS: Final = {Phase.L1, Phase.L2, Phase.L3, Phase.L1_N, Phase.L2_N, Phase.L3_N}


class MeteringService:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, incoming: Incoming, request: MeterValues) -> MeterValuesResponse:
        """Always answered alike: unknown, closed or absent transactions are no error (4.7)."""
        transaction_id = request.transaction_id
        if transaction_id in incoming.state.transactions:
            readings = _readings(
                incoming, request.connector_id, request.meter_value, transaction_id, None
            )
            event = _newest(incoming, readings)
            await self._store.append(
                meter_readings.TABLE,
                [meter_readings.row(reading) for reading in readings],
                [] if event is None else [event],
            )
        else:
            await self._store.write(lambda db: self._attach(db, incoming, request))
        return MeterValuesResponse()

    @staticmethod
    def _attach(db: Db, incoming: Incoming, request: MeterValues) -> None:
        """Find the transaction: by id if it is this charge point's, else by connector and time."""
        sent = request.transaction_id
        transaction = None
        if sent is not None and sent > 0:
            transaction = transactions.owned(db, incoming.charge_point_id, sent)
        if transaction is None and request.connector_id > 0 and request.meter_value:
            transaction = transactions.at(
                db,
                charge_point_id=incoming.charge_point_id,
                connector_id=request.connector_id,
                at_us=incoming.event_time_us(request.meter_value[0].timestamp),
            )
        insert(
            db,
            incoming,
            request.connector_id,
            request.meter_value,
            transaction_id=None if transaction is None else transaction.transaction_id,
            sent_transaction_id=sent,
        )


def insert(
    db: Db,
    incoming: Incoming,
    connector_id: int,
    meter_value: Sequence[MeterValue],
    *,
    transaction_id: int | None,
    sent_transaction_id: int | None,
) -> None:
    """Store readings inside a write, with their event."""
    if sent_transaction_id == transaction_id:
        sent_transaction_id = None
    readings = _readings(incoming, connector_id, meter_value, transaction_id, sent_transaction_id)
    for reading in readings:
        meter_readings.insert(db, reading)
    if (event := _newest(incoming, readings)) is not None:
        db.emit(event)


def _readings(
    incoming: Incoming,
    connector_id: int,
    meter_value: Sequence[MeterValue],
    transaction_id: int | None,
    sent_transaction_id: int | None,
) -> list[MeterReading]:
    readings = []
    for value in meter_value:
        sampled = value.sampled_value
        text = msgspec.json.encode(sampled).decode()
        context = sampled[0].context if sampled else None
        readings.append(
            MeterReading(
                charge_point_id=incoming.charge_point_id,
                connector_id=connector_id,
                transaction_id=transaction_id,
                sent_transaction_id=sent_transaction_id,
                measured_at_us=incoming.event_time_us(value.timestamp),
                received_at_us=incoming.received_at_us,
                context=str(context or ReadingContext.SAMPLE_PERIODIC),
                sampled_values=text,
                digest=meter_readings.digest(connector_id, transaction_id, text),
                **columns(sampled),
            )
        )
    return readings


def _newest(incoming: Incoming, readings: Sequence[MeterReading]) -> MeterValuesReceived | None:
    if not readings:
        return None
    newest = max(readings, key=lambda reading: reading.measured_at_us)
    return MeterValuesReceived(
        charge_point_id=incoming.charge_point_id,
        at_us=incoming.received_at_us,
        connector_id=newest.connector_id,
        transaction_id=newest.transaction_id,
        measured_at_us=newest.measured_at_us,
        energy_wh=newest.energy_wh,
        power_w=newest.power_w,
        current_a=newest.current_a,
        voltage_v=newest.voltage_v,
        soc_percent=newest.soc_percent,
        temperature_c=newest.temperature_c,
    )


def columns(sampled: Iterable[SampledValue]) -> dict[str, float]:
    """The values of one instant in base units: Wh, W, A, V, Hz, % and degrees Celsius.

    An overall value wins over phases, the outlet over other locations (for what is measured in
    several). Text that is no number, signed data and other measurands are left to sampled_values.
    """
    overall: dict[str, tuple[bool, float]] = {}
    parts: dict[str, dict[str, float]] = {}
    for value in sampled:
        column = COLUMNS.get(value.measurand or Measurand.ENERGY_ACTIVE_IMPORT_REGISTER)
        if column is None or value.format is ValueFormat.SIGNED_DATA:
            continue
        number = _number(value)
        if number is None:
            continue
        at_outlet = value.location is None or value.location is Location.OUTLET
        if value.phase is None:
            known = overall.get(column)
            if known is None or (at_outlet and not known[0]):
                overall[column] = (at_outlet, number)
        elif value.phase in _PARTS and at_outlet:
            parts.setdefault(column, {})[value.phase[:2]] = number
    result = {column: number for column, (_, number) in overall.items()}
    for column, phases in parts.items():
        if column not in result and column in PHASES_MAKE:
            result[column] = _combined(column, phases.values())
    return result


def _combined(column: str, values: Iterable[float]) -> float:
    numbers = list(values)
    match PHASES_MAKE[column]:
        case "sum":
            return sum(numbers)
        case "highest":
            return max(numbers)
        case _:
            return sum(numbers) / len(numbers)


def _number(value: SampledValue) -> float | None:
    """The value in the base unit of its kind, or None if it is no number."""
    try:
        number = float(value.value)
    except ValueError:
        return None
    if not -1e15 < number < 1e15:  # also what is not finite: no meter counts so far
        return None
    unit = value.unit
    if unit is None:
        return number
    if unit in _KILO:
        return number * 1000
    if unit is UnitOfMeasure.K:
        return number - 273.15
    if unit is UnitOfMeasure.FAHRENHEIT:
        return (number - 32) / 1.8
    return number if unit in _KNOWN_UNITS else None

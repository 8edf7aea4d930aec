"""MeterValues: sampled values become readings in base units (OCPP 1.6, 4.7 and 7.31 to 7.45).

What was sent is kept as it came; the columns beside it hold what charts and bills need. Not here:
the energy of a transaction (transactions).
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ocpptrio.events import Fact, MeterValuesReceived
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
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.protocol.tolerance import read_number
from ocpptrio.services import registers, suspicion
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import meter_readings, reviews, transactions
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import MeterReading, TransactionRecord
from ocpptrio.store.vocabulary import ReviewKind, TransactionState

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

VALUES: Final = frozenset(COLUMNS.values())

# How the phases of one instant make one value, where no overall value was sent.
_SUM, _MEAN, _HIGHEST = "sum", "mean", "highest"
PHASES_MAKE: Final[dict[str, str]] = {
    "energy_wh": _SUM,
    "power_w": _SUM,
    "current_a": _HIGHEST,  # limits in A are per phase
    "voltage_v": _MEAN,
}

# Unit -> factor and offset to the base unit of its kind; by any case of letters, as devices write
# them. Hertz has no unit in 1.6, but devices send one. What any other unit counts, nobody knows
# (Q32).
_FACTORS: Final[dict[str, tuple[float, float]]] = {
    **{unit.casefold(): (1, 0) for unit in (*UnitOfMeasure, "Hz", "Hertz")},
    UnitOfMeasure.KWH.casefold(): (1000, 0),
    UnitOfMeasure.KW.casefold(): (1000, 0),
    UnitOfMeasure.KVA.casefold(): (1000, 0),
    UnitOfMeasure.KVAR.casefold(): (1000, 0),
    UnitOfMeasure.KVARH.casefold(): (1000, 0),
    UnitOfMeasure.K.casefold(): (1, -273.15),
    UnitOfMeasure.FAHRENHEIT.casefold(): (1 / 1.8, -32 / 1.8),
}
# Those of nearly every value, without a further look.
_BASE: Final = frozenset(
    {
        UnitOfMeasure.WH,
        UnitOfMeasure.W,
        UnitOfMeasure.A,
        UnitOfMeasure.V,
        UnitOfMeasure.PERCENT,
        UnitOfMeasure.CELSIUS,
    }
)

# Members of an enumeration take a while to look up, and this is the busiest path of all.
_ENERGY: Final = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
_SIGNED: Final = ValueFormat.SIGNED_DATA
_OUTLET: Final = Location.OUTLET
_PERIODIC: Final = ReadingContext.SAMPLE_PERIODIC

# Phases that can be added: neutral and line-to-line values are neither parts nor totals.
_PARTS: Final = {Phase.L1, Phase.L2, Phase.L3, Phase.L1_N, Phase.L2_N, Phase.L3_N}


class MeteringService:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, incoming: Incoming, request: MeterValues) -> MeterValuesResponse:
        """Always answered alike: unknown, closed or absent transactions are no error (4.7)."""
        transaction_id = request.transaction_id
        running = incoming.state.transactions.get(transaction_id or 0)
        if running is not None and running.suspect_since_us is None:
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
        """Find the transaction: by id if it is this charge point's, else by connector and time.

        One that is over stays so (Q42), but may have taken more than we knew.
        """
        sent = request.transaction_id
        transaction = None
        if sent is not None and sent > 0:
            transaction = transactions.owned(db, incoming.charge_point_id, sent)
            if transaction is None:
                incoming.note(db, DeviationKind.UNKNOWN_TRANSACTION, "transactionId", str(sent))
        if transaction is None and request.connector_id > 0 and request.meter_value:
            transaction = transactions.at(
                db,
                charge_point_id=incoming.charge_point_id,
                connector_id=request.connector_id,
                at_us=incoming.event_time_us(request.meter_value[0].timestamp),
            )
        added = insert(
            db,
            incoming,
            request.connector_id,
            request.meter_value,
            transaction_id=None if transaction is None else transaction.transaction_id,
            sent_transaction_id=sent,
        )
        if transaction is not None and added:
            _consider(db, incoming, transaction, added)


def _consider(
    db: Db, incoming: Incoming, transaction: TransactionRecord, added: Sequence[MeterReading]
) -> None:
    """What readings say of a transaction that is suspect, or over."""
    at_us = incoming.received_at_us
    newest = max(added, key=lambda reading: reading.measured_at_us)
    boot_us = transaction.suspect_since_us
    # A boot is of our clock.
    is_since_boot = boot_us is not None and (
        newest.measured_at_us - (incoming.state.clock_skew_us or 0) > boot_us
    )
    if transaction.state is TransactionState.OPEN:
        if is_since_boot:
            suspicion.clear(db, transaction, newest.measured_at_us, newest.energy_wh, at_us)
        return
    if any(reading.energy_wh is not None for reading in added):
        registers.improve(db, transaction, at_us)
    if transaction.state is not TransactionState.CONCLUDED:
        return
    end_us = transaction.concluded_at_us
    if is_since_boot or (boot_us is None and end_us is not None and newest.measured_at_us > end_us):
        reviews.open_(
            db,
            ReviewKind.VALUES_AFTER_END,
            charge_point_id=transaction.charge_point_id,
            at_us=at_us,
            evidence=(
                registers.started(transaction),
                Fact(what="concluded end", at_us=transaction.concluded_at_us),
                Fact(what="MeterValues", at_us=newest.measured_at_us, wh=newest.energy_wh),
            ),
            transaction_id=transaction.transaction_id,
        )


def insert(
    db: Db,
    incoming: Incoming,
    connector_id: int,
    meter_value: Sequence[MeterValue],
    *,
    transaction_id: int | None,
    sent_transaction_id: int | None,
) -> list[MeterReading]:
    """Store readings inside a write, with their event; returns those that are new.

    Of a transaction, what was said of an instant before adds nothing (OCPP 1.6, 4.10).
    """
    if sent_transaction_id == transaction_id:
        sent_transaction_id = None
    readings = _readings(incoming, connector_id, meter_value, transaction_id, sent_transaction_id)
    added = []
    for value, reading in zip(meter_value, readings, strict=True):
        if transaction_id is None:
            meter_readings.insert(db, reading)
            added.append(reading)
        elif meter_readings.insert_first(db, reading):
            added.append(reading)
        elif (rest := _unknown_part(db, value, reading)) is not None:
            meter_readings.insert(db, rest)
            added.append(rest)
    if (event := _newest(incoming, added)) is not None:
        db.emit(event)
    return added


def _unknown_part(db: Db, value: MeterValue, reading: MeterReading) -> MeterReading | None:
    """What a reading says of its instant that no other has said; None if nothing."""
    known = {
        _said(sample)
        for connector_id, text in meter_readings.sampled_at(
            db, reading.charge_point_id, reading.transaction_id, reading.measured_at_us
        )
        if connector_id == reading.connector_id
        for sample in msgspec.json.decode(text)
    }
    samples = msgspec.json.decode(reading.sampled_values)
    unknown = tuple(
        sampled
        for sampled, sample in zip(value.sampled_value, samples, strict=True)
        if _said(sample) not in known
    )
    if not unknown:
        return None
    text = msgspec.json.encode(unknown).decode()
    values = dict.fromkeys(VALUES) | columns(unknown)
    return msgspec.structs.replace(
        reading,
        sampled_values=text,
        digest=meter_readings.digest(reading.connector_id, reading.transaction_id, text),
        **values,
    )


def _said(sample: dict[str, str]) -> tuple[str | float, ...]:
    """What a sampled value, as JSON, says: the same in other digits is no news.

    The value belongs to it: two of one second may differ, as times are cut to the second.
    """
    value = sample["value"]
    try:
        number: str | float = float(value)
    except ValueError:
        number = value
    return (
        number,
        sample.get("measurand", Measurand.ENERGY_ACTIVE_IMPORT_REGISTER),
        sample.get("phase", ""),
        sample.get("location", Location.OUTLET),
        sample.get("context", ReadingContext.SAMPLE_PERIODIC),
        sample.get("format", ValueFormat.RAW),
    )


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
                context=str(context or _PERIODIC),
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
        column = COLUMNS.get(value.measurand or _ENERGY)
        if column is None or value.format is _SIGNED:
            continue
        number = _number(value)
        if number is None or (number < 0 and column == "energy_wh"):
            continue  # a register below 0 says that it was not read
        at_outlet = value.location is None or value.location is _OUTLET
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
        found = read_number(value.value)  # a decimal comma
        if found is None:
            return None
        number = float(found)
    if not -1e15 < number < 1e15:  # also what is not finite: no meter counts so far
        return None
    unit = value.unit
    if unit is None or unit in _BASE:
        return number
    known = _FACTORS.get(unit.casefold())
    return None if known is None else number * known[0] + known[1]

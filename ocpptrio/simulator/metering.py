"""Which meter values are taken when, and where they go (OCPP 1.6, 3.16).

Periodic ones inside a transaction, clock-aligned ones always, triggered ones on demand; and those
that travel inside StopTransaction. Not here: what a meter shows (meter).
"""

from collections.abc import Sequence

from ocpptrio.protocol.core import Measurand, MeterValue, MeterValues, ReadingContext
from ocpptrio.simulator.connector import Connector, Transaction
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.meter import Measured, Reading, sampled_values
from ocpptrio.simulator.timing import DAY_US, SECOND_US, Timer


class Metering:
    """Reads the meters of all connectors in time."""

    def __init__(self, device: Device, connectors: Sequence[Connector]) -> None:
        self._device = device
        self._connectors = connectors
        self._aligned_timer: Timer | None = None

    # Inside a transaction.

    def transaction_started(self, connector: Connector) -> None:
        transaction = connector.transaction
        assert transaction is not None
        self._keep(
            transaction,
            self._read(connector),
            ReadingContext.TRANSACTION_BEGIN,
            transaction.interval_wh,
        )
        self._schedule_sample(connector)

    def transaction_stopped(
        self, connector: Connector, transaction: Transaction
    ) -> tuple[MeterValue, ...] | None:
        """What StopTransaction carries; nothing if nothing is configured."""
        if connector.sample_timer is not None:
            connector.sample_timer.cancel()
            connector.sample_timer = None
        self._keep(
            transaction,
            self._read(connector),
            ReadingContext.TRANSACTION_END,
            transaction.interval_wh,
        )
        return tuple(transaction.samples) or None

    def intervals_changed(self) -> None:
        """Sampling or clock-aligned interval, or the clock, is another one now."""
        for connector in self._connectors:
            if connector.transaction is not None:
                self._schedule_sample(connector)
        self._schedule_aligned()

    def _schedule_sample(self, connector: Connector) -> None:
        """At whole multiples of the interval since the start of the transaction."""
        if connector.sample_timer is not None:
            connector.sample_timer.cancel()
            connector.sample_timer = None
        transaction = connector.transaction
        interval_us = self._device.configuration.number("MeterValueSampleInterval") * SECOND_US
        if transaction is None or not interval_us:
            return
        start_us = self._device.clock.timing_us(transaction.started_us)
        count = (self._device.now_us() - start_us) // interval_us + 1
        connector.sample_timer = self._device.agenda.at(
            start_us + count * interval_us, lambda: self._sample(connector)
        )

    def _sample(self, connector: Connector) -> None:
        transaction = connector.transaction
        if transaction is None:
            return
        reading, context = self._read(connector), ReadingContext.SAMPLE_PERIODIC
        measured = self._device.configuration.measurands("MeterValuesSampledData")
        self._send(connector.id, transaction, reading, measured, context, transaction.interval_wh)
        self._keep(transaction, reading, context, transaction.interval_wh)
        transaction.interval_wh = reading.whole_wh
        self._schedule_sample(connector)

    def _keep(
        self, transaction: Transaction, reading: Reading, context: ReadingContext, since_wh: int
    ) -> None:
        """Put the reading aside for StopTransaction."""
        aligned = context is ReadingContext.SAMPLE_CLOCK
        key = "StopTxnAlignedData" if aligned else "StopTxnSampledData"
        measured = self._device.configuration.measurands(key)
        value = self._meter_value(reading, measured, context, since_wh)
        if value is None:
            return
        samples = transaction.samples
        most = max(self._device.configuration.number("StopTransactionMaxMeterValues"), 2)
        if len(samples) >= most:
            # The first one always stays, and the last (errata 3.91); here every second goes.
            del samples[1::2]
        samples.append(value)

    # Clock-aligned.

    def _schedule_aligned(self) -> None:
        """On a grid that begins anew at midnight (errata 3.76)."""
        if self._aligned_timer is not None:
            self._aligned_timer.cancel()
            self._aligned_timer = None
        interval_us = self._device.configuration.number("ClockAlignedDataInterval") * SECOND_US
        if interval_us:
            now_us = self._device.clock.now_us()
            midnight_us = now_us - now_us % DAY_US
            count = (now_us - midnight_us) // interval_us + 1
            due_us = min(midnight_us + count * interval_us, midnight_us + DAY_US)
            self._aligned_timer = self._device.at_clock(due_us, self._sample_aligned)

    def _sample_aligned(self) -> None:
        if not self._device.powered:
            self._schedule_aligned()
            return
        measured = self._device.configuration.measurands("MeterValuesAlignedData")
        context = ReadingContext.SAMPLE_CLOCK
        self._send(0, None, self._read_main(), measured, context, None)
        for connector in self._connectors:
            reading, transaction = self._read(connector), connector.transaction
            self._send(connector.id, transaction, reading, measured, context, connector.aligned_wh)
            if transaction is not None:
                self._keep(transaction, reading, context, connector.aligned_wh)
            connector.aligned_wh = reading.whole_wh
        self._schedule_aligned()

    # On demand.

    def triggered(self, connector_id: int) -> MeterValues | None:
        """The answer to a TriggerMessage; None if nothing is configured to be measured."""
        connector = self._connectors[connector_id - 1] if connector_id else None
        reading = self._read_main() if connector is None else self._read(connector)
        value = self._meter_value(
            reading,
            self._device.configuration.measurands("MeterValuesSampledData"),
            ReadingContext.TRIGGER,
            None,
        )
        if value is None:
            return None
        transaction = None if connector is None else connector.transaction
        return MeterValues(
            connector_id=connector_id,
            transaction_id=None if transaction is None else transaction.id.value,
            meter_value=(value,),
        )

    def _read(self, connector: Connector) -> Reading:
        return connector.meter.read(self._device.now_us())

    def _read_main(self) -> Reading:
        """The meter of the charge point as a whole."""
        readings = [self._read(connector) for connector in self._connectors]
        return Reading(
            register_wh=float(sum(reading.whole_wh for reading in readings)),
            power_w=sum(reading.power_w for reading in readings),
            offered_w=sum(reading.offered_w for reading in readings),
            phases=3,
            soc=None,
            at_us=self._device.now_us(),
        )

    def _meter_value(
        self,
        reading: Reading,
        measured: Sequence[Measured],
        context: ReadingContext,
        since_wh: int | None,
    ) -> MeterValue | None:
        if since_wh is None:
            # Without an instant to count from there is no interval.
            measured = [
                item
                for item in measured
                if item.measurand is not Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL
            ]
        values = sampled_values(reading, measured, context, since_wh)
        if not values:
            return None
        return MeterValue(timestamp=self._device.now(), sampled_value=values)

    def _send(
        self,
        connector_id: int,
        transaction: Transaction | None,
        reading: Reading,
        measured: Sequence[Measured],
        context: ReadingContext,
        since_wh: int | None,
    ) -> None:
        value = self._meter_value(reading, measured, context, since_wh)
        if value is not None:
            self._device.outbox.queue(
                MeterValues(connector_id=connector_id, meter_value=(value,)),
                None if transaction is None else transaction.id,
            )

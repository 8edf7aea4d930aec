"""The charge point as a device: plugs, relays, locks; what happens at it, what it reports.

All of it is synchronous: a cause comes in, messages for the central system go to the outbox. Not
here: asking the central system (charge_point), its commands (commands).
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import trio

from ocpptrio.protocol.core import (
    AvailabilityStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    Reason,
    StartTransaction,
    StartTransactionResponse,
    StopTransaction,
    StopTransactionResponse,
    UnlockStatus,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.simulator.connector import Authorization, Connector, Transaction
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.ev import ElectricVehicle
from ocpptrio.simulator.meter import Meter
from ocpptrio.simulator.metering import Metering
from ocpptrio.simulator.power import PowerPlan
from ocpptrio.simulator.reservation import Reservations
from ocpptrio.simulator.status import StatusReport

# Wh: the meters of a fleet are not new.
HIGHEST_REGISTER_WH: Final = 2_000_000
TRANSACTIONS_KEPT: Final = 10_000  # the oldest go: weeks of a busy place, and some megabytes

Learn = Callable[[str, IdTagInfo], None]
"""Takes what the central system said of an idTag."""


class Station:
    """See the module.

    Attributes:
        operative: of the charge point as a whole (connector 0), as the central system wants it.
        in_service: False while new firmware is installed.
        transactions: all that were begun, oldest first; those that run are among them.
        learn: takes each verdict on an idTag that comes with a response.
    """

    def __init__(self, device: Device, connectors: int, learn: Learn) -> None:
        self._device = device
        self._learn = learn
        self.connectors = tuple(
            self._connector(connector_id) for connector_id in range(1, connectors + 1)
        )
        self.reservations = Reservations(device, self.connectors, self.update)
        self.power = PowerPlan(device, self.connectors)
        self.metering = Metering(device, self.connectors)
        self.operative = True
        self.in_service = True
        self.transactions: deque[Transaction] = deque(maxlen=TRANSACTIONS_KEPT)
        self.report = StatusReport(device, 0)
        self._changed = trio.Event()

    def _connector(self, connector_id: int) -> Connector:
        register_wh = self._device.random.randrange(HIGHEST_REGISTER_WH)
        meter = Meter(register_wh, self._device.now_us())
        return Connector(connector_id, meter, register_wh, StatusReport(self._device, connector_id))

    def connector(self, connector_id: int) -> Connector:
        """The connector with this number.

        Raises:
            KeyError: there is none.
        """
        if not 1 <= connector_id <= len(self.connectors):
            raise KeyError(
                f"there is no connector {connector_id}, only 1 to {len(self.connectors)}"
            )
        return self.connectors[connector_id - 1]

    async def wait_change(self) -> None:
        """Until anything has changed at any connector."""
        await self._changed.wait()

    # The driver.

    def plug_in(self, connector: Connector, ev: ElectricVehicle) -> None:
        connector.ev, connector.plugged = ev, True
        connector.meter.connect(ev, self._device.now_us())
        if connector.transaction is None:
            connector.finishing = False
        self._prepare(connector)

    def unplug(self, connector: Connector) -> None:
        """The driver takes the car away (OCPP 1.6, 9.1.23 and 9.1.33)."""
        configuration = self._device.configuration
        connector.meter.connect(None, self._device.now_us())
        connector.ev = None
        if connector.transaction is not None:
            self.update()
            if not configuration.flag("StopTransactionOnEVSideDisconnect"):
                return
            self.stop(connector, Reason.EV_DISCONNECTED, connector.transaction.id_tag)
            if not configuration.flag("UnlockConnectorOnEVSideDisconnect"):
                return  # the cable stays, until the driver comes back with the card
        self._free(connector)

    def _free(self, connector: Connector) -> None:
        """The cable is out."""
        connector.plugged = connector.finishing = False
        if connector.authorization is None:
            self._cancel_timeout(connector)
        self.update()

    def authorize(self, connector: Connector, authorization: Authorization) -> bool:
        """Somebody may charge here: start at once if a car is there, else wait for it."""
        if (
            connector.transaction is not None
            or connector.authorization is not None
            or not self.usable_by(connector, authorization.id_tag, authorization.parent_id_tag)
        ):
            return False
        connector.authorization = authorization
        connector.finishing = False
        self._prepare(connector)
        return True

    def usable_by(
        self,
        connector: Connector,
        id_tag: str,
        parent_id_tag: str | None,
        *,
        or_group: bool = False,
    ) -> bool:
        """Whether this idTag could charge here: in service, and not kept for somebody else.

        With `or_group` also if it depends on a group that is not known yet.
        """
        if not self._device.powered or connector.error is not ChargePointErrorCode.NO_ERROR:
            return False
        if not (self.operative and self.in_service and connector.operative):
            return False
        return (
            not self.reservations.is_kept(connector)
            or self.reservations.usable_by(connector, id_tag, parent_id_tag) is not None
            or (or_group and self.reservations.may_be_for_group(connector))
        )

    def _prepare(self, connector: Connector) -> None:
        """Start if all that it takes is there, else wait for the rest, but not for ever."""
        self._cancel_timeout(connector)
        if connector.transaction is None:
            if connector.ev is not None and connector.authorization is not None:
                self._start(connector, connector.authorization)
                return
            if self._device.powered:
                seconds = self._device.configuration.number("ConnectionTimeOut")
                connector.timeout = self._device.after(seconds, lambda: self._timed_out(connector))
        self.update()

    def _timed_out(self, connector: Connector) -> None:
        connector.timeout = connector.authorization = None
        connector.finishing = connector.plugged
        self.update()

    def _cancel_timeout(self, connector: Connector) -> None:
        if connector.timeout is not None:
            connector.timeout.cancel()
            connector.timeout = None

    # Transactions.

    def _start(self, connector: Connector, authorization: Authorization) -> None:
        device = self._device
        meter_start_wh = connector.meter.read(device.now_us()).whole_wh
        transaction = Transaction(
            connector.id,
            authorization.id_tag,
            authorization.parent_id_tag,
            device.clock.now_us(),
            meter_start_wh,
        )
        self.update()  # Preparing is reported even if it lasted no time
        connector.transaction, connector.authorization = transaction, None
        self.transactions.append(transaction)
        connector.finishing = False
        reservation = self.reservations.usable_by(
            connector, transaction.id_tag, transaction.parent_id_tag
        )
        if reservation is not None:
            self.reservations.cancel(reservation.reservation_id)
        device.outbox.queue(
            StartTransaction(
                connector_id=connector.id,
                id_tag=transaction.id_tag,
                meter_start=meter_start_wh,
                reservation_id=None if reservation is None else reservation.reservation_id,
                timestamp=device.now(),
            ),
            on_answer=lambda response: self._confirmed(connector, transaction, response),
        )
        if authorization.profile is not None:
            self.power.profiles.set(connector.id, authorization.profile, device.now())
        self.metering.transaction_started(connector)
        self.update()

    def _confirmed(
        self, connector: Connector, transaction: Transaction, response: StartTransactionResponse
    ) -> None:
        info = response.id_tag_info
        transaction.id.value = response.transaction_id
        transaction.start_acknowledged = True
        transaction.parent_id_tag = info.parent_id_tag or transaction.parent_id_tag
        self._learn(transaction.id_tag, info)
        if info.status is AuthorizationStatus.ACCEPTED or connector.transaction is not transaction:
            return
        # OCPP 1.6, 4.8: stop, or only deliver no more energy; but a little may still be allowed.
        self._device.tell(f"idTag {transaction.id_tag} refused: {info.status}")
        transaction.refused = True
        allowance_wh = self._device.configuration.number("MaxEnergyOnInvalidId")
        if allowance_wh:
            transaction.stop_at_wh = float(transaction.meter_start_wh + allowance_wh)
        self.update()

    def stop(self, connector: Connector, reason: Reason, id_tag: str | None = None) -> None:
        """End the transaction; the cable stays in until the driver takes it."""
        transaction = connector.transaction
        if transaction is None:
            return
        device = self._device
        connector.meter.settle(device.now_us())
        samples = self.metering.transaction_stopped(connector, transaction)
        transaction.samples = []  # kept no longer than they are needed
        transaction.meter_stop_wh = connector.meter.read(device.now_us()).whole_wh
        connector.transaction = None
        self.power.profiles.transaction_ended(connector.id)

        def answered(response: StopTransactionResponse) -> None:
            transaction.stop_acknowledged = True
            if id_tag is not None and response.id_tag_info is not None:
                self._learn(id_tag, response.id_tag_info)

        kept = device.outbox.queue(
            StopTransaction(
                id_tag=id_tag,
                meter_stop=transaction.meter_stop_wh,
                timestamp=device.now(),
                transaction_id=-1,
                reason=reason,
                transaction_data=samples,
            ),
            transaction.id,
            answered,
        )
        transaction.stop_lost = not kept
        connector.finishing = connector.plugged
        if connector.operative_next is not None:
            connector.operative, connector.operative_next = connector.operative_next, None
        self.update()

    def started_up(self) -> None:
        """There is power again: who plugged in meanwhile is expected to show a card now."""
        for connector in self.connectors:
            if connector.plugged and not connector.finishing:
                self._prepare(connector)
        self.update()

    def stop_all(self, reason: Reason) -> None:
        for connector in self.connectors:
            connector.authorization = None
            self._cancel_timeout(connector)
            self.stop(connector, reason)

    def with_transaction_id(self, transaction_id: int) -> Connector | None:
        """The connector on which this transaction runs."""
        for connector in self.connectors:
            transaction = connector.transaction
            if transaction is not None and transaction.id.value == transaction_id:
                return connector
        return None

    # Things that break, and those in service.

    def fault(
        self, connector: Connector, error: ChargePointErrorCode, info: str | None = None
    ) -> None:
        """A fault, or its end with NO_ERROR; a transaction pauses meanwhile."""
        connector.error, connector.info = error, info
        if error is not ChargePointErrorCode.NO_ERROR:
            connector.authorization = None  # for the card to be shown anew
            self.reservations.drop(connector)
        self.update()

    def take_out_of_service(self) -> None:
        """Nobody begins to charge; transactions that run are not cut short."""
        self.in_service = False
        for connector in self.connectors:
            connector.authorization = None
        self.update()

    def change_availability(self, connector_id: int, operative: bool) -> AvailabilityStatus:
        """Now, or after the transaction that runs (OCPP 1.6, 5.2). It outlives a reboot."""
        status = AvailabilityStatus.ACCEPTED
        if connector_id == 0:
            self.operative = operative
            if not operative:
                self.reservations.drop_all()
        for connector in self.connectors if connector_id == 0 else (self.connector(connector_id),):
            connector.operative_next = None
            if connector.transaction is not None and connector.operative != operative:
                connector.operative_next = operative
                status = AvailabilityStatus.SCHEDULED
                continue
            connector.operative = operative
            if not operative:
                connector.authorization = None
                self._cancel_timeout(connector)
                self.reservations.drop(connector)
        self.update()
        return status

    def unlock(self, connector: Connector) -> UnlockStatus:
        """Release the cable; a transaction ends first (OCPP 1.6, 5.18)."""
        self.stop(connector, Reason.UNLOCK_COMMAND)
        if connector.error is ChargePointErrorCode.CONNECTOR_LOCK_FAILURE:
            return UnlockStatus.UNLOCK_FAILED
        if connector.ev is None:
            self._free(connector)
        return UnlockStatus.UNLOCKED

    # What the central system gets to know.

    def update(self) -> None:
        """Bring power and status in line with what has changed, and report it."""
        device = self._device
        self.power.apply(self.update)
        if device.configuration.flag("StopTransactionOnInvalidId"):
            for connector in self.connectors:
                if connector.had_its_energy(device.now_us()):
                    self.stop(connector, Reason.DE_AUTHORIZED)
                    return
        operative = self.operative and self.in_service
        self.report.set(
            ChargePointStatus.AVAILABLE if operative else ChargePointStatus.UNAVAILABLE,
            ChargePointErrorCode.NO_ERROR,
            None,
        )
        for connector in self.connectors:
            status = connector.current_status(
                station_operative=operative, kept=self.reservations.is_kept(connector)
            )
            connector.report.set(status, connector.error, connector.info)
        self._changed.set()
        self._changed = trio.Event()

    def reports(self) -> Iterator[StatusReport]:
        """Of connector 0 and all others, in that order."""
        yield self.report
        for connector in self.connectors:
            yield connector.report

    def clock_changed(self) -> None:
        """What is due by the clock may be due at another time now."""
        self.metering.intervals_changed()
        self.reservations.clock_changed()
        self.update()

"""One connector: what is plugged in, authorized, charging or broken, and the status that means.

The status follows from the rest, so it cannot disagree with it (OCPP 1.6, 4.9 has the states and
the ways between them). Not here: who changes the state (station).
"""

from typing import Final

import msgspec

from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, MeterValue
from ocpptrio.protocol.datatypes import ChargingProfile
from ocpptrio.simulator.ev import TOLERANCE_WH, ElectricVehicle
from ocpptrio.simulator.meter import Meter
from ocpptrio.simulator.outbox import TransactionId
from ocpptrio.simulator.status import StatusReport
from ocpptrio.simulator.timing import Timer

PHASES: Final = 3
HARDWARE_A: Final = 32.0  # per phase; 22 kW in all


class Authorization(msgspec.Struct, frozen=True):
    """Somebody may charge, but has not begun; `profile` came with a RemoteStartTransaction."""

    id_tag: str
    parent_id_tag: str | None = None
    profile: ChargingProfile | None = None


class Transaction:
    """All from StartTransaction to StopTransaction.

    Attributes:
        started_us: by the charge point's clock.
        meter_start_wh: the register at that time.
        meter_stop_wh: the register at the end; None while it runs.
        start_acknowledged, stop_acknowledged: an answer has come, and was understood.
        stop_lost: the charge point has lost the stop itself; nobody will ever be told.
        refused: the central system answered the start with anything but Accepted.
        stop_at_wh: where the register may still go to after that; None: no end.
        samples: what goes into StopTransaction.transactionData.
        interval_wh: where the current interval of Energy.Active.Import.Interval began.
    """

    __slots__ = (
        "connector_id",
        "id",
        "id_tag",
        "interval_wh",
        "meter_start_wh",
        "meter_stop_wh",
        "parent_id_tag",
        "refused",
        "samples",
        "start_acknowledged",
        "started_us",
        "stop_acknowledged",
        "stop_at_wh",
        "stop_lost",
    )

    def __init__(
        self,
        connector_id: int,
        id_tag: str,
        parent_id_tag: str | None,
        started_us: int,
        meter_start_wh: int,
    ) -> None:
        self.id = TransactionId()
        self.connector_id = connector_id
        self.id_tag = id_tag
        self.parent_id_tag = parent_id_tag
        self.started_us = started_us
        self.meter_start_wh = meter_start_wh
        self.meter_stop_wh: int | None = None
        self.start_acknowledged = self.stop_acknowledged = self.stop_lost = False
        self.refused = False
        self.stop_at_wh: float | None = None
        self.samples: list[MeterValue] = []
        self.interval_wh = meter_start_wh

    @property
    def energy_wh(self) -> int | None:
        """What the meter has delivered from start to stop; None while it runs."""
        return None if self.meter_stop_wh is None else self.meter_stop_wh - self.meter_start_wh

    @property
    def settled(self) -> bool:
        """Whether the central system has acknowledged all that there was to tell so far."""
        stop_told = self.meter_stop_wh is None or self.stop_acknowledged or self.stop_lost
        return self.start_acknowledged and stop_told


class Connector:
    """See the module. Plain data; the station keeps it consistent."""

    __slots__ = (
        "aligned_wh",
        "authorization",
        "error",
        "ev",
        "finishing",
        "id",
        "info",
        "meter",
        "offered_w",
        "operative",
        "operative_next",
        "phases",
        "plugged",
        "report",
        "sample_timer",
        "timeout",
        "transaction",
    )

    def __init__(
        self, connector_id: int, meter: Meter, aligned_wh: int, report: StatusReport
    ) -> None:
        self.id = connector_id
        self.meter = meter
        self.report = report
        self.ev: ElectricVehicle | None = None
        self.plugged = False  # the cable is in, even if the car at its other end has gone
        self.finishing = False  # a transaction is over, or nobody came; the cable is still in
        self.authorization: Authorization | None = None
        self.transaction: Transaction | None = None
        self.operative = True
        self.operative_next: bool | None = None  # from the end of the transaction on
        self.error = ChargePointErrorCode.NO_ERROR
        self.info: str | None = None
        self.offered_w = 0.0
        self.phases = PHASES  # in use
        self.timeout: Timer | None = None  # ConnectionTimeOut
        self.sample_timer: Timer | None = None
        self.aligned_wh = aligned_wh  # where the current clock-aligned interval began

    @property
    def car_takes_power(self) -> bool:
        return self.ev is not None and not self.ev.suspended and not self.ev.full

    def had_its_energy(self, now_us: int) -> bool:
        """Whether a refused transaction has got all that it may still get."""
        transaction = self.transaction
        if transaction is None or not transaction.refused:
            return False
        stop_at_wh = transaction.stop_at_wh
        return (
            stop_at_wh is None or self.meter.read(now_us).register_wh >= stop_at_wh - TOLERANCE_WH
        )

    @property
    def status(self) -> ChargePointStatus:
        return self.report.status

    def current_status(self, *, station_operative: bool, kept: bool) -> ChargePointStatus:
        """The status that all this amounts to."""
        if self.error is not ChargePointErrorCode.NO_ERROR:
            return ChargePointStatus.FAULTED
        if self.transaction is not None:
            if self.offered_w <= 0:  # also when both sides suspend (OCPP 1.6, 4.9)
                return ChargePointStatus.SUSPENDED_EVSE
            if self.car_takes_power:
                return ChargePointStatus.CHARGING
            return ChargePointStatus.SUSPENDED_EV
        if not (self.operative and station_operative):
            return ChargePointStatus.UNAVAILABLE
        if self.finishing:
            return ChargePointStatus.FINISHING
        if self.plugged or self.authorization is not None:
            return ChargePointStatus.PREPARING
        if kept:
            return ChargePointStatus.RESERVED
        return ChargePointStatus.AVAILABLE

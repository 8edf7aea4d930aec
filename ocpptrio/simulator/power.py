"""How much power each connector offers now, and when that has to be thought over again.

Brings together charging profiles, the connectors' hardware and the cars. Not here: what a profile
means (composite_schedule), the sums of sharing out (smart_charging).
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from ocpptrio.clock import from_us
from ocpptrio.composite_schedule import (
    Installation,
    Limit,
    Limits,
    RunningTransaction,
    composite_schedule,
    limits_at,
)
from ocpptrio.protocol.core import ChargePointErrorCode
from ocpptrio.protocol.datatypes import ChargingRateUnitType
from ocpptrio.simulator.connector import HARDWARE_A, PHASES, Connector
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.ev import ElectricVehicle
from ocpptrio.simulator.meter import NOMINAL_VOLTAGE_V
from ocpptrio.simulator.smart_charging import MINIMUM_A, ChargingProfiles, power_w, share
from ocpptrio.simulator.timing import SECOND_US, Timer

LOOK_AHEAD_S: Final = 86_400  # how far changes of the limits are searched; then again


class PowerPlan:
    """Sets the limit of each connector's meter, and again whenever it changes by itself."""

    def __init__(self, device: Device, connectors: Sequence[Connector]) -> None:
        self._device = device
        self._connectors = connectors
        self.profiles = ChargingProfiles(device.configuration)
        self._again: Timer | None = None

    def installation(self) -> Installation:
        """What the composite schedule is made from."""
        return Installation(
            profiles=self.profiles.installed,
            connectors=len(self._connectors),
            transactions={
                connector.id: RunningTransaction(
                    from_us(connector.transaction.started_us), connector.transaction.id.value
                )
                for connector in self._connectors
                if connector.transaction is not None
            },
            voltage_v=NOMINAL_VOLTAGE_V,
            unlimited_a=HARDWARE_A,
        )

    def apply(self, on_change: Callable[[], None]) -> None:
        """Offer each connector what it may have now; `on_change` is called when that is over."""
        now_us = self._device.now_us()
        for connector in self._connectors:
            connector.meter.settle(now_us)
        installation = self.installation()
        self._offer(installation, now_us)
        for connector in self._connectors:
            takes = connector.car_takes_power and connector.transaction is not None
            limit_w = connector.offered_w if takes else 0.0
            connector.meter.set_limit(limit_w, now_us, connector.phases)
        if self._again is not None:
            self._again.cancel()
            self._again = None
        due_us = self._next_change_us(installation, now_us)
        if due_us is not None:
            self._again = self._device.agenda.at(due_us, on_change)

    def _offer(self, installation: Installation, now_us: int) -> None:
        """OCPP 1.6, 3.13: each connector its own limit, all together that of the charge point."""
        now = from_us(self._device.clock.now_us())
        charging = [each for each in self._connectors if each.transaction is not None]
        caps_w: list[float] = []
        together: Limit | None = None
        for connector in self._connectors:
            connector.offered_w = 0.0
        for connector in charging:
            limits = limits_at(installation, connector.id, now)
            together = limits.charge_point
            connector.phases = _phases_in_use(connector.ev, limits)
            caps_w.append(self._cap_w(connector, limits.transaction, now_us))
        # A limit in A is per phase, so that is what is shared out then.
        units = [
            NOMINAL_VOLTAGE_V * connector.phases
            if together is not None and together.unit is ChargingRateUnitType.A
            else 1.0
            for connector in charging
        ]
        total = inf if together is None else together.limit
        minimums_w = [MINIMUM_A * NOMINAL_VOLTAGE_V * connector.phases for connector in charging]
        shares = share(
            total,
            # A car that takes nothing now leaves its share to the others.
            [
                cap_w / unit if connector.car_takes_power else 0.0
                for connector, cap_w, unit in zip(charging, caps_w, units, strict=True)
            ],
            [minimum_w / unit for minimum_w, unit in zip(minimums_w, units, strict=True)],
        )
        for index, connector in enumerate(charging):
            offer_w = shares[index] * units[index]
            if not connector.car_takes_power:
                offer_w = min(caps_w[index], total * units[index])
            # Less than a car can charge with is no offer.
            connector.offered_w = offer_w if offer_w >= minimums_w[index] - 1e-6 else 0.0

    def _cap_w(self, connector: Connector, limit: Limit | None, now_us: int) -> float:
        faulted = connector.error is not ChargePointErrorCode.NO_ERROR
        if faulted or connector.had_its_energy(now_us):
            return 0.0
        hardware_w = HARDWARE_A * NOMINAL_VOLTAGE_V * connector.phases
        return min(hardware_w, power_w(limit, connector.phases, NOMINAL_VOLTAGE_V))

    def _next_change_us(self, installation: Installation, now_us: int) -> int | None:
        """When a limit changes, a car is full, or a refused transaction has had its energy."""
        clock = self._device.clock
        changes: list[int] = []
        for connector in self._connectors:
            if connector.transaction is None:
                continue
            if installation.profiles:
                schedule = composite_schedule(
                    installation,
                    connector.id,
                    from_us(clock.now_us()),
                    LOOK_AHEAD_S,
                    ChargingRateUnitType.W,
                )
                after_s = schedule.periods[1].start_s if schedule.periods[1:] else LOOK_AHEAD_S
                start_us = clock.now_us() // SECOND_US * SECOND_US
                changes.append(clock.timing_us(start_us + after_s * SECOND_US))
            ev = connector.ev
            if ev is not None and connector.car_takes_power:
                more_wh = ev.target_wh - ev.energy_wh
                stop_at_wh = connector.transaction.stop_at_wh
                if stop_at_wh is not None:
                    register_wh = connector.meter.read(now_us).register_wh
                    if register_wh < stop_at_wh:
                        more_wh = min(more_wh, stop_at_wh - register_wh)
                seconds = connector.meter.seconds_until(more_wh)
                if seconds < LOOK_AHEAD_S * 365:
                    changes.append(now_us + int(seconds * SECOND_US) + 1000)
        return min(changes, default=None)


def _phases_in_use(ev: ElectricVehicle | None, limits: Limits) -> int:
    """A limit may ask for fewer than the car could use."""
    phases = PHASES if ev is None else min(ev.phases, PHASES)
    for limit in (limits.transaction, limits.charge_point):
        if limit is not None:
            phases = min(phases, limit.number_phases)
    return phases

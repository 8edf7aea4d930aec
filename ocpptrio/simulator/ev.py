"""The electric vehicle: how much power it takes, and what it has taken after any time, exactly.

Below the knee a battery takes full power; above it less and less, in proportion to what is still
missing, down to a floor that lasts until it is full. Each piece has a closed form, so the energy
does not depend on how often somebody looks.

Energy is counted at the socket, in Wh: losses between socket and cells are part of `capacity_wh`.
"""

import math
from typing import Final

import msgspec

KNEE: Final = 0.8  # state of charge above which a battery takes less and less
FLOOR: Final = 0.1  # of full power, taken to the end
SECONDS_PER_HOUR: Final = 3600.0
# Wh: nearer to the target than this is there; far below what any meter shows.
TOLERANCE_WH: Final = 1e-6


class ElectricVehicle:
    """A car at the socket.

    Args:
        capacity_wh: energy from the socket that takes the battery from empty to full.
        max_power_w: what the on-board charger takes at most.
        phases: how many it uses, 1 or 3.
        soc: state of charge on arrival, 0 to 1.
        target_soc: the car stops by itself here.
    """

    __slots__ = ("capacity_wh", "energy_wh", "max_power_w", "phases", "suspended", "target_wh")

    def __init__(
        self,
        capacity_wh: float = 60_000,
        max_power_w: float = 11_040,
        phases: int = 3,
        soc: float = 0.3,
        target_soc: float = 1.0,
    ) -> None:
        self.capacity_wh = capacity_wh
        self.max_power_w = max_power_w
        self.phases = phases
        self.energy_wh = soc * capacity_wh
        self.target_wh = target_soc * capacity_wh
        self.suspended = False

    @property
    def full(self) -> bool:
        return self.energy_wh >= self.target_wh - TOLERANCE_WH


class Flow(msgspec.Struct, frozen=True, gc=False):
    """How a battery charges while nobody changes the limit. All energies from empty."""

    energy_wh: float
    target_wh: float
    capacity_wh: float
    max_power_w: float
    limit_w: float

    @classmethod
    def of(cls, ev: ElectricVehicle, limit_w: float) -> "Flow":
        return cls(ev.energy_wh, ev.target_wh, ev.capacity_wh, ev.max_power_w, limit_w)

    def power_w(self, energy_wh: float) -> float:
        """The power taken at this state of charge."""
        if energy_wh >= self.target_wh - TOLERANCE_WH:
            return 0.0
        missing = max(self.capacity_wh - energy_wh, 0.0)
        share = min(1.0, max(FLOOR, missing / ((1 - KNEE) * self.capacity_wh)))
        return min(self.limit_w, self.max_power_w * share)

    def energy_after(self, seconds: float) -> float:
        """The battery's energy when this has gone on for `seconds`."""
        energy, hours = self.energy_wh, seconds / SECONDS_PER_HOUR
        for end_wh, power_w, rate in self._pieces():
            needed = self._hours(energy, end_wh, power_w, rate)
            if needed >= hours:
                if rate:
                    missing = (self.capacity_wh - energy) * math.exp(-rate * hours)
                    return min(self.capacity_wh - missing, end_wh)
                return min(energy + power_w * hours, end_wh)
            hours -= needed
            energy = end_wh
        return energy

    def seconds_until(self, energy_wh: float) -> float:
        """How long until the battery has this much; infinite if it never will."""
        energy, hours = self.energy_wh, 0.0
        for end_wh, power_w, rate in self._pieces():
            if energy_wh <= energy:
                break
            end = min(end_wh, energy_wh)
            hours += self._hours(energy, end, power_w, rate)
            energy = end
        return hours * SECONDS_PER_HOUR if energy_wh <= energy + TOLERANCE_WH else math.inf

    def _pieces(self) -> list[tuple[float, float, float]]:
        """(until which energy, power at its start, rate of decline per hour or 0), in order."""
        if self.limit_w <= 0 or self.energy_wh >= self.target_wh:
            return []
        tail_wh = (1 - KNEE) * self.capacity_wh
        floor_w = FLOOR * self.max_power_w
        steady_w = min(self.limit_w, self.max_power_w)
        ends = []
        if steady_w > floor_w:
            # Steady until the battery takes less than what is offered.
            ends.append((self.capacity_wh - tail_wh * steady_w / self.max_power_w, steady_w, 0.0))
            rate = self.max_power_w / tail_wh
            ends.append((self.capacity_wh - tail_wh * FLOOR, steady_w, rate))
        ends.append((self.capacity_wh, min(steady_w, floor_w), 0.0))
        pieces = []
        for end_wh, power_w, rate in ends:
            if end_wh > self.energy_wh:
                pieces.append((min(end_wh, self.target_wh), power_w, rate))
            if end_wh >= self.target_wh:
                break
        return pieces

    def _hours(self, from_wh: float, to_wh: float, power_w: float, rate: float) -> float:
        if to_wh <= from_wh:
            return 0.0
        if rate:
            return math.log((self.capacity_wh - from_wh) / (self.capacity_wh - to_wh)) / rate
        return (to_wh - from_wh) / power_w

"""The meter of a connector: a register that only grows, and readings that fit together.

Energy is the exact integral of power between changes of the limit, so reading the meter changes
nothing, however often. Power is voltage times current times phases. Not here: which values go into
which message (metering).
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from ocpptrio.protocol.core import (
    Location,
    Measurand,
    Phase,
    ReadingContext,
    SampledValue,
    UnitOfMeasure,
)
from ocpptrio.simulator.ev import ElectricVehicle, Flow
from ocpptrio.simulator.timing import SECOND_US

NOMINAL_VOLTAGE_V: Final = 230.0
# V above nominal: the voltage drifts slowly inside this band. Never below nominal, so that a
# current never exceeds the limit that its power was derived from.
VOLTAGE_BAND_V: Final = 2.0
AMBIENT_C: Final = 22.0
WARMING_C: Final = 18.0  # at 22 kW
LINES: Final = (Phase.L1, Phase.L2, Phase.L3)
LINES_TO_NEUTRAL: Final = (Phase.L1_N, Phase.L2_N, Phase.L3_N)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What a meter shows at one instant.

    Attributes:
        register_wh: since the meter was made.
        power_w: that flows into the car now.
        offered_w: what the car could take.
        phases: in use, or all if no car is there.
        soc: state of charge, 0 to 1; None if no car is there.
        at_us: simulated time.
    """

    register_wh: float
    power_w: float
    offered_w: float
    phases: int
    soc: float | None
    at_us: int

    @property
    def whole_wh(self) -> int:
        """The register as every message shows it; cut, so that it never runs ahead."""
        return math.floor(self.register_wh + 1e-6)

    @property
    def voltage_v(self) -> float:
        wave = math.sin(self.at_us / SECOND_US / 97) * 0.5 + 0.5
        return round(NOMINAL_VOLTAGE_V + VOLTAGE_BAND_V * wave, 1)

    @property
    def current_a(self) -> float:
        """Per phase."""
        return self.power_w / (self.voltage_v * self.phases)


class Meter:
    """See the module. Times are simulated, in microseconds."""

    __slots__ = ("_ev", "_flow", "_phases", "_register_wh", "_since_us")

    def __init__(self, register_wh: float, now_us: int) -> None:
        self._register_wh = register_wh
        self._since_us = now_us
        self._ev: ElectricVehicle | None = None
        self._flow: Flow | None = None
        self._phases = 3

    def connect(self, ev: ElectricVehicle | None, now_us: int) -> None:
        self.set_limit(0.0, now_us)
        self._ev = ev
        self._flow = None
        self._phases = 3

    def set_limit(self, limit_w: float, now_us: int, phases: int = 3) -> None:
        """From now on the car may take this much. The one place where energy is booked."""
        ev, flow = self._ev, self._flow
        if ev is None:
            return
        if flow is not None:
            energy_wh = flow.energy_after((now_us - self._since_us) / SECOND_US)
            self._register_wh += energy_wh - flow.energy_wh
            ev.energy_wh = energy_wh
        self._since_us = now_us
        self._flow = Flow.of(ev, limit_w)
        self._phases = phases

    def settle(self, now_us: int) -> None:
        """Bring the car's state of charge up to date, limit unchanged."""
        if self._flow is not None:
            self.set_limit(self._flow.limit_w, now_us, self._phases)

    def seconds_until(self, more_wh: float) -> float:
        """How long until the car has taken this much more; infinite if it will not."""
        if self._flow is None:
            return math.inf
        return self._flow.seconds_until(self._flow.energy_wh + more_wh)

    def read(self, now_us: int) -> Reading:
        flow = self._flow
        if flow is None:
            return Reading(self._register_wh, 0.0, 0.0, 3, None, now_us)
        energy_wh = flow.energy_after((now_us - self._since_us) / SECOND_US)
        return Reading(
            self._register_wh + energy_wh - flow.energy_wh,
            flow.power_w(energy_wh),
            flow.limit_w,
            self._phases,
            energy_wh / flow.capacity_wh,
            now_us,
        )


class Measured(msgspec.Struct, frozen=True):
    """One item of a list of measurands: `Voltage.L1` is a measurand and a phase."""

    measurand: Measurand
    phase: Phase | None = None


SUPPORTED: Final = frozenset(
    {
        Measurand.ENERGY_ACTIVE_IMPORT_REGISTER,
        Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL,
        Measurand.POWER_ACTIVE_IMPORT,
        Measurand.POWER_OFFERED,
        Measurand.POWER_FACTOR,
        Measurand.CURRENT_IMPORT,
        Measurand.CURRENT_OFFERED,
        Measurand.VOLTAGE,
        Measurand.FREQUENCY,
        Measurand.TEMPERATURE,
        Measurand.SOC,
    }
)
_BY_PHASE: Final = frozenset(
    {Measurand.CURRENT_IMPORT, Measurand.VOLTAGE, Measurand.POWER_ACTIVE_IMPORT}
)


def parse_measurand(text: str) -> Measured | None:
    """An item of a list of measurands, or None if this meter does not measure it."""
    name, _, suffix = text.rpartition(".")
    phase = None
    if suffix in Phase.__members__.values():
        text, phase = name, Phase(suffix)
    try:
        measurand = Measurand(text)
    except ValueError:
        return None
    if measurand not in SUPPORTED or (phase is not None and not _has_phase(measurand, phase)):
        return None
    return Measured(measurand, phase)


def _has_phase(measurand: Measurand, phase: Phase) -> bool:
    if measurand not in _BY_PHASE:
        return False
    return phase in LINES or (measurand is Measurand.VOLTAGE and phase in LINES_TO_NEUTRAL)


def sampled_values(
    reading: Reading,
    measured: Sequence[Measured],
    context: ReadingContext,
    since_wh: int | None = None,
) -> tuple[SampledValue, ...]:
    """One instant as it goes into a message; `since_wh` is where an interval began."""
    values: list[SampledValue] = []
    for item in measured:
        values.extend(_values(reading, item, context, since_wh))
    return tuple(values)


def _values(
    reading: Reading, item: Measured, context: ReadingContext, since_wh: int | None
) -> list[SampledValue]:
    def value(
        text: str,
        unit: UnitOfMeasure | None,
        phase: Phase | None = item.phase,
        location: Location | None = None,
    ) -> SampledValue:
        return SampledValue(
            value=text,
            context=context,
            measurand=item.measurand,
            phase=phase,
            location=location,
            unit=unit,
        )

    line = item.phase
    match item.measurand:
        case Measurand.ENERGY_ACTIVE_IMPORT_REGISTER:
            return [value(str(reading.whole_wh), UnitOfMeasure.WH)]
        case Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL:
            begin = reading.whole_wh if since_wh is None else since_wh
            return [value(str(reading.whole_wh - begin), UnitOfMeasure.WH)]
        case Measurand.POWER_ACTIVE_IMPORT:
            power_w = reading.power_w
            if line is not None:
                power_w = power_w / reading.phases if _in_use(line, reading) else 0.0
            return [value(f"{power_w:.1f}", UnitOfMeasure.W)]
        case Measurand.POWER_OFFERED:
            return [value(f"{reading.offered_w:.1f}", UnitOfMeasure.W)]
        case Measurand.POWER_FACTOR:
            return [value("1.0", None)]
        case Measurand.CURRENT_IMPORT:
            lines = LINES[: reading.phases] if line is None else (line,)
            return [
                value(
                    f"{reading.current_a if _in_use(each, reading) else 0:.2f}",
                    UnitOfMeasure.A,
                    each,
                )
                for each in lines
            ]
        case Measurand.CURRENT_OFFERED:
            offered_a = reading.offered_w / (NOMINAL_VOLTAGE_V * reading.phases)
            return [value(f"{offered_a:.2f}", UnitOfMeasure.A)]
        case Measurand.VOLTAGE:
            phases = LINES_TO_NEUTRAL[: reading.phases] if line is None else (line,)
            return [value(f"{reading.voltage_v:.1f}", UnitOfMeasure.V, each) for each in phases]
        case Measurand.FREQUENCY:
            hertz = 50 + 0.02 * math.sin(reading.at_us / SECOND_US / 37)
            return [value(f"{hertz:.2f}", None)]  # hertz has no unit value (errata 3.86)
        case Measurand.TEMPERATURE:
            celsius = AMBIENT_C + WARMING_C * reading.power_w / 22_000
            return [value(f"{celsius:.1f}", UnitOfMeasure.CELCIUS, None, Location.BODY)]
        case Measurand.SOC:
            if reading.soc is None:
                return []
            percent = f"{reading.soc * 100:.1f}"
            return [value(percent, UnitOfMeasure.PERCENT, None, Location.EV)]
        case _:
            raise AssertionError(f"{item.measurand} is not measured")


def _in_use(line: Phase, reading: Reading) -> bool:
    return line in LINES[: reading.phases]

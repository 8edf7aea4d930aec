"""Which charging limit holds when: the composite schedule (OCPP 1.6, 3.13 and 5.7). Pure.

Takes what is installed at a charge point as plain data, for simulator and services alike. Not here:
whether a profile may be installed, or what a connector makes of its limit.

The rules, where the specification leaves room read as libocpp reads it:
1. For each purpose the profiles of a connector are collected: ChargePointMaxProfile from connector
   0; TxDefaultProfile from the connector and from 0, where at the same stackLevel the connector's
   own replaces that of 0; TxProfile from the connector, if it belongs to the transaction.
2. A schedule starts at its startSchedule (Absolute), with the transaction or, before one, now
   (Relative), or at each recurrence of startSchedule, also those before it (Recurring).
3. A period lasts until the next one, the duration, the next recurrence or validTo, whichever comes
   first; before validFrom nothing holds.
4. Per purpose the highest stackLevel that has a period in force wins, even with a higher limit.
5. TxProfile goes before TxDefaultProfile.
6. The lower one of that and ChargePointMaxProfile holds; with neither there is no limit.
7. A is per phase, W the total: they compare through nominal voltage and phases. The result has the
   lower number of phases.
8. Connector 0 has the sum of all connectors, those without limit counted as `unlimited_a`, but no
   more than ChargePointMaxProfile.

All times count in whole seconds.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from ocpptrio.clock import EPOCH
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    RecurrencyKindType,
)

DEFAULT_PHASES: Final = 3  # of a period that does not say (OCPP 1.6, 7.14)
NOMINAL_VOLTAGE_V: Final = 230.0
UNLIMITED_A: Final = 48.0  # libocpp's figure for a connector without limit; 33 120 W

_RECURRENCE_S: Final = {RecurrencyKindType.DAILY: 86_400, RecurrencyKindType.WEEKLY: 604_800}


class InstalledProfile(msgspec.Struct, frozen=True):
    """A charging profile and the connector it was set for; 0 is the whole charge point."""

    connector_id: int
    profile: ChargingProfile


class RunningTransaction(msgspec.Struct, frozen=True):
    """What the schedules of a connector need to know of its transaction."""

    started: datetime
    transaction_id: int | None = None  # None: not known yet


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides on the limits of one charge point.

    Attributes:
        profiles: in the order in which they were set.
        connectors: how many there are; they count from 1.
        transactions: those that run now, by connector.
        voltage_v: nominal, phase to neutral.
        unlimited_a: what a connector without limit adds to connector 0, per phase of three.
    """

    profiles: Sequence[InstalledProfile] = ()
    connectors: int = 1
    transactions: Mapping[int, RunningTransaction] = {}
    voltage_v: float = NOMINAL_VOLTAGE_V
    unlimited_a: float = UNLIMITED_A


class Limit(msgspec.Struct, frozen=True):
    """A limit as a profile states it: A per phase, or W in total."""

    limit: float
    unit: ChargingRateUnitType
    number_phases: int = DEFAULT_PHASES

    def in_unit(self, unit: ChargingRateUnitType, voltage_v: float) -> float:
        if unit is self.unit:
            return self.limit
        if unit is ChargingRateUnitType.W:
            return self.limit * voltage_v * self.number_phases
        return self.limit / (voltage_v * self.number_phases)


class Limits(msgspec.Struct, frozen=True):
    """The two limits of a connector as they were set, before they are reduced to one."""

    transaction: Limit | None  # from TxProfile, else TxDefaultProfile
    charge_point: Limit | None  # from ChargePointMaxProfile, for all connectors together


class Period(msgspec.Struct, frozen=True):
    """From `start_s` after the start of the schedule until the next period.

    A `limit` of None means that no profile limits anything.
    """

    start_s: int
    limit: float | None
    number_phases: int | None = None


class CompositeSchedule(msgspec.Struct, frozen=True):
    """What holds on a connector from `start` for `duration_s`; at least one period."""

    start: datetime
    duration_s: int
    unit: ChargingRateUnitType
    periods: tuple[Period, ...]


def limits_at(
    installation: Installation, connector_id: int, at: datetime, now: datetime | None = None
) -> Limits:
    """The limits of a connector (not 0) at a moment; `now` is when it is asked, default `at`."""
    at_s = _seconds(at)
    now_s = at_s if now is None else _seconds(now)
    layers = _Layers(installation, connector_id, at_s, at_s + 1, now_s)
    return Limits(layers.transaction_limit(at_s), layers.charge_point_limit(at_s))


def composite_schedule(
    installation: Installation,
    connector_id: int,
    start: datetime,
    duration_s: int,
    unit: ChargingRateUnitType,
) -> CompositeSchedule:
    """The limits of a connector, or of all together (0), from `start` on, which is also now."""
    start_s = _seconds(start)
    end_s = start_s + max(duration_s, 1)
    connectors = range(1, installation.connectors + 1) if connector_id == 0 else (connector_id,)
    layers = [_Layers(installation, each, start_s, end_s, start_s) for each in connectors]
    moments = {start_s}
    for layer in layers:
        moments.update(moment for moment in layer.moments() if start_s < moment < end_s)
    periods: list[Period] = []
    for moment in sorted(moments):
        if connector_id == 0:
            value = _sum(layers, moment, unit, installation)
        else:
            value = _reduce(
                layers[0].transaction_limit(moment),
                layers[0].charge_point_limit(moment),
                unit,
                installation.voltage_v,
            )
        limit, phases = (value.limit, value.number_phases) if value else (None, None)
        if not periods or (periods[-1].limit, periods[-1].number_phases) != (limit, phases):
            periods.append(Period(moment - start_s, limit, phases))
    cut = EPOCH + timedelta(seconds=start_s)
    return CompositeSchedule(cut, duration_s, unit, tuple(periods))


def _reduce(
    first: Limit | None, second: Limit | None, unit: ChargingRateUnitType, voltage_v: float
) -> Limit | None:
    """Rules 6 and 7."""
    given = [limit for limit in (first, second) if limit is not None]
    if not given:
        return None
    return Limit(
        min(limit.in_unit(unit, voltage_v) for limit in given),
        unit,
        min(limit.number_phases for limit in given),
    )


def _sum(
    layers: list["_Layers"], at_s: int, unit: ChargingRateUnitType, installation: Installation
) -> Limit | None:
    """Rule 8."""
    limits = [layer.transaction_limit(at_s) for layer in layers]
    maximum = layers[0].charge_point_limit(at_s) if layers else None
    if maximum is None and not any(limits):
        return None
    unlimited = Limit(installation.unlimited_a, ChargingRateUnitType.A)
    each = [limit or unlimited for limit in limits]
    total = Limit(
        sum(limit.in_unit(unit, installation.voltage_v) for limit in each),
        unit,
        max(limit.number_phases for limit in each),
    )
    return _reduce(total, maximum, unit, installation.voltage_v)


class _Spans:
    """When which period of one profile is in force; the spans do not overlap."""

    __slots__ = ("_begins", "_ends", "_limits")

    def __init__(self, spans: list[tuple[int, int, Limit]]) -> None:
        self._begins = [span[0] for span in spans]
        self._ends = [span[1] for span in spans]
        self._limits = [span[2] for span in spans]

    def at(self, at_s: int) -> Limit | None:
        index = bisect_right(self._begins, at_s) - 1
        return self._limits[index] if index >= 0 and at_s < self._ends[index] else None

    def moments(self) -> Iterator[int]:
        yield from self._begins
        yield from self._ends


class _Layers:
    """The profiles of one connector, per purpose from the highest stackLevel down."""

    def __init__(
        self, installation: Installation, connector_id: int, from_s: int, until_s: int, now_s: int
    ) -> None:
        transaction = installation.transactions.get(connector_id)
        charging_start_s = now_s if transaction is None else _seconds(transaction.started)
        chosen = _collect(installation.profiles, connector_id, transaction)
        self._purposes = {
            purpose: [
                _Spans(list(_spans(levels[level], from_s, until_s, charging_start_s)))
                for level in sorted(levels, reverse=True)
            ]
            for purpose, levels in chosen.items()
        }

    def transaction_limit(self, at_s: int) -> Limit | None:
        limit = self._highest(ChargingProfilePurposeType.TX_PROFILE, at_s)
        if limit is None:
            limit = self._highest(ChargingProfilePurposeType.TX_DEFAULT_PROFILE, at_s)
        return limit

    def charge_point_limit(self, at_s: int) -> Limit | None:
        return self._highest(ChargingProfilePurposeType.CHARGE_POINT_MAX_PROFILE, at_s)

    def _highest(self, purpose: ChargingProfilePurposeType, at_s: int) -> Limit | None:
        for spans in self._purposes.get(purpose, ()):
            limit = spans.at(at_s)
            if limit is not None:
                return limit
        return None

    def moments(self) -> Iterator[int]:
        for levels in self._purposes.values():
            for spans in levels:
                yield from spans.moments()


def _collect(
    profiles: Sequence[InstalledProfile], connector_id: int, transaction: RunningTransaction | None
) -> dict[ChargingProfilePurposeType, dict[int, ChargingProfile]]:
    """Rule 1: by purpose and stackLevel."""
    chosen: dict[ChargingProfilePurposeType, dict[int, ChargingProfile]] = {}
    own: set[int] = set()  # stackLevels of TxDefaultProfile that the connector has itself
    for installed in profiles:
        profile = installed.profile
        purpose = profile.charging_profile_purpose
        match purpose:
            case ChargingProfilePurposeType.CHARGE_POINT_MAX_PROFILE:
                applies = installed.connector_id == 0
            case ChargingProfilePurposeType.TX_DEFAULT_PROFILE:
                if installed.connector_id == connector_id:
                    own.add(profile.stack_level)
                    applies = True
                else:
                    applies = installed.connector_id == 0 and profile.stack_level not in own
            case ChargingProfilePurposeType.TX_PROFILE:
                applies = (
                    transaction is not None
                    and installed.connector_id == connector_id
                    and profile.transaction_id in (None, transaction.transaction_id)
                )
        if applies:
            chosen.setdefault(purpose, {})[profile.stack_level] = profile
    return chosen


def _spans(
    profile: ChargingProfile, from_s: int, until_s: int, charging_start_s: int
) -> Iterator[tuple[int, int, Limit]]:
    """Rules 2 and 3: what of a profile lies within [from_s, until_s), in order of time."""
    schedule = profile.charging_schedule
    valid_from_s = from_s if profile.valid_from is None else _seconds(profile.valid_from)
    valid_to_s = until_s if profile.valid_to is None else _seconds(profile.valid_to)
    first_s, last_s = max(from_s, valid_from_s), min(until_s, valid_to_s)
    for start_s, cut_s in _starts(profile, from_s, until_s, charging_start_s):
        end_s = until_s if cut_s is None else cut_s
        if schedule.duration is not None:
            end_s = min(end_s, start_s + schedule.duration)
        end_s = min(end_s, last_s)
        periods = schedule.charging_schedule_period
        for index, period in enumerate(periods):
            begin = max(start_s + period.start_period, first_s)
            end = end_s
            if index + 1 < len(periods):
                end = min(end, start_s + periods[index + 1].start_period)
            if begin < end:
                limit = Limit(
                    period.limit,
                    schedule.charging_rate_unit,
                    period.number_phases or DEFAULT_PHASES,
                )
                yield begin, end, limit


def _starts(
    profile: ChargingProfile, from_s: int, until_s: int, charging_start_s: int
) -> Iterator[tuple[int, int | None]]:
    """When the schedule of a profile starts, and where the next recurrence cuts it off."""
    start = profile.charging_schedule.start_schedule
    match profile.charging_profile_kind:
        case ChargingProfileKindType.RELATIVE:
            yield charging_start_s, None
        case ChargingProfileKindType.ABSOLUTE:
            # Without startSchedule it is relative to the start of charging (OCPP 1.6, 7.13).
            yield charging_start_s if start is None else _seconds(start), None
        case ChargingProfileKindType.RECURRING:
            if start is None or profile.recurrency_kind is None:
                return  # it does not say when
            every_s = _RECURRENCE_S[profile.recurrency_kind]
            start_s = from_s - (from_s - _seconds(start)) % every_s
            while start_s < until_s:
                yield start_s, start_s + every_s
                start_s += every_s


def _seconds(when: datetime) -> int:
    return (when - EPOCH) // timedelta(seconds=1)

"""The charging profiles of a charge point and the power each connector gets (OCPP 1.6, 3.13).

Which limit a profile means at which time is the composite schedule's; here profiles are kept, and
what may be drawn together is shared out. Not here: what a car makes of it (ev, meter).
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from ocpptrio.composite_schedule import InstalledProfile, Limit
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
)
from ocpptrio.protocol.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfile,
    ClearChargingProfileStatus,
)
from ocpptrio.simulator.configuration import Configuration

MINIMUM_A: Final = 6.0  # per phase; with less a car does not charge at all (IEC 61851-1)
# s: a GetCompositeSchedule for longer is answered for this long; a daily profile may run for ever.
LONGEST_SCHEDULE_S: Final = 7 * 86_400

_Purpose = ChargingProfilePurposeType
# As ChargingScheduleAllowedChargingRateUnit calls them.
_UNIT_NAMES: Final = {ChargingRateUnitType.A: "Current", ChargingRateUnitType.W: "Power"}


class ChargingProfiles:
    """Those installed, in the order in which they were set. They survive a reboot (errata 3.37)."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.installed: tuple[InstalledProfile, ...] = ()

    def set(
        self, connector_id: int, profile: ChargingProfile, now: datetime
    ) -> ChargingProfileStatus:
        """Install a profile in place of those it replaces (OCPP 1.6, 5.16.3), or reject it."""
        if not self._is_sound(connector_id, profile, now):
            return ChargingProfileStatus.REJECTED
        kept = tuple(each for each in self.installed if not _replaces(connector_id, profile, each))
        if len(kept) >= self._configuration.number("MaxChargingProfilesInstalled"):
            return ChargingProfileStatus.REJECTED
        self.installed = (*kept, InstalledProfile(connector_id, profile))
        return ChargingProfileStatus.ACCEPTED

    def _is_sound(self, connector_id: int, profile: ChargingProfile, now: datetime) -> bool:
        schedule = profile.charging_schedule
        periods = schedule.charging_schedule_period
        starts = [period.start_period for period in periods]
        purpose, kind = profile.charging_profile_purpose, profile.charging_profile_kind
        units = self._configuration.text("ChargingScheduleAllowedChargingRateUnit").split(",")
        return (
            _UNIT_NAMES[schedule.charging_rate_unit] in units
            and profile.stack_level <= self._configuration.number("ChargeProfileMaxStackLevel")
            and len(periods) <= self._configuration.number("ChargingScheduleMaxPeriods")
            and starts[0] == 0
            and all(a < b for a, b in pairwise(starts))
            and all(period.limit >= 0 for period in periods)
            and (purpose is not _Purpose.CHARGE_POINT_MAX_PROFILE or connector_id == 0)
            and (purpose is not _Purpose.TX_PROFILE or connector_id > 0)
            # The charge point as a whole has no transaction that it could be relative to.
            and not (
                purpose is _Purpose.CHARGE_POINT_MAX_PROFILE
                and kind is ChargingProfileKindType.RELATIVE
            )
            and (
                kind is not ChargingProfileKindType.RECURRING
                or (profile.recurrency_kind is not None and schedule.start_schedule is not None)
            )
            and (profile.valid_to is None or profile.valid_to > now)
        )

    def clear(self, request: ClearChargingProfile) -> ClearChargingProfileStatus:
        """ClearChargingProfile (OCPP 1.6, 5.5): by id alone, else all that match all fields."""
        kept = tuple(each for each in self.installed if not _matches(request, each))
        if len(kept) == len(self.installed):
            return ClearChargingProfileStatus.UNKNOWN
        self.installed = kept
        return ClearChargingProfileStatus.ACCEPTED

    def transaction_ended(self, connector_id: int) -> None:
        """A TxProfile ends with its transaction."""
        self.installed = tuple(
            each
            for each in self.installed
            if each.connector_id != connector_id
            or each.profile.charging_profile_purpose is not _Purpose.TX_PROFILE
        )


def _replaces(connector_id: int, profile: ChargingProfile, other: InstalledProfile) -> bool:
    if other.profile.charging_profile_id == profile.charging_profile_id:
        return True
    return (
        other.connector_id == connector_id
        and other.profile.stack_level == profile.stack_level
        and other.profile.charging_profile_purpose is profile.charging_profile_purpose
    )


def _matches(request: ClearChargingProfile, installed: InstalledProfile) -> bool:
    profile = installed.profile
    if request.id is not None:
        return profile.charging_profile_id == request.id
    return (
        request.connector_id in (None, installed.connector_id)
        and request.charging_profile_purpose in (None, profile.charging_profile_purpose)
        and request.stack_level in (None, profile.stack_level)
    )


def power_w(limit: Limit | None, phases: int, voltage_v: float) -> float:
    """What a limit allows a car that uses so many phases: applied as is (errata 3.34)."""
    if limit is None:
        return float("inf")
    if limit.unit is ChargingRateUnitType.W:
        return limit.limit
    return limit.limit * voltage_v * phases


def share(total: float, caps: Sequence[float], minimums: Sequence[float]) -> list[float]:
    """Share out `total` evenly, nobody above his cap; who would get less than his minimum gets 0.

    When it does not suffice for all, the last ones go without.
    """
    active = [index for index, cap in enumerate(caps) if cap >= minimums[index] and cap > 0]
    while True:
        shares = [0.0] * len(caps)
        left, waiting = total, sorted(active, key=lambda index: caps[index])
        for position, index in enumerate(waiting):
            shares[index] = min(caps[index], left / (len(waiting) - position))
            left -= shares[index]
        short = [index for index in active if shares[index] < minimums[index]]
        if not short:
            return shares
        active.remove(short[-1])

"""Commands of the profile Smart Charging (OCPP 1.6, 5.5, 5.7 and 5.16)."""

from typing import TYPE_CHECKING

from ocpptrio.clock import whole_seconds
from ocpptrio.composite_schedule import CompositeSchedule, composite_schedule
from ocpptrio.protocol import smart_charging
from ocpptrio.protocol.datatypes import (
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
)
from ocpptrio.simulator.commands.known import check_connector
from ocpptrio.simulator.connector import HARDWARE_A, PHASES, Connector
from ocpptrio.simulator.meter import NOMINAL_VOLTAGE_V
from ocpptrio.simulator.smart_charging import LONGEST_SCHEDULE_S

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def clear_charging_profile(
    charge_point: "SimulatedChargePoint", request: smart_charging.ClearChargingProfile
) -> smart_charging.ClearChargingProfileResponse:
    status = charge_point.station.power.profiles.clear(request)
    charge_point.station.update()
    return smart_charging.ClearChargingProfileResponse(status=status)


def get_composite_schedule(
    charge_point: "SimulatedChargePoint", request: smart_charging.GetCompositeSchedule
) -> smart_charging.GetCompositeScheduleResponse:
    if request.connector_id > len(charge_point.station.connectors) or request.duration <= 0:
        return smart_charging.GetCompositeScheduleResponse(
            status=smart_charging.GetCompositeScheduleStatus.REJECTED
        )
    schedule = composite_schedule(
        charge_point.station.power.installation(),
        request.connector_id,
        whole_seconds(charge_point.device.clock.now_us()),
        min(request.duration, LONGEST_SCHEDULE_S),
        request.charging_rate_unit or ChargingRateUnitType.A,
    )
    connectors = 1 if request.connector_id else len(charge_point.station.connectors)
    return smart_charging.GetCompositeScheduleResponse(
        status=smart_charging.GetCompositeScheduleStatus.ACCEPTED,
        connector_id=request.connector_id,
        schedule_start=schedule.start,
        charging_schedule=_reported(schedule, connectors),
    )


def _reported(schedule: CompositeSchedule, connectors: int) -> ChargingSchedule:
    """Where no profile limits anything, the cables do. startSchedule is left out (errata 3.57)."""
    most = HARDWARE_A * connectors
    if schedule.unit is ChargingRateUnitType.W:
        most *= NOMINAL_VOLTAGE_V * PHASES
    periods: list[ChargingSchedulePeriod] = []
    for period in schedule.periods:
        limit = most if period.limit is None else min(period.limit, most)
        reported = ChargingSchedulePeriod(
            start_period=period.start_s,
            limit=round(limit, 1),
            number_phases=period.number_phases or PHASES,
        )
        before = periods[-1] if periods else None
        if before is None or (before.limit, before.number_phases) != (
            reported.limit,
            reported.number_phases,
        ):
            periods.append(reported)
    return ChargingSchedule(
        duration=schedule.duration_s,
        charging_rate_unit=schedule.unit,
        charging_schedule_period=tuple(periods),
    )


def set_charging_profile(
    charge_point: "SimulatedChargePoint", request: smart_charging.SetChargingProfile
) -> smart_charging.SetChargingProfileResponse:
    check_connector(charge_point, request.connector_id)
    station, profile = charge_point.station, request.cs_charging_profiles
    status = smart_charging.ChargingProfileStatus.REJECTED
    if profile.charging_profile_purpose is not ChargingProfilePurposeType.TX_PROFILE or (
        request.connector_id > 0
        and _may_take_tx_profile(station.connector(request.connector_id), profile.transaction_id)
    ):
        status = station.power.profiles.set(
            request.connector_id, profile, charge_point.device.now()
        )
        station.update()
    return smart_charging.SetChargingProfileResponse(status=status)


def _may_take_tx_profile(connector: Connector, transaction_id: int | None) -> bool:
    """Only a running transaction, and if the profile names one, that one (OCPP 1.6, 5.16.1)."""
    transaction = connector.transaction
    return transaction is not None and transaction_id in (None, transaction.id.value)

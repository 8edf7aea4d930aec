"""Feature profile Smart Charging: its messages (OCPP 1.6, 5.5, 5.7, 5.16).

Not here: the charging profile itself, which RemoteStartTransaction of Core carries too (datatypes),
and how profiles add up to a schedule (services).
"""

from enum import StrEnum

from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ConnectorId,
    DateTime,
    Integer,
    Message,
    NonNegative,
    Request,
)


class ClearChargingProfileStatus(StrEnum):
    ACCEPTED = "Accepted"
    UNKNOWN = "Unknown"


class ClearChargingProfileResponse(Message, frozen=True, kw_only=True):
    """Whether any profile matched."""

    status: ClearChargingProfileStatus


class ClearChargingProfile(Request[ClearChargingProfileResponse], frozen=True, kw_only=True):
    """Remove the charging profiles that match (OCPP 1.6, 5.5)."""

    id: Integer | None = None  # of one profile; the other three then do not count
    connector_id: ConnectorId | None = None  # 0 is the charge point as a whole
    charging_profile_purpose: ChargingProfilePurposeType | None = None
    stack_level: NonNegative | None = None


class GetCompositeScheduleStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class GetCompositeScheduleResponse(Message, frozen=True, kw_only=True):
    """The schedule that results from all profiles."""

    status: GetCompositeScheduleStatus
    connector_id: ConnectorId | None = None
    schedule_start: DateTime | None = None
    charging_schedule: ChargingSchedule | None = None


class GetCompositeSchedule(Request[GetCompositeScheduleResponse], frozen=True, kw_only=True):
    """Which limits will hold in the next `duration` seconds? (OCPP 1.6, 5.7)."""

    connector_id: ConnectorId  # 0 is what the charge point will draw from the grid
    duration: Integer  # s, from the receipt of the request
    charging_rate_unit: ChargingRateUnitType | None = None


class ChargingProfileStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_SUPPORTED = "NotSupported"


class SetChargingProfileResponse(Message, frozen=True, kw_only=True):
    """Whether the profile is installed."""

    status: ChargingProfileStatus


class SetChargingProfile(Request[SetChargingProfileResponse], frozen=True, kw_only=True):
    """Install a charging profile on a connector (OCPP 1.6, 5.16)."""

    # 0 with a ChargePointMaxProfile is the charge point as a whole, with a TxDefaultProfile each
    # of its connectors.
    connector_id: ConnectorId
    cs_charging_profiles: ChargingProfile

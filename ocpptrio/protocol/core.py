"""Feature profile Core: boot, authorization, transactions, meters, remote control.

First what a charge point sends (OCPP 1.6, 4.1 to 4.10), then what it is sent (5.2 to 5.18), each
in the order of the specification. Not here: idTagInfo and charging profiles, which other profiles
use too (datatypes).
"""

from enum import StrEnum

import msgspec

from ocpptrio.protocol.datatypes import (
    AtLeastOne,
    ChargingProfile,
    CiString20,
    CiString25,
    CiString50,
    CiString255,
    CiString500,
    ConnectorId,
    DateTime,
    IdTagInfo,
    IdToken,
    Integer,
    Message,
    PhysicalConnectorId,
    Request,
)


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    """The verdict on an idTag."""

    id_tag_info: IdTagInfo


class Authorize(Request[AuthorizeResponse], frozen=True, kw_only=True):
    """May this idTag start or stop charging? (OCPP 1.6, 4.1)."""

    id_tag: IdToken


class RegistrationStatus(StrEnum):
    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    """Whether the charge point is accepted, the time, and the heartbeat interval."""

    status: RegistrationStatus
    current_time: DateTime
    # Seconds: between heartbeats once Accepted, else at least until the next boot; 0 leaves the
    # wait to the charge point.
    interval: Integer


class BootNotification(Request[BootNotificationResponse], frozen=True, kw_only=True):
    """The charge point has (re)booted and presents itself (OCPP 1.6, 4.2)."""

    charge_point_vendor: CiString20
    charge_point_model: CiString20
    charge_point_serial_number: CiString25 | None = None
    charge_box_serial_number: CiString25 | None = None  # deprecated by the specification
    firmware_version: CiString50 | None = None
    iccid: CiString20 | None = None
    imsi: CiString20 | None = None
    meter_type: CiString25 | None = None
    meter_serial_number: CiString25 | None = None


class DataTransferStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    UNKNOWN_MESSAGE_ID = "UnknownMessageId"
    UNKNOWN_VENDOR_ID = "UnknownVendorId"


class DataTransferResponse(Message, frozen=True, kw_only=True):
    """What the receiver made of a vendor extension."""

    status: DataTransferStatus
    data: str | None = None  # of any length


class DataTransfer(Request[DataTransferResponse], frozen=True, kw_only=True):
    """A vendor extension, in either direction (OCPP 1.6, 4.3 and 5.6)."""

    vendor_id: CiString255  # a reversed domain name, if the vendor follows the advice
    message_id: CiString50 | None = None
    data: str | None = None  # of any length


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    """The time."""

    current_time: DateTime


class Heartbeat(Request[HeartbeatResponse], frozen=True):
    """The charge point is alive and asks for the time (OCPP 1.6, 4.6)."""


class ReadingContext(StrEnum):
    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"
    SAMPLE_CLOCK = "Sample.Clock"
    SAMPLE_PERIODIC = "Sample.Periodic"
    TRANSACTION_BEGIN = "Transaction.Begin"
    TRANSACTION_END = "Transaction.End"
    TRIGGER = "Trigger"
    OTHER = "Other"


class ValueFormat(StrEnum):
    RAW = "Raw"
    SIGNED_DATA = "SignedData"


class Measurand(StrEnum):
    ENERGY_ACTIVE_EXPORT_REGISTER = "Energy.Active.Export.Register"
    ENERGY_ACTIVE_IMPORT_REGISTER = "Energy.Active.Import.Register"
    ENERGY_REACTIVE_EXPORT_REGISTER = "Energy.Reactive.Export.Register"
    ENERGY_REACTIVE_IMPORT_REGISTER = "Energy.Reactive.Import.Register"
    ENERGY_ACTIVE_EXPORT_INTERVAL = "Energy.Active.Export.Interval"
    ENERGY_ACTIVE_IMPORT_INTERVAL = "Energy.Active.Import.Interval"
    ENERGY_REACTIVE_EXPORT_INTERVAL = "Energy.Reactive.Export.Interval"
    ENERGY_REACTIVE_IMPORT_INTERVAL = "Energy.Reactive.Import.Interval"
    POWER_ACTIVE_EXPORT = "Power.Active.Export"
    POWER_ACTIVE_IMPORT = "Power.Active.Import"
    POWER_OFFERED = "Power.Offered"
    POWER_REACTIVE_EXPORT = "Power.Reactive.Export"
    POWER_REACTIVE_IMPORT = "Power.Reactive.Import"
    POWER_FACTOR = "Power.Factor"
    CURRENT_IMPORT = "Current.Import"
    CURRENT_EXPORT = "Current.Export"
    CURRENT_OFFERED = "Current.Offered"
    VOLTAGE = "Voltage"
    FREQUENCY = "Frequency"
    TEMPERATURE = "Temperature"
    SOC = "SoC"
    RPM = "RPM"


class Phase(StrEnum):
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    N = "N"
    L1_N = "L1-N"
    L2_N = "L2-N"
    L3_N = "L3-N"
    L1_L2 = "L1-L2"
    L2_L3 = "L2-L3"
    L3_L1 = "L3-L1"


class Location(StrEnum):
    CABLE = "Cable"
    EV = "EV"
    INLET = "Inlet"
    OUTLET = "Outlet"
    BODY = "Body"


class UnitOfMeasure(StrEnum):
    WH = "Wh"
    KWH = "kWh"
    VARH = "varh"
    KVARH = "kvarh"
    W = "W"
    KW = "kW"
    VA = "VA"
    KVA = "kVA"
    VAR = "var"
    KVAR = "kvar"
    A = "A"
    V = "V"
    K = "K"
    CELCIUS = "Celcius"  # what charge points are advised to go on sending (OCPP-J errata 2.1)
    CELSIUS = "Celsius"
    FAHRENHEIT = "Fahrenheit"
    PERCENT = "Percent"


class SampledValue(Message, frozen=True, kw_only=True):
    """One value of a meter (OCPP 1.6, 7.43)."""

    value: str  # a decimal number, or whatever a signing meter writes if the format is SignedData
    context: ReadingContext | None = None  # absent: Sample.Periodic
    format: ValueFormat | None = None  # absent: Raw
    measurand: Measurand | None = None  # absent: Energy.Active.Import.Register
    phase: Phase | None = None  # absent: all phases together
    location: Location | None = None  # absent: Outlet
    # Absent: Wh for energy, hertz for Frequency, which has no unit of its own (errata 3.86).
    unit: UnitOfMeasure | None = None


class MeterValue(Message, frozen=True, kw_only=True):
    """The values of one instant (OCPP 1.6, 7.33)."""

    timestamp: DateTime
    sampled_value: AtLeastOne[SampledValue]


class MeterValuesResponse(Message, frozen=True):
    """The samples were stored."""


class MeterValues(Request[MeterValuesResponse], frozen=True, kw_only=True):
    """Samples of a connector's meter, inside or outside a transaction (OCPP 1.6, 4.7)."""

    connector_id: ConnectorId  # 0 is the main meter
    transaction_id: Integer | None = None  # may be -1, like that of the StopTransaction
    meter_value: AtLeastOne[MeterValue]


class StartTransactionResponse(Message, frozen=True, kw_only=True):
    """The transaction's id, and whether it may go on."""

    id_tag_info: IdTagInfo
    # Unique in this central system. Ours are positive: charge points use -1, and some 0, for a
    # transaction whose id they never got.
    transaction_id: Integer


class StartTransaction(Request[StartTransactionResponse], frozen=True, kw_only=True):
    """A transaction has begun; the charge point does not ask, it tells (OCPP 1.6, 4.8)."""

    connector_id: PhysicalConnectorId
    id_tag: IdToken
    meter_start: Integer  # Wh
    reservation_id: Integer | None = None  # the reservation that this transaction uses up
    timestamp: DateTime


class ChargePointErrorCode(StrEnum):
    CONNECTOR_LOCK_FAILURE = "ConnectorLockFailure"
    EV_COMMUNICATION_ERROR = "EVCommunicationError"
    GROUND_FAILURE = "GroundFailure"
    HIGH_TEMPERATURE = "HighTemperature"
    INTERNAL_ERROR = "InternalError"
    LOCAL_LIST_CONFLICT = "LocalListConflict"
    NO_ERROR = "NoError"
    OTHER_ERROR = "OtherError"
    OVER_CURRENT_FAILURE = "OverCurrentFailure"
    POWER_METER_FAILURE = "PowerMeterFailure"
    POWER_SWITCH_FAILURE = "PowerSwitchFailure"
    READER_FAILURE = "ReaderFailure"
    RESET_FAILURE = "ResetFailure"
    UNDER_VOLTAGE = "UnderVoltage"
    OVER_VOLTAGE = "OverVoltage"
    WEAK_SIGNAL = "WeakSignal"


class ChargePointStatus(StrEnum):
    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class StatusNotificationResponse(Message, frozen=True):
    """The status was stored."""


class StatusNotification(Request[StatusNotificationResponse], frozen=True, kw_only=True):
    """A connector, or the charge point as a whole, changed its state (OCPP 1.6, 4.9)."""

    connector_id: ConnectorId  # 0 is the charge point: only Available, Unavailable and Faulted
    error_code: ChargePointErrorCode
    info: CiString50 | None = None
    status: ChargePointStatus
    timestamp: DateTime | None = None  # absent: the time of receipt
    vendor_id: CiString255 | None = None
    vendor_error_code: CiString50 | None = None


class Reason(StrEnum):
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"
    DE_AUTHORIZED = "DeAuthorized"


class StopTransactionResponse(Message, frozen=True, kw_only=True):
    """The stop was stored."""

    id_tag_info: IdTagInfo | None = None  # for a request with an idTag


class StopTransaction(Request[StopTransactionResponse], frozen=True, kw_only=True):
    """A transaction has ended; it cannot be refused (OCPP 1.6, 4.10)."""

    id_tag: IdToken | None = None  # who stopped; absent when the charge point itself did
    meter_stop: Integer  # Wh
    timestamp: DateTime
    transaction_id: Integer  # -1 if the charge point never got one (errata 3.18)
    reason: Reason | None = None  # absent: Local
    transaction_data: tuple[MeterValue, ...] | None = None


class AvailabilityType(StrEnum):
    INOPERATIVE = "Inoperative"
    OPERATIVE = "Operative"


class AvailabilityStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    """Done, refused, or to be done after the running transaction."""

    status: AvailabilityStatus


class ChangeAvailability(Request[ChangeAvailabilityResponse], frozen=True, kw_only=True):
    """Take a connector or the whole charge point in or out of service (OCPP 1.6, 5.2)."""

    connector_id: ConnectorId  # 0 is the charge point with all its connectors
    type: AvailabilityType


class ConfigurationStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    REBOOT_REQUIRED = "RebootRequired"
    NOT_SUPPORTED = "NotSupported"


class ChangeConfigurationResponse(Message, frozen=True, kw_only=True):
    """Whether the value is in force."""

    status: ConfigurationStatus


class ChangeConfiguration(Request[ChangeConfigurationResponse], frozen=True, kw_only=True):
    """Set one configuration key (OCPP 1.6, 5.3)."""

    key: CiString50
    value: CiString500  # text also for numbers and booleans


class ClearCacheStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    """Whether the cache is empty now."""

    status: ClearCacheStatus


class ClearCache(Request[ClearCacheResponse], frozen=True):
    """Forget the cached authorizations (OCPP 1.6, 5.4)."""


class KeyValue(Message, frozen=True, kw_only=True):
    """A configuration key as reported (OCPP 1.6, 7.29)."""

    key: CiString50
    readonly: bool  # spelt so on the wire, without a capital O
    value: CiString500 | None = None  # absent: known, but not set or not to be shown


class GetConfigurationResponse(Message, frozen=True, kw_only=True):
    """The keys that are known, and the names of those that are not."""

    configuration_key: tuple[KeyValue, ...] | None = None
    unknown_key: tuple[CiString50, ...] | None = None


class GetConfiguration(Request[GetConfigurationResponse], frozen=True, kw_only=True):
    """Read configuration keys (OCPP 1.6, 5.8)."""

    key: tuple[CiString50, ...] | None = None  # absent or empty: all keys

    def __post_init__(self) -> None:
        if self.key == ():  # sent as an empty list, it means no keys to some (Q54)
            msgspec.structs.force_setattr(self, "key", None)


class RemoteStartStopStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class RemoteStartTransactionResponse(Message, frozen=True, kw_only=True):
    """Accepted means: will try."""

    status: RemoteStartStopStatus


class RemoteStartTransaction(Request[RemoteStartTransactionResponse], frozen=True, kw_only=True):
    """Start charging for an idTag (OCPP 1.6, 5.11)."""

    connector_id: PhysicalConnectorId | None = None  # absent: any; some charge points reject that
    id_tag: IdToken
    charging_profile: ChargingProfile | None = None  # a TxProfile without transactionId


class RemoteStopTransactionResponse(Message, frozen=True, kw_only=True):
    """Accepted means: will stop."""

    status: RemoteStartStopStatus


class RemoteStopTransaction(Request[RemoteStopTransactionResponse], frozen=True, kw_only=True):
    """Stop a transaction (OCPP 1.6, 5.12)."""

    transaction_id: Integer


class ResetType(StrEnum):
    HARD = "Hard"
    SOFT = "Soft"


class ResetStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ResetResponse(Message, frozen=True, kw_only=True):
    """Accepted comes before the restart."""

    status: ResetStatus


class Reset(Request[ResetResponse], frozen=True, kw_only=True):
    """Restart the charge point (OCPP 1.6, 5.14)."""

    type: ResetType


class UnlockStatus(StrEnum):
    UNLOCKED = "Unlocked"
    UNLOCK_FAILED = "UnlockFailed"
    NOT_SUPPORTED = "NotSupported"


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    """Whether the plug is free."""

    status: UnlockStatus


class UnlockConnector(Request[UnlockConnectorResponse], frozen=True, kw_only=True):
    """Release the plug, for a driver whose cable is stuck (OCPP 1.6, 5.18)."""

    connector_id: PhysicalConnectorId

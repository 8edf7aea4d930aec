"""Feature profile Remote Trigger: its message (OCPP 1.6, 5.17).

Not here: ExtendedTriggerMessage, which knows other messages (security).
"""

from enum import StrEnum

from ocpptrio.protocol.datatypes import (
    ConnectorId,
    Message,
    Request,
)


class MessageTrigger(StrEnum):
    BOOT_NOTIFICATION = "BootNotification"
    DIAGNOSTICS_STATUS_NOTIFICATION = "DiagnosticsStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    STATUS_NOTIFICATION = "StatusNotification"


class TriggerMessageStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_IMPLEMENTED = "NotImplemented"


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    """Whether the message will come."""

    status: TriggerMessageStatus


class TriggerMessage(Request[TriggerMessageResponse], frozen=True, kw_only=True):
    """Send this message now, whether or not it is due (OCPP 1.6, 5.17)."""

    requested_message: MessageTrigger
    # Absent: all of them, where the message has a connector. The table of the specification wants
    # it above 0, its prose (5.17) uses 0 for the charge point itself.
    connector_id: ConnectorId | None = None

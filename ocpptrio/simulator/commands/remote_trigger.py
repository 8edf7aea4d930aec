"""TriggerMessage, plain and extended (OCPP 1.6, 5.17; security white paper, 5.5)."""

from typing import TYPE_CHECKING

from ocpptrio.protocol import remote_trigger, security
from ocpptrio.simulator.remote_trigger import trigger

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def trigger_message(
    charge_point: "SimulatedChargePoint", request: remote_trigger.TriggerMessage
) -> remote_trigger.TriggerMessageResponse:
    accepted = trigger(charge_point, request.requested_message.value, request.connector_id)
    status = remote_trigger.TriggerMessageStatus
    return remote_trigger.TriggerMessageResponse(
        status=status.ACCEPTED if accepted else status.REJECTED
    )


def extended_trigger_message(
    charge_point: "SimulatedChargePoint", request: security.ExtendedTriggerMessage
) -> security.ExtendedTriggerMessageResponse:
    wanted = request.requested_message.value
    if request.requested_message is security.MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION:
        wanted = "SignedFirmwareStatusNotification"
    accepted = trigger(charge_point, wanted, request.connector_id)
    status = security.TriggerMessageStatusEnumType
    return security.ExtendedTriggerMessageResponse(
        status=status.ACCEPTED if accepted else status.REJECTED
    )

"""What the central system may ask of a charge point, and how each command is answered.

A handler decides and answers at once. What then has to happen (a reset, a triggered message) it
leaves to `link.afterwards`: the answer goes out first. The table shows them all, by profile.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ocpptrio import protocol
from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.simulator.commands import (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
)

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint

Handler = Callable[["SimulatedChargePoint", Any], Message]
"""Any: takes the request of its row in the table, returns the response to it."""

COMMANDS: Final[dict[type[Request[Any]], Handler]] = {
    protocol.core.ChangeAvailability: core.change_availability,
    protocol.core.ChangeConfiguration: core.change_configuration,
    protocol.core.ClearCache: core.clear_cache,
    protocol.core.DataTransfer: core.data_transfer,
    protocol.core.GetConfiguration: core.get_configuration,
    protocol.core.RemoteStartTransaction: core.remote_start_transaction,
    protocol.core.RemoteStopTransaction: core.remote_stop_transaction,
    protocol.core.Reset: core.reset,
    protocol.core.UnlockConnector: core.unlock_connector,
    protocol.firmware.GetDiagnostics: firmware.get_diagnostics,
    protocol.firmware.UpdateFirmware: firmware.update_firmware,
    protocol.security.SignedUpdateFirmware: firmware.signed_update_firmware,
    protocol.local_auth_list.GetLocalListVersion: local_auth_list.get_local_list_version,
    protocol.local_auth_list.SendLocalList: local_auth_list.send_local_list,
    protocol.reservation.CancelReservation: reservation.cancel_reservation,
    protocol.reservation.ReserveNow: reservation.reserve_now,
    protocol.smart_charging.ClearChargingProfile: smart_charging.clear_charging_profile,
    protocol.smart_charging.GetCompositeSchedule: smart_charging.get_composite_schedule,
    protocol.smart_charging.SetChargingProfile: smart_charging.set_charging_profile,
    protocol.remote_trigger.TriggerMessage: remote_trigger.trigger_message,
    protocol.security.ExtendedTriggerMessage: remote_trigger.extended_trigger_message,
    protocol.security.CertificateSigned: security.certificate_signed,
    protocol.security.DeleteCertificate: security.delete_certificate,
    protocol.security.GetInstalledCertificateIds: security.get_installed_certificate_ids,
    protocol.security.GetLog: security.get_log,
    protocol.security.InstallCertificate: security.install_certificate,
}


def answer(charge_point: "SimulatedChargePoint", request: Request[Message]) -> Message:
    """Answer a command.

    Raises:
        RemoteProtocolError: it has to be refused with a CALLERROR.
    """
    handler = COMMANDS.get(type(request))
    if handler is None:
        raise RemoteProtocolError(ErrorCode.NOT_SUPPORTED, "not supported by this charge point")
    return handler(charge_point, request)

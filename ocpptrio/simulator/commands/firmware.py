"""Commands of the profile Firmware Management, and the signed update (white paper, 5.21)."""

from typing import TYPE_CHECKING

from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol import firmware, security
from ocpptrio.simulator.firmware import FirmwareUpdate

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def get_diagnostics(
    charge_point: "SimulatedChargePoint", request: firmware.GetDiagnostics
) -> firmware.GetDiagnosticsResponse:
    file_name = charge_point.diagnostics.get_diagnostics(request)
    return firmware.GetDiagnosticsResponse(file_name=file_name)


def update_firmware(
    charge_point: "SimulatedChargePoint", request: firmware.UpdateFirmware
) -> firmware.UpdateFirmwareResponse:
    if charge_point.credentials.security_profile > 0:  # white paper, L01.FR.20
        raise RemoteProtocolError(ErrorCode.NOT_SUPPORTED, "use SignedUpdateFirmware")
    charge_point.firmware.update(
        FirmwareUpdate(
            location=request.location,
            retrieve_date=request.retrieve_date,
            retries=request.retries or 0,
            retry_interval_s=request.retry_interval or 0,
        )
    )
    return firmware.UpdateFirmwareResponse()


def signed_update_firmware(
    charge_point: "SimulatedChargePoint", request: security.SignedUpdateFirmware
) -> security.SignedUpdateFirmwareResponse:
    wanted = request.firmware
    status = charge_point.certificates.check_firmware_signer(
        wanted.signing_certificate, charge_point.device.now()
    )
    if status is not security.UpdateFirmwareStatusEnumType.ACCEPTED:
        charge_point.security_event("InvalidFirmwareSigningCertificate")
        return security.SignedUpdateFirmwareResponse(status=status)
    ended_another = charge_point.firmware.update(
        FirmwareUpdate(
            location=wanted.location,
            retrieve_date=wanted.retrieve_date_time,
            install_date=wanted.install_date_time,
            retries=request.retries or 0,
            retry_interval_s=request.retry_interval or 0,
            request_id=request.request_id,
        )
    )
    if ended_another:
        status = security.UpdateFirmwareStatusEnumType.ACCEPTED_CANCELED
    return security.SignedUpdateFirmwareResponse(status=status)

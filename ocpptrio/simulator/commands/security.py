"""Commands of the security white paper: certificates and logs."""

from typing import TYPE_CHECKING

from ocpptrio.protocol import security

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def certificate_signed(
    charge_point: "SimulatedChargePoint", request: security.CertificateSigned
) -> security.CertificateSignedResponse:
    status = charge_point.certificates.signed(
        request.certificate_chain,
        charge_point.device.now(),
        charge_point.configuration.number("CertificateSignedMaxChainSize"),
    )
    if status is security.CertificateSignedStatusEnumType.REJECTED:
        charge_point.security_event("InvalidChargePointCertificate")
    elif charge_point.credentials.security_profile == 3:
        charge_point.link.afterwards(charge_point.reconnect)
    return security.CertificateSignedResponse(status=status)


def delete_certificate(
    charge_point: "SimulatedChargePoint", request: security.DeleteCertificate
) -> security.DeleteCertificateResponse:
    status = charge_point.certificates.delete(
        request.certificate_hash_data, keep_last_root=charge_point.credentials.security_profile >= 2
    )
    return security.DeleteCertificateResponse(status=status)


def get_installed_certificate_ids(
    charge_point: "SimulatedChargePoint", request: security.GetInstalledCertificateIds
) -> security.GetInstalledCertificateIdsResponse:
    found = charge_point.certificates.installed(request.certificate_type)
    status = security.GetInstalledCertificateStatusEnumType
    return security.GetInstalledCertificateIdsResponse(
        status=status.ACCEPTED if found else status.NOT_FOUND, certificate_hash_data=found or None
    )


def get_log(
    charge_point: "SimulatedChargePoint", request: security.GetLog
) -> security.GetLogResponse:
    file_name, ended_another = charge_point.diagnostics.get_log(request)
    status = security.LogStatusEnumType
    return security.GetLogResponse(
        status=status.ACCEPTED_CANCELED if ended_another else status.ACCEPTED, filename=file_name
    )


def install_certificate(
    charge_point: "SimulatedChargePoint", request: security.InstallCertificate
) -> security.InstallCertificateResponse:
    status = charge_point.certificates.install(
        request.certificate_type,
        request.certificate,
        charge_point.device.now(),
        charge_point.configuration.number("CertificateStoreMaxLength"),
    )
    root = security.CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE
    if status is not security.CertificateStatusEnumType.ACCEPTED and (
        request.certificate_type is root
    ):
        charge_point.security_event("InvalidCentralSystemCertificate")
    return security.InstallCertificateResponse(status=status)

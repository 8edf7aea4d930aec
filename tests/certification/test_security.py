"""Security white paper: certificates, logs and signed firmware, ordered by an operator.

Keys, certificates and signatures are the operator's here; the station does not look into them.
"""

from datetime import timedelta

import pytest

from ocpptrio.protocol.security import (
    CertificateHashDataType,
    CertificateSigned,
    CertificateSignedResponse,
    CertificateSignedStatusEnumType,
    CertificateStatusEnumType,
    CertificateUseEnumType,
    DeleteCertificate,
    DeleteCertificateResponse,
    DeleteCertificateStatusEnumType,
    ExtendedTriggerMessage,
    ExtendedTriggerMessageResponse,
    FirmwareType,
    GetInstalledCertificateIds,
    GetInstalledCertificateIdsResponse,
    GetInstalledCertificateStatusEnumType,
    GetLog,
    GetLogResponse,
    HashAlgorithmEnumType,
    InstallCertificate,
    InstallCertificateResponse,
    LogEnumType,
    LogParametersType,
    LogStatusEnumType,
    MessageTriggerEnumType,
    SignedUpdateFirmware,
    SignedUpdateFirmwareResponse,
    TriggerMessageStatusEnumType,
    UpdateFirmwareStatusEnumType,
)
from ocpptrio.store import security
from tests.certification.station import MORNING, Json, Station

MANUFACTURER = CertificateUseEnumType.MANUFACTURER_ROOT_CERTIFICATE
CENTRAL_SYSTEM = CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE

PEM = """-----BEGIN CERTIFICATE-----
MIIBszCCAVmgAwIBAgIUJ2fXmQ==
-----END CERTIFICATE-----
"""
CSR = """-----BEGIN CERTIFICATE REQUEST-----
MIHhMIGIAgEAMCYxDDAKBgNVBAMM
-----END CERTIFICATE REQUEST-----
"""


def hash_data(
    algorithm: HashAlgorithmEnumType = HashAlgorithmEnumType.SHA256,
) -> tuple[CertificateHashDataType, Json]:
    """What names a certificate, and how that stands on the wire."""
    digits = {"SHA256": 64, "SHA384": 96, "SHA512": 128}[algorithm]
    struct = CertificateHashDataType(
        hash_algorithm=algorithm,
        issuer_name_hash="a1" * (digits // 2),
        issuer_key_hash="b2" * (digits // 2),
        serial_number="4d2",
    )
    return struct, {
        "hashAlgorithm": algorithm,
        "issuerNameHash": struct.issuer_name_hash,
        "issuerKeyHash": struct.issuer_key_hash,
        "serialNumber": "4d2",
    }


async def installs(
    station: Station, kind: CertificateUseEnumType, status: str = "Accepted"
) -> None:
    await station.is_commanded(
        InstallCertificate(certificate_type=kind, certificate=PEM),
        {"certificateType": kind, "certificate": PEM},
        {"status": status},
        InstallCertificateResponse(status=CertificateStatusEnumType(status)),
    )


async def lists(
    station: Station,
    kind: CertificateUseEnumType,
    installed: tuple[CertificateHashDataType, Json] | None,
) -> None:
    if installed is None:
        answer: Json = {"status": "NotFound"}
        told = GetInstalledCertificateIdsResponse(
            status=GetInstalledCertificateStatusEnumType.NOT_FOUND
        )
    else:
        struct, wire = installed
        answer = {"status": "Accepted", "certificateHashData": [wire]}
        told = GetInstalledCertificateIdsResponse(
            status=GetInstalledCertificateStatusEnumType.ACCEPTED,
            certificate_hash_data=(struct,),
        )
    await station.is_commanded(
        GetInstalledCertificateIds(certificate_type=kind),
        {"certificateType": kind},
        answer,
        told,
    )


async def reports_event(station: Station, kind: str) -> None:
    """SecurityEventNotification; it is kept."""
    assert (
        await station.sends("SecurityEventNotification", type=kind, timestamp=station.now()) == {}
    )
    kept = await station.central.store.read(lambda reader: security.events_of(reader, "CP1"))
    assert [event.type for event in kept] == [kind]
    assert kept[0].occurred_at_us == station.now_us()


async def test_tc_075_1_install_a_manufacturers_root(station: Station) -> None:
    await station.is_ready()
    await installs(station, MANUFACTURER)
    await lists(station, MANUFACTURER, hash_data())


async def test_tc_075_2_install_a_root_of_the_central_system(station: Station) -> None:
    await station.is_ready()
    await installs(station, CENTRAL_SYSTEM)
    await lists(station, CENTRAL_SYSTEM, hash_data())


@pytest.mark.parametrize("algorithm", HashAlgorithmEnumType)
async def test_tc_076_delete_a_certificate(
    station: Station, algorithm: HashAlgorithmEnumType
) -> None:
    await station.is_ready()
    await installs(station, CENTRAL_SYSTEM)
    struct, wire = hash_data(algorithm)
    await lists(station, CENTRAL_SYSTEM, (struct, wire))
    await station.is_commanded(
        DeleteCertificate(certificate_hash_data=struct),
        {"certificateHashData": wire},
        {"status": "Accepted"},
        DeleteCertificateResponse(status=DeleteCertificateStatusEnumType.ACCEPTED),
    )
    await lists(station, CENTRAL_SYSTEM, None)


async def test_tc_077_a_bad_charge_point_certificate(station: Station) -> None:
    await station.is_ready()
    trigger = MessageTriggerEnumType.SIGN_CHARGE_POINT_CERTIFICATE
    await station.is_commanded(
        ExtendedTriggerMessage(requested_message=trigger),
        {"requestedMessage": trigger},
        {"status": "Accepted"},
        ExtendedTriggerMessageResponse(status=TriggerMessageStatusEnumType.ACCEPTED),
    )
    assert await station.sends("SignCertificate", csr=CSR) == {"status": "Accepted"}
    (request,) = await station.central.store.read(security.certificate_requests)
    assert (request.charge_point_id, request.csr) == ("CP1", CSR)
    await station.is_commanded(
        CertificateSigned(certificate_chain=PEM),
        {"certificateChain": PEM},
        {"status": "Rejected"},
        CertificateSignedResponse(status=CertificateSignedStatusEnumType.REJECTED),
    )
    await reports_event(station, "InvalidChargePointCertificate")


async def test_tc_078_a_bad_root_of_the_central_system(station: Station) -> None:
    await station.is_ready()
    await installs(station, CENTRAL_SYSTEM, "Rejected")
    await reports_event(station, "InvalidCentralSystemCertificate")


async def test_tc_079_security_log(station: Station) -> None:
    await station.is_ready()
    directory = "https://files.example.com/logs"
    await station.is_commanded(
        GetLog(
            log=LogParametersType(remote_location=directory),
            log_type=LogEnumType.SECURITY_LOG,
            request_id=11,
        ),
        {"log": {"remoteLocation": directory}, "logType": "SecurityLog", "requestId": 11},
        {"status": "Accepted", "filename": "security.log"},
        GetLogResponse(status=LogStatusEnumType.ACCEPTED, filename="security.log"),
    )
    for status in ("Uploading", "Uploaded"):
        assert await station.sends("LogStatusNotification", status=status, requestId=11) == {}
        assert station.state.log_status == status


async def is_told_to_update(station: Station) -> None:
    location = "https://files.example.com/firmware.bin"
    await station.is_commanded(
        SignedUpdateFirmware(
            request_id=12,
            firmware=FirmwareType(
                location=location,
                retrieve_date_time=MORNING + timedelta(minutes=1),
                signing_certificate=PEM,
                signature="c2lnbmF0dXJl",
            ),
        ),
        {
            "requestId": 12,
            "firmware": {
                "location": location,
                "retrieveDateTime": "2026-01-15T08:01:00Z",
                "signingCertificate": PEM,
                "signature": "c2lnbmF0dXJl",
            },
        },
        {"status": "Accepted"},
        SignedUpdateFirmwareResponse(status=UpdateFirmwareStatusEnumType.ACCEPTED),
    )


async def firmware(station: Station, *statuses: str) -> None:
    for status in statuses:
        assert (
            await station.sends("SignedFirmwareStatusNotification", status=status, requestId=12)
            == {}
        )
        assert station.state.firmware_status == status


async def test_tc_080_signed_firmware_update(station: Station) -> None:
    await station.is_ready()
    await is_told_to_update(station)
    await firmware(station, "Downloading", "Downloaded", "SignatureVerified")
    await station.status(0, "Unavailable")
    await station.status(1, "Unavailable")
    await firmware(station, "Installing", "InstallRebooting")
    await station.reconnects()
    await station.boots(firmwareVersion="2.0.0")
    await reports_event(station, "FirmwareUpdated")
    await station.status(0, "Available")
    await station.status(1, "Available")
    await firmware(station, "Installed")


async def test_tc_081_the_signature_is_invalid(station: Station) -> None:
    await station.is_ready()
    await is_told_to_update(station)
    await firmware(station, "Downloading", "Downloaded", "InvalidSignature")

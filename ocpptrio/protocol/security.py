"""Messages of the OCA white paper "Improved security for OCPP 1.6-J", edition 3.

In the order of its section 5, with its names: enumerations end in EnumType, and some that look
like one of OCPP 1.6 have other members (FirmwareStatusEnumType, MessageTriggerEnumType).
Not here: certificates and keys themselves (services).
"""

from enum import StrEnum

from ocpptrio.protocol.datatypes import (
    AtLeastOne,
    CiString40,
    CiString128,
    DateTime,
    Integer,
    Message,
    PhysicalConnectorId,
    Request,
    String50,
    String255,
    String512,
    String800,
    String5500,
    String10000,
)


class CertificateSignedStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class CertificateSignedResponse(Message, frozen=True, kw_only=True):
    """Whether the certificate is in use."""

    status: CertificateSignedStatusEnumType


class CertificateSigned(Request[CertificateSignedResponse], frozen=True, kw_only=True):
    """Here is the certificate that a SignCertificate asked for (security white paper, 5.1, A02)."""

    # PEM, the charge point's own first, then the intermediate ones. Many a charge point takes less;
    # its configuration key CertificateSignedMaxChainSize says how much.
    certificate_chain: String10000


class HashAlgorithmEnumType(StrEnum):
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class CertificateHashDataType(Message, frozen=True, kw_only=True):
    """Names a certificate without showing it (RFC 6960)."""

    hash_algorithm: HashAlgorithmEnumType
    issuer_name_hash: CiString128  # hexadecimal, over the issuer's name in DER
    issuer_key_hash: CiString128  # hexadecimal, over the bits of the issuer's public key
    serial_number: CiString40  # hexadecimal, without 0x and leading zeroes


class DeleteCertificateStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_FOUND = "NotFound"


class DeleteCertificateResponse(Message, frozen=True, kw_only=True):
    """Whether the certificate is gone."""

    status: DeleteCertificateStatusEnumType


class DeleteCertificate(Request[DeleteCertificateResponse], frozen=True, kw_only=True):
    """Remove one installed root certificate (security white paper, 5.3, M04)."""

    certificate_hash_data: CertificateHashDataType


class MessageTriggerEnumType(StrEnum):
    BOOT_NOTIFICATION = "BootNotification"
    LOG_STATUS_NOTIFICATION = "LogStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    SIGN_CHARGE_POINT_CERTIFICATE = "SignChargePointCertificate"
    STATUS_NOTIFICATION = "StatusNotification"


class TriggerMessageStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_IMPLEMENTED = "NotImplemented"


class ExtendedTriggerMessageResponse(Message, frozen=True, kw_only=True):
    """Whether the message will come."""

    status: TriggerMessageStatusEnumType


class ExtendedTriggerMessage(Request[ExtendedTriggerMessageResponse], frozen=True, kw_only=True):
    """TriggerMessage with the messages of the security extension (security white paper, 5.5)."""

    # FirmwareStatusNotification is answered by a SignedFirmwareStatusNotification.
    requested_message: MessageTriggerEnumType
    connector_id: PhysicalConnectorId | None = None


class CertificateUseEnumType(StrEnum):
    CENTRAL_SYSTEM_ROOT_CERTIFICATE = "CentralSystemRootCertificate"
    MANUFACTURER_ROOT_CERTIFICATE = "ManufacturerRootCertificate"


class GetInstalledCertificateStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    NOT_FOUND = "NotFound"


class GetInstalledCertificateIdsResponse(Message, frozen=True, kw_only=True):
    """The certificates, as hashes."""

    certificate_hash_data: AtLeastOne[CertificateHashDataType] | None = None
    status: GetInstalledCertificateStatusEnumType


class GetInstalledCertificateIds(
    Request[GetInstalledCertificateIdsResponse], frozen=True, kw_only=True
):
    """Which root certificates are installed? (security white paper, 5.7, M03)."""

    certificate_type: CertificateUseEnumType


class LogParametersType(Message, frozen=True, kw_only=True):
    """Which part of a log to upload where."""

    remote_location: String512  # URL of a directory
    oldest_timestamp: DateTime | None = None
    latest_timestamp: DateTime | None = None


class LogEnumType(StrEnum):
    DIAGNOSTICS_LOG = "DiagnosticsLog"
    SECURITY_LOG = "SecurityLog"


class LogStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"


class GetLogResponse(Message, frozen=True, kw_only=True):
    """Whether a log will come, and its name."""

    status: LogStatusEnumType
    filename: String255 | None = None  # spelt so on the wire; GetDiagnostics has fileName


class GetLog(Request[GetLogResponse], frozen=True, kw_only=True):
    """Upload a diagnostics or security log (security white paper, 5.9, N01)."""

    log: LogParametersType
    log_type: LogEnumType
    request_id: Integer
    retries: Integer | None = None
    retry_interval: Integer | None = None  # s


class CertificateStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    FAILED = "Failed"
    REJECTED = "Rejected"


class InstallCertificateResponse(Message, frozen=True, kw_only=True):
    """Whether the certificate is installed."""

    status: CertificateStatusEnumType


class InstallCertificate(Request[InstallCertificateResponse], frozen=True, kw_only=True):
    """Install a root certificate (security white paper, 5.11, M05)."""

    certificate_type: CertificateUseEnumType
    certificate: String5500  # PEM


class UploadLogStatusEnumType(StrEnum):
    BAD_MESSAGE = "BadMessage"
    IDLE = "Idle"
    NOT_SUPPORTED_OPERATION = "NotSupportedOperation"
    PERMISSION_DENIED = "PermissionDenied"
    UPLOADED = "Uploaded"
    UPLOAD_FAILURE = "UploadFailure"
    UPLOADING = "Uploading"


class LogStatusNotificationResponse(Message, frozen=True):
    """Noted."""


class LogStatusNotification(Request[LogStatusNotificationResponse], frozen=True, kw_only=True):
    """How the log upload is going (security white paper, 5.13, N01)."""

    status: UploadLogStatusEnumType
    request_id: Integer | None = None  # that of the GetLog; absent only with Idle


class SecurityEventNotificationResponse(Message, frozen=True):
    """The event was stored."""


class SecurityEventNotification(
    Request[SecurityEventNotificationResponse], frozen=True, kw_only=True
):
    """Something happened that matters for security (security white paper, 5.15, A04)."""

    type: String50  # an open list: vendors and later versions add to that of the white paper
    timestamp: DateTime
    tech_info: String255 | None = None


class GenericStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class SignCertificateResponse(Message, frozen=True, kw_only=True):
    """Whether the request is being worked on."""

    status: GenericStatusEnumType


class SignCertificate(Request[SignCertificateResponse], frozen=True, kw_only=True):
    """Please sign this certificate request (security white paper, 5.17, A02, A03)."""

    csr: String5500  # PKCS #10 in PEM


class FirmwareStatusEnumType(StrEnum):
    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    DOWNLOAD_SCHEDULED = "DownloadScheduled"
    DOWNLOAD_PAUSED = "DownloadPaused"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"
    INSTALL_REBOOTING = "InstallRebooting"
    INSTALL_SCHEDULED = "InstallScheduled"
    INSTALL_VERIFICATION_FAILED = "InstallVerificationFailed"
    INVALID_SIGNATURE = "InvalidSignature"
    SIGNATURE_VERIFIED = "SignatureVerified"


class SignedFirmwareStatusNotificationResponse(Message, frozen=True):
    """Noted."""


class SignedFirmwareStatusNotification(
    Request[SignedFirmwareStatusNotificationResponse], frozen=True, kw_only=True
):
    """How the signed firmware update is going (security white paper, 5.19, L01)."""

    status: FirmwareStatusEnumType
    request_id: Integer | None = None  # that of the SignedUpdateFirmware; absent only with Idle


class FirmwareType(Message, frozen=True, kw_only=True):
    """A firmware file, its signature and its times."""

    location: String512
    retrieve_date_time: DateTime
    install_date_time: DateTime | None = None  # absent: as soon as possible
    signing_certificate: String5500  # PEM
    signature: String800  # Base64


class UpdateFirmwareStatusEnumType(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"
    INVALID_CERTIFICATE = "InvalidCertificate"
    REVOKED_CERTIFICATE = "RevokedCertificate"


class SignedUpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    """Whether the update will be tried."""

    status: UpdateFirmwareStatusEnumType


class SignedUpdateFirmware(Request[SignedUpdateFirmwareResponse], frozen=True, kw_only=True):
    """Download, verify and install a signed firmware (security white paper, 5.21, L01)."""

    retries: Integer | None = None
    retry_interval: Integer | None = None  # s
    request_id: Integer
    firmware: FirmwareType

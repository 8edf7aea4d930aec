"""Feature profile Firmware Management: updates and diagnostics (OCPP 1.6, 4.4, 4.5, 5.9, 5.19).

Not here: the signed updates and the logs of the security white paper (security).
"""

from enum import StrEnum

from ocpptrio.protocol.datatypes import (
    CiString255,
    DateTime,
    Integer,
    Message,
    Request,
)


class DiagnosticsStatus(StrEnum):
    IDLE = "Idle"
    UPLOADED = "Uploaded"
    UPLOAD_FAILED = "UploadFailed"
    UPLOADING = "Uploading"


class DiagnosticsStatusNotificationResponse(Message, frozen=True):
    """Noted."""


class DiagnosticsStatusNotification(
    Request[DiagnosticsStatusNotificationResponse], frozen=True, kw_only=True
):
    """How the diagnostics upload is going (OCPP 1.6, 4.4)."""

    status: DiagnosticsStatus


class FirmwareStatus(StrEnum):
    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"


class FirmwareStatusNotificationResponse(Message, frozen=True):
    """Noted."""


class FirmwareStatusNotification(
    Request[FirmwareStatusNotificationResponse], frozen=True, kw_only=True
):
    """How the firmware update is going (OCPP 1.6, 4.5)."""

    status: FirmwareStatus


class GetDiagnosticsResponse(Message, frozen=True, kw_only=True):
    """The name of the file to come."""

    file_name: CiString255 | None = None  # absent: there is nothing to upload


class GetDiagnostics(Request[GetDiagnosticsResponse], frozen=True, kw_only=True):
    """Upload a diagnostics file to a directory (OCPP 1.6, 5.9)."""

    location: str  # URL of a directory
    retries: Integer | None = None
    retry_interval: Integer | None = None  # s
    start_time: DateTime | None = None
    stop_time: DateTime | None = None


class UpdateFirmwareResponse(Message, frozen=True):
    """The request has arrived; how it goes is told by FirmwareStatusNotification."""


class UpdateFirmware(Request[UpdateFirmwareResponse], frozen=True, kw_only=True):
    """Download and install a firmware; there is no way to refuse (OCPP 1.6, 5.19)."""

    location: str  # URL of the file
    retries: Integer | None = None
    retrieve_date: DateTime  # not before this moment
    retry_interval: Integer | None = None  # s

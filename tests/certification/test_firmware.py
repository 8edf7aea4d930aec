"""Firmware and diagnostics: ordered from afar, then told of step by step."""

from datetime import timedelta

from ocpptrio.protocol.firmware import (
    GetDiagnostics,
    GetDiagnosticsResponse,
    UpdateFirmware,
    UpdateFirmwareResponse,
)
from tests.certification.station import MORNING, Station

FILE = "https://files.example.com/firmware.bin"
DIRECTORY = "ftp://files.example.com/diagnostics"


async def is_told_to_update(station: Station) -> None:
    await station.is_ready()
    await station.is_commanded(
        UpdateFirmware(location=FILE, retrieve_date=MORNING + timedelta(minutes=1), retries=2),
        {"location": FILE, "retrieveDate": "2026-01-15T08:01:00Z", "retries": 2},
        {},
        UpdateFirmwareResponse(),
    )


async def firmware(station: Station, *statuses: str) -> None:
    for status in statuses:
        assert await station.sends("FirmwareStatusNotification", status=status) == {}
        assert station.state.firmware_status == status


async def restarts(station: Station, version: str) -> None:
    await station.reconnects()
    await station.boots(firmwareVersion=version)
    assert station.state.firmware_version == version


async def test_tc_044_1_firmware_update(station: Station) -> None:
    await is_told_to_update(station)
    await firmware(station, "Downloading", "Downloaded")
    await station.status(0, "Unavailable")
    await station.status(1, "Unavailable")
    await firmware(station, "Installing")
    await restarts(station, "2.0.0")
    await station.status(0, "Available")
    await station.status(1, "Available")
    await firmware(station, "Installed")


async def test_tc_044_2_the_download_fails(station: Station) -> None:
    await is_told_to_update(station)
    await firmware(station, "Downloading", "DownloadFailed")


async def test_tc_044_3_the_installation_fails(station: Station) -> None:
    await is_told_to_update(station)
    await firmware(station, "Downloading", "Downloaded")
    await station.status(0, "Unavailable")
    await station.status(1, "Unavailable")
    await firmware(station, "Installing")
    await restarts(station, "1.0.0")
    await station.status(0, "Available")
    await station.status(1, "Available")
    await firmware(station, "InstallationFailed")


async def diagnostics(station: Station, *statuses: str) -> None:
    await station.is_ready()
    await station.is_commanded(
        GetDiagnostics(location=DIRECTORY),
        {"location": DIRECTORY},
        {"fileName": "diagnostics.zip"},
        GetDiagnosticsResponse(file_name="diagnostics.zip"),
    )
    for status in statuses:
        assert await station.sends("DiagnosticsStatusNotification", status=status) == {}
        assert station.state.diagnostics_status == status


async def test_tc_045_1_diagnostics(station: Station) -> None:
    await diagnostics(station, "Uploading", "Uploaded")


async def test_tc_045_2_the_upload_of_diagnostics_fails(station: Station) -> None:
    await diagnostics(station, "Uploading", "UploadFailed")

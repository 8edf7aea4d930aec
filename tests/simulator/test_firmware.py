"""Firmware updates and uploads, from the command to the last status."""

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.errors import CallRefused, ErrorCode
from ocpptrio.protocol import core, security
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.protocol.firmware import (
    DiagnosticsStatusNotification,
    FirmwareStatusNotification,
    GetDiagnostics,
    UpdateFirmware,
)
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.protocol.security import (
    ExtendedTriggerMessage,
    FirmwareType,
    GetLog,
    LogParametersType,
    LogStatusNotification,
    MessageTriggerEnumType,
    SecurityEventNotification,
    SignedFirmwareStatusNotification,
    SignedUpdateFirmware,
    UpdateFirmwareStatusEnumType,
)
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.authority import Authority
from tests.simulator.fake_central import START, FakeCentral

Sides = tuple[FakeCentral, SimulatedChargePoint]


def firmware_statuses(central: FakeCentral) -> list[str]:
    return [each.status.value for each in central.all(FirmwareStatusNotification)]


def signed_statuses(central: FakeCentral) -> list[str]:
    return [each.status.value for each in central.all(SignedFirmwareStatusNotification)]


def events(central: FakeCentral) -> list[str]:
    return [each.type for each in central.all(SecurityEventNotification)]


async def update(central: FakeCentral, location: str, **fields: int) -> None:
    await central.call(UpdateFirmware(location=location, retrieve_date=START, **fields))


async def test_an_update_goes_through_its_stages_with_a_boot_in_between(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    await update(central, "https://example.com/firmware-2.0.bin")
    await trio.sleep(60)
    assert firmware_statuses(central) == ["Downloading", "Downloaded", "Installing"]
    assert central.statuses(1)[-1] == "Unavailable"
    await trio.sleep(120)
    assert firmware_statuses(central)[3:] == ["Installed"]
    boots = central.all(core.BootNotification)
    assert [boot.firmware_version for boot in boots] == ["1.0.0", "firmware-2.0.bin"]
    assert [central.statuses(number)[-1] for number in (0, 1, 2)] == ["Available"] * 3
    kinds = [type(request).__name__ for _, request in central.requests]
    assert kinds.index("BootNotification", 1) < len(kinds) - 1 - kinds[::-1].index(
        "FirmwareStatusNotification"
    )


@pytest.mark.parametrize(
    ("location", "statuses", "boots"),
    [
        ("https://x/DownloadFailed.bin", ["Downloading", "DownloadFailed"], 1),
        ("gopher://x/firmware.bin", ["Downloading", "DownloadFailed"], 1),
        (
            "ftp://x/InstallationFailed.bin",
            ["Downloading", "Downloaded", "Installing", "InstallationFailed"],
            2,
        ),
    ],
)
async def test_an_update_can_fail(
    sides: Sides, autojump_clock: MockClock, location: str, statuses: list[str], boots: int
) -> None:
    central, charge_point = sides
    await update(central, location)
    await trio.sleep(300)
    assert firmware_statuses(central) == statuses
    assert len(central.all(core.BootNotification)) == boots
    assert charge_point.firmware.version == "1.0.0"
    assert charge_point.status(1) is ChargePointStatus.AVAILABLE


async def test_a_download_is_retried_and_waits_for_its_date(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    await central.call(
        UpdateFirmware(
            location="https://x/DownloadFailed.bin",
            retrieve_date=START + timedelta(seconds=1000),
            retries=2,
            retry_interval=50,
        )
    )
    await trio.sleep(2000)
    assert firmware_statuses(central) == ["Downloading"] * 3 + ["DownloadFailed"]
    assert central.times(FirmwareStatusNotification) == pytest.approx([1000, 1080, 1160, 1190])


async def test_an_installation_waits_for_the_end_of_transactions(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    await charge_point.present("A", 1)
    await update(central, "https://x/new.bin")
    await trio.sleep(600)
    assert firmware_statuses(central) == ["Downloading", "Downloaded"]
    assert charge_point.status(1) is ChargePointStatus.CHARGING
    assert charge_point.status(2) is ChargePointStatus.UNAVAILABLE
    await charge_point.unplug(1)
    await trio.sleep(200)
    assert firmware_statuses(central)[2:] == ["Installing", "Installed"]
    assert [each.reason for each in central.all(core.StopTransaction)] == [
        core.Reason.EV_DISCONNECTED
    ]


async def test_a_running_update_can_be_asked_for(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    await update(central, "https://x/new.bin")
    await trio.sleep(40)
    await central.call(
        TriggerMessage(requested_message=MessageTrigger.FIRMWARE_STATUS_NOTIFICATION)
    )
    await trio.sleep(1)
    assert firmware_statuses(central)[-2:] == ["Installing", "Installing"]


async def test_with_a_security_profile_unsigned_firmware_is_not_supported(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("SecurityProfile", "1")
    with pytest.raises(CallRefused) as refused:
        await update(central, "https://x/new.bin")
    assert refused.value.code == ErrorCode.NOT_SUPPORTED


# Signed.


async def signed(
    central: FakeCentral, location: str, certificate: str, *, request_id: int = 5, later_s: int = 0
) -> UpdateFirmwareStatusEnumType:
    answer = await central.call(
        SignedUpdateFirmware(
            request_id=request_id,
            firmware=FirmwareType(
                location=location,
                retrieve_date_time=START,
                install_date_time=START + timedelta(seconds=later_s) if later_s else None,
                signing_certificate=certificate,
                signature="c2lnbmF0dXJl",
            ),
        )
    )
    return answer.status


async def test_a_signed_update_goes_through_its_stages(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    status = await signed(central, "https://x/2.0.bin", Authority().root_pem, later_s=500)
    assert status is UpdateFirmwareStatusEnumType.ACCEPTED
    await trio.sleep(700)
    assert signed_statuses(central) == [
        "Downloading",
        "Downloaded",
        "SignatureVerified",
        "InstallScheduled",
        "Installing",
        "InstallRebooting",
        "Installed",
    ]
    assert {each.request_id for each in central.all(SignedFirmwareStatusNotification)} == {5}
    assert "FirmwareUpdated" in events(central)


@pytest.mark.parametrize("failure", ["InvalidSignature", "InstallVerificationFailed"])
async def test_a_signed_update_can_fail(
    sides: Sides, autojump_clock: MockClock, failure: str
) -> None:
    central, _ = sides
    await signed(central, f"https://x/{failure}.bin", Authority().root_pem)
    await trio.sleep(300)
    assert signed_statuses(central)[-1] == failure
    assert ("InvalidFirmwareSignature" in events(central)) == (failure == "InvalidSignature")
    assert len(central.all(core.BootNotification)) == 1


async def test_a_signer_has_to_be_the_manufacturers_once_that_is_known(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    ours, theirs = Authority("Ours"), Authority("Theirs")
    await central.call(
        security.InstallCertificate(
            certificate_type=security.CertificateUseEnumType.MANUFACTURER_ROOT_CERTIFICATE,
            certificate=ours.root_pem,
        )
    )
    invalid = UpdateFirmwareStatusEnumType.INVALID_CERTIFICATE
    assert await signed(central, "https://x/2.bin", theirs.certificate_pem("signer")) is invalid
    assert await signed(central, "https://x/2.bin", "no certificate") is invalid
    assert await signed(central, "https://x/2.bin", ours.certificate_pem("signer")) is (
        UpdateFirmwareStatusEnumType.ACCEPTED
    )
    await trio.sleep(1)
    assert events(central).count("InvalidFirmwareSigningCertificate") == 2


async def test_a_second_update_takes_the_place_of_the_first(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    certificate = Authority().root_pem
    await signed(central, "https://x/1.bin", certificate, request_id=1)
    await trio.sleep(10)
    assert await signed(central, "https://x/2.bin", certificate, request_id=2) is (
        UpdateFirmwareStatusEnumType.ACCEPTED_CANCELED
    )
    await trio.sleep(300)
    assert [each.request_id for each in central.all(SignedFirmwareStatusNotification)] == [
        1,
        *[2] * 6,
    ]
    assert [boot.firmware_version for boot in central.all(core.BootNotification)] == [
        "1.0.0",
        "2.bin",
    ]


async def test_the_signed_status_is_idle_without_request_id(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    await central.call(
        ExtendedTriggerMessage(
            requested_message=MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION
        )
    )
    sent = await central.wait(SignedFirmwareStatusNotification)
    assert (sent.status.value, sent.request_id) == ("Idle", None)


# Uploads.


@pytest.mark.parametrize(
    ("location", "last"),
    [
        ("ftp://x/uploads", "Uploaded"),
        ("ftp://x/UploadFailed", "UploadFailed"),
        ("ftp://x/PermissionDenied", "UploadFailed"),
        ("gopher://x", "UploadFailed"),
    ],
)
async def test_diagnostics_are_uploaded_or_not(
    sides: Sides, autojump_clock: MockClock, location: str, last: str
) -> None:
    central, _ = sides
    answer = await central.call(GetDiagnostics(location=location))
    assert answer.file_name is not None
    assert answer.file_name.startswith("CP1-diagnostics-")
    await trio.sleep(10)
    await central.call(
        TriggerMessage(requested_message=MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION)
    )
    await trio.sleep(60)
    statuses = [each.status.value for each in central.all(DiagnosticsStatusNotification)]
    assert statuses == ["Uploading", "Uploading", last]


async def test_a_failed_upload_is_retried(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    await central.call(
        GetDiagnostics(location="ftp://x/UploadFailed", retries=2, retry_interval=30)
    )
    await trio.sleep(300)
    statuses = [each.status.value for each in central.all(DiagnosticsStatusNotification)]
    assert statuses == ["Uploading"] * 3 + ["UploadFailed"]


async def get_log(
    central: FakeCentral, request_id: int, location: str = "https://x/logs"
) -> security.GetLogResponse:
    return await central.call(
        GetLog(
            log=LogParametersType(remote_location=location),
            log_type=security.LogEnumType.SECURITY_LOG,
            request_id=request_id,
        )
    )


async def test_a_log_is_uploaded_and_a_second_request_ends_the_first(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    first = await get_log(central, 1)
    assert first.status is security.LogStatusEnumType.ACCEPTED
    assert first.filename is not None
    assert "SecurityLog" in first.filename
    await trio.sleep(5)
    second = await get_log(central, 2)
    assert second.status is security.LogStatusEnumType.ACCEPTED_CANCELED
    await trio.sleep(60)
    await get_log(central, 3, "https://x/PermissionDenied")
    await trio.sleep(60)
    await central.call(
        ExtendedTriggerMessage(requested_message=MessageTriggerEnumType.LOG_STATUS_NOTIFICATION)
    )
    await trio.sleep(1)
    assert [
        (each.request_id, each.status.value) for each in central.all(LogStatusNotification)
    ] == [
        (1, "Uploading"),
        (2, "Uploading"),
        (2, "Uploaded"),
        (3, "Uploading"),
        (3, "PermissionDenied"),
        (None, "Idle"),
    ]


@pytest.mark.parametrize("location", ["ftp://[broken", "ftp://example.com/logs"])
async def test_an_odd_request_for_a_file_does_not_end_the_charge_point(
    sides: Sides, autojump_clock: MockClock, location: str
) -> None:
    central, _ = sides
    await central.call(GetDiagnostics(location=location, retries=-1))
    await central.call(UpdateFirmware(location=location, retrieve_date=START, retries=-1))
    await trio.sleep(200)
    broken = location == "ftp://[broken"
    ends = [each.status.value for each in central.all(DiagnosticsStatusNotification)]
    assert ends == ["Uploading", "UploadFailed" if broken else "Uploaded"]
    assert firmware_statuses(central)[-1] == ("DownloadFailed" if broken else "Installed")


async def test_a_plain_update_that_fails_its_verification_says_so(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    await update(central, "https://x/InstallVerificationFailed.bin")
    await trio.sleep(200)
    assert firmware_statuses(central)[-2:] == ["Installing", "InstallationFailed"]


async def test_a_triggered_status_tells_of_what_is_under_way(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    later = START + timedelta(hours=1)
    await central.call(UpdateFirmware(location="https://x/2.bin", retrieve_date=later))
    wanted = MessageTrigger.FIRMWARE_STATUS_NOTIFICATION
    await central.call(TriggerMessage(requested_message=wanted))
    signed = MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION
    await central.call(ExtendedTriggerMessage(requested_message=signed))
    assert (await central.wait(FirmwareStatusNotification)).status.value == "Idle"
    # Without a request there is no requestId, which any other status would need.
    assert (await central.wait(SignedFirmwareStatusNotification)).status.value == "Idle"


async def test_nobody_begins_to_charge_while_firmware_is_installed(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await update(central, "https://example.com/firmware-2.0.bin")
    await trio.sleep(20)
    assert await charge_point.present("A", 1)
    await trio.sleep(20)
    await charge_point.plug_in(1)
    await trio.sleep(130)
    assert not central.all(core.StartTransaction)
    assert charge_point.status(1) is ChargePointStatus.PREPARING
    assert await charge_point.present("A", 1)

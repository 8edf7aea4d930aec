"""Which event shows that a command took effect: the table, one Action after the other."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ocpptrio.clock import to_us
from ocpptrio.events import (
    Booted,
    DiagnosticsStatusChanged,
    FirmwareStatusChanged,
    LogStatusChanged,
    StatusChanged,
    StopOrphaned,
    TransactionStarted,
    TransactionStopped,
)
from ocpptrio.protocol import core, firmware, security
from ocpptrio.protocol.actions import ACTIONS, Role
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.protocol.security import ExtendedTriggerMessage, MessageTriggerEnumType
from ocpptrio.services import effects
from ocpptrio.services.effects import Occurrence
from ocpptrio.session.state import ConnectorState, SessionState, apply

NOW = datetime(2026, 1, 15, 8, tzinfo=UTC)
NOW_US = to_us(NOW)
MINUTE_US = 60_000_000
EMPTY = SessionState(charge_point_id="CP1")


def started(**changes: Any) -> TransactionStarted:  # Any: fields
    fields: dict[str, Any] = {
        "transaction_id": 7,
        "connector_id": 1,
        "id_tag": "04A1",
        "authorization": "Accepted",
        "started_at_us": NOW_US,
        "meter_start_wh": 0,
    }
    return TransactionStarted(charge_point_id="CP1", at_us=NOW_US, **fields | changes)


def status(connector_id: int, text: str) -> StatusChanged:
    return StatusChanged(
        charge_point_id="CP1",
        at_us=NOW_US,
        connector_id=connector_id,
        status=ChargePointStatus(text),
        error_code=ChargePointErrorCode.NO_ERROR,
        status_at_us=NOW_US,
    )


def with_connectors(**statuses: str) -> SessionState:
    """`_1="Available"`."""
    connectors = {
        int(name[1:]): ConnectorState(
            connector_id=int(name[1:]), status=ChargePointStatus(text), status_at_us=0
        )
        for name, text in statuses.items()
    }
    return SessionState(charge_point_id="CP1", connectors=connectors)


def seen(
    request: Request[Message], occurrence: Occurrence, state: SessionState = EMPTY
) -> tuple[str, str | None, int | None] | None:
    if isinstance(occurrence, StatusChanged):
        state = apply(state, occurrence)
    found = effects.seen(request, occurrence, state, NOW_US)
    return None if found is None else (found.effect, found.detail, found.transaction_id)


START = core.RemoteStartTransaction(id_tag="04a1", connector_id=1)
BOOT = Booted(
    charge_point_id="CP1",
    at_us=NOW_US,
    status=RegistrationStatus.ACCEPTED,
    vendor="V",
    model="M",
    firmware_version="2.0",
)


def test_a_remote_start_names_the_transaction_that_it_began() -> None:
    assert seen(START, started()) == ("seen", "transaction 7 on connector 1", 7)
    anywhere = core.RemoteStartTransaction(id_tag="04A1")
    assert seen(anywhere, started(connector_id=2)) == ("seen", "transaction 7 on connector 2", 7)


@pytest.mark.parametrize(
    "other",
    [
        started(id_tag="04A2"),
        started(connector_id=2),
        started(started_at_us=NOW_US - 240 * MINUTE_US),  # offline, long before
        BOOT,
    ],
)
def test_a_remote_start_takes_no_other_for_its_own(other: Occurrence) -> None:
    assert seen(START, other) is None


def test_a_start_may_take_as_long_as_the_charge_point_waits_for_a_plug() -> None:
    accepted = core.RemoteStartTransactionResponse(status=core.RemoteStartStopStatus.ACCEPTED)
    told = SessionState(charge_point_id="CP1", configuration={"connectionTimeout": "30"})
    for state, within_s in ((told, 90), (EMPTY, 240)):
        awaited = effects.awaited(START, accepted, state, NOW_US)
        assert awaited is not None
        assert awaited.within_s == within_s
    for odd in ("x", "-5", "", None):
        state = SessionState(charge_point_id="CP1", configuration={"ConnectionTimeOut": odd})
        assert effects.awaited(START, accepted, state, NOW_US) == effects.Awaited(within_s=240)


def test_a_remote_stop_is_followed_by_the_stop() -> None:
    request = core.RemoteStopTransaction(transaction_id=7)
    stop = TransactionStopped(
        charge_point_id="CP1",
        at_us=NOW_US,
        transaction_id=7,
        connector_id=1,
        stopped_at_us=NOW_US,
        meter_stop_wh=5,
        reason="Remote",
    )
    assert seen(request, stop) == ("seen", "stopped, reason Remote", 7)
    assert seen(core.RemoteStopTransaction(transaction_id=8), stop) is None
    orphan = StopOrphaned(
        charge_point_id="CP1", at_us=0, transaction_id=7, meter_stop_wh=5, stopped_at_us=0
    )
    assert seen(request, orphan) == ("seen", "a stop came that fits no transaction of ours", None)


def test_a_reset_is_followed_by_a_boot() -> None:
    assert seen(core.Reset(type=core.ResetType.HARD), BOOT) == (
        "seen",
        "booted, firmware 2.0",
        None,
    )
    assert seen(core.Reset(type=core.ResetType.HARD), status(0, "Available")) is None


def test_what_needs_a_reboot_waits_for_it() -> None:
    request = core.ChangeConfiguration(key="A", value="1")
    for answer, waits in (("Accepted", False), ("RebootRequired", True), ("Rejected", False)):
        response = core.ChangeConfigurationResponse(status=core.ConfigurationStatus(answer))
        assert (effects.awaited(request, response, EMPTY, NOW_US) is not None) == waits
    assert effects.awaited(request, None, EMPTY, NOW_US) is None
    assert seen(request, BOOT) == ("seen", "booted, firmware 2.0", None)


def test_availability_shows_at_the_connector() -> None:
    request = core.ChangeAvailability(connector_id=1, type=core.AvailabilityType.INOPERATIVE)
    assert seen(request, status(1, "Unavailable")) == ("seen", "unavailable", None)
    assert seen(request, status(2, "Unavailable")) is None
    assert seen(request, status(1, "Finishing")) is None
    back = core.ChangeAvailability(connector_id=1, type=core.AvailabilityType.OPERATIVE)
    assert seen(back, status(1, "Available")) == ("seen", "in service", None)


def test_availability_of_the_whole_shows_at_every_connector() -> None:
    request = core.ChangeAvailability(connector_id=0, type=core.AvailabilityType.INOPERATIVE)
    two = with_connectors(_0="Available", _1="Available", _2="Unavailable")
    assert seen(request, status(0, "Unavailable"), two) is None
    assert seen(request, status(1, "Unavailable"), two) == ("seen", "unavailable", None)
    assert seen(request, status(0, "Unavailable")) == ("seen", "unavailable", None)


def test_availability_that_is_so_already_needs_no_status() -> None:
    request = core.ChangeAvailability(connector_id=1, type=core.AvailabilityType.OPERATIVE)
    assert effects.already(request, with_connectors(_1="Charging")) is not None
    assert effects.already(request, with_connectors(_1="Unavailable")) is None
    assert effects.already(request, EMPTY) is None
    assert effects.already(core.Reset(type=core.ResetType.SOFT), EMPTY) is None


def test_scheduled_is_pending() -> None:
    request = core.ChangeAvailability(connector_id=1, type=core.AvailabilityType.INOPERATIVE)
    response = core.ChangeAvailabilityResponse(status=core.AvailabilityStatus.SCHEDULED)
    awaited = effects.awaited(request, response, EMPTY, NOW_US)
    assert awaited == effects.Awaited(within_s=effects.SCHEDULED_S, detail="scheduled")


def test_a_trigger_is_followed_by_its_message() -> None:
    heartbeat = TriggerMessage(requested_message=MessageTrigger.HEARTBEAT)
    assert seen(heartbeat, core.Heartbeat()) == ("seen", "Heartbeat came", None)
    request = TriggerMessage(requested_message=MessageTrigger.METER_VALUES, connector_id=1)
    assert seen(request, core.MeterValues(connector_id=1, meter_value=())) is not None
    assert seen(request, core.MeterValues(connector_id=2, meter_value=())) is None
    assert seen(request, core.Heartbeat()) is None
    idle = TriggerMessage(
        requested_message=MessageTrigger.FIRMWARE_STATUS_NOTIFICATION, connector_id=1
    )
    message = firmware.FirmwareStatusNotification(status=firmware.FirmwareStatus.IDLE)
    assert seen(idle, message) == ("seen", "FirmwareStatusNotification came: Idle", None)


def test_an_extended_trigger_is_followed_by_the_message_of_the_white_paper() -> None:
    sign = ExtendedTriggerMessage(
        requested_message=MessageTriggerEnumType.SIGN_CHARGE_POINT_CERTIFICATE
    )
    assert seen(sign, security.SignCertificate(csr="x")) is not None
    update = ExtendedTriggerMessage(
        requested_message=MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION
    )
    signed = security.SignedFirmwareStatusNotification(status=security.FirmwareStatusEnumType.IDLE)
    assert seen(update, signed) is not None
    assert seen(sign, core.Heartbeat()) is None


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("Downloading", "awaited"),
        ("Installing", "awaited"),
        ("Installed", "seen"),
        ("DownloadFailed", "failed"),
        ("InstallationFailed", "failed"),
    ],
)
def test_an_update_is_followed_to_its_end(text: str, effect: str) -> None:
    request = firmware.UpdateFirmware(location="http://host/f", retrieve_date=NOW)
    event = FirmwareStatusChanged(charge_point_id="CP1", at_us=0, status=text)
    assert seen(request, event) == (effect, text, None)


def test_an_update_waits_for_its_date_and_idle_says_nothing() -> None:
    request = firmware.UpdateFirmware(location="http://host/f", retrieve_date=NOW)
    response = firmware.UpdateFirmwareResponse()
    awaited = effects.awaited(request, response, EMPTY, NOW_US - 60 * MINUTE_US)
    assert awaited == effects.Awaited(within_s=effects.UPDATE_S + 3600)
    idle = FirmwareStatusChanged(charge_point_id="CP1", at_us=0, status="Idle")
    assert seen(request, idle) is None


def test_a_signed_update_is_told_apart_by_its_id() -> None:
    request = security.SignedUpdateFirmware(
        request_id=3,
        firmware=security.FirmwareType(
            location="http://host/f",
            retrieve_date_time=NOW,
            signing_certificate="x",
            signature="y",
        ),
    )
    for number, fits in ((3, True), (None, True), (4, False)):
        event = FirmwareStatusChanged(
            charge_point_id="CP1",
            at_us=0,
            status="InvalidSignature",
            signed=True,
            request_id=number,
        )
        assert (seen(request, event) == ("failed", "InvalidSignature", None)) == fits
    unsigned = firmware.UpdateFirmware(location="http://host/f", retrieve_date=NOW)
    assert seen(unsigned, event) is None


def test_uploads_are_followed_to_their_end() -> None:
    request = firmware.GetDiagnostics(location="ftp://host/")
    done = DiagnosticsStatusChanged(charge_point_id="CP1", at_us=0, status="Uploaded")
    assert seen(request, done) == ("seen", "Uploaded", None)
    nothing = firmware.GetDiagnosticsResponse()
    assert effects.awaited(request, nothing, EMPTY, NOW_US) is None
    some = firmware.GetDiagnosticsResponse(file_name="log.zip")
    assert effects.awaited(request, some, EMPTY, NOW_US) is not None
    log = security.GetLog(
        log=security.LogParametersType(remote_location="ftp://host/"),
        log_type=security.LogEnumType.SECURITY_LOG,
        request_id=5,
    )
    for number, effect in ((5, "failed"), (6, None)):
        failed = LogStatusChanged(
            charge_point_id="CP1", at_us=0, status="PermissionDenied", request_id=number
        )
        found = seen(log, failed)
        assert (None if found is None else found[0]) == effect


def test_an_answer_that_says_no_promises_nothing() -> None:
    for answer, waits in (("Accepted", True), ("Rejected", False)):
        response = core.ResetResponse(status=core.ResetStatus(answer))
        request = core.Reset(type=core.ResetType.SOFT)
        assert (effects.awaited(request, response, EMPTY, NOW_US) is not None) == waits
        assert effects.awaited(request, None, EMPTY, NOW_US) is not None  # no answer at all


def test_every_rule_is_for_something_that_we_send() -> None:
    ours = {spec.request for spec in ACTIONS.values() if Role.CENTRAL_SYSTEM in spec.senders}
    assert effects.RULES.keys() <= ours

"""What the specification says about a field, told from the structs."""

import pytest

from ocpptrio.protocol.describe import rule


@pytest.mark.parametrize(
    ("action", "path", "message", "clause", "words"),
    [
        (
            "Authorize",
            "idTag",
            "Authorize.req",
            "OCPP 1.6, 6.1",
            "text of at most 20 characters, required",
        ),
        (
            "MeterValues",
            "meterValue.sampledValue.value",
            "MeterValues.req",
            "OCPP 1.6, 6.31",
            "text, required",
        ),
        (
            "MeterValues",
            "meterValue",
            "MeterValues.req",
            "OCPP 1.6, 6.31",
            "list of MeterValue, at least one, required",
        ),
        (
            "StatusNotification",
            "timestamp",
            "StatusNotification.req",
            "OCPP 1.6, 6.47",
            "time as 2026-01-15T08:00:00Z, optional",
        ),
        (
            "StatusNotification",
            "connectorId",
            "StatusNotification.req",
            "OCPP 1.6, 6.47",
            "integer from 0, required",
        ),
        (
            "GetConfiguration",
            "configurationKey.readonly",
            "GetConfiguration.conf",
            "OCPP 1.6, 6.24",
            "true or false, required",
        ),
        ("Reset", "status", "Reset.conf", "OCPP 1.6, 6.40", "one of Accepted, Rejected, required"),
        (
            "UpdateFirmware",
            "retries",
            "UpdateFirmware.req",
            "OCPP 1.6, 6.55",
            "integer of 32 bits, optional",
        ),
        ("BootNotification", "colour", "BootNotification.req", "OCPP 1.6, 6.3", None),
        ("BootNotification", "colour.shade", "BootNotification.req", "OCPP 1.6, 6.3", None),
        ("Authorize", "idTag.colour", "Authorize.req", "OCPP 1.6, 6.1", None),
        (
            "SetChargingProfile",
            "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.limit",
            "SetChargingProfile.req",
            "OCPP 1.6, 6.43",
            "number, required",
        ),
        (
            "SecurityEventNotification",
            "type",
            "SecurityEventNotification.req",
            "white paper Improved security for OCPP 1.6-J, 5",
            "text of at most 50 characters, required",
        ),
    ],
)
def test_a_field_is_described(
    action: str, path: str, message: str, clause: str, words: str | None
) -> None:
    found = rule(action, path)
    assert found is not None
    assert (found.message, found.clause, found.words) == (message, clause, words)


def test_an_unknown_action_has_no_rules() -> None:
    assert rule("Dance", "step") is None

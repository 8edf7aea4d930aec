"""No secret reaches a log line or the journal; everything else stays as it was."""

import json

import pytest

from ocpptrio.redaction import is_secret, redact, redact_json

KEY = "0001020304050607FFFFFFFFFFFFFFFF"


@pytest.mark.parametrize(
    ("action", "frame"),
    [
        (
            "ChangeConfiguration",
            [2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": KEY}],
        ),
        (
            "ChangeConfiguration",
            [2, "1", "ChangeConfiguration", {"key": "WIFI_PASSWORD", "value": KEY}],
        ),
        (
            "GetConfiguration",
            [
                3,
                "1",
                {
                    "configurationKey": [
                        {"key": "authorizationkey", "readonly": False, "value": KEY}
                    ]
                },
            ],
        ),
        (
            "DataTransfer",
            [2, "1", "DataTransfer", {"vendorId": "x", "data": json.dumps({"password": KEY})}],
        ),
        ("GetDiagnostics", [2, "1", "GetDiagnostics", {"location": f"ftp://me:{KEY}@host/d"}]),
        ("GetLog", [2, "1", "GetLog", {"log": {"remoteLocation": f"sftp://me:{KEY}@host"}}]),
    ],
)
def test_secrets_are_hidden(action: str, frame: list[object]) -> None:
    shown = redact(action, json.dumps(frame))
    assert KEY not in shown
    assert "***" in shown
    assert json.loads(shown)[:2] == frame[:2]


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (
            "ChangeConfiguration",
            '[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"9"}]',
        ),
        ("Heartbeat", '[2,"1","Heartbeat",{}]'),
        ("UpdateFirmware", '[2,"1","UpdateFirmware",{"location":"https://host/a@b.bin"}]'),
        ("StartTransaction", '[2,"1","StartTransaction",{"idTag":"password"}]'),
    ],
)
def test_what_holds_no_secret_stays_to_the_byte(action: str, text: str) -> None:
    assert redact(action, text) == text


def test_what_cannot_be_read_but_might_hold_a_secret_is_not_shown() -> None:
    assert KEY not in redact("ChangeConfiguration", f'[2,"1",{{"AuthorizationKey":"{KEY}"')


def test_secret_keys_are_known_in_any_case() -> None:
    assert is_secret("AuthorizationKey")
    assert is_secret("authorizationKEY")
    assert not is_secret("HeartbeatInterval")


@pytest.mark.parametrize("text", ["[" * 3000, "[" * 990 + '"password"' + "]" * 990])
def test_what_is_too_deep_to_be_searched_is_not_shown(text: str) -> None:
    assert redact_json(text) == "***"
    assert "password" not in redact("DataTransfer", f'[2,"1","DataTransfer",{text},"password"]')

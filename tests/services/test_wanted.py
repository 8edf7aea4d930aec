"""What counts as a difference, and what is tried for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.config import ProvisioningSettings
from ocpptrio.services.wanted import candidates, checked, retry_after_us, same_value
from ocpptrio.store.records import ConfigurationRecord

SETTINGS = ProvisioningSettings()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("true", "TRUE"),
        ("60", "060"),
        ("60", " 60.0"),
        ("", None),
        ("Voltage,SoC", "soc, Voltage"),
        ("a", "a "),
    ],
)
def test_the_same_said_differently_is_no_difference(a: str, b: str | None) -> None:
    assert same_value(a, b)
    assert same_value(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("true", "false"),
        ("true", "1"),
        ("60", "61"),
        ("0", None),
        ("Voltage,SoC", "Voltage"),
        ("Voltage,Voltage", "Voltage"),
        ("internet", "Internet"),  # an access point name, a password: letter case counts
        ("1e3", "1000"),
    ],
)
def test_a_difference_is_a_difference(a: str, b: str | None) -> None:
    assert not same_value(a, b)
    assert not same_value(b, a)


@given(st.text(max_size=20), st.text(max_size=20))
def test_comparing_never_fails_and_is_symmetric(a: str, b: str) -> None:
    assert same_value(a, b) == same_value(b, a)
    assert same_value(a, a)


def reported(value: str) -> dict[str, ConfigurationRecord]:
    key = "MeterValuesSampledDataMaxLength"
    row = ConfigurationRecord(
        charge_point_id="CP1",
        key_folded=key.casefold(),
        key=key,
        value=value,
        readonly=True,
        reported_at_us=0,
    )
    return {row.key_folded: row}


@pytest.mark.parametrize(
    ("limit", "first"), [("2", "a,b"), ("9", "a,b,c"), ("0", "a"), ("many", "a,b,c"), ("", "a,b,c")]
)
def test_a_list_is_cut_to_the_announced_length(limit: str, first: str) -> None:
    tried = candidates("metervaluessampleddata", "a,b,c", reported(limit), SETTINGS)
    assert tried[0] == first
    assert tried == sorted(tried, key=len, reverse=True)
    assert tried[-1] == "a"


def test_only_lists_of_measurands_are_shortened() -> None:
    assert candidates("connectorphaserotation", "1.RST,2.RST", {}, SETTINGS) == ["1.RST,2.RST"]
    assert candidates("metervaluessampleddata", "", {}, SETTINGS) == [""]


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("", "1", "is no key"),
        (" a", "1", "is no key"),
        ("k" * 51, "1", "is no key"),
        ("a", "v" * 501, "501 characters, at most 500"),
        ("WifiPassword", "x", "WifiPassword is a secret"),
    ],
)
def test_what_cannot_be_wanted_is_told(key: str, value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked(key, value)


def test_each_attempt_waits_twice_as_long_as_the_one_before() -> None:
    assert [retry_after_us(SETTINGS, n) // 1_000_000 for n in (1, 2, 3)] == [60, 120, 240]

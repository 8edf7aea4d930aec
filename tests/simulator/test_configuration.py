"""Configuration keys: what they accept, and how they are reported."""

import pytest

from ocpptrio.protocol.core import ConfigurationStatus
from ocpptrio.simulator.configuration import KEYS, Access, Configuration

Status = ConfigurationStatus


@pytest.fixture
def configuration() -> Configuration:
    return Configuration({"NumberOfConnectors": "2"})


# Every key of OCPP 1.6, section 9, of its errata, and of the security white paper, section 7.
STANDARD = """
AllowOfflineTxForUnknownId AuthorizationCacheEnabled AuthorizeRemoteTxRequests BlinkRepeat
ClockAlignedDataInterval ConnectionTimeOut ConnectorPhaseRotation ConnectorPhaseRotationMaxLength
GetConfigurationMaxKeys HeartbeatInterval LightIntensity LocalAuthorizeOffline LocalPreAuthorize
MaxEnergyOnInvalidId MessageTimeout MeterValuesAlignedData MeterValuesAlignedDataMaxLength
MeterValuesSampledData MeterValuesSampledDataMaxLength MeterValueSampleInterval
MinimumStatusDuration NumberOfConnectors ResetRetries StopTransactionMaxMeterValues
StopTransactionOnEVSideDisconnect StopTransactionOnInvalidId StopTxnAlignedData
StopTxnAlignedDataMaxLength StopTxnSampledData StopTxnSampledDataMaxLength SupportedFeatureProfiles
TransactionMessageAttempts TransactionMessageRetryInterval UnlockConnectorOnEVSideDisconnect
WebSocketPingInterval LocalAuthListEnabled LocalAuthListMaxLength SendLocalListMaxLength
ReserveConnectorZeroSupported ChargeProfileMaxStackLevel ChargingScheduleAllowedChargingRateUnit
ChargingScheduleMaxPeriods ConnectorSwitch3to1PhaseSupported MaxChargingProfilesInstalled
SupportedFileTransferProtocols AdditionalRootCertificateCheck AuthorizationKey
CertificateSignedMaxChainSize CertificateStoreMaxLength CpoName SecurityProfile
"""


def test_every_standard_key_is_there() -> None:
    assert set(STANDARD.split()) <= {key.name for key in KEYS.values()}


def test_all_keys_are_reported_but_those_that_are_never_read_back(
    configuration: Configuration,
) -> None:
    reported = configuration.report(None)
    assert reported.unknown_key is None
    assert reported.configuration_key is not None
    by_name = {each.key: each for each in reported.configuration_key}
    assert len(by_name) == len(KEYS) - 1
    assert "AuthorizationKey" not in by_name
    assert (by_name["NumberOfConnectors"].value, by_name["NumberOfConnectors"].readonly) == (
        "2",
        True,
    )
    assert not by_name["HeartbeatInterval"].readonly
    assert configuration.report(()) == reported


def test_named_keys_are_found_without_regard_to_case(configuration: Configuration) -> None:
    reported = configuration.report(("heartbeatINTERVAL", "NoSuchKey", "AuthorizationKey"))
    assert reported.configuration_key is not None
    assert [(each.key, each.value) for each in reported.configuration_key] == [
        ("HeartbeatInterval", "300"),
        ("AuthorizationKey", None),
    ]
    assert reported.unknown_key == ("NoSuchKey",)


@pytest.mark.parametrize(
    ("key", "value", "status", "kept"),
    [
        ("HeartbeatInterval", "60", Status.ACCEPTED, "60"),
        ("HeartbeatInterval", " 060 ", Status.ACCEPTED, "60"),
        ("HeartbeatInterval", "-1", Status.REJECTED, "300"),
        ("HeartbeatInterval", "1.5", Status.REJECTED, "300"),
        ("HeartbeatInterval", "soon", Status.REJECTED, "300"),
        ("WebSocketPingInterval", "-1", Status.REJECTED, "60"),
        ("LocalPreAuthorize", "TRUE", Status.ACCEPTED, "true"),
        ("LocalPreAuthorize", "yes", Status.REJECTED, "false"),
        ("NumberOfConnectors", "5", Status.REJECTED, "2"),
        ("MeterValuesSampledData", "SoC, Voltage.L1", Status.ACCEPTED, "SoC,Voltage.L1"),
        ("StopTxnSampledData", "", Status.ACCEPTED, ""),
        ("StopTxnSampledData", "SoC,RPM", Status.REJECTED, ""),
        ("StopTxnSampledData", ",".join(["SoC"] * 13), Status.REJECTED, ""),
        ("ConnectorPhaseRotation", "0.RST,1.RTS", Status.REBOOT_REQUIRED, "0.RST"),
        ("ConnectorPhaseRotation", "0.ABC", Status.REJECTED, "0.RST"),
        ("AuthorizationKey", "00" * 16, Status.ACCEPTED, "00" * 16),
        ("AuthorizationKey", "00" * 15, Status.REJECTED, ""),
        ("AuthorizationKey", "secret", Status.REJECTED, ""),
        ("CpoName", "Example AG", Status.ACCEPTED, "Example AG"),
    ],
)
def test_changes_are_checked(
    configuration: Configuration, key: str, value: str, status: Status, kept: str
) -> None:
    assert configuration.change(key.upper(), value) is status
    assert configuration.text(key) == kept


def test_an_unknown_key_is_not_supported(configuration: Configuration) -> None:
    assert configuration.change("NoSuchKey", "1") is Status.NOT_SUPPORTED


def test_a_reboot_puts_waiting_changes_in_force(configuration: Configuration) -> None:
    configuration.change("ConnectorPhaseRotation", "1.SRT")
    configuration.rebooted()
    assert configuration.text("ConnectorPhaseRotation") == "1.SRT"


def test_a_last_word_may_be_had_on_a_change() -> None:
    configuration = Configuration({}, lambda name, value: (name, value) != ("CpoName", "Bad"))
    assert configuration.change("cponame", "Bad") is Status.REJECTED
    assert configuration.change("cponame", "Good") is Status.ACCEPTED


def test_a_default_that_the_key_would_not_take_is_an_error() -> None:
    with pytest.raises(ValueError, match="HeartbeatInterval: cannot be 'often'"):
        Configuration({"HeartbeatInterval": "often"})
    with pytest.raises(ValueError, match="NoSuchKey"):
        Configuration({"NoSuchKey": "1"})


def test_every_default_is_a_value_that_its_key_takes() -> None:
    for key in KEYS.values():
        if key.access is not Access.WRITE:
            assert key.normalise(key.default) == key.default, key.name

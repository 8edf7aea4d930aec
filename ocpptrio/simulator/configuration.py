"""The configuration keys of a charge point (OCPP 1.6, 9; security white paper, 7).

Which keys there are, what they accept, what they are now. Not here: what a key brings about.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

import msgspec

from ocpptrio.protocol.core import ConfigurationStatus, GetConfigurationResponse, KeyValue
from ocpptrio.protocol.datatypes import INT32_MAX
from ocpptrio.simulator.meter import Measured, parse_measurand

MAX_KEYS: Final = 50  # that one GetConfiguration may name
MAX_MEASURANDS: Final = 12
MAX_TEXT: Final = 500

Normalise = Callable[[str], str | None]
"""The value as it is kept, or None if it is no good."""


class Access(Enum):
    """What the central system may do with a key."""

    READ = "R"
    READ_WRITE = "RW"
    WRITE = "W"  # never read back


class Key(msgspec.Struct, frozen=True):
    """One configuration key. A change to one with `reboot` is in force after the next boot."""

    name: str
    default: str
    normalise: Normalise
    access: Access = Access.READ_WRITE
    reboot: bool = False


def _boolean(text: str) -> str | None:
    folded = text.strip().casefold()
    return folded if folded in ("true", "false") else None


def _integer(minimum: int = 0, maximum: int = INT32_MAX) -> Normalise:
    def normalise(text: str) -> str | None:
        if not re.fullmatch(r"\s*[+-]?\d{1,10}\s*", text, re.ASCII):
            return None
        value = int(text)
        return str(value) if minimum <= value <= maximum else None

    return normalise


def _measurands(text: str) -> str | None:
    items = _items(text)
    if len(items) > MAX_MEASURANDS or any(parse_measurand(item) is None for item in items):
        return None  # one that is not supported spoils the whole value (OCPP 1.6, 3.16.4)
    return ",".join(items)


def _rotations(text: str) -> str | None:
    items = _items(text)
    pattern = r"(\d+\.)?(NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)"
    return ",".join(items) if items and all(re.fullmatch(pattern, i) for i in items) else None


def _authorization_key(text: str) -> str | None:
    return text if re.fullmatch(r"([0-9A-Fa-f]{2}){16,20}", text) else None


def _text(text: str) -> str | None:
    return text if len(text) <= MAX_TEXT else None


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _read_only(name: str, value: str) -> Key:
    return Key(name, value, _text, Access.READ)


_MAX_MEASURANDS = str(MAX_MEASURANDS)

KEYS: Final[dict[str, Key]] = {
    key.name.casefold(): key
    for key in (
        Key("AllowOfflineTxForUnknownId", "false", _boolean),
        Key("AuthorizationCacheEnabled", "true", _boolean),
        Key("AuthorizeRemoteTxRequests", "true", _boolean),
        Key("BlinkRepeat", "3", _integer(0, 100)),
        Key("ClockAlignedDataInterval", "0", _integer(0, 86_400)),
        Key("ConnectionTimeOut", "120", _integer(1, 86_400)),
        Key("ConnectorPhaseRotation", "0.RST", _rotations, reboot=True),
        _read_only("ConnectorPhaseRotationMaxLength", "9"),
        _read_only("GetConfigurationMaxKeys", str(MAX_KEYS)),
        Key("HeartbeatInterval", "300", _integer()),
        Key("LightIntensity", "80", _integer(0, 100)),
        Key("LocalAuthorizeOffline", "true", _boolean),
        Key("LocalPreAuthorize", "false", _boolean),
        Key("MaxEnergyOnInvalidId", "0", _integer()),
        Key("MessageTimeout", "30", _integer(1, 3600)),
        Key("MeterValuesAlignedData", "Energy.Active.Import.Register", _measurands),
        _read_only("MeterValuesAlignedDataMaxLength", _MAX_MEASURANDS),
        Key(
            "MeterValuesSampledData",
            "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC",
            _measurands,
        ),
        _read_only("MeterValuesSampledDataMaxLength", _MAX_MEASURANDS),
        Key("MeterValueSampleInterval", "60", _integer(0, 86_400)),
        Key("MinimumStatusDuration", "0", _integer(0, 3600)),
        _read_only("NumberOfConnectors", "1"),
        Key("ResetRetries", "1", _integer(0, 100)),
        _read_only("StopTransactionMaxMeterValues", "100"),
        Key("StopTransactionOnEVSideDisconnect", "true", _boolean),
        Key("StopTransactionOnInvalidId", "true", _boolean),
        Key("StopTxnAlignedData", "", _measurands),
        _read_only("StopTxnAlignedDataMaxLength", _MAX_MEASURANDS),
        Key("StopTxnSampledData", "", _measurands),
        _read_only("StopTxnSampledDataMaxLength", _MAX_MEASURANDS),
        _read_only(
            "SupportedFeatureProfiles",
            "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        ),
        Key("TransactionMessageAttempts", "3", _integer(1, 100)),
        Key("TransactionMessageRetryInterval", "60", _integer(0, 86_400)),
        Key("UnlockConnectorOnEVSideDisconnect", "true", _boolean),
        Key("WebSocketPingInterval", "60", _integer(0, 86_400)),
        Key("LocalAuthListEnabled", "true", _boolean),
        _read_only("LocalAuthListMaxLength", "500"),
        _read_only("SendLocalListMaxLength", "100"),
        _read_only("ReserveConnectorZeroSupported", "true"),
        _read_only("ChargeProfileMaxStackLevel", "10"),
        _read_only("ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
        _read_only("ChargingScheduleMaxPeriods", "48"),
        _read_only("ConnectorSwitch3to1PhaseSupported", "true"),
        _read_only("MaxChargingProfilesInstalled", "30"),
        _read_only("SupportedFileTransferProtocols", "FTP,FTPS,HTTP,HTTPS"),
        _read_only("AdditionalRootCertificateCheck", "false"),
        Key("AuthorizationKey", "", _authorization_key, Access.WRITE),
        _read_only("CertificateSignedMaxChainSize", "10000"),
        _read_only("CertificateStoreMaxLength", "8"),
        Key("CpoName", "", _text),
        Key("SecurityProfile", "0", _integer(0, 3)),
    )
}


class Configuration:
    """The keys of one charge point, their names compared without regard to case.

    Args:
        values: instead of the defaults.
        check: a last word on a change that is well-formed: may this key become this value?
    """

    def __init__(
        self,
        values: dict[str, str],
        check: Callable[[str, str], bool] = lambda name, value: True,  # noqa: ARG005
    ) -> None:
        self._values: dict[str, str] = {}
        self._after_reboot: dict[str, str] = {}
        self._measurands: dict[str, tuple[Measured, ...]] = {}
        self._check = check
        for name, value in values.items():
            self.set(name, value)

    def set(self, name: str, value: str) -> None:
        """Set a key from inside, read-only or not.

        Raises:
            ValueError: there is no such key, or it does not take such a value.
        """
        key = KEYS.get(name.casefold())
        normal = key.normalise(value) if key is not None else None
        if key is None or normal is None:
            raise ValueError(f"configuration key {name}: cannot be {value!r}")
        self._values[name.casefold()] = normal

    def text(self, name: str) -> str:
        name = name.casefold()
        value = self._values.get(name)
        return KEYS[name].default if value is None else value

    def number(self, name: str) -> int:
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        return self.text(name) == "true"

    def measurands(self, name: str) -> tuple[Measured, ...]:
        text = self.text(name)
        if text not in self._measurands:
            parsed = (parse_measurand(item) for item in _items(text))
            self._measurands[text] = tuple(item for item in parsed if item is not None)
        return self._measurands[text]

    def change(self, name: str, value: str) -> ConfigurationStatus:
        """ChangeConfiguration (OCPP 1.6, 5.3)."""
        key = KEYS.get(name.casefold())
        if key is None:
            return ConfigurationStatus.NOT_SUPPORTED
        normal = key.normalise(value)
        if key.access is Access.READ or normal is None or not self._check(key.name, normal):
            return ConfigurationStatus.REJECTED
        if key.reboot:
            self._after_reboot[key.name.casefold()] = normal
            return ConfigurationStatus.REBOOT_REQUIRED
        self._values[key.name.casefold()] = normal
        return ConfigurationStatus.ACCEPTED

    def rebooted(self) -> None:
        """What was waiting for a reboot is in force now."""
        self._values.update(self._after_reboot)
        self._after_reboot.clear()

    def report(self, names: Sequence[str] | None) -> GetConfigurationResponse:
        """GetConfiguration (OCPP 1.6, 5.8): all keys unless some are named."""
        if not names:
            known = [
                self._key_value(key) for key in KEYS.values() if key.access is not Access.WRITE
            ]
            return GetConfigurationResponse(configuration_key=tuple(known))
        wanted = dict.fromkeys(names)
        known = [self._key_value(KEYS[n.casefold()]) for n in wanted if n.casefold() in KEYS]
        unknown = [name for name in wanted if name.casefold() not in KEYS]
        return GetConfigurationResponse(
            configuration_key=tuple(known) or None, unknown_key=tuple(unknown) or None
        )

    def _key_value(self, key: Key) -> KeyValue:
        secret = key.access is Access.WRITE
        return KeyValue(
            key=key.name,
            readonly=key.access is Access.READ,
            value=None if secret else self.text(key.name),
        )

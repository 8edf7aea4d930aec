"""Core: reading and writing configuration keys, and vendor messages."""

from ocpptrio.protocol.core import (
    ChangeConfiguration,
    ChangeConfigurationResponse,
    ConfigurationStatus,
    GetConfiguration,
    GetConfigurationResponse,
    KeyValue,
)
from ocpptrio.store import configuration
from tests.certification.station import Json, Station


async def shown(station: Station) -> dict[str, tuple[str | None, bool]]:
    """What the central system keeps of the keys: value, and whether it is readonly."""
    kept = await station.central.store.read(lambda reader: configuration.of(reader, "CP1"))
    assert station.state.configuration == {record.key: record.value for record in kept}
    return {record.key: (record.value, record.readonly) for record in kept}


def key_value(key: str, value: str, *, readonly: bool) -> Json:
    return {"key": key, "readonly": readonly, "value": value}


async def test_tc_019_1_read_all_configuration_keys(station: Station) -> None:
    await station.is_ready()
    await station.is_commanded(
        GetConfiguration(),
        {},
        {
            "configurationKey": [
                key_value("HeartbeatInterval", "300", readonly=False),
                key_value("NumberOfConnectors", "1", readonly=True),
                {"key": "LightIntensity", "readonly": False},
            ]
        },
        GetConfigurationResponse(
            configuration_key=(
                KeyValue(key="HeartbeatInterval", readonly=False, value="300"),
                KeyValue(key="NumberOfConnectors", readonly=True, value="1"),
                KeyValue(key="LightIntensity", readonly=False),
            )
        ),
    )
    assert await shown(station) == {
        "HeartbeatInterval": ("300", False),
        "NumberOfConnectors": ("1", True),
        "LightIntensity": (None, False),
    }


async def test_tc_019_2_read_one_configuration_key(station: Station) -> None:
    await station.is_ready()
    key, value = "SupportedFeatureProfiles", "Core,RemoteTrigger"
    await station.is_commanded(
        GetConfiguration(key=(key,)),
        {"key": [key]},
        {"configurationKey": [key_value(key, value, readonly=True)]},
        GetConfigurationResponse(
            configuration_key=(KeyValue(key=key, readonly=True, value=value),)
        ),
    )
    assert await shown(station) == {key: (value, True)}


async def change(station: Station, key: str, value: str, status: str) -> None:
    await station.is_commanded(
        ChangeConfiguration(key=key, value=value),
        {"key": key, "value": value},
        {"status": status},
        ChangeConfigurationResponse(status=ConfigurationStatus(status)),
    )


async def test_tc_021_change_a_configuration_key(station: Station) -> None:
    await station.is_ready()
    await change(station, "MeterValueSampleInterval", "10", "Accepted")
    assert await shown(station) == {"MeterValueSampleInterval": ("10", False)}


async def test_tc_040_1_change_an_unknown_key(station: Station) -> None:
    await station.is_ready()
    await change(station, "NoSuchKey", "1", "NotSupported")
    assert await shown(station) == {}


async def test_tc_040_2_change_to_a_bad_value(station: Station) -> None:
    await station.is_ready()
    await change(station, "MeterValueSampleInterval", "-1", "Rejected")
    assert await shown(station) == {}


async def test_tc_064_data_transfer_of_an_unknown_vendor(station: Station) -> None:
    await station.is_ready()
    response = await station.sends(
        "DataTransfer", vendorId="com.example.unknown", messageId="M1", data="anything"
    )
    assert response == {"status": "UnknownVendorId"}

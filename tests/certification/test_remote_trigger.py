"""Remote Trigger: messages on demand."""

from ocpptrio.protocol.remote_trigger import (
    MessageTrigger,
    TriggerMessage,
    TriggerMessageResponse,
    TriggerMessageStatus,
)
from ocpptrio.store import meter_readings
from tests.certification.station import Station


async def trigger(
    station: Station,
    message: MessageTrigger,
    connector_id: int | None = None,
    status: str = "Accepted",
) -> None:
    sent = {"requestedMessage": message} | (
        {} if connector_id is None else {"connectorId": connector_id}
    )
    await station.is_commanded(
        TriggerMessage(requested_message=message, connector_id=connector_id),
        sent,
        {"status": status},
        TriggerMessageResponse(status=TriggerMessageStatus(status)),
    )


async def test_tc_054_trigger_five_messages(station: Station) -> None:
    await station.is_ready()

    await trigger(station, MessageTrigger.METER_VALUES, 1)
    sample = {"value": "1234", "context": "Trigger", "unit": "Wh"}
    meter_value = [{"timestamp": station.now(), "sampledValue": [sample]}]
    assert await station.sends("MeterValues", connectorId=1, meterValue=meter_value) == {}
    assert station.state.meters[1].energy_wh == 1234
    kept = await station.central.store.read(
        lambda reader: meter_readings.of_charge_point(
            reader, "CP1", since_us=0, until_us=station.now_us() + 1
        )
    )
    assert [reading.energy_wh for reading in kept] == [1234]

    await trigger(station, MessageTrigger.HEARTBEAT)
    assert await station.sends("Heartbeat") == {"currentTime": station.now()}

    await trigger(station, MessageTrigger.STATUS_NOTIFICATION, 1)
    await station.status(1, "Available")

    await trigger(station, MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION)
    assert await station.sends("DiagnosticsStatusNotification", status="Idle") == {}
    assert station.state.diagnostics_status == "Idle"

    await trigger(station, MessageTrigger.FIRMWARE_STATUS_NOTIFICATION)
    assert await station.sends("FirmwareStatusNotification", status="Idle") == {}
    assert station.state.firmware_status == "Idle"


async def test_tc_055_trigger_rejected(station: Station) -> None:
    await station.is_ready()
    await trigger(station, MessageTrigger.METER_VALUES, 1, "Rejected")
    assert station.state.meters == {}

"""TriggerMessage, plain and extended: what is sent because it was asked for (OCPP 1.6, 5.17).

Sent straight away and not through the outbox, since a charge point that is Pending may send nothing
else. Not here: how the command itself is answered (commands).
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ocpptrio.protocol.core import Heartbeat
from ocpptrio.protocol.datatypes import Request

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


_OF_CONNECTORS: Final = ("StatusNotification", "MeterValues")  # others do not heed which one


def trigger(charge_point: "SimulatedChargePoint", message: str, connector_id: int | None) -> bool:
    """Send the message when the command is answered; False if it cannot be sent."""
    link = charge_point.link
    if message == "BootNotification":
        link.afterwards(link.registration.boot_again)
    elif message == "SignChargePointCertificate":
        if not charge_point.configuration.text("CpoName"):
            return False  # it has to be set before (security white paper, A02)
        link.afterwards(charge_point.sign_certificate)
    else:
        if message in _OF_CONNECTORS and (connector_id or 0) > len(charge_point.station.connectors):
            return False
        requests = list(_requests(charge_point, message, connector_id))
        if not requests:
            return False
        link.afterwards(partial(_send, charge_point, requests))
    return True


async def _send(charge_point: "SimulatedChargePoint", requests: list[Request[Any]]) -> None:
    for request in requests:
        await charge_point.link.call(request)


def _requests(
    charge_point: "SimulatedChargePoint", message: str, connector_id: int | None
) -> Iterator[Request[Any]]:
    """Without a connector where one matters, of all of them."""
    station = charge_point.station
    match message:
        case "Heartbeat":
            yield Heartbeat()
        case "StatusNotification":
            for number, report in enumerate(station.reports()):
                if connector_id in (None, number):
                    yield report.message()
        case "MeterValues":
            every = range(1, len(station.connectors) + 1)
            for number in every if connector_id is None else (connector_id,):
                values = station.metering.triggered(number)
                if values is not None:
                    yield values
        case "FirmwareStatusNotification":
            yield charge_point.firmware.triggered()
        case "SignedFirmwareStatusNotification":
            yield charge_point.firmware.triggered_signed()
        case "DiagnosticsStatusNotification":
            yield charge_point.diagnostics.triggered_diagnostics()
        case "LogStatusNotification":
            yield charge_point.diagnostics.triggered_log()

"""Connectors that a command names: there, or a CALLERROR."""

from typing import TYPE_CHECKING

from ocpptrio.errors import ErrorCode, RemoteProtocolError

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def check_connector(charge_point: "SimulatedChargePoint", connector_id: int) -> None:
    """A connector that does not exist is an invalid value of a field (errata 3.39)."""
    connectors = len(charge_point.station.connectors)
    if connector_id > connectors:
        raise RemoteProtocolError(
            ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
            f"connectorId: there is no connector {connector_id}, only 1 to {connectors}",
        )

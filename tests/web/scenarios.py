"""What simulated charge points do in these tests: nothing that the test does not ask for."""

import trio

from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.ev import ElectricVehicle


async def plugged(charge_point: SimulatedChargePoint) -> None:
    """A car that is never full stands at each connector and waits to be told to charge."""
    for connector in charge_point.station.connectors:
        await charge_point.plug_in(connector.id, ElectricVehicle(capacity_wh=2_000_000))
    await trio.sleep_forever()

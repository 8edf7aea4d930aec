"""Simulated charge points: for tests in virtual time, for load, and to try a central system with.

`SimulatedChargePoint` is one of them, `Fleet` many; a `Scenario` says what happens there.
"""

from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.ev import ElectricVehicle
from ocpptrio.simulator.fleet import Fleet, FleetPlan
from ocpptrio.simulator.link import Connect
from ocpptrio.simulator.quirks import QUIRKS, Quirk, Quirks, choose
from ocpptrio.simulator.scenario import SCENARIOS, Scenario
from ocpptrio.simulator.statistics import Statistics
from ocpptrio.simulator.timing import Timing
from ocpptrio.simulator.websocket import open_transport

__all__ = [
    "QUIRKS",
    "SCENARIOS",
    "Connect",
    "ElectricVehicle",
    "Fleet",
    "FleetPlan",
    "Quirk",
    "Quirks",
    "Scenario",
    "SimulatedChargePoint",
    "Statistics",
    "Timing",
    "choose",
    "open_transport",
]

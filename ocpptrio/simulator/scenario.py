"""What happens at a charge point over the day: scenarios, each a coroutine that drives it.

A scenario begins when the charge point is accepted for the first time, and the run ends when it
returns. To add one, write `async def mine(charge_point: SimulatedChargePoint) -> None` and name it
with `--scenario my_module:mine`. All chance comes from `charge_point.random`, all waiting goes
through `charge_point.device.timing`, so that a seed repeats a run and a time scale speeds it up.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from inspect import iscoroutinefunction
from random import Random
from traceback import extract_tb
from typing import Final

import trio

from ocpptrio.errors import ConfigError
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.simulator.chance import branch
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.ev import ElectricVehicle

Scenario = Callable[[SimulatedChargePoint], Awaitable[None]]

_Status = ChargePointStatus
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0

# Cars as they come: battery in Wh, power of the on-board charger in W, phases.
CARS: Final = (
    (60_000, 11_040, 3),
    (82_000, 11_040, 3),
    (52_000, 22_080, 3),
    (40_000, 7_360, 1),
    (14_000, 3_680, 1),
)


async def commute(charge_point: SimulatedChargePoint) -> None:
    """Cars come and go over the day: arrive, plug in, show the card, charge, leave."""
    await _at_each_connector(charge_point, _parking_space)


async def idle(charge_point: SimulatedChargePoint) -> None:  # noqa: ARG001
    """Nobody comes."""
    await trio.sleep_forever()


async def busy(charge_point: SimulatedChargePoint) -> None:
    """Short visits back to back at all connectors: for load."""
    await _at_each_connector(charge_point, _back_to_back)


async def once(charge_point: SimulatedChargePoint) -> None:
    """One whole visit of two minutes, then the end."""
    await _visit(charge_point, 1, charge_point.random, stay_s=2 * _MINUTE)
    await charge_point.device.outbox.wait_empty()


async def remote(charge_point: SimulatedChargePoint) -> None:
    """A car comes when a RemoteStartTransaction announces it, and leaves when it is over."""
    await _at_each_connector(charge_point, _announced)


async def offline(charge_point: SimulatedChargePoint) -> None:
    """As commute, but the connection breaks now and then, and once in a while the supply."""
    random = branch(charge_point.random)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(commute, charge_point)
        while True:
            await charge_point.device.timing.sleep(random.expovariate(1 / (20 * _MINUTE)))
            if random.random() < 0.1:
                await charge_point.power_loss(random.uniform(10, 120))
            else:
                await charge_point.cut(random.uniform(10, 10 * _MINUTE))


SCENARIOS: Final[dict[str, Scenario]] = {
    "commute": commute,
    "idle": idle,
    "busy": busy,
    "once": once,
    "remote": remote,
    "offline": offline,
}


def find(name: str) -> Scenario:
    """A scenario by its name here, or `module:function`.

    Raises:
        ConfigError: there is no such scenario.
    """
    if name in SCENARIOS:
        return SCENARIOS[name]
    module_name, _, function = name.partition(":")
    if not function:
        known = ", ".join(SCENARIOS)
        raise ConfigError(f"scenario {name}: unknown; one of {known}, or module:function")
    try:
        found = getattr(import_module(module_name), function)
    except Exception as error:  # a module may fail with anything
        place = extract_tb(error.__traceback__)[-1]
        where = f" ({place.filename}, line {place.lineno})" if place.name == "<module>" else ""
        raise ConfigError(f"scenario {name}: {type(error).__name__}: {error}{where}") from error
    if not iscoroutinefunction(found):
        raise ConfigError(f"scenario {name}: has to be written as async def {function}")
    scenario: Scenario = found
    return scenario


async def _at_each_connector(
    charge_point: SimulatedChargePoint,
    use: Callable[[SimulatedChargePoint, int, Random], Awaitable[None]],
) -> None:
    async with trio.open_nursery() as nursery:
        for connector in charge_point.station.connectors:
            # Its own chances, so that what happens here does not depend on the other connectors.
            random = branch(charge_point.random)
            nursery.start_soon(use, charge_point, connector.id, random)


async def _parking_space(
    charge_point: SimulatedChargePoint, connector_id: int, random: Random
) -> None:
    timing = charge_point.device.timing
    await timing.sleep(random.uniform(2, 30))
    while True:
        await _visit(charge_point, connector_id, random, random.uniform(0.3, 6) * _HOUR)
        by_day = 7 <= charge_point.device.now().hour < 20
        await timing.sleep(random.expovariate(1 / ((0.5 if by_day else 3) * _HOUR)))


async def _back_to_back(
    charge_point: SimulatedChargePoint, connector_id: int, random: Random
) -> None:
    timing = charge_point.device.timing
    while True:
        await timing.sleep(random.uniform(1, 10))
        await _visit(charge_point, connector_id, random, random.uniform(1, 4) * _MINUTE)


async def _announced(charge_point: SimulatedChargePoint, connector_id: int, random: Random) -> None:
    timing = charge_point.device.timing
    connector = charge_point.station.connector(connector_id)
    while True:
        await charge_point.wait_until(
            lambda: connector.authorization is not None and connector.ev is None
        )
        await timing.sleep(random.uniform(2, 8))
        if connector.ev is not None:
            continue
        ev = _car(random)
        await charge_point.plug_in(connector_id, ev)
        await charge_point.wait_until(
            lambda: connector.transaction is None and connector.authorization is None
        )
        await timing.sleep(random.uniform(2, 20))
        if connector.ev is ev:
            await charge_point.unplug(connector_id)


def _car(random: Random) -> ElectricVehicle:
    capacity_wh, power_w, phases = random.choice(CARS)
    return ElectricVehicle(
        capacity_wh,
        power_w,
        phases,
        soc=random.uniform(0.1, 0.7),
        target_soc=random.choice((0.8, 1)),
    )


async def _visit(
    charge_point: SimulatedChargePoint, connector_id: int, random: Random, stay_s: float
) -> None:
    """From arrival to departure; the driver leaves whatever happens, at last after `stay_s`."""
    timing = charge_point.device.timing
    connector = charge_point.station.connector(connector_id)
    id_tag = charge_point.id_tags[(connector_id - 1) % len(charge_point.id_tags)]
    await charge_point.wait_status(connector_id, _Status.AVAILABLE, _Status.RESERVED)
    ev = _car(random)
    await charge_point.plug_in(connector_id, ev)
    await timing.sleep(random.uniform(2, 15))
    if connector.transaction is None:  # else somebody has started it from afar
        await charge_point.present(id_tag, connector_id)
    with timing.move_on_after(stay_s):
        await charge_point.wait_until(
            lambda: connector.transaction is None or connector.ev is not ev or ev.full
        )
        if connector.transaction is not None:
            await timing.sleep(random.uniform(0, 30 * _MINUTE))  # full, but nobody is there yet
    by_card = random.random() < 0.7
    transaction = connector.transaction
    if transaction is not None and transaction.id_tag == id_tag and by_card:
        await charge_point.present(id_tag, connector_id)
        await timing.sleep(random.uniform(2, 20))
    if connector.ev is ev:
        await charge_point.unplug(connector_id)
    if connector.plugged:
        await timing.sleep(5)
        await charge_point.present(id_tag, connector_id)  # for the cable

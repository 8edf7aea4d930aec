"""Fixtures of the simulator's tests. Each asks for `autojump_clock` itself, so that time jumps."""

import pytest
import trio

from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.fake_central import FakeCentral, start


@pytest.fixture
async def sides(nursery: trio.Nursery) -> tuple[FakeCentral, SimulatedChargePoint]:
    """A fake central system and a booted charge point with two connectors."""
    return await start(nursery)

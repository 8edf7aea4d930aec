"""A station before a fresh central system, in virtual time but over a real WebSocket."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import trio_clock
from tests.certification.station import MORNING, Station, connected
from tests.clients import test_settings

HERE = Path(__file__).parent
# Real seconds: the kernel may take a moment to carry a frame from one socket to the other.
CARRIED_WITHIN_S = 0.02


def run_in_virtual_time(test: partial[object], **options: object) -> None:
    options["clock"] = MockClock(autojump_threshold=CARRIED_WITHIN_S)
    trio.run(test, **options)  # type: ignore[arg-type]  # passed on


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Not by a fixture: pytest-trio takes a clock from the arguments of a test alone.
    for item in items:
        if item.path.parent == HERE and "station" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.trio(run=run_in_virtual_time), append=False)


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    settings = test_settings()
    async with CentralSystem(settings, clock=trio_clock(MORNING), inline_store=True) as central:
        yield central


@pytest.fixture
async def station(central: CentralSystem) -> AsyncIterator[Station]:
    async with connected(central) as station:
        yield station

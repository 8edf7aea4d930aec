"""A central system with a registered charge point and a tag, and that charge point connected."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from ocpptrio.central_system import CentralSystem
from tests.clients import RawChargePoint, charge_point, test_settings
from tests.quirks.scene import TAG, put_tag, register

HANGS_AFTER_S = 20


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """A message that never comes fails its test; with virtual time, Trio's own deadlines do not."""

    def hangs(*_: object) -> None:
        raise TimeoutError(f"the test has not ended within {HANGS_AFTER_S} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(HANGS_AFTER_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    settings = test_settings(unknown_charge_points="reject")
    async with CentralSystem(settings, inline_store=True) as central:
        await register(central)
        await put_tag(central, TAG)
        yield central


@pytest.fixture
async def point(central: CentralSystem) -> AsyncIterator[RawChargePoint]:
    async with charge_point(central) as point:
        await point.boot()
        yield point

"""A fleet as a program: from start to Ctrl-C, shown on the terminal, with an exit code."""

import gc
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import trio

from ocpptrio.errors import ConfigError
from ocpptrio.simulator import display
from ocpptrio.simulator.fleet import Fleet, FleetPlan
from ocpptrio.simulator.scenario import Scenario, find

# With many connections the default thresholds cost half of all time and pauses of a third second.
GC_THRESHOLDS: Final = (50_000, 50, 100)
SPARE_FILES: Final = 100  # beside one socket per charge point


async def operate(
    plan: FleetPlan, scenario_name: str, *, duration_s: float | None = None, plain: bool = False
) -> int:
    """Run a fleet until its scenario is over, the time is up or somebody ends it; the exit code.

    It is 1 if no connection came about, or if a message was not answered as it should have been.
    Of charge points that misbehave, messages may well be refused; then what counts is whether all
    transactions were acknowledged.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where a user's own scenario lies
    drawing = not plain and display.can_draw()
    lines = display.Lines(len(plan.identities), None if drawing else print)
    try:
        scenario = find(scenario_name)
        fleet = Fleet(plan, lines.tell)
    except ConfigError as error:
        print(f"ocpptrio: {error}", file=sys.stderr)
        return 2
    _make_room(len(plan.identities))
    with _patient_collector():
        await _run(fleet, scenario, lines if drawing else None, duration_s)
    print(display.summary(fleet))
    failures = fleet.unsettled() if plan.quirks else fleet.statistics.errors
    return 1 if failures or not fleet.statistics.connections else 0


async def _run(
    fleet: Fleet, scenario: Scenario, lines: display.Lines | None, duration_s: float | None
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_heed_signals, fleet, nursery.cancel_scope)
        if duration_s is not None:
            nursery.start_soon(_stop_after, fleet, duration_s)
        if lines is not None:
            nursery.start_soon(display.draw_table, fleet, lines)
        else:
            nursery.start_soon(display.print_lines, fleet)
        await fleet.run(scenario)
        nursery.cancel_scope.cancel()


@contextmanager
def _patient_collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _heed_signals(fleet: Fleet, scope: trio.CancelScope) -> None:
    """The first one ends the run in good order, the second one at once."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            fleet.stop()
            break
        async for _ in signals:
            scope.cancel()


async def _stop_after(fleet: Fleet, seconds: float) -> None:
    await trio.sleep(seconds)
    fleet.stop()


def _make_room(charge_points: int) -> None:
    """As many open files as sockets are needed, if the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = charge_points + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))

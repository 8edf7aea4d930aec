"""What a user sees while a fleet runs: a live table in a terminal, else lines; and a summary.

Not here: the numbers (fleet, statistics).
"""

import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio

from ocpptrio.simulator.fleet import Fleet

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_S: Final = 0.5
LINE_EVERY_S: Final = 5.0  # a line of numbers, where there is no terminal
LAST_LINES: Final = 8  # of what charge points tell, under the table
# Of a larger fleet no charge point is shown by itself, and what many say is shown once.
SMALL_FLEET: Final = 12
LINES_OF_LARGE_FLEET: Final = 40


class Lines:
    """Takes what charge points tell. `show` prints a line; None keeps the last ones only."""

    def __init__(self, fleet_size: int, show: Callable[[str], None] | None) -> None:
        self._small = fleet_size <= SMALL_FLEET
        self._show = show
        self._said: set[str] = set()
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def tell(self, identity: str, line: str) -> None:
        text = f"{identity}: {line}"
        if not self._small:
            if line in self._said or len(self._said) >= LINES_OF_LARGE_FLEET:
                return
            self._said.add(line)
            text += " (others like it are not shown)"
        self.last.append(text)
        if self._show is not None:
            self._show(text)


class Rate:
    """Messages per second since it was last asked."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._count, self._at = 0, trio.current_time()

    def per_s(self) -> float:
        statistics = self._fleet.statistics
        count, at = statistics.answered + statistics.received.total(), trio.current_time()
        rate = (count - self._count) / max(at - self._at, 1e-9)
        self._count, self._at = count, at
        return rate


def can_draw() -> bool:
    """Whether there is a terminal, and rich to draw on it."""
    if not sys.stdout.isatty():
        return False
    try:
        import rich.live  # noqa: F401  # optional, and slow to import
    except ImportError:
        return False
    return True


async def print_lines(fleet: Fleet) -> None:
    """One line of numbers every few seconds, until cancelled."""
    rate = Rate(fleet)
    while True:
        await trio.sleep(LINE_EVERY_S)
        print(", ".join(f"{name} {value}" for name, value in _numbers(fleet, rate)), flush=True)


async def draw_table(fleet: Fleet, lines: Lines) -> None:
    """Keep a table up to date, until cancelled."""
    from rich.live import Live

    rate = Rate(fleet)
    with Live(table(fleet, rate, lines), auto_refresh=False) as live:
        while True:
            await trio.sleep(REFRESH_S)
            live.update(table(fleet, rate, lines), refresh=True)


def _numbers(fleet: Fleet, rate: Rate) -> list[tuple[str, str]]:
    statistics, latencies = fleet.statistics, fleet.statistics.latencies
    using = [f"{count} {status}" for status, count in fleet.counts().items() if count]
    return [
        ("connected", f"{statistics.connected} of {len(fleet.charge_points)}"),
        ("connectors", " ".join(using)),
        ("power", f"{fleet.power_w() / 1000:.1f} kW"),
        ("messages", f"{rate.per_s():.0f}/s"),
        (
            "answers",
            (
                f"{latencies.percentile_s(50) * 1000:.1f} ms half, "
                f"{latencies.percentile_s(99) * 1000:.1f} ms 99 %, "
                f"{latencies.longest_s * 1000:.0f} ms longest"
            ),
        ),
        ("errors", str(statistics.errors)),
    ]


def table(fleet: Fleet, rate: Rate, lines: Lines) -> "RenderableType":
    """The numbers; of a small fleet each charge point; and what they told last."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    clock = fleet.charge_points[0].device.now() if fleet.charge_points else None
    numbers = Table(title=f"{clock:%Y-%m-%d %H:%M:%S}" if clock else None, show_header=False)
    for name, value in _numbers(fleet, rate):
        numbers.add_row(name, value)
    parts: list[RenderableType] = [numbers]
    if len(fleet.charge_points) <= SMALL_FLEET:
        parts.append(_each(fleet))
    parts.extend(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines.last)
    return Group(*parts)


def _each(fleet: Fleet) -> "RenderableType":
    from rich.box import SIMPLE
    from rich.table import Table

    columns = ("charge point", "registration", "connector", "status", "idTag", "kW", "SoC", "kWh")
    table = Table(*columns, box=SIMPLE)
    now_us = fleet.timing.now_us()
    for charge_point in fleet.charge_points:
        link = charge_point.link
        first = (
            charge_point.identity,
            str(link.registration.status or "-") if link.connected else "offline",
        )
        for connector in charge_point.station.connectors:
            reading, transaction = connector.meter.read(now_us), connector.transaction
            energy_wh = 0 if transaction is None else reading.whole_wh - transaction.meter_start_wh
            table.add_row(
                *first,
                str(connector.id),
                connector.status,
                "" if transaction is None else transaction.id_tag,
                f"{reading.power_w / 1000:.1f}" if transaction else "",
                "" if reading.soc is None else f"{reading.soc:.0%}",
                f"{energy_wh / 1000:.2f}" if transaction else "",
            )
            first = ("", "")
    return table


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def summary(fleet: Fleet) -> str:
    """What a whole run amounted to."""
    statistics, latencies = fleet.statistics, fleet.statistics.latencies
    lines = [
        (
            f"{_count(len(fleet.charge_points), 'charge point')}, "
            f"{_count(statistics.connections, 'connection')} ({statistics.lost} lost, "
            f"{_count(statistics.failed_connects, 'attempt')} failed)"
        ),
        (
            f"{_count(statistics.sent.total(), 'message')} sent, "
            f"{_count(statistics.received.total(), 'command')} received, "
            f"{_count(statistics.errors, 'error')}"
        ),
    ]
    if latencies.count:
        lines.append(
            f"answered within {latencies.percentile_s(50) * 1000:.1f} ms (half), "
            f"{latencies.percentile_s(99) * 1000:.1f} ms (99 %), "
            f"{latencies.longest_s * 1000:.1f} ms (all)"
        )
    lines += statistics.error_lines()
    if unsettled := fleet.unsettled():
        lines.append(f"{_count(unsettled, 'transaction')} not acknowledged")
    return "\n".join(lines)

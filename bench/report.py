"""Results of compare.py as tables in Markdown, and which of the targets they meet."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Preset -> server -> one result of load.py per round. Any: numbers and nested objects.
Results = dict[str, dict[str, list[dict[str, Any]]]]


@dataclass(frozen=True)
class Side:
    """A figure: of which preset, which server, and how it is called there."""

    preset: str
    server: str
    metric: str


@dataclass(frozen=True)
class Target:
    """What is wanted of a figure, or of its ratio to another one of the same round."""

    what: str
    side: Side
    over: Side | None = None
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def wanted(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}{self.unit}"
        return f"<= {self.at_most:g}{self.unit}"

    def is_met(self, measured: float) -> bool:
        if self.at_least is not None:
            return measured >= self.at_least
        assert self.at_most is not None
        return measured <= self.at_most


def _versus(preset: str, what: str, peer: str, at_least: float) -> list[Target]:
    return [
        Target(
            f"{what}, ours/{peer}, {title}",
            Side(preset, "ours", metric),
            Side(preset, peer, metric),
            at_least=at_least,
        )
        for metric, title in (("msg_per_s", "messages/s"), ("msg_per_cpu_s", "messages/CPU s"))
    ]


def _storm(preset: str, who: str) -> list[Target]:
    return [
        Target(
            f"{who} connect and boot at once, ours/mobilityhouse, {title}",
            Side(preset, "ours", metric),
            Side(preset, "mobilityhouse", metric),
            at_most=1,
        )
        for metric, title in (("seconds", "time"), ("server_cpu_s", "CPU time"))
    ]


TARGETS: list[Target] = [
    *_versus("heartbeat-50", "Heartbeat, 50 connections", "mobilityhouse", 2.2),
    *_versus("heartbeat-50", "Heartbeat, 50 connections", "echo", 0.85),
    *_versus("sessions-50", "durable sessions, 50 connections", "mobilityhouse", 3),
    Target(
        "CPU of a Heartbeat, 3000 connections/50",
        Side("heartbeat-50", "ours", "msg_per_cpu_s"),
        Side("heartbeat-3000", "ours", "msg_per_cpu_s"),
        at_most=2,
    ),
    Target(
        "CPU of a message of a session, 3000 connections/50",
        Side("sessions-50", "ours", "msg_per_cpu_s"),
        Side("sessions-3000", "ours", "msg_per_cpu_s"),
        at_most=2,
    ),
    Target(
        "memory per idle charge point at 5000, RSS",
        Side("idle", "ours", "rss_kb_each"),
        at_most=45,
        unit=" kB",
    ),
    Target(
        "memory per idle charge point at 5000, PSS",
        Side("idle", "ours", "pss_kb_each"),
        at_most=45,
        unit=" kB",
    ),
    *_storm("storm", "2000 new ones"),
    *_storm("reconnect", "2000 that were there before"),
]


def comparison(title: str, by_server: dict[str, list[dict[str, Any]]], names: Sequence[str]) -> str:
    """Medians over the rounds; in brackets, how many times as much as ours.

    The ratio is the median of the ratios of each round: what slows a whole round does not count.
    """
    rounds = max(len(taken) for taken in by_server.values())
    lines = [
        f"\n{title}: median of {rounds} rounds (ours = 1)\n",
        f"| server | {' | '.join(names)} | errors |",
        "|" + " --- |" * (len(names) + 2),
    ]
    ours = by_server["ours"]
    for server, taken in by_server.items():
        cells = []
        for name in names:
            values = [value for result in taken if (value := figure(result, name)) is not None]
            if not values:
                cells.append("-")
                continue
            cell = f"{statistics.median(values):g}"
            ratio = _ratio(taken, ours, name, name)
            cells.append(cell if server == "ours" or ratio is None else f"{cell} ({ratio:.2f})")
        errors = sum(result["errors"] for result in taken)
        lines.append(f"| {server} | {' | '.join(cells)} | {errors} |")
    return "\n".join(lines)


def verdict(results: Results) -> str:
    """The targets that these results say something about."""
    lines = ["\n| target | measured | wanted | met |", "| --- | --- | --- | --- |"]
    met = judged = 0
    for target in TARGETS:
        sides = [target.side] if target.over is None else [target.side, target.over]
        if any(side.preset not in results for side in sides):
            continue
        judged += 1
        measured = _measured(target, results)
        is_met = measured is not None and target.is_met(measured)
        met += is_met
        cell = "nothing" if measured is None else f"{measured:.2f}{target.unit}"
        answer = "yes" if is_met else "**no**"
        lines.append(f"| {target.what} | {cell} | {target.wanted()} | {answer} |")
    if not judged:
        return "\nNo target is about these loads."
    return "\n".join(lines) + f"\n\n{met} of {judged} met.\n"


def figure(result: dict[str, Any], name: str) -> float | None:
    """The figure called `name`, with dots for what is inside; None if there is none."""
    found: Any = result  # Any: nested objects
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def _measured(target: Target, results: Results) -> float | None:
    taken = results[target.side.preset][target.side.server]
    if target.over is None:
        values = [figure(result, target.side.metric) for result in taken]
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None
    other = results[target.over.preset][target.over.server]
    return _ratio(taken, other, target.side.metric, target.over.metric)


def _ratio(
    above: list[dict[str, Any]], below: list[dict[str, Any]], name: str, name_below: str
) -> float | None:
    ratios = [
        value / other
        for result, beside in zip(above, below, strict=True)
        if (value := figure(result, name)) is not None and (other := figure(beside, name_below))
    ]
    return statistics.median(ratios) if ratios else None

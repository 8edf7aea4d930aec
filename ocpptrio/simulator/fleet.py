"""Many simulated charge points at once, from a seed: who they are, when they start, how they fare.

Not here: how that is shown (display), arguments (cli).
"""

import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import trio

from ocpptrio.connection import Transport
from ocpptrio.errors import ConfigError
from ocpptrio.protocol.core import ChargePointStatus, Reason
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.link import Connect
from ocpptrio.simulator.quirks import choose
from ocpptrio.simulator.scenario import Scenario
from ocpptrio.simulator.statistics import Statistics
from ocpptrio.simulator.timing import Timing
from ocpptrio.simulator.websocket import open_transport

# New connections in a second, unless told otherwise: a central system is not to be stormed.
CONNECTS_PER_S: Final = 100
# At the end, so that no closing handshake waits for a thousand others.
LEAVING_TOGETHER: Final = 50
# Real seconds at the end for what still has to be said.
LAST_MESSAGES_S: Final = 5
LONGEST_ID_TAG: Final = 20  # characters of an IdToken

Opener = Callable[[SimulatedChargePoint, trio.Nursery], Awaitable[Transport]]
"""Connects a charge point; what has to run beside the connection runs in the nursery."""


class FleetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        identities: one charge point each.
        ramp_s: real seconds over which they start; None: CONNECTS_PER_S.
        id_tags: shared out among the charge points; made up if there are none.
        start: what the clocks show at first; None: now.
        quirks: how each misbehaves: `q1` to `q57`, `all`, or `random` for a mix of its own, which
            depends on the seed and its identity alone.
    """

    identities: Sequence[str]
    url: str
    connectors: int = 2
    time_scale: float = 1.0
    password: str | None = None
    id_tags: Sequence[str] = ()
    seed: int = 0
    ramp_s: float | None = None
    security_events: bool = True
    ca_file: Path | None = None
    configuration: dict[str, str] = {}
    start: datetime | None = None
    quirks: Sequence[str] = ()


class Fleet:
    """The charge points of a plan. To be made inside `trio.run`.

    Args:
        opener: how they connect, instead of over a WebSocket to the plan's URL.

    Raises:
        ConfigError: the plan cannot be carried out; says why.
    """

    def __init__(
        self, plan: FleetPlan, tell: Callable[[str, str], None], *, opener: Opener | None = None
    ) -> None:
        if opener is None:
            _check_endpoint(plan)
        _check(plan)
        self.plan: Final = plan
        self._opener = opener or self._open
        self.statistics: Final = Statistics()
        self.timing: Final = Timing(plan.start or datetime.now(UTC), plan.time_scale)
        random = seeded(plan.seed)
        tags = list(plan.id_tags)
        self.charge_points: Final = [
            SimulatedChargePoint(
                identity,
                timing=self.timing,
                # By its name, so that it is the same one whoever is beside it.
                random=seeded(f"{plan.seed} {identity}"),
                connectors=plan.connectors,
                password=plan.password,
                # Different cards at different places for as long as there are enough.
                id_tags=tags[number % len(tags) :] + tags[: number % len(tags)] if tags else (),
                configuration=plan.configuration,
                security_events=plan.security_events,
                quirks=choose(plan.quirks, seeded(f"{plan.seed} {identity} quirks")),
                statistics=self.statistics,
                tell=partial(tell, identity),
            )
            for number, identity in enumerate(plan.identities)
        ]
        ramp_s = plan.ramp_s
        if ramp_s is None:
            ramp_s = len(self.charge_points) / CONNECTS_PER_S
        self._playing: list[trio.CancelScope] = []
        self._leaving = trio.Semaphore(LEAVING_TOGETHER)
        self._starts_s = [random.uniform(0, ramp_s) for _ in self.charge_points]

    async def run(
        self,
        scenario: Scenario,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Until the scenario is over at all charge points, or `stop` is called.

        When cancelled, connections still end with the closing handshake.
        """
        # Two nurseries, since a closing handshake needs the socket's own task to the end.
        async with trio.open_nursery() as sockets:
            async with trio.open_nursery() as nursery:
                for charge_point, start_s in zip(self.charge_points, self._starts_s, strict=True):
                    connect = partial(self._opener, charge_point, sockets)
                    nursery.start_soon(self._operate, charge_point, start_s, connect, scenario)
                task_status.started()
            sockets.cancel_scope.cancel()

    async def _open(self, charge_point: SimulatedChargePoint, sockets: trio.Nursery) -> Transport:
        return await open_transport(self.plan.url, charge_point, sockets, self.plan.ca_file)

    async def _operate(
        self,
        charge_point: SimulatedChargePoint,
        start_s: float,
        connect: Connect,
        scenario: Scenario,
    ) -> None:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as playing:
                self._playing.append(playing)
                await trio.sleep(start_s)
                nursery.start_soon(charge_point.run, connect)
                await charge_point.link.registration.wait_open()
                await scenario(charge_point)
            async with self._leaving:
                if charge_point.link.registration.accepted:
                    # No transaction is left behind that nobody will ever end.
                    charge_point.station.stop_all(Reason.REBOOT)
                    if charge_point.link.connected:
                        with trio.move_on_after(LAST_MESSAGES_S):
                            await charge_point.device.outbox.wait_empty()
                await charge_point.link.leave()
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """End the scenario everywhere; `run` returns when the last messages are out."""
        for scope in self._playing:
            scope.cancel()

    def unsettled(self) -> int:
        """Transactions of which the central system has not acknowledged all that it was told."""
        return sum(
            not transaction.settled
            for charge_point in self.charge_points
            for transaction in charge_point.station.transactions
        )

    def counts(self) -> dict[ChargePointStatus, int]:
        """How many connectors have which status."""
        counts = dict.fromkeys(ChargePointStatus, 0)
        for charge_point in self.charge_points:
            for connector in charge_point.station.connectors:
                counts[connector.status] += 1
        return counts

    def power_w(self) -> float:
        """What flows into all cars now."""
        now_us = self.timing.now_us()
        return sum(
            connector.meter.read(now_us).power_w
            for charge_point in self.charge_points
            for connector in charge_point.station.connectors
        )


def _check_endpoint(plan: FleetPlan) -> None:
    try:
        endpoint = urlsplit(plan.url)
        sound = endpoint.scheme in ("ws", "wss") and endpoint.hostname and endpoint.port != 0
    except ValueError:  # no such port, or half an address
        sound = False
    if not sound:
        raise ConfigError(f"url {plan.url}: has to be like ws://host:port/path, or wss://")
    if endpoint.scheme == "wss" and plan.ca_file is not None:
        try:
            ssl.create_default_context(cafile=plan.ca_file)
        except OSError as error:  # also ssl.SSLError
            raise ConfigError(
                f"ca file {plan.ca_file}: {error.strerror or error}; "
                "it has to hold certificates in PEM"
            ) from error


def _check(plan: FleetPlan) -> None:
    """What would otherwise end in the middle of a run, or never come about."""
    for identity, count in Counter(plan.identities).items():
        if not identity:
            raise ConfigError("a charge point needs a name")
        if count > 1:
            raise ConfigError(f"charge point {identity}: named {count} times; give each its own")
    for id_tag in plan.id_tags:
        if not 1 <= len(id_tag) <= LONGEST_ID_TAG:
            raise ConfigError(f"idTag {id_tag}: has to have 1 to {LONGEST_ID_TAG} characters")
    if plan.connectors < 1:
        raise ConfigError(f"connectors: has to be at least 1, not {plan.connectors}")
    if not 0 < plan.time_scale < inf:
        raise ConfigError(f"time scale: has to be above 0, not {plan.time_scale:g}")
    if plan.ramp_s is not None and not 0 <= plan.ramp_s < inf:
        raise ConfigError(f"ramp: has to be at least 0 seconds, not {plan.ramp_s:g}")

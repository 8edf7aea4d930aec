"""All sessions in numbers: how many charge points are there, what they do, how much power flows.

Made of what is in memory, so that it costs the database nothing. Not here: sums over the past
(store.overview).
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import trio

from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.session.registry import Registry, Session

AT_ONCE: Final = 500  # sessions, some 1 ms; then others have their turn


class Fleet(msgspec.Struct):
    """See the module.

    Attributes:
        charging: charge points with a connector that is Charging; `faulted` likewise.
        connectors: how many, by status; of those that are not connected, the last one known.
        power_w: of running transactions of charge points that are connected, the newest of each.
        conditions: what is wrong, by kind.
    """

    charge_points: int = 0
    connected: int = 0
    charging: int = 0
    faulted: int = 0
    connectors: Counter[str] = msgspec.field(default_factory=Counter)
    power_w: float = 0
    transactions: int = 0
    conditions: Counter[str] = msgspec.field(default_factory=Counter)


class Queues(msgspec.Struct):
    """What waits at connections.

    Attributes:
        inbox: CALLs that wait to be answered; `outbox`: CALLs of ours that wait to be sent.
        inbox_max: at the connection with most.
    """

    inbox: int = 0
    inbox_max: int = 0
    outbox: int = 0
    outbox_max: int = 0


async def fleet(registry: Registry) -> Fleet:
    """Count what charge points do."""
    found = Fleet()
    await _each(registry, partial(_add, found))
    return found


async def queues(registry: Registry) -> Queues:
    """Count what waits."""
    found = Queues()
    await _each(registry, partial(_add_queues, found))
    return found


async def _each(registry: Registry, add: Callable[[Session], None]) -> None:
    """A part at a time: ten thousand charge points hold nobody up."""
    for number, session in enumerate(list(registry), start=1):
        add(session)
        if number % AT_ONCE == 0:
            await trio.lowlevel.checkpoint()


def _add(found: Fleet, session: Session) -> None:
    # A dashboard that is open has it counted every few seconds, in fleets of ten thousand too.
    state = session.state
    found.charge_points += 1
    statuses = [connector.status for connector in state.connectors.values()]
    found.charging += ChargePointStatus.CHARGING in statuses
    found.faulted += ChargePointStatus.FAULTED in statuses  # connector 0 may be the one
    for number, connector in state.connectors.items():
        if number:
            found.connectors[connector.status] += 1
    for condition in state.conditions:
        found.conditions[condition.kind] += 1
    found.transactions += len(state.transactions)
    if session.connection is None:
        return
    found.connected += 1
    for transaction in state.transactions.values():
        meter = state.meters.get(transaction.connector_id)
        if meter is not None and meter.measured_at_us >= transaction.started_at_us:
            found.power_w += meter.power_w or 0


def _add_queues(found: Queues, session: Session) -> None:
    if session.connection is None:
        return
    inbox, outbox = session.connection.backlog
    found.inbox += inbox
    found.inbox_max = max(found.inbox_max, inbox)
    found.outbox += outbox
    found.outbox_max = max(found.outbox_max, outbox)

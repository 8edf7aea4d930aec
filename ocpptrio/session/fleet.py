"""All sessions in numbers: how many charge points are there, what they do, how much power flows.

Made of what is in memory, so that it costs the database nothing. Not here: sums over the past
(store.overview).
"""

from collections import Counter
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
        inbox: CALLs that wait to be answered; `outbox`: CALLs of ours that wait to be sent.
        conditions: what is wrong, by kind.
    """

    charge_points: int = 0
    connected: int = 0
    charging: int = 0
    faulted: int = 0
    connectors: Counter[str] = msgspec.field(default_factory=Counter)
    power_w: float = 0
    transactions: int = 0
    inbox: int = 0
    inbox_max: int = 0
    outbox: int = 0
    outbox_max: int = 0
    conditions: Counter[str] = msgspec.field(default_factory=Counter)


async def fleet(registry: Registry) -> Fleet:
    """Count, a part at a time: ten thousand charge points hold nobody up."""
    found = Fleet()
    for number, session in enumerate(list(registry), start=1):
        _add(found, session)
        if number % AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
    return found


def _add(found: Fleet, session: Session) -> None:
    state = session.state
    found.charge_points += 1
    statuses = [c.status for number, c in state.connectors.items() if number]
    found.connectors.update(statuses)
    found.charging += ChargePointStatus.CHARGING in statuses
    # Connector 0 may be the one that is faulted.
    found.faulted += any(c.status == ChargePointStatus.FAULTED for c in state.connectors.values())
    found.transactions += len(state.transactions)
    found.conditions.update([condition.kind for condition in state.conditions])
    connection = session.connection
    if connection is None:
        return
    found.connected += 1
    inbox, outbox = connection.backlog
    found.inbox += inbox
    found.inbox_max = max(found.inbox_max, inbox)
    found.outbox += outbox
    found.outbox_max = max(found.outbox_max, outbox)
    for transaction in state.transactions.values():
        meter = state.meters.get(transaction.connector_id)
        if meter is not None and meter.measured_at_us >= transaction.started_at_us:
            found.power_w += meter.power_w or 0

"""/overview: the whole fleet in a few numbers, and what needs a person."""

from datetime import UTC
from typing import Final

from litestar import get

from ocpptrio.api.given import Central
from ocpptrio.api.views import View
from ocpptrio.clock import from_us, to_us
from ocpptrio.session.fleet import fleet
from ocpptrio.store import overview


class FleetCounts(View, frozen=True, kw_only=True):
    """Charge points.

    Attributes:
        charging: with a connector that is Charging; `faulted` likewise.
        offline: registered, and not connected.
    """

    total: int
    connected: int
    charging: int
    faulted: int
    offline: int


class Overview(View, frozen=True, kw_only=True):
    """See the module.

    Attributes:
        event_number: of the newest event that is counted in: live events go on from it.
        connectors: how many, by status; of charge points that are not connected, the last known.
        power_w: of running transactions, where the charge point is connected.
        energy_today_wh: of transactions that stopped today (UTC).
        attempts: identities that were turned away.
        commands_open: queued, or sent and not answered.
        webhooks_failing: of which the last try failed.
    """

    event_number: int
    charge_points: FleetCounts
    connectors: dict[str, int]
    power_w: float
    transactions_open: int
    energy_today_wh: int
    reviews_waiting: int
    attempts: int
    conditions: int
    alerts_open: int
    webhooks_failing: int
    commands_open: int


@get("/overview")
async def get_overview(central: Central) -> Overview:
    """What the fleet does now, and what waits for a person."""
    midnight = (
        from_us(central.clock()).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    # First what has a number: whatever happens after it is told by an event, so none is missed.
    waits = await central.store.read(
        lambda reader: overview.waiting(reader, since_us=to_us(midnight))
    )
    now = await fleet(central.registry)
    return Overview(
        event_number=waits.event_number,
        charge_points=FleetCounts(
            total=now.charge_points,
            connected=now.connected,
            charging=now.charging,
            faulted=now.faulted,
            offline=now.charge_points - now.connected,
        ),
        connectors=dict(now.connectors),
        power_w=now.power_w,
        transactions_open=now.transactions,
        energy_today_wh=waits.energy_wh,
        reviews_waiting=waits.reviews,
        attempts=waits.attempts,
        conditions=waits.conditions,
        alerts_open=waits.alerts,
        webhooks_failing=waits.webhooks_failing,
        commands_open=waits.commands,
    )


ROUTES: Final = [get_overview]

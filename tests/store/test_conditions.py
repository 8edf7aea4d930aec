"""Conditions are open once, closed once, and forgotten in time."""

from functools import partial

from ocpptrio.config import RetentionSettings
from ocpptrio.events import (
    ClockMeasured,
    ConditionCleared,
    ConditionEscalated,
    ConditionKind,
    ConditionRaised,
    NumberedEvent,
)
from ocpptrio.store import charge_points, clock_skews, conditions, retention
from ocpptrio.store.driver import Db, Store

DAY_US = 86_400_000_000


async def add(store: Store, *identities: str) -> None:
    def work(db: Db) -> None:
        for identity in identities:
            charge_points.add(db, charge_point_id=identity, origin="added", at_us=0)

    await store.write(work)


async def raise_(store: Store, identity: str, at_us: int, connector_id: int = 1) -> bool:
    raised = ConditionRaised(
        charge_point_id=identity,
        at_us=at_us,
        condition=ConditionKind.STUCK_FINISHING,
        connector_id=connector_id,
        since_us=at_us - 5,
        evidence="Finishing",
    )
    return await store.write(lambda db: conditions.raise_(db, raised))


async def clear(store: Store, identity: str, at_us: int) -> None:
    cleared = ConditionCleared(
        charge_point_id=identity,
        at_us=at_us,
        condition=ConditionKind.STUCK_FINISHING,
        connector_id=1,
    )
    await store.write(lambda db: conditions.clear(db, cleared))


async def test_one_of_a_kind_is_open_per_connector(
    store: Store, published: list[NumberedEvent]
) -> None:
    await add(store, "CP1")
    assert await raise_(store, "CP1", 10)
    assert not await raise_(store, "CP1", 11)
    assert await raise_(store, "CP1", 12, connector_id=2)
    assert not await raise_(store, "CP9", 13)  # removed meanwhile
    await clear(store, "CP1", 20)
    assert await raise_(store, "CP1", 30)
    kinds = [numbered.event.kind for numbered in published[1:]]
    assert kinds == ["ConditionRaised"] * 2 + ["ConditionCleared", "ConditionRaised"]
    everything = await store.read(lambda reader: conditions.listed(reader, open_only=False))
    assert [(one.raised_at_us, one.cleared_at_us) for one in everything] == [
        (30, None),
        (12, None),
        (10, 20),
    ]
    assert [one.raised_at_us for one in await store.read(conditions.everyone_open)] == [12, 30]


async def test_a_step_belongs_to_the_open_one(store: Store) -> None:
    await add(store, "CP1")
    await raise_(store, "CP1", 10)
    await clear(store, "CP1", 20)
    await raise_(store, "CP1", 30)
    escalated = ConditionEscalated(
        charge_point_id="CP1",
        at_us=40,
        condition=ConditionKind.STUCK_FINISHING,
        connector_id=1,
        step="trigger",
        number=1,
    )
    await store.write(lambda db: conditions.escalate(db, escalated))
    everything = await store.read(lambda reader: conditions.listed(reader, open_only=False))
    assert [(one.steps, one.stepped_at_us) for one in everything] == [(1, 40), (0, None)]
    assert len(await store.read(lambda reader: conditions.stepped_since(reader, 39))) == 1
    assert await store.read(lambda reader: conditions.stepped_since(reader, 40)) == []


async def test_what_was_cleared_long_ago_is_forgotten(store: Store) -> None:
    await add(store, "CP1", "CP2")
    await raise_(store, "CP1", DAY_US)
    await clear(store, "CP1", 2 * DAY_US)
    await raise_(store, "CP2", DAY_US)
    now_us = 200 * DAY_US
    pruned = await store.write(lambda db: retention.prune(db, RetentionSettings(), now_us))
    assert pruned["conditions"] == 1
    left = await store.read(lambda reader: conditions.listed(reader, open_only=False))
    assert [one.charge_point_id for one in left] == ["CP2"]


async def test_they_go_with_their_charge_point(store: Store) -> None:
    await add(store, "CP1", "CP2")
    await raise_(store, "CP1", 10)
    await raise_(store, "CP2", 10)
    for identity in ("CP1", "CP2"):
        measured = ClockMeasured(charge_point_id=identity, at_us=10, skew_us=-7)
        await store.write(partial(clock_skews.put, measured=measured))
    await store.write(lambda db: charge_points.remove(db, "CP1", 20))
    assert [one.charge_point_id for one in await store.read(conditions.everyone_open)] == ["CP2"]
    assert await store.read(clock_skews.everyone) == {"CP2": -7}
    assert await store.read(lambda reader: clock_skews.get(reader, "CP2")) == -7
    assert await store.read(lambda reader: clock_skews.get(reader, "CP1")) is None

"""Groups of charge points: who is in which."""

from functools import partial

from ocpptrio.store import charge_point_groups as groups
from ocpptrio.store.driver import Store


async def test_a_charge_point_may_be_in_several_groups(store: Store) -> None:
    for group, charge_point_id in [("yard", "CP2"), ("yard", "CP1"), ("hotel", "CP1")]:
        assert await store.write(partial(groups.put, group=group, charge_point_id=charge_point_id))
    assert not await store.write(lambda db: groups.put(db, "yard", "CP1"))
    assert await store.read(lambda reader: groups.members(reader, "yard")) == ["CP1", "CP2"]
    assert await store.read(lambda reader: groups.groups_of(reader, "CP1")) == ["hotel", "yard"]
    assert await store.read(groups.everything) == {"hotel": ["CP1"], "yard": ["CP1", "CP2"]}


async def test_a_group_is_gone_with_its_last_member(store: Store) -> None:
    await store.write(lambda db: groups.put(db, "hotel", "CP1"))
    assert await store.write(lambda db: groups.take_out(db, "hotel", "CP1"))
    assert not await store.write(lambda db: groups.take_out(db, "hotel", "CP1"))
    assert await store.read(groups.everything) == {}
    assert await store.read(lambda reader: groups.members(reader, "hotel")) == []

"""IdTags are found folded and kept as entered."""

import pytest
from msgspec.structs import replace

from ocpptrio.store import id_tags, tag_groups
from ocpptrio.store.driver import Store
from ocpptrio.store.records import IdTagRecord, TagGroupRecord

TAG = IdTagRecord(
    id_tag="Tag-1",
    parent_id_tag="P",
    expires_at_us=5,
    blocked=True,
    max_concurrent=2,
    note="hers",
    created_at_us=1,
)


async def test_a_tag_is_found_whatever_its_case(store: Store) -> None:
    await store.write(lambda db: id_tags.put(db, TAG))
    found = await store.read(lambda reader: id_tags.get(reader, "TAG-1\x10"))
    assert found == replace(TAG, id_tag_key="tag-1", group_key="p")
    assert await store.read(lambda reader: id_tags.get(reader, "TAG-2")) is None


async def test_a_tag_is_replaced_but_for_when_it_was_made(store: Store) -> None:
    await store.write(lambda db: id_tags.put(db, TAG))
    other = IdTagRecord(id_tag="TAG-1", created_at_us=9)
    await store.write(lambda db: id_tags.put(db, other))
    assert await store.read(id_tags.everyone) == [
        replace(other, id_tag_key="tag-1", created_at_us=1)
    ]


async def test_a_tag_is_blocked_allowed_and_removed(store: Store) -> None:
    await store.write(lambda db: id_tags.put(db, TAG))
    assert await store.write(lambda db: id_tags.set_blocked(db, "tag-1", False))
    (found,) = await store.read(id_tags.everyone)
    assert not found.blocked
    assert await store.write(lambda db: id_tags.remove(db, "tAG-1"))
    assert not await store.write(lambda db: id_tags.remove(db, "tAG-1"))
    assert not await store.write(lambda db: id_tags.set_blocked(db, "tag-1", True))


async def test_times_that_cannot_be_read_are_not_kept(store: Store) -> None:
    with pytest.raises(ValueError, match="is no window"):
        await store.write(lambda db: id_tags.put(db, replace(TAG, week_times="always")))
    group = TagGroupRecord(parent_id_tag="G", week_times="never", created_at_us=1)
    with pytest.raises(ValueError, match="is no window"):
        await store.write(lambda db: tag_groups.put(db, group))
    assert await store.read(id_tags.everyone) == []


async def test_a_group_is_made_with_its_first_tag_and_keeps_its_spelling(store: Store) -> None:
    await store.write(lambda db: id_tags.put(db, TAG))
    other = replace(TAG, id_tag="Tag-2", parent_id_tag="p")
    await store.write(lambda db: id_tags.put(db, other))
    (group,) = await store.read(tag_groups.everyone)
    assert group.parent_id_tag == "P"
    members = await store.read(lambda reader: id_tags.members(reader, "p"))
    assert [tag.id_tag for tag in members] == ["Tag-1", "Tag-2"]

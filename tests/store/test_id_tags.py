"""IdTags are found folded and kept as entered."""

from msgspec.structs import replace

from ocpptrio.store import id_tags
from ocpptrio.store.driver import Store
from ocpptrio.store.records import IdTagRecord

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

"""Stops that fit nothing are kept, once."""

from typing import Any

from ocpptrio.store import orphan_stops
from ocpptrio.store.driver import Store
from ocpptrio.store.records import OrphanStopRecord

STOP: dict[str, Any] = {  # Any: arguments of any type
    "charge_point_id": "CP1",
    "transaction_id": -1,
    "id_tag": "Tag",
    "meter_stop_wh": 5,
    "stopped_at_us": 6,
    "received_at_us": 7,
    "reason": "Local",
    "payload": "{}",
}


async def test_a_stop_that_comes_again_is_kept_once(store: Store) -> None:
    assert await store.write(lambda db: orphan_stops.insert(db, **STOP))
    assert not await store.write(lambda db: orphan_stops.insert(db, **STOP | {"received_at_us": 8}))
    assert await store.write(lambda db: orphan_stops.insert(db, **STOP | {"meter_stop_wh": 6}))
    first, _ = await store.read(orphan_stops.everyone)
    assert first == OrphanStopRecord(orphan_id=1, **STOP)

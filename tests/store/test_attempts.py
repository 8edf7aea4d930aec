"""Who was turned away: counted, and bounded."""

import pytest

from ocpptrio.store import attempts
from ocpptrio.store.driver import Store
from ocpptrio.store.records import AttemptRecord


async def _note(store: Store, charge_point_id: str, at_us: int, reason: str = "unknown") -> None:
    await store.write(
        lambda db: attempts.note(
            db, charge_point_id=charge_point_id, peer=f"peer {at_us}", reason=reason, at_us=at_us
        )
    )


async def test_attempts_are_counted(store: Store) -> None:
    await _note(store, "CP1", 1)
    await _note(store, "CP1", 2, "wrong password")
    assert await store.read(attempts.everyone) == [
        AttemptRecord(
            charge_point_id="CP1",
            peer="peer 2",
            reason="wrong password",
            occurrences=2,
            first_at_us=1,
            last_at_us=2,
        )
    ]
    assert await store.write(lambda db: attempts.remove(db, "CP1"))
    assert not await store.write(lambda db: attempts.remove(db, "CP1"))


async def test_the_oldest_goes_when_there_are_too_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "KEPT", 2)
    for at_us, charge_point_id in enumerate(("CP1", "CP2", "CP1", "CP3", "CP3")):
        await _note(store, charge_point_id, at_us)
    found = await store.read(attempts.everyone)
    assert [record.charge_point_id for record in found] == ["CP3", "CP1"]

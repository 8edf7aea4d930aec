"""Each way of leaving the specification is counted; the number of ways is bounded."""

import pytest

from ocpptrio.protocol.datatypes import Deviation, DeviationKind
from ocpptrio.store import deviations
from ocpptrio.store.driver import Store
from ocpptrio.store.records import DeviationRecord


async def _note(store: Store, field: str, at_us: int, original: str = "null") -> bool:
    deviation = Deviation(field=field, kind=DeviationKind.NULL, original=original)
    return await store.write(
        lambda db: deviations.note(
            db, charge_point_id="CP1", action="MeterValues", deviation=deviation, at_us=at_us
        )
    )


async def test_only_the_first_of_a_kind_is_news(store: Store) -> None:
    assert await _note(store, "meterValue[0].sampledValue[12].unit", 1, "one")
    assert not await _note(store, "meterValue[1].sampledValue[0].unit", 2, "two")
    assert await _note(store, "", 3)
    empty, counted = await store.read(lambda reader: deviations.of(reader, "CP1"))
    assert empty.field == ""
    assert counted == DeviationRecord(
        charge_point_id="CP1",
        action="MeterValues",
        field="meterValue.sampledValue.unit",
        kind=DeviationKind.NULL,
        occurrences=2,
        first_at_us=1,
        last_at_us=2,
        example="one",
    )
    assert await store.read(deviations.everyone) == [empty, counted]


async def test_ever_new_ways_do_not_fill_the_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deviations, "KEPT", 3)
    assert [await _note(store, f"field{number}", number) for number in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not await _note(store, "field0", 9)
    found = await store.read(deviations.everyone)
    assert [record.occurrences for record in found] == [2, 1, 1]

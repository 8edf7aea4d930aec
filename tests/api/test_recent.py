"""What is kept of the last events, for streams."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpptrio.api import recent
from ocpptrio.api.recent import Recent, Wanted
from ocpptrio.events import Connected, NumberedEvent, Removed

EVERYTHING = Wanted(after=None, charge_point_id=None, kinds=None)


def connected(number: int, charge_point_id: str = "CP1", peer: str = "") -> NumberedEvent:
    event = Connected(charge_point_id=charge_point_id, at_us=number, generation=1, peer=peer)
    return NumberedEvent(number, event)


def numbers(text: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"^id: (\d+)$", text, re.MULTILINE)]


def body(text: bytes) -> dict[str, Any]:
    found = re.findall(rb"^data: (.*)$", text, re.MULTILINE)
    assert len(found) == 1
    result: dict[str, Any] = json.loads(found[0])
    return result


def test_a_message_is_what_server_sent_events_are() -> None:
    kept = Recent()
    kept.take([connected(7, peer="two\nlines")])
    text, up_to = kept.after(6, EVERYTHING, 1)
    assert up_to == 7
    assert text.startswith(b"id: 7\nevent: Connected\ndata: {")
    assert text.endswith(b"}\n\n")
    assert body(text)["peer"] == "two\nlines"


def test_only_what_fits_is_given_and_the_number_tells_how_far_it_was_looked() -> None:
    kept = Recent()
    removed = NumberedEvent(3, Removed(charge_point_id="CP1", at_us=1))
    kept.take([connected(1), connected(2, "CP2"), removed])

    def given_for(charge_point_id: str | None, *kinds: str) -> list[int]:
        wanted = Wanted(None, charge_point_id, frozenset(kinds) if kinds else None)
        text, up_to = kept.after(0, wanted, 10_000)
        assert up_to == 3
        return numbers(text)

    assert given_for(None) == [1, 2, 3]
    assert given_for("CP2") == [2]
    assert given_for(None, "Removed", "Booted") == [3]
    assert given_for("CP2", "Removed") == []


def test_whether_all_is_there_is_known_from_the_first_event_or_from_the_table() -> None:
    kept = Recent()
    assert not kept.has_all_after(5)
    kept.begin(5)
    assert kept.has_all_after(5)
    assert not kept.has_all_after(4)
    told_by_events = Recent()
    told_by_events.take([connected(5)])
    told_by_events.begin(9)  # that was read later
    assert told_by_events.has_all_after(4)


@given(sizes=st.lists(st.integers(0, 400), min_size=1, max_size=60), data=st.data())
def test_it_stays_within_its_bound_and_never_leaves_a_gap(
    sizes: list[int], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "KEPT_BYTES", 2000)
        kept = Recent()
        first = 100
        for number, size in enumerate(sizes, first):
            kept.take([connected(number, peer="x" * size)])
            last = number
            everything, _ = kept.after(0, EVERYTHING, 10**9)
            assert len(everything) <= 2000
            after = data.draw(st.integers(first - 2, last))
            if kept.has_all_after(after):
                text, up_to = kept.after(after, EVERYTHING, 10**9)
                assert numbers(text) == list(range(max(after + 1, first), last + 1))
                assert up_to == last
            else:
                assert after < numbers(everything)[0] - 1 if everything else after < last


def test_a_part_ends_behind_the_message_that_fills_it() -> None:
    kept = Recent()
    kept.take([connected(number) for number in range(1, 10)])
    one = len(kept.after(0, EVERYTHING, 1)[0])
    text, up_to = kept.after(0, EVERYTHING, one + 1)
    assert (numbers(text), up_to) == ([1, 2], 2)
    assert kept.after(9, EVERYTHING, one) == (b"", 9)

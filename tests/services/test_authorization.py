"""Who may charge, from the charge point's question to the answer: modes, groups, rights, others."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.clock import to_us
from ocpptrio.events import AuthorizationRefused, OpenMode, TagLearnt, TransactionStarted
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.services import tags, tags_csv
from ocpptrio.services.authorization import generated_id_tag
from ocpptrio.services.authorizer import Question
from ocpptrio.services.outbound import Unreachable
from ocpptrio.services.verdict import Purpose
from ocpptrio.store import (
    charge_point_groups,
    charge_points,
    id_tags,
    transactions,
)
from ocpptrio.store.records import TagRights
from ocpptrio.store.sqlite_writer import View
from tests.services.yard import NOON, Yard, opened


@pytest.fixture
async def yard() -> AsyncIterator[Yard]:
    async with opened() as yard:
        await yard.register("CP1", "CP2")
        yield yard


# Groups.


async def test_all_members_get_the_groups_own_spelling(yard: Yard) -> None:
    await yard.tag("A", parent_id_tag="FAMILY")
    await yard.tag("B", parent_id_tag="family")
    for id_tag in ("A", "B"):
        assert await yard.authorize(id_tag) == {"status": "Accepted", "parentIdTag": "FAMILY"}


async def test_a_parent_is_no_tag(yard: Yard) -> None:
    await yard.tag("A", parent_id_tag="FAMILY")
    assert await yard.authorize("FAMILY") == {"status": "Invalid"}


async def test_a_blocked_group_blocks_its_tags_and_no_others(yard: Yard) -> None:
    await yard.tag("A", parent_id_tag="G")
    await yard.tag("B")
    await yard.group("G", blocked=True)
    assert (await yard.authorize("A"))["status"] == "Blocked"
    assert (await yard.authorize("B"))["status"] == "Accepted"


async def test_a_groups_limit_is_shared(yard: Yard) -> None:
    await yard.group("G", max_concurrent=2)
    for id_tag in ("A", "B", "C"):
        await yard.tag(id_tag, parent_id_tag="G")
    await yard.tag("D")
    assert (await yard.start("A"))[0] == "Accepted"
    assert (await yard.start("A", connector=2))[0] == "ConcurrentTx"  # its own limit is 1
    assert (await yard.start("B", connector=3))[0] == "Accepted"
    assert (await yard.start("C", connector=4))[0] == "ConcurrentTx"
    assert (await yard.start("D", connector=5))[0] == "Accepted"
    refused = (await yard.events(TransactionStarted))[3]
    assert (refused.authorization, refused.reason) == (
        "ConcurrentTx",
        "group G charges 2 times already",
    )


# Ghosts never count (Q51).


async def test_refused_superseded_and_stopped_ones_do_not_count(yard: Yard) -> None:
    await yard.tag("A")
    await yard.tag("B")
    _, first = await yard.start("A")
    assert (await yard.start("A", "CP2"))[0] == "ConcurrentTx"
    assert (await yard.start("B", at=NOON + timedelta(minutes=1)))[0] == "Accepted"  # in its place
    status, second = await yard.start("A", "CP2", connector=2)
    assert status == "Accepted"
    await yard.stop(second, "A", "CP2")
    assert (await yard.start("A", "CP2", connector=3))[0] == "Accepted"
    assert first


# Rights.


async def test_any_right_means_only_there(yard: Yard) -> None:
    await yard.register("CP3")
    await yard.central.store.write(lambda db: charge_point_groups.put(db, "yard", "CP2"))
    await yard.tag("A", TagRights(charge_points=("CP1",), charge_point_groups=("yard",)))
    assert (await yard.authorize("a", "CP1"))["status"] == "Accepted"
    assert (await yard.authorize("A", "CP2"))["status"] == "Accepted"
    assert (await yard.authorize("A", "CP3"))["status"] == "Blocked"
    (refused,) = await yard.events(AuthorizationRefused)
    assert (refused.charge_point_id, refused.id_tag, refused.status) == ("CP3", "A", "Blocked")
    assert refused.reason == "tag A has no right to this charge point"


async def test_a_right_to_what_is_gone_does_not_become_one_to_everything(yard: Yard) -> None:
    await yard.tag("A", TagRights(charge_points=("CP2",)))
    await yard.central.store.write(lambda db: charge_points.remove(db, "CP2", 1))
    assert (await yard.authorize("A"))["status"] == "Blocked"


async def test_rights_of_the_group_count_too(yard: Yard) -> None:
    await yard.tag("A", TagRights(charge_points=("CP1", "CP2")), parent_id_tag="G")
    await yard.group("G", TagRights(charge_points=("CP2",)))
    assert (await yard.authorize("A", "CP1"))["status"] == "Blocked"
    assert (await yard.authorize("A", "CP2"))["status"] == "Accepted"


async def test_a_tag_that_comes_back_has_no_rights_of_before(yard: Yard) -> None:
    await yard.tag("A", TagRights(charge_points=("CP2",)))
    await yard.central.store.write(lambda db: id_tags.remove(db, "A"))
    await yard.tag("A")
    assert (await yard.authorize("A"))["status"] == "Accepted"


# Times.


async def test_a_replayed_start_is_judged_by_its_own_time(yard: Yard) -> None:
    await yard.tag("A", week_times="Wed 08:00-10:00", max_concurrent=0)
    assert (await yard.start("A"))[0] == "Blocked"
    assert (await yard.start("A", at=NOON - timedelta(hours=3)))[0] == "Accepted"
    (record, _) = await yard.central.store.read(transactions.listed)
    assert record.authorization_status == "Accepted"


async def test_who_charges_may_stop_when_the_time_is_over(yard: Yard) -> None:
    await yard.tag("A", parent_id_tag="G")
    await yard.tag("B", parent_id_tag="G")
    await yard.group("G", week_times="Wed 08:00-12:00")
    assert (await yard.authorize("B"))["status"] == "Blocked"
    _, transaction_id = await yard.start("A", at=NOON - timedelta(hours=1))
    info = await yard.authorize("B")
    assert (info["status"], info["parentIdTag"]) == ("Accepted", "G")
    assert (await yard.authorize("B", "CP2"))["status"] == "Blocked"
    assert (await yard.stop(transaction_id, "B"))["idTagInfo"]["status"] == "Accepted"
    assert (await yard.authorize("B"))["status"] == "Blocked"


async def test_what_a_charge_point_remembers_has_an_end() -> None:
    async with opened(cache_hours=2) as yard:
        await yard.register("CP1")
        await yard.tag("A")
        info = await yard.authorize("A")
        assert info == {"status": "Accepted", "expiryDate": "2026-01-14T14:00:00Z"}


# Modes of a charge point.


async def test_in_fixed_tag_mode_every_tag_counts_as_that_one(yard: Yard) -> None:
    await yard.tag("HOUSE", parent_id_tag="G", max_concurrent=1)
    await yard.tag("BAD", blocked=True)
    await yard.register("FIX", mode=OpenMode.FIXED_TAG, fixed_id_tag="HOUSE")
    for id_tag in ("anything", "BAD"):
        info = await yard.authorize(id_tag, "FIX")
        assert info == {"status": "Accepted", "parentIdTag": "G"}
    status, transaction_id = await yard.start("anything", "FIX")
    assert status == "Accepted"
    assert (await yard.start("other", "FIX", connector=2))[0] == "ConcurrentTx"
    assert (await yard.start("HOUSE"))[0] == "ConcurrentTx"
    record = await yard.central.store.read(lambda r: transactions.get(r, transaction_id))
    assert record is not None
    assert (record.id_tag, record.account_key) == ("anything", "house")
    (started, *_) = await yard.events(TransactionStarted)
    assert (started.id_tag, started.charged_to) == ("anything", "HOUSE")
    for id_tag in ("house", "ANYTHING"):
        found = await yard.central.store.read(partial(transactions.listed, id_tag=id_tag))
        assert transaction_id in [one.transaction_id for one in found]
    await yard.tag("HOUSE", blocked=True)
    assert (await yard.authorize("anything", "FIX"))["status"] == "Blocked"


async def test_a_fixed_tag_that_is_not_known_lets_nobody_charge(yard: Yard) -> None:
    await yard.register("FIX", mode=OpenMode.FIXED_TAG, fixed_id_tag="GONE")
    assert (await yard.authorize("X", "FIX"))["status"] == "Invalid"


async def test_while_learning_unknown_tags_become_known(yard: Yard) -> None:
    minute_us = 60_000_000
    await yard.register(
        "NEW", mode=OpenMode.LEARN, learning_ends_at_us=to_us(NOON) + 10 * minute_us
    )
    await yard.tag("BAD", blocked=True)
    assert (await yard.authorize("04A1", "NEW"))["status"] == "Accepted"
    assert (await yard.authorize("04a1", "NEW"))["status"] == "Accepted"
    assert (await yard.start("04B2", "NEW"))[0] == "Accepted"
    assert (await yard.authorize("BAD", "NEW"))["status"] == "Blocked"
    assert (await yard.authorize("04C3"))["status"] == "Invalid"  # CP1 does not learn
    learnt = await yard.events(TagLearnt)
    assert [event.id_tag for event in learnt] == ["04A1", "04B2"]
    tag = await yard.central.store.read(lambda reader: id_tags.get(reader, "04B2"))
    assert tag is not None
    assert tag.note == "learnt at NEW"
    assert (await yard.authorize("04B2"))["status"] == "Accepted"


async def test_what_is_learnt_can_be_exported_and_imported(yard: Yard) -> None:
    await yard.register("NEW", mode=OpenMode.LEARN, learning_ends_at_us=to_us(NOON) * 2)
    assert (await yard.authorize(" 04A1\x10\x0e", "NEW"))["status"] == "Accepted"
    assert (await yard.authorize("04A1"))["status"] == "Accepted"
    (learnt,) = await yard.events(TagLearnt)
    assert learnt.id_tag == "04A1"
    found = await yard.central.store.read(tags.listed)
    (line,) = tags_csv.parse(tags_csv.header() + tags_csv.lines(found), "tags.csv")
    assert line["id_tag"] == "04A1"


@pytest.mark.parametrize("id_tag", ["", "\x10", "x" * 21])
async def test_what_is_no_tag_is_not_learnt(yard: Yard, id_tag: str) -> None:
    await yard.register("NEW", mode=OpenMode.LEARN, learning_ends_at_us=to_us(NOON) * 2)
    assert (await yard.authorize(id_tag, "NEW"))["status"] == "Invalid"
    assert await yard.events(TagLearnt) == []


async def test_learning_ends_by_our_clock(autojump_clock: MockClock) -> None:
    async with opened() as yard:
        await yard.register("CP1", mode=OpenMode.LEARN, learning_ends_at_us=to_us(NOON) + 1_000_000)
        await trio.sleep(2)
        assert (await yard.authorize("A"))["status"] == "Invalid"
        # A charge point whose clock stands still does not go on learning.
        assert (await yard.start("B", at=NOON - timedelta(days=1)))[0] == "Invalid"


# Others are asked.


def saying(info: IdTagInfo | None) -> Callable[[Question], Any]:  # Any: a coroutine
    async def authorizer(question: Question) -> IdTagInfo | None:
        return info

    return authorizer


ACCEPTED = IdTagInfo(status=AuthorizationStatus.ACCEPTED)


async def test_an_authorizer_is_told_all_and_its_word_counts(yard: Yard) -> None:
    asked = []

    async def authorizer(question: Question) -> IdTagInfo:
        asked.append(question)
        expiry = NOON + timedelta(hours=1)
        return IdTagInfo(
            status=AuthorizationStatus.ACCEPTED, parent_id_tag="THEIRS", expiry_date=expiry
        )

    yard.central.authorize_with(authorizer)
    theirs = {
        "status": "Accepted",
        "parentIdTag": "THEIRS",
        "expiryDate": "2026-01-14T13:00:00Z",
    }
    assert await yard.authorize("X") == theirs
    yesterday = NOON - timedelta(days=1)
    status, transaction_id = await yard.start("X", at=yesterday, connector=3)
    assert status == "Accepted"
    invalid = IdTagInfo(status=AuthorizationStatus.INVALID)
    assert asked == [
        Question(
            charge_point_id="CP1",
            id_tag="X",
            kind=Purpose.AUTHORIZE,
            time=NOON,
            local=invalid,
            reason="unknown",
        ),
        Question(
            charge_point_id="CP1",
            connector_id=3,
            id_tag="X",
            kind=Purpose.START,
            time=yesterday,
            local=invalid,
            reason="unknown",
        ),
    ]
    # At the stop nobody is asked: the tag that started is as it was then, others are not known.
    assert (await yard.stop(transaction_id, "x"))["idTagInfo"] == theirs
    assert await yard.stop(transaction_id, "Y") == {}
    assert len(asked) == 2


async def test_no_opinion_leaves_ours(yard: Yard) -> None:
    yard.central.authorize_with(saying(None))
    await yard.tag("A")
    assert (await yard.authorize("A"))["status"] == "Accepted"
    assert (await yard.authorize("X"))["status"] == "Invalid"
    assert (await yard.start("A"))[0] == "Accepted"
    assert (await yard.start("A", connector=2))[0] == "ConcurrentTx"
    assert [event.id_tag for event in await yard.events(AuthorizationRefused)] == ["X"]


async def test_two_that_are_asked_about_at_once_are_not_both_the_only_one(yard: Yard) -> None:
    both = trio.Event()
    waiting = 0

    async def authorizer(question: Question) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            both.set()
        await both.wait()

    yard.central.authorize_with(authorizer)
    await yard.tag("A")
    answers = []

    async def start(identity: str) -> None:
        answers.append((await yard.start("A", identity))[0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start, "CP1")
        nursery.start_soon(start, "CP2")
    assert sorted(answers) == ["Accepted", "ConcurrentTx"]


async def test_a_duplicate_start_is_not_asked_about_and_has_its_first_answer(yard: Yard) -> None:
    yard.central.authorize_with(saying(ACCEPTED))
    first = await yard.start("A", meter_start=5)
    assert first[0] == "Accepted"

    async def fail(question: Question) -> IdTagInfo:
        raise AssertionError("not to be asked")

    yard.central.authorize_with(fail)
    assert await yard.start("A", meter_start=5) == first


async def test_concurrent_is_not_passed_on_where_it_would_be_cached(yard: Yard) -> None:
    yard.central.authorize_with(saying(IdTagInfo(status=AuthorizationStatus.CONCURRENT_TX)))
    await yard.tag("A")
    assert (await yard.authorize("A"))["status"] == "Accepted"
    assert (await yard.start("A"))[0] == "ConcurrentTx"
    (record,) = await yard.central.store.read(transactions.listed)
    assert record.authorization_expires_at_us is not None  # not to be remembered


@pytest.mark.parametrize(
    "info",
    [
        "Accepted",
        IdTagInfo(status=AuthorizationStatus.ACCEPTED, parent_id_tag="x" * 21),
        IdTagInfo(status=AuthorizationStatus.ACCEPTED, expiry_date=NOON.replace(tzinfo=None)),
        IdTagInfo(
            status=AuthorizationStatus.ACCEPTED,
            expiry_date=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        ),
    ],
)
async def test_an_answer_that_cannot_be_passed_on_is_told_and_ours_stands(
    yard: Yard, info: Any
) -> None:
    await yard.tag("A", max_concurrent=0)
    yard.central.authorize_with(saying(info))
    assert await yard.authorize("A") == {"status": "Accepted"}
    assert (await yard.start("A"))[0] == "Accepted"
    (started,) = await yard.events(TransactionStarted)
    assert started.reason.startswith("the external authorizer failed: ")


async def test_members_keep_their_group_whoever_accepts_them(yard: Yard) -> None:
    yard.central.authorize_with(saying(ACCEPTED))
    await yard.tag("A", parent_id_tag="G", expires_at_us=1)
    assert await yard.authorize("A") == {"status": "Accepted", "parentIdTag": "G"}


@pytest.mark.parametrize(
    ("fallback", "known", "unknown"),
    [
        ("local", "Accepted", "Invalid"),
        ("accept", "Accepted", "Accepted"),
        ("reject", "Blocked", "Blocked"),
    ],
)
async def test_when_it_does_not_answer_there_is_a_fallback(
    autojump_clock: MockClock, fallback: str, known: str, unknown: str
) -> None:
    async def silent(question: Question) -> IdTagInfo:
        await trio.sleep_forever()
        raise AssertionError

    async with opened(fallback=fallback, timeout=3) as yard:
        await yard.register("CP1")
        await yard.tag("A")
        yard.central.authorize_with(silent)
        began = trio.current_time()
        assert (await yard.authorize("A"))["status"] == known
        assert trio.current_time() - began == 3
        assert (await yard.start("X"))[0] == unknown
        (started,) = await yard.events(TransactionStarted)
        assert "the external authorizer did not answer within 3 s" in started.reason


async def test_while_it_is_dead_nobody_waits_and_one_question_tries_again(
    autojump_clock: MockClock,
) -> None:
    asked, alive = 0, False

    async def authorizer(question: Question) -> IdTagInfo:
        nonlocal asked
        asked += 1
        if not alive:
            raise Unreachable("cannot be reached")
        return ACCEPTED

    async with opened(timeout=5) as yard:
        await yard.register("CP1")
        yard.central.authorize_with(authorizer)
        for _ in range(10):
            assert (await yard.authorize("X"))["status"] == "Invalid"
        assert asked == 3
        await trio.sleep(31)
        for _ in range(10):
            await yard.authorize("X")
        assert asked == 4
        alive = True
        await trio.sleep(31)
        for _ in range(10):
            assert (await yard.authorize("X"))["status"] == "Accepted"
        assert asked == 14


async def test_while_one_question_tries_again_others_do_not_wait(autojump_clock: MockClock) -> None:
    async def silent(question: Question) -> IdTagInfo:
        await trio.sleep_forever()
        raise AssertionError

    async with opened(timeout=5) as yard:
        await yard.register("CP1", "CP2")
        yard.central.authorize_with(silent)
        for _ in range(3):
            await yard.authorize("X")
        await trio.sleep(31)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(yard.authorize, "X", "CP1")
            await trio.sleep(1)
            await yard.authorize("X", "CP2")
            assert trio.current_time() - began == 1
        assert trio.current_time() - began == 5


async def test_a_mistake_in_it_is_told_and_does_not_count_as_dead(yard: Yard) -> None:
    asked = 0

    async def broken(question: Question) -> IdTagInfo:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError

    yard.central.authorize_with(broken)
    for _ in range(5):
        assert (await yard.authorize("X"))["status"] == "Invalid"
    assert asked == 5
    refused = (await yard.events(AuthorizationRefused))[0]
    assert refused.reason == "unknown; the external authorizer failed: ZeroDivisionError()"


# What it costs.


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that are run meanwhile, by reading ones."""
    statements: list[str] = []
    rows = View.rows

    def counting(self: View, sql: str, parameters: Any = ()) -> Any:  # Any: as the original
        statements.append(sql)
        return rows(self, sql, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(View, "rows", counting)
        yield statements


async def test_without_limits_a_verdict_is_one_lookup_and_one_more_for_a_start(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await yard.tag("A")
    await yard.authorize("A")
    with counted(monkeypatch) as statements:
        await yard.authorize("A")
    assert len(statements) == 1
    with counted(monkeypatch) as statements:
        await yard.start("A")
    # Duplicate? Open on the connector? The tag; what runs; the insertion.
    assert len(statements) == 5


def test_a_generated_tag_fits_all_charge_points() -> None:
    tags = {generated_id_tag() for _ in range(100)}
    assert len(tags) == 100
    assert all(len(tag) <= 16 and set(tag) <= set("0123456789ABCDEF") for tag in tags)


# Clocks.


@pytest.mark.parametrize("timestamp", ["2106-02-07T06:28:15Z", "9999-12-31T23:59:59Z"])
async def test_a_clock_that_runs_in_another_century_is_answered(timestamp: str) -> None:
    async with opened(cache_hours=2, time_zone="Europe/Berlin") as yard:
        await yard.register("CP1")
        await yard.tag("A", day_budget_wh=5000, week_times="Mon-Sun 00:00-24:00")
        request = {"connectorId": 1, "idTag": "A", "meterStart": 5, "timestamp": timestamp}
        answer = await yard.call("CP1", "StartTransaction", request)
        assert answer["idTagInfo"] == {"status": "Accepted", "expiryDate": "2026-01-14T14:00:00Z"}
        assert (await yard.call("CP1", "StartTransaction", request)) == answer
        (record,) = await yard.central.store.read(transactions.listed)
        assert record.started_at_us == record.start_received_at_us
        assert record.flags == ("clock not set",)


async def test_what_was_queued_is_not_answered_with_an_expiry_that_is_past(
    autojump_clock: MockClock,
) -> None:
    async def silent(question: Question) -> IdTagInfo:
        await trio.sleep_forever()
        raise AssertionError

    yesterday = {"idTag": "A", "timestamp": "2026-01-13T12:00:00Z", "meterStart": 5}
    async with opened(cache_hours=2, fallback="accept") as yard:
        await yard.register("CP1")
        await yard.tag("A", max_concurrent=0)
        for connector, authorizer, expiry in (
            (1, None, "2026-01-14T14:00:00Z"),
            (2, saying(ACCEPTED), "2026-01-14T14:00:00Z"),
            (3, silent, "2026-01-14T12:01:00Z"),
        ):
            yard.central.authorize_with(authorizer)
            request = yesterday | {"connectorId": connector}
            answer = await yard.call("CP1", "StartTransaction", request)
            assert answer["idTagInfo"] == {"status": "Accepted", "expiryDate": expiry}

"""The verdict on an idTag, from facts alone."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ocpptrio.clock import to_us
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.services.verdict import (
    NOT_REMEMBERED_US,
    Budget,
    BudgetPeriod,
    Facts,
    Holder,
    Purpose,
    Verdict,
    verdict,
)
from ocpptrio.week_times import week_times

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)  # a Wednesday
NOON_US = to_us(NOON)
HOUR_US = 3_600_000_000

SPENT = Budget(period=BudgetPeriod.DAY, limit_wh=20_000, spent_wh=20_400)
OFFICE = week_times("Mon-Fri 08:00-18:00")
NIGHT = week_times("22:00-06:00")


def tag(**fields: Any) -> Holder:  # Any: the fields of Holder
    return Holder(title="tag A", **fields)


def group(**fields: Any) -> Holder:  # Any: the fields of Holder
    return Holder(title="group G", **fields)


def judged(
    *holders: Holder,
    purpose: Purpose = Purpose.START,
    **fields: Any,  # Any: the fields of Facts
) -> Verdict:
    facts: dict[str, Any] = {"at_us": NOON_US, "zone": UTC, "purpose": purpose, "holders": holders}
    return verdict(Facts(**(facts | fields)))


def test_an_unknown_tag_is_invalid() -> None:
    for purpose in Purpose:
        found = judged(purpose=purpose)
        assert (found.status, found.reason) == ("Invalid", "unknown")


def test_where_everybody_may_charge_an_unknown_tag_is_accepted_and_a_known_one_is_judged() -> None:
    assert judged(everybody=True).accepted
    assert judged(tag(blocked=True), everybody=True).status == "Blocked"


@pytest.mark.parametrize("purpose", Purpose)
def test_a_known_tag_is_accepted(purpose: Purpose) -> None:
    assert judged(tag(), group(), purpose=purpose, parent_id_tag="G") == Verdict(
        status=AuthorizationStatus.ACCEPTED, parent_id_tag="G"
    )


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"blocked": True}, "Blocked", "is blocked"),
    ({"expires_at_us": NOON_US}, "Expired", "has expired"),
    ({"here": False}, "Blocked", "has no right to this charge point"),
    ({"times": NIGHT}, "Blocked", "may charge 22:00-06:00 only; it is Wed 12:00"),
    (
        {"budgets": (SPENT,)},
        "Blocked",
        "has spent its budget of the day: 20.4 kWh of 20 kWh",
    ),
    ({"max_concurrent": 2, "running": 2}, "ConcurrentTx", "charges 2 times already"),
]


@pytest.mark.parametrize(("fields", "status", "reason"), REFUSALS)
def test_the_tag_and_its_group_must_both_allow_it(
    fields: dict[str, Any], status: str, reason: str
) -> None:
    found = judged(tag(**fields), group(), parent_id_tag="G")
    assert (found.status, found.reason, found.parent_id_tag) == (status, f"tag A {reason}", "G")
    found = judged(tag(), group(**fields))
    assert (found.status, found.reason) == (status, f"group G {reason}")


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at_us": NOON_US + 1},
        {"here": True},
        {"times": OFFICE},
        {"budgets": (Budget(period=BudgetPeriod.DAY, limit_wh=2, spent_wh=1),)},
        {"max_concurrent": 2, "running": 1},
        {"max_concurrent": 0, "running": 9},
    ],
)
def test_what_is_within_its_limits_is_accepted(fields: dict[str, Any]) -> None:
    assert judged(tag(**fields), group(**fields)).accepted


def test_the_gravest_reason_counts() -> None:
    everything = {name: value for fields, _, _ in REFUSALS for name, value in fields.items()}
    assert judged(tag(**everything)).status == "Blocked"
    del everything["blocked"]
    assert judged(tag(**everything)).status == "Expired"
    assert judged(tag(here=False), group(blocked=True)).reason == "group G is blocked"


@pytest.mark.parametrize("purpose", [Purpose.AUTHORIZE, Purpose.STOP])
def test_concurrent_is_only_ever_said_of_a_start(purpose: Purpose) -> None:
    assert judged(tag(max_concurrent=1, running=1), purpose=purpose).accepted


LIMITS = [fields for fields, _, _ in REFUSALS[2:5]]


@pytest.mark.parametrize("fields", LIMITS)
def test_who_may_not_start_here_and_now_may_stop(fields: dict[str, Any]) -> None:
    found = judged(tag(**fields), purpose=Purpose.STOP)
    assert (found.status, found.reason) == ("Accepted", None)
    found = judged(tag(**fields), purpose=Purpose.AUTHORIZE, runs_here=True)
    assert found.accepted
    assert found.reason is not None
    assert found.reason.startswith("may stop what runs here, not start: tag A ")
    assert not judged(tag(**fields), purpose=Purpose.START, runs_here=True).accepted


@pytest.mark.parametrize("purpose", Purpose)
def test_who_is_blocked_or_expired_is_so_for_a_stop_too(purpose: Purpose) -> None:
    assert judged(tag(blocked=True), purpose=purpose, runs_here=True).status == "Blocked"
    assert judged(tag(expires_at_us=1), purpose=purpose, runs_here=True).status == "Expired"


# How long it is remembered.


def test_the_earliest_end_is_sent() -> None:
    hour, two = NOON_US + HOUR_US, NOON_US + 2 * HOUR_US
    assert judged(tag()).expires_at_us is None
    assert judged(tag(expires_at_us=two)).expires_at_us == two
    assert judged(tag(expires_at_us=two), group(expires_at_us=hour)).expires_at_us == hour
    assert judged(tag(), remember_us=HOUR_US).expires_at_us == hour
    assert judged(tag(expires_at_us=hour), remember_us=2 * HOUR_US).expires_at_us == hour
    assert judged(remember_us=HOUR_US, everybody=True).expires_at_us == hour


def test_an_accepted_tag_is_forgotten_when_its_times_end() -> None:
    berlin = ZoneInfo("Europe/Berlin")  # 13:00 there
    found = judged(tag(times=OFFICE), zone=berlin, remember_us=24 * HOUR_US)
    assert found.expires_at_us == NOON_US + 5 * HOUR_US
    expiry = found.info().expiry_date
    assert expiry == datetime(2026, 1, 14, 17, tzinfo=UTC)


@pytest.mark.parametrize("fields", LIMITS)
def test_a_refusal_for_here_and_now_is_not_remembered(fields: dict[str, Any]) -> None:
    found = judged(tag(expires_at_us=NOON_US * 2, **fields), remember_us=HOUR_US)
    assert found.expires_at_us == NOON_US + NOT_REMEMBERED_US


def test_that_it_charges_already_is_not_remembered() -> None:
    found = judged(tag(max_concurrent=1, running=1), parent_id_tag="G")
    assert (found.status, found.parent_id_tag) == ("ConcurrentTx", "G")
    assert found.expires_at_us == NOON_US + NOT_REMEMBERED_US


def test_what_was_queued_is_not_accepted_until_a_time_that_is_past() -> None:
    told_us = NOON_US + 24 * HOUR_US
    for fields in ({"times": OFFICE}, {"expires_at_us": NOON_US + 1}):
        found = judged(tag(**fields), told_at_us=told_us)
        assert (found.status, found.expires_at_us) == ("Accepted", told_us + NOT_REMEMBERED_US)
    assert judged(tag(), told_at_us=told_us).expires_at_us is None


def test_a_refusal_is_not_remembered_for_the_hours_of_what_is_accepted() -> None:
    assert judged(tag(blocked=True), remember_us=HOUR_US).expires_at_us is None


def test_times_go_by_the_zone() -> None:
    late = NOON_US + 5 * HOUR_US + HOUR_US // 2  # 17:30 in UTC
    assert judged(tag(times=OFFICE), at_us=late).accepted
    found = judged(tag(times=OFFICE), at_us=late, zone=ZoneInfo("Europe/Berlin"))
    assert found.reason == "tag A may charge Mon-Fri 08:00-18:00 only; it is Wed 18:30"

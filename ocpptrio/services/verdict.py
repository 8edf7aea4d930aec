"""May this idTag charge here and now? One pure function, from facts (OCPP 1.6, 4.1, 4.8 and 7.2).

A tag may charge if it may itself, and if its group may. Not here: where the facts come from, and
who else is asked (authorization).
"""

from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Final

import msgspec

from ocpptrio.clock import from_us, to_us, whole_seconds
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.week_times import WeekTimes

# Sent as expiryDate, this much after the event, where a charge point must not remember the answer:
# what is refused for here and now only, and what is allowed for this once. Never a time that is
# past: there are charge points that would read the answer as expired on arrival.
NOT_REMEMBERED_US: Final = 60_000_000


class Purpose(StrEnum):
    """What a verdict is for."""

    AUTHORIZE = "authorize"  # somebody wants to start or stop, the charge point does not say which
    START = "start"
    STOP = "stop"


class BudgetPeriod(StrEnum):
    DAY = "day"
    MONTH = "month"  # of the calendar


class Budget(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Energy that may be drawn in the period that the event falls into."""

    period: BudgetPeriod
    limit_wh: int
    spent_wh: int  # including what runs

    @property
    def is_spent(self) -> bool:
        return self.spent_wh >= self.limit_wh


class Holder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tag, or its group, and what is settled for it.

    Attributes:
        title: as people read it: "tag 04A1B2C3", "group FAMILY".
        here: its rights are for this charge point; None: it has no rights, which is everywhere.
        times: when it may charge; None: always.
        max_concurrent: transactions at a time; 0: any number.
        running: those under way, without what a start proves to be over.
    """

    title: str
    blocked: bool = False
    expires_at_us: int | None = None
    here: bool | None = None
    times: WeekTimes | None = None
    budgets: tuple[Budget, ...] = ()
    max_concurrent: int = 0
    running: int = 0


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that a verdict depends on.

    Attributes:
        at_us: the time of the event, which for a replayed start is long past.
        told_at_us: when the charge point is told.
        zone: of times of the week.
        holders: the tag, then its group if it has one; none: the tag is not known.
        parent_id_tag: the name of the group.
        everybody: here, unknown idTags may charge.
        runs_here: a transaction of the tag or of its group is under way at this charge point.
        remember_us: how long a charge point may remember that a tag is accepted; None: for ever.
    """

    purpose: Purpose
    at_us: int
    zone: tzinfo
    holders: tuple[Holder, ...] = ()
    parent_id_tag: str | None = None
    everybody: bool = False
    runs_here: bool = False
    remember_us: int | None = None
    told_at_us: int = 0

    @property
    def known_from_us(self) -> int:
        """When the charge point has the answer: not before the event, by its own clock."""
        return max(self.at_us, self.told_at_us)

    @property
    def local_time(self) -> datetime:
        """What the clock on the wall shows."""
        return from_us(self.at_us).astimezone(self.zone)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer.

    Attributes:
        reason: why, for people; None where there is nothing to say.
        expires_at_us: when the charge point is to forget it; None: never.
    """

    status: AuthorizationStatus
    reason: str | None = None
    parent_id_tag: str | None = None
    expires_at_us: int | None = None

    @property
    def accepted(self) -> bool:
        return self.status is AuthorizationStatus.ACCEPTED

    def info(self) -> IdTagInfo:
        expires_at_us = self.expires_at_us
        return IdTagInfo(
            status=self.status,
            parent_id_tag=self.parent_id_tag,
            expiry_date=None if expires_at_us is None else whole_seconds(expires_at_us),
        )


def verdict(facts: Facts) -> Verdict:
    """The answer to an Authorize, a StartTransaction or a StopTransaction with an idTag."""
    holders = facts.holders
    if not holders:
        if facts.everybody:
            return _accepted(facts, "unknown, but everybody may charge here")
        return _refused(facts, AuthorizationStatus.INVALID, "unknown")
    for holder in holders:
        if holder.blocked:
            return _refused(facts, AuthorizationStatus.BLOCKED, f"{holder.title} is blocked")
    for holder in holders:
        if holder.expires_at_us is not None and holder.expires_at_us <= facts.at_us:
            return _refused(facts, AuthorizationStatus.EXPIRED, f"{holder.title} has expired")
    for holder in holders:
        not_now = _why_not_now(holder, facts)
        if not_now is None:
            continue
        # Whoever may not start here and now may still end what runs: a budget that is spent, or an
        # evening that has come, must not keep a group from its car (3.10).
        if facts.purpose is Purpose.STOP:
            return _for_this_once(facts, AuthorizationStatus.ACCEPTED, None)
        if facts.purpose is Purpose.AUTHORIZE and facts.runs_here:
            reason = f"may stop what runs here, not start: {not_now}"
            return _for_this_once(facts, AuthorizationStatus.ACCEPTED, reason)
        # Blocked is the status of a known tag that may not charge (7.2).
        return _for_this_once(facts, AuthorizationStatus.BLOCKED, not_now)
    if facts.purpose is Purpose.START:  # anywhere else, ConcurrentTx would be cached (7.2)
        for holder in holders:
            if 0 < holder.max_concurrent <= holder.running:
                reason = f"{holder.title} charges {holder.running} times already"
                return _for_this_once(facts, AuthorizationStatus.CONCURRENT_TX, reason)
    return _accepted(facts)


def _why_not_now(holder: Holder, facts: Facts) -> str | None:
    """Why a holder that may charge may not do so here, now, or any more."""
    if holder.here is False:
        return f"{holder.title} has no right to this charge point"
    if holder.times is not None and not holder.times.allow(facts.local_time):
        return f"{holder.title} may charge {holder.times} only; it is {facts.local_time:%a %H:%M}"
    for budget in holder.budgets:
        if budget.is_spent:
            return (
                f"{holder.title} has spent its budget of the {budget.period}: "
                f"{kwh(budget.spent_wh)} of {kwh(budget.limit_wh)}"
            )
    return None


def kwh(energy_wh: int) -> str:
    return f"{energy_wh / 1000:.10g} kWh"


def _accepted(facts: Facts, reason: str | None = None) -> Verdict:
    """To be remembered no longer than it holds."""
    ends = _expiries_us(facts)
    for holder in facts.holders:
        if holder.times is not None:
            end = holder.times.end(facts.local_time)
            if end is not None:
                ends.append(to_us(end))
    if facts.remember_us is not None:
        ends.append(facts.known_from_us + facts.remember_us)
    expires_at_us = min(ends, default=None)
    if expires_at_us is not None and expires_at_us <= facts.known_from_us:  # it was queued
        return _for_this_once(facts, AuthorizationStatus.ACCEPTED, reason)
    return Verdict(
        status=AuthorizationStatus.ACCEPTED,
        reason=reason,
        parent_id_tag=facts.parent_id_tag,
        expires_at_us=expires_at_us,
    )


def _refused(facts: Facts, status: AuthorizationStatus, reason: str) -> Verdict:
    return Verdict(
        status=status,
        reason=reason,
        parent_id_tag=facts.parent_id_tag,
        expires_at_us=min(_expiries_us(facts), default=None),
    )


def _for_this_once(facts: Facts, status: AuthorizationStatus, reason: str | None) -> Verdict:
    return Verdict(
        status=status,
        reason=reason,
        parent_id_tag=facts.parent_id_tag,
        expires_at_us=facts.known_from_us + NOT_REMEMBERED_US,
    )


def _expiries_us(facts: Facts) -> list[int]:
    """When the tag and its group expire."""
    return [h.expires_at_us for h in facts.holders if h.expires_at_us is not None]

"""Energy budgets: what was drawn in a day or month, and stopping what goes on when one is spent.

Nothing here is on the way of a MeterValues: it is looked up when somebody starts, and, where the
policy is to stop, once in a while for what runs. Not here: refusing a start (verdict).
"""

import math
from collections.abc import Iterable
from datetime import timedelta, tzinfo
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from ocpptrio.clock import Clock, from_us, to_us
from ocpptrio.config import AuthorizationSettings
from ocpptrio.errors import CallFailed, NotAllowedNow, StoreError, TooManyCalls
from ocpptrio.events import BudgetSpent
from ocpptrio.protocol.core import RegistrationStatus, RemoteStopTransaction
from ocpptrio.services.commands import CommandService
from ocpptrio.services.energy import is_reachable
from ocpptrio.services.verdict import Budget, BudgetPeriod
from ocpptrio.session.registry import Registry, Session
from ocpptrio.store import authorization, id_tags, tag_groups
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import Terms

LOOK_EVERY_S = 15  # s; meter values come about every minute
# s for a stop to arrive once it was asked for. Before that, whatever the answer was, the outcome is
# not known: a charge point may act on what it did not answer in time.
STOP_ARRIVES_WITHIN_S: Final = 300
MAX_TRIES: Final = 3

log = structlog.get_logger("ocpptrio.authorization")


def bounds_us(at_us: int, zone: tzinfo, period: BudgetPeriod) -> tuple[int, int]:
    """The first microsecond of the day or month around a moment, and the first one after it.

    A day on which the clocks change has 23 or 25 hours.
    """
    day = from_us(at_us).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period is BudgetPeriod.MONTH:
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        first, after = day, day + timedelta(days=1)
    return to_us(first), to_us(after)


def budgets_of(
    reader: Reader,
    terms: Terms,
    account_key: str,
    group_key: str | None,
    at_us: int,
    zone: tzinfo,
) -> tuple[Budget, ...]:
    """The budgets of a tag, or of a group if one is given, and what is spent of them by now."""
    if terms.day_budget_wh is None and terms.month_budget_wh is None:
        return ()
    limits = {
        BudgetPeriod.DAY: terms.day_budget_wh,
        BudgetPeriod.MONTH: terms.month_budget_wh,
    }
    budgets = []
    for period, limit_wh in limits.items():
        if limit_wh is not None:
            since_us, until_us = bounds_us(at_us, zone, period)
            drawn = authorization.draws(
                reader, account_key, group_key, since_us=since_us, until_us=until_us
            )
            spent_wh = energy_wh(drawn, since_us, until_us)
            budgets.append(Budget(period=period, limit_wh=limit_wh, spent_wh=spent_wh))
    return tuple(budgets)


def energy_wh(draws: Iterable[authorization.Draw], since_us: int, until_us: int) -> int:
    """The energy that these transactions drew from `since_us` to `until_us`, in Wh."""
    return sum(_within_wh(draw, since_us, until_us) for draw in draws)


def _within_wh(draw: authorization.Draw, since_us: int, until_us: int) -> int:
    """A transaction over the end of a period is divided by its meter values.

    Where there are none, all of it counts when it stopped, as only then it is known.
    """
    before_wh = 0
    if draw.started_at_us < since_us:
        before_wh = _so_far_wh(draw, draw.before_wh)
    if draw.stopped_at_us is not None and draw.stopped_at_us < until_us:
        by_end_wh = draw.energy_wh
        if by_end_wh is None:
            by_end_wh = _so_far_wh(draw, draw.newest_wh)
    else:
        by_end_wh = _so_far_wh(draw, draw.newest_wh)
    return max(0, by_end_wh - before_wh)


def _so_far_wh(draw: authorization.Draw, register_wh: float | None) -> int:
    """From the start to a register.

    Some charge points count each transaction from 0 in their meter values, whatever they said the
    meter was at the start, and some say 0 whatever the meter shows (Q44): then the first one is
    where it began.
    """
    if register_wh is None or draw.first_wh is None:
        return 0
    from_wh, first_wh, first_at_us = draw.meter_start_wh, draw.first_wh, draw.first_at_us
    began_there = 0 <= from_wh <= first_wh
    if from_wh == 0 and first_at_us is not None:
        began_there = is_reachable(0, draw.started_at_us, first_wh, first_at_us)
    return max(0, math.floor(register_wh - (from_wh if began_there else first_wh)))


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """A running transaction, and the spent budget that ends it."""

    transaction: authorization.Budgeted
    holder: str
    budget: Budget


def find_spent(reader: Reader, at_us: int, zone: tzinfo) -> list[Spent]:
    """The running transactions whose budget is spent; each once."""
    budgets: dict[str, tuple[Budget, ...]] = {}  # of a holder, asked for once
    found = []
    for transaction in authorization.budgeted(reader):
        tag = id_tags.get(reader, transaction.account_key)
        assert tag is not None, "it was joined with its tag"
        key = tag.id_tag_key
        holders: list[tuple[str, Terms, str | None]] = [(f"tag {tag.id_tag}", tag, None)]
        if tag.parent_id_tag is not None:
            group = tag_groups.get(reader, tag.parent_id_tag)
            if group is not None:
                holders.append((f"group {group.parent_id_tag}", group, group.group_key))
        for title, terms, group_key in holders:
            if title not in budgets:
                budgets[title] = budgets_of(reader, terms, key, group_key, at_us, zone)
            spent = next((budget for budget in budgets[title] if budget.is_spent), None)
            if spent is not None:
                found.append(Spent(transaction=transaction, holder=title, budget=spent))
                break
    return found


class _Asked(msgspec.Struct):
    """A transaction that was to be stopped."""

    tries: int = 0
    asking: bool = False
    wait_until: float = -math.inf  # Trio's time


class BudgetService:
    """Stops what runs when its budget is spent, if that is the policy."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        commands: CommandService,
        settings: AuthorizationSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._commands = commands
        self._zone = settings.zone
        self._clock = clock
        self._asked: dict[int, _Asked] = {}

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(LOOK_EVERY_S)
                at_us = self._clock()
                try:
                    found = await self._store.read(
                        partial(find_spent, at_us=at_us, zone=self._zone)
                    )
                except StoreError as error:  # the next look may be luckier
                    log.warning("budgets not looked at", reason=str(error))
                    continue
                self._look(found, nursery)

    def _look(self, found: list[Spent], nursery: trio.Nursery) -> None:
        # Whatever is not there any more has stopped, or has budget again.
        known, self._asked = self._asked, {}
        for spent in found:
            transaction_id = spent.transaction.transaction_id
            asked = self._asked[transaction_id] = known.get(transaction_id) or _Asked()
            if asked.asking or asked.tries == MAX_TRIES or trio.current_time() < asked.wait_until:
                continue
            session = self._registry.get(spent.transaction.charge_point_id)
            if (
                session is not None
                and session.connection is not None
                and session.state.registration is RegistrationStatus.ACCEPTED
            ):
                asked.asking = True
                nursery.start_soon(self._stop, spent, asked, session)

    async def _stop(self, spent: Spent, asked: _Asked, session: Session) -> None:
        transaction = spent.transaction
        charge_point_id, transaction_id = transaction.charge_point_id, transaction.transaction_id
        asked.tries += 1
        try:
            if asked.tries == 1:
                await self._store.write(lambda db: self._tell(db, spent))
            request = RemoteStopTransaction(transaction_id=transaction_id)
            response = await self._commands.call(session, request, None)
            outcome = str(response.status)
        except (NotAllowedNow, TooManyCalls) as error:
            asked.tries -= 1  # it never left
            outcome = str(error)
        except (CallFailed, StoreError) as error:
            outcome = str(error)
        finally:
            asked.asking = False
            asked.wait_until = trio.current_time() + STOP_ARRIVES_WITHIN_S
        log.info(
            "stop asked for, as a budget is spent",
            charge_point=charge_point_id,
            transaction=transaction_id,
            holder=spent.holder,
            outcome=outcome,
            tries_left=MAX_TRIES - asked.tries,
        )

    def _tell(self, db: Db, spent: Spent) -> None:
        transaction = spent.transaction
        db.emit(
            BudgetSpent(
                charge_point_id=transaction.charge_point_id,
                at_us=self._clock(),
                transaction_id=transaction.transaction_id,
                connector_id=transaction.connector_id,
                id_tag=transaction.id_tag,
                holder=spent.holder,
                period=spent.budget.period,
                budget_wh=spent.budget.limit_wh,
                spent_wh=spent.budget.spent_wh,
            )
        )

"""Looks at every charge point every few seconds: raises and clears conditions, and escalates.

It costs nothing while messages pass: it reads the session states and a counter. Policies say what
is done about a condition, step by step; by default no message is ever sent. Not here: the rules
(conditions), measuring clocks (clock_skew), dead connections (session.liveness).
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import Step, WatchdogSettings
from ocpptrio.errors import OcpptrioError, StoreError
from ocpptrio.events import (
    ClockMeasured,
    ConditionCleared,
    ConditionEscalated,
    ConditionKind,
    ConditionRaised,
)
from ocpptrio.protocol.core import Reset, ResetType
from ocpptrio.protocol.datatypes import Deviation, DeviationKind
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.services import conditions
from ocpptrio.services.clock_skew import Samples
from ocpptrio.services.commands import CommandService
from ocpptrio.services.conditions import SECOND_US, SKEW_NEWS_US, Facts
from ocpptrio.session.registry import Registry, Session
from ocpptrio.session.state import Condition
from ocpptrio.store import clock_skews, deviations
from ocpptrio.store import conditions as condition_rows
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.records import ConditionRecord

SESSIONS_PER_SLICE: Final = 500  # some ms; then others run
CHANGES_PER_WRITE: Final = 200  # when a whole site goes dark, the writer has others to serve
DAY_US: Final = 86_400 * SECOND_US
MINUTE_US: Final = 60 * SECOND_US

Change = ConditionRaised | ConditionCleared | ConditionEscalated | ClockMeasured

# What a trigger asks for: the proof that it is over, or what mends it. The answer to a Heartbeat
# sets a clock (OCPP 1.6, 4.6).
TRIGGERS: Final = {
    ConditionKind.NO_METER_VALUES: MessageTrigger.METER_VALUES,
    ConditionKind.STUCK_PREPARING: MessageTrigger.STATUS_NOTIFICATION,
    ConditionKind.STUCK_FINISHING: MessageTrigger.STATUS_NOTIFICATION,
}

# What is no mere trouble, but leaves the specification.
DEVIATIONS: Final = {
    ConditionKind.NO_ANSWER: DeviationKind.NO_ANSWER,
    ConditionKind.WRONG_CLOCK: DeviationKind.WRONG_CLOCK,
}

log = structlog.get_logger("ocpptrio.watchdog")


class Watchdog:
    """See the module."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        commands: CommandService,
        settings: WatchdogSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._commands = commands
        self._settings = settings
        self._clock = clock
        self._since_us = clock()
        self._samples: dict[str, Samples] = {}
        self._steps_us: dict[str, deque[int]] = {}  # within a day, of a charge point
        self._all_steps_us: deque[int] = deque()  # within a minute, of all

    async def run(self) -> None:
        self._since_us = self._clock()
        await self._recall()
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(self._settings.interval)
                try:
                    await self.look(nursery)
                except StoreError as error:  # it will be found again
                    log.warning("conditions not stored", reason=str(error))

    async def _recall(self) -> None:
        """A restart is no new day for a charge point that had its steps."""
        since_us = self._clock() - DAY_US
        found: list[ConditionRecord] = await self._store.read(
            lambda reader: condition_rows.stepped_since(reader, since_us)
        )
        for condition in found:
            assert condition.stepped_at_us is not None
            self._steps_us.setdefault(condition.charge_point_id, deque()).extend(
                [condition.stepped_at_us] * condition.steps
            )

    async def look(self, nursery: trio.Nursery) -> None:
        """Look at all charge points once; what takes time goes on in the nursery.

        Raises:
            StoreError: what was found is not stored.
        """
        now_us = self._clock()
        changes: list[Change] = []
        concerned: list[Session] = []
        for number, session in enumerate(list(self._registry), start=1):
            found = self._look_at(session, now_us)
            changes += found
            if session.connection is not None and (found or session.state.conditions):
                concerned.append(session)
            if number % SESSIONS_PER_SLICE == 0:
                await trio.lowlevel.checkpoint()
            if len(changes) >= CHANGES_PER_WRITE:
                await self._store_changes(changes)
                changes = []
        await self._store_changes(changes)
        if len(self._samples) > len(self._registry):
            self._samples = {
                session.state.charge_point_id: samples
                for session in self._registry
                if (samples := self._samples.get(session.state.charge_point_id)) is not None
            }
        await self._escalate(concerned, now_us, nursery)

    def _look_at(self, session: Session, now_us: int) -> list[Change]:
        state, connection = session.state, session.connection
        changes: list[Change] = []
        facts = Facts(state, now_us, session.last_seen_us, self._since_us)
        facts.profile = session.vendor_profile
        if connection is not None:
            facts.unanswered = connection.unanswered
            samples = self._samples.get(state.charge_point_id)
            if samples is None:
                samples = self._samples[state.charge_point_id] = Samples()
            if samples.look(state):
                changes += self._measured(samples, state.charge_point_id, state.clock_skew_us)
            facts.clock_unset = session.clock_unset_at_us > samples.newest_us
        raised, cleared = conditions.judge(facts, self._settings)
        if not (raised or cleared):
            return changes
        for finding in raised:
            changes.append(
                ConditionRaised(
                    charge_point_id=state.charge_point_id,
                    at_us=now_us,
                    condition=finding.kind,
                    connector_id=finding.connector_id,
                    since_us=finding.since_us,
                    evidence=finding.evidence,
                )
            )
        for condition in cleared:
            changes.append(
                ConditionCleared(
                    charge_point_id=state.charge_point_id,
                    at_us=now_us,
                    condition=condition.kind,
                    connector_id=condition.connector_id,
                )
            )
        return changes

    @staticmethod
    def _measured(
        samples: Samples, charge_point_id: str, known_us: int | None
    ) -> list[ClockMeasured]:
        skew_us = samples.skew_us()
        if skew_us is None or (known_us is not None and abs(skew_us - known_us) < SKEW_NEWS_US):
            return []
        return [
            ClockMeasured(charge_point_id=charge_point_id, at_us=samples.newest_us, skew_us=skew_us)
        ]

    async def _store_changes(self, changes: Sequence[Change]) -> None:
        if not changes:
            return

        def work(db: Db) -> None:
            for change in changes:
                _store_change(db, change)

        await self._store.write(work)

    # What is done about it.

    async def _escalate(
        self, concerned: Sequence[Session], now_us: int, nursery: trio.Nursery
    ) -> None:
        while self._all_steps_us and self._all_steps_us[0] <= now_us - MINUTE_US:
            self._all_steps_us.popleft()
        due: list[tuple[Session, Condition, Step]] = []
        for session in concerned:
            if len(self._all_steps_us) + len(due) >= self._settings.steps_per_minute:
                break
            if (found := self._due(session, now_us)) is not None:
                due.append((session, *found))
        if not due:
            return
        # On disk before it is done: a crash must not make it begin anew.
        await self._store_changes(
            [
                ConditionEscalated(
                    charge_point_id=session.state.charge_point_id,
                    at_us=now_us,
                    condition=condition.kind,
                    connector_id=condition.connector_id,
                    step=step,
                    number=condition.steps + 1,
                )
                for session, condition, step in due
            ]
        )
        for session, condition, step in due:
            self._steps_us.setdefault(session.state.charge_point_id, deque()).append(now_us)
            self._all_steps_us.append(now_us)
            nursery.start_soon(self._take, session, condition, step)

    def _due(self, session: Session, now_us: int) -> tuple[Condition, Step] | None:
        """One step at a time for a charge point, whatever is wrong with it: the oldest first."""
        settings = self._settings
        state = session.state
        taken_us = self._steps_us.get(state.charge_point_id)
        if taken_us is not None:
            while taken_us and taken_us[0] <= now_us - DAY_US:
                taken_us.popleft()
            if not taken_us:
                del self._steps_us[state.charge_point_id]
            elif (
                len(taken_us) >= settings.steps_per_day
                or now_us - taken_us[-1] < settings.step_pause * SECOND_US
            ):
                return None
        for condition in state.conditions:
            step = conditions.next_step(condition, state, settings, session.vendor_profile)
            if step is not None:
                return condition, step
        return None

    async def _take(self, session: Session, condition: Condition, step: Step) -> None:
        try:
            match step:
                case Step.RECONNECT:
                    if session.connection is not None:
                        session.connection.close(1011, f"watchdog: {condition.kind}")
                case Step.TRIGGER:
                    await self._commands.call(session, _trigger(condition), None)
                case Step.SOFT_RESET:
                    await self._commands.call(session, Reset(type=ResetType.SOFT), None)
        except OcpptrioError as error:  # recorded with the command; the next step may help
            log.info(
                "step failed",
                charge_point=session.state.charge_point_id,
                step=str(step),
                reason=str(error),
            )


def _trigger(condition: Condition) -> TriggerMessage:
    return TriggerMessage(
        requested_message=TRIGGERS.get(condition.kind, MessageTrigger.HEARTBEAT),
        connector_id=condition.connector_id or None,
    )


def _store_change(db: Db, change: Change) -> None:
    match change:
        case ConditionRaised():
            if condition_rows.raise_(db, change) and change.condition in DEVIATIONS:
                deviations.note(
                    db,
                    charge_point_id=change.charge_point_id,
                    action="",
                    deviation=Deviation("", DEVIATIONS[change.condition], change.evidence),
                    at_us=change.at_us,
                )
        case ConditionCleared():
            condition_rows.clear(db, change)
        case ConditionEscalated():
            condition_rows.escalate(db, change)
        case ClockMeasured():
            clock_skews.put(db, change)

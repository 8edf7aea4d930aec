"""Keeps in memory which commands still have to take effect, and notes when they do or do not.

Sees events after their commit, and requests after they were answered; what they show is written by
a task of its own. With nothing awaited it costs a look at an empty dict. Not here: what shows an
effect (effects).
"""

import math
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
import trio

from ocpptrio.clock import Clock
from ocpptrio.events import AnyEvent, CommandChanged, NumberedEvent
from ocpptrio.protocol.actions import ACTIONS
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.services import effects
from ocpptrio.services.effects import Occurrence, Seen
from ocpptrio.session.registry import Registry
from ocpptrio.session.state import SessionState
from ocpptrio.store import commands, events
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState, EffectState

LOOK_S: Final = 60  # at least: wall time may be set forward
EVENTS_REPLAYED: Final = 1000  # of a charge point, to find what happened while we were not there


class _Watched:
    """One command from when it is sent until its effect is seen or its time is over."""

    __slots__ = ("answered", "command_id", "due_us", "early", "request", "sent_at_us")

    def __init__(self, command_id: int, request: Request[Message], sent_at_us: int) -> None:
        self.command_id = command_id
        self.request = request
        self.sent_at_us = sent_at_us
        self.answered = False
        self.due_us: float = math.inf
        self.early: Seen | None = None  # seen before the answer that says whether it counts


class _Mark(msgspec.Struct, frozen=True):
    command_id: int
    seen: Seen
    at_us: int


class EffectWatch:
    """See the module.

    Attributes:
        watched: charge point id -> its commands that may still take effect, oldest first.
    """

    def __init__(self, store: Store, clock: Clock, registry: Registry) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self.watched: dict[str, list[_Watched]] = {}
        self._marks: deque[_Mark] = deque()
        self._changed = trio.Event()

    # What happens to a command.

    def sent(
        self, charge_point_id: str, command_id: int, request: Request[Message], at_us: int
    ) -> None:
        """It is about to be sent: what is to follow may come before the answer."""
        if effects.may_have_effect(request):
            one = _Watched(command_id, request, at_us)
            self.watched.setdefault(charge_point_id, []).append(one)

    def settled(
        self, charge_point_id: str, command_id: int, awaited: effects.Awaited | None
    ) -> None:
        """Its end is on disk, or on the way there before anything that is written from now on."""
        watched = self.watched.get(charge_point_id, [])
        one = next((one for one in watched if one.command_id == command_id), None)
        if one is None:
            return
        if awaited is None:
            self._forget(charge_point_id, one)
            return
        one.answered = True
        now_us = self._clock()
        one.due_us = now_us + awaited.within_s * 1_000_000
        for other in list(watched):
            if other is not one and effects.replaces(one.request, other.request):
                replaced = Seen(effect=EffectState.FAILED, detail=f"replaced by {command_id}")
                self._mark(charge_point_id, other, replaced, now_us)
        found = one.early or effects.already(one.request, self._state(charge_point_id))
        if found is not None:
            self._mark(charge_point_id, one, found, now_us)
        self._changed.set()

    # What happens to a charge point.

    def see(self, charge_point_id: str, occurrence: Occurrence, at_us: int) -> None:
        """Something happened; the state of the charge point is that after it."""
        watched = self.watched.get(charge_point_id)
        if watched is None:
            return
        state = self._state(charge_point_id)
        for one in list(watched):
            found = effects.seen(one.request, occurrence, state, one.sent_at_us)
            if found is None:
                continue
            if one.answered:
                self._mark(charge_point_id, one, found, at_us)
            else:
                one.early = found
            if not effects.is_shared(one.request):
                return  # it is the effect of one command, the one that has waited longest

    def _state(self, charge_point_id: str) -> SessionState:
        session = self._registry.get(charge_point_id)
        if session is None:
            return SessionState(charge_point_id=charge_point_id)
        return session.state

    def _mark(self, charge_point_id: str, one: _Watched, seen: Seen, at_us: int) -> None:
        if seen.effect is not EffectState.AWAITED:
            self._forget(charge_point_id, one)
        self._marks.append(_Mark(one.command_id, seen, at_us))
        self._changed.set()

    def _forget(self, charge_point_id: str, one: _Watched) -> None:
        watched = self.watched[charge_point_id]
        watched.remove(one)
        if not watched:
            del self.watched[charge_point_id]

    # In the background.

    async def restore(self) -> None:
        """Await what was awaited when the process ended, and see what has happened since."""
        for record, happened in await self._store.read(_unfinished):
            request = request_of(record)
            if request is None or not effects.may_have_effect(request):
                continue
            sent_at_us = record.sent_at_us or record.created_at_us
            one = _Watched(record.command_id, request, sent_at_us)
            one.answered = True
            one.due_us = record.effect_due_at_us or self._clock()
            self.watched.setdefault(record.charge_point_id, []).append(one)
            state = self._state(record.charge_point_id)
            found = effects.already(request, state)
            for event in _after(record, happened):
                if found is None:
                    found = effects.seen(request, event, state, sent_at_us)
                    if found is not None and found.effect is EffectState.AWAITED:
                        found = None  # how far it was is on record
            if found is not None:
                self._mark(record.charge_point_id, one, found, self._clock())

    async def run(self) -> None:
        """Write what was seen, and what was not seen in time."""
        while True:
            self._changed = trio.Event()
            self._give_up()
            if self._marks:
                marks = tuple(self._marks)
                await self._store.write(partial(_note, marks=marks))
                for _ in marks:
                    self._marks.popleft()
                continue
            due_us = min(
                (one.due_us for watched in self.watched.values() for one in watched),
                default=math.inf,
            )
            with trio.move_on_after(min(LOOK_S, max(0, (due_us - self._clock()) / 1_000_000))):
                await self._changed.wait()

    def _give_up(self) -> None:
        now_us = self._clock()
        for charge_point_id, watched in list(self.watched.items()):
            for one in list(watched):
                if one.due_us <= now_us:
                    not_seen = Seen(effect=EffectState.NOT_SEEN)
                    self._mark(charge_point_id, one, not_seen, now_us)


def _note(db: Db, marks: Sequence[_Mark]) -> None:
    for mark in marks:
        seen = mark.seen
        commands.set_effect(
            db,
            mark.command_id,
            seen.effect,
            at_us=mark.at_us,
            detail=seen.detail,
            transaction_id=seen.transaction_id,
        )


def _unfinished(
    reader: Reader,
) -> list[tuple[CommandRecord, list[NumberedEvent]]]:
    return [
        (
            record,
            events.latest(
                reader,
                limit=EVENTS_REPLAYED,
                charge_point_id=record.charge_point_id,
                kinds=REPLAYED_KINDS,
            ),
        )
        for record in commands.awaited(reader)
    ]


def _after(record: CommandRecord, happened: Sequence[NumberedEvent]) -> list[AnyEvent]:
    """What happened after a command was sent, as far as events are looked at."""
    after: list[AnyEvent] = []
    for numbered in happened:
        event = numbered.event
        if isinstance(event, CommandChanged):
            if event.command_id == record.command_id and event.state == CommandState.SENT:
                after.clear()  # whatever its time is: the order is that of the numbers
        elif event.at_us >= (record.sent_at_us or record.created_at_us):
            after.append(event)
    return after


REPLAYED_KINDS: Final = (
    "Booted",
    "CommandChanged",
    "DiagnosticsStatusChanged",
    "FirmwareStatusChanged",
    "LogStatusChanged",
    "StopOrphaned",
    "TransactionStarted",
    "TransactionStopped",
)


def request_of(record: CommandRecord) -> Request[Message] | None:
    """The request of a command, with its secrets while it is queued; None if it cannot be read.

    No effect depends on a secret.
    """
    try:
        return ACTIONS[record.action].read_request(record.secret_request or record.request)
    except (KeyError, msgspec.MsgspecError):
        return None

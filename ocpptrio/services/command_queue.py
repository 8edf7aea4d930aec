"""Sends queued commands: to each charge point that is there one after the other, in order.

A task per charge point with something to send. What may not be sent now is passed over: while the
registration forbids it, or while the task it belongs to holds it back. Not here: what becomes of a
command (commands), the pace of a task (tasks).
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.errors import NotAllowedNow, StoreError
from ocpptrio.protocol.core import Reset
from ocpptrio.services.command_sending import check_allowed
from ocpptrio.services.commands import CommandService
from ocpptrio.session.registry import Registry, Session
from ocpptrio.store import commands
from ocpptrio.store.driver import Store
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState

LOOK_S: Final = 60  # at least: wall time may be set forward
# s for a charge point to hang up after it has accepted a Reset; what is sent meanwhile is lost.
RESET_S: Final = 60
RETRY_S: Final = 5  # when the connection's own queue is full, or the disk

log = structlog.get_logger("ocpptrio.commands")


class CommandQueue:
    """See the module.

    Attributes:
        permits: whether the task of a command lets it go now.
    """

    def __init__(
        self, store: Store, clock: Clock, registry: Registry, service: CommandService
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._service = service
        self.permits: Callable[[CommandRecord], bool] = lambda _record: True
        self._waiting: set[str] = set()  # charge points for which something is queued
        self._woken: set[str] = set()  # of them, those to be looked at
        self._sending: set[str] = set()  # those whose queue is being sent
        self._wake = trio.Event()
        self._expiry_us: float = math.inf  # of the first that waits
        self._expiry_changed = trio.Event()
        self._stopped = False

    def queued(self, charge_point_id: str, expires_at_us: int) -> None:
        """A command waits for a charge point."""
        self._waiting.add(charge_point_id)
        self.expires(expires_at_us)
        self.wake(charge_point_id)

    def expires(self, at_us: int) -> None:
        """Something that is queued expires then."""
        if at_us < self._expiry_us:
            self._expiry_us = at_us
            self._expiry_changed.set()

    def wake(self, charge_point_id: str) -> None:
        """Something changed: perhaps a queued command can be sent now."""
        if charge_point_id in self._waiting:
            self._woken.add(charge_point_id)
            self._wake.set()

    def stop(self) -> None:
        """Begin to send nothing more: what is queued stays queued."""
        self._stopped = True

    async def load(self) -> None:
        """At start: what is queued."""
        for record in await self._store.read(commands.unsettled):
            if record.expires_at_us is not None:
                self.queued(record.charge_point_id, record.expires_at_us)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._expire)
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                for charge_point_id in self._woken - self._sending:
                    session = self._registry.get(charge_point_id)
                    self._woken.discard(charge_point_id)
                    if session is not None and session.connection is not None:
                        self._sending.add(charge_point_id)
                        nursery.start_soon(self._send_queue, session)

    async def _send_queue(self, session: Session) -> None:
        charge_point_id = session.state.charge_point_id
        try:
            while (connection := session.connection) is not None and not self._stopped:
                self._woken.discard(charge_point_id)
                try:
                    record = await self._next(session)
                    if record is None:
                        if charge_point_id not in self._woken:
                            return
                        continue
                    after = await self._service.send_queued(session, record)
                except StoreError:
                    log.exception("queue stands still", charge_point=charge_point_id)
                    await trio.sleep(RETRY_S)
                    continue
                if after.state is CommandState.QUEUED and session.connection is connection:
                    await trio.sleep(RETRY_S)  # the connection takes no more for now
                elif after.action == Reset.__name__ and after.status == "Accepted":
                    with trio.move_on_after(RESET_S):
                        await session.wait_detached(connection)
        finally:
            self._sending.discard(charge_point_id)
            if charge_point_id in self._woken:  # it may be back by now
                self._wake.set()

    async def _next(self, session: Session) -> CommandRecord | None:
        """The oldest command that may be sent now."""
        charge_point_id = session.state.charge_point_id
        # Before the look, so that what is queued during it counts as new.
        self._waiting.discard(charge_point_id)
        queued = await self._store.read(lambda reader: commands.queued_of(reader, charge_point_id))
        if queued:
            self._waiting.add(charge_point_id)
        now_us = self._clock()
        for record in queued:
            expired = record.expires_at_us is not None and record.expires_at_us <= now_us
            if not expired and self.permits(record) and self._is_allowed(session, record):
                return record
        return None

    @staticmethod
    def _is_allowed(session: Session, record: CommandRecord) -> bool:
        try:
            check_allowed(session.state, record.action)
        except NotAllowedNow:
            return False
        return True

    async def _expire(self) -> None:
        """Withdraw what has waited for too long, when it has."""
        while True:
            wait_s = (self._expiry_us - self._clock()) / 1_000_000
            if wait_s > 0:
                self._expiry_changed = trio.Event()
                with trio.move_on_after(min(LOOK_S, wait_s)):
                    await self._expiry_changed.wait()
                continue
            now_us = self._clock()
            # Infinite first: whatever is queued from now on lowers it again.
            self._expiry_us = math.inf
            try:
                while await self._store.write(partial(commands.expire, now_us=now_us)):
                    pass
                first = await self._store.read(commands.next_expiry_us)
            except StoreError:
                log.exception("commands that expired are still queued")
                first = now_us
                await trio.sleep(RETRY_S)
            if first is not None:
                self._expiry_us = min(self._expiry_us, first)

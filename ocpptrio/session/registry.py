"""Charge point id -> session: the state now, and the open connection if there is one.

A new connection replaces the stale one; generations, given by the store, tell which is newer. Not
here: how the state changes (state), sockets (connection).
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import trio

from ocpptrio.connection import Connection
from ocpptrio.events import Booted, NumberedEvent, Registered, Removed
from ocpptrio.session.state import SessionState, apply
from ocpptrio.vendor_profiles import ORDINARY, VendorProfile, VendorProfiles


class LifeSigns(Protocol):
    """What a watched connection shows; `listener.Link` is one."""

    @property
    def heard_at(self) -> float: ...

    async def ping(self) -> None: ...


class Session:
    """One charge point: its state, its connection, and what belongs to that connection.

    Attributes:
        last_seen_us: when a message came last; microseconds since 1970.
        triggered: Actions that we asked for, which a Pending charge point may send.
        life: shows whether the connection is alive; None where that cannot be seen.
        answers_pings: it has answered one on this connection.
        ignores_pings: it has left one without an answer on this connection.
        pinging: a ping is under way.
        clock_unset_at_us: when a message came last whose time shows a clock that was never set.
        vendor_profile: what is known of its kind, by what it said when it booted last.
    """

    __slots__ = (
        "_disconnected",
        "answers_pings",
        "clock_unset_at_us",
        "connection",
        "generation",
        "ignores_pings",
        "last_seen_us",
        "life",
        "pinging",
        "state",
        "triggered",
        "vendor_profile",
    )

    def __init__(self, state: SessionState, last_seen_us: int = 0) -> None:
        self.state = state
        self.connection: Connection | None = None
        self.generation = state.generation
        self.last_seen_us = last_seen_us
        self.triggered: set[str] = set()
        self.life: LifeSigns | None = None
        self._disconnected = trio.Event()
        self.answers_pings = False
        self.ignores_pings = False
        self.pinging = False
        self.clock_unset_at_us = 0
        self.vendor_profile: VendorProfile = ORDINARY

    def attach(
        self, connection: Connection, generation: int, life: LifeSigns | None = None
    ) -> bool:
        """Make this the connection; False if a newer one is there already."""
        if generation < self.generation:
            return False
        before, self.connection, self.generation = self.connection, connection, generation
        self.triggered.clear()
        self._disconnected.set()
        self._disconnected = trio.Event()
        self.life = life
        self.answers_pings = self.ignores_pings = self.pinging = False
        if before is not None:
            # The charge point knows best which of its sockets is dead (Q12).
            before.close(1000, "replaced by a newer connection")
        return True

    def detach(self, connection: Connection) -> None:
        """The connection has ended; nothing changes if it was replaced."""
        if self.connection is connection:
            self.connection = self.life = None
            self._disconnected.set()

    async def wait_disconnected(self) -> None:
        """Return when no connection is attached."""
        while self.connection is not None:
            await self._disconnected.wait()

    async def wait_detached(self, connection: Connection) -> None:
        """Return when this connection has ended, or was replaced."""
        while self.connection is connection:
            await self._disconnected.wait()


class Registry:
    """All sessions, by identity."""

    def __init__(self, profiles: VendorProfiles | None = None) -> None:
        self._sessions: dict[str, Session] = {}
        self.profiles = profiles or VendorProfiles()

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def connected(self) -> int:
        """How many are connected."""
        return sum(session.connection is not None for session in self)

    def get(self, charge_point_id: str) -> Session | None:
        return self._sessions.get(charge_point_id)

    def put(self, session: Session) -> None:
        self._sessions[session.state.charge_point_id] = session
        self._choose_profile(session)

    def session(self, charge_point_id: str) -> Session:
        """The session, made if it is not there yet."""
        session = self._sessions.get(charge_point_id)
        if session is None:
            session = Session(SessionState(charge_point_id=charge_point_id))
            self._sessions[charge_point_id] = session
        return session

    def apply(self, events: Sequence[NumberedEvent]) -> None:
        """Bring the states up to date with what was committed."""
        for numbered in events:
            event = numbered.event
            session = self._sessions.get(event.charge_point_id)
            if session is None:
                if not isinstance(event, Registered):
                    continue  # an attempt of one that we do not know
                session = self.session(event.charge_point_id)
            session.state = apply(session.state, event)
            if isinstance(event, Booted):
                self._choose_profile(session)
            elif isinstance(event, Removed):
                del self._sessions[event.charge_point_id]
                if session.connection is not None:
                    session.connection.close(1008, "removed by an operator")

    def _choose_profile(self, session: Session) -> None:
        state = session.state
        session.vendor_profile = self.profiles.choose(
            state.vendor, state.model, state.firmware_version
        )

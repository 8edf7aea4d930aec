"""Which connections are dead: those that have been silent for too long in spite of our pings.

Any bytes count as life. A charge point that never answers pings is known by its messages alone
(Q13), so it has three heartbeat intervals (Q14). One task watches all connections.
"""

from collections.abc import Callable

import trio
from trio_websocket import ConnectionClosed

from ocpptrio.config import OcppSettings
from ocpptrio.session.registry import LifeSigns, Registry, Session

# We ping with a tenth of connection_timeout to spare: at 60 s, after 54 s of silence.
PING_AFTER = 0.9
LOOKS_PER_TIMEOUT = 12


class Liveness:
    """See the module.

    Args:
        no_pong: told of the first ping on a connection that got no answer.
    """

    def __init__(
        self,
        registry: Registry,
        settings: OcppSettings,
        no_pong: Callable[[Session], None] = lambda _: None,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._no_pong = no_pong

    async def run(self) -> None:
        timeout_s = self._settings.connection_timeout
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(timeout_s / LOOKS_PER_TIMEOUT)
                now = trio.current_time()
                for session in list(self._registry):
                    if session.life is not None:
                        self._look(session, session.life, now, nursery)

    def _look(self, session: Session, life: LifeSigns, now: float, nursery: trio.Nursery) -> None:
        timeout_s = self._settings.connection_timeout
        silent_s = now - life.heard_at
        pings = self._settings.ping and session.vendor_profile.pings
        answers_pings = pings and session.answers_pings
        limit_s = 2 * timeout_s if answers_pings else self._longest_silence_s
        if silent_s > limit_s and session.connection is not None:
            session.connection.close(1001, f"nothing heard for {silent_s:.0f} s")
        elif silent_s > PING_AFTER * timeout_s and pings and not session.pinging:
            session.pinging = True
            nursery.start_soon(self._ping, session, life)

    @property
    def _longest_silence_s(self) -> float:
        settings = self._settings
        return max(3 * settings.heartbeat_interval, 2 * settings.connection_timeout) + 10

    async def _ping(self, session: Session, life: LifeSigns) -> None:
        try:
            # The ping itself may be stuck in a full socket: then the silence will tell.
            with trio.move_on_after(self._settings.connection_timeout) as scope:
                await life.ping()
                session.answers_pings = True
            answers = session.answers_pings or session.life is not life
            if scope.cancelled_caught and not (answers or session.ignores_pings):
                session.ignores_pings = True
                self._no_pong(session)
        except ConnectionClosed:
            pass
        finally:
            session.pinging = False

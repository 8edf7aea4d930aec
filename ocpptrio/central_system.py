"""The central system: store, services, sessions and listener put together; what an embedder holds.

    async with CentralSystem(settings) as central:
        await central.charge_point("CP1").call(Reset(type=ResetType.SOFT))

Not here: what is decided (services), what is known (session), the process around it (daemon).
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import structlog
import trio

from ocpptrio.announcements import announce
from ocpptrio.clock import Clock, system_clock
from ocpptrio.config import Settings, UnknownFields
from ocpptrio.connection import Connection, Transport
from ocpptrio.errors import ErrorCode, NotConnected, RemoteProtocolError, StoreError
from ocpptrio.events import CommandChanged, NumberedEvent, OpenMode
from ocpptrio.figures import Figures
from ocpptrio.listener import Identify, Link, Listener
from ocpptrio.passwords import Passwords
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import CallReceived, Conversation
from ocpptrio.protocol.core import BootNotification, RegistrationStatus
from ocpptrio.protocol.datatypes import Deviation, DeviationKind, Message, Request
from ocpptrio.services.authorizer import Authorizer
from ocpptrio.services.incoming import Incoming
from ocpptrio.services.wiring import Services
from ocpptrio.session.hub import Hub, Watcher
from ocpptrio.session.liveness import Liveness
from ocpptrio.session.registry import LifeSigns, Registry, Session
from ocpptrio.session.restore import restore
from ocpptrio.session.state import SessionState
from ocpptrio.store import charge_points, deviations
from ocpptrio.store.driver import Db
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import CommandState, EffectState
from ocpptrio.tracing import Tracing
from ocpptrio.vendor_profiles import load_profiles
from ocpptrio.witness import Witness

CLEANUP_TIMEOUT_S: Final = 10
# A connection on which a message came so recently was not dead when the next one replaced it.
STILL_ALIVE_US: Final = 5_000_000
GOING_DOWN: Final = (1001, "the central system is going down")

ResponseT = TypeVar("ResponseT", bound=Message)
Address = tuple[str, int]

log = structlog.get_logger("ocpptrio")


class ChargePoint:
    """A charge point as an embedder sees it; stays valid over reconnects."""

    def __init__(self, charge_point_id: str, central: "CentralSystem") -> None:
        self.charge_point_id = charge_point_id
        self._central = central

    @property
    def state(self) -> SessionState | None:
        """What is known of it now; None if it is not registered."""
        session = self._central.registry.get(self.charge_point_id)
        return None if session is None else session.state

    async def call(
        self, request: Request[ResponseT], *, timeout_s: float | None = None
    ) -> ResponseT:
        """Send a CALL and return its response.

        Nothing is sent before the BootNotification of a fresh connection is answered, or the
        grace for it has passed.

        Args:
            timeout_s: how long to wait for the answer once sent; default `ocpp.call_timeout`.

        Raises:
            NotConnected: it is not there, or went away before it answered.
            CallTimedOut: no answer in time; a late one is recorded.
            CallRefused: a CALLERROR came; see its code, description and details.
            InvalidResponse: the answer cannot be read.
            NotAllowedNow: its registration forbids this CALL (OCPP 1.6, 4.2).
            TooManyCalls: 64 CALLs wait for it already.
            LocalProtocolError: the request breaks a limit of the specification.
        """
        session = self._central.registry.get(self.charge_point_id)
        if session is None:
            raise NotConnected(f"{self.charge_point_id} is not registered")
        return await self._central.commands.call(session, request, timeout_s)

    async def submit(
        self,
        request: Request[Message],
        *,
        expires_in_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> int:
        """Keep a command until the charge point is there; returns its id.

        See `CommandService.submit`; `central.commands.wait_settled` returns its end.
        """
        return await self._central.commands.submit(
            self.charge_point_id,
            request,
            expires_in_s=expires_in_s,
            idempotency_key=idempotency_key,
        )


class CentralSystem:
    """See the module. Either `async with`, or `await nursery.start(central.run)`.

    Args:
        settings: default: all defaults, which is loopback only.
        clock: wall time in microseconds; tests pass a virtual one.
        inline_store: write in the caller's task, without a thread: deterministic, for tests.
        identify: finds the identity in a URL's path and query; default: the last part of the path.

    Attributes:
        handlers: request struct -> handler; put others in before it runs, or wrap those there.
        data_transfer: where vendor handlers are registered.
        commands: what charge points are asked to do: queued ones, and what became of each.
        tasks: one request, or one of each, for many charge points.
        decisions: what waits for a person, and how it is resolved.
        services: all of them.
        addresses: the (address, port) pairs bound, once it runs.
        figures: what it counts and measures of itself.

    Raises:
        ConfigError: a vendor profile is wrong, or tracing or MQTT needs an extra that is not there.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Clock = system_clock,
        inline_store: bool = False,
        new_unique_id: Any = None,  # Any: Callable[[], str] or None for random ones
        identify: Identify | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.registry = Registry(load_profiles(self.settings.vendor_profiles.directory))
        self.hub = Hub()
        self.passwords = Passwords()
        self.addresses: list[Address] = []
        self.clock = clock
        self._connection_options = {"new_unique_id": new_unique_id} if new_unique_id else {}
        self.store = SqliteStore(self.settings.store.path, inline=inline_store)
        self.store.publish = self._publish
        self.figures = Figures(self.store.commit_s)
        self.services = Services(self.settings, self.store, self.registry, self.passwords, clock)
        self.handlers = self.services.handlers
        self.data_transfer = self.services.data_transfer
        self.commands = self.services.commands
        self.tasks = self.services.tasks
        self.decisions = self.services.decisions
        if self.services.mqtt is not None:
            self.figures.add_source(self.services.mqtt.metrics)
        self._tracing = Tracing() if self.settings.observability.tracing else None
        if self._tracing is not None:
            self.commands.trace(self._tracing)
            self.store.watch_commit = self._tracing.committed
        self._listener = Listener(
            self.settings.ocpp,
            self.services.admission.admit,
            self._serve_link,
            self.services.admission.note,
            identify,
        )
        self._stop = trio.Event()

    # Living and dying.

    async def run(
        self, *, task_status: trio.TaskStatus[list[Address]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until `stop` or cancelled; `nursery.start` returns the addresses bound.

        Raises:
            StoreError: the database cannot be used.
            OSError: the address cannot be bound.
        """
        # The store closes before the nursery ends, and writes until then, cancelled or not: what
        # the connections still have to say goes to disk.
        async with trio.open_nursery() as writing, self.store:
            await writing.start(self._write)
            try:
                await restore(self.store, self.registry, self.clock())
                await self.services.load()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(
                        Liveness(self.registry, self.settings.ocpp, self._no_pong).run
                    )
                    nursery.start_soon(self.figures.run, self.clock())
                    await self.services.start(nursery)
                    if self.settings.ocpp.enabled:
                        self.addresses = await nursery.start(self._listener.run)
                    task_status.started(self.addresses)
                    await self._stop.wait()
                    await self._drain()
                    nursery.cancel_scope.cancel()
            finally:
                self.hub.close()
                await self.services.close()  # noqa: ASYNC102 - it has a bound of its own

    async def _write(  # noqa: ASYNC128 - the store calls it
        self, *, task_status: trio.TaskStatus[None]
    ) -> None:
        with trio.CancelScope(shield=True):
            await self.store.run(task_status=task_status)

    def stop(self) -> None:
        """End `run` gently: no new connections, CALLs that came are answered, 1001 to everybody."""
        self._stop.set()

    async def _drain(self) -> None:
        self.services.command_queue.stop()
        self._listener.stop_accepting()
        for session in self.registry:
            if session.connection is not None:
                session.connection.drain(*GOING_DOWN)
        with trio.move_on_after(self.settings.ocpp.drain_timeout):
            for session in list(self.registry):
                await session.wait_disconnected()

    async def __aenter__(self) -> Self:
        self._context = self._running()
        return await self._context.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        # What it waits for has bounds of its own (drain, store).
        return await self._context.__aexit__(kind, error, traceback)  # noqa: ASYNC102

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Self]:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.run)
            try:
                yield self
            finally:
                self.stop()

    # What an embedder does.

    def charge_point(self, charge_point_id: str) -> ChargePoint:
        """A handle, whether or not the charge point is known or connected."""
        return ChargePoint(charge_point_id, self)

    def authorize_with(self, authorizer: Authorizer | None) -> None:
        """Ask somebody else, too, who may charge; in place of `[authorization] url`.

        The authorizer is asked once for each Authorize and each new StartTransaction, and has
        `[authorization] timeout` to answer; if it fails, `fallback` says what is answered.
        None: ask nobody.
        """
        self.services.authorization.consult(authorizer)

    @property
    def refusals(self) -> Counter[str]:
        """How many were not let in at the listener, by the reason in a few words."""
        return self._listener.refusals

    @property
    def ready(self) -> bool:
        """Charge points are let in, and what they say is written."""
        listening = bool(self.addresses) or not self.settings.ocpp.enabled
        return listening and self.store.writes and not self._stop.is_set()

    def watch(self, charge_point_id: str | None = None) -> AbstractContextManager[Watcher]:
        """Subscribe to events: `with central.watch() as events: async for numbered in events`."""
        return self.hub.watch(charge_point_id=charge_point_id)

    async def serve(  # noqa: ASYNC128 - _serve calls it
        self,
        charge_point_id: str,
        transport: Transport,
        *,
        peer: str = "in-process",
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve a charge point over any transport until it ends: no socket, no handshake.

        One that is not registered is, in open mode: the caller vouches for it. `nursery.start`
        returns when this is its connection; only then is another one surely the newer.
        """
        at_us = self.clock()
        await self.store.write(
            lambda db: charge_points.add(
                db,
                charge_point_id=charge_point_id,
                origin="embedded",
                at_us=at_us,
                hold=self.settings.provisioning.hold_new,
                mode=OpenMode.EVERYBODY,
            )
        )
        await self._serve(charge_point_id, transport, peer, None, task_status=task_status)

    # A connection.

    async def _serve_link(self, charge_point_id: str, link: Link) -> None:
        await self._serve(charge_point_id, link, link.address, link, link.deviations)

    async def _serve(
        self,
        charge_point_id: str,
        transport: Transport,
        peer: str,
        life: LifeSigns | None,
        deviations: tuple[Deviation, ...] = (),
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        at_us = self.clock()
        generation = await self.store.write(
            lambda db: charge_points.connected(db, charge_point_id, peer=peer, at_us=at_us)
        )
        session = self.registry.session(charge_point_id)
        witness = Witness(self.settings, self.store, self.clock, session, generation, self.figures)
        self.figures.connections["accepted"] += 1

        answered_by = self._answer if self._tracing is None else self._answer_traced

        async def answer(event: CallReceived) -> Message:
            return await answered_by(session, event)

        settings = self.settings.ocpp
        grace_s = session.vendor_profile.boot_grace_s
        connection = Connection(
            transport,
            Conversation(
                Role.CENTRAL_SYSTEM,
                reject_unknown_fields=settings.unknown_fields == UnknownFields.REJECT,
                local_zone=lambda: session.vendor_profile.zone or UTC,
            ),
            answer,
            observer=witness,
            call_timeout_s=settings.call_timeout,
            calls_after_s=settings.boot_grace if grace_s is None else grace_s,
            **self._connection_options,
        )
        witness.connection = connection
        if session.connection is not None and at_us - session.last_seen_us < STILL_ALIVE_US:
            self._note(session, "", DeviationKind.SECOND_CONNECTION, f"from {peer}")
        witness.opened(deviations)
        if not session.attach(connection, generation, life):
            connection.close(1000, "replaced by a newer connection")
        if self._stop.is_set():  # it came in while the others were being drained
            connection.drain(*GOING_DOWN)
        task_status.started()
        log.info("connected", charge_point=charge_point_id, peer=peer)
        reason = "cancelled"
        try:
            reason = await connection.run()
        finally:
            session.detach(connection)
            log.info("disconnected", charge_point=charge_point_id, reason=reason)
            ended_at_us, last_seen_at_us = self.clock(), session.last_seen_us
            with trio.move_on_after(CLEANUP_TIMEOUT_S, shield=True):
                try:
                    await self.store.write(
                        lambda db: charge_points.disconnected(
                            db,
                            charge_point_id,
                            generation=generation,
                            at_us=ended_at_us,
                            last_seen_at_us=last_seen_at_us,
                            reason=reason,
                        )
                    )
                except StoreError:  # closed before us; at the next start all are marked offline
                    log.warning("end of connection not recorded", charge_point=charge_point_id)

    async def _answer_traced(self, session: Session, event: CallReceived) -> Message:
        assert self._tracing is not None
        charge_point_id, unique_id = session.state.charge_point_id, str(event.unique_id)
        with self._tracing.received(charge_point_id, event.action, unique_id):
            return await self._answer(session, event)

    async def _answer(self, session: Session, event: CallReceived) -> Message:
        request = event.request
        state = session.state
        if (
            state.registration is not RegistrationStatus.ACCEPTED
            and not isinstance(request, BootNotification)
            and event.action not in session.triggered
        ):
            self._note(session, event.action, DeviationKind.BEFORE_BOOT, str(state.registration))
            raise RemoteProtocolError(  # OCPP-J errata 3.10
                ErrorCode.SECURITY_ERROR, f"registration is {state.registration}: boot first"
            )
        handler = self.handlers.get(type(request))
        if handler is None:
            raise RemoteProtocolError(ErrorCode.NOT_SUPPORTED, f"{event.action} is switched off")
        incoming = Incoming(
            state.charge_point_id, event.unique_id, session.last_seen_us, session, event.action
        )
        response = await handler(incoming, request)
        if self.services.effect_watch.watched:  # a trigger may have asked for this message
            self.services.effect_watch.see(state.charge_point_id, request, incoming.received_at_us)
        return response

    def _note(self, session: Session, action: str, kind: DeviationKind, original: str) -> None:
        """Enter into the ledger what a charge point just did."""
        charge_point_id, at_us = session.state.charge_point_id, session.last_seen_us
        noted = Deviation("", kind, original)

        def work(db: Db) -> None:
            deviations.note(
                db, charge_point_id=charge_point_id, action=action, deviation=noted, at_us=at_us
            )

        self.store.post(work)

    # What happens.

    def _publish(self, events: Sequence[NumberedEvent]) -> None:
        self.registry.apply(events)
        counts = self.figures.events
        for numbered in events:
            event = numbered.event
            counts[type(event)] += 1
            announce(event)
            if isinstance(event, CommandChanged):
                self._count(event)
        self.services.notice(events)
        self.hub.publish(events)

    def _count(self, changed: CommandChanged) -> None:
        """Count the end of a command, once: afterwards its effect changes, and it does not."""
        settled = changed.state not in (CommandState.QUEUED, CommandState.SENT)
        if settled and changed.effect in (EffectState.NONE, EffectState.AWAITED):
            self.figures.commands[changed.state, changed.action] += 1

    def _no_pong(self, session: Session) -> None:
        self._note(session, "", DeviationKind.NO_PONG, "a ping was not answered")

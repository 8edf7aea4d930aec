"""When charge points are brought to their wanted configuration: after what, and how many at a time.

One task for each charge point that something is wanted of and that is not known to have it; where
nothing is wanted nothing is sent. Not here: what is done then (provisioner).
"""

from collections.abc import Callable
from typing import Any, Final

import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import ProvisioningSettings
from ocpptrio.errors import CallFailed, StoreError
from ocpptrio.events import (
    Booted,
    ConfigurationChanged,
    ConfigurationRefreshRequested,
    Connected,
    Event,
    ProvisioningChanged,
    ProvisioningState,
    RegistrationChanged,
    Removed,
    WantedConfigurationChanged,
)
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.services.configuration_reading import Call
from ocpptrio.services.provisioner import Provisioner
from ocpptrio.session.registry import Registry
from ocpptrio.store import wanted_configuration
from ocpptrio.store.driver import Store

# Charge points at a time: a fleet that returns after an outage is busy enough.
PARALLEL: Final = 100

log = structlog.get_logger("ocpptrio.provisioning")


class _Job:
    """What is to be done for a charge point; more may be asked for while it is under way."""

    __slots__ = ("nudge", "read", "rebooted", "refresh", "settle", "wake")

    def __init__(self) -> None:
        self.wake = trio.Event()
        self.clear()

    def clear(self) -> None:
        self.settle = False  # it has just come or booted: leave it alone for a while
        self.read = False  # what it holds may have changed
        self.rebooted = False
        self.refresh = False  # an operator wants to see it, whether or not anything is wanted
        self.nudge = False  # it is accepted now, and does not know

    def ask(self, **flags: bool) -> None:
        for name, value in flags.items():
            setattr(self, name, getattr(self, name) or value)
        self.wake.set()


class ProvisioningService:
    """See the module.

    Args:
        call: sends a CALL and mirrors its answer; `CommandService.call`.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: ProvisioningSettings,
        clock: Clock,
        call: Call,
    ) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._provisioner = Provisioner(store, registry, settings, clock, call)
        self._concerned: set[str] = set()  # of whom something is wanted
        self._jobs: dict[str, _Job] = {}
        self._new_jobs: list[str] = []
        self._job_waits = trio.Event()
        self._slots = trio.CapacityLimiter(PARALLEL)
        self.reactions: dict[type[Event], Callable[[Any], None]] = {  # Any: one kind of event each
            Booted: self._booted,
            Connected: self._connected,
            RegistrationChanged: self._registration_changed,
            WantedConfigurationChanged: self._wanted_changed,
            ConfigurationRefreshRequested: self._refresh_requested,
            Removed: self._removed,
            ConfigurationChanged: _tell_changed,
            ProvisioningChanged: _tell_state,
        }

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled."""
        self._concerned |= await self._store.read(wanted_configuration.charge_points_concerned)
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                await self._job_waits.wait()
                self._job_waits = trio.Event()
                while self._new_jobs:
                    nursery.start_soon(self._work, self._new_jobs.pop(0))

    # What gives us something to do.

    def _ask(self, charge_point_id: str, **flags: bool) -> None:
        job = self._jobs.get(charge_point_id)
        if job is None:
            job = self._jobs[charge_point_id] = _Job()
            self._new_jobs.append(charge_point_id)
            self._job_waits.set()
        job.ask(**flags)

    def _booted(self, event: Booted) -> None:
        if self._settings.enabled and event.charge_point_id in self._concerned:
            # A boot that we asked for is no reboot (Q17).
            own = not event.triggered
            self._ask(event.charge_point_id, settle=True, read=own, rebooted=own)

    def _connected(self, event: Connected) -> None:
        if self._settings.enabled and event.charge_point_id in self._concerned:
            self._ask(event.charge_point_id, settle=True)

    def _wanted_changed(self, event: WantedConfigurationChanged) -> None:
        self._concerned.add(event.charge_point_id)
        if self._settings.enabled:
            self._ask(event.charge_point_id)

    def _registration_changed(self, event: RegistrationChanged) -> None:
        if not self._settings.enabled:
            return
        if event.status is RegistrationStatus.ACCEPTED:
            session = self._registry.get(event.charge_point_id)
            if session is not None and session.state.boot_status is RegistrationStatus.PENDING:
                self._ask(event.charge_point_id, nudge=True)
        elif event.charge_point_id in self._concerned:
            self._ask(event.charge_point_id)

    def _refresh_requested(self, event: ConfigurationRefreshRequested) -> None:
        self._ask(event.charge_point_id, refresh=True)

    def _removed(self, event: Removed) -> None:
        self._concerned.discard(event.charge_point_id)

    # A job.

    async def _work(self, charge_point_id: str) -> None:
        job = self._jobs[charge_point_id]
        try:
            while True:
                while job.settle:
                    job.settle = False
                    await trio.sleep(self._settings.delay)
                async with self._slots:
                    if job.settle:  # it came while we waited for our turn
                        continue
                    asked, job.wake = _copy(job), trio.Event()
                    job.clear()
                    again_s = await self._look_safely(charge_point_id, asked)
                if again_s is None and not job.wake.is_set():
                    return
                with trio.move_on_after(again_s or 0):
                    await job.wake.wait()
        finally:
            del self._jobs[charge_point_id]

    async def _look_safely(self, charge_point_id: str, asked: _Job) -> float | None:
        """Nothing that fails ends the job: a newer connection may have asked for more meanwhile."""
        try:
            return await self._provisioner.look(charge_point_id, asked)
        except (CallFailed, StoreError) as error:
            # It has gone, or the store has: when it comes back there is more to do.
            log.info("provisioning put off", charge_point=charge_point_id, reason=str(error))
        except Exception:  # one charge point must not end the work for all others
            log.exception("provisioning failed", charge_point=charge_point_id)
        return None


def _copy(job: _Job) -> _Job:
    copy = _Job()
    for name in _Job.__slots__:
        setattr(copy, name, getattr(job, name))
    return copy


def _tell_changed(event: ConfigurationChanged) -> None:
    if event.command_id is None:
        log.info(
            "configuration changed by the charge point itself",
            charge_point=event.charge_point_id,
            key=event.key,
            before=event.before,
            after=event.after,
        )


def _tell_state(event: ProvisioningChanged) -> None:
    given_up = event.state is ProvisioningState.GIVEN_UP
    (log.warning if given_up else log.info)(
        "provisioning",
        charge_point=event.charge_point_id,
        state=str(event.state),
        detail=event.detail,
    )

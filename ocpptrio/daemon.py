"""The process around a central system: signals, limits, garbage collector; one per database.

Not here: the command line and what it says at start (cli), what a central system does
(central_system).
"""

import errno
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import structlog
import trio

from ocpptrio import observe
from ocpptrio.api import links
from ocpptrio.api.server import ApiServer
from ocpptrio.central_system import Address, CentralSystem
from ocpptrio.config import Settings
from ocpptrio.daemon_lock import only_daemon
from ocpptrio.errors import StoreError
from ocpptrio.store import charge_points
from ocpptrio.store.records import ChargePointRecord


class Started(msgspec.Struct, frozen=True):
    """What serves now.

    Attributes:
        addresses: bound for charge points.
        charge_points: those that are registered.
        api: where people and programs connect; None: there is no API.
        login_url: that logs the first user in, once; None: somebody has a password.
    """

    addresses: Sequence[Address]
    charge_points: Sequence[ChargePointRecord]
    api: str | None
    login_url: str | None


# Called once it serves.
Announce: TypeAlias = Callable[[Started], None]

log = structlog.get_logger("ocpptrio")


def run(settings: Settings, announce: Announce) -> int:
    """Serve until SIGTERM or SIGINT, then drain; a second signal kills the process.

    Returns:
        The exit status: 0 after a drain, 1 if it could not start.
    """
    observe.configure(settings.log)
    prepare_process()
    try:
        with only_daemon(settings.store.path):
            trio.run(_serve, settings, announce)
            return 0
    except (BaseExceptionGroup, StoreError) as error:
        reason = _reason(error, settings)
        if reason is None:
            raise
        print(f"ocpptrio: {reason}", file=sys.stderr)
        return 1


def prepare_process() -> None:
    """Set this process up for thousands of connections."""
    # By default the collector walks all that lives after each 700 allocations: with 3000 active
    # connections that took half of all time, in pauses of 0.3 s. Messages form no cycles, so rare
    # collections are enough; and what is imported by now will live for ever.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    # Each charge point is an open file; the usual soft limit is 1024.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        log.warning("the limit of open files stays as it is (ulimit -n)")


async def _serve(settings: Settings, announce: Announce) -> None:
    central = CentralSystem(settings)
    api: ApiServer | None = None

    async def stop() -> None:
        if api is not None:
            await api.stop()  # first: what it is asked, it asks the central system
        central.stop()

    async def obey_signals() -> None:
        log.info("stopping", signal=signal.Signals(await anext(signals)).name)
        nursery.start_soon(stop)
        number = await anext(signals)
        # What was answered is on disk, so nothing but the answers still owed is lost.
        log.warning("ending at once", signal=signal.Signals(number).name)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as running:
                addresses = await running.start(central.run)
                if settings.api.enabled:
                    api = ApiServer(central)
                    try:
                        await nursery.start(api.run)
                    except (OSError, BaseExceptionGroup) as error:
                        raise _ApiNotBound from error
                announce(await _started(central, addresses, api))
                # A signal that came meanwhile has waited.
                nursery.start_soon(obey_signals)
            nursery.cancel_scope.cancel()
    log.info("stopped")


async def _started(
    central: CentralSystem, addresses: Sequence[Address], api: ApiServer | None
) -> Started:
    settings = central.settings.api
    login_url, url = None, None
    if api is not None:
        url = links.base_url(settings, api.urls[0])
        key = await central.services.access.first_login_key()
        if key is not None:
            login_url = links.login_url(settings, key, api.urls[0])
    records = await central.store.read(charge_points.everyone)
    return Started(addresses, records, url, login_url)


# Why it could not start.


class _ApiNotBound(Exception):
    """The address of the API cannot be bound; its cause says why."""


def _reason(error: BaseException, settings: Settings) -> str | None:
    """One line for what an operator can mend; None for our own mistakes."""
    error = _alone(error)
    match error:
        case StoreError():
            return str(error)
        case _ApiNotBound():
            api, cause = settings.api, _alone(error.__cause__ or error)
            if isinstance(cause, OSError):
                return _why_not_listening(
                    cause, f"{api.host}:{api.port}", "--api-host", "--api-port"
                )
        case OSError():
            ocpp = settings.ocpp
            return _why_not_listening(error, f"{ocpp.host}:{ocpp.port}", "--host", "--port")
    return None


def _alone(error: BaseException) -> BaseException:
    """The one error that a group holds."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _why_not_listening(error: OSError, address: str, host: str, port: str) -> str | None:
    if isinstance(error, socket.gaierror):
        return f"{address}: no such host; give an address of this machine ({host})"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{address} is in use; stop the other process, or take another port ({port})"
        case errno.EADDRNOTAVAIL:
            return f"{address}: no address of this machine; 0.0.0.0 means all of them ({host})"
        case errno.EACCES:
            return f"{address}: not allowed; take a port above 1023 ({port}), behind a proxy"
    return None

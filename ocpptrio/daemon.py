"""The process around a central system: signals, limits, garbage collector, the words at start.

Not here: the command line (cli.serve), and what the central system does (central_system).
"""

import errno
import fcntl
import gc
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TextIO

import structlog
import trio

from ocpptrio import __version__, observe
from ocpptrio.central_system import Address, CentralSystem
from ocpptrio.config import LogFormat, OcppSettings, Settings, UnknownChargePoints
from ocpptrio.errors import StoreError
from ocpptrio.store import charge_points
from ocpptrio.store.records import ChargePointRecord

NAMES_SHOWN: Final = 5  # of charge points in one warning
_SIOCGIFADDR: Final = 0x8915  # Linux: the IPv4 address of an interface

log = structlog.get_logger("ocpptrio")


def run(settings: Settings, *, options: str = "", out: TextIO | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then drain; a second signal kills the process.

    Args:
        options: what a command needs beside its name to find the same database.
        out: where the words at start go; default: standard output.

    Returns:
        The exit status: 0 after a drain, 1 if it could not start.
    """
    observe.configure(settings.log)
    prepare_process()
    try:
        with only_daemon(settings.store.path):
            trio.run(_serve, settings, options, out or sys.stdout)
            return 0
    except (BaseExceptionGroup, StoreError) as error:
        reason = _reason(error, settings.ocpp)
        if reason is None:
            raise
        print(f"ocpptrio: {reason}", file=sys.stderr)
        return 1


@contextmanager
def only_daemon(database: str) -> Iterator[None]:
    """Hold a database against a second daemon, which would take all charge points for offline.

    Raises:
        StoreError: a daemon holds it.
    """
    if database == ":memory:":
        yield
        return
    # A file of its own: to close any descriptor of the database would drop SQLite's locks on it.
    try:
        descriptor = os.open(f"{database}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        yield  # no such folder, or no right to it: the store says that better
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"{database}: another ocpptrio serve uses it; stop that one, or name another "
                "database (--database)"
            ) from None
        yield
    finally:
        os.close(descriptor)


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


async def _serve(settings: Settings, options: str, out: TextIO) -> None:
    central = CentralSystem(settings)

    async def obey_signals() -> None:
        log.info("stopping", signal=signal.Signals(await anext(signals)).name)
        central.stop()
        number = await anext(signals)
        # What was answered is on disk, so nothing but the answers still owed is lost.
        log.warning("ending at once", signal=signal.Signals(number).name)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as running:
                addresses = await running.start(central.run)
                records = await central.store.read(charge_points.everyone)
                announce(settings, addresses, records, options, out)
                # A signal that came meanwhile has waited.
                nursery.start_soon(obey_signals)
            nursery.cancel_scope.cancel()
    log.info("stopped")


# Why it could not start.


def _reason(error: BaseException, ocpp: OcppSettings) -> str | None:
    """One line for what an operator can mend; None for our own mistakes."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case StoreError():
            return str(error)
        case OSError():
            return _why_not_listening(error, f"{ocpp.host}:{ocpp.port}")
    return None


def _why_not_listening(error: OSError, address: str) -> str | None:
    if isinstance(error, socket.gaierror):
        return f"{address}: no such host; give an address of this machine (--host)"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{address} is in use; stop the other process, or take another port (--port)"
        case errno.EADDRNOTAVAIL:
            return f"{address}: no address of this machine; 0.0.0.0 means all of them (--host)"
        case errno.EACCES:
            return f"{address}: not allowed; take a port above 1023 (--port), behind a proxy"
    return None


# The words at start.


def announce(
    settings: Settings,
    addresses: Sequence[Address],
    records: Sequence[ChargePointRecord],
    options: str,
    out: TextIO,
) -> None:
    cautions = warnings(settings, addresses, records)
    if settings.log.format is LogFormat.JSON:
        log.info(
            "started",
            version=__version__,
            urls=urls(settings.ocpp, addresses),
            database=_database(settings),
            registered=len(records),
        )
        for caution in cautions:
            log.warning(caution)
        return
    print(banner(settings, addresses, records, cautions, options), file=out, flush=True)


def banner(
    settings: Settings,
    addresses: Sequence[Address],
    records: Sequence[ChargePointRecord],
    cautions: Sequence[str] = (),
    options: str = "",
) -> str:
    """What a person who started the daemon wants to know first."""
    lines = [f"ocpptrio {__version__}, central system for OCPP 1.6J", ""]

    def add(title: str, *texts: str) -> None:
        for number, text in enumerate(texts):
            lines.append(f"{'' if number else title:<16}  {text}".rstrip())

    def command(text: str) -> str:
        return f"ocpptrio {text} {options}".rstrip()

    found = urls(settings.ocpp, addresses)
    if found:
        add("Charge points", *(f"{url} + identity" for url in found), f"as in {found[0]}CP1")
    else:
        add("Charge points", "no port is open for them ([ocpp] enabled = false)")
    add("Database", _database(settings))
    add("Who may connect", *_who(settings.ocpp, records))
    add("Warning" if len(cautions) == 1 else "Warnings", *cautions)
    lines.append("")
    if found:
        standard = ":8080/ocpp/" in found[0]
        add("Try it", "ocpptrio simulate CP1" + ("" if standard else f" --url {found[0][:-1]}"))
    if found and _all_loopback(addresses):
        add("Let wallboxes in", command("serve --host 0.0.0.0"))
    add("Look around", command("charge-points list"), command("journal tail -f"))
    add("Stop", "Ctrl+C")
    return "\n".join(lines) + "\n"


def urls(ocpp: OcppSettings, addresses: Iterable[Address]) -> list[str]:
    """What a charge point is told to connect to, up to its identity."""
    path = ocpp.paths[0].rstrip("/") + "/"
    return [
        f"ws://[{host}]:{port}{path}" if ":" in host else f"ws://{host}:{port}{path}"
        for bound, port in addresses
        for host in _reachable(bound)
    ]


def warnings(
    settings: Settings, addresses: Iterable[Address], records: Iterable[ChargePointRecord]
) -> list[str]:
    """What stands open that should perhaps not."""
    ocpp = settings.ocpp
    cautions = []
    if settings.store.path == ":memory:":
        cautions.append("the database is in memory: everything is lost when this process ends")
    if not _all_loopback(addresses):
        cautions.append(
            "plain ws on a network: whoever listens there can read passwords and idTags; "
            "put a TLS proxy in front where you do not trust it"
        )
        if ocpp.unknown_charge_points is UnknownChargePoints.ACCEPT:
            cautions.append(
                "unknown charge points are registered from anywhere "
                '([ocpp] unknown_charge_points = "accept")'
            )
        if not ocpp.require_password:
            # One from loopback without a password is let in from this machine only.
            bare = [r for r in records if r.password_hash is None and r.origin != "loopback"]
            if bare:
                cautions.append(
                    f"without a password: {_names(bare)}; "
                    "ocpptrio charge-points set-password ID --generate"
                )
    unlocked = [record for record in records if record.open]
    if unlocked:
        cautions.append(
            f"every idTag may charge at {_names(unlocked)}; ocpptrio charge-points set ID --no-open"
        )
    return cautions


def _who(ocpp: OcppSettings, records: Sequence[ChargePointRecord]) -> list[str]:
    bare = sum(record.password_hash is None for record in records)
    noun = "charge point" if len(records) == 1 else "charge points"
    known = f"{len(records)} registered {noun}"
    if bare:
        known += f", {bare} without a password"
        if ocpp.require_password:
            known += " (refused: require_password)"
    match ocpp.unknown_charge_points:
        case UnknownChargePoints.LOOPBACK:
            unknown = "unknown ones from this machine; others are listed as attempts"
        case UnknownChargePoints.ACCEPT:
            unknown = "unknown ones from anywhere"
        case UnknownChargePoints.REJECT:
            unknown = "no unknown ones; they are listed as attempts"
    return [known, unknown]


def _names(records: Sequence[ChargePointRecord]) -> str:
    names = [record.charge_point_id for record in records[:NAMES_SHOWN]]
    if len(records) > NAMES_SHOWN:
        names.append(f"{len(records) - NAMES_SHOWN} more")
    return ", ".join(names)


def _database(settings: Settings) -> str:
    path = settings.store.path
    return path if path == ":memory:" else str(Path(path).resolve())


def _all_loopback(addresses: Iterable[Address]) -> bool:
    return all(ip_address(host.partition("%")[0]).is_loopback for host, _port in addresses)


def _reachable(bound: str) -> list[str]:
    """The addresses that a wildcard stands for, as far as we can tell; others as they are."""
    if not ip_address(bound.partition("%")[0]).is_unspecified:
        return [bound]
    found = _outward_address(bound)
    if ":" not in bound and sys.platform == "linux":
        found += _interface_addresses()
    return list(dict.fromkeys(found)) or [os.uname().nodename]


def _outward_address(bound: str) -> list[str]:
    """The address from which this machine would speak to the world; nothing is sent."""
    family, far = (
        (socket.AF_INET6, "2001:db8::1") if ":" in bound else (socket.AF_INET, "192.0.2.1")
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return [probe.getsockname()[0]]
    except OSError:
        return []


def _interface_addresses() -> list[str]:
    """One IPv4 address of each interface that is no loopback."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _index, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue  # it has none
            address = socket.inet_ntoa(answer[20:24])
            if not ip_address(address).is_loopback:
                found.append(address)
    return found

"""What `ocpptrio serve` says at start: where to connect, who may, what stands open, where to look.

Not here: the process itself (daemon).
"""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import structlog

from ocpptrio import __version__
from ocpptrio.central_system import Address
from ocpptrio.cli.output import plural, printable
from ocpptrio.config import ApiSettings, LogFormat, OcppSettings, Settings, UnknownChargePoints
from ocpptrio.daemon import Started
from ocpptrio.events import OpenMode
from ocpptrio.reachable import urls
from ocpptrio.store.records import ChargePointRecord

NAMES_SHOWN: Final = 5  # of charge points in one warning

log = structlog.get_logger("ocpptrio")


def announce(settings: Settings, options: str, started: Started) -> None:
    """Tell people or, as log lines, programs that the daemon serves.

    Args:
        options: what a command needs beside its name to find the same database.
    """
    cautions = warnings(settings, started)
    if settings.log.format is LogFormat.JSON:
        log.info(
            "started",
            version=__version__,
            urls=urls(settings.ocpp, started.addresses),
            api=started.api,
            login_url=started.login_url,
            database=_database(settings),
            registered=len(started.charge_points),
        )
        for caution in cautions:
            log.warning(caution)
        return
    print(banner(settings, options, started, cautions), flush=True)


def banner(settings: Settings, options: str, started: Started, cautions: Sequence[str] = ()) -> str:
    """What a person who started the daemon wants to know first."""
    lines = [f"ocpptrio {__version__}, central system for OCPP 1.6J", ""]

    def add(title: str, *texts: str) -> None:
        for number, text in enumerate(texts):
            lines.append(f"{'' if number else title:<16}  {text}".rstrip())

    def command(text: str) -> str:
        return f"ocpptrio {text} {options}".rstrip()

    found = urls(settings.ocpp, started.addresses)
    if found:
        add("Charge points", *(f"{url} + identity" for url in found), f"as in {found[0]}CP1")
    else:
        add("Charge points", "no port is open for them ([ocpp] enabled = false)")
    if started.login_url is not None:
        add("Dashboard", started.login_url, "(logs in once; then set a password)")
    elif started.api is not None:
        add("Dashboard", started.api)
    add("Database", _database(settings))
    add("Who may connect", *_who(settings.ocpp, started.charge_points))
    add("Warning" if len(cautions) == 1 else "Warnings", *cautions)
    lines.append("")
    if found:
        standard = ":8080/ocpp/" in found[0]
        add("Try it", "ocpptrio simulate CP1" + ("" if standard else f" --url {found[0][:-1]}"))
    if found and _all_loopback(started.addresses):
        add("Let wallboxes in", command("serve --host 0.0.0.0"))
    add("Look around", command("charge-points list"), command("journal tail -f"))
    add("Stop", "Ctrl+C")
    return "\n".join(lines) + "\n"


def warnings(settings: Settings, started: Started) -> list[str]:
    """What stands open that should perhaps not."""
    ocpp, records = settings.ocpp, started.charge_points
    cautions = []
    if settings.store.path == ":memory:":
        cautions.append("the database is in memory: everything is lost when this process ends")
    if not _all_loopback(started.addresses):
        cautions.append(
            "plain ws on a network: passwords and idTags can be read on the way; "
            "a TLS proxy in front prevents that"
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
    if started.api is not None and not _is_local(settings.api):
        cautions.append(
            "plain http on a network: passwords and tokens of the dashboard and the API can be "
            "read on the way; a TLS proxy in front prevents that ([api] public_url)"
        )
    unlocked = [record for record in records if record.mode is OpenMode.EVERYBODY]
    if unlocked:
        cautions.append(
            f"every idTag may charge at {_names(unlocked)}; ocpptrio charge-points set ID --no-open"
        )
    return cautions


def _who(ocpp: OcppSettings, records: Sequence[ChargePointRecord]) -> list[str]:
    bare = sum(record.password_hash is None for record in records)
    known = plural(len(records), "registered charge point")
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
    names = [printable(record.charge_point_id) for record in records[:NAMES_SHOWN]]
    if len(records) > NAMES_SHOWN:
        names.append(f"{len(records) - NAMES_SHOWN} more")
    return ", ".join(names)


def _database(settings: Settings) -> str:
    path = settings.store.path
    return path if path == ":memory:" else str(Path(path).resolve())


def _all_loopback(addresses: Iterable[Address]) -> bool:
    return all(ip_address(host.partition("%")[0]).is_loopback for host, _port in addresses)


def _is_local(api: ApiSettings) -> bool:
    """Whether only this machine, or a proxy with TLS, reaches it."""
    return (
        api.host == "localhost"
        or api.public_url.startswith("https://")
        or _all_loopback([(api.host, api.port)])
    )

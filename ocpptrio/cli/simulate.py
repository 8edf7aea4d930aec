"""The command `ocpptrio simulate`: simulated charge points for whoever has a central system.

Only arguments and wiring. What a charge point does is in `ocpptrio.simulator`.
"""

from math import inf
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ocpptrio.errors import ConfigError


async def simulate(
    *identities: str,
    url: str = "ws://127.0.0.1:8080/ocpp",
    count: int | None = None,
    prefix: str = "SIM",
    connectors: int = 2,
    scenario: str = "commute",
    time_scale: float = 1.0,
    duration: float | None = None,
    password: str | None = None,
    id_tag: Annotated[list[str] | None, Parameter(negative=())] = None,
    seed: int = 0,
    ramp: float | None = None,
    security_events: bool = True,
    ca_file: Path | None = None,
    plain: bool = False,
    quirk: Annotated[list[str] | None, Parameter(negative=())] = None,
    list_quirks: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Simulate charge points: they connect, boot, and cars come to charge.

    Waits for a central system that is not there yet, and ends with Ctrl-C. The exit code is 1 if
    any message was answered with an error or never, or if no connection came about; with quirks,
    if a transaction was not acknowledged.

    Parameters
    ----------
    identities
        The charge points, as the central system knows them. One called CP1 if none are given.
    url
        The endpoint, to which each charge point appends its identity.
    count
        Instead of names: so many charge points, called SIM0001, SIM0002 and so on.
    prefix
        How the names made by --count begin.
    connectors
        Of each charge point.
    scenario
        What happens at each charge point: commute, idle, busy, once, remote, offline, or your own
        as module:function.
    time_scale
        With 60, an hour passes in a minute.
    duration
        End after so many (real) seconds; otherwise with Ctrl-C or with the scenario.
    password
        For HTTP Basic authentication, the same for all.
    id_tag
        Cards to use. Made up from the seed if none are given, different at each connector.
    seed
        The same seed repeats a run.
    ramp
        Seconds over which the charge points start; 100 a second if not given.
    security_events
        Send the security extension's SecurityEventNotification.
    ca_file
        Certificates to trust for wss:// instead of the system's.
    plain
        Lines instead of the live table, as when there is no terminal.
    quirk
        Misbehave: q1 to q57, several times if you like; all; or random, for a mix of its own at
        each charge point.
    list_quirks
        Print what each quirk is, and end.
    """
    if list_quirks:
        _print_quirks()
        return 0
    from ocpptrio.simulator import operation  # heavy; other commands go without
    from ocpptrio.simulator.fleet import FleetPlan

    if duration is not None and not 0 < duration < inf:
        raise ConfigError(f"--duration: has to be above 0, not {duration:g}")
    names = list(identities)
    if count is not None:
        if count < 1:
            raise ConfigError(f"--count: has to be at least 1, not {count}")
        width = max(4, len(str(count)))
        names += [f"{prefix}{number:0{width}}" for number in range(1, count + 1)]
    plan = FleetPlan(
        identities=names or ["CP1"],
        url=url,
        connectors=connectors,
        time_scale=time_scale,
        password=password,
        id_tags=id_tag or (),
        seed=seed,
        ramp_s=ramp,
        security_events=security_events,
        ca_file=ca_file,
        quirks=quirk or (),
    )
    return await operation.operate(plan, scenario, duration_s=duration, plain=plain)


def _print_quirks() -> None:
    from ocpptrio.cli.output import FOR_PEOPLE, Columns
    from ocpptrio.simulator.quirks import QUIRKS, Quirk

    columns: Columns[type[Quirk]] = {
        "quirk": lambda quirk: f"q{quirk.number}",
        "what it is": lambda quirk: quirk.title,
        "seen": lambda quirk: quirk.seen,
    }
    FOR_PEOPLE.table(list(QUIRKS.values()), columns)

"""A fleet that misbehaves in all 57 ways, commanded and charging in virtual time.

Real central system, real simulator; only time, chance and the wire are ours. Not here: what has to
be true afterwards (test_virtual_week).
"""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
import structlog
import trio
from trio.testing import MockClock

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import trio_clock
from ocpptrio.config import (
    OcppSettings,
    RetentionSettings,
    Settings,
    StoreSettings,
    WatchdogSettings,
)
from ocpptrio.connection import Transport
from ocpptrio.errors import OcpptrioError
from ocpptrio.events import AnyEvent, OpenMode
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol import (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    smart_charging,
)
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    Request,
)
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.fleet import Fleet, FleetPlan
from ocpptrio.simulator.scenario import commute
from ocpptrio.store import (
    charge_point_groups,
    charge_points,
    commands,
    deviations,
    events,
    journal,
    orphan_stops,
    reviews,
    tasks,
    transactions,
)
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import (
    CommandRecord,
    DeviationRecord,
    JournalEntry,
    OrphanStopRecord,
    ReviewRecord,
    TaskRecord,
    TransactionRecord,
)

MORNING: Final = datetime(2026, 1, 15, 8, tzinfo=UTC)
MINUTE_S: Final = 60.0
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S
GROUP: Final = "everyone"
EXPIRY_S: Final = 6 * HOUR_S  # of queued commands
TELL_S: Final = 4 * DAY_S  # the longest that a charge point may take to tell the rest

_LIMIT = ChargingProfile(
    charging_profile_id=1,
    stack_level=0,
    charging_profile_purpose=ChargingProfilePurposeType.TX_DEFAULT_PROFILE,
    charging_profile_kind=ChargingProfileKindType.RELATIVE,
    charging_schedule=ChargingSchedule(
        charging_rate_unit=ChargingRateUnitType.A,
        charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=16.0),),
    ),
)
_TRIGGERED = (
    remote_trigger.MessageTrigger.BOOT_NOTIFICATION,
    remote_trigger.MessageTrigger.HEARTBEAT,
    remote_trigger.MessageTrigger.METER_VALUES,
    remote_trigger.MessageTrigger.STATUS_NOTIFICATION,
    remote_trigger.MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION,
)

# Asked of everybody, as tasks, early on: what each quirk of answers shows in.
ROUND: Final[tuple[Request[Any], ...]] = (
    core.GetConfiguration(),
    core.GetConfiguration(key=("SupportedFeatureProfiles", "Nonsense")),
    core.ClearCache(),
    core.DataTransfer(vendor_id="org.ocpptrio", message_id="echo", data="hello"),
    core.ChangeAvailability(connector_id=0, type=core.AvailabilityType.OPERATIVE),
    local_auth_list.GetLocalListVersion(),
    smart_charging.GetCompositeSchedule(connector_id=1, duration=600),
    firmware.GetDiagnostics(location="ftp://files.example/diagnostics/"),
)


class Week(msgspec.Struct):
    """What is left of it."""

    fleet: Fleet
    days: float
    ended_us: int
    journal: list[JournalEntry]
    transactions: list[TransactionRecord]
    commands: list[CommandRecord]
    tasks: list[TaskRecord]
    deviations: list[DeviationRecord]
    orphans: list[OrphanStopRecord]
    reviews: list[ReviewRecord]
    events: list[AnyEvent]  # of connections
    errors: list[str]
    outcomes: Counter[str]  # of what was asked with `call`


def run(count: int, days: float, seed: int = 7, command_every_s: float = 15 * MINUTE_S) -> Week:
    """So many charge points for so many days, and then until all of it is told."""
    # Trio reverses batches of tasks by chance; this is its own switch for repeatable runs.
    trio._core._run._r.seed(seed)
    random.seed(seed)
    return trio.run(
        _live, count, days, seed, command_every_s, clock=MockClock(autojump_threshold=0)
    )


async def _live(count: int, days: float, seed: int, command_every_s: float) -> Week:
    settings = Settings(
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=":memory:"),
        retention=RetentionSettings(journal_days=400),
        watchdog=WatchdogSettings(interval=60),  # days pass until the last stop is told
    )
    clock = trio_clock(MORNING)
    numbers = itertools.count(1)
    central = CentralSystem(
        settings, clock=clock, inline_store=True, new_unique_id=lambda: str(next(numbers))
    )
    plan = FleetPlan(
        identities=[f"CP{number:02}" for number in range(count)],
        url="",
        quirks=["random"],
        seed=seed,
        start=MORNING,
        configuration={"MeterValueSampleInterval": "900"},
    )
    outcomes: Counter[str] = Counter()
    with structlog.testing.capture_logs() as lines:
        async with central, trio.open_nursery() as nursery:

            async def opener(charge_point: SimulatedChargePoint, _: trio.Nursery) -> Transport:
                theirs, ours = memory_transport_pair()
                nursery.start_soon(central.serve, charge_point.identity, theirs)
                await trio.lowlevel.checkpoint()
                return ours

            async def visit(charge_point: SimulatedChargePoint) -> None:
                with trio.move_on_at(days * DAY_S):
                    await commute(charge_point)
                await _tell_the_rest(charge_point)

            fleet = Fleet(plan, lambda identity, line: None, opener=opener)
            await central.store.write(lambda db: _enter(db, plan.identities))
            async with trio.open_nursery() as operator:
                operator.start_soon(
                    _operate, central, fleet, days, command_every_s, outcomes, operator
                )
                await fleet.run(visit)
                operator.cancel_scope.cancel()
            # The last commands expire; the reconciler looks once more.
            await trio.sleep(EXPIRY_S + HOUR_S)
            week = await central.store.read(partial(_left, fleet=fleet, days=days))
            nursery.cancel_scope.cancel()
    week.errors = [str(line) for line in lines if line["log_level"] in ("error", "critical")]
    week.outcomes = outcomes
    week.ended_us = clock()
    return week


def _enter(db: Db, identities: Sequence[str]) -> None:
    for charge_point_id in identities:
        charge_points.add(
            db, charge_point_id=charge_point_id, origin="adopted", at_us=0, mode=OpenMode.EVERYBODY
        )
        charge_point_groups.put(db, GROUP, charge_point_id)


async def _tell_the_rest(charge_point: SimulatedChargePoint) -> None:
    """The cars leave; the charge point stays until it has told of all that they took."""
    timing = charge_point.device.timing
    charge_point.station.stop_all(core.Reason.LOCAL)
    with trio.move_on_after(TELL_S):
        while not all(transaction.settled for transaction in charge_point.truth):
            await timing.sleep(MINUTE_S)
        await timing.sleep(10 * MINUTE_S)


async def _operate(
    central: CentralSystem,
    fleet: Fleet,
    days: float,
    command_every_s: float,
    outcomes: Counter[str],
    nursery: trio.Nursery,
) -> None:
    """Ask for all kinds of things, in each of the ways in which one can."""
    chance = seeded("operator")
    over_at = days * DAY_S - HOUR_S
    await trio.sleep(10 * MINUTE_S)
    for request in ROUND:
        await central.tasks.start(request, group=GROUP, expires_in_s=EXPIRY_S)
        await trio.sleep(2 * MINUTE_S)
    for number in itertools.count():
        await trio.sleep(chance.expovariate(1 / command_every_s))
        if trio.current_time() >= over_at:
            return
        if number % 40 == 39:
            await central.tasks.start(
                chance.choice(ROUND), group=GROUP, at_a_time=5, expires_in_s=EXPIRY_S
            )
            continue
        charge_point = chance.choice(fleet.charge_points)
        request = _something(chance, charge_point)
        if number % 3 == 0:
            nursery.start_soon(_call, central, charge_point.identity, request, outcomes)
        else:
            expiry_s = EXPIRY_S if number % 3 == 1 else 5 * MINUTE_S
            await central.charge_point(charge_point.identity).submit(request, expires_in_s=expiry_s)


async def _call(
    central: CentralSystem, identity: str, request: Request[Any], outcomes: Counter[str]
) -> None:
    try:
        await central.charge_point(identity).call(request)
    except OcpptrioError as error:
        outcomes[type(error).__name__] += 1
    else:
        outcomes["answered"] += 1


def _something(chance: random.Random, charge_point: SimulatedChargePoint) -> Request[Any]:
    station = charge_point.station
    connector_id = chance.choice(station.connectors).id
    running = [each.transaction for each in station.connectors if each.transaction is not None]
    known = [each.id.value for each in running if each.id.value is not None]
    choices: list[Request[Any]] = [
        *ROUND,
        core.ChangeConfiguration(key="MeterValueSampleInterval", value="900"),
        core.ChangeConfiguration(key="Nonsense", value="1"),
        core.ChangeAvailability(
            connector_id=connector_id, type=chance.choice(list(core.AvailabilityType))
        ),
        core.ChangeAvailability(connector_id=0, type=core.AvailabilityType.OPERATIVE),
        core.ChangeAvailability(connector_id=0, type=core.AvailabilityType.OPERATIVE),
        core.UnlockConnector(connector_id=connector_id),
        core.Reset(type=chance.choice(list(core.ResetType))),
        core.RemoteStartTransaction(
            id_tag=chance.choice(charge_point.id_tags), connector_id=connector_id
        ),
        core.RemoteStopTransaction(transaction_id=chance.choice(known or [999_999])),
        core.RemoteStopTransaction(transaction_id=chance.choice(known or [999_999])),
        *(
            remote_trigger.TriggerMessage(requested_message=chance.choice(_TRIGGERED))
            for _ in range(3)
        ),
        remote_trigger.TriggerMessage(
            requested_message=remote_trigger.MessageTrigger.STATUS_NOTIFICATION,
            connector_id=connector_id,
        ),
        smart_charging.SetChargingProfile(connector_id=connector_id, cs_charging_profiles=_LIMIT),
        smart_charging.ClearChargingProfile(),
        local_auth_list.SendLocalList(
            list_version=chance.randint(1, 1000), update_type=local_auth_list.UpdateType.FULL
        ),
        reservation.ReserveNow(
            connector_id=connector_id,
            expiry_date=charge_point.device.now() + timedelta(minutes=20),
            id_tag=chance.choice(charge_point.id_tags),
            reservation_id=chance.randint(1, 1000),
        ),
        reservation.CancelReservation(reservation_id=chance.randint(1, 1000)),
    ]
    return chance.choice(choices)


def _left(reader: Reader, *, fleet: Fleet, days: float) -> Week:
    return Week(
        fleet=fleet,
        days=days,
        ended_us=0,
        journal=journal.entries(reader, after=0, limit=10_000_000),
        transactions=transactions.listed(reader, limit=1_000_000),
        commands=commands.listed(reader, limit=1_000_000)[::-1],
        tasks=tasks.listed(reader),
        deviations=deviations.everyone(reader),
        orphans=orphan_stops.everyone(reader),
        reviews=reviews.latest(reader, limit=1_000_000),
        events=[
            one.event
            for one in events.since(
                reader,
                0,
                limit=10_000_000,
                kinds=("Connected", "Disconnected", "Booted", "RegistrationChanged"),
            )
        ],
        errors=[],
        outcomes=Counter(),
    )

"""/charge-points: the fleet as it is. Not here: what changes something (charge_point_changes)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from ocpptrio import vendor_profiles
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import not_found
from ocpptrio.api.routes.conditions import Condition, condition
from ocpptrio.api.versions import tagged
from ocpptrio.api.views import View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.events import OpenMode, ProvisioningState
from ocpptrio.presentation import at
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.reachable import urls
from ocpptrio.services import clock_skew, registers
from ocpptrio.store import charge_points, clock_skews, deviations, events, fleet, provisioning
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import ChargePointRecord, ConnectorRecord, TransactionRecord

Search = Annotated[
    str | None,
    QueryParameter(
        max_length=255,
        description="a part of identity, vendor, model, serial numbers or note, in any letter case",
    ),
]
Group = Annotated[str | None, QueryParameter(max_length=255, description="only of this group")]
Connected = Annotated[bool | None, QueryParameter(description="only those connected, or not")]
Registration = Annotated[
    RegistrationStatus | None, QueryParameter(description="only those registered so")
]
Status = Annotated[
    ChargePointStatus | None,
    QueryParameter(description="only those of which a connector has this status"),
]


EnergySoFar = Callable[[TransactionRecord, Collection[str]], int | None]


class Connector(View, frozen=True, kw_only=True):
    """A connector and its last known status.

    Attributes:
        connector_id: 0: the charge point as a whole.
        status_at: as the charge point says; received_at: by our clock.
    """

    connector_id: int
    status: ChargePointStatus
    error_code: ChargePointErrorCode
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    status_at: datetime
    received_at: datetime


class RunningTransaction(View, frozen=True, kw_only=True):
    """A transaction that has not ended, as far as is known, and its newest meter values.

    Attributes:
        energy_wh: charged so far; in lists, from the ends of its register alone.
        measured_at: of the newest of its values.
        suspect_since: a boot, since which nothing shows that it runs.
    """

    transaction_id: int
    connector_id: int
    id_tag: str
    started_at: datetime
    power_w: float | None
    energy_wh: int | None
    soc_percent: float | None
    measured_at: datetime | None
    suspect_since: datetime | None


class ChargePoint(View, frozen=True, kw_only=True):
    """A charge point: what is kept of it, and how it is now.

    Attributes:
        origin: how it came to be registered: added, adopted, accepted, loopback, embedded.
        generation: how often it has connected.
        conditions: what is wrong with it now.
    """

    charge_point_id: str
    connected: bool
    registration: RegistrationStatus
    mode: OpenMode
    fixed_id_tag: str | None
    learning_ends_at: datetime | None
    password_set: bool
    note: str | None
    registered_at: datetime
    origin: str
    generation: int
    peer: str | None
    connected_at: datetime | None
    last_seen_at: datetime | None
    booted_at: datetime | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    charge_box_serial_number: str | None
    firmware_version: str | None
    iccid: str | None
    imsi: str | None
    meter_type: str | None
    meter_serial_number: str | None
    firmware_status: str | None
    firmware_status_at: datetime | None
    diagnostics_status: str | None
    diagnostics_status_at: datetime | None
    log_status: str | None
    log_status_at: datetime | None
    groups: list[str]
    connectors: list[Connector]
    transactions: list[RunningTransaction]
    conditions: list[Condition]


class Provisioning(View, frozen=True, kw_only=True):
    """How far a charge point is from its wanted configuration; state null: nothing was wanted.

    Attributes:
        accept_when_done: it is Pending until all of it is applied.
        unfinished: rounds in a row that could not be ended.
        round_at: when the last one began; reset_at: when it was last reset for the sake of a key.
    """

    state: ProvisioningState | None
    detail: str | None
    changed_at: datetime | None
    accept_when_done: bool
    unfinished: int
    round_at: datetime | None
    reset_at: datetime | None


class DeviationSummary(View, frozen=True, kw_only=True):
    """In how many ways a charge point leaves the specification, and how often."""

    ways: int
    occurrences: int
    last_at: datetime | None


class ChargePointDetails(ChargePoint, frozen=True, kw_only=True):
    """All that is known of one charge point.

    Attributes:
        clock_skew_s: above 0: its clock is ahead of ours; null: not known. `clock` is the same in
            words.
        event_number: of the last event that is in this; live events go on behind it.
    """

    clock_skew_s: float | None
    clock: str | None
    provisioning: Provisioning
    vendor_profile: str | None
    vendor_profile_note: str | None
    deviations: DeviationSummary
    event_number: int


class Fleet(View, frozen=True, kw_only=True):
    """A page of charge points.

    Attributes:
        event_number: of the last event that is in this; live events go on behind it.
        urls: what a charge point is told to connect to, up to its identity.
    """

    items: list[ChargePoint]
    next_cursor: str | None
    event_number: int
    urls: list[str]


class VendorProfile(View, frozen=True, kw_only=True):
    """What is special about a kind of charge point; see docs/vendor-profiles.md."""

    name: str
    vendor: list[str]
    model: list[str]
    firmware: list[str]
    note: str | None
    pings: bool
    call_timeout_s: float | None
    boot_grace_s: float | None
    slow_to_return: bool
    hex_id_tags_only: bool
    remote_id_tag: str | None
    session_register: bool
    time_zone: str | None
    trigger_boot_reboots: bool
    unannounced_feature_profiles: list[str]
    connector_zero_availability: bool
    stuck_in_finishing: bool
    interrupting_keys: list[str]
    fixed_keys: list[str]


@get("/charge-points")
async def list_charge_points(
    central: Central,
    search: Search = None,
    group: Group = None,
    connected: Connected = None,
    registration: Registration = None,
    connector_status: Status = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Fleet:
    """Charge points by identity, with their connectors, transactions and what is wrong with them.

    Beginning from `event_number` of the first page, the live events tell all that changes later.
    """
    after = key_of(cursor, str) or ""

    def work(reader: Reader) -> tuple[Page[ChargePoint], int]:
        found = fleet.listed(
            reader,
            search=search,
            group=group,
            connected=connected,
            registration=registration,
            connector_status=connector_status,
            after=after,
            limit=limit + 1,
        )
        known = _Belongings(reader, [record.charge_point_id for record in found[:limit]])
        listed = page(found, limit, lambda record: record.charge_point_id, known.view)
        return listed, events.last_number(reader)

    listed, event_number = await central.store.read(work)
    return Fleet(
        items=listed.items,
        next_cursor=listed.next_cursor,
        event_number=event_number,
        urls=urls(central.settings.ocpp, central.addresses),
    )


@get("/charge-points/{charge_point_id:str}")
async def one_charge_point(
    central: Central, charge_point_id: FromPath[str]
) -> Response[ChargePointDetails]:
    """All that is known of one charge point."""
    record, found = await central.store.read(
        lambda reader: details(central, reader, charge_point_id)
    )
    return tagged(found, version(record))


@get("/charge-points/{charge_point_id:str}/connectors")
async def list_connectors(central: Central, charge_point_id: FromPath[str]) -> Page[Connector]:
    """The connectors of a charge point, by number; 0 is the charge point as a whole."""

    def work(reader: Reader) -> list[ConnectorRecord]:
        known(reader, charge_point_id)
        return fleet.connectors_of(reader, [charge_point_id]).get(charge_point_id, [])

    return Page([shown(Connector, row) for row in await central.store.read(work)])


@get("/charge-points/{charge_point_id:str}/vendor-profile")
async def show_vendor_profile(central: Central, charge_point_id: FromPath[str]) -> VendorProfile:
    """What is special about this kind of charge point; of an ordinary one the name is `none`."""
    record = await central.store.read(lambda reader: known(reader, charge_point_id))
    return msgspec.convert(msgspec.structs.asdict(profile_of(central, record)), VendorProfile)


def known(reader: Reader, charge_point_id: str) -> ChargePointRecord:
    """The charge point.

    Raises:
        Problem: 404.
    """
    record = charge_points.get(reader, charge_point_id)
    if record is None:
        raise not_found(f"{charge_point_id} is not registered", see="GET /api/v1/charge-points")
    return record


def details(
    central: CentralSystem, reader: Reader, charge_point_id: str
) -> tuple[ChargePointRecord, ChargePointDetails]:
    """All that is known of one charge point, and its row for the version.

    Raises:
        Problem: 404.
    """
    record = known(reader, charge_point_id)
    skew_us = clock_skews.get(reader, charge_point_id)
    profile = profile_of(central, record)
    ordinary = profile is vendor_profiles.ORDINARY
    ledger = deviations.of(reader, charge_point_id)
    listed = _Belongings(reader, [charge_point_id], partial(registers.running_wh, reader)).view(
        record
    )
    return record, ChargePointDetails(
        **msgspec.structs.asdict(listed),
        clock_skew_s=None if skew_us is None else skew_us / 1_000_000,
        clock=None if skew_us is None else clock_skew.in_words(skew_us),
        provisioning=shown(Provisioning, provisioning.get(reader, charge_point_id)),
        vendor_profile=None if ordinary else profile.name,
        vendor_profile_note=profile.note,
        deviations=DeviationSummary(
            ways=len(ledger),
            occurrences=sum(row.occurrences for row in ledger),
            last_at=at(max((row.last_at_us for row in ledger), default=None)),
        ),
        event_number=events.last_number(reader),
    )


def profile_of(central: CentralSystem, record: ChargePointRecord) -> vendor_profiles.VendorProfile:
    """The profile in force, by what the charge point said when it booted last."""
    return central.registry.profiles.choose(record.vendor, record.model, record.firmware_version)


def version(record: ChargePointRecord) -> object:
    """What people edit of a charge point."""
    return (
        record.registration,
        record.mode,
        record.fixed_id_tag,
        record.learning_ends_at_us,
        record.note,
        record.password_hash,
    )


class _Belongings:
    """What belongs to some charge points, a query for each kind.

    Args:
        energy_wh: what a running transaction has taken so far.
    """

    def __init__(
        self,
        reader: Reader,
        charge_point_ids: Sequence[str],
        energy_wh: EnergySoFar = registers.quick_running_wh,
    ) -> None:
        self._energy_wh = energy_wh
        self._connectors = fleet.connectors_of(reader, charge_point_ids)
        self._groups = fleet.groups_of(reader, charge_point_ids)
        self._conditions = fleet.conditions_of(reader, charge_point_ids)
        self._running = fleet.running_of(reader, charge_point_ids)
        running = [row.transaction_id for rows in self._running.values() for row in rows]
        self._newest = fleet.newest_of(reader, running)
        self._habits = fleet.habits_of(reader, list(self._running))

    def view(self, record: ChargePointRecord) -> ChargePoint:
        """The charge point as it is shown."""
        name = record.charge_point_id
        return shown(
            ChargePoint,
            record,
            groups=self._groups.get(name, []),
            connectors=[shown(Connector, row) for row in self._connectors.get(name, ())],
            transactions=[self._transaction(row) for row in self._running.get(name, ())],
            conditions=[condition(row) for row in self._conditions.get(name, ())],
        )

    def _transaction(self, row: TransactionRecord) -> RunningTransaction:
        newest = self._newest.get(row.transaction_id, fleet.Newest())
        habits = {one.habit for one in self._habits.get(row.charge_point_id, ())}
        return shown(
            RunningTransaction,
            row,
            power_w=newest.power_w,
            energy_wh=self._energy_wh(row, habits),
            soc_percent=newest.soc_percent,
            measured_at=at(newest.measured_at_us),
        )


ROUTES: Final = [list_charge_points, one_charge_point, list_connectors, show_vendor_profile]

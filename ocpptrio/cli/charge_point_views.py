"""`ocpptrio charge-points list`, `show` and `attempts`: who is there, and who was turned away.

Not here: what changes something (charge_points).
"""

import shlex
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import (
    FOR_PEOPLE,
    Failed,
    Output,
    cell,
    heading,
    joined,
    print_fields,
)
from ocpptrio.clock import system_clock
from ocpptrio.config import Settings
from ocpptrio.errors import UnknownChargePoint
from ocpptrio.events import OpenMode
from ocpptrio.presentation import at, public
from ocpptrio.services.charge_points import Remedy, remedy
from ocpptrio.services.charge_points import known as registered
from ocpptrio.services.clock_skew import in_words
from ocpptrio.store import (
    attempts,
    charge_points,
    clock_skews,
    conditions,
    configuration,
    connectors,
    deviations,
    provisioning,
    transactions,
)
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import (
    AttemptRecord,
    ChargePointRecord,
    ConditionRecord,
    ConfigurationRecord,
    ConnectorRecord,
    DeviationRecord,
    ProvisioningRecord,
    TransactionRecord,
)
from ocpptrio.vendor_profiles import ORDINARY, VendorProfile, load_profiles


class Listed(msgspec.Struct, frozen=True):
    """A charge point and its connectors."""

    record: ChargePointRecord
    connectors: Sequence[ConnectorRecord]


class Detailed(Listed, frozen=True, kw_only=True):
    """A charge point with all that is known of it."""

    running: Sequence[TransactionRecord]
    configuration: Sequence[ConfigurationRecord]
    deviations: Sequence[DeviationRecord]
    conditions: Sequence[ConditionRecord]
    clock_skew_us: int | None
    provisioning: ProvisioningRecord


class Refused(msgspec.Struct, frozen=True):
    """Somebody who was turned away, and the command that would let him in."""

    attempt: AttemptRecord
    remedy: str


async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all charge points."""

    def work(reader: Reader) -> list[Listed]:
        of: dict[str, list[ConnectorRecord]] = {}
        for connector in connectors.everyone(reader):
            of.setdefault(connector.charge_point_id, []).append(connector)
        return [
            Listed(record, of.get(record.charge_point_id, ()))
            for record in charge_points.everyone(reader)
        ]

    output.table(
        await database.read(work),
        {
            "identity": lambda row: row.record.charge_point_id,
            "connected": lambda row: row.record.connected,
            "registration": lambda row: row.record.registration,
            "model": lambda row: joined(row.record.vendor, row.record.model),
            "firmware": lambda row: row.record.firmware_version,
            "connectors": _statuses,
            "last seen": lambda row: _last_seen(row.record),
            "password": lambda row: row.record.password_hash is not None,
            "mode": lambda row: row.record.mode,
        },
        empty="no charge points yet; connect one, or: ocpptrio charge-points add ID",
        view=_listed_view,
    )


async def show(
    charge_point_id: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show all that is known of one charge point.

    Args:
        charge_point_id: Its identity.
    """

    def work(reader: Reader) -> Detailed:
        return Detailed(
            known(reader, charge_point_id),
            connectors.of(reader, charge_point_id),
            running=transactions.listed(reader, charge_point_id=charge_point_id, state="open"),
            configuration=configuration.of(reader, charge_point_id),
            deviations=deviations.of(reader, charge_point_id),
            conditions=conditions.listed(reader, charge_point_id=charge_point_id),
            clock_skew_us=clock_skews.get(reader, charge_point_id),
            provisioning=provisioning.get(reader, charge_point_id),
        )

    found = await database.read(work)
    skew_us = found.clock_skew_us
    profile = vendor_profile(found.record, database.settings())
    if output.json:
        output.document(
            _listed_view(found)
            | {
                "transactions": [public(row) for row in found.running],
                "configuration": [public(row) for row in found.configuration],
                "deviations": [public(row) for row in found.deviations],
                "conditions": [public(row) for row in found.conditions],
                "clock_skew_s": skew_us and skew_us / 1_000_000,
                "vendor_profile": msgspec.to_builtins(profile),
                "provisioning": public(found.provisioning),
            }
        )
        return
    record = found.record
    print_fields(
        {
            "identity": record.charge_point_id,
            "connected": record.connected,
            "from": record.peer,
            "since": at(record.connected_at_us) if record.connected else None,
            "last seen": _last_seen(record),
            "registration": record.registration,
            "password": "none" if record.password_hash is None else "set",
            "mode": mode_sentence(record),
            "model": joined(record.vendor, record.model),
            "serial number": record.serial_number or record.charge_box_serial_number,
            "firmware": joined(record.firmware_version, record.firmware_status),
            "meter": joined(record.meter_type, record.meter_serial_number),
            "SIM card": joined(record.iccid, record.imsi),
            "diagnostics": record.diagnostics_status,
            "log": record.log_status,
            "booted": at(record.booted_at_us),
            "clock": None if skew_us is None else in_words(skew_us),
            "registered": f"{cell(at(record.registered_at_us))} ({record.origin})",
            "note": record.note,
            "vendor profile": None if profile is ORDINARY else profile.name,
            "": profile.note,
            "configuration": joined(found.provisioning.state, found.provisioning.detail),
        }
    )
    if found.conditions:
        heading("What is wrong")
        output.table(
            found.conditions,
            {
                "condition": lambda row: row.kind,
                "connector": lambda row: row.connector_id or None,
                "since": lambda row: at(row.since_us),
                "evidence": lambda row: row.evidence,
            },
        )
    if found.connectors:
        heading("Connectors (0 is the charge point as a whole)")
        output.table(
            found.connectors,
            {
                "connector": lambda row: row.connector_id,
                "status": lambda row: row.status,
                "since": lambda row: at(row.status_at_us),
                "error": lambda row: row.error_code,
                "info": lambda row: joined(row.info, row.vendor_error_code),
            },
        )
    if found.running:
        heading("Running transactions")
        output.table(
            found.running,
            {
                "transaction": lambda row: row.transaction_id,
                "connector": lambda row: row.connector_id,
                "tag": lambda row: row.id_tag,
                "started": lambda row: at(row.started_at_us),
            },
        )
    if found.configuration:
        heading("Configuration, as reported")
        output.table(
            found.configuration,
            {
                "key": lambda row: row.key,
                "value": lambda row: row.value,
                "read only": lambda row: row.readonly,
                "reported": lambda row: at(row.reported_at_us),
            },
        )
    if found.deviations:
        heading("Where it leaves the specification")
        output.table(
            found.deviations,
            {
                "action": lambda row: row.action,
                "field": lambda row: row.field,
                "kind": lambda row: row.kind,
                "times": lambda row: row.occurrences,
                "last": lambda row: at(row.last_at_us),
                "example": lambda row: row.example,
            },
        )


async def list_attempts(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List who was turned away, why, and what would let them in."""

    def work(reader: Reader) -> list[Refused]:
        return [
            Refused(attempt, _remedy(charge_points.get(reader, attempt.charge_point_id), attempt))
            for attempt in attempts.everyone(reader)
        ]

    output.table(
        await database.read(work),
        {
            "identity": lambda row: row.attempt.charge_point_id,
            "from": lambda row: row.attempt.peer,
            "why": lambda row: row.attempt.reason,
            "times": lambda row: row.attempt.occurrences,
            "last": lambda row: at(row.attempt.last_at_us),
            "to let it in": lambda row: row.remedy,
        },
        empty="nobody was turned away",
        view=lambda row: public(row.attempt) | {"remedy": row.remedy},
    )


def known(reader: Reader, charge_point_id: str) -> ChargePointRecord:
    """The charge point.

    Raises:
        Failed: it is not registered.
    """
    try:
        return registered(reader, charge_point_id)
    except UnknownChargePoint as error:
        raise Failed(f"{error}; see: ocpptrio charge-points list") from None


def vendor_profile(record: ChargePointRecord, settings: Settings) -> VendorProfile:
    """The profile in force, by what the charge point said when it booted last.

    Raises:
        ConfigError: a profile is wrong.
    """
    profiles = load_profiles(settings.vendor_profiles.directory)
    return profiles.choose(record.vendor, record.model, record.firmware_version)


def mode_sentence(record: ChargePointRecord) -> str:
    """Who may charge there, as people read it."""
    match record.mode:
        case OpenMode.CLOSED:
            return "closed: the list of tags says who may charge"
        case OpenMode.EVERYBODY:
            return "everybody: every idTag may charge"
        case OpenMode.FIXED_TAG:
            return f"fixed tag: every idTag counts as {record.fixed_id_tag}"
        case OpenMode.LEARN:
            until_us = record.learning_ends_at_us or 0
            if until_us <= system_clock():
                return f"closed: learning ended {cell(at(until_us))}"
            return f"learn: until {cell(at(until_us))}, unknown idTags become known"


def _listed_view(row: Listed) -> dict[str, object]:
    return public(row.record) | {"connectors": [public(c) for c in row.connectors]}


def _last_seen(record: ChargePointRecord) -> datetime | str | None:
    return "now" if record.connected else at(record.last_seen_at_us)


def _remedy(record: ChargePointRecord | None, attempt: AttemptRecord) -> str:
    """The command that lets it in; "" where the charge point itself must be set up otherwise."""
    match remedy(record, attempt):
        case None:
            return ""
        case Remedy.ADOPT:
            command = "adopt"
        case Remedy.SET_PASSWORD:
            command = "set-password"
    return f"ocpptrio charge-points {command} {shlex.quote(attempt.charge_point_id)}"


def _statuses(row: Listed) -> str:
    """Connector 0 stands for the whole charge point: of interest only while it is alone."""
    shown = [c for c in row.connectors if c.connector_id] or row.connectors
    return ", ".join(f"{connector.connector_id} {connector.status}" for connector in shown)

"""Rebuilds all sessions from the store at start: the last known truth, marked offline."""

from msgspec.structs import replace

from ocpptrio.events import ConditionKind
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.session.registry import Registry, Session
from ocpptrio.session.state import Condition, ConnectorState, RunningTransaction, SessionState
from ocpptrio.store import (
    charge_points,
    clock_skews,
    conditions,
    configuration,
    connectors,
    orphan_stops,
    provisioning,
    register_habits,
    transactions,
)
from ocpptrio.store.driver import Reader, Store
from ocpptrio.store.records import ProvisioningRecord

STUCK = (ConditionKind.STUCK_PREPARING, ConditionKind.STUCK_FINISHING)


async def restore(store: Store, registry: Registry, now_us: int) -> None:
    """Fill the registry. Connections that were open when the process ended are closed now."""
    await store.write(lambda db: charge_points.all_offline(db, now_us))
    for session in await store.read(_sessions):
        registry.put(session)


def _sessions(reader: Reader) -> list[Session]:
    connectors_of: dict[str, dict[int, ConnectorState]] = {}
    for connector in connectors.everyone(reader):
        connectors_of.setdefault(connector.charge_point_id, {})[connector.connector_id] = (
            ConnectorState(
                connector_id=connector.connector_id,
                status=ChargePointStatus(connector.status),
                error_code=ChargePointErrorCode(connector.error_code),
                status_at_us=connector.status_at_us,
                received_at_us=connector.received_at_us,
                since_us=connector.received_at_us,
                info=connector.info,
                vendor_error_code=connector.vendor_error_code,
            )
        )
    running_of: dict[str, dict[int, RunningTransaction]] = {}
    for transaction in transactions.everyone_open(reader):
        running_of.setdefault(transaction.charge_point_id, {})[transaction.transaction_id] = (
            RunningTransaction(
                transaction_id=transaction.transaction_id,
                connector_id=transaction.connector_id,
                id_tag=transaction.id_tag,
                authorization=transaction.authorization_status,
                started_at_us=transaction.started_at_us,
                received_at_us=transaction.start_received_at_us,
                meter_start_wh=transaction.meter_start_wh,
                suspect_since_us=transaction.suspect_since_us,
                first_register_wh=transaction.first_meter_wh,
                first_register_at_us=transaction.first_meter_at_us,
            )
        )
    keys_of: dict[str, dict[str, str | None]] = {}
    read_at_us: dict[str, int] = {}
    for entry in configuration.everyone(reader):
        before_us = read_at_us.get(entry.charge_point_id, 0)
        read_at_us[entry.charge_point_id] = max(before_us, entry.reported_at_us)
        keys_of.setdefault(entry.charge_point_id, {})[entry.key] = entry.value
    skews_us = clock_skews.everyone(reader)
    conditions_of: dict[str, list[Condition]] = {}
    for condition in conditions.everyone_open(reader):
        conditions_of.setdefault(condition.charge_point_id, []).append(
            Condition(
                kind=condition.kind,
                connector_id=condition.connector_id,
                since_us=condition.since_us,
                raised_at_us=condition.raised_at_us,
                evidence=condition.evidence,
                steps=condition.steps,
                stepped_at_us=condition.stepped_at_us,
            )
        )
        # The row of a connector tells when its status came last, and it may have come again.
        stuck = connectors_of.get(condition.charge_point_id, {})
        if condition.kind in STUCK and condition.connector_id in stuck:
            stuck[condition.connector_id] = replace(
                stuck[condition.connector_id], since_us=condition.since_us
            )
    provisioned = {record.charge_point_id: record for record in provisioning.everyone(reader)}
    nothing = ProvisioningRecord(charge_point_id="")
    orphans_of: dict[str, set[int]] = {}
    for orphan in orphan_stops.unresolved(reader):
        orphans_of.setdefault(orphan.charge_point_id, set()).add(orphan.orphan_id)
    habits_of: dict[str, set[str]] = {}
    for known in register_habits.everyone(reader):
        habits_of.setdefault(known.charge_point_id, set()).add(known.habit)
    return [
        Session(
            SessionState(
                charge_point_id=record.charge_point_id,
                registration=record.registration,
                mode=record.mode,
                fixed_id_tag=record.fixed_id_tag,
                learning_ends_at_us=record.learning_ends_at_us,
                generation=record.generation,
                peer=record.peer,
                connected_at_us=record.connected_at_us,
                booted_at_us=record.booted_at_us,
                vendor=record.vendor,
                model=record.model,
                serial_number=record.serial_number,
                firmware_version=record.firmware_version,
                firmware_status=record.firmware_status,
                diagnostics_status=record.diagnostics_status,
                log_status=record.log_status,
                connectors=connectors_of.get(record.charge_point_id, {}),
                transactions=running_of.get(record.charge_point_id, {}),
                configuration=keys_of.get(record.charge_point_id, {}),
                clock_skew_us=skews_us.get(record.charge_point_id),
                conditions=tuple(conditions_of.get(record.charge_point_id, ())),
                configuration_read_at_us=read_at_us.get(record.charge_point_id),
                provisioning=provisioned.get(record.charge_point_id, nothing).state,
                provisioning_detail=provisioned.get(record.charge_point_id, nothing).detail,
                orphan_stops=frozenset(orphans_of.get(record.charge_point_id, ())),
                register_habits=frozenset(habits_of.get(record.charge_point_id, ())),
            ),
            record.last_seen_at_us or 0,
        )
        for record in charge_points.everyone(reader)
    ]

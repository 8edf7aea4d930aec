"""Rebuilds all sessions from the store at start: the last known truth, marked offline."""

from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.session.registry import Registry, Session
from ocpptrio.session.state import ConnectorState, RunningTransaction, SessionState
from ocpptrio.store import (
    charge_points,
    configuration,
    connectors,
    orphan_stops,
    register_habits,
    transactions,
)
from ocpptrio.store.driver import Reader, Store


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
                meter_start_wh=transaction.meter_start_wh,
                suspect_since_us=transaction.suspect_since_us,
                first_register_wh=transaction.first_meter_wh,
                first_register_at_us=transaction.first_meter_at_us,
            )
        )
    keys_of: dict[str, dict[str, str | None]] = {}
    for entry in configuration.everyone(reader):
        keys_of.setdefault(entry.charge_point_id, {})[entry.key] = entry.value
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
                open=record.open,
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
                orphan_stops=frozenset(orphans_of.get(record.charge_point_id, ())),
                register_habits=frozenset(habits_of.get(record.charge_point_id, ())),
            ),
            record.last_seen_at_us or 0,
        )
        for record in charge_points.everyone(reader)
    ]

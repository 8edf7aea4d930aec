"""Records and tables have the same shape."""

import apsw
import pytest

from ocpptrio.store import events, journal, meter_readings, records
from ocpptrio.store.driver import Table
from ocpptrio.store.migrations import migrate
from ocpptrio.store.records import Record

TABLES: dict[str, type[Record]] = {
    "charge_points": records.ChargePointRecord,
    "connectors": records.ConnectorRecord,
    "id_tags": records.IdTagRecord,
    "tag_groups": records.TagGroupRecord,
    "transactions": records.TransactionRecord,
    "orphan_stops": records.OrphanStopRecord,
    "meter_readings": records.MeterReading,
    "conclusions": records.ConclusionRecord,
    "reviews": records.ReviewRecord,
    "register_habits": records.RegisterHabitRecord,
    "meter_rollups": records.RollupRecord,
    "progress": records.ProgressRecord,
    "commands": records.CommandRecord,
    "tasks": records.TaskRecord,
    "deviations": records.DeviationRecord,
    "reported_configuration": records.ConfigurationRecord,
    "security_events": records.SecurityEventRecord,
    "certificate_requests": records.CertificateRequestRecord,
    "attempts": records.AttemptRecord,
    "journal": records.JournalEntry,
    "conditions": records.ConditionRecord,
    "webhooks": records.WebhookRecord,
    "alerts": records.AlertRecord,
    "alert_notices": records.AlertNotice,
    "webhook_deliveries": records.WebhookDeliveryRecord,
    "mqtt": records.MqttRecord,
    "wanted_configuration": records.WantedRecord,
    "configuration_attempts": records.AttemptedRecord,
    "configuration_changes": records.ConfigurationChange,
    "provisioning": records.ProvisioningRecord,
    "users": records.UserRecord,
    "tokens": records.TokenRecord,
    "audit": records.AuditRecord,
}
NO_RECORD = {
    "charge_point_groups",
    "clock_skews",
    "events",
    "logins",
    "schema_version",
    "sqlite_sequence",
    "tag_rights",
}
SELECTED_BY_NAME = ("id_tags", "tag_groups")
LOOKED_UP = (
    "last_meter_wh",
    "last_meter_at_us",
    "first_meter_wh",
    "first_meter_at_us",
)  # with a transaction
NOT_SHOWN = ("reading_id",)


@pytest.fixture
def columns() -> dict[str, list[str]]:
    connection = apsw.Connection(":memory:")
    migrate(connection, ":memory:")
    found: dict[str, list[str]] = {}
    sql = """SELECT tables.name, columns.name FROM sqlite_master AS tables,
        pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' ORDER BY tables.name, columns.cid"""
    for table, column in connection.execute(sql):
        found.setdefault(str(table), []).append(str(column))
    connection.close()
    return found


def test_every_table_has_a_record_or_is_known_to_have_none(columns: dict[str, list[str]]) -> None:
    assert columns.keys() - TABLES.keys() == NO_RECORD


@pytest.mark.parametrize("table", TABLES)
def test_fields_are_the_columns_in_their_order(table: str, columns: dict[str, list[str]]) -> None:
    fields = [name for name in TABLES[table].__struct_fields__ if name not in LOOKED_UP]
    shown = [name for name in columns[table] if name not in NOT_SHOWN]
    if table in SELECTED_BY_NAME:
        fields, shown = sorted(fields), sorted(shown)
    assert fields == shown


@pytest.mark.parametrize("table", [events.TABLE, journal.TABLE, meter_readings.TABLE])
def test_what_is_appended_are_columns(table: Table, columns: dict[str, list[str]]) -> None:
    assert set(table.columns) < set(columns[table.name])

"""How large the database is, told cheaply: no table of millions of rows is counted.

Not here: figures of the fleet (overview).
"""

from typing import Final

from ocpptrio.store.driver import Reader

# Numbered in order of arrival and deleted from the old end: the numbers tell how many there are.
_NUMBERED: Final = {
    "transactions": "transaction_id",
    "meter_readings": "reading_id",
    "events": "number",
    "journal": "entry",
    "commands": "command_id",
    "security_events": "security_event_id",
    "reviews": "review_id",
}
_SMALL: Final = ("charge_points", "connectors", "id_tags", "deviations", "attempts")

# Names of our own.
_ROWS: Final = " UNION ALL ".join(
    [
        f"SELECT '{table}', coalesce((SELECT max({key}) FROM {table})"  # noqa: S608
        f" - (SELECT min({key}) FROM {table}) + 1, 0)"
        for table, key in _NUMBERED.items()
    ]
    + [f"SELECT '{table}', count(*) FROM {table}" for table in _SMALL]  # noqa: S608
)


def rows(reader: Reader) -> dict[str, int]:
    """Rows of each table that matters: an estimate for the large ones, never too low."""
    return {str(table): _int(count) for table, count in reader.rows(_ROWS)}


def schema_version(reader: Reader) -> int:
    ((version,),) = reader.rows("SELECT max(version) FROM schema_version")
    return _int(version)


def open_commands(reader: Reader) -> dict[str, int]:
    """How many are queued or sent, by state."""
    sql = "SELECT state, count(*) FROM commands WHERE settled_at_us IS NULL GROUP BY state"
    return {str(state): _int(count) for state, count in reader.rows(sql)}


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value

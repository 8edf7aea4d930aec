"""Charge points as pages of a list, and what belongs to those of one page: one query for each kind.

A fleet may have ten thousand: nothing here asks once per charge point. Not here: what is kept of
one (charge_points, connectors, conditions, transactions).
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

from ocpptrio.protocol.core import ChargePointStatus, RegistrationStatus
from ocpptrio.store import transactions
from ocpptrio.store.driver import Reader, SqlValue, like
from ocpptrio.store.records import (
    ChargePointRecord,
    ConditionRecord,
    ConnectorRecord,
    Record,
    RegisterHabitRecord,
    TransactionRecord,
)

# Readings of a transaction in which its newest values are looked for: one that came without power
# or state of charge follows one with them, or the charge point never sends them.
READINGS_LOOKED_AT: Final = 8

_SEARCHED: Final = (
    "charge_point_id",
    "vendor",
    "model",
    "serial_number",
    "charge_box_serial_number",
    "note",
)
_MATCHES: Final = " OR ".join(f"lower({column}) LIKE lower(?) ESCAPE '\\'" for column in _SEARCHED)


OwnedT = TypeVar("OwnedT", bound="_Owned")
Of = dict[str, list[OwnedT]]  # by identity


class _Owned(Protocol):
    @property
    def charge_point_id(self) -> str: ...


class Newest(Record, frozen=True, kw_only=True):
    """The newest of what was measured in a transaction; None where nothing was lately."""

    power_w: float | None = None
    soc_percent: float | None = None
    measured_at_us: int | None = None


def listed(
    reader: Reader,
    *,
    search: str | None = None,
    group: str | None = None,
    connected: bool | None = None,
    registration: RegistrationStatus | None = None,
    connector_status: ChargePointStatus | None = None,
    after: str = "",
    limit: int = 100,
) -> list[ChargePointRecord]:
    """Those that fit all that is given, by identity; the next page is `after` the last one.

    Args:
        search: a part of identity, vendor, model, serial numbers or note, in any letter case (of
            A to Z, as SQLite knows no others).
        connector_status: that at least one connector has, as far as is known.
    """
    where = ["charge_point_id > ?"]
    values: list[SqlValue] = [after]
    if search:
        where.append(f"({_MATCHES})")
        values += [like(search)] * len(_SEARCHED)
    if group is not None:
        where.append(
            "charge_point_id IN (SELECT charge_point_id FROM charge_point_groups"
            " WHERE group_name = ?)"
        )
        values.append(group)
    if connected is not None:
        where.append("connected = ?")
        values.append(int(connected))
    if registration is not None:
        where.append("registration = ?")
        values.append(registration)
    if connector_status is not None:
        where.append(
            "EXISTS (SELECT 1 FROM connectors"
            " WHERE connectors.charge_point_id = charge_points.charge_point_id AND status = ?)"
        )
        values.append(connector_status)
    # Nothing but conditions of our own is put in.
    sql = f"""SELECT * FROM charge_points WHERE {" AND ".join(where)}
        ORDER BY charge_point_id LIMIT ?"""  # noqa: S608
    return [ChargePointRecord.of(row) for row in reader.rows(sql, [*values, limit])]


def connectors_of(reader: Reader, charge_point_ids: Sequence[str]) -> Of[ConnectorRecord]:
    """In the order of their numbers."""
    sql = f"SELECT * FROM connectors WHERE {_among(charge_point_ids)} ORDER BY connector_id"  # noqa: S608 - see _among
    return _by_charge_point(ConnectorRecord.of(row) for row in reader.rows(sql, charge_point_ids))


def groups_of(reader: Reader, charge_point_ids: Sequence[str]) -> dict[str, list[str]]:
    """Identity -> the groups that it is in, in order."""
    sql = f"""SELECT charge_point_id, group_name FROM charge_point_groups
        WHERE {_among(charge_point_ids)} ORDER BY group_name"""  # noqa: S608 - see _among
    found: dict[str, list[str]] = {}
    for charge_point_id, group in reader.rows(sql, charge_point_ids):
        found.setdefault(str(charge_point_id), []).append(str(group))
    return found


def conditions_of(reader: Reader, charge_point_ids: Sequence[str]) -> Of[ConditionRecord]:
    """What is wrong now, the oldest first."""
    sql = f"""SELECT * FROM conditions
        WHERE {_among(charge_point_ids)} AND cleared_at_us IS NULL
        ORDER BY condition_id"""  # noqa: S608 - see _among
    return _by_charge_point(ConditionRecord.of(row) for row in reader.rows(sql, charge_point_ids))


def running_of(reader: Reader, charge_point_ids: Sequence[str]) -> Of[TransactionRecord]:
    """Transactions that run as far as is known, with their newest registers, by connector."""
    return _by_charge_point(
        transactions.open_among(reader, _among(charge_point_ids), charge_point_ids)
    )


def habits_of(reader: Reader, charge_point_ids: Sequence[str]) -> Of[RegisterHabitRecord]:
    """Odd ways in which their registers count; most have none."""
    sql = f"SELECT * FROM register_habits WHERE {_among(charge_point_ids)}"  # noqa: S608 - see _among
    rows = reader.rows(sql, charge_point_ids)
    return _by_charge_point(RegisterHabitRecord.of(row) for row in rows)


def newest_of(reader: Reader, transaction_ids: Sequence[int]) -> dict[int, Newest]:
    """Transaction id -> its newest values, of those in which anything was measured."""
    if not transaction_ids:
        return {}
    # The plus: see transactions.
    sql = f"""SELECT transactions.transaction_id, power_w, soc_percent, measured_at_us
        FROM transactions JOIN meter_readings ON reading_id IN (
            SELECT reading_id FROM meter_readings AS newest
            WHERE newest.charge_point_id = transactions.charge_point_id
                AND coalesce(newest.transaction_id, 0) = +transactions.transaction_id
            ORDER BY newest.measured_at_us DESC LIMIT {READINGS_LOOKED_AT})
        WHERE transactions.transaction_id IN ({", ".join("?" * len(transaction_ids))})
        ORDER BY measured_at_us"""  # noqa: S608 - numbers and question marks
    found: dict[int, Newest] = {}
    for transaction_id, *values in reader.rows(sql, transaction_ids):
        assert isinstance(transaction_id, int)
        now = Newest.of(tuple(values))
        before = found.get(transaction_id, Newest())
        found[transaction_id] = Newest(
            power_w=before.power_w if now.power_w is None else now.power_w,
            soc_percent=before.soc_percent if now.soc_percent is None else now.soc_percent,
            measured_at_us=now.measured_at_us,
        )
    return found


def _among(charge_point_ids: Sequence[str]) -> str:
    """A condition of nothing but question marks."""
    if not charge_point_ids:
        return "FALSE"
    return f"charge_point_id IN ({', '.join('?' * len(charge_point_ids))})"


def _by_charge_point(records: Iterable[OwnedT]) -> Of[OwnedT]:
    found: Of[OwnedT] = {}
    for record in records:
        found.setdefault(record.charge_point_id, []).append(record)
    return found

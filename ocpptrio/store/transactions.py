"""Transactions: charging, from a StartTransaction to its stop. They are never deleted.

Not here: whose start or stop is believed (services), meter readings, stops that fit nothing.
"""

from collections.abc import Collection, Iterable, Sequence

from ocpptrio.errors import StoreError
from ocpptrio.protocol.datatypes import AuthorizationStatus, id_tag_key
from ocpptrio.store.driver import Db, Reader, SqlValue
from ocpptrio.store.records import Running, TransactionRecord, split_flags
from ocpptrio.store.vocabulary import EnergySource, TransactionState

# Registers are looked up with the row, two steps into an index each: kept up to date with each
# reading, they would cost the busiest path of all. Without the plus, SQLite would not use the
# index, as an expression in it has no column's type.
_REGISTER = """coalesce((SELECT {column} FROM meter_readings
        WHERE meter_readings.charge_point_id = transactions.charge_point_id
            AND coalesce(meter_readings.transaction_id, 0) = +transactions.transaction_id
            AND energy_wh IS NOT NULL
        ORDER BY measured_at_us {order} LIMIT 1), {kept})"""
_NEWEST_WH = _REGISTER.format(column="energy_wh", order="DESC", kept="last_register_wh")
_NEWEST_AT = _REGISTER.format(column="measured_at_us", order="DESC", kept="last_register_at_us")
_FIRST_WH = _REGISTER.format(column="energy_wh", order="ASC", kept="first_register_wh")
_FIRST_AT = _REGISTER.format(column="measured_at_us", order="ASC", kept="first_register_at_us")
# Names of our own.
_SELECT_WITH_REGISTER_OF = f"""SELECT transactions.*,
    {_NEWEST_WH}, {_NEWEST_AT}, {_FIRST_WH}, {_FIRST_AT} FROM """  # noqa: S608
_SELECT_WITH_REGISTER = _SELECT_WITH_REGISTER_OF + "transactions"

_REVIEWED = """transaction_id IN (SELECT transaction_id FROM reviews
    WHERE resolved_at_us IS NULL AND transaction_id IS NOT NULL)"""

FOR_EVER_US = 2**63 - 1
STARTED = 16  # that are looked at: more than ever come out of order

# What counts as running where somebody must not charge too often at a time: a refused start charges
# nothing, and ghosts block nobody (Q51). The first condition chooses the index.
_COUNTS_AS_RUNNING = (
    "state = 'open' AND authorization_status = 'Accepted' AND suspect_since_us IS NULL"
)

# What a decision needs goes without them.
_SELECT = "SELECT transactions.*, NULL, NULL, NULL, NULL FROM transactions"

# The first condition chooses the index, which holds few: all the others are stopped.
_OPEN = " AND stopped_at_us IS NULL AND state = 'open'"


def insert(
    db: Db,
    *,
    charge_point_id: str,
    connector_id: int,
    id_tag: str,
    parent_id_tag: str | None,
    authorization_status: AuthorizationStatus,
    authorization_expires_at_us: int | None,
    reservation_id: int | None,
    started_at_us: int,
    start_received_at_us: int,
    meter_start_wh: int,
    account_id_tag: str | None = None,
    authorization_reason: str | None = None,
    flags: Iterable[str] = (),
    suspect_since_us: int | None = None,
) -> int:
    """Begin a transaction; returns its id, which was never used before.

    Args:
        account_id_tag: the idTag that answers for it, if it is not the one presented.
        authorization_reason: why it was answered so.
    """
    found = db.row(
        """INSERT INTO transactions (charge_point_id, connector_id, id_tag, id_tag_key,
            parent_id_tag, authorization_status, authorization_expires_at_us, reservation_id,
            started_at_us, start_received_at_us, meter_start_wh, state, flags, account_key,
            authorization_reason, suspect_since_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING transaction_id""",
        [
            charge_point_id,
            connector_id,
            id_tag,
            id_tag_key(id_tag),
            parent_id_tag,
            authorization_status,
            authorization_expires_at_us,
            reservation_id,
            started_at_us,
            start_received_at_us,
            meter_start_wh,
            TransactionState.OPEN,
            ",".join(flags),
            id_tag_key(id_tag if account_id_tag is None else account_id_tag),
            authorization_reason,
            suspect_since_us,
        ],
    )
    assert found is not None
    (transaction_id,) = found
    assert isinstance(transaction_id, int)
    return transaction_id


def started_from(
    reader: Reader, charge_point_id: str, connector_id: int, since_us: int, limit: int = STARTED
) -> list[TransactionRecord]:
    """The first that started on a connector at that time or later: nearly always none."""
    return _all(
        reader,
        """ WHERE charge_point_id = ? AND connector_id = ? AND started_at_us >= ?
        ORDER BY started_at_us LIMIT ?""",
        [charge_point_id, connector_id, since_us, limit],
    )


def started_by(
    reader: Reader,
    charge_point_id: str,
    connector_id: int,
    started_at_us: int,
    id_tag: str,
    meter_start_wh: int,
) -> TransactionRecord | None:
    """The one that this very start began; there is never another."""
    return _one(
        reader,
        """ WHERE charge_point_id = ? AND connector_id = ? AND started_at_us = ?
            AND id_tag_key = ? AND meter_start_wh = ?""",
        [charge_point_id, connector_id, started_at_us, id_tag_key(id_tag), meter_start_wh],
    )


def get(reader: Reader, transaction_id: int) -> TransactionRecord | None:
    """With its newest register."""
    sql = " WHERE transaction_id = ?"
    return _one(reader, sql, [transaction_id], select=_SELECT_WITH_REGISTER)


def owned(reader: Reader, charge_point_id: str, transaction_id: int) -> TransactionRecord | None:
    """The transaction with this id, if it is one of this charge point's."""
    sql = " WHERE transaction_id = ? AND charge_point_id = ?"
    return _one(reader, sql, [transaction_id, charge_point_id])


def open_on_connector(
    reader: Reader, charge_point_id: str, connector_id: int
) -> list[TransactionRecord]:
    return _all(
        reader,
        " WHERE charge_point_id = ? AND connector_id = ?" + _OPEN + " ORDER BY transaction_id",
        [charge_point_id, connector_id],
    )


def open_of_tag(
    reader: Reader, account_key: str, group_key: str | None, *, begun_by_us: int = FOR_EVER_US
) -> list[Running]:
    """What runs on account of an idTag, and of all others in its group if one is given.

    Args:
        begun_by_us: what began later does not count. What came before that time began before it,
            too, whatever its charge point's clock says.
    """
    accounts, parameters = accounts_of(account_key, group_key)
    sql = f"""SELECT transaction_id, charge_point_id, account_key FROM transactions
        WHERE account_key {accounts} AND {_COUNTS_AS_RUNNING}
            AND (started_at_us <= ? OR start_received_at_us <= ?) ORDER BY transaction_id"""  # noqa: S608
    times: list[SqlValue] = [begun_by_us, begun_by_us]
    return [Running.of(row) for row in reader.rows(sql, [*parameters, *times])]


def accounts_of(account_key: str, group_key: str | None) -> tuple[str, list[SqlValue]]:
    """A condition on the accounts of an idTag, or of all members of its group if one is given."""
    if group_key is None:
        return "= ?", [account_key]
    return "IN (SELECT id_tag_key FROM id_tags WHERE group_key = ?)", [group_key]


def before_on_connector(
    reader: Reader, charge_point_id: str, connector_id: int, before_us: int
) -> TransactionRecord | None:
    """The last one that started before that time."""
    return _one(
        reader,
        """ WHERE charge_point_id = ? AND connector_id = ? AND started_at_us < ?
        ORDER BY started_at_us DESC, transaction_id DESC LIMIT 1""",
        [charge_point_id, connector_id, before_us],
    )


def open_of(reader: Reader, charge_point_id: str) -> list[TransactionRecord]:
    sql = " WHERE charge_point_id = ?" + _OPEN + " ORDER BY connector_id, transaction_id"
    return _all(reader, sql, [charge_point_id])


def everyone_open(reader: Reader) -> list[TransactionRecord]:
    order = " ORDER BY charge_point_id, connector_id, transaction_id"
    return _all(reader, " WHERE TRUE" + _OPEN + order, [], select=_SELECT_WITH_REGISTER)


def open_among(
    reader: Reader, among: str, parameters: Sequence[SqlValue]
) -> list[TransactionRecord]:
    """Open ones of some charge points, with their newest registers.

    Args:
        among: SQL that says of which, with `parameters`.
    """
    order = " ORDER BY charge_point_id, connector_id, transaction_id"
    return _all(reader, f" WHERE {among}{_OPEN}{order}", parameters, select=_SELECT_WITH_REGISTER)


def candidates_for_stop(
    reader: Reader, *, charge_point_id: str, meter_stop_wh: int, stopped_at_us: int
) -> list[TransactionRecord]:
    """The transactions without a stop that a stop of an unknown id can mean.

    A stop below 0 says nothing of the meter. One that another followed was over by then.
    """
    # Any connector: else the index is chosen that holds all there ever were.
    found = _all(
        reader,
        """ WHERE charge_point_id = ? AND connector_id >= ? AND stopped_at_us IS NULL
            AND started_at_us <= ? AND (? < 0 OR meter_start_wh <= ?)
            AND (superseded_by IS NULL OR ? <= (SELECT started_at_us FROM transactions AS next
                WHERE next.transaction_id = transactions.superseded_by))
            AND NOT (state = 'concluded' AND EXISTS (SELECT 1 FROM transactions AS next
                WHERE next.charge_point_id = transactions.charge_point_id
                    AND next.connector_id = transactions.connector_id
                    AND next.started_at_us > transactions.started_at_us
                    AND next.started_at_us < ?))""",
        [charge_point_id, -FOR_EVER_US, stopped_at_us, *[meter_stop_wh] * 2, *[stopped_at_us] * 2],
    )
    return sorted(found, key=lambda transaction: transaction.transaction_id)


def stopped_by(
    reader: Reader, *, charge_point_id: str, sent_id: int, stopped_at_us: int, meter_stop_wh: int
) -> TransactionRecord | None:
    """The transaction that this very stop of an id not its own ended when it came before."""
    return _one(
        reader,
        """ WHERE charge_point_id = ? AND stop_sent_id = ? AND stopped_at_us = ?
            AND meter_stop_wh = ?""",
        [charge_point_id, sent_id, stopped_at_us, meter_stop_wh],
    )


def stopped_last_by(
    reader: Reader, *, charge_point_id: str, sent_id: int, meter_stop_wh: int
) -> TransactionRecord | None:
    """As `stopped_by`, of a stop without a time: none has started since, as it comes in order."""
    return _one(
        reader,
        """ WHERE charge_point_id = ? AND stop_sent_id = ? AND meter_stop_wh = ?
            AND stopped_at_us = stop_received_at_us AND stop_received_at_us >= (
                SELECT start_received_at_us FROM transactions AS newest
                WHERE newest.charge_point_id = transactions.charge_point_id
                ORDER BY newest.transaction_id DESC LIMIT 1)
        ORDER BY stopped_at_us DESC LIMIT 1""",
        [charge_point_id, sent_id, meter_stop_wh],
    )


def at(
    reader: Reader, *, charge_point_id: str, connector_id: int, at_us: int
) -> TransactionRecord | None:
    """The transaction that ran on the connector at that time, by the charge point's clock."""
    found = _one(
        reader,
        """ WHERE charge_point_id = ? AND connector_id = ? AND started_at_us <= ?
        ORDER BY started_at_us DESC, transaction_id DESC LIMIT 1""",
        [charge_point_id, connector_id, at_us],
    )
    if found is None or (found.ended_at_us is not None and found.ended_at_us < at_us):
        return None
    return found


def stop(
    db: Db,
    transaction_id: int,
    *,
    stopped_at_us: int,
    stop_received_at_us: int,
    meter_stop_wh: int,
    stop_reason: str,
    stop_id_tag: str | None,
    energy_wh: int | None,
    energy_source: EnergySource | None = None,
    sent_id: int | None = None,
    flags: Collection[str] = (),
) -> None:
    """End a transaction, also one that was superseded or concluded.

    Args:
        sent_id: the id in the stop, if it is not this one's.
    """
    db.run(
        """UPDATE transactions SET state = ?, stopped_at_us = ?, stop_received_at_us = ?,
            meter_stop_wh = ?, stop_reason = ?, stop_id_tag = ?, energy_wh = ?,
            energy_source = ?, stop_sent_id = ?, suspect_since_us = NULL
        WHERE transaction_id = ?""",
        [
            TransactionState.STOPPED,
            stopped_at_us,
            stop_received_at_us,
            meter_stop_wh,
            stop_reason,
            stop_id_tag,
            energy_wh,
            energy_source,
            sent_id,
            transaction_id,
        ],
    )
    if flags:
        add_flags(db, transaction_id, flags)


def supersede(db: Db, transaction_id: int, by: int) -> None:
    """The start of another transaction proves that this one is over; its stop may follow.

    A nearer one takes the place of the one that proved it before.
    """
    db.run(
        """UPDATE transactions SET state = ?, superseded_by = ?, suspect_since_us = NULL
        WHERE transaction_id = ? AND state IN ('open', 'superseded')""",
        [TransactionState.SUPERSEDED, by, transaction_id],
    )


def conclude(db: Db, transaction_id: int, concluded_at_us: int) -> None:
    """It is over though no stop came, which may follow; superseded ones only get an end."""
    db.run(
        """UPDATE transactions SET concluded_at_us = ?,
            state = CASE WHEN state = 'open' THEN 'concluded' ELSE state END
        WHERE transaction_id = ? AND stopped_at_us IS NULL""",
        [concluded_at_us, transaction_id],
    )


def set_suspect(db: Db, transaction_id: int, since_us: int | None) -> None:
    """It may be over since a boot; None: it runs."""
    sql = "UPDATE transactions SET suspect_since_us = ? WHERE transaction_id = ?"
    db.run(sql, [since_us, transaction_id])


def set_energy(
    db: Db,
    transaction_id: int,
    energy_wh: int | None,
    source: EnergySource | None,
    *,
    first: tuple[int, float] | None = None,
    last: tuple[int, float] | None = None,
) -> None:
    """What was charged; `first` and `last` are times and registers to keep with it, if known."""
    first_at_us, first_wh = first or (None, None)
    last_at_us, last_wh = last or (None, None)
    db.run(
        """UPDATE transactions SET energy_wh = ?, energy_source = ?,
            first_register_at_us = coalesce(?, first_register_at_us),
            first_register_wh = coalesce(?, first_register_wh),
            last_register_at_us = coalesce(?, last_register_at_us),
            last_register_wh = coalesce(?, last_register_wh)
        WHERE transaction_id = ?""",
        [energy_wh, source, first_at_us, first_wh, last_at_us, last_wh, transaction_id],
    )


def keep_registers(db: Db, *, readings_up_to: int, received_before_us: int) -> None:
    """Keep the ends of the registers of transactions of which readings are about to be deleted."""
    db.run(
        # Names of our own.
        f"""UPDATE transactions SET
            first_register_wh = coalesce(first_register_wh, {_FIRST_WH}),
            first_register_at_us = coalesce(first_register_at_us, {_FIRST_AT}),
            last_register_wh = {_NEWEST_WH}, last_register_at_us = {_NEWEST_AT}
        WHERE transaction_id IN (SELECT transaction_id FROM meter_readings
            WHERE reading_id <= ? AND received_at_us < ? AND energy_wh IS NOT NULL)""",  # noqa: S608
        [readings_up_to, received_before_us],
    )


def suspects(reader: Reader, *, before_us: int, limit: int = 10_000) -> list[TransactionRecord]:
    """Open ones that are suspect since before that time, the oldest suspicion first."""
    return _all(
        reader,
        """ WHERE suspect_since_us IS NOT NULL AND suspect_since_us < ? AND state = 'open'
        ORDER BY suspect_since_us LIMIT ?""",
        [before_us, limit],
    )


def add_flags(db: Db, transaction_id: int, flags: Iterable[str]) -> None:
    """Note what is odd about a transaction, each thing once.

    Raises:
        StoreError: there is no such transaction.
    """
    found = db.row("SELECT flags FROM transactions WHERE transaction_id = ?", [transaction_id])
    if found is None:
        raise StoreError(f"there is no transaction {transaction_id}")
    before = split_flags(found[0])
    after = tuple(dict.fromkeys((*before, *flags)))
    if after != before:
        sql = "UPDATE transactions SET flags = ? WHERE transaction_id = ?"
        db.run(sql, [",".join(after), transaction_id])


def listed(
    reader: Reader,
    *,
    charge_point_id: str | None = None,
    id_tag: str | None = None,
    state: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    needs_review: bool | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[TransactionRecord]:
    """Those that fit all that is given, newest first, with their newest registers.

    An idTag fits as the one presented and as the one that answers for it.

    The next page is `before` the last id.

    Times are of the start, from `since_us` on and before `until_us`.

    Args:
        needs_review: those of which something waits for a person, or all others.
    """
    filters: dict[str, SqlValue] = {
        "charge_point_id = ?": charge_point_id,
        "state = ?": state,
        "started_at_us >= ?": since_us,
        "started_at_us < ?": until_us,
        "transaction_id < ?": before,
    }
    if since_us is not None and until_us is not None:
        # Else all that came later would be looked at first.
        ids = "SELECT min(transaction_id), max(transaction_id) FROM transactions"
        times = " WHERE started_at_us >= ? AND started_at_us < ?"
        ((first, last),) = reader.rows(ids + times, [since_us, until_us])
        if first is None:
            return []
        filters |= {"transaction_id >= ?": first, "transaction_id <= ?": last}
    chosen = {filter_: value for filter_, value in filters.items() if value is not None}
    parameters = list(chosen.values())
    conditions = list(chosen)
    if id_tag is not None:
        # Two indexes: the second holds those few where another tag answers for the one presented.
        conditions.append("(account_key = ? OR (id_tag_key = ? AND account_key <> id_tag_key))")
        parameters += [id_tag_key(id_tag)] * 2
    if needs_review is not None:
        conditions.append(_REVIEWED if needs_review else f"NOT {_REVIEWED}")
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    # Registers are looked up for those alone that are wanted, however these are found.
    newest_first = " ORDER BY transaction_id DESC"
    fitting = f"(SELECT * FROM transactions{where}{newest_first} LIMIT ?)"  # noqa: S608 - ours
    sql = f"{_SELECT_WITH_REGISTER_OF}{fitting} AS transactions{newest_first}"
    return [TransactionRecord.of(row) for row in reader.rows(sql, [*parameters, limit])]


def _one(
    reader: Reader, sql: str, parameters: list[SqlValue], *, select: str = _SELECT
) -> TransactionRecord | None:
    found = reader.row(select + sql, parameters)
    return None if found is None else TransactionRecord.of(found)


def _all(
    reader: Reader, sql: str, parameters: Sequence[SqlValue], *, select: str = _SELECT
) -> list[TransactionRecord]:
    return [TransactionRecord.of(row) for row in reader.rows(select + sql, parameters)]

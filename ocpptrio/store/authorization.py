"""What a verdict on an idTag is made of. Not here: the verdict (services)."""

import msgspec

from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.store import id_tags, tag_groups
from ocpptrio.store.driver import Reader, SqlValue
from ocpptrio.store.records import IdTagRecord, Record, TagGroupRecord, Terms
from ocpptrio.store.transactions import accounts_of

US_PER_DAY = 86_400_000_000
# A transaction that lasted longer than this into a period counts no more for the period's budget:
# the query stays within a month or two of the account's history.
LONGEST_US = 31 * US_PER_DAY

# 1: named here; 0: named elsewhere only; NULL: nowhere named, which is everywhere.
_MAY_HERE = """(SELECT max(CASE
        WHEN place = 'charge point' AND place_name = ? THEN 1
        WHEN place = 'group' AND EXISTS (SELECT 1 FROM charge_point_groups
            WHERE group_name = place_name AND charge_point_id = ?) THEN 1
        ELSE 0 END)
    FROM tag_rights WHERE holder = '{holder}' AND holder_key = {key})"""

# Two lookups, and the second for those in a group alone: joined, they cost all others five times as
# much.
_TAG = f"""SELECT {_MAY_HERE.format(holder="tag", key="id_tag_key")}, {", ".join(id_tags.COLUMNS)}
FROM id_tags WHERE id_tag_key = ?"""  # noqa: S608 - names of our own
_GROUP = f"""SELECT {_MAY_HERE.format(holder="group", key="group_key")},
    {", ".join(tag_groups.COLUMNS)}
FROM tag_groups WHERE group_key = ?"""  # noqa: S608 - names of our own


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tag that is known, its group, and whether their rights are for this charge point.

    Attributes:
        here: as the rights of the tag say; None: it has none, which is everywhere.
        group_here: the same of the group.
    """

    tag: IdTagRecord
    here: bool | None
    group: TagGroupRecord | None
    group_here: bool | None

    @property
    def is_limited(self) -> bool:
        """Is there anything that allows it at some places or times, or some energy, only?"""
        group = self.group
        return _limits(self.here, self.tag) or (
            group is not None and _limits(self.group_here, group)
        )


def _limits(here: bool | None, terms: Terms) -> bool:
    return (
        here is not None
        or terms.week_times is not None
        or terms.day_budget_wh is not None
        or terms.month_budget_wh is not None
    )


def standing(reader: Reader, id_tag: str, charge_point_id: str) -> Standing | None:
    """All that is settled about a tag at a charge point; None if it is not known."""
    here, group, group_here = [charge_point_id] * 2, None, None
    row = reader.row(_TAG, [*here, id_tag_key(id_tag)])
    if row is None:
        return None
    tag = IdTagRecord.of(row[1:])
    if tag.group_key is not None:
        of_group = reader.row(_GROUP, [*here, tag.group_key])
        if of_group is not None:
            group, group_here = TagGroupRecord.of(of_group[1:]), _flag(of_group[0])
    return Standing(tag=tag, here=_flag(row[0]), group=group, group_here=group_here)


def _flag(value: SqlValue) -> bool | None:
    return None if value is None else bool(value)


class Draw(Record, frozen=True, kw_only=True):
    """What is known of the energy of a transaction that was under way in a period.

    Attributes:
        stopped_at_us: or when it ended as far as we can tell.
        energy_wh: of the whole of it, once it has ended.
        first_wh: its first import register. None, as all registers, where they are not needed.
        first_at_us: when that was, where it started at 0.
        before_wh: the newest before the period.
        newest_wh: the newest of the period.
    """

    started_at_us: int
    stopped_at_us: int | None
    meter_start_wh: int
    energy_wh: int | None
    first_wh: float | None
    first_at_us: int | None
    before_wh: float | None
    newest_wh: float | None


_REGISTER = """(SELECT {column} FROM meter_readings
    WHERE meter_readings.charge_point_id = transactions.charge_point_id
        AND coalesce(meter_readings.transaction_id, 0) = +transactions.transaction_id
        AND energy_wh IS NOT NULL AND measured_at_us < ?
    ORDER BY measured_at_us {order} LIMIT 1)"""
_NEWEST = _REGISTER.format(column="energy_wh", order="DESC")
_FIRST = _REGISTER.format(column="energy_wh", order="ASC")
_FIRST_AT = _REGISTER.format(column="measured_at_us", order="ASC")
# As in the record of a transaction; one that was superseded ran until the next one at most.
_ENDED = """coalesce(stopped_at_us, concluded_at_us, (SELECT next.started_at_us
    FROM transactions AS next WHERE next.transaction_id = transactions.superseded_by))"""
# Of most transactions, the energy at the stop says all.
_DRAWS = f"""SELECT started_at_us, ended_at_us, meter_start_wh, energy_wh,
    CASE WHEN within THEN NULL ELSE {_FIRST} END,
    CASE WHEN within OR meter_start_wh <> 0 THEN NULL ELSE {_FIRST_AT} END,
    CASE WHEN within OR started_at_us >= ? THEN NULL ELSE {_NEWEST} END,
    CASE WHEN within THEN NULL ELSE {_NEWEST} END
FROM (SELECT *, {_ENDED} AS ended_at_us,
        (started_at_us >= ? AND {_ENDED} < ? AND energy_wh IS NOT NULL) AS within
    FROM transactions) AS transactions
WHERE account_key {{accounts}} AND started_at_us >= ? AND started_at_us < ?
    AND (stopped_at_us IS NULL OR stopped_at_us >= ?)
    AND authorization_status = 'Accepted'"""  # noqa: S608 - ours


def draws(
    reader: Reader, account_key: str, group_key: str | None, *, since_us: int, until_us: int
) -> list[Draw]:
    """What an account, or all of its group if one is given, drew from `since_us` to `until_us`."""
    accounts, holders = accounts_of(account_key, group_key)
    registers: list[SqlValue] = [until_us, until_us, since_us, since_us, until_us]
    within: list[SqlValue] = [since_us, until_us]
    times: list[SqlValue] = [since_us - LONGEST_US, until_us, since_us]
    sql = _DRAWS.format(accounts=accounts)
    return [Draw.of(row) for row in reader.rows(sql, [*registers, *within, *holders, *times])]


class Budgeted(Record, frozen=True, kw_only=True):
    """A running transaction whose account, or the group of it, has a budget."""

    transaction_id: int
    charge_point_id: str
    connector_id: int
    id_tag: str
    account_key: str


# By account, as in the index of those that are open: any other way, all there ever were are read.
_BUDGETED = """SELECT transaction_id, charge_point_id, connector_id, transactions.id_tag,
    account_key
FROM transactions
JOIN id_tags ON id_tags.id_tag_key = account_key
LEFT JOIN tag_groups ON tag_groups.group_key = id_tags.group_key
WHERE state = 'open' AND account_key > '' AND authorization_status = 'Accepted' AND coalesce(
    id_tags.day_budget_wh, id_tags.month_budget_wh,
    tag_groups.day_budget_wh, tag_groups.month_budget_wh) IS NOT NULL
ORDER BY account_key, transaction_id"""


def budgeted(reader: Reader) -> list[Budgeted]:
    """All running transactions that a budget may end."""
    return [Budgeted.of(row) for row in reader.rows(_BUDGETED)]

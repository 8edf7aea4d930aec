"""Groups of charge points. A charge point may be in several; one without members is none.

Not here: what a group may do or is to be set to (each in the module of its subject).
"""

from typing import cast

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.vocabulary import WantedScope


def put(db: Db, group: str, charge_point_id: str) -> bool:
    """Put a charge point into a group, made if it is not there; False if it was in it already."""
    found = db.row(
        """INSERT INTO charge_point_groups (group_name, charge_point_id) VALUES (?, ?)
        ON CONFLICT DO NOTHING RETURNING group_name""",
        [group, charge_point_id],
    )
    return found is not None


def take_out(db: Db, group: str, charge_point_id: str) -> bool:
    """Take a charge point out of a group; False if it was not in it."""
    found = db.row(
        """DELETE FROM charge_point_groups WHERE group_name = ? AND charge_point_id = ?
        RETURNING group_name""",
        [group, charge_point_id],
    )
    return found is not None


def members(reader: Reader, group: str) -> list[str]:
    """The identities in a group, in order."""
    sql = """SELECT charge_point_id FROM charge_point_groups WHERE group_name = ?
        ORDER BY charge_point_id"""
    return [str(charge_point_id) for (charge_point_id,) in reader.rows(sql, [group])]


def groups_of(reader: Reader, charge_point_id: str) -> list[str]:
    """The groups that a charge point is in, in order."""
    sql = """SELECT group_name FROM charge_point_groups WHERE charge_point_id = ?
        ORDER BY group_name"""
    return [str(group) for (group,) in reader.rows(sql, [charge_point_id])]


def everything(reader: Reader) -> dict[str, list[str]]:
    """All groups and who is in them, in order."""
    groups: dict[str, list[str]] = {}
    for group, charge_point_id in reader.rows(
        "SELECT group_name, charge_point_id FROM charge_point_groups ORDER BY 1, 2"
    ):
        groups.setdefault(str(group), []).append(str(charge_point_id))
    return groups


def counted(reader: Reader, *, after: str = "", limit: int = 100) -> list[tuple[str, int, int]]:
    """Groups with how many charge points are in each and how many keys are wanted of them, by name.

    Also those of which something is wanted though nobody is in them (yet). The next page is `after`
    the last name.
    """
    rows = reader.rows(
        """SELECT name, sum(members), sum(wanted) FROM (
            SELECT group_name AS name, count(*) AS members, 0 AS wanted
            FROM charge_point_groups WHERE group_name > ? GROUP BY group_name
            UNION ALL
            SELECT target, 0, count(*) FROM wanted_configuration
            WHERE scope = ? AND target > ? GROUP BY target
        ) AS counts GROUP BY name ORDER BY name LIMIT ?""",
        [after, WantedScope.GROUP, after, limit],
    )
    return cast("list[tuple[str, int, int]]", rows)

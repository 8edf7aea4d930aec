"""Groups of charge points. A charge point may be in several; one without members is none.

Not here: what a group may do or is to be set to (each in the module of its subject).
"""

from ocpptrio.store.driver import Db, Reader


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

"""What configuration keys are to hold: entries of charge points, and of groups of them.

Each change tells every charge point that it concerns. Not here: which entry wins, and how it gets
into the charge point (services).
"""

from collections.abc import Sequence

from ocpptrio.events import WantedConfigurationChanged
from ocpptrio.store import charge_point_groups
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import WantedRecord
from ocpptrio.store.vocabulary import WantedScope

_SELECT = "SELECT * FROM wanted_configuration"


def put(db: Db, record: WantedRecord) -> None:
    """Want a value, in place of what was wanted of the key there before.

    What was tried in vain for this value is tried anew: that is what an operator sets it again for.
    """
    folded = record.key.casefold()
    db.run(
        """INSERT INTO wanted_configuration (scope, target, key_folded, key, value, set_at_us)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (scope, target, key_folded) DO UPDATE SET
            key = excluded.key, value = excluded.value, set_at_us = excluded.set_at_us""",
        [record.scope, record.target, folded, record.key, record.value, record.set_at_us],
    )
    for charge_point_id in concerned(db, record.scope, record.target):
        db.run(
            "DELETE FROM configuration_attempts WHERE charge_point_id = ? AND key_folded = ?",
            [charge_point_id, folded],
        )
        db.run(
            "UPDATE provisioning SET unfinished = 0 WHERE charge_point_id = ?", [charge_point_id]
        )
        _tell(db, charge_point_id, (record.key,), record.set_at_us)


def remove(db: Db, scope: WantedScope, target: str, key: str, at_us: int) -> bool:
    """Want nothing of the key there any more; False if nothing was. The charge point keeps it."""
    found = db.row(
        """DELETE FROM wanted_configuration WHERE scope = ? AND target = ? AND key_folded = ?
        RETURNING key""",
        [scope, target, key.casefold()],
    )
    if found is None:
        return False
    for charge_point_id in concerned(db, scope, target):
        _tell(db, charge_point_id, (str(found[0]),), at_us)
    return True


def membership_changed(db: Db, group: str, charge_points: Sequence[str], at_us: int) -> None:
    """These have come into the group, or left it: tell them, if the group wants anything."""
    keys = tuple(record.key for record in entries(db, WantedScope.GROUP, group))
    if keys:
        for charge_point_id in charge_points:
            _tell(db, charge_point_id, keys, at_us)


def forget(db: Db, charge_point_id: str) -> None:
    """Delete the entries of one charge point; nobody is told."""
    db.run(
        "DELETE FROM wanted_configuration WHERE scope = ? AND target = ?",
        [WantedScope.CHARGE_POINT, charge_point_id],
    )


def entries(reader: Reader, scope: WantedScope, target: str) -> list[WantedRecord]:
    """What is set there, and nowhere else."""
    sql = _SELECT + " WHERE scope = ? AND target = ? ORDER BY key_folded"
    return [WantedRecord.of(row) for row in reader.rows(sql, [scope, target])]


def of(reader: Reader, charge_point_id: str) -> list[WantedRecord]:
    """All that is wanted of a charge point, its own entries first, then those of its groups."""
    rows = reader.rows(
        """SELECT * FROM wanted_configuration
        WHERE (scope = ? AND target = ?) OR (scope = ? AND target IN
            (SELECT group_name FROM charge_point_groups WHERE charge_point_id = ?))
        ORDER BY scope, target, key_folded""",
        [WantedScope.CHARGE_POINT, charge_point_id, WantedScope.GROUP, charge_point_id],
    )
    return [WantedRecord.of(row) for row in rows]


def everything(reader: Reader) -> list[WantedRecord]:
    rows = reader.rows(_SELECT + " ORDER BY scope, target, key_folded")
    return [WantedRecord.of(row) for row in rows]


def charge_points_concerned(reader: Reader) -> set[str]:
    """Of whom anything is wanted."""
    rows = reader.rows(
        """SELECT target FROM wanted_configuration WHERE scope = ?
        UNION SELECT charge_point_id FROM charge_point_groups WHERE group_name IN
            (SELECT target FROM wanted_configuration WHERE scope = ?)""",
        [WantedScope.CHARGE_POINT, WantedScope.GROUP],
    )
    return {str(charge_point_id) for (charge_point_id,) in rows}


def concerned(reader: Reader, scope: WantedScope, target: str) -> list[str]:
    """The charge points that an entry there is for."""
    if scope is WantedScope.CHARGE_POINT:
        return [target]
    return charge_point_groups.members(reader, target)


def _tell(db: Db, charge_point_id: str, keys: tuple[str, ...], at_us: int) -> None:
    db.emit(WantedConfigurationChanged(charge_point_id=charge_point_id, at_us=at_us, keys=keys))

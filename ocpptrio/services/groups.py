"""Putting charge points into groups, and taking them out: who is concerned is told.

Functions on an open write. Not here: rows (store.charge_point_groups), what a group may or wants.
"""

from collections.abc import Sequence
from typing import Final

from ocpptrio.errors import OcpptrioError
from ocpptrio.services.charge_points import known
from ocpptrio.store import charge_point_groups, wanted_configuration
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import WantedScope

NAME_LENGTH: Final = 100  # characters


class NotInGroup(OcpptrioError):
    """The charge point is not in that group."""


def check_name(group: str) -> None:
    """Raise ValueError if no group can be called that."""
    if not group.strip() or len(group) > NAME_LENGTH:
        raise ValueError(f"a group has a name of 1 to {NAME_LENGTH} characters")


def join(db: Db, group: str, charge_point_ids: Sequence[str], at_us: int) -> None:
    """Put charge points into a group, made if it is not there.

    Raises:
        UnknownChargePoint: one is not registered; nobody was put in.
        ValueError: no group can be called that.
    """
    check_name(group)
    for charge_point_id in charge_point_ids:
        known(db, charge_point_id)
    new = [one for one in charge_point_ids if charge_point_groups.put(db, group, one)]
    wanted_configuration.membership_changed(db, group, new, at_us)


def leave(db: Db, group: str, charge_point_ids: Sequence[str], at_us: int) -> None:
    """Take charge points out of a group.

    Raises:
        NotInGroup: one is not in it.
    """
    for charge_point_id in charge_point_ids:
        if not charge_point_groups.take_out(db, group, charge_point_id):
            raise NotInGroup(f"{charge_point_id} is not in {group}")
    wanted_configuration.membership_changed(db, group, charge_point_ids, at_us)


def dissolve(db: Db, group: str, at_us: int) -> bool:
    """Take everybody out, and want nothing of the group any more; False if it is not there.

    Rights of tags that name it stay: without them, those tags might charge everywhere.
    """
    members = charge_point_groups.members(db, group)
    wanted = wanted_configuration.entries(db, WantedScope.GROUP, group)
    for entry in wanted:
        wanted_configuration.remove(db, WantedScope.GROUP, group, entry.key, at_us)
    for charge_point_id in members:
        charge_point_groups.take_out(db, group, charge_point_id)
    return bool(members or wanted)

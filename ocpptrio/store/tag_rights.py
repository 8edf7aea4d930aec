"""Where idTags and groups of them may charge: at charge points, and groups of charge points.

A holder is a tag or a group of tags, by its folded key. One without a right may charge everywhere,
one with any right only there. Not here: whether it may charge at all (services).
"""

from typing import Final, Literal

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import TagRights

Holder = Literal["tag", "group"]

EVERYWHERE: Final = TagRights()

_CHARGE_POINT, _GROUP = "charge point", "group"


def of(reader: Reader, holder: Holder, key: str) -> TagRights:
    return everything(reader, holder, key).get(key, EVERYWHERE)


def everything(reader: Reader, holder: Holder, key: str | None = None) -> dict[str, TagRights]:
    """The rights of all tags or of all groups, or of one, by key; without those that have none."""
    sql = "SELECT holder_key, place, place_name FROM tag_rights WHERE holder = ?"
    parameters: list[str] = [holder]
    if key is not None:
        sql += " AND holder_key = ?"
        parameters.append(key)
    places: dict[str, dict[str, list[str]]] = {}
    for holder_key, place, name in reader.rows(sql + " ORDER BY 1, 2, 3", parameters):
        of_holder = places.setdefault(str(holder_key), {_CHARGE_POINT: [], _GROUP: []})
        of_holder[str(place)].append(str(name))
    return {
        holder_key: TagRights(
            charge_points=tuple(named[_CHARGE_POINT]), charge_point_groups=tuple(named[_GROUP])
        )
        for holder_key, named in places.items()
    }


def put(db: Db, holder: Holder, key: str, rights: TagRights) -> None:
    """Replace the rights of a tag or of a group of tags."""
    db.run("DELETE FROM tag_rights WHERE holder = ? AND holder_key = ?", [holder, key])
    places = [(_CHARGE_POINT, name) for name in rights.charge_points]
    places += [(_GROUP, name) for name in rights.charge_point_groups]
    for place, name in places:
        db.run(
            """INSERT INTO tag_rights (holder, holder_key, place, place_name) VALUES (?, ?, ?, ?)
            ON CONFLICT DO NOTHING""",
            [holder, key, place, name],
        )

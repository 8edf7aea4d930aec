"""Where idTags and groups of them may charge: at charge points, and groups of charge points.

A holder is a tag or a group of tags, by its folded key. One without a right may charge everywhere,
one with any right only there. Not here: whether it may charge at all (services).
"""

from collections.abc import Sequence
from typing import Final, Literal

from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import TagRights

Holder = Literal["tag", "group"]

EVERYWHERE: Final = TagRights()

_CHARGE_POINT, _GROUP = "charge point", "group"


def of(reader: Reader, holder: Holder, key: str) -> TagRights:
    return between(reader, holder, key, key).get(key, EVERYWHERE)


def among(reader: Reader, holder: Holder, keys: Sequence[str]) -> dict[str, TagRights]:
    """The rights of these tags or groups, by key; without those that have none."""
    return _found(reader, f"IN ({', '.join('?' * len(keys))})", [holder, *keys])


def between(reader: Reader, holder: Holder, first: str, last: str) -> dict[str, TagRights]:
    """As `among`, of those from one key to another."""
    return _found(reader, "BETWEEN ? AND ?", [holder, first, last])


def _found(reader: Reader, where: str, parameters: list[str]) -> dict[str, TagRights]:
    sql = f"""SELECT holder_key, place, place_name FROM tag_rights
        WHERE holder = ? AND holder_key {where} ORDER BY 1, 2, 3"""  # noqa: S608 - question marks
    places: dict[str, dict[str, list[str]]] = {}
    for holder_key, place, name in reader.rows(sql, parameters):
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

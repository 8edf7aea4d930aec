"""/groups: charge points that are treated alike. What is wanted of them: configuration."""

from typing import Annotated, Final

from litestar import Response, delete, get, put
from litestar.params import FromPath
from msgspec import Meta

from ocpptrio.api.given import Central
from ocpptrio.api.paging import MOST, Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import bad_request, not_found
from ocpptrio.api.routes.charge_points import known
from ocpptrio.api.routes.configuration import WantedKey, wanted_key, wanted_version
from ocpptrio.api.versions import IfMatch, check, tagged
from ocpptrio.api.views import View
from ocpptrio.services import groups
from ocpptrio.services.groups import NotInGroup
from ocpptrio.store import charge_point_groups, wanted_configuration
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import WantedRecord
from ocpptrio.store.vocabulary import WantedScope


class Group(View, frozen=True, kw_only=True):
    """A group: it is there while somebody is in it, or something is wanted of it.

    Attributes:
        members: how many charge points are in it.
        wanted_keys: of how many configuration keys something is wanted.
    """

    group: str
    members: int
    wanted_keys: int


class GroupDetails(Group, frozen=True, kw_only=True):
    """A group, who is in it, and what is wanted of them.

    Attributes:
        charge_points: the first 1000 of them; for all: GET /charge-points?group=.
    """

    charge_points: Annotated[list[str], Meta(max_length=MOST)]
    wanted: list[WantedKey]


class Membership(View, frozen=True, kw_only=True):
    """A charge point is in a group."""

    group: str
    charge_point_id: str


@get("/groups")
async def list_groups(central: Central, cursor: Cursor = None, limit: Limit = 100) -> Page[Group]:
    """All groups, by name."""
    after = key_of(cursor, str) or ""
    found = await central.store.read(
        lambda reader: charge_point_groups.counted(reader, after=after, limit=limit + 1)
    )
    return page(found, limit, lambda row: row[0], _view)


@get("/groups/{group:str}")
async def one_group(central: Central, group: FromPath[str]) -> Response[GroupDetails]:
    """Who is in a group, and what is wanted of them."""
    members, wanted = await central.store.read(lambda reader: _known(reader, group))
    body = GroupDetails(
        group=group,
        members=len(members),
        wanted_keys=len(wanted),
        charge_points=members[:MOST],
        wanted=[wanted_key(row) for row in wanted],
    )
    return tagged(body, wanted_version(wanted))


@delete("/groups/{group:str}")
async def dissolve_group(central: Central, group: FromPath[str], if_match: IfMatch = None) -> None:
    """Take all charge points out of a group, and want nothing of it any more.

    They keep what they hold. Rights of tags that name the group stay.
    """
    at_us = central.clock()

    def work(db: Db) -> None:
        _members, wanted = _known(db, group)
        check(if_match, wanted_version(wanted))
        groups.dissolve(db, group, at_us)

    await central.store.write(work)


@put("/groups/{group:str}/members/{charge_point_id:str}")
async def join_group(
    central: Central, group: FromPath[str], charge_point_id: FromPath[str]
) -> Membership:
    """Put a charge point into a group; one that is not there yet is made."""
    at_us = central.clock()

    def work(db: Db) -> None:
        known(db, charge_point_id)
        try:
            groups.join(db, group, [charge_point_id], at_us)
        except ValueError as error:
            raise bad_request(str(error), field="group") from error

    await central.store.write(work)
    return Membership(group=group, charge_point_id=charge_point_id)


@delete("/groups/{group:str}/members/{charge_point_id:str}")
async def leave_group(
    central: Central, group: FromPath[str], charge_point_id: FromPath[str]
) -> None:
    """Take a charge point out of a group."""
    at_us = central.clock()

    def work(db: Db) -> None:
        try:
            groups.leave(db, group, [charge_point_id], at_us)
        except NotInGroup as error:
            raise not_found(str(error), see="GET /api/v1/groups/{group}") from error

    await central.store.write(work)


def _known(reader: Reader, group: str) -> tuple[list[str], list[WantedRecord]]:
    members = charge_point_groups.members(reader, group)
    wanted = wanted_configuration.entries(reader, WantedScope.GROUP, group)
    if not (members or wanted):
        raise not_found(f"there is no group {group}", see="GET /api/v1/groups")
    return members, wanted


def _view(row: tuple[str, int, int]) -> Group:
    group, members, wanted_keys = row
    return Group(group=group, members=members, wanted_keys=wanted_keys)


ROUTES: Final = [list_groups, one_group, dissolve_group, join_group, leave_group]

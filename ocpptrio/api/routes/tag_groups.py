"""/tag-groups: what idTags with the same parent share."""

from typing import Annotated, Final

from litestar import Response, delete, get, patch, put
from litestar.params import FromPath, JSONBody, QueryParameter

from ocpptrio.api.given import Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.tag_terms import (
    BudgetUse,
    Rights,
    Terms,
    TermsChange,
    checked,
    rights_view,
    use_view,
    version,
)
from ocpptrio.api.versions import IfMatch, check, tagged
from ocpptrio.api.views import shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.services import tags
from ocpptrio.services.tags import Changes, SettledGroup
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import TagGroupRecord, TagRights

CHANGES: Final = {CONFLICTS: True}
Search = Annotated[
    str | None, QueryParameter(max_length=100, description="a part of its name or note")
]


class TagGroup(Terms, frozen=True, kw_only=True):
    """What tags with the same parentIdTag share; a tag may charge if its group may, too.

    Attributes:
        tags: how many are in it; which ones: GET /tags?parent_id_tag=.
    """

    parent_id_tag: str
    tags: int


class TagGroupDetails(TagGroup, frozen=True, kw_only=True):
    """A group, with what is spent and what runs on account of all its tags."""

    budgets: list[BudgetUse]
    running: list[int]


@get("/tag-groups")
async def list_tag_groups(
    central: Central, search: Search = None, cursor: Cursor = None, limit: Limit = 100
) -> Page[TagGroup]:
    """All groups of idTags, in order."""
    after = key_of(cursor, str) or ""
    found = await central.store.read(
        lambda reader: tags.groups(reader, search=search, after=after, limit=limit + 1)
    )
    return page(found, limit, lambda row: row[0].terms.group_key, lambda row: _view(*row))


@get("/tag-groups/{parent_id_tag:str}")
async def one_tag_group(
    central: Central, parent_id_tag: FromPath[str]
) -> Response[TagGroupDetails]:
    """One group, with what is spent of its budgets, and what runs."""
    settings, now_us = central.settings.authorization, central.clock()

    def work(reader: Reader) -> tuple[SettledGroup, TagGroupDetails]:
        settled = tags.known_group(reader, parent_id_tag)
        use = use_view(tags.use(reader, settled.terms, settings, now_us))
        rights, size = rights_view(settled), tags.group_size(reader, settled)
        return settled, shown(TagGroupDetails, settled.terms, rights=rights, tags=size, **use)

    settled, details = await central.store.read(work)
    return tagged(details, version(settled))


@put("/tag-groups/{parent_id_tag:str}", opt=CHANGES)
async def settle_tag_group(
    central: Central,
    parent_id_tag: FromPath[str],
    data: JSONBody[TermsChange],
    if_match: IfMatch = None,
) -> Response[TagGroup]:
    """Settle all that a group may: what is not sent is taken away. One not there yet is made.

    Tags are put into it by their `parent_id_tag`.
    """
    checked(parent_id_tag, "parent_id_tag")
    record = TagGroupRecord(
        parent_id_tag=parent_id_tag, created_at_us=central.clock(), **data.changes()
    )
    rights = data.new_rights() or TagRights()

    def work(db: Db) -> Response[TagGroup]:
        if if_match is not None:
            check(if_match, version(tags.known_group(db, parent_id_tag)))
        return _answer(db, tags.put_group(db, record, rights))

    return await central.store.write(work)


@patch("/tag-groups/{parent_id_tag:str}", opt=CHANGES)
async def change_tag_group(
    central: Central,
    parent_id_tag: FromPath[str],
    data: JSONBody[TermsChange],
    if_match: IfMatch = None,
) -> Response[TagGroup]:
    """Change what a group may; what is not sent stays."""
    return await _change(central, parent_id_tag, data.changes(), data.new_rights(), if_match)


@put("/tag-groups/{parent_id_tag:str}/rights", opt=CHANGES)
async def set_tag_group_rights(
    central: Central,
    parent_id_tag: FromPath[str],
    data: JSONBody[Rights],
    if_match: IfMatch = None,
) -> Response[TagGroup]:
    """Say where the tags of a group may charge, in place of all that was said before."""
    return await _change(central, parent_id_tag, {}, data.record(), if_match)


@delete("/tag-groups/{parent_id_tag:str}", opt=CHANGES)
async def remove_tag_group(
    central: Central, parent_id_tag: FromPath[str], if_match: IfMatch = None
) -> None:
    """Forget a group that has no tags any more."""

    def work(db: Db) -> None:
        check(if_match, version(tags.known_group(db, parent_id_tag)))
        tags.remove_group(db, parent_id_tag)

    await central.store.write(work)


async def _change(
    central: CentralSystem,
    parent_id_tag: str,
    columns: Changes,
    rights: TagRights | None,
    if_match: str | None,
) -> Response[TagGroup]:
    def work(db: Db) -> Response[TagGroup]:
        check(if_match, version(tags.known_group(db, parent_id_tag)))
        return _answer(db, tags.change_group(db, parent_id_tag, columns, rights))

    return await central.store.write(work)


def _answer(reader: Reader, settled: SettledGroup) -> Response[TagGroup]:
    return tagged(_view(settled, tags.group_size(reader, settled)), version(settled))


def _view(settled: SettledGroup, size: int) -> TagGroup:
    return shown(TagGroup, settled.terms, rights=rights_view(settled), tags=size)


ROUTES: Final = [
    list_tag_groups,
    one_tag_group,
    settle_tag_group,
    change_tag_group,
    set_tag_group_rights,
    remove_tag_group,
]

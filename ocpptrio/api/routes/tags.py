"""/tags: the idTags that may charge."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

import trio
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import UNSET, Meta, UnsetType

from ocpptrio.api.access import ACCEPTS, needs
from ocpptrio.api.downloads import PAGE, download, pages
from ocpptrio.api.filters import stored_us
from ocpptrio.api.given import AnyRequest, Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import bad_request
from ocpptrio.api.routes.charge_points import known as registered
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
from ocpptrio.api.views import View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.presentation import at as moment
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.services import tags, tags_csv
from ocpptrio.services.authorization import account_of, generated_id_tag
from ocpptrio.services.tags import Changes, SettledTag
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import IdTagRecord, TagRights
from ocpptrio.store.vocabulary import Role

CHANGES: Final = {CONFLICTS: True}
CSV: Final = "text/csv"
Search = Annotated[
    str | None, QueryParameter(max_length=100, description="a part of idTag, group or note")
]
Parent = Annotated[str | None, QueryParameter(max_length=255, description="only of this group")]
Blocked = Annotated[
    bool | None, QueryParameter(description="only those that are blocked themselves, or are not")
]
ParentIdTag = Annotated[str, Meta(max_length=20)]


class Tag(Terms, frozen=True, kw_only=True):
    """An idTag that is known."""

    id_tag: str
    parent_id_tag: str | None


class TagDetails(Tag, frozen=True, kw_only=True):
    """An idTag, with what is spent and what runs on its account."""

    budgets: list[BudgetUse]
    running: list[int]


class NewTag(TermsChange, frozen=True, kw_only=True):
    """An idTag that may charge from now on.

    Attributes:
        id_tag: without it, one is made up: for remote starts, say. It fits every charge point.
        parent_id_tag: its group, made if it is not there.
    """

    id_tag: Annotated[str, Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    parent_id_tag: ParentIdTag | UnsetType | None = UNSET


class TagChange(TermsChange, frozen=True, kw_only=True):
    """What is not sent stays."""

    parent_id_tag: ParentIdTag | UnsetType | None = UNSET


class TagVerdict(View, frozen=True, kw_only=True):
    """What a start would be answered.

    Attributes:
        charged_to: the idTag that answers for it there.
        reason: why; null where there is nothing to say.
        expires_at: when the charge point is to forget the answer; null: never.
        asks_external: an external authorizer is asked, too, when somebody charges; not here.
    """

    id_tag: str
    charge_point_id: str
    at: datetime
    charged_to: str
    status: AuthorizationStatus
    reason: str | None
    parent_id_tag: str | None
    expires_at: datetime | None
    asks_external: bool


class ImportedTags(View, frozen=True, kw_only=True):
    """How many tags are new, and how many were there."""

    added: int
    changed: int


@get("/tags")
async def list_tags(
    central: Central,
    search: Search = None,
    parent_id_tag: Parent = None,
    blocked: Blocked = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Tag]:
    """All idTags that are known, in order."""
    after = key_of(cursor, str) or ""
    found = await central.store.read(
        lambda reader: tags.listed(
            reader,
            search=search,
            parent_id_tag=parent_id_tag,
            blocked=blocked,
            after=after,
            limit=limit + 1,
        )
    )
    return page(found, limit, lambda tag: tag.terms.id_tag_key, _view)


@post("/tags", opt=CHANGES)
async def add_tag(central: Central, data: JSONBody[NewTag]) -> Response[Tag]:
    """Let an idTag charge."""
    columns = data.changes()
    id_tag = checked(columns.pop("id_tag", None) or generated_id_tag(), "id_tag")
    record = IdTagRecord(id_tag=id_tag, created_at_us=central.clock(), **columns)
    settled = await central.store.write(lambda db: tags.add(db, record, data.new_rights()))
    return tagged(_view(settled), version(settled), status=HTTPStatus.CREATED)


@get("/tags/{id_tag:str}")
async def one_tag(central: Central, id_tag: FromPath[str]) -> Response[TagDetails]:
    """One idTag, with what is spent of its budgets, and what runs."""
    settings, now_us = central.settings.authorization, central.clock()

    def work(reader: Reader) -> tuple[SettledTag, TagDetails]:
        settled = tags.known(reader, id_tag)
        use = use_view(tags.use(reader, settled.terms, settings, now_us))
        rights = rights_view(settled)
        return settled, shown(TagDetails, settled.terms, rights=rights, **use)

    settled, details = await central.store.read(work)
    return tagged(details, version(settled))


@patch("/tags/{id_tag:str}", opt=CHANGES)
async def change_tag(
    central: Central, id_tag: FromPath[str], data: JSONBody[TagChange], if_match: IfMatch = None
) -> Response[Tag]:
    """Change an idTag; what is not sent stays."""
    return await _change(central, id_tag, data.changes(), data.new_rights(), if_match)


@put("/tags/{id_tag:str}/rights", opt=CHANGES)
async def set_tag_rights(
    central: Central, id_tag: FromPath[str], data: JSONBody[Rights], if_match: IfMatch = None
) -> Response[Tag]:
    """Say where an idTag may charge, in place of all that was said before."""
    return await _change(central, id_tag, {}, data.record(), if_match)


@delete("/tags/{id_tag:str}")
async def remove_tag(central: Central, id_tag: FromPath[str], if_match: IfMatch = None) -> None:
    """Forget an idTag; its transactions stay."""

    def work(db: Db) -> None:
        check(if_match, version(tags.known(db, id_tag)))
        tags.remove(db, id_tag)

    await central.store.write(work)


@get("/tags/{id_tag:str}/verdict")
async def tag_verdict(
    central: Central,
    id_tag: FromPath[str],
    charge_point_id: Annotated[str, QueryParameter(max_length=255, description="where")],
    at: Annotated[
        datetime | None, QueryParameter(description="when (RFC 3339, with a zone); default: now")
    ] = None,
) -> TagVerdict:
    """Tell what a start with an idTag would be answered at a charge point, and why."""
    at_us = central.clock() if at is None else stored_us(at, "at")
    service = central.services.authorization

    def work(reader: Reader) -> TagVerdict:
        place = registered(reader, charge_point_id)
        found = service.foreseen(reader, place, id_tag, at_us)
        when = moment(at_us)
        assert when is not None
        return TagVerdict(
            id_tag=id_tag,
            charge_point_id=place.charge_point_id,
            at=when,
            charged_to=account_of(place, id_tag),
            status=found.status,
            reason=found.reason,
            parent_id_tag=found.parent_id_tag,
            expires_at=found.info().expiry_date,
            asks_external=service.external is not None,
        )

    return await central.store.read(work)


@get("/tags.csv", media_type=CSV)
async def export_tags(central: Central) -> Stream:
    """All idTags as CSV; importing it gives exactly the same.

    What is settled for their groups is not in it.
    """

    def read(reader: Reader, last: SettledTag | None) -> Sequence[SettledTag]:
        after = "" if last is None else last.terms.id_tag_key
        return tags.listed(reader, after=after, limit=PAGE)

    async def text() -> AsyncIterator[str]:
        yield tags_csv.header()
        async for found in pages(central.store, read):
            yield tags_csv.lines(found)

    return download(text(), "tags.csv", CSV)


@post("/tags.csv", opt=needs(Role.OPERATOR, **{ACCEPTS: CSV}), status_code=200)
async def import_tags(central: Central, request: AnyRequest) -> ImportedTags:
    """Add or change idTags from a CSV file; if a line of it is wrong, nothing is changed.

    The first line names the columns: id_tag, and any of parent_id_tag, expires_at, blocked,
    max_concurrent, note, created_at, week_times, day_budget_wh, month_budget_wh, charge_points,
    charge_point_groups (the last two with commas between names). Tags and columns that are not
    named stay as they are.
    """
    try:
        text = (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_request(f"not UTF-8; save it as CSV UTF-8 ({error})") from error
    # In a thread: a large file must not keep charge points waiting.
    lines = await trio.to_thread.run_sync(tags_csv.parse, text, "the file")
    found = await tags_csv.put(central.store, lines, central.clock())
    return ImportedTags(added=found.added, changed=found.changed)


async def _change(
    central: CentralSystem,
    id_tag: str,
    columns: Changes,
    rights: TagRights | None,
    if_match: str | None,
) -> Response[Tag]:
    def work(db: Db) -> SettledTag:
        check(if_match, version(tags.known(db, id_tag)))
        return tags.change(db, id_tag, columns, rights)

    settled = await central.store.write(work)
    return tagged(_view(settled), version(settled))


def _view(settled: SettledTag) -> Tag:
    return shown(Tag, settled.terms, rights=rights_view(settled))


ROUTES: Final = [
    list_tags,
    add_tag,
    one_tag,
    change_tag,
    set_tag_rights,
    remove_tag,
    tag_verdict,
    export_tags,
    import_tags,
]

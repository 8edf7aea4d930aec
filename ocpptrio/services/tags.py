"""idTags and their groups as people keep them: on which terms they may charge, and where.

Functions on an open read or write, for commands beside the daemon and the API alike. Not here:
whether one may charge (verdict, authorization), CSV (tags_csv).
"""

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from ocpptrio.config import AuthorizationSettings
from ocpptrio.errors import TagConflict, UnknownTag
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.services.budgets import budgets_of
from ocpptrio.services.verdict import Budget
from ocpptrio.store import (
    charge_point_groups,
    charge_points,
    id_tags,
    tag_groups,
    tag_rights,
    transactions,
)
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import IdTagRecord, Running, TagGroupRecord, TagRights

ID_TAG_LENGTH: Final = 20  # characters (OCPP 1.6, 7.28)

ALL: Final = 2**63 - 1  # of a list

TermsT = TypeVar("TermsT", IdTagRecord, TagGroupRecord)
Changes = dict[str, Any]  # Any: columns of any type


class Settled(msgspec.Struct, Generic[TermsT], frozen=True):
    """What is settled for a tag or a group: its terms, and where it may charge."""

    terms: TermsT
    rights: TagRights


SettledTag = Settled[IdTagRecord]
SettledGroup = Settled[TagGroupRecord]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag or a group has spent of its budgets, and what runs on its account."""

    budgets: Sequence[Budget]
    running: Sequence[Running]


def valid_id_tag(text: str) -> str:
    """The text, if it can be an idTag.

    Raises:
        ValueError: it cannot.
    """
    if not id_tag_key(text) or text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no idTag: it needs visible characters, no blanks around")
    if len(text) > ID_TAG_LENGTH:
        raise ValueError(f"{text} has {len(text)} characters, an idTag at most {ID_TAG_LENGTH}")
    return text


# Tags.


def known(reader: Reader, id_tag: str) -> SettledTag:
    """The tag.

    Raises:
        UnknownTag: it is not there.
    """
    record = id_tags.get(reader, id_tag)
    if record is None:
        raise UnknownTag(f"no tag {id_tag}; see the list of tags")
    return Settled(record, tag_rights.of(reader, "tag", record.id_tag_key))


def listed(
    reader: Reader,
    *,
    search: str | None = None,
    parent_id_tag: str | None = None,
    blocked: bool | None = None,
    after: str = "",
    limit: int = 100,
) -> list[SettledTag]:
    """Tags in order; see the store."""
    found = id_tags.listed(
        reader,
        search=search,
        parent_id_tag=parent_id_tag,
        blocked=blocked,
        after=after,
        limit=limit,
    )
    if not found:
        return []
    rights = tag_rights.between(reader, "tag", found[0].id_tag_key, found[-1].id_tag_key)
    return [Settled(tag, rights.get(tag.id_tag_key, tag_rights.EVERYWHERE)) for tag in found]


def add(db: Db, record: IdTagRecord, rights: TagRights | None) -> SettledTag:
    """Let an idTag charge.

    Raises:
        TagConflict: it is there already, or its rights name what is not there.
    """
    if id_tags.get(db, record.id_tag) is not None:
        raise TagConflict(f"{record.id_tag} is there already; change it instead")
    return _put(db, record, rights)


def change(db: Db, id_tag: str, changes: Changes, rights: TagRights | None) -> SettledTag:
    """Change what is given of a tag, by column; rights in place of all before.

    Raises:
        UnknownTag: it is not there.
        TagConflict: its rights name what is not there.
    """
    return _put(db, replace(known(db, id_tag).terms, **changes), rights)


def remove(db: Db, id_tag: str) -> SettledTag:
    """Forget an idTag; its transactions stay. Returns what was settled.

    Raises:
        UnknownTag: it is not there.
    """
    before = known(db, id_tag)
    id_tags.remove(db, id_tag)
    return before


def _put(db: Db, record: IdTagRecord, rights: TagRights | None) -> SettledTag:
    id_tags.put(db, record)
    if rights is not None:
        check_rights(db, rights)
        tag_rights.put(db, "tag", id_tag_key(record.id_tag), rights)
    return known(db, record.id_tag)


# Groups.


def known_group(reader: Reader, parent_id_tag: str) -> SettledGroup:
    """The group.

    Raises:
        UnknownTag: it is not there.
    """
    record = tag_groups.get(reader, parent_id_tag)
    if record is None:
        raise UnknownTag(f"no group {parent_id_tag}; see the list of groups of tags")
    return Settled(record, tag_rights.of(reader, "group", record.group_key))


def groups(
    reader: Reader, *, search: str | None = None, after: str = "", limit: int = 100
) -> list[tuple[SettledGroup, int]]:
    """Groups in order, each with how many tags are in it; see the store."""
    found = tag_groups.listed(reader, search=search, after=after, limit=limit)
    if not found:
        return []
    first, last = found[0].group_key, found[-1].group_key
    rights = tag_rights.between(reader, "group", first, last)
    sizes = id_tags.group_sizes(reader, first, last)
    return [
        (
            Settled(group, rights.get(group.group_key, tag_rights.EVERYWHERE)),
            sizes.get(group.group_key, 0),
        )
        for group in found
    ]


def group_size(reader: Reader, group: SettledGroup) -> int:
    """How many tags are in it."""
    key = group.terms.group_key
    return id_tags.group_sizes(reader, key, key).get(key, 0)


def set_group(
    db: Db, parent_id_tag: str, changes: Changes, rights: TagRights | None, at_us: int
) -> SettledGroup:
    """Settle what a group may; one that is not there is made.

    Raises:
        TagConflict: its rights name what is not there.
    """
    before = tag_groups.get(db, parent_id_tag)
    if before is None:
        before = TagGroupRecord(parent_id_tag=parent_id_tag, created_at_us=at_us)
    return put_group(db, replace(before, **changes), rights)


def put_group(db: Db, record: TagGroupRecord, rights: TagRights | None) -> SettledGroup:
    """Settle what a group may in place of all before; without rights, these stay.

    Raises:
        TagConflict: its rights name what is not there.
    """
    tag_groups.put(db, record)
    if rights is not None:
        check_rights(db, rights)
        tag_rights.put(db, "group", id_tag_key(record.parent_id_tag), rights)
    return known_group(db, record.parent_id_tag)


def change_group(
    db: Db, parent_id_tag: str, changes: Changes, rights: TagRights | None
) -> SettledGroup:
    """As `set_group`, of one that is there.

    Raises:
        UnknownTag: it is not there.
        TagConflict: its rights name what is not there.
    """
    before = known_group(db, parent_id_tag).terms
    return set_group(db, before.parent_id_tag, changes, rights, before.created_at_us)


def remove_group(db: Db, parent_id_tag: str) -> SettledGroup:
    """Forget a group; returns what was settled.

    Raises:
        UnknownTag: it is not there.
        TagConflict: it has tags.
    """
    before = known_group(db, parent_id_tag)
    for tag in id_tags.listed(db, parent_id_tag=parent_id_tag, limit=1):
        raise TagConflict(f"{tag.id_tag} is in {parent_id_tag}; take its tags out first")
    tag_groups.remove(db, parent_id_tag)
    return before


# Both.


def check_rights(reader: Reader, rights: TagRights) -> None:
    """See that what rights name is there.

    Raises:
        TagConflict: it is not.
    """
    for charge_point_id in rights.charge_points:
        if charge_points.get(reader, charge_point_id) is None:
            raise TagConflict(f"{charge_point_id} is not registered; see the charge points")
    for group in rights.charge_point_groups:
        if not charge_point_groups.members(reader, group):
            raise TagConflict(f"no charge points in {group}; see the groups of charge points")


def use(
    reader: Reader,
    terms: IdTagRecord | TagGroupRecord,
    settings: AuthorizationSettings,
    at_us: int,
) -> Use:
    """What a tag or a group has spent, and what runs."""
    account_key, group_key = "", terms.group_key
    if isinstance(terms, IdTagRecord):
        account_key, group_key = terms.id_tag_key, None
    return Use(
        budgets=budgets_of(reader, terms, account_key, group_key, at_us, settings.zone),
        running=transactions.open_of_tag(reader, account_key, group_key),
    )

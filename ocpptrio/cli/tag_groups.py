"""`ocpptrio tag-groups`: what tags with the same parent share. Not here: the tags (tags)."""

from cyclopts import App
from msgspec.structs import replace

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, heading, plural, print_fields
from ocpptrio.cli.tag_options import AS_BEFORE, Group, Terms
from ocpptrio.cli.tag_views import Detailed, Listed, detailed_group, fields, only, sentence, state
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at
from ocpptrio.store import id_tags, tag_groups, tag_rights
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import IdTagRecord, TagGroupRecord

app = App(name="tag-groups")


@app.command(name="list")
async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all groups of idTags."""

    def work(reader: Reader) -> tuple[list[Listed], dict[str, int]]:
        rights = tag_rights.everything(reader, "group")
        groups = [
            Listed(group, rights.get(group.group_key, tag_rights.EVERYWHERE))
            for group in tag_groups.everyone(reader)
        ]
        count: dict[str, int] = {}
        for tag in id_tags.everyone(reader):
            if tag.group_key is not None:
                count[tag.group_key] = count.get(tag.group_key, 0) + 1
        return groups, count

    groups, count = await database.read(work)
    output.table(
        groups,
        {
            "group": lambda row: row.name,
            "tags": lambda row: count.get(row.terms.group_key or "", 0),
            "state": lambda row: state(row.terms),
            "expires": lambda row: at(row.terms.expires_at_us),
            "at a time": lambda row: row.terms.max_concurrent,
            "only": only,
            "note": lambda row: row.terms.note,
        },
        empty="no groups yet; make one: ocpptrio tags add TAG --parent GROUP",
        view=lambda row: row.view() | {"tags": count.get(row.terms.group_key or "", 0)},
    )


@app.command
async def show(
    group: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show all that is settled about a group, who is in it, and what is spent and running.

    Args:
        group: Its name, the parentIdTag of its tags.
    """
    settings = database.settings().authorization

    def work(reader: Reader) -> tuple[Detailed, list[IdTagRecord]]:
        record = _known(reader, group)
        return detailed_group(reader, record, settings), id_tags.members(reader, group)

    found, members = await database.read(work)
    if output.json:
        output.document(found.view() | {"tags": [tag.id_tag for tag in members]})
        return
    print_fields({"group": found.name} | fields(found, settings))
    if members:
        heading("Tags")
        output.table(
            members,
            {
                "tag": lambda tag: tag.id_tag,
                "state": state,
                "note": lambda tag: tag.note,
            },
        )


@app.command(name="set")
async def set_(
    group: Group,
    /,
    *,
    terms: Terms = AS_BEFORE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Settle what a group may, all its tags together; one that is not there yet is made.

    Tags are put into it with `ocpptrio tags set TAG --parent GROUP`.

    Args:
        group: Its name, the parentIdTag of its tags, at most 20 characters.
    """

    def work(db: Db) -> Listed:
        before = tag_groups.get(db, group)
        if before is None:
            before = TagGroupRecord(parent_id_tag=group, created_at_us=system_clock())
        tag_groups.put(db, replace(before, **terms.changes()))
        rights = terms.rights(db)
        record = _known(db, group)
        if rights is not None:
            tag_rights.put(db, "group", record.group_key, rights)
        return _listed(db, record)

    _done(await database.write(work), output)


@app.command
async def block(
    group: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Refuse all idTags of a group from now on.

    Args:
        group: Its name.
    """
    await _set_blocked(group, True, database, output)


@app.command
async def unblock(
    group: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Let the idTags of a group charge again, but for those blocked themselves.

    Args:
        group: Its name.
    """
    await _set_blocked(group, False, database, output)


@app.command
async def remove(
    group: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Forget a group that has no tags any more.

    Args:
        group: Its name.
    """

    def work(db: Db) -> Listed:
        record = _known(db, group)
        members = id_tags.members(db, group)
        if members:
            raise Failed(
                f"{plural(len(members), 'tag')} in {group}; take them out first: "
                f"ocpptrio tags set {members[0].id_tag} --parent ''"
            )
        listed = _listed(db, record)
        tag_groups.remove(db, group)
        return listed

    listed = await database.write(work)
    output.done(f"{group} removed", listed.view())


async def _set_blocked(group: str, blocked: bool, database: Database, output: Output) -> None:
    def work(db: Db) -> Listed:
        record = replace(_known(db, group), blocked=blocked)
        tag_groups.put(db, record)
        return _listed(db, record)

    _done(await database.write(work), output)


def _known(reader: Reader, group: str) -> TagGroupRecord:
    record = tag_groups.get(reader, group)
    if record is None:
        raise Failed(f"no group {group}; see: ocpptrio tag-groups list")
    return record


def _listed(reader: Reader, record: TagGroupRecord) -> Listed:
    return Listed(record, tag_rights.of(reader, "group", record.group_key))


def _done(listed: Listed, output: Output) -> None:
    group = listed.terms
    assert isinstance(group, TagGroupRecord)
    output.done(sentence(f"group {group.parent_id_tag}", group), listed.view())

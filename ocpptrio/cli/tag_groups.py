"""`ocpptrio tag-groups`: what tags with the same parent share. Not here: the tags (tags)."""

from cyclopts import App

from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Output, heading, print_fields
from ocpptrio.cli.tag_options import AS_BEFORE, Group, Terms
from ocpptrio.cli.tag_views import detailed_view, fields, only, sentence, state, view
from ocpptrio.clock import system_clock
from ocpptrio.presentation import at
from ocpptrio.services import tags
from ocpptrio.services.tags import SettledGroup, Use
from ocpptrio.store import id_tags
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import IdTagRecord

app = App(name="tag-groups")


@app.command(name="list")
async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all groups of idTags."""

    output.table(
        await database.read(lambda reader: tags.groups(reader, limit=tags.ALL)),
        {
            "group": lambda row: row[0].terms.parent_id_tag,
            "tags": lambda row: row[1],
            "state": lambda row: state(row[0].terms),
            "expires": lambda row: at(row[0].terms.expires_at_us),
            "at a time": lambda row: row[0].terms.max_concurrent,
            "only": lambda row: only(row[0]),
            "note": lambda row: row[0].terms.note,
        },
        empty="no groups yet; make one: ocpptrio tags add TAG --parent GROUP",
        view=lambda row: view(row[0]) | {"tags": row[1]},
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

    now_us = system_clock()

    def work(reader: Reader) -> tuple[SettledGroup, Use, list[IdTagRecord]]:
        found = tags.known_group(reader, group)
        used = tags.use(reader, found.terms, settings, now_us)
        return found, used, id_tags.members(reader, group)

    found, used, members = await database.read(work)
    if output.json:
        output.document(detailed_view(found, used) | {"tags": [tag.id_tag for tag in members]})
        return
    print_fields({"group": found.terms.parent_id_tag} | fields(found, used, settings))
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

    now_us, changes, rights = system_clock(), terms.changes(), terms.rights()
    _done(
        await database.write(
            lambda db: tags.set_group(db, group, changes, rights, now_us), create=True
        ),
        output,
    )


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

    removed = await database.write(lambda db: tags.remove_group(db, group))
    output.done(f"{group} removed", view(removed))


async def _set_blocked(group: str, blocked: bool, database: Database, output: Output) -> None:
    changes = {"blocked": blocked}
    _done(await database.write(lambda db: tags.change_group(db, group, changes, None)), output)


def _done(settled: SettledGroup, output: Output) -> None:
    group = settled.terms
    output.done(sentence(f"group {group.parent_id_tag}", group), view(settled))

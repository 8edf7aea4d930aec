"""`ocpptrio tags`: the idTags that may charge.

Not here: showing them (tag_views), their groups (tag_groups), reading and writing CSV (tags_csv).
"""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, plural, writing
from ocpptrio.cli.tag_options import AS_BEFORE, OptionalTag, Parent, Terms
from ocpptrio.cli.tag_views import check, list_, sentence, show, view
from ocpptrio.clock import system_clock
from ocpptrio.services import tags, tags_csv
from ocpptrio.services.authorization import generated_id_tag
from ocpptrio.services.tags import SettledTag
from ocpptrio.store.records import IdTagRecord

PAGE: Final = 1000  # tags of one read of an export: short, beside the daemon

app = App(name="tags")
app.command(list_, name="list")
app.command(show)
app.command(check)


@app.command
async def add(
    tag: OptionalTag = None,
    /,
    *,
    generate: Flag = False,
    parent: Parent = None,
    terms: Terms = AS_BEFORE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Let an idTag charge.

    Args:
        tag: The idTag, at most 20 characters; upper and lower case are the same.
        generate: Make one up: for remote starts, say. It fits every charge point.
        parent: Its group, made if it is not there: tags of a group may stop each other's
            transactions, and share what `ocpptrio tag-groups set` settles.
    """
    if generate == (tag is not None):
        raise Failed("name the tag, or --generate one")
    id_tag = tag or generated_id_tag()
    record = IdTagRecord(
        **{
            "id_tag": id_tag,
            "parent_id_tag": parent or None,
            "created_at_us": system_clock(),
            **terms.changes(),
        }
    )

    rights = terms.rights()
    _done(await database.write(lambda db: tags.add(db, record, rights), create=True), output)


@app.command(name="set")
async def set_(
    tag: str,
    /,
    *,
    parent: Parent = None,
    terms: Terms = AS_BEFORE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Change an idTag; what is not given stays.

    Args:
        tag: The idTag.
        parent: Its group; "" for none.
    """
    changes = terms.changes()
    if parent is not None:
        changes["parent_id_tag"] = parent or None
    await _change(tag, changes, terms, database, output)


@app.command
async def block(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Refuse an idTag from now on.

    Args:
        tag: The idTag.
    """
    await _change(tag, {"blocked": True}, AS_BEFORE, database, output)


@app.command
async def unblock(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Let a blocked idTag charge again.

    Args:
        tag: The idTag.
    """
    await _change(tag, {"blocked": False}, AS_BEFORE, database, output)


async def _change(
    tag: str,
    changes: dict[str, Any],  # Any: columns of any type
    terms: Terms,
    database: Database,
    output: Output,
) -> None:
    rights = terms.rights()
    _done(await database.write(lambda db: tags.change(db, tag, changes, rights)), output)


@app.command
async def remove(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Forget an idTag; its transactions stay.

    Args:
        tag: The idTag.
    """

    removed = await database.write(lambda db: tags.remove(db, tag))
    output.done(f"{removed.terms.id_tag} removed", view(removed))


@app.command(name="import")
async def import_(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Add or change idTags from a CSV file; if a line of it is wrong, nothing is changed.

    The first line names the columns: id_tag, and any of parent_id_tag, expires_at, blocked,
    max_concurrent, note, created_at, week_times, day_budget_wh, month_budget_wh, charge_points,
    charge_point_groups (the last two with commas between names). Tags and columns that the file
    does not name stay as they are.

    Args:
        file: The file; - reads standard input.
    """
    lines = tags_csv.parse(_text(file), "standard input" if str(file) == "-" else str(file))
    async with database.open(create=True) as store:
        found = await tags_csv.put(store, lines, system_clock())
    sentence = f"{plural(found.added, 'tag')} added, {found.changed} changed"
    output.done(sentence, found._asdict())


@app.command
async def export(file: Path | None = None, /, *, database: Database = FROM_SETTINGS) -> None:
    """Write all idTags as CSV; importing it gives exactly the same.

    What is settled for their groups is not in it.

    Args:
        file: The file to write; without it, standard output.
    """

    async with database.open() as store:
        with writing(file) as out:
            out.write(tags_csv.header())
            page = partial(tags.listed, after="", limit=PAGE)
            while found := await store.read(page):
                out.write(tags_csv.lines(found))
                page = partial(tags.listed, after=found[-1].terms.id_tag_key, limit=PAGE)


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Failed(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failed(f"{file}: not UTF-8; save it as CSV UTF-8 ({error})") from error


def _done(settled: SettledTag, output: Output) -> None:
    tag = settled.terms
    output.done(sentence(tag.id_tag, tag), view(settled))

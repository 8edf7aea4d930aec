"""`ocpptrio tags`: the idTags that may charge.

Not here: showing them (tag_views), their groups (tag_groups), reading and writing CSV (tags_csv).
"""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from msgspec.structs import replace

from ocpptrio.cli import tags_csv
from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, plural, writing
from ocpptrio.cli.tag_options import AS_BEFORE, Flag, OptionalTag, Parent, Terms
from ocpptrio.cli.tag_views import Listed, check, known, list_, sentence, show
from ocpptrio.clock import system_clock
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.services.authorization import generated_id_tag
from ocpptrio.store import id_tags, tag_rights
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import IdTagRecord, TagRights

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

    def work(db: Db) -> Listed:
        if id_tags.get(db, id_tag) is not None:
            raise Failed(f"{id_tag} is there already; to change it: ocpptrio tags set {id_tag}")
        return _put(db, record, terms.rights(db))

    _done(await database.write(work), output)


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
    def work(db: Db) -> Listed:
        return _put(db, replace(known(db, tag), **changes), terms.rights(db))

    _done(await database.write(work), output)


@app.command
async def remove(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Forget an idTag; its transactions stay.

    Args:
        tag: The idTag.
    """

    def work(db: Db) -> tuple[str, Listed]:
        record = known(db, tag)
        listed = Listed(record, tag_rights.of(db, "tag", record.id_tag_key))
        id_tags.remove(db, tag)
        return record.id_tag, listed

    id_tag, listed = await database.write(work)
    output.done(f"{id_tag} removed", listed.view())


@app.command(name="import")
async def import_(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Add or change idTags from a CSV file: all of it, or nothing.

    The first line names the columns: id_tag, and any of parent_id_tag, expires_at, blocked,
    max_concurrent, note, created_at, week_times, day_budget_wh, month_budget_wh, charge_points,
    charge_point_groups (the last two with commas between names). Tags and columns that the file
    does not name stay as they are.

    Args:
        file: The file; - reads standard input.
    """
    lines = tags_csv.parse(_text(file), "standard input" if str(file) == "-" else str(file))
    now_us = system_clock()

    def work(db: Db) -> dict[str, int]:
        known = {tag.id_tag_key: tag for tag in id_tags.everyone(db)}
        changed = 0
        rights = tag_rights.everything(db, "tag")
        for values in lines:
            key = id_tag_key(values["id_tag"])
            places = {name: values.pop(name) for name in tags_csv.PLACES if name in values}
            before = known.get(key)
            if before is None:
                id_tags.put(db, IdTagRecord(**{"created_at_us": now_us} | values))
            else:
                id_tags.put(db, replace(before, **values))
                changed += 1
            if places:
                tag_rights.put(
                    db, "tag", key, replace(rights.get(key, tag_rights.EVERYWHERE), **places)
                )
        return {"added": len(lines) - changed, "changed": changed}

    counts = await database.write(work)
    sentence = f"{plural(counts['added'], 'tag')} added, {counts['changed']} changed"
    output.done(sentence, counts)


@app.command
async def export(file: Path | None = None, /, *, database: Database = FROM_SETTINGS) -> None:
    """Write all idTags as CSV; importing it gives exactly the same.

    What is settled for their groups is not in it.

    Args:
        file: The file to write; without it, standard output.
    """

    def work(reader: Reader) -> str:
        return tags_csv.render(id_tags.everyone(reader), tag_rights.everything(reader, "tag"))

    text = await database.read(work)
    with writing(file) as out:
        out.write(text)


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Failed(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failed(f"{file}: not UTF-8; save it as CSV UTF-8 ({error})") from error


def _put(db: Db, record: IdTagRecord, rights: TagRights | None) -> Listed:
    key = id_tag_key(record.id_tag)
    id_tags.put(db, record)
    if rights is not None:
        tag_rights.put(db, "tag", key, rights)
    return Listed(record, tag_rights.of(db, "tag", key))


def _done(listed: Listed, output: Output) -> None:
    tag = listed.terms
    assert isinstance(tag, IdTagRecord)
    output.done(sentence(tag.id_tag, tag), listed.view())

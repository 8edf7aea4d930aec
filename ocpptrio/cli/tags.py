"""`ocpptrio tags`: the idTags that may charge. Not here: reading and writing CSV (tags_csv)."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter, Token, validators
from msgspec.structs import replace

from ocpptrio.cli import tags_csv
from ocpptrio.cli.options import FROM_SETTINGS, Database, parse_time
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, at, cell, plural, public, writing
from ocpptrio.clock import system_clock
from ocpptrio.protocol.datatypes import id_tag_key
from ocpptrio.store import id_tags
from ocpptrio.store.driver import Db
from ocpptrio.store.records import IdTagRecord

app = App(name="tags")


def _check_tag(_type: Any, text: str) -> None:  # Any: as cyclopts calls it
    tags_csv.valid_id_tag(text)


def _check_parent(_type: Any, text: str | None) -> None:  # Any: as cyclopts calls it
    if text:
        tags_csv.valid_id_tag(text)


Tag = Annotated[str, Parameter(validator=_check_tag)]
Parent = Annotated[str | None, Parameter(validator=_check_parent)]
Limit = Annotated[int | None, Parameter(validator=validators.Number(gte=0))]


def _expiry(_type: Any, tokens: Sequence[Token]) -> int | str:  # Any: as cyclopts calls it
    text = tokens[0].value
    return text if text == "never" else parse_time(text)


Expiry = Annotated[int | Literal["never"] | None, Parameter(converter=_expiry, metavar="TIME")]


@app.command(name="list")
async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all idTags."""
    output.table(
        await database.read(id_tags.everyone),
        {
            "tag": lambda tag: tag.id_tag,
            "state": _state,
            "expires": lambda tag: at(tag.expires_at_us),
            "parent": lambda tag: tag.parent_id_tag,
            "at a time": lambda tag: tag.max_concurrent,
            "note": lambda tag: tag.note,
        },
        empty="no tags yet; add one: ocpptrio tags add TAG",
    )


@app.command
async def add(
    tag: Tag,
    /,
    *,
    parent: Parent = None,
    expires: Expiry = None,
    max_concurrent: Limit = None,
    note: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Let an idTag charge.

    Args:
        tag: The idTag, at most 20 characters; upper and lower case are the same.
        parent: Its group: tags with the same parent may stop each other's transactions.
        expires: The first moment at which it may charge no more: 2027-01-01, or with a time.
        max_concurrent: Transactions at a time, 0 for any number; default as configured.
        note: Anything you want to remember.
    """
    record = IdTagRecord(
        id_tag=tag,
        parent_id_tag=parent or None,
        expires_at_us=expires if isinstance(expires, int) else None,
        max_concurrent=max_concurrent,
        note=note or None,
        created_at_us=system_clock(),
    )

    def work(db: Db) -> None:
        if id_tags.get(db, tag) is not None:
            raise Failed(f"{tag} is there already; to change it: ocpptrio tags set {tag}")
        id_tags.put(db, record)

    await database.write(work)
    _done(record, output)


@app.command(name="set")
async def set_(
    tag: str,
    /,
    *,
    parent: Parent = None,
    expires: Expiry = None,
    max_concurrent: Limit = None,
    note: str | None = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Change an idTag; what is not given stays.

    Args:
        tag: The idTag.
        parent: Its group; "" for none.
        expires: The first moment at which it may charge no more, or "never".
        max_concurrent: Transactions at a time, 0 for any number.
        note: Anything you want to remember; "" for nothing.
    """
    changes: dict[str, Any] = {}  # Any: columns of any type
    if parent is not None:
        changes["parent_id_tag"] = parent or None
    if expires is not None:
        changes["expires_at_us"] = None if expires == "never" else expires
    if max_concurrent is not None:
        changes["max_concurrent"] = max_concurrent
    if note is not None:
        changes["note"] = note or None
    await _change(tag, changes, database, output)


@app.command
async def block(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Refuse an idTag from now on.

    Args:
        tag: The idTag.
    """
    await _change(tag, {"blocked": True}, database, output)


@app.command
async def unblock(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Let a blocked idTag charge again.

    Args:
        tag: The idTag.
    """
    await _change(tag, {"blocked": False}, database, output)


async def _change(
    tag: str,
    changes: dict[str, Any],  # Any: columns of any type
    database: Database,
    output: Output,
) -> None:
    def work(db: Db) -> IdTagRecord:
        record = replace(_known(db, tag), **changes)
        id_tags.put(db, record)
        return record

    _done(await database.write(work), output)


@app.command
async def remove(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Forget an idTag; its transactions stay.

    Args:
        tag: The idTag.
    """

    def work(db: Db) -> IdTagRecord:
        record = _known(db, tag)
        id_tags.remove(db, tag)
        return record

    record = await database.write(work)
    output.done(f"{record.id_tag} removed", public(record))


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
    max_concurrent, note, created_at. Tags and columns that the file does not name stay as they are.

    Args:
        file: The file; - reads standard input.
    """
    lines = tags_csv.parse(_text(file), "standard input" if str(file) == "-" else str(file))
    now_us = system_clock()

    def work(db: Db) -> dict[str, int]:
        known = {tag.id_tag_key: tag for tag in id_tags.everyone(db)}
        changed = 0
        for values in lines:
            before = known.get(id_tag_key(values["id_tag"]))
            if before is None:
                id_tags.put(db, IdTagRecord(**{"created_at_us": now_us} | values))
            else:
                id_tags.put(db, replace(before, **values))
                changed += 1
        return {"added": len(lines) - changed, "changed": changed}

    counts = await database.write(work)
    sentence = f"{plural(counts['added'], 'tag')} added, {counts['changed']} changed"
    output.done(sentence, counts)


@app.command
async def export(file: Path | None = None, /, *, database: Database = FROM_SETTINGS) -> None:
    """Write all idTags as CSV; importing it gives exactly the same.

    Args:
        file: The file to write; without it, standard output.
    """
    text = tags_csv.render(await database.read(id_tags.everyone))
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


def _known(db: Db, tag: str) -> IdTagRecord:
    record = id_tags.get(db, tag)
    if record is None:
        raise Failed(f"no tag {tag}; see: ocpptrio tags list")
    return record


def _done(record: IdTagRecord, output: Output) -> None:
    sentence = f"{record.id_tag} {_state(record)}"
    if record.expires_at_us is not None and _state(record) == "may charge":
        sentence += f" until {cell(at(record.expires_at_us))}"
    output.done(sentence, public(record))


def _state(record: IdTagRecord) -> str:
    if record.blocked:
        return "blocked"
    return "expired" if _is_expired(record) else "may charge"


def _is_expired(record: IdTagRecord) -> bool:
    return record.expires_at_us is not None and record.expires_at_us <= system_clock()

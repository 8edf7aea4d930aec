"""`ocpptrio journal`: every message that came and went, with secrets taken out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec
import trio
from cyclopts import App, Parameter, validators

from ocpptrio.cli.options import FROM_SETTINGS, Database, Moment
from ocpptrio.cli.output import (
    FOR_PEOPLE,
    Failed,
    Output,
    heading,
    print_fields,
    printable,
    writing,
)
from ocpptrio.clock import from_us
from ocpptrio.presentation import json_line, public
from ocpptrio.store import journal
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import JournalEntry
from ocpptrio.store.vocabulary import Direction

PAGE: Final = 1000  # entries of one read: short, beside the daemon
FOLLOW_EVERY_S: Final = 0.25  # another process writes; a file cannot call us

app = App(name="journal")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which messages."""

    charge_point: str | None = None
    """Only those of this charge point."""
    action: str | None = None
    """Only those with this Action, and the answers to them: StatusNotification."""
    direction: Direction | None = None
    """Only those that came in, or went out."""
    since: Moment = None
    """Only those then or later: 2026-11-22, with a time, or 2h for ago."""
    until: Moment = None
    """Only those earlier."""
    contains: str | None = None
    """Only those with this text in them."""

    def entries(
        self,
        reader: Reader,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = PAGE,
    ) -> list[JournalEntry]:
        """Those after or before an entry; see the store."""
        return journal.entries(
            reader,
            charge_point_id=self.charge_point,
            action=self.action,
            direction=self.direction,
            since_us=self.since,
            until_us=self.until,
            text=self.contains,
            after=after,
            before=before,
            limit=limit,
        )


EVERYTHING: Final = Filter()

Follow = Annotated[bool, Parameter(name=["--follow", "-f"], negative="", show_default=False)]
Lines = Annotated[int | None, Parameter(name=["--lines", "-n"], validator=validators.Number(gte=0))]


@app.command
async def tail(
    *,
    follow: Follow = False,
    lines: Lines = None,
    filter: Filter = EVERYTHING,  # noqa: A002 - what it is
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Show the last messages.

    With --json, each message is one line of JSON.

    Args:
        follow: Go on with those to come, until Ctrl+C.
        lines: How many of the past; 20 if not given, or 1000 with --since.
    """
    limit = lines if lines is not None else 20 if filter.since is None else 1000
    after = 0

    def first(reader: Reader) -> list[JournalEntry]:
        nonlocal after
        after = _newest(reader)
        return filter.entries(reader, before=after + 1, limit=limit) if limit else []

    def next_(reader: Reader) -> list[JournalEntry]:
        nonlocal after
        newest = _newest(reader)
        found = filter.entries(reader, after=after)
        # A page that is not full: nothing else fits, up to the newest.
        after = found[-1].entry if len(found) == PAGE else newest
        return found

    async with database.open() as store:
        _print_lines(await store.read(first), output)
        while follow:
            await trio.sleep(FOLLOW_EVERY_S)
            while found := await store.read(next_):
                _print_lines(found, output)


@app.command
async def show(
    entry: int, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show one message in full, with its answer, or with what it answers.

    Args:
        entry: Its number, as `tail` shows it.
    """

    def work(reader: Reader) -> tuple[JournalEntry, JournalEntry | None]:
        found = journal.entries(reader, after=entry - 1, before=entry + 1)
        if not found:
            raise Failed(f"no entry {entry} in the journal; it may have outlived its retention")
        return found[0], journal.pair(reader, found[0])

    found, pair = await database.read(work)
    if output.json:
        output.document(public(found) | {"pair": None if pair is None else public(pair)})
        return
    _print_whole(found)
    if pair is not None:
        answer, question = (pair, found) if pair.entry > found.entry else (found, pair)
        took_s = (answer.at_us - question.at_us) / 1_000_000
        heading("Its answer" if pair is answer else "It answers")
        _print_whole(pair)
        print(f"\nanswered after {took_s:.3f} s")


@app.command
async def export(
    file: Path | None = None,
    /,
    *,
    filter: Filter = EVERYTHING,  # noqa: A002 - what it is
    database: Database = FROM_SETTINGS,
) -> None:
    """Write messages as lines of JSON, the oldest first.

    Args:
        file: The file to write; without it, standard output.
    """
    async with database.open() as store:
        with writing(file) as out:
            after = 0
            while found := await store.read(partial(filter.entries, after=after)):
                for entry in found:
                    out.write(json_line(entry))
                after = found[-1].entry


def _newest(reader: Reader) -> int:
    newest = journal.entries(reader, limit=1)
    return newest[0].entry if newest else 0


def _print_lines(entries: Sequence[JournalEntry], output: Output) -> None:
    for entry in entries:
        if output.json:
            print(json_line(entry), end="")
        else:
            arrow = "->" if entry.direction is Direction.IN else "<-"
            print(
                f"{entry.entry}  {_time(entry)}  {printable(entry.charge_point_id)} {arrow} "
                f"{printable(entry.action)} {printable(entry.text)}"
            )
    sys.stdout.flush()


def _print_whole(entry: JournalEntry) -> None:
    came = "from" if entry.direction is Direction.IN else "to"
    print_fields(
        {
            "entry": entry.entry,
            "time": _time(entry),
            "charge point": f"{came} {entry.charge_point_id}, connection {entry.generation}",
            "action": entry.action,
        }
    )
    try:
        lines = msgspec.json.format(entry.text, indent=2).splitlines()
    except msgspec.DecodeError:
        lines = entry.text.splitlines()
    print("\n".join(map(printable, lines)))


def _time(entry: JournalEntry) -> str:
    return f"{from_us(entry.at_us).astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]

"""/journal: every message that came and went, with secrets taken out."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from ocpptrio.api.downloads import PAGE, download, pages
from ocpptrio.api.filters import ChargePointId, Number, Since, Until, us
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import not_found
from ocpptrio.api.views import View, shown
from ocpptrio.store import journal
from ocpptrio.store.driver import Reader
from ocpptrio.store.journal import FrameKind
from ocpptrio.store.records import JournalEntry
from ocpptrio.store.vocabulary import Direction

MEDIA_TYPE: Final = "application/jsonl"

Action = Annotated[
    str | None,
    QueryParameter(max_length=100, description="only with this Action, and answers to them"),
]
# `direction` and `unique_id` as OCPP-J has them.
Way = Annotated[
    Direction | None, QueryParameter(description="only from charge points (in), or to them (out)")
]
UniqueId = Annotated[
    str | None, QueryParameter(max_length=255, description="only with this unique id")
]
Contains = Annotated[
    str | None, QueryParameter(max_length=255, description="only with this text in them")
]


class JournalLine(View, frozen=True, kw_only=True):
    """A message as it came or went.

    Attributes:
        generation: of the connection.
        action: also of the CALL that an answer answers; "" if it could not be read.
        kind: null of what is no frame.
        text: the frame exactly, but for secrets.
    """

    journal_id: int
    at: datetime
    charge_point_id: str
    generation: int
    direction: Direction
    action: str
    unique_id: str
    kind: FrameKind | None
    text: str


class JournalMessage(JournalLine, frozen=True, kw_only=True):
    """A message, with where its question or answer is.

    Attributes:
        answers: of an answer, the journal_id of its CALL.
        answered_by: of a CALL, the journal_id of its answer.
    """

    answers: int | None
    answered_by: int | None


class JournalExchange(View, frozen=True, kw_only=True):
    """A message, and its question or answer if that is known."""

    message: JournalMessage
    pair: JournalMessage | None


@get("/journal")
async def list_journal(
    central: Central,
    charge_point_id: ChargePointId = None,
    action: Action = None,
    direction: Way = None,
    unique_id: UniqueId = None,
    contains: Contains = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[JournalMessage]:
    """Messages, the newest first."""
    before, since_us, until_us = key_of(cursor, int), us(since, "since"), us(until, "until")

    def work(reader: Reader) -> list[tuple[JournalEntry, JournalEntry | None]]:
        found = journal.entries(
            reader,
            charge_point_id=charge_point_id,
            action=action,
            direction=direction,
            unique_id=unique_id,
            text=contains,
            since_us=since_us,
            until_us=until_us,
            before=before,
            limit=limit + 1,
        )
        return list(zip(found, journal.pairs(reader, found), strict=True))[::-1]

    found = await central.store.read(work)
    return page(found, limit, lambda row: row[0].entry, lambda row: _message(*row))


@get("/journal/{journal_id:int}")
async def one_message(central: Central, journal_id: Number) -> JournalExchange:
    """One message, with its answer, or with what it answers."""

    def work(reader: Reader) -> JournalExchange:
        found = journal.entries(reader, after=journal_id - 1, before=journal_id + 1)
        if not found:
            raise not_found(
                f"there is no entry {journal_id} in the journal; it may have outlived its retention"
            )
        pair = journal.pair(reader, found[0])
        return JournalExchange(
            message=_message(found[0], pair),
            pair=None if pair is None else _message(pair, found[0]),
        )

    return await central.store.read(work)


@get("/journal.jsonl", media_type=MEDIA_TYPE)
async def export_journal(
    central: Central,
    charge_point_id: ChargePointId = None,
    action: Action = None,
    direction: Way = None,
    unique_id: UniqueId = None,
    contains: Contains = None,
    since: Since = None,
    until: Until = None,
) -> Stream:
    """The same as lines of JSON, all of them, the oldest first; without `answers`."""
    since_us, until_us = us(since, "since"), us(until, "until")

    def read(reader: Reader, last: JournalEntry | None) -> Sequence[JournalEntry]:
        return journal.entries(
            reader,
            charge_point_id=charge_point_id,
            action=action,
            direction=direction,
            unique_id=unique_id,
            text=contains,
            since_us=since_us,
            until_us=until_us,
            after=0 if last is None else last.entry,
            limit=PAGE,
        )

    async def text() -> AsyncIterator[str]:
        async for found in pages(central.store, read):
            yield "".join(map(_line, found))

    of_one = "" if charge_point_id is None else f"-{charge_point_id}"
    return download(text(), f"journal{of_one}.jsonl", MEDIA_TYPE)


def _message(entry: JournalEntry, pair: JournalEntry | None) -> JournalMessage:
    number = None if pair is None else pair.entry
    kind = journal.kind(entry)
    asks = kind is FrameKind.CALL
    return shown(
        JournalMessage,
        entry,
        journal_id=entry.entry,
        kind=kind,
        answers=None if asks else number,
        answered_by=number if asks else None,
    )


def _line(entry: JournalEntry) -> str:
    line = shown(JournalLine, entry, journal_id=entry.entry, kind=journal.kind(entry))
    return msgspec.json.encode(line).decode() + "\n"


ROUTES: Final = [list_journal, one_message, export_journal]

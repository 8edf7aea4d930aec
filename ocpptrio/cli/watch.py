"""`ocpptrio watch`: what happens, as it happens. Here, or through the API of a daemon.

Not here: messages (journal), how an event reads (event_lines).
"""

import sys
from typing import Annotated, Final

import msgspec
import trio
from cyclopts import Parameter, validators

from ocpptrio.cli.event_lines import line
from ocpptrio.cli.options import FROM_SETTINGS, Database
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, printable
from ocpptrio.cli.remote import HERE, Remote, View
from ocpptrio.events import misnamed
from ocpptrio.presentation import public_event
from ocpptrio.store import events
from ocpptrio.store.driver import Reader, Store
from ocpptrio.store.events import Scan

FOLLOW_EVERY_S: Final = 0.25  # another process writes; a file cannot call us
AT_ONCE: Final = 1000  # events of one read

Kinds = Annotated[list[str] | None, Parameter(name="--kind", negative="")]
Number = Annotated[int | None, Parameter(validator=validators.Number(gte=0))]


async def watch(
    *,
    charge_point: str | None = None,
    kind: Kinds = None,
    since_number: Number = None,
    remote: Remote = HERE,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Show what happens, as it happens, until Ctrl+C: each event once and in order.

    A connection to --url that is lost is made again, and goes on where it was. With --json, each
    event is one line of JSON, as in GET /api/v1/events.

    Args:
        charge_point: Only events of this charge point.
        kind: Only events of this kind, such as TransactionStarted; may be given several times.
        since_number: Begin after the event with this number, the last one that you know; if
            nothing is given, with what happens from now on.
    """
    if wrong := misnamed(kind or ()):
        raise Failed(wrong)

    def show(event: View) -> None:
        print(msgspec.json.encode(event).decode() if output.json else line(event), flush=True)

    client = remote.client(database)
    if client is not None:
        async with client:
            await client.follow(
                *("events", "stream"),
                query={"charge_point_id": charge_point, "kind": kind},
                after=since_number,
                show=show,
                on_cut=_tell_of_cut,
            )
        return
    async with database.open() as store:
        followed = _Followed(store, charge_point, kind)
        await followed.begin(since_number)
        while True:
            for event in await followed.next_page():
                show(event)
            if not followed.more:
                await trio.sleep(FOLLOW_EVERY_S)


class _Followed:
    """The events of the database, page by page.

    Attributes:
        more: there is another page.
    """

    def __init__(self, store: Store, charge_point: str | None, kinds: list[str] | None) -> None:
        self._store = store
        self._charge_point = charge_point
        self._kinds = kinds
        self._last = 0
        self.more = True

    async def begin(self, after: int | None) -> None:
        """Behind that number; None: behind the newest."""
        self._last = await self._store.read(events.last_number) if after is None else after

    async def next_page(self) -> list[View]:
        """The next events; or, where some are missing, what tells of that."""
        first, last, found = await self._store.read(self._scan)
        self.more = found.more
        if self._last > last or self._last + 1 < first:
            reason = (
                "it is none of this database"
                if self._last > last
                else "what came after it is not kept any more"
            )
            self._last = last
            return [{"number": last, "kind": "reset", "oldest": first, "reason": reason}]
        self._last = found.up_to
        return [public_event(numbered) for numbered in found.events]

    def _scan(self, reader: Reader) -> tuple[int, int, Scan]:
        found = events.scan(
            reader,
            self._last,
            limit=AT_ONCE,
            charge_point_id=self._charge_point,
            kinds=self._kinds,
        )
        return events.first_number(reader), events.last_number(reader), found


def _tell_of_cut(reason: str, last: int | None) -> None:
    goes_on = "" if last is None else f", after event {last}"
    said = printable(f"the stream was cut: {reason}; tries again{goes_on}")
    print(f"ocpptrio: {said}", file=sys.stderr)

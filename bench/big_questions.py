"""What lists and charts ask of a large database: of the store itself, and over HTTP.

Each filter once, pages far behind, and what is nowhere to be found: that is what takes longest. Not
here: the database (big_data), the clock (big_database).
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ocpptrio.api.paging import cursor_to
from ocpptrio.clock import from_us
from ocpptrio.presentation import rfc3339
from ocpptrio.store import (
    attempts,
    charge_points,
    commands,
    conditions,
    deviations,
    events,
    journal,
    meter_readings,
    orphan_stops,
    overview,
    reviews,
    rollups,
    security,
    series,
    statistics,
    transactions,
)
from ocpptrio.store.driver import Reader
from ocpptrio.store.vocabulary import CommandState

DAY_US = 86_400_000_000
POINT = "CP0042"
NOBODY = "NOBODY"
RARE = "FirmwareStatusNotification"  # an Action, and below a kind of event, that never came
RARE_KIND = "FirmwareStatusChanged"
MOST = ("Connected", "StatusChanged", "TransactionStopped")

Work = Callable[[Reader], Any]  # Any: whatever it returns


class Extent(NamedTuple):
    """Where a database begins and ends."""

    begin_us: int
    end_us: int
    transactions: int
    events: int
    journal: int

    @property
    def middle_us(self) -> int:
        return (self.begin_us + self.end_us) // 2


def extent(reader: Reader) -> Extent:
    found = reader.row(
        """SELECT (SELECT min(started_at_us) FROM transactions), (SELECT max(at_us) FROM events),
            (SELECT max(transaction_id) FROM transactions), (SELECT max(number) FROM events),
            (SELECT max(entry) FROM journal)"""
    )
    assert found is not None
    return Extent(*(int(value or 0) for value in found))


def of_store(at: Extent) -> Iterator[tuple[str, Work]]:
    """Questions to the store, by name."""
    end, middle, half = at.end_us, at.middle_us, at.transactions // 2
    yield from _lists(
        "transactions",
        transactions.listed,
        {
            "newest": {},
            "1000 at a time": {"limit": 1000},
            "deep page": {"before": half},
            "of a charge point": {"charge_point_id": POINT},
            "of a charge point, deep page": {"charge_point_id": POINT, "before": half},
            "of a charge point, a day": {
                "charge_point_id": POINT,
                "since_us": middle - DAY_US,
                "until_us": middle,
            },
            "of a tag": {"id_tag": "TAG00077"},
            "of no tag": {"id_tag": NOBODY},
            "open": {"state": "open"},
            "superseded": {"state": "superseded"},
            "concluded (none)": {"state": "concluded"},
            "a day": {"since_us": middle - DAY_US, "until_us": middle},
            "the first day": {"until_us": at.begin_us + DAY_US},
        },
    )
    transaction_id = half + 1
    yield "a transaction", partial(transactions.get, transaction_id=transaction_id)
    yield "its series", partial(series.of_transaction, transaction_id=transaction_id)
    yield "its readings", partial(meter_readings.of_transaction, transaction_id=transaction_id)
    yield "its rollups", partial(rollups.of_transaction, transaction_id=transaction_id)
    for name, days in (("a day", 1), ("a week", 7), ("a month", 30)):
        yield (
            f"series of a connector, {name}",
            partial(
                series.of_connector,
                charge_point_id=POINT,
                connector_id=1,
                since_us=end - days * DAY_US,
                until_us=end,
            ),
        )
    yield (
        "readings of a charge point, a day",
        partial(
            meter_readings.of_charge_point,
            charge_point_id=POINT,
            since_us=middle - DAY_US,
            until_us=middle,
        ),
    )
    yield from _lists(
        "journal",
        journal.entries,
        {
            "newest": {},
            "deep page": {"before": at.journal // 2},
            "of a charge point": {"charge_point_id": POINT},
            "of a charge point, deep page": {
                "charge_point_id": POINT,
                "before": at.journal // 3,
            },
            "frequent Action": {"action": "MeterValues"},
            "rare Action": {"action": "BootNotification"},
            "no such Action": {"action": RARE},
            "no such Action of a charge point": {"charge_point_id": POINT, "action": RARE},
            "direction": {"direction": "out"},
            "since": {"since_us": end - DAY_US},
            "a day long ago": {"since_us": end - 9 * DAY_US, "until_us": end - 8 * DAY_US},
            "unique id of a charge point": {"charge_point_id": POINT, "unique_id": "none"},
            "unique id": {"unique_id": "none"},
            "text of a charge point, nowhere": {"charge_point_id": POINT, "text": "nowhere"},
        },
    )
    yield from _lists(
        "events",
        events.latest,
        {
            "newest": {},
            "deep page": {"before": at.events // 2},
            "of a charge point": {"charge_point_id": POINT},
            "of a charge point, without readings": {"charge_point_id": POINT, "kinds": MOST},
            "of nobody": {"charge_point_id": NOBODY},
            "of a kind": {"kinds": ("TransactionStopped",)},
            "of no kind": {"kinds": (RARE_KIND,)},
        },
    )
    yield "events after a number", partial(events.since, number=at.events // 2)
    yield (
        "events after a number, of a charge point",
        partial(events.since, number=at.events // 2, charge_point_id=POINT),
    )
    yield (
        "events after a number, of no kind",
        partial(events.since, number=at.events // 2, kinds=(RARE_KIND,)),
    )
    yield from _lists(
        "commands",
        commands.listed,
        {
            "newest": {},
            "of a charge point": {"charge_point_id": POINT},
            "queued": {"state": CommandState.QUEUED},
            "cancelled (none)": {"state": CommandState.CANCELLED},
            "of a task": {"task_id": 1},
        },
    )
    yield "reviews that wait", partial(reviews.waiting, limit=100)
    yield "reviews", reviews.latest
    yield "orphaned stops that fit nothing", orphan_stops.unresolved
    yield "deviations", deviations.everyone
    yield "deviations of a charge point", partial(deviations.of, charge_point_id=POINT)
    yield "security events", security.events_of
    yield "security events of a charge point", partial(security.events_of, charge_point_id=POINT)
    yield "conditions", conditions.listed
    yield "conditions that were", partial(conditions.listed, open_only=False)
    yield "charge points", charge_points.everyone
    yield "attempts", attempts.everyone
    yield "overview", partial(overview.waiting, since_us=end - DAY_US)
    yield "rows of tables", statistics.rows
    yield "what runs, at a start", transactions.everyone_open


def _lists(
    name: str, ask: Callable[..., Any], filters: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, Work]]:  # Any: as each question has it
    for which, arguments in filters.items():
        yield f"{name}: {which}", partial(ask, **arguments)


def of_api(at: Extent) -> Iterator[str]:
    """Paths under /api/v1, with their queries."""
    half = at.transactions // 2
    day_in_the_middle = {"since": _at(at.middle_us - DAY_US), "until": _at(at.middle_us)}
    point = f"/charge-points/{POINT}"
    plain = (
        "/overview /system /charge-points /groups /attempts /tags /tag-groups /reviews "
        "/orphan-stops /transactions /commands /tasks /journal /events /security-events "
        "/deviations /conditions /alerts /webhooks /actions "
        f"{point} {point}/connectors {point}/configuration {point}/deviations "
        f"/transactions/{half} /transactions/{half}/series /transactions/{half}/readings "
        "/commands/1 /tasks/1"
    )
    yield from plain.split()
    for path, queries in {
        "/charge-points": (
            {"limit": 1000},
            {"search": "0042"},
            {"connected": "false"},
            {"connector_status": "Faulted"},
        ),
        "/tags": ({"limit": 1000}, {"search": "0042"}),
        "/reviews": ({"resolved": "true"}, {"charge_point_id": POINT}),
        "/transactions": (
            {"limit": 1000},
            {"cursor": cursor_to(half)},
            {"charge_point_id": POINT},
            {"charge_point_id": POINT, "cursor": cursor_to(half)},
            {"id_tag": "TAG00077"},
            {"id_tag": NOBODY},
            {"state": "open"},
            {"state": "concluded"},
            day_in_the_middle,
        ),
        "/commands": (
            {"charge_point_id": POINT},
            {"state": "queued"},
            {"state": "cancelled"},
            {"task_id": 1},
            {"action": "Reset"},
            {"cursor": cursor_to(1000)},
        ),
        "/journal": (
            {"limit": 1000},
            {"cursor": cursor_to(at.journal // 2)},
            {"charge_point_id": POINT},
            {"action": "BootNotification"},
            {"action": RARE},
            {"direction": "in"},
            {"unique_id": "none"},
            {"charge_point_id": POINT, "unique_id": "none"},
            {"since": _at(at.end_us - 9 * DAY_US), "until": _at(at.end_us - 8 * DAY_US)},
        ),
        "/events": (
            {"limit": 1000},
            {"before": at.events // 2},
            {"after": at.events // 2},
            {"charge_point_id": POINT},
            {"charge_point_id": NOBODY},
            {"kind": "TransactionStopped"},
            {"kind": RARE_KIND},
        ),
        "/security-events": ({"charge_point_id": POINT},),
        "/deviations": ({"charge_point_id": POINT},),
        "/conditions": ({"charge_point_id": POINT},),
        f"{point}/series": tuple(
            {"since": _at(at.end_us - days * DAY_US), "until": _at(at.end_us)}
            for days in (1, 7, 30)
        ),
    }.items():
        for query in queries:
            yield f"{path}?{urlencode(query)}"


def _at(us: int) -> str:
    return rfc3339(from_us(us).replace(microsecond=0))

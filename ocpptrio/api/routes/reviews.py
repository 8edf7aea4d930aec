"""/reviews and /orphan-stops: what waits for a person to decide."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from ocpptrio.api.filters import ChargePointId, Number, stored_us
from ocpptrio.api.given import Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import not_found
from ocpptrio.api.views import Change, View, shown
from ocpptrio.events import Facts
from ocpptrio.services import decisions
from ocpptrio.services.decisions import Decision, Ending
from ocpptrio.store import orphan_stops, reviews
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import OrphanStopRecord, ReviewRecord
from ocpptrio.store.vocabulary import ReviewKind, TransactionState

Resolved = Annotated[
    bool | None, QueryParameter(description="only what is resolved, or only what still waits")
]


class Evidence(View, frozen=True, kw_only=True):
    """A piece of evidence: a message, a reading, a time.

    Attributes:
        wh: register or energy, in Wh.
    """

    what: str
    at: datetime | None
    wh: float | None
    detail: str | None


class Review(View, frozen=True, kw_only=True):
    """Something that waits for a person, or did.

    Attributes:
        decision: what became of it; null while it waits.
    """

    review_id: int
    kind: ReviewKind
    charge_point_id: str
    transaction_id: int | None
    orphan_id: int | None
    since: datetime
    evidence: list[Evidence]
    resolved_at: datetime | None
    decision: str | None
    note: str | None


class OrphanStop(View, frozen=True, kw_only=True):
    """A StopTransaction that fits no transaction, or several.

    Attributes:
        transaction_id: as sent: -1, 0 or unknown.
        payload: the whole request.
        stopped_transaction_id: the transaction that it ended at last.
    """

    orphan_id: int
    charge_point_id: str
    transaction_id: int
    id_tag: str | None
    meter_stop_wh: int
    stopped_at: datetime
    received_at: datetime
    reason: str
    payload: dict[str, Any]  # Any: JSON
    resolved_at: datetime | None
    stopped_transaction_id: int | None


class Fitting(View, frozen=True, kw_only=True):
    """A transaction without a stop that an orphaned one can end."""

    transaction_id: int
    connector_id: int
    id_tag: str
    state: TransactionState
    started_at: datetime
    meter_start_wh: int


class ReviewDetails(Review, frozen=True, kw_only=True):
    """What waits, with all that is needed to decide it.

    Attributes:
        decisions: those that fit; none once it is resolved.
    """

    decisions: list[Decision]
    orphan_stop: OrphanStop | None
    fitting_transactions: list[Fitting]


class End(Change, frozen=True, kw_only=True):
    """How a transaction ended, by your word.

    Attributes:
        at: when; default: its last reading, else now.
        meter_wh: where its register stood. Without this and `energy_wh`, its last reading counts.
        energy_wh: what it took.
        note: why.
    """

    at: Annotated[datetime, Meta(tz=True)] | None = None
    meter_wh: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    energy_wh: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    note: Annotated[str, Meta(max_length=1000)] | None = None

    def words(self) -> Ending:
        """As the services take them.

        Raises:
            Problem: the time is out of all bounds.
        """
        return {
            "ended_at_us": None if self.at is None else stored_us(self.at, "at"),
            "meter_wh": self.meter_wh,
            "energy_wh": self.energy_wh,
            "note": self.note,
        }


class Resolution(End, frozen=True, kw_only=True):
    """What you decide.

    Attributes:
        decision: attach: the stop ends the transaction that you name. end: the transaction is
            over, with the meter value or energy that you give, else with its last reading.
            dismiss: leave all as it is.
        transaction_id: with attach: whose stop it is.
        meter_wh: with end: where its register stood.
        energy_wh: with end: what it took.
        at: with end: when; default: its last reading, else now.
        note: why.
    """

    decision: Decision
    transaction_id: Annotated[int, Meta(ge=0, le=2**53)] | None = None


@get("/reviews")
async def list_reviews(
    central: Central,
    charge_point_id: ChargePointId = None,
    resolved: Resolved = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Review]:
    """What waits for a person, or did, the newest first."""
    before = key_of(cursor, int)
    found = await central.store.read(
        lambda reader: reviews.latest(
            reader, limit + 1, charge_point_id=charge_point_id, resolved=resolved, before=before
        )
    )
    return page(found, limit, lambda review: review.review_id, review_view)


@get("/reviews/{review_id:int}")
async def one_review(central: Central, review_id: Number) -> ReviewDetails:
    """What waits under a number, with its evidence, and what can be decided."""
    return await central.store.read(lambda reader: _details(reader, review_id))


@post("/reviews/{review_id:int}/resolve", opt={CONFLICTS: True}, status_code=200)
async def resolve_review(
    central: Central, review_id: Number, data: JSONBody[Resolution]
) -> ReviewDetails:
    """Decide what waits under a number; the first decision stands."""
    now_us, ending = central.clock(), data.words()

    def work(db: Db) -> ReviewDetails:
        _details(db, review_id)
        decisions.resolve(
            db,
            review_id,
            data.decision,
            at_us=now_us,
            transaction_id=data.transaction_id,
            **ending,
        )
        return _details(db, review_id)

    return await central.store.write(work)


@get("/orphan-stops")
async def list_orphan_stops(
    central: Central,
    charge_point_id: ChargePointId = None,
    resolved: Resolved = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[OrphanStop]:
    """Stops that fit no transaction when they came, the newest first.

    They were answered; what is to be decided about them is among the reviews.
    """
    before = key_of(cursor, int)
    found = await central.store.read(
        lambda reader: orphan_stops.latest(
            reader,
            charge_point_id=charge_point_id,
            resolved=resolved,
            before=before,
            limit=limit + 1,
        )
    )
    return page(found, limit, lambda orphan: orphan.orphan_id, _orphan)


def review_view(record: ReviewRecord) -> Review:
    """As it is shown."""
    return shown(Review, record, evidence=evidence(record.evidence))


def evidence(facts: Facts) -> list[Evidence]:
    """As it is shown."""
    return [shown(Evidence, fact) for fact in facts]


def _details(reader: Reader, review_id: int) -> ReviewDetails:
    case = decisions.case(reader, review_id)
    if case is None:
        raise not_found(f"there is no review {review_id}", see="GET /api/v1/reviews")
    return shown(
        ReviewDetails,
        case.review,
        evidence=evidence(case.review.evidence),
        decisions=list(case.choices),
        orphan_stop=None if case.orphan is None else _orphan(case.orphan),
        fitting_transactions=[shown(Fitting, record) for record in case.fitting],
    )


def _orphan(record: OrphanStopRecord) -> OrphanStop:
    return shown(OrphanStop, record, payload=msgspec.json.decode(record.payload))


ROUTES: Final = [list_reviews, one_review, resolve_review, list_orphan_stops]

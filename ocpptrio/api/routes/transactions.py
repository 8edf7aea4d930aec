"""/transactions: what was charged, and what is odd about it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypedDict

import msgspec
from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from ocpptrio.api.downloads import PAGE, download, pages
from ocpptrio.api.filters import ChargePointId, Number, Since, Until, us
from ocpptrio.api.given import Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Int64, Limit, Page, cursor_to, key_of, page
from ocpptrio.api.problems import not_found
from ocpptrio.api.routes.reviews import End, Evidence, Review, evidence, review_view
from ocpptrio.api.views import View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.services import decisions, flags, registers, transactions_csv
from ocpptrio.store import commands, conclusions, meter_readings, reviews, transactions
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import MeterReading, TransactionRecord
from ocpptrio.store.vocabulary import (
    CommandState,
    Conclusion,
    Confidence,
    EnergySource,
    TransactionState,
)

IdTag = Annotated[
    str | None,
    QueryParameter(max_length=255, description="presented, or the one that answers for it"),
]
# `state` is a word of Litestar's.
State = Annotated[
    TransactionState | None,
    QueryParameter(name="state", description="only those in this state"),
]
NeedsReview = Annotated[
    bool | None,
    QueryParameter(description="those of which something waits for a person, or all others"),
]


class Transaction(View, frozen=True, kw_only=True):
    """Charging, from a StartTransaction to its stop.

    Attributes:
        parent_id_tag: as answered, as is `authorization_status`.
        started_at: as the charge point says; `start_received_at` is when we heard of it.
        energy_wh: null: it runs, or nothing tells what it took.
        energy_so_far_wh: of one that runs.
        flags: what is odd about it.
        account_key: of the idTag that answers for it, folded.
        suspect_since: a boot, since which nothing shows that it runs.
        concluded_at: when it ended, as far as we can tell: no stop came.
        stop_sent_id: the id in its stop, where that is not its own.
        last_meter_wh: the newest import register among its meter readings.
    """

    transaction_id: int
    charge_point_id: str
    connector_id: int
    id_tag: str
    parent_id_tag: str | None
    authorization_status: AuthorizationStatus
    authorization_expires_at: datetime | None
    authorization_reason: str | None
    account_key: str
    reservation_id: int | None
    state: TransactionState
    started_at: datetime
    start_received_at: datetime
    meter_start_wh: int
    superseded_by: int | None
    suspect_since: datetime | None
    stopped_at: datetime | None
    stop_received_at: datetime | None
    meter_stop_wh: int | None
    stop_reason: str | None
    stop_id_tag: str | None
    stop_sent_id: int | None
    concluded_at: datetime | None
    energy_wh: int | None
    energy_source: EnergySource | None
    energy_so_far_wh: int | None
    flags: tuple[str, ...]
    first_meter_wh: float | None
    first_meter_at: datetime | None
    last_meter_wh: float | None
    last_meter_at: datetime | None


class ShownFlag(View, frozen=True, kw_only=True):
    """Something odd about a transaction, and what it means."""

    flag: str
    meaning: str


class ShownConclusion(View, frozen=True, kw_only=True):
    """What was concluded about a transaction besides what its own messages say."""

    at: datetime
    conclusion: Conclusion
    confidence: Confidence
    evidence: list[Evidence]


class TransactionCommand(View, frozen=True, kw_only=True):
    """A command that began or ended a transaction."""

    command_id: int
    action: str
    state: CommandState
    created_at: datetime
    requested_by: str | None


class TransactionDetails(Transaction, frozen=True, kw_only=True):
    """A transaction with all that is known about it, but its meter readings."""

    odd: list[ShownFlag]
    conclusions: list[ShownConclusion]
    reviews: list[Review]
    commands: list[TransactionCommand]


class Reading(View, frozen=True, kw_only=True):
    """One measured instant; null where it was not measured.

    Attributes:
        energy_wh: the import register.
        sampled_values: all of them as received.
    """

    connector_id: int
    sent_transaction_id: int | None
    measured_at: datetime
    received_at: datetime
    context: str
    energy_wh: float | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    frequency_hz: float | None
    soc_percent: float | None
    temperature_c: float | None
    sampled_values: list[dict[str, Any]]  # Any: whatever else charge points send in it


class SignedValue(View, frozen=True, kw_only=True):
    """What the meter signed, exactly as it was sent."""

    measured_at: datetime
    context: str
    measurand: str | None
    value: str


class Filters(TypedDict):
    """Which transactions, as the store takes it."""

    charge_point_id: str | None
    id_tag: str | None
    state: TransactionState | None
    since_us: int | None
    until_us: int | None
    needs_review: bool | None


async def filters(
    charge_point_id: ChargePointId = None,
    id_tag: IdTag = None,
    in_state: State = None,
    since: Since = None,
    until: Until = None,
    needs_review: NeedsReview = None,
) -> Filters:
    """What the list and the file are asked for."""
    return {
        "charge_point_id": charge_point_id,
        "id_tag": id_tag,
        "state": in_state,
        "since_us": us(since, "since"),
        "until_us": us(until, "until"),
        "needs_review": needs_review,
    }


FILTERS: Final = {"wanted": Provide(filters)}
Wanted = NamedDependency[Filters]


@get("/transactions", dependencies=FILTERS)
async def list_transactions(
    central: Central,
    wanted: Wanted,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Transaction]:
    """Transactions, the newest first; `since` and `until` are of their start."""
    before = key_of(cursor, int)

    def work(reader: Reader) -> list[tuple[TransactionRecord, int | None]]:
        found = transactions.listed(reader, **wanted, before=before, limit=limit + 1)
        return [(record, registers.so_far_wh(reader, record)) for record in found]

    found = await central.store.read(work)
    return page(found, limit, lambda row: row[0].transaction_id, lambda row: _view(*row))


@get("/transactions.csv", media_type="text/csv", dependencies=FILTERS)
async def export_transactions(
    central: Central,
    wanted: Wanted,
) -> Stream:
    """The same as CSV, all of them: UTC times, energy in Wh."""

    def read(reader: Reader, last: TransactionRecord | None) -> Sequence[TransactionRecord]:
        before = None if last is None else last.transaction_id
        return transactions.listed(reader, **wanted, before=before, limit=PAGE)

    async def text() -> AsyncIterator[str]:
        yield transactions_csv.header()
        async for found in pages(central.store, read):
            yield transactions_csv.lines(found)

    return download(text(), "transactions.csv", "text/csv")


@get("/transactions/{transaction_id:int}")
async def one_transaction(central: Central, transaction_id: Number) -> TransactionDetails:
    """One transaction, with what was concluded and decided about it."""
    return await central.store.read(lambda reader: _details(reader, transaction_id))


@post("/transactions/{transaction_id:int}/end", opt={CONFLICTS: True}, status_code=200)
async def end_transaction(
    central: Central, transaction_id: Number, data: JSONBody[End]
) -> TransactionDetails:
    """End a transaction that is over though no stop came, or give the energy of one that stopped.

    If its real stop comes after all, that one counts.
    """
    now_us, ending = central.clock(), data.words()

    def work(db: Db) -> TransactionDetails:
        known(db, transaction_id)
        decisions.end(db, transaction_id, at_us=now_us, **ending)
        return _details(db, transaction_id)

    return await central.store.write(work)


@get("/transactions/{transaction_id:int}/readings")
async def list_readings(
    central: Central, transaction_id: Number, cursor: Cursor = None, limit: Limit = 100
) -> Page[Reading]:
    """The meter readings of a transaction as they were taken, the oldest first.

    They are kept for a time; `series` goes on after it.
    """
    found = await _readings(central, transaction_id, cursor, limit)
    return page(found, limit, _reading_key, _reading)


@get("/transactions/{transaction_id:int}/signed-data")
async def list_signed_values(
    central: Central, transaction_id: Number, cursor: Cursor = None, limit: Limit = 100
) -> Page[SignedValue]:
    """What the meter signed in a transaction, the oldest first; `limit` is of readings."""
    found = await _readings(central, transaction_id, cursor, limit, signed=True)
    values = meter_readings.signed_values(found[:limit])
    more = cursor_to(_reading_key(found[limit - 1])) if len(found) > limit else None
    return Page([shown(SignedValue, value) for value in values], more)


def known(reader: Reader, transaction_id: int) -> TransactionRecord:
    """The transaction.

    Raises:
        Problem: 404.
    """
    record = transactions.get(reader, transaction_id)
    if record is None:
        raise not_found(f"there is no transaction {transaction_id}", see="GET /api/v1/transactions")
    return record


def _details(reader: Reader, transaction_id: int) -> TransactionDetails:
    record = known(reader, transaction_id)
    return shown(
        TransactionDetails,
        record,
        energy_so_far_wh=registers.so_far_wh(reader, record),
        odd=[ShownFlag(flag=flag, meaning=flags.meaning(flag)) for flag in record.flags],
        conclusions=[
            shown(ShownConclusion, one, evidence=evidence(one.evidence))
            for one in conclusions.of_transaction(reader, transaction_id)
        ],
        reviews=[review_view(one) for one in reviews.of_transaction(reader, transaction_id)],
        commands=[
            shown(TransactionCommand, one)
            for one in commands.of_transaction(reader, transaction_id)
        ],
    )


async def _readings(
    central: CentralSystem,
    transaction_id: int,
    cursor: str | None,
    limit: int,
    *,
    signed: bool = False,
) -> list[MeterReading]:
    """A page of readings, and one more."""
    after = key_of(cursor, tuple[Int64, Int64])

    def work(reader: Reader) -> list[MeterReading]:
        known(reader, transaction_id)
        return meter_readings.page_of_transaction(
            reader, transaction_id, after=after, signed=signed, limit=limit + 1
        )

    return await central.store.read(work)


def _reading_key(reading: MeterReading) -> tuple[int, int]:
    return reading.measured_at_us, reading.digest


def _view(record: TransactionRecord, energy_so_far_wh: int | None) -> Transaction:
    return shown(Transaction, record, energy_so_far_wh=energy_so_far_wh)


def _reading(record: MeterReading) -> Reading:
    return shown(Reading, record, sampled_values=msgspec.json.decode(record.sampled_values))


ROUTES: Final = [
    list_transactions,
    export_transactions,
    one_transaction,
    end_transaction,
    list_readings,
    list_signed_values,
]

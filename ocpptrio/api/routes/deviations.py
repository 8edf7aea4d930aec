"""Deviations: where charge points leave the specification, also as a report for their makers."""

from datetime import datetime
from typing import Annotated, Final

from litestar import delete, get
from litestar.params import FromPath, QueryParameter

from ocpptrio.api.filters import ChargePointId
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.routes.charge_points import known
from ocpptrio.api.views import View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol.datatypes import DeviationKind
from ocpptrio.services import deviation_report
from ocpptrio.services.deviation_kinds import MEANINGS
from ocpptrio.services.deviation_report import Report
from ocpptrio.store import deviations
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import DeviationRecord

OF_ONE: Final = "/charge-points/{charge_point_id:str}/deviations"

Older = Annotated[
    bool,
    QueryParameter(description="only those not seen with the firmware that it has now"),
]


class Deviation(View, frozen=True, kw_only=True):
    """One way in which a charge point leaves the specification.

    Attributes:
        field: path of names without list indexes; "" for the message as a whole.
        example: the value as it came first.
        what: the kind in plain words; made_of_it: what became of the message here.
        clause: the rule that it breaks.
    """

    charge_point_id: str
    action: str
    field: str
    kind: DeviationKind
    occurrences: int
    first_at: datetime
    last_at: datetime
    first_firmware: str | None
    last_firmware: str | None
    example: str
    what: str
    made_of_it: str
    clause: str


class Cleared(View, frozen=True, kw_only=True):
    """How many ways were forgotten."""

    cleared: int


@get("/deviations")
async def list_deviations(
    central: Central,
    charge_point_id: ChargePointId = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Deviation]:
    """In which ways charge points leave the specification, and what is made of it."""
    return await _listed(central, charge_point_id, cursor, limit, must_exist=False)


@get(OF_ONE)
async def list_deviations_of_one(
    central: Central, charge_point_id: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> Page[Deviation]:
    """In which ways a charge point leaves the specification, and what is made of it."""
    return await _listed(central, charge_point_id, cursor, limit, must_exist=True)


@get(f"{OF_ONE}/report")
async def report_deviations(central: Central, charge_point_id: FromPath[str]) -> Report:
    """A report for the maker of a charge point: what is wrong, how often, what would be right.

    It has examples from the journal where there are some; idTags in it are covered.
    """
    return await _report(central, charge_point_id)


@get(f"{OF_ONE}/report.txt", media_type="text/plain")
async def report_deviations_as_text(central: Central, charge_point_id: FromPath[str]) -> str:
    """The same report as a page of plain text."""
    return deviation_report.as_text(await _report(central, charge_point_id))


@get(f"{OF_ONE}/report.md", media_type="text/markdown")
async def report_deviations_as_markdown(central: Central, charge_point_id: FromPath[str]) -> str:
    """The same report as Markdown, for an issue tracker or a mail."""
    return deviation_report.as_markdown(await _report(central, charge_point_id))


@delete(OF_ONE, status_code=200)
async def clear_deviations(
    central: Central, charge_point_id: FromPath[str], older_firmware: Older = False
) -> Cleared:
    """Forget the deviations of a charge point; what it still does comes again."""

    def work(db: Db) -> int:
        known(db, charge_point_id)
        return deviations.clear(db, charge_point_id, older_firmware_only=older_firmware)

    return Cleared(cleared=await central.store.write(work))


async def _report(central: CentralSystem, charge_point_id: str) -> Report:
    return await central.store.read(
        lambda reader: deviation_report.of(reader, known(reader, charge_point_id))
    )


async def _listed(
    central: CentralSystem,
    charge_point_id: str | None,
    cursor: str | None,
    limit: int,
    *,
    must_exist: bool,
) -> Page[Deviation]:
    after = key_of(cursor, tuple[str, str, str, str])

    def work(reader: Reader) -> list[DeviationRecord]:
        if must_exist and charge_point_id is not None:
            known(reader, charge_point_id)
        return deviations.listed(
            reader, charge_point_id=charge_point_id, after=after, limit=limit + 1
        )

    return page(await central.store.read(work), limit, _key, _view)


def _key(row: DeviationRecord) -> tuple[str, str, str, str]:
    return (row.charge_point_id, row.action, row.field, row.kind)


def _view(row: DeviationRecord) -> Deviation:
    meaning = MEANINGS[row.kind]
    return shown(
        Deviation, row, what=meaning.what, made_of_it=meaning.made_of_it, clause=meaning.clause
    )


ROUTES: Final = [
    list_deviations,
    list_deviations_of_one,
    report_deviations,
    report_deviations_as_text,
    report_deviations_as_markdown,
    clear_deviations,
]

"""/conditions: what is wrong with charge points now, and what was."""

from datetime import datetime
from typing import Annotated, Final

from litestar import get
from litestar.params import QueryParameter

from ocpptrio.api.filters import ChargePointId
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.views import View, shown
from ocpptrio.events import ConditionKind
from ocpptrio.store import conditions
from ocpptrio.store.records import ConditionRecord

All = Annotated[bool, QueryParameter(name="all", description="also what is over")]


class Condition(View, frozen=True, kw_only=True):
    """Something that is, or was, wrong for longer than a moment.

    Attributes:
        connector_id: 0: the charge point as a whole.
        since: when it began; raised_at: when we knew.
        cleared_at: null: it is wrong now.
        steps: how many the watchdog took against it.
    """

    condition_id: int
    charge_point_id: str
    kind: ConditionKind
    connector_id: int
    since: datetime
    raised_at: datetime
    cleared_at: datetime | None
    evidence: str
    steps: int
    stepped_at: datetime | None


@get("/conditions")
async def list_conditions(
    central: Central,
    charge_point_id: ChargePointId = None,
    over_too: All = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Condition]:
    """What is wrong with charge points, the newest first."""
    before = key_of(cursor, int)
    found = await central.store.read(
        lambda reader: conditions.listed(
            reader,
            charge_point_id=charge_point_id,
            open_only=not over_too,
            before=before,
            limit=limit + 1,
        )
    )
    return page(found, limit, lambda one: one.condition_id, condition)


def condition(record: ConditionRecord) -> Condition:
    """A condition as it is shown."""
    return shown(Condition, record)


ROUTES: Final = [list_conditions]

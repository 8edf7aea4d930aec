"""/attempts: charge points that were turned away. To let one in: POST /charge-points."""

from datetime import datetime
from typing import Final

from litestar import delete, get
from litestar.params import FromPath

from ocpptrio.api.given import Central
from ocpptrio.api.paging import Limit, Page
from ocpptrio.api.problems import not_found
from ocpptrio.api.views import View, shown
from ocpptrio.store import attempts


class Attempt(View, frozen=True, kw_only=True):
    """An identity that was turned away; "" is one that named none."""

    charge_point_id: str
    peer: str
    reason: str
    occurrences: int
    first_at: datetime
    last_at: datetime


@get("/attempts")
async def list_attempts(central: Central, limit: Limit = 100) -> Page[Attempt]:
    """Who was turned away, the latest first. At most 1000 identities are kept."""
    found = await central.store.read(attempts.everyone)
    return Page([shown(Attempt, record) for record in found[:limit]])


@delete("/attempts/{charge_point_id:str}")
async def forget_attempt(central: Central, charge_point_id: FromPath[str]) -> None:
    """Take an identity off the list; it is back when it tries again."""
    if not await central.store.write(lambda db: attempts.remove(db, charge_point_id)):
        raise not_found(f"{charge_point_id} is not among those that were turned away")


ROUTES: Final = [list_attempts, forget_attempt]

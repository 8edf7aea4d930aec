"""/attempts: charge points that were turned away, and letting them in."""

from datetime import datetime
from typing import Final

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from ocpptrio.api.filters import ChargePointId
from ocpptrio.api.given import Central
from ocpptrio.api.paging import Limit, Page
from ocpptrio.api.problems import conflict, not_found
from ocpptrio.api.routes.charge_point_changes import (
    EDITS,
    AddedChargePoint,
    Note,
    Password,
    added,
    chosen_password,
    hash_of,
)
from ocpptrio.api.views import Change, View, shown
from ocpptrio.services.charge_points import AlreadyRegistered, NeverTried, Remedy, adopt, remedy
from ocpptrio.store import attempts, charge_points
from ocpptrio.store.driver import Db, Reader


class Attempt(View, frozen=True, kw_only=True):
    """An identity that was turned away; "" is one that named none.

    Attributes:
        remedy: what would let it in; null: the charge point itself must be set up otherwise.
    """

    charge_point_id: str
    peer: str
    reason: str
    occurrences: int
    first_at: datetime
    last_at: datetime
    remedy: Remedy | None


class Adoption(Change, frozen=True, kw_only=True):
    """How one is let in.

    Attributes:
        password: what it must present (HTTP Basic); or have one made with generate_password.
    """

    password: Password | None = None
    generate_password: bool = False
    note: Note | None = None


@get("/attempts")
async def list_attempts(
    central: Central, charge_point_id: ChargePointId = None, limit: Limit = 100
) -> Page[Attempt]:
    """Who was turned away, the latest first. At most 1000 identities are kept."""

    def work(reader: Reader) -> list[Attempt]:
        return [
            shown(
                Attempt,
                attempt,
                remedy=remedy(charge_points.get(reader, attempt.charge_point_id), attempt),
            )
            for attempt in attempts.everyone(reader)
            if charge_point_id in (None, attempt.charge_point_id)
        ][:limit]

    return Page(await central.store.read(work))


@post("/attempts/{charge_point_id:str}/adopt", opt=EDITS)
async def adopt_charge_point(
    central: Central, charge_point_id: FromPath[str], data: JSONBody[Adoption]
) -> Response[AddedChargePoint]:
    """Let in one that was turned away, or keep one that came from this machine for a try.

    From then on it may connect from anywhere, and the list of tags says who may charge there.
    """
    chosen = chosen_password(data.password, generate=data.generate_password)
    hashed = await hash_of(central, chosen)
    at_us, hold_new = central.clock(), central.settings.provisioning.hold_new

    def work(db: Db) -> None:
        try:
            adopt(
                db,
                charge_point_id,
                at_us,
                password_hash=hashed,
                note=data.note,
                hold_new=hold_new,
            )
        except AlreadyRegistered as error:
            raise conflict(
                f"{error}; if its password is wrong, set another",
                see="PUT /api/v1/charge-points/{charge_point_id}/password",
            ) from error
        except NeverTried as error:
            raise not_found(
                f"{error}; it can be registered all the same", see="POST /api/v1/charge-points"
            ) from error

    await central.store.write(work)
    return await added(central, charge_point_id, chosen)


@delete("/attempts/{charge_point_id:str}")
async def forget_attempt(central: Central, charge_point_id: FromPath[str]) -> None:
    """Take an identity off the list; it is back when it tries again."""
    if not await central.store.write(lambda db: attempts.remove(db, charge_point_id)):
        raise not_found(f"{charge_point_id} is not among those that were turned away")


ROUTES: Final = [list_attempts, adopt_charge_point, forget_attempt]

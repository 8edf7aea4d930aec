"""/charge-points: registering, editing and removing them, and their passwords."""

from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from litestar import Response, delete, patch, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from ocpptrio.api.access import needs
from ocpptrio.api.given import Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.problems import bad_request, conflict
from ocpptrio.api.routes.charge_points import ChargePointDetails, details, known, version
from ocpptrio.api.versions import IfMatch, check, tagged
from ocpptrio.api.views import Change, View
from ocpptrio.central_system import CentralSystem
from ocpptrio.events import OpenMode
from ocpptrio.handshake import IDENTITY_LENGTH
from ocpptrio.passwords import MAX_LENGTH, MIN_LENGTH
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.reachable import urls
from ocpptrio.services import charge_point_passwords
from ocpptrio.services.charge_point_passwords import NewPassword
from ocpptrio.services.charge_points import (
    MOST_LEARN_US,
    AlreadyRegistered,
    Changes,
    NewMode,
    UnknownTag,
    change,
    register,
)
from ocpptrio.store import charge_points
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ChargePointRecord
from ocpptrio.store.vocabulary import Role

SECOND_US: Final = 1_000_000
EDITS: Final = needs(Role.OPERATOR, **{CONFLICTS: True})

Identity = Annotated[str, Meta(min_length=1, max_length=IDENTITY_LENGTH)]
Password = Annotated[str, Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH, pattern="^[ -~]*$")]
Note = Annotated[str, Meta(max_length=2000)]
IdTag = Annotated[str, Meta(min_length=1, max_length=20)]
LearnFor = Annotated[float, Meta(gt=0, le=MOST_LEARN_US / SECOND_US)]


class NewChargePoint(Change, frozen=True, kw_only=True):
    """A charge point that may connect from now on.

    Attributes:
        charge_point_id: its identity: the end of the URL that is entered into it.
        password: what it must present (HTTP Basic); or have one made with generate_password.
        mode, fixed_id_tag, learn_for_s: see PATCH /charge-points/{charge_point_id}.
        pending: it may connect, but not charge, until it is accepted.
    """

    charge_point_id: Identity
    password: Password | None = None
    generate_password: bool = False
    mode: OpenMode = OpenMode.CLOSED
    fixed_id_tag: IdTag | None = None
    learn_for_s: LearnFor | None = None
    pending: bool = False
    note: Note | None = None


class ChargePointChange(Change, frozen=True, kw_only=True):
    """What is to become of a charge point; what is not sent stays.

    Attributes:
        registration: what BootNotifications are answered with, hence what it may do.
        until_configured: with `Pending`: accept it as soon as its wanted configuration is applied.
        mode: which idTags may charge there.
        fixed_id_tag: of the mode `fixed tag`: the one that all count as.
        learn_for_s: of the mode `learn`: for how long; default: 600.
    """

    registration: RegistrationStatus | UnsetType = UNSET
    until_configured: bool = False
    mode: OpenMode | UnsetType = UNSET
    fixed_id_tag: IdTag | None = None
    learn_for_s: LearnFor | None = None
    note: Note | UnsetType | None = UNSET


class PasswordChange(Change, frozen=True, kw_only=True):
    """Either a password, or `generate`."""

    password: Password | None = None
    generate: bool = False


class ShownPassword(View, frozen=True, kw_only=True):
    """A new password, this once.

    Attributes:
        password: only one that was made here.
        authorization_key: its form for ChangeConfiguration; null if its length does not allow it.
    """

    password: str | None
    authorization_key: str | None


class AddedChargePoint(ChargePointDetails, frozen=True, kw_only=True):
    """A charge point that is registered now.

    Attributes:
        password, authorization_key: if one was made, shown this once.
        urls: what to enter into the charge point, the likeliest first.
    """

    password: str | None
    authorization_key: str | None
    urls: list[str]


@post("/charge-points", opt=EDITS)
async def add_charge_point(
    central: Central, data: JSONBody[NewChargePoint]
) -> Response[AddedChargePoint]:
    """Register a charge point, so that it may connect; the answer says what to enter into it."""
    chosen = chosen_password(data.password, generate=data.generate_password)
    hashed = await hash_of(central, chosen)
    at_us, hold_new = central.clock(), central.settings.provisioning.hold_new
    mode = _mode(data.mode, data.fixed_id_tag, data.learn_for_s)

    def work(db: Db) -> None:
        try:
            register(
                db,
                data.charge_point_id,
                at_us,
                mode=mode,
                pending=data.pending,
                password_hash=hashed,
                note=data.note,
                hold_new=hold_new,
            )
        except AlreadyRegistered as error:
            raise conflict(
                f"{error}; change it instead", see="PATCH /api/v1/charge-points/{charge_point_id}"
            ) from error
        except UnknownTag as error:
            raise _no_tag(error) from error
        except ValueError as error:
            raise bad_request(str(error), field="charge_point_id") from error

    await central.store.write(work)
    return await added(central, data.charge_point_id, chosen)


@patch("/charge-points/{charge_point_id:str}", opt=EDITS)
async def change_charge_point(
    central: Central,
    charge_point_id: FromPath[str],
    data: JSONBody[ChargePointChange],
    if_match: IfMatch = None,
) -> Response[ChargePointDetails]:
    """Change what is kept of a charge point; what is not sent stays.

    Of one that was held or rejected and is accepted now, a BootNotification is asked for.
    """
    if data.mode is UNSET:
        if data.fixed_id_tag is not None or data.learn_for_s is not None:
            raise bad_request("say the mode that it belongs to", field="mode")
        if data.registration is UNSET and data.note is UNSET:
            raise bad_request("send what to change: registration, mode or note")
    changes = Changes(
        registration=data.registration,
        until_configured=data.until_configured,
        mode=UNSET if data.mode is UNSET else _mode(data.mode, data.fixed_id_tag, data.learn_for_s),
        note=data.note,
    )
    await _change(central, charge_point_id, changes, if_match)
    record, found = await central.store.read(
        lambda reader: details(central, reader, charge_point_id)
    )
    return tagged(found, version(record))


@delete("/charge-points/{charge_point_id:str}")
async def remove_charge_point(
    central: Central, charge_point_id: FromPath[str], if_match: IfMatch = None
) -> None:
    """Forget a charge point and cut its connection; its transactions stay."""
    at_us = central.clock()

    def work(db: Db) -> None:
        check(if_match, version(known(db, charge_point_id)))
        charge_points.remove(db, charge_point_id, at_us)

    await central.store.write(work)


@put("/charge-points/{charge_point_id:str}/password")
async def set_charge_point_password(
    central: Central,
    charge_point_id: FromPath[str],
    data: JSONBody[PasswordChange],
    if_match: IfMatch = None,
) -> Response[ShownPassword]:
    """Set what a charge point must present when it connects.

    A connection that is open stays open.
    """
    chosen = chosen_password(data.password, generate=data.generate)
    if chosen is None:
        raise bad_request('send a password, or {"generate": true}', field="password")
    changes = Changes(password_hash=await hash_of(central, chosen))
    record = await _change(central, charge_point_id, changes, if_match)
    return tagged(_shown_password(chosen), version(record))


@delete("/charge-points/{charge_point_id:str}/password")
async def remove_charge_point_password(
    central: Central, charge_point_id: FromPath[str], if_match: IfMatch = None
) -> None:
    """Let a charge point connect without a password."""
    await _change(central, charge_point_id, Changes(password_hash=None), if_match)


def chosen_password(password: str | None, *, generate: bool) -> NewPassword | None:
    """The password that is given or made, if there is to be one.

    Raises:
        Problem: 400.
    """
    if generate:
        if password is not None:
            raise bad_request("send a password, or have one made, not both", field="password")
        return charge_point_passwords.generated()
    if password is None:
        return None
    try:
        charge_point_passwords.check(password)
    except ValueError as error:
        raise bad_request(str(error), field="password") from error
    return NewPassword(password)


async def hash_of(central: CentralSystem, chosen: NewPassword | None) -> str | None:
    """What is kept of it."""
    if chosen is None:
        return None
    return await central.services.passwords.hash_in_thread(chosen.text.encode())


async def added(
    central: CentralSystem, charge_point_id: str, chosen: NewPassword | None
) -> Response[AddedChargePoint]:
    """The answer for one that is registered now."""
    record, found = await central.store.read(
        lambda reader: details(central, reader, charge_point_id)
    )
    bases = urls(central.settings.ocpp, central.addresses)
    secret = ShownPassword(password=None, authorization_key=None)
    body = AddedChargePoint(
        **msgspec.structs.asdict(found),
        **msgspec.structs.asdict(secret if chosen is None else _shown_password(chosen)),
        urls=[base + quote(charge_point_id, safe="") for base in bases],
    )
    return tagged(body, version(record), status=HTTPStatus.CREATED)


async def _change(
    central: CentralSystem, charge_point_id: str, changes: Changes, if_match: str | None
) -> ChargePointRecord:
    at_us = central.clock()

    def work(db: Db) -> ChargePointRecord:
        check(if_match, version(known(db, charge_point_id)))
        try:
            return change(db, charge_point_id, changes, at_us)
        except UnknownTag as error:
            raise _no_tag(error) from error
        except ValueError as error:
            raise bad_request(str(error)) from error

    return await central.store.write(work)


def _mode(mode: OpenMode, fixed_id_tag: str | None, learn_for_s: float | None) -> NewMode:
    learn_us = None if learn_for_s is None else max(1, round(learn_for_s * SECOND_US))
    new = NewMode(mode, fixed_id_tag=fixed_id_tag, learn_us=learn_us)
    try:
        new.check()
    except ValueError as error:
        raise bad_request(str(error), field="mode") from error
    return new


def _no_tag(error: UnknownTag) -> Exception:
    return conflict(f"{error}; add it to the list of tags first", see="POST /api/v1/tags")


def _shown_password(chosen: NewPassword) -> ShownPassword:
    return ShownPassword(
        password=chosen.text if chosen.shown else None,
        authorization_key=chosen.authorization_key,
    )


ROUTES: Final = [
    add_charge_point,
    change_charge_point,
    remove_charge_point,
    set_charge_point_password,
    remove_charge_point_password,
]

"""What an operator does with charge points: register, adopt, change; the rules, for every way in.

Functions on an open write, for commands beside the daemon and for the API. They say what is wrong;
what to do about it, each way in says in its own words. Not here: who may connect (admission), rows
(store), groups of charge points (groups).
"""

from enum import StrEnum
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from ocpptrio.errors import OcpptrioError, UnknownChargePoint
from ocpptrio.events import OpenMode
from ocpptrio.handshake import IDENTITY_LENGTH, identity
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.store import attempts, charge_points, id_tags, provisioning
from ocpptrio.store.charge_points import Edits
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import AttemptRecord, ChargePointRecord

LEARN_US: Final = 10 * 60 * 1_000_000
MOST_LEARN_US: Final = 24 * 3600 * 1_000_000  # so that nobody leaves it on

# How the reasons begin of those who must be set up otherwise (listener).
_NOT_OURS_TO_MEND: Final = ("speaks only ", "offer the subprotocol ")


class AlreadyRegistered(OcpptrioError):
    """There is a charge point with this identity."""


class NeverTried(OcpptrioError):
    """Who is to be adopted is not among those that were turned away."""


class UnknownTag(OcpptrioError):
    """No such idTag is on the list."""


class Remedy(StrEnum):
    """What would let in one that was turned away."""

    ADOPT = "adopt"
    SET_PASSWORD = "set password"  # noqa: S105 - the name of a remedy


class NewMode(msgspec.Struct, frozen=True):
    """Which idTags may charge from now on.

    Attributes:
        fixed_id_tag: of FIXED_TAG: the tag that all count as; it must be on the list.
        learn_us: of LEARN: for how long; None: LEARN_US.
    """

    mode: OpenMode
    fixed_id_tag: str | None = None
    learn_us: int | None = None

    def check(self) -> None:
        """Raise ValueError if one does not fit the other."""
        if (self.fixed_id_tag is not None) != (self.mode is OpenMode.FIXED_TAG):
            raise ValueError("the mode fixed tag needs an idTag, and no other mode takes one")
        if self.learn_us is not None:
            if self.mode is not OpenMode.LEARN:
                raise ValueError("the mode learn takes a time, and no other mode does")
            check_learn_us(self.learn_us)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a charge point; what is UNSET stays.

    Attributes:
        until_configured: with the registration Pending: it is accepted as soon as all that is
            wanted of its configuration is applied, else when an operator does.
        password_hash: None: it may connect without one.
    """

    registration: RegistrationStatus | UnsetType = UNSET
    until_configured: bool = False
    mode: NewMode | UnsetType = UNSET
    note: str | UnsetType | None = UNSET
    password_hash: str | UnsetType | None = UNSET


def check_identity(charge_point_id: str) -> None:
    """Raise ValueError if no charge point can connect with this identity, or be meant by it."""
    if (
        identity(f"/{quote(charge_point_id, safe='')}", ["/"]) != charge_point_id
        or charge_point_id != charge_point_id.strip()
        or not charge_point_id.isprintable()
        or charge_point_id in (".", "..")  # which have a meaning of their own in a URL
    ):
        raise ValueError(
            f"{charge_point_id!r} can be no identity: it has 1 to {IDENTITY_LENGTH} visible "
            "characters, no blanks around, and is neither . nor .."
        )


def check_learn_us(learn_us: int) -> None:
    """Raise ValueError if nothing should be learnt for so long."""
    if not 0 < learn_us <= MOST_LEARN_US:
        raise ValueError("at most 24h")


def known(reader: Reader, charge_point_id: str) -> ChargePointRecord:
    """The charge point.

    Raises:
        UnknownChargePoint: it is not registered.
    """
    record = charge_points.get(reader, charge_point_id)
    if record is None:
        raise UnknownChargePoint(f"{charge_point_id} is not registered")
    return record


def register(
    db: Db,
    charge_point_id: str,
    at_us: int,
    *,
    mode: NewMode | None = None,
    pending: bool = False,
    password_hash: str | None = None,
    note: str | None = None,
    hold_new: bool = False,
) -> ChargePointRecord:
    """Let a charge point in that need not have tried.

    Args:
        pending: it may connect, but not charge, until it is accepted.
        hold_new: as the settings say; see `charge_points.add`.

    Raises:
        AlreadyRegistered: it is there.
        UnknownTag: see `change`.
        ValueError: this cannot be an identity, or not the mode.
    """
    check_identity(charge_point_id)
    if not charge_points.add(
        db,
        charge_point_id=charge_point_id,
        origin="added",
        at_us=at_us,
        # Any other mode needs a look at more than the charge point.
        mode=OpenMode.EVERYBODY if mode == NewMode(OpenMode.EVERYBODY) else OpenMode.CLOSED,
        registration=RegistrationStatus.PENDING if pending else RegistrationStatus.ACCEPTED,
        password_hash=password_hash,
        note=note or None,
        hold=hold_new and not pending,
    ):
        raise AlreadyRegistered(f"{charge_point_id} is registered already")
    attempts.remove(db, charge_point_id)
    return change(db, charge_point_id, Changes(mode=UNSET if mode is None else mode), at_us)


def adopt(
    db: Db,
    charge_point_id: str,
    at_us: int,
    *,
    password_hash: str | None = None,
    note: str | None = None,
    hold_new: bool = False,
) -> ChargePointRecord:
    """Let in one that was turned away, or keep one that came from this machine for a try.

    Args:
        password_hash, note: None: the one that came from this machine keeps its own.

    Raises:
        AlreadyRegistered: it is one of ours.
        NeverTried: it has not tried to connect.
    """
    record = charge_points.get(db, charge_point_id)
    if record is not None:
        if record.origin != "loopback":
            raise AlreadyRegistered(f"{charge_point_id} is registered already")
        edits: Edits = {"origin": "adopted", "mode": OpenMode.CLOSED}
        if password_hash is not None:
            edits["password_hash"] = password_hash
        if note:
            edits["note"] = note
        charge_points.edit(db, charge_point_id, at_us, **edits)
    elif attempts.get(db, charge_point_id) is not None:
        charge_points.add(
            db,
            charge_point_id=charge_point_id,
            origin="adopted",
            at_us=at_us,
            password_hash=password_hash,
            note=note or None,
            hold=hold_new,
        )
    else:
        raise NeverTried(f"{charge_point_id} has not tried to connect")
    attempts.remove(db, charge_point_id)
    return known(db, charge_point_id)


def change(db: Db, charge_point_id: str, changes: Changes, at_us: int) -> ChargePointRecord:
    """Change what is kept of a charge point; returns it as it is then.

    Raises:
        UnknownChargePoint: it is not registered.
        UnknownTag: the tag of the mode is not on the list.
        ValueError: one does not fit the other; says why.
    """
    known(db, charge_point_id)
    edits: Edits = {}
    if changes.until_configured and changes.registration is not RegistrationStatus.PENDING:
        raise ValueError("only the registration Pending ends when it is configured")
    if changes.registration is not UNSET:
        provisioning.hold(db, charge_point_id, until_done=changes.until_configured)
        edits["registration"] = changes.registration
    if changes.mode is not UNSET:
        edits |= _mode(db, changes.mode, at_us)
    if changes.note is not UNSET:
        edits["note"] = changes.note or None
    if changes.password_hash is not UNSET:
        edits["password_hash"] = changes.password_hash
    charge_points.edit(db, charge_point_id, at_us, **edits)
    return known(db, charge_point_id)


def remedy(record: ChargePointRecord | None, attempt: AttemptRecord) -> Remedy | None:
    """What lets in one that was turned away; None: the charge point must be set up otherwise.

    Args:
        record: of the charge point, if it is registered.
    """
    if not attempt.charge_point_id or attempt.reason.startswith(_NOT_OURS_TO_MEND):
        return None
    if record is None or record.origin == "loopback":
        return Remedy.ADOPT
    return Remedy.SET_PASSWORD


def _mode(db: Db, new: NewMode, at_us: int) -> Edits:
    new.check()
    edits: Edits = {"mode": new.mode, "fixed_id_tag": None, "learning_ends_at_us": None}
    if new.fixed_id_tag is not None:
        tag = id_tags.get(db, new.fixed_id_tag)
        if tag is None:
            raise UnknownTag(f"no tag {new.fixed_id_tag}")
        edits["fixed_id_tag"] = tag.id_tag
    if new.mode is OpenMode.LEARN:
        edits["learning_ends_at_us"] = at_us + (new.learn_us or LEARN_US)
    return edits

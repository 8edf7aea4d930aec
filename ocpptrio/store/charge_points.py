"""Charge points that are known: who may connect, who is connected, what they say of themselves.

Not here: those that are not known (attempts), connectors, what may be sent to them (services).
"""

from collections.abc import Mapping
from itertools import chain
from typing import TypedDict, Unpack

from ocpptrio.errors import StoreError
from ocpptrio.events import (
    Connected,
    Disconnected,
    Edited,
    OpenMode,
    OpenModeChanged,
    Registered,
    RegistrationChanged,
    Removed,
)
from ocpptrio.protocol.core import BootNotification, RegistrationStatus
from ocpptrio.store import configuration, provisioning, wanted_configuration
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import ChargePointRecord

PAIRS_PER_STATEMENT = 400

_SELECT = "SELECT * FROM charge_points"


class Edits(TypedDict, total=False):
    """What an operator can change."""

    origin: str
    registration: RegistrationStatus
    password_hash: str | None
    note: str | None
    mode: OpenMode
    fixed_id_tag: str | None
    learning_ends_at_us: int | None


def get(reader: Reader, charge_point_id: str) -> ChargePointRecord | None:
    found = reader.row(_SELECT + " WHERE charge_point_id = ?", [charge_point_id])
    return None if found is None else ChargePointRecord.of(found)


def everyone(reader: Reader) -> list[ChargePointRecord]:
    rows = reader.rows(_SELECT + " ORDER BY charge_point_id")
    return [ChargePointRecord.of(row) for row in rows]


def find_folded(reader: Reader, charge_point_id: str) -> list[ChargePointRecord]:
    """Those whose identity differs in case at most."""
    rows = reader.rows(_SELECT + " WHERE lower(charge_point_id) = lower(?)", [charge_point_id])
    return [ChargePointRecord.of(row) for row in rows]


def add(
    db: Db,
    *,
    charge_point_id: str,
    origin: str,
    at_us: int,
    mode: OpenMode = OpenMode.CLOSED,
    registration: RegistrationStatus = RegistrationStatus.ACCEPTED,
    password_hash: str | None = None,
    note: str | None = None,
    hold: bool = False,
) -> bool:
    """Register a charge point; False if it is known already, which changes nothing.

    Args:
        hold: it stays Pending until all that is wanted of its configuration is applied.
    """
    if hold:
        registration = RegistrationStatus.PENDING
    added = db.row(
        """INSERT INTO charge_points (charge_point_id, registered_at_us, origin, registration,
            mode, password_hash, note)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING charge_point_id""",
        [charge_point_id, at_us, origin, registration, mode, password_hash, note],
    )
    if added is None:
        return False
    if hold:
        provisioning.hold(db, charge_point_id, until_done=True)
    db.emit(
        Registered(
            charge_point_id=charge_point_id,
            at_us=at_us,
            origin=origin,
            mode=mode,
            registration=registration,
        )
    )
    return True


def remove(db: Db, charge_point_id: str, at_us: int) -> bool:
    """Forget a charge point, but not what it charged: transactions, readings, events, journal."""
    sql = "DELETE FROM charge_points WHERE charge_point_id = ? RETURNING charge_point_id"
    if db.row(sql, [charge_point_id]) is None:
        return False
    db.run("DELETE FROM connectors WHERE charge_point_id = ?", [charge_point_id])
    configuration.forget(db, charge_point_id)
    wanted_configuration.forget(db, charge_point_id)
    provisioning.forget(db, charge_point_id)
    db.run("DELETE FROM deviations WHERE charge_point_id = ?", [charge_point_id])
    db.run("DELETE FROM conditions WHERE charge_point_id = ?", [charge_point_id])
    db.run("DELETE FROM clock_skews WHERE charge_point_id = ?", [charge_point_id])
    db.run("DELETE FROM charge_point_groups WHERE charge_point_id = ?", [charge_point_id])
    db.run("DELETE FROM register_habits WHERE charge_point_id = ?", [charge_point_id])
    db.emit(Removed(charge_point_id=charge_point_id, at_us=at_us))
    return True


def edit(db: Db, charge_point_id: str, at_us: int, **columns: Unpack[Edits]) -> bool:
    """Change what an operator keeps of a charge point; False if it is not known.

    Raises:
        ValueError: no such column, or not one that can be changed.
    """
    if unknown := columns.keys() - Edits.__annotations__.keys():
        raise ValueError(f"cannot change {', '.join(sorted(unknown))}")
    before = get(db, charge_point_id)
    if before is None:
        return False
    now: Edits = {
        "origin": before.origin,
        "registration": before.registration,
        "password_hash": before.password_hash,
        "note": before.note,
        "mode": before.mode,
        "fixed_id_tag": before.fixed_id_tag,
        "learning_ends_at_us": before.learning_ends_at_us,
    }
    now.update(columns)
    changed = tuple(name for name, value in now.items() if value != getattr(before, name))
    if not changed:
        return True
    db.run(
        """UPDATE charge_points
        SET origin = ?, registration = ?, password_hash = ?, note = ?, mode = ?,
            fixed_id_tag = ?, learning_ends_at_us = ?
        WHERE charge_point_id = ?""",
        [
            now["origin"],
            now["registration"],
            now["password_hash"],
            now["note"],
            now["mode"],
            now["fixed_id_tag"],
            now["learning_ends_at_us"],
            charge_point_id,
        ],
    )
    db.emit(Edited(charge_point_id=charge_point_id, at_us=at_us, fields=changed))
    if not {"mode", "fixed_id_tag", "learning_ends_at_us"}.isdisjoint(changed):
        db.emit(
            OpenModeChanged(
                charge_point_id=charge_point_id,
                at_us=at_us,
                mode=now["mode"],
                fixed_id_tag=now["fixed_id_tag"],
                learning_ends_at_us=now["learning_ends_at_us"],
            )
        )
    if "registration" in changed:
        db.emit(
            RegistrationChanged(
                charge_point_id=charge_point_id, at_us=at_us, status=now["registration"]
            )
        )
    return True


def connected(db: Db, charge_point_id: str, *, peer: str, at_us: int) -> int:
    """A connection is open; returns its generation, one more than that of the one before.

    Raises:
        StoreError: the charge point is not known.
    """
    found = db.row(
        """UPDATE charge_points SET generation = generation + 1, connected = 1, peer = ?,
            connected_at_us = ?, last_seen_at_us = ?
        WHERE charge_point_id = ? RETURNING generation""",
        [peer, at_us, at_us, charge_point_id],
    )
    if found is None:
        raise StoreError(f"charge point {charge_point_id!r} is not registered")
    (generation,) = found
    assert isinstance(generation, int)
    db.emit(
        Connected(charge_point_id=charge_point_id, at_us=at_us, generation=generation, peer=peer)
    )
    return generation


def disconnected(
    db: Db,
    charge_point_id: str,
    *,
    generation: int,
    at_us: int,
    last_seen_at_us: int,
    reason: str,
) -> None:
    """That connection is closed; the charge point is offline unless there is a newer one."""
    db.run(
        """UPDATE charge_points SET connected = 0, last_seen_at_us = ?
        WHERE charge_point_id = ? AND generation = ?""",
        [last_seen_at_us, charge_point_id, generation],
    )
    db.emit(
        Disconnected(
            charge_point_id=charge_point_id, at_us=at_us, generation=generation, reason=reason
        )
    )


def booted(db: Db, charge_point_id: str, boot: BootNotification, at_us: int | None) -> None:
    """Keep what the charge point says of itself; what it does not say any more is forgotten.

    Args:
        at_us: None: we asked for it, so it is no reboot (Q17).
    """
    db.run(
        """UPDATE charge_points SET booted_at_us = coalesce(?, booted_at_us), vendor = ?,
            model = ?, serial_number = ?, charge_box_serial_number = ?,
            firmware_version = ?, iccid = ?, imsi = ?, meter_type = ?, meter_serial_number = ?
        WHERE charge_point_id = ?""",
        [
            at_us,
            boot.charge_point_vendor,
            boot.charge_point_model,
            boot.charge_point_serial_number,
            boot.charge_box_serial_number,
            boot.firmware_version,
            boot.iccid,
            boot.imsi,
            boot.meter_type,
            boot.meter_serial_number,
            charge_point_id,
        ],
    )


def set_firmware_status(db: Db, charge_point_id: str, status: str, at_us: int) -> None:
    db.run(
        """UPDATE charge_points SET firmware_status = ?, firmware_status_at_us = ?
        WHERE charge_point_id = ?""",
        [status, at_us, charge_point_id],
    )


def set_diagnostics_status(db: Db, charge_point_id: str, status: str, at_us: int) -> None:
    db.run(
        """UPDATE charge_points SET diagnostics_status = ?, diagnostics_status_at_us = ?
        WHERE charge_point_id = ?""",
        [status, at_us, charge_point_id],
    )


def set_log_status(db: Db, charge_point_id: str, status: str, at_us: int) -> None:
    db.run(
        """UPDATE charge_points SET log_status = ?, log_status_at_us = ?
        WHERE charge_point_id = ?""",
        [status, at_us, charge_point_id],
    )


def all_offline(db: Db, at_us: int) -> int:
    """After a crash, close on record the connections that it ended; returns how many."""
    rows = db.rows(
        """UPDATE charge_points SET connected = 0 WHERE connected = 1
        RETURNING charge_point_id, generation"""
    )
    for charge_point_id, generation in rows:
        assert isinstance(charge_point_id, str)
        assert isinstance(generation, int)
        db.emit(
            Disconnected(
                charge_point_id=charge_point_id,
                at_us=at_us,
                generation=generation,
                reason="the central system was gone",
            )
        )
    return len(rows)


def seen(db: Db, last_seen: Mapping[str, int]) -> None:
    """Note when each of these charge points was last heard of."""
    pairs = list(last_seen.items())
    for start in range(0, len(pairs), PAIRS_PER_STATEMENT):
        some = pairs[start : start + PAIRS_PER_STATEMENT]
        values = ", ".join(["(?, ?)"] * len(some))
        # Nothing but question marks is put in.
        sql = f"""UPDATE charge_points SET last_seen_at_us = seen.column2
            FROM (VALUES {values}) AS seen
            WHERE charge_point_id = seen.column1"""  # noqa: S608
        db.run(sql, list(chain.from_iterable(some)))

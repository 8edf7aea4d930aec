"""How far each charge point is from its wanted configuration, and what became of each value sent.

Not here: what is wanted (wanted_configuration), what is reported (configuration).
"""

from ocpptrio.events import ProvisioningChanged, ProvisioningState
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import AttemptedRecord, ProvisioningRecord
from ocpptrio.store.vocabulary import AttemptOutcome


def get(reader: Reader, charge_point_id: str) -> ProvisioningRecord:
    """How far it is; of one that nothing was ever wanted of, all defaults."""
    found = reader.row("SELECT * FROM provisioning WHERE charge_point_id = ?", [charge_point_id])
    if found is None:
        return ProvisioningRecord(charge_point_id=charge_point_id)
    return ProvisioningRecord.of(found)


def everyone(reader: Reader) -> list[ProvisioningRecord]:
    rows = reader.rows("SELECT * FROM provisioning ORDER BY charge_point_id")
    return [ProvisioningRecord.of(row) for row in rows]


def hold(db: Db, charge_point_id: str, *, until_done: bool) -> None:
    """Whether a charge point that is Pending is accepted as soon as all is applied."""
    db.run(
        """INSERT INTO provisioning (charge_point_id, accept_when_done) VALUES (?, ?)
        ON CONFLICT (charge_point_id) DO UPDATE SET accept_when_done = excluded.accept_when_done""",
        [charge_point_id, int(until_done)],
    )


def round_begins(db: Db, charge_point_id: str, *, unfinished: int, at_us: int) -> None:
    """Before the first message of it: one that reboots at that is counted all the same."""
    db.run(
        """INSERT INTO provisioning (charge_point_id, unfinished, round_at_us) VALUES (?, ?, ?)
        ON CONFLICT (charge_point_id) DO UPDATE SET
            unfinished = excluded.unfinished, round_at_us = excluded.round_at_us""",
        [charge_point_id, unfinished, at_us],
    )


def round_ended(db: Db, charge_point_id: str) -> None:
    db.run("UPDATE provisioning SET unfinished = 0 WHERE charge_point_id = ?", [charge_point_id])


def reset_sent(db: Db, charge_point_id: str, at_us: int) -> None:
    db.run(
        "UPDATE provisioning SET reset_at_us = ? WHERE charge_point_id = ?",
        [at_us, charge_point_id],
    )


def set_state(
    db: Db, charge_point_id: str, state: ProvisioningState, detail: str | None, at_us: int
) -> None:
    """Keep where it stands, and tell if that is news."""
    before = get(db, charge_point_id)
    if (before.state, before.detail) == (state, detail):
        return
    db.run(
        """INSERT INTO provisioning (charge_point_id, state, detail, changed_at_us)
        VALUES (?, ?, ?, ?)
        ON CONFLICT (charge_point_id) DO UPDATE SET state = excluded.state,
            detail = excluded.detail, changed_at_us = excluded.changed_at_us""",
        [charge_point_id, state, detail, at_us],
    )
    db.emit(
        ProvisioningChanged(
            charge_point_id=charge_point_id, at_us=at_us, state=state, detail=detail
        )
    )


def forget(db: Db, charge_point_id: str) -> None:
    """Delete all of one charge point."""
    db.run("DELETE FROM provisioning WHERE charge_point_id = ?", [charge_point_id])
    db.run("DELETE FROM configuration_attempts WHERE charge_point_id = ?", [charge_point_id])


# What became of values.


def attempts_of(
    reader: Reader, charge_point_id: str, firmware_version: str
) -> list[AttemptedRecord]:
    """What was tried on this firmware."""
    rows = reader.rows(
        """SELECT * FROM configuration_attempts
        WHERE charge_point_id = ? AND firmware_version = ? ORDER BY key_folded, value""",
        [charge_point_id, firmware_version],
    )
    return [AttemptedRecord.of(row) for row in rows]


def put_attempt(db: Db, record: AttemptedRecord) -> None:
    db.run(
        """INSERT INTO configuration_attempts (charge_point_id, key_folded, value,
            firmware_version, outcome, attempts, last_at_us, confirmed_at_us, detail)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (charge_point_id, key_folded, value, firmware_version) DO UPDATE SET
            outcome = excluded.outcome, attempts = excluded.attempts,
            last_at_us = excluded.last_at_us, confirmed_at_us = excluded.confirmed_at_us,
            detail = excluded.detail""",
        [
            record.charge_point_id,
            record.key_folded,
            record.value,
            record.firmware_version,
            record.outcome,
            record.attempts,
            record.last_at_us,
            record.confirmed_at_us,
            record.detail,
        ],
    )


def rebooted(db: Db, charge_point_id: str) -> None:
    """What waited for a reboot is in force now, if the charge point keeps its word."""
    db.run(
        "UPDATE configuration_attempts SET outcome = ? WHERE charge_point_id = ? AND outcome = ?",
        [AttemptOutcome.ACCEPTED, charge_point_id, AttemptOutcome.REBOOT_REQUIRED],
    )

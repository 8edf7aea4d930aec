"""How far the clock of each charge point is off, last measured; see services.clock_skew."""

from ocpptrio.events import ClockMeasured
from ocpptrio.store.driver import Db, Reader


def put(db: Db, measured: ClockMeasured) -> None:
    """Keep a measurement in place of the one before, and tell of it."""
    db.run(
        """INSERT INTO clock_skews (charge_point_id, skew_us, measured_at_us) VALUES (?, ?, ?)
        ON CONFLICT (charge_point_id) DO UPDATE SET
            skew_us = excluded.skew_us, measured_at_us = excluded.measured_at_us""",
        [measured.charge_point_id, measured.skew_us, measured.at_us],
    )
    db.emit(measured)


def get(reader: Reader, charge_point_id: str) -> int | None:
    """In microseconds; above 0: it is ahead of ours. None: not known."""
    sql = "SELECT skew_us FROM clock_skews WHERE charge_point_id = ?"
    found = reader.row(sql, [charge_point_id])
    if found is None:
        return None
    assert isinstance(found[0], int)
    return found[0]


def everyone(reader: Reader) -> dict[str, int]:
    """Charge point id -> microseconds, of those that are known."""
    skews: dict[str, int] = {}
    for charge_point_id, skew_us in reader.rows("SELECT charge_point_id, skew_us FROM clock_skews"):
        assert isinstance(charge_point_id, str)
        assert isinstance(skew_us, int)
        skews[charge_point_id] = skew_us
    return skews

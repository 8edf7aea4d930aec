"""Meter readings become quarter hours, in slices behind the scenes, before they are deleted.

A row is always made anew from all readings of its interval: what comes late or twice makes it no
worse. Not here: their storage (store.rollups), deletion (store.retention).
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

import trio

from ocpptrio.services import energy
from ocpptrio.services.energy import Sample
from ocpptrio.store import progress, rollups, transactions
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import RollupRecord
from ocpptrio.store.rollups import Cell, Measured

ROLL_EVERY_S: Final = 900
READINGS: Final = 500  # of a slice: some 50 ms of a thread for reading, 5 ms of the writer
PAUSE_S: Final = 0.1  # between slices: a long way to catch up must not slow down the rest
NAME: Final = "meter rollups"


class RollupService:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._one = trio.Lock()

    async def run(self) -> None:
        """Catch up each quarter of an hour, for ever."""
        while True:
            await trio.sleep(ROLL_EVERY_S)
            await self.catch_up()

    async def catch_up(self) -> None:
        """Roll up all readings that have come so far."""
        async with self._one:
            is_behind = await self._step()
            while is_behind:
                await trio.sleep(PAUSE_S)
                is_behind = await self._step()

    async def _step(self) -> bool:
        before, after, records = await self._store.read(_slice)
        if after == before:
            return False
        await self._store.write(partial(_keep, records=records, position=after))
        return bool(records)


def _slice(reader: Reader) -> tuple[int, int, list[RollupRecord]]:
    """Where we were, where we are then, and the rows that make the difference."""
    position = progress.get(reader, NAME)
    # Numbers begin again where all readings were deleted.
    start = position if position <= rollups.newest_reading(reader) else 0
    last, cells = rollups.touched(reader, start, READINGS)
    cells |= {found for cell in cells if (found := rollups.following(reader, cell)) is not None}
    records = [_record(reader, cell) for cell in sorted(cells)]
    return position, last, [record for record in records if record is not None]


def _keep(db: Db, records: list[RollupRecord], position: int) -> None:
    for record in records:
        rollups.put(db, record)
    progress.put(db, NAME, position)


def _record(reader: Reader, cell: Cell) -> RollupRecord | None:
    readings = rollups.of_cell(reader, cell)
    if not readings:
        return None
    registers = [
        Sample(one.measured_at_us, one.energy_wh, one.context)
        for one in readings
        if one.energy_wh is not None
    ]
    power = [one.power_w for one in readings if one.power_w is not None]
    charge = [one.soc_percent for one in readings if one.soc_percent is not None]
    return RollupRecord(
        charge_point_id=cell.charge_point_id,
        connector_id=cell.connector_id,
        begins_at_us=cell.begins_at_us,
        transaction_id=cell.transaction_id,
        readings=len(readings),
        energy_wh=_energy_wh(reader, cell, registers),
        register_wh=registers[-1].wh if registers else None,
        power_min_w=min(power, default=None),
        power_avg_w=_mean(power),
        power_max_w=max(power, default=None),
        current_avg_a=_mean(one.current_a for one in readings),
        voltage_avg_v=_mean(one.voltage_v for one in readings),
        soc_percent=charge[-1] if charge else None,
        temperature_avg_c=_mean(one.temperature_c for one in readings),
    )


def _energy_wh(reader: Reader, cell: Cell, registers: list[Sample]) -> float | None:
    """What a register counted since the last reading before; from the start if there is none."""
    if not registers:
        return None
    before: Measured | None = rollups.register_before(reader, cell)
    if before is not None and before.energy_wh is not None:
        base = Sample(before.measured_at_us, before.energy_wh)
    else:
        base = registers[0]
        transaction = (
            transactions.owned(reader, cell.charge_point_id, cell.transaction_id)
            if cell.transaction_id
            else None
        )
        if transaction is not None and 0 <= transaction.meter_start_wh <= base.wh:
            base = Sample(transaction.started_at_us, transaction.meter_start_wh)
    wh, _ = energy.counted(base, registers)
    return wh


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

"""What has to be done from time to time, whatever the charge points do.

Not here: what is deleted (store.retention).
"""

from functools import partial
from typing import Final

import structlog
import trio

from ocpptrio.clock import Clock
from ocpptrio.config import RetentionSettings
from ocpptrio.services.rollups import RollupService
from ocpptrio.session.registry import Registry
from ocpptrio.store import charge_points, retention
from ocpptrio.store.driver import Store

# s between looks for what has outlived its retention
PRUNE_EVERY_S: Final = 3600
# s between notes of when each charge point was last heard; a crash forgets no more than this
NOTE_SEEN_EVERY_S: Final = 60

log = structlog.get_logger("ocpptrio")


class Housekeeping:
    def __init__(
        self,
        store: Store,
        registry: Registry,
        rollups: RollupService,
        settings: RetentionSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._rollups = rollups
        self._settings = settings
        self._clock = clock

    async def note_seen(self) -> None:
        """Note when each charge point was heard last, for ever."""
        noted_us = self._clock()
        while True:
            await trio.sleep(NOTE_SEEN_EVERY_S)
            since_us, noted_us = noted_us, self._clock()
            seen = {
                session.state.charge_point_id: session.last_seen_us
                for session in self._registry
                if session.last_seen_us >= since_us
            }
            if seen:
                await self._store.write(partial(charge_points.seen, last_seen=seen))

    async def prune(self) -> None:
        """Delete what has outlived its retention, for ever."""
        while True:
            await self._rollups.catch_up()  # what is deleted below is kept in short
            deleted: dict[str, int] = {}
            while True:
                now_us = self._clock()
                step = await self._store.write(
                    partial(retention.prune, settings=self._settings, now_us=now_us)
                )
                if not any(step.values()):
                    break
                for table, count in step.items():
                    deleted[table] = deleted.get(table, 0) + count
            if deleted:
                log.info("deleted what outlived its retention", **deleted)
            await trio.sleep(PRUNE_EVERY_S)

"""The stores that every test of this folder runs against, and what they publish."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trio

from ocpptrio.events import NumberedEvent
from ocpptrio.store import writer
from ocpptrio.store.driver import Reader, Row, SqlValue
from ocpptrio.store.sqlite import SqliteStore


@pytest.fixture
def published() -> list[NumberedEvent]:
    """What the store has published, in order."""
    return []


@pytest.fixture(params=["file", "memory inline"])
async def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    nursery: trio.Nursery,
    published: list[NumberedEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SqliteStore]:
    """A running store of each kind; PostgreSQL will be one more."""
    monkeypatch.setattr(writer, "NOTE_DELAY_S", 0)  # so that the next write takes notes along
    if request.param == "file":
        made = SqliteStore(tmp_path / "test.db", publish=published.extend)
    else:
        made = SqliteStore(":memory:", publish=published.extend, inline=True)
    async with made:
        await nursery.start(made.run)
        yield made


class Explained:
    """A reader that notes in `plans` how it would read."""

    def __init__(self, reader: Reader, plans: list[str]) -> None:
        self._reader = reader
        self._plans = plans

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        plan = self._reader.rows("EXPLAIN QUERY PLAN " + sql, parameters)
        self._plans.extend(str(step[3]) for step in plan)
        return []

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Row | None:
        self.rows(sql, parameters)
        return None

"""What all tests share: repeatable examples, the migrations run once, and the order."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import pytest
from hypothesis import HealthCheck, settings
from trio.testing import MockClock

from ocpptrio.store import sqlite
from ocpptrio.store.migrations import migrate

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

HERE: Final = Path(__file__).parent
# What takes long comes first, so that no process works alone at the end.
LONG: Final = (
    "test_virtual_week.py",
    "test_virtual_day.py",
    "api/test_openapi_holds.py",
    "test_books_balance.py",
    "web",
)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: while one waits for a socket or a browser, another works."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if not item.path.is_relative_to(HERE):
        return len(LONG)
    path = item.path.relative_to(HERE).as_posix()
    return next((n for n, start in enumerate(LONG) if path.startswith(start)), len(LONG))


@pytest.fixture
def patient_clock() -> MockClock:
    """Waits for a moment before it jumps: on a busy machine a packet takes one to its socket."""
    return MockClock(autojump_threshold=0.001)


@pytest.fixture(autouse=True, scope="session")
def _migrated_once() -> Iterator[None]:
    """A new database begins as a copy of one that is migrated, which takes a tenth of the time."""
    migrated = apsw.Connection(":memory:")
    migrate(migrated, ":memory:")

    def copy_or_migrate(connection: apsw.Connection, path: str) -> None:
        ((pages,),) = connection.execute("PRAGMA page_count")
        if pages:
            migrate(connection, path)
            return
        with connection.backup("main", migrated, "main") as backup:
            backup.step()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "migrate", copy_or_migrate)
        yield

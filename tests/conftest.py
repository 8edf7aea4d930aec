"""What all tests share: a Hypothesis profile that repeats itself, and one run of the migrations."""

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import HealthCheck, settings

from ocpptrio.store import sqlite
from ocpptrio.store.migrations import migrate

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


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

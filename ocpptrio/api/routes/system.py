"""/system: the central system itself: version, database, load."""

from datetime import datetime
from typing import Final

import msgspec
from litestar import get

from ocpptrio import __version__
from ocpptrio.api.given import AnyRequest, Central
from ocpptrio.api.views import View
from ocpptrio.clock import from_us
from ocpptrio.figures import GcPauses
from ocpptrio.store import statistics
from ocpptrio.store.driver import Reader


class Database(View, frozen=True, kw_only=True):
    """The database.

    Attributes:
        wal_bytes: of the log of changes that are not in the database file yet.
        schema: the number of the newest migration that was applied.
    """

    path: str
    size_bytes: int
    wal_bytes: int
    schema: int


class Throughput(View, frozen=True, kw_only=True):
    """Messages of charge points, in the last minute."""

    messages_per_s: float
    received_per_s: float
    sent_per_s: float


class Commits(View, frozen=True, kw_only=True):
    """Commits in the last minute; null if there were none.

    Attributes:
        queue: changes that wait for one now.
        lost: rows that were not stored since the start; the log says why.
    """

    commits_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    queue: int
    lost: int


class Collections(View, frozen=True, kw_only=True):
    """The garbage collector, since the start."""

    collections: int
    longest_pause_ms: float
    pauses_s: float


class Mqtt(View, frozen=True, kw_only=True):
    """Publishing by MQTT.

    Attributes:
        broker: its host and port.
        error: why there is no connection; null: there is one, or none was tried yet.
        delay_s: for how long the oldest event that the broker has not got has waited.
        lost_events: deleted for their age before they were published.
    """

    broker: str
    connected: bool
    error: str | None
    delay_s: float
    lost_events: int


class System(View, frozen=True, kw_only=True):
    """See the module.

    Attributes:
        connections: charge points that are connected.
        watchers: who follows the events in this process.
        streams: who follows them through the API: dashboards and programs.
        retention: days and megabytes, as configured.
        rows: of each table; of large ones an estimate.
        mqtt: null if it is off.
    """

    version: str
    started_at: datetime
    uptime_s: int
    connections: int
    watchers: int
    streams: int
    database: Database
    retention: dict[str, int]
    throughput: Throughput
    commit: Commits
    rows: dict[str, int]
    gc: Collections
    mqtt: Mqtt | None


@get("/system")
async def get_system(central: Central, request: AnyRequest) -> System:
    """The central system: its version, its database, and what it has to do."""
    rows, schema = await central.store.read(_of_database)
    figures, store = central.figures, central.store
    publisher = central.services.mqtt
    minute, sizes = figures.last_minute(), store.sizes()
    return System(
        version=__version__,
        started_at=from_us(figures.started_at_us),
        uptime_s=int(figures.uptime_s),
        connections=central.registry.connected,
        watchers=len(central.hub),
        streams=request.state.api.streams.open,
        database=Database(
            path=store.path,
            size_bytes=sizes["database"],
            wal_bytes=sizes["wal"],
            schema=schema,
        ),
        retention=msgspec.structs.asdict(central.settings.retention),
        throughput=Throughput(
            messages_per_s=round(minute.received_per_s + minute.sent_per_s, 2),
            received_per_s=round(minute.received_per_s, 2),
            sent_per_s=round(minute.sent_per_s, 2),
        ),
        commit=Commits(
            commits_per_s=round(minute.commits_per_s, 2),
            p50_ms=_ms(minute.commit_p50_s),
            p99_ms=_ms(minute.commit_p99_s),
            queue=store.queued,
            lost=store.losses.total,
        ),
        rows=rows,
        gc=_collections(figures.gc),
        mqtt=None
        if publisher is None
        else msgspec.convert(publisher.view(), Mqtt, from_attributes=True),
    )


def _of_database(reader: Reader) -> tuple[dict[str, int], int]:
    return statistics.rows(reader), statistics.schema_version(reader)


def _collections(pauses: GcPauses) -> Collections:
    return Collections(
        collections=sum(pauses.collections),
        longest_pause_ms=round(pauses.longest_s * 1000, 3),
        pauses_s=round(pauses.pauses_s.total, 3),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


ROUTES: Final = [get_system]

"""All that a central system tells a monitoring system, in the formats of Prometheus.

Labels have few values: there is none by charge point, and Actions that the specification does not
know count as "other". Further metrics join by `Figures.add_source`. Not here: what is counted where
(figures), who may read it (monitoring).
"""

import platform
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apsw
import trio
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import ocpptrio
from ocpptrio.central_system import CentralSystem
from ocpptrio.figures import (
    Figures,
    Histogram,
    Metric,
    MetricKind,
    by_label,
    counter,
    gauge,
    histogram,
)
from ocpptrio.session.fleet import Fleet, Queues, fleet, queues
from ocpptrio.store import statistics
from ocpptrio.store.vocabulary import CommandState

PREFIX: Final = "ocpptrio_"


async def exposition(central: CentralSystem, accept: str = "") -> tuple[str, bytes]:
    """The metrics as text; returns its media type, too.

    Args:
        accept: what the asker reads, as in the HTTP header: OpenMetrics if it names that.

    Raises:
        StoreError: the database cannot be read.
    """
    # Not in the thread: what is counted there and here at a time is lost.
    found = [_family(metric) for metric in await metrics(central)]
    encode, media_type = choose_encoder(accept)
    return media_type, await trio.to_thread.run_sync(_encoded, encode, found)


async def metrics(central: CentralSystem) -> list[Metric]:
    """All metrics as they are now, those of other sources included."""
    now = await fleet(central.registry)
    waiting = await queues(central.registry)
    open_commands = await central.store.read(statistics.open_commands)
    return [
        *_about_itself(central),
        *_of_fleet(now, waiting, open_commands),
        *_of_messages(central.figures),
        *_of_store(central),
        *_of_watchers(central),
        *central.figures.from_sources(),
    ]


def _about_itself(central: CentralSystem) -> Iterator[Metric]:
    yield Metric(
        "build_info",
        MetricKind.GAUGE,
        "Always 1; what runs here",
        ("version", "python", "trio", "sqlite"),
        [
            (
                (
                    ocpptrio.__version__,
                    platform.python_version(),
                    trio.__version__,
                    apsw.sqlite_lib_version(),
                ),
                1,
            )
        ],
    )
    pauses = central.figures.gc
    yield histogram(
        "gc_pause_seconds", "For how long the garbage collector held all up", pauses.pauses_s
    )
    yield by_label(
        MetricKind.COUNTER,
        "gc_collections",
        "Runs of the garbage collector",
        "generation",
        ((str(generation), count) for generation, count in enumerate(pauses.collections)),
    )


def _of_fleet(now: Fleet, waiting: Queues, open_commands: dict[str, int]) -> Iterator[Metric]:
    yield gauge("charge_points", "Charge points that are registered", now.charge_points)
    yield gauge("connections_open", "Charge points that are connected", now.connected)
    yield by_label(
        MetricKind.GAUGE,
        "connectors",
        "Connectors by their last known status",
        "status",
        sorted(now.connectors.items()),
    )
    yield gauge("power_watts", "Power of all running transactions", now.power_w)
    yield gauge("transactions_open", "Transactions that run, as far as we know", now.transactions)
    yield by_label(
        MetricKind.GAUGE,
        "conditions_open",
        "What is wrong with charge points now (ocpptrio conditions list)",
        "condition",
        sorted(now.conditions.items()),
    )
    for name, whose, total, highest in (
        (
            "inbox",
            "CALLs of charge points that wait to be answered",
            waiting.inbox,
            waiting.inbox_max,
        ),
        ("outbox", "CALLs of ours that wait to be sent", waiting.outbox, waiting.outbox_max),
    ):
        yield gauge(f"{name}_calls", whose, total)
        yield gauge(f"{name}_calls_highest", f"{whose}, at the connection with most", highest)
    yield by_label(
        MetricKind.GAUGE,
        "commands_open",
        "Commands that are queued, or sent and not answered",
        "state",
        (
            (str(state), open_commands.get(state, 0))
            for state in (CommandState.QUEUED, CommandState.SENT)
        ),
    )


def _of_messages(figures: Figures) -> Iterator[Metric]:
    yield Metric(
        "messages",
        MetricKind.COUNTER,
        "Messages by the way they went, the Action they are about, and kind of frame",
        ("direction", "action", "kind"),
        [
            ((direction, action, kind), count)
            for (direction, kind), counts in figures.messages.items()
            for action, count in sorted(counts.items())
        ],
    )
    yield histogram(
        "answer_duration_seconds",
        "From a CALL of a charge point until its answer was sent",
        figures.answer_s,
    )
    yield histogram(
        "call_duration_seconds", "From a CALL of ours until its answer came", figures.call_s
    )
    yield Metric(
        "commands",
        MetricKind.COUNTER,
        "Commands that ended, by how they did",
        ("action", "state"),
        [((action, state), count) for (state, action), count in sorted(figures.commands.items())],
    )


def _of_store(central: CentralSystem) -> Iterator[Metric]:
    store = central.store
    yield histogram("commit_duration_seconds", "How long commits took", store.commit_s)
    yield histogram("commit_changes", "Changes that shared a commit", store.changes_per_commit)
    yield gauge("store_queue", "Changes that wait for a commit", store.queued)
    yield gauge("store_notes", "Rows of the journal and the like that wait for one", store.noted)
    yield counter("store_lost", "Rows that were not stored; the log says why", store.losses.total)
    yield by_label(
        MetricKind.GAUGE,
        "database_bytes",
        "Size of the database on disk",
        "file",
        store.sizes().items(),
    )


def _of_watchers(central: CentralSystem) -> Iterator[Metric]:
    figures = central.figures
    yield by_label(
        MetricKind.COUNTER,
        "connections",
        "Connections that were accepted, or turned away and why",
        "outcome",
        sorted((figures.connections + central.refusals).items()),
    )
    yield by_label(
        MetricKind.COUNTER,
        "events",
        "Events by kind",
        "kind",
        sorted((kind.__name__, count) for kind, count in figures.events.items()),
    )
    yield gauge("watchers", "Who follows the events in this process", len(central.hub))
    yield counter(
        "watchers_missed", "Events left out as a watcher was too slow", central.hub.missed
    )


# How Prometheus gets it.


class _Given(Collector):
    """Metrics that are collected already: in another thread nothing of ours may be looked at."""

    def __init__(self, metrics: Iterable[Family]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Family]:
        return self._metrics


def _encoded(encode: Any, found: list[Family]) -> bytes:  # Any: an encoder, not typed there
    registry = CollectorRegistry()
    registry.register(_Given(found))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    text = encode(registry)
    assert isinstance(text, bytes)
    return text


def _family(metric: Metric) -> Family:
    name = PREFIX + metric.name
    if metric.kind is MetricKind.HISTOGRAM:
        told = HistogramMetricFamily(name, metric.help, labels=metric.labels)
        for labels, values in metric.samples:
            assert isinstance(values, Histogram)
            told.add_metric(labels, _buckets(values), values.total)
        return told
    kind = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
    family: Family = kind(name, metric.help, labels=metric.labels)
    for labels, value in metric.samples:
        family.add_metric(labels, value)  # type: ignore[attr-defined]  # both have it
    return family


def _buckets(values: Histogram) -> list[tuple[str, float]]:
    """As Prometheus wants them: how many are up to each bound, from the start on."""
    buckets, so_far = [], 0
    for bound, count in zip((*values.bounds, float("inf")), values.counts, strict=True):
        so_far += count
        buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(so_far)))
    return buckets

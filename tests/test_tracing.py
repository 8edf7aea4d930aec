"""The spans that OpenTelemetry gets, and that there are none unasked."""

import sys

import pytest
import trio
from trio.testing import MockClock

from ocpptrio import CentralSystem
from ocpptrio.config import ObservabilitySettings, OcppSettings, Settings, StoreSettings
from ocpptrio.errors import CallTimedOut, ConfigError
from ocpptrio.protocol.core import ClearCache
from tests.clients import charge_point

trace = pytest.importorskip("opentelemetry.trace")
sdk = pytest.importorskip("opentelemetry.sdk.trace")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: E402
    InMemorySpanExporter,
)

TRACED = Settings(
    ocpp=OcppSettings(port=0),
    store=StoreSettings(path=":memory:"),
    observability=ObservabilitySettings(tracing=True),
)


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is exported, with a provider for this test alone."""
    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


async def test_a_call_a_command_and_a_commit_have_spans(
    exporter: InMemorySpanExporter, autojump_clock: MockClock
) -> None:
    async with (
        CentralSystem(TRACED, inline_store=True) as central,
        charge_point(central) as point,
        trio.open_nursery() as nursery,
    ):
        await point.boot()
        await point.ask("Heartbeat", {})

        async def answer() -> None:
            frame = await point.receive()
            await point.send(3, frame[1], {"status": "Accepted"})

        nursery.start_soon(answer)
        await central.charge_point("CP1").call(ClearCache())
        with pytest.raises(CallTimedOut):
            await central.charge_point("CP1").call(ClearCache(), timeout_s=1)
        nursery.cancel_scope.cancel()
    spans = exporter.get_finished_spans()
    (boot,) = [span for span in spans if span.name == "receive BootNotification"]
    assert boot.kind is trace.SpanKind.SERVER
    assert boot.attributes["ocpp.charge_point"] == "CP1"
    assert boot.attributes["ocpp.unique_id"] == "BootNotification-1"
    answered, timed_out = [span for span in spans if span.name == "send ClearCache"]
    assert answered.status.is_unset
    assert timed_out.attributes["error.type"] == "CallTimedOut"
    assert not timed_out.status.is_ok
    commits = [span for span in spans if span.name == "commit"]
    assert sum(span.attributes["ocpptrio.changes"] for span in commits) > 0
    assert all(span.parent is None and span.start_time < span.end_time for span in commits)


async def test_what_a_call_leads_to_belongs_to_its_span(exporter: InMemorySpanExporter) -> None:
    async with CentralSystem(TRACED, inline_store=True) as central:
        seen = []
        heartbeat = next(kind for kind in central.handlers if kind.__name__ == "Heartbeat")
        handler = central.handlers[heartbeat]

        async def noticing(incoming: object, request: object) -> object:
            seen.append(trace.get_current_span().get_span_context().span_id)
            return await handler(incoming, request)  # type: ignore[arg-type]

        central.handlers[heartbeat] = noticing  # type: ignore[assignment]
        async with charge_point(central) as point:
            await point.boot()
            await point.call("Heartbeat")
    spans = exporter.get_finished_spans()
    (span,) = [span for span in spans if span.name == "receive Heartbeat"]
    assert seen == [span.context.span_id]


async def test_a_refused_call_has_an_error_in_its_span(exporter: InMemorySpanExporter) -> None:
    async with CentralSystem(TRACED, inline_store=True) as central:
        heartbeat = next(kind for kind in central.handlers if kind.__name__ == "Heartbeat")
        del central.handlers[heartbeat]
        async with charge_point(central) as point:
            await point.boot()
            assert (await point.ask("Heartbeat"))[2] == "NotSupported"
    spans = exporter.get_finished_spans()
    (span,) = [span for span in spans if span.name == "receive Heartbeat"]
    assert not span.status.is_ok
    assert "RemoteProtocolError" in str(span.events[0].attributes)


async def test_without_the_setting_there_are_no_spans(exporter: InMemorySpanExporter) -> None:
    settings = Settings(ocpp=OcppSettings(port=0), store=StoreSettings(path=":memory:"))
    async with (
        CentralSystem(settings, inline_store=True) as central,
        charge_point(central) as point,
    ):
        await point.boot()
    assert exporter.get_finished_spans() == ()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match=r"pip install 'ocpptrio\[otel\]'"):
        CentralSystem(TRACED)

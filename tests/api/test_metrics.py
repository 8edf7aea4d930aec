"""What a scrape shows of a central system at work."""

import json
import threading

import pytest
import trio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionRejected

from ocpptrio import CentralSystem
from ocpptrio.api.metrics import exposition
from ocpptrio.config import UnknownChargePoints
from ocpptrio.errors import CallTimedOut
from ocpptrio.figures import Histogram, gauge, histogram
from ocpptrio.protocol.core import AvailabilityType, ChangeAvailability, ClearCache
from tests.clients import RawChargePoint, charge_point, now, test_settings

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(central: CentralSystem) -> Samples:
    _, text = await exposition(central)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"ocpptrio_{name}", frozenset(labels.items())]


async def charge(point: RawChargePoint) -> None:
    """A transaction with one sample, which still runs."""
    await point.boot()
    for status in ("Available", "Preparing", "Charging"):
        await point.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": now()},
        )
    started = await point.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": now()},
    )
    sampled = [
        {"value": "100", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "7.4", "measurand": "Power.Active.Import", "unit": "kW"},
    ]
    await point.call(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": started["transactionId"],
            "meterValue": [{"timestamp": now(), "sampledValue": sampled}],
        },
    )


async def test_a_scrape_shows_a_session() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        async with charge_point(central) as point:
            await charge(point)
            with central.watch():
                samples = await scrape(central)
            assert value(samples, "charge_points") == 1
            assert value(samples, "connections_open") == 1
            assert value(samples, "connections_total", outcome="accepted") == 1
            assert value(samples, "connectors", status="Charging") == 1
            assert value(samples, "transactions_open") == 1
            assert value(samples, "power_watts") == 7400
            assert value(samples, "watchers") == 1
            for action, count in (("StatusNotification", 3), ("StartTransaction", 1)):
                for direction, kind in (("in", "CALL"), ("out", "CALLRESULT")):
                    labels = {"direction": direction, "kind": kind, "action": action}
                    assert value(samples, "messages_total", **labels) == count
            assert value(samples, "answer_duration_seconds_count") == 6
            assert value(samples, "answer_duration_seconds_bucket", le="+Inf") == 6
            assert value(samples, "events_total", kind="TransactionStarted") == 1
            assert value(samples, "commit_duration_seconds_count") == central.store.commits
            assert value(samples, "store_lost_total") == 0
        await central.registry.session("CP1").wait_disconnected()
        samples = await scrape(central)
        assert value(samples, "connections_open") == 0
        assert value(samples, "power_watts") == 0, "nobody knows"


async def test_commands_are_counted_when_they_end(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.02  # what the kernel carries must not be overtaken
    async with (
        CentralSystem(test_settings(), inline_store=True) as central,
        charge_point(central) as point,
        trio.open_nursery() as nursery,
    ):
        await point.boot()
        cp = central.charge_point("CP1")

        async def answer(payload: object) -> None:
            frame = await point.receive()
            await point.send(3, frame[1], payload)

        nursery.start_soon(answer, {"status": "Accepted"})
        # Its effect comes later, and does not make it two.
        await cp.call(ChangeAvailability(connector_id=0, type=AvailabilityType.INOPERATIVE))
        await point.call(
            "StatusNotification",
            {"connectorId": 0, "errorCode": "NoError", "status": "Unavailable"},
        )
        samples = await scrape(central)
        name = "ChangeAvailability"
        assert value(samples, "commands_total", action=name, state="answered") == 1
        assert value(samples, "call_duration_seconds_count") == 1
        labels = {"direction": "in", "kind": "CALLRESULT", "action": name}
        assert value(samples, "messages_total", **labels) == 1

        with pytest.raises(CallTimedOut):
            await cp.call(ClearCache(), timeout_s=5)
        late = await point.receive()
        await cp.submit(ClearCache())
        await point.receive()
        samples = await scrape(central)
        assert value(samples, "commands_total", action="ClearCache", state="timed out") == 1
        assert value(samples, "commands_open", state="sent") == 1
        assert value(samples, "commands_open", state="queued") == 0
        await point.send(3, late[1], {"status": "Accepted"})
        await wait_all_tasks_blocked()
        samples = await scrape(central)
        # How long it took is told by the time-out; it would drown all others.
        assert value(samples, "call_duration_seconds_count") == 1
        nursery.cancel_scope.cancel()


async def test_whatever_a_charge_point_makes_up_adds_no_labels() -> None:
    async with (
        CentralSystem(test_settings(), inline_store=True) as central,
        charge_point(central) as point,
    ):
        await point.boot()
        await point.ask("Invented")
        before = await scrape(central)
        for number in range(1000):
            frame = await point.ask(f"Invented{number}")
            assert frame[2] == "NotImplemented"
        await point.send(3, "nothing asked", {"x": 1})
        await point.send(4, "nothing asked", "code", "", {})
        await point.websocket.send_message("no frame at all")
        await point.call("Heartbeat")
        after = await scrape(central)
    ours = {key for key in after if key[0].startswith("ocpptrio_messages")}
    new = ours - set(before)
    assert len(new) == 3, new  # a Heartbeat either way, and what cannot be answered
    assert value(after, "messages_total", direction="in", kind="CALL", action="other") == 1001
    refused = {"direction": "out", "kind": "CALLERROR", "action": "other"}
    assert value(after, "messages_total", **refused) == 1001
    ignored = {"direction": "in", "kind": "ignored", "action": "other"}
    assert value(after, "messages_total", **ignored) == 3
    assert not any("CP1" in json.dumps(sorted(labels)) for _, labels in after)


async def test_those_who_are_turned_away_are_counted_by_reason() -> None:
    settings = test_settings(unknown_charge_points=UnknownChargePoints.REJECT)
    async with CentralSystem(settings, inline_store=True) as central:
        for identity in ("A", "B"):
            with pytest.raises(ConnectionRejected):
                async with charge_point(central, identity):
                    pass
        host, port = central.addresses[0]
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(b"\x16\x03\x01")  # as TLS begins
            assert await stream.receive_some() == b""
        samples = await scrape(central)
    assert value(samples, "connections_total", outcome="unknown charge point") == 2
    assert value(samples, "connections_total", outcome="no WebSocket handshake") == 1


async def test_what_is_counted_meanwhile_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    read_in: set[int] = set()
    sort_in = Histogram._sort_in

    def seen(self: Histogram) -> None:
        read_in.add(threading.get_ident())
        sort_in(self)

    monkeypatch.setattr(Histogram, "_sort_in", seen)
    async with CentralSystem(test_settings(), inline_store=True) as central:
        await scrape(central)
    assert read_in == {threading.get_ident()}


async def test_others_add_metrics_of_their_own() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        waits = Histogram((1.0, 2.0))
        for each in (0.5, 1.5, 3.0):
            waits.observe(each)
        central.figures.add_source(
            lambda: [gauge("things", "Things", 7), histogram("waits_seconds", "Waits", waits)]
        )
        samples = await scrape(central)
    assert value(samples, "things") == 7
    assert value(samples, "waits_seconds_bucket", le="2.0") == 2
    assert value(samples, "waits_seconds_bucket", le="+Inf") == 3
    assert value(samples, "waits_seconds_sum") == 5


async def test_who_reads_open_metrics_gets_them() -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    async with CentralSystem(test_settings(), inline_store=True) as central:
        media_type, text = await exposition(central, accept)
    assert media_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    names = {family.name for family in open_metrics(text.decode())}  # type: ignore[no-untyped-call]
    assert {"ocpptrio_connections_open", "ocpptrio_build_info", "process_cpu_seconds"} <= names

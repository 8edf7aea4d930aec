"""Scenarios: whole days whose every message is valid, whose books balance, and that repeat."""

import itertools
import json
import sys
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trio
import trio.testing

from ocpptrio.errors import ConfigError
from ocpptrio.protocol import core
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.simulator import scenario
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from tests.simulator.fake_central import FakeCentral, simulated

HOUR = 3600

# OCPP 1.6, 4.9, read as: from, to where it may go.
TRANSITIONS = {
    "Available": "Preparing Charging SuspendedEV SuspendedEVSE Reserved Unavailable Faulted",
    "Preparing": "Available Charging SuspendedEV SuspendedEVSE Finishing Faulted",
    "Charging": "Available SuspendedEV SuspendedEVSE Finishing Unavailable Faulted",
    "SuspendedEV": "Available Charging SuspendedEVSE Finishing Unavailable Faulted",
    "SuspendedEVSE": "Available Charging SuspendedEV Finishing Unavailable Faulted",
    "Finishing": "Available Preparing Unavailable Faulted",
    "Reserved": "Available Preparing Unavailable Faulted",
    "Unavailable": "Available Preparing Charging SuspendedEV SuspendedEVSE Faulted",
    "Faulted": " ".join(ChargePointStatus),
}


def played(
    name: str,
    hours: float,
    *,
    seed: int = 7,
    verdict: AuthorizationStatus = AuthorizationStatus.ACCEPTED,
    **arguments: Any,
) -> tuple[FakeCentral, SimulatedChargePoint]:
    """Run a scenario in virtual time. Any: keywords of SimulatedChargePoint."""
    both: list[Any] = []

    async def main() -> None:
        central = FakeCentral()
        central.script[core.StartTransaction] = lambda _request: central.started(verdict)
        async with trio.open_nursery() as nursery:
            await nursery.start(central.run)
            charge_point = simulated(random=seeded(seed), **arguments)
            both.extend((central, charge_point))
            nursery.start_soon(charge_point.run, central.connect)
            with trio.move_on_after(hours * HOUR):
                await charge_point.link.registration.wait_open()
                await scenario.find(name)(charge_point)
            await charge_point.link.registration.wait_open()
            await charge_point.device.outbox.wait_empty()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return both[0], both[1]


@cache
def validator(name: str) -> Any:  # Any: jsonschema is untyped
    text = (resources.files("ocpp") / "v16" / "schemas" / f"{name}.json").read_text("utf-8-sig")
    return jsonschema.Draft7Validator(json.loads(text, parse_float=Decimal))


def check_against_schemas(raw: list[str]) -> set[str]:
    """Every CALL against the official schema of its Action; which Actions there were."""
    actions = set()
    for text in raw:
        frame = json.loads(text, parse_float=Decimal)
        if frame[0] == 2:
            actions.add(frame[2])
            validator(frame[2]).validate(frame[3])
    return actions


@pytest.mark.parametrize("name", ["commute", "busy", "offline"])
def test_a_day_of_valid_messages_whose_books_balance(name: str) -> None:
    central, charge_point = played(
        name,
        hours=24 if name != "busy" else 4,
        configuration={
            "ClockAlignedDataInterval": "900",
            "MeterValuesSampledData": "Energy.Active.Import.Register,Energy.Active.Import.Interval,"
            "Power.Active.Import,Power.Offered,Power.Factor,Current.Import,Current.Offered,Voltage,"
            "Frequency,Temperature,SoC",
            "StopTxnSampledData": "Energy.Active.Import.Register,Voltage.L1,Temperature",
            "StopTxnAlignedData": "Energy.Active.Import.Interval",
            "MeterValueSampleInterval": "300",
        },
    )
    assert charge_point.statistics.errors == 0
    actions = check_against_schemas(central.raw)
    assert {"StartTransaction", "StopTransaction", "MeterValues", "Authorize"} <= actions

    # Repeated after a cut, so each may have come twice; each of them is one transaction.
    starts = {
        (each.connector_id, each.timestamp): each for each in central.all(core.StartTransaction)
    }
    stops = {each.transaction_id: each for each in central.all(core.StopTransaction)}
    running = sum(each.transaction is not None for each in charge_point.station.connectors)
    assert len(starts) == len(stops) + running > 2
    assert -1 not in stops

    for number in (1, 2):
        register = 0
        for request in transaction_related(central, number, starts):
            assert request >= register
            register = request
        statuses = central.statuses(number)
        if name != "offline":  # there, states are passed over
            for before, after in itertools.pairwise(statuses):
                assert after in TRANSITIONS[before].split()


def transaction_related(
    central: FakeCentral, connector_id: int, starts: dict[Any, core.StartTransaction]
) -> list[int]:
    """What a connector's register showed, in the order of the messages."""
    shown = []
    for _, request in central.requests:
        match request:
            case core.StartTransaction(connector_id=number) if number == connector_id:
                shown.append(request.meter_start)
            case core.MeterValues(connector_id=number) if number == connector_id:
                shown.append(int(request.meter_value[0].sampled_value[0].value))
    assert starts
    return shown


def test_the_same_seed_sends_the_same_messages_in_the_same_order() -> None:
    first, second = (played("offline", hours=6)[0].requests for _ in range(2))
    other = played("offline", hours=6, seed=8)[0].requests
    assert len(first) > 100
    assert first == second
    assert first != other


def test_a_day_of_commuting_has_several_visits_and_plausible_energies() -> None:
    central, charge_point = played("commute", hours=24)
    starts = {each.timestamp: each for each in central.all(core.StartTransaction)}
    stops = central.all(core.StopTransaction)
    assert 4 <= len(starts) <= 60
    assert {each.reason for each in stops} <= {core.Reason.LOCAL, core.Reason.EV_DISCONNECTED}
    assert charge_point.statistics.lost == 0


def test_idle_is_a_boot_and_heartbeats() -> None:
    central, _ = played("idle", hours=1)
    kinds = {type(request).__name__ for _, request in central.requests}
    assert kinds == {
        "BootNotification",
        "StatusNotification",
        "Heartbeat",
        "SecurityEventNotification",
    }


def test_once_is_one_visit_and_then_the_end() -> None:
    central, _ = played("once", hours=1)
    assert len(central.all(core.StartTransaction)) == len(central.all(core.StopTransaction)) == 1
    assert central.statuses(1)[-1] == "Available"
    assert central.requests[-1][0] < 300


def test_busy_is_a_visit_every_few_minutes() -> None:
    central, _ = played("busy", hours=1)
    assert len(central.all(core.StopTransaction)) > 20


def test_scenarios_survive_cards_that_are_refused() -> None:
    central, _ = played("busy", hours=0.5, verdict=AuthorizationStatus.BLOCKED)
    assert len(central.all(core.StopTransaction)) > 10
    assert {each.reason for each in central.all(core.StopTransaction)} == {
        core.Reason.DE_AUTHORIZED
    }


def test_scenarios_are_found_by_name_or_by_module_and_function() -> None:
    assert scenario.find("busy") is scenario.busy
    assert scenario.find("ocpptrio.simulator.scenario:idle") is scenario.idle
    for wrong in "nonsense", "no.such.module:f", "ocpptrio.simulator.scenario:nonsense", "json:":
        with pytest.raises(ConfigError, match=wrong.split(":")[0]):
            scenario.find(wrong)


async def test_a_car_comes_when_it_is_announced_and_leaves_when_it_is_over(
    autojump_clock: trio.testing.MockClock,
    sides: tuple[FakeCentral, SimulatedChargePoint],
    nursery: trio.Nursery,
) -> None:
    central, charge_point = sides
    nursery.start_soon(scenario.remote, charge_point)
    connector = charge_point.station.connector(1)
    for _ in range(2):
        await trio.sleep(HOUR)
        assert connector.status is ChargePointStatus.AVAILABLE
        start = core.RemoteStartTransaction(connector_id=1, id_tag="APP1")
        assert (await central.call(start)).status is core.RemoteStartStopStatus.ACCEPTED
        with trio.fail_after(60):
            await charge_point.wait_status(1, ChargePointStatus.CHARGING)
        assert charge_point.station.connector(2).ev is None
        await trio.sleep(600)
        assert connector.transaction is not None
        assert connector.transaction.id.value is not None
        stop = core.RemoteStopTransaction(transaction_id=connector.transaction.id.value)
        assert (await central.call(stop)).status is core.RemoteStartStopStatus.ACCEPTED
        with trio.fail_after(60):
            await charge_point.wait_status(1, ChargePointStatus.AVAILABLE)
    assert len(central.all(core.StopTransaction)) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def run(:", "SyntaxError"),
        ("\n1 / 0", r"division by zero \(.*broken.py, line 2\)"),
        ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
        ("def run(charge_point): pass", "has to be written as async def run"),
    ],
)
def test_a_scenario_with_an_error_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    (tmp_path / "broken.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    with pytest.raises(ConfigError, match=why):
        scenario.find("broken:run")

"""What a user sees: table, lines, summary; and the command that brings it about."""

import io
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console
from trio.testing import MockClock

from ocpptrio.cli import simulate as command
from ocpptrio.connection import Transport
from ocpptrio.errors import ConfigError
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.simulator import display, operation
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.fleet import LAST_MESSAGES_S, Fleet, FleetPlan
from tests.simulator.fake_central import START, FakeCentral


async def running_fleet(nursery: trio.Nursery, *identities: str) -> tuple[Fleet, display.Lines]:
    """Charge points that are connected, the first one of them charging."""
    central = FakeCentral()
    await nursery.start(central.run)
    lines = display.Lines(len(identities), show=None)
    plan = FleetPlan(identities=identities, url="ws://unused", start=START, id_tags=["CARD"])
    fleet = Fleet(plan, lines.tell)

    async def connect() -> Transport:
        return await central.connect()

    for charge_point in fleet.charge_points:
        nursery.start_soon(charge_point.run, connect)
    await trio.sleep(5)
    first = fleet.charge_points[0]
    await first.plug_in(1)
    await first.present("CARD", 1)
    await first.wait_status(1, ChargePointStatus.CHARGING)
    await trio.sleep(3600)
    return fleet, lines


def drawn(fleet: Fleet, lines: display.Lines) -> str:
    output = io.StringIO()
    rate = display.Rate(fleet)
    Console(file=output, width=120).print(display.table(fleet, rate, lines))
    return output.getvalue()


async def test_a_small_fleet_is_shown_one_by_one(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    fleet, lines = await running_fleet(nursery, "CP1", "CP2")
    picture = drawn(fleet, lines)
    assert "2026-01-15 09:00:05" in picture
    assert "2 of 2" in picture
    row = next(line for line in picture.splitlines() if "Charging" in line and "CP1" in line)
    assert row.split() == ["CP1", "Accepted", "1", "Charging", "CARD", "11.0", "48%", "11.04"]
    assert "CP2: registration: Accepted" in picture


async def test_a_large_fleet_is_shown_in_numbers(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    fleet, lines = await running_fleet(nursery, *(f"SIM{number}" for number in range(20)))
    picture = drawn(fleet, lines)
    assert "20 of 20" in picture
    assert "39 Available 1 Charging" in picture
    assert "11.0 kW" in picture
    assert picture.count("registration: Accepted") == 1
    assert display.summary(fleet).startswith("20 charge points, 20 connections (0 lost")


def test_what_many_say_is_said_once() -> None:
    shown: list[str] = []
    lines = display.Lines(1000, shown.append)
    for number in range(1000):
        lines.tell(f"SIM{number}", "no connection")
    for number in range(1000):
        lines.tell("SIM1", f"oddity {number}")
    assert shown[0] == "SIM0: no connection (others like it are not shown)"
    assert len(shown) == display.LINES_OF_LARGE_FLEET


def test_without_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not display.can_draw()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert display.can_draw()


async def test_the_numbers_come_line_by_line(
    nursery: trio.Nursery, autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet, _ = await running_fleet(nursery, "CP1")
    with trio.move_on_after(12):
        await display.print_lines(fleet)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("connected 1 of 1, connectors 1 Available 1 Charging, power 11.0 kW")


async def planned(
    monkeypatch: pytest.MonkeyPatch, *identities: str, **options: Any
) -> tuple[FleetPlan, str]:
    """What the command makes of its arguments. Any: its options."""
    plans: list[tuple[FleetPlan, str]] = []

    async def operate(plan: FleetPlan, scenario: str, **_options: object) -> int:
        await trio.lowlevel.checkpoint()
        plans.append((plan, scenario))
        return 0

    monkeypatch.setattr(operation, "operate", operate)
    assert await command.simulate(*identities, **options) == 0
    return plans[0]


async def test_the_command_takes_names_or_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, scenario = await planned(monkeypatch)
    assert (plan.identities, scenario) == (["CP1"], "commute")
    plan, _ = await planned(monkeypatch, "A", "B", id_tag=["X", "Y"], password="secret")
    assert (plan.identities, plan.id_tags, plan.password) == (["A", "B"], ["X", "Y"], "secret")
    plan, _ = await planned(monkeypatch, quirk=["q37", "random"], seed=7)
    assert (plan.quirks, plan.seed) == (["q37", "random"], 7)
    plan, _ = await planned(monkeypatch, count=3, prefix="LOAD")
    assert plan.identities == ["LOAD0001", "LOAD0002", "LOAD0003"]


async def test_cards_are_shared_out_and_a_name_keeps_its_chances(
    autojump_clock: MockClock,
) -> None:
    def tell(_identity: str, _line: str) -> None:
        pass

    given = FleetPlan(identities=["A", "B", "C"], url="ws://unused", id_tags=["1", "2"])
    assert [each.id_tags for each in Fleet(given, tell).charge_points] == [
        ("1", "2"),
        ("2", "1"),
        ("1", "2"),
    ]
    alone = Fleet(FleetPlan(identities=["B"], url="ws://unused"), tell).charge_points[0]
    beside = Fleet(FleetPlan(identities=["A", "B"], url="ws://unused"), tell).charge_points
    assert alone.id_tags == beside[1].id_tags != beside[0].id_tags


async def test_the_end_does_not_wait_for_a_central_system_that_is_gone(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    await nursery.start(central.run)
    names = [f"SIM{number}" for number in range(120)]
    fleet = Fleet(
        FleetPlan(identities=names, url="ws://unused"),
        lambda _identity, _line: None,
        opener=lambda _charge_point, _sockets: central.connect(),
    )

    async def charge(charge_point: SimulatedChargePoint) -> None:
        await charge_point.plug_in(1)
        await charge_point.present("A", 1)
        await trio.sleep_forever()

    over = trio.Event()

    async def run() -> None:
        await fleet.run(charge)
        over.set()

    nursery.start_soon(run)
    await trio.sleep(60)
    central.refuse_connections = True
    for charge_point in fleet.charge_points:
        await charge_point.cut(3600)
    await trio.sleep(1)
    fleet.stop()
    with trio.fail_after(LAST_MESSAGES_S):
        await over.wait()
    assert fleet.unsettled() == len(names)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": "http://127.0.0.1:8080"}, "like ws://host:port"),
        ({"url": "ws://127.0.0.1:abc"}, "like ws://host:port"),
        ({"url": "nonsense"}, "like ws://host:port"),
        ({"identities": ["A", "B", "A"]}, "A: named 2 times"),
        ({"identities": [""]}, "needs a name"),
        ({"id_tags": ["1" * 21]}, "1 to 20 characters"),
        ({"connectors": 0}, "at least 1, not 0"),
        ({"time_scale": 0}, "above 0, not 0"),
        ({"ramp_s": -1}, "at least 0 seconds, not -1"),
        ({"url": "wss://unused", "ca_file": Path("/no/such.pem")}, "No such file"),
        ({"url": "wss://unused", "ca_file": Path(__file__)}, "certificates in PEM"),
    ],
)
async def test_a_plan_that_cannot_work_is_told_at_once(
    capsys: pytest.CaptureFixture[str], wrong: dict[str, Any], why: str
) -> None:
    plan = FleetPlan(**{"identities": ["A"], "url": "ws://127.0.0.1:1"} | wrong)
    assert await operation.operate(plan, "once", plain=True) == 2
    assert why in capsys.readouterr().err


async def test_no_charge_point_and_no_time_are_refused() -> None:
    with pytest.raises(ConfigError, match="--count: has to be at least 1, not 0"):
        await command.simulate(count=0)
    with pytest.raises(ConfigError, match="--duration: has to be above 0, not -1"):
        await command.simulate(duration=-1)

"""All sessions in numbers."""

import trio
from msgspec.structs import replace
from trio.testing import wait_all_tasks_blocked

from ocpptrio.events import ConditionKind
from ocpptrio.protocol.core import ChargePointStatus
from ocpptrio.session.fleet import AT_ONCE, fleet
from ocpptrio.session.registry import Registry, Session
from ocpptrio.session.state import Condition, ConnectorState, SessionState


def connector(number: int, status: ChargePointStatus) -> ConnectorState:
    return ConnectorState(connector_id=number, status=status, status_at_us=0)


async def test_a_charge_point_counts_once_whatever_its_connectors_do() -> None:
    registry = Registry()
    charging, faulted = ChargePointStatus.CHARGING, ChargePointStatus.FAULTED
    offline = Condition(
        kind=ConditionKind.OFFLINE, connector_id=0, since_us=0, raised_at_us=0, evidence=""
    )
    busy = SessionState(
        charge_point_id="A",
        connectors={1: connector(1, charging), 2: connector(2, charging)},
    )
    broken = SessionState(
        charge_point_id="B",
        connectors={0: connector(0, faulted), 1: connector(1, charging)},
        conditions=(offline,),
    )
    for state in (busy, broken, SessionState(charge_point_id="C")):
        registry.put(Session(state))
    found = await fleet(registry)
    assert (found.charge_points, found.connected) == (3, 0)
    assert (found.charging, found.faulted) == (2, 1)
    assert found.connectors == {charging: 3}, "connector 0 is none"
    assert found.conditions == {"offline": 1}


async def test_counting_a_large_fleet_lets_others_have_their_turn() -> None:
    registry = Registry()
    for number in range(3 * AT_ONCE):
        registry.put(Session(SessionState(charge_point_id=f"CP{number}")))
    state = registry.session("CP0").state
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            registry.put(Session(replace(state, charge_point_id=f"new {turns}")))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(another)
        found = await fleet(registry)
        nursery.cancel_scope.cancel()
    await wait_all_tasks_blocked()
    assert found.charge_points == 3 * AT_ONCE
    assert turns >= 2

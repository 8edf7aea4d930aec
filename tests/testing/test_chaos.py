"""The chaotic charge point finds fault with a central system that deserves it, and no other."""

import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from trio.testing import MockClock, wait_all_tasks_blocked

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import OcppSettings, Settings, StoreSettings
from ocpptrio.connection import Transport
from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol.core import (
    ClearCache,
    ClearCacheResponse,
    ClearCacheStatus,
    Heartbeat,
    StartTransaction,
    StartTransactionResponse,
    StopTransaction,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo, Message
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import charge_points, transactions
from ocpptrio.store.records import TransactionRecord
from ocpptrio.testing.chaos import ChaosChargePoint, Delivery
from ocpptrio.testing.machine import ChaosMachine
from ocpptrio.testing.wire import Broken, websocket_to
from tests.clients import test_settings

NO_SOCKET = Settings(ocpp=OcppSettings(enabled=False), store=StoreSettings(path=":memory:"))
TAG = "04A1B2C3"


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        yield central


@pytest.fixture
def point(central: CentralSystem, nursery: trio.Nursery) -> ChaosChargePoint:
    async def connect(identity: str) -> Transport:
        theirs, ours = memory_transport_pair()
        await nursery.start(central.serve, identity, theirs)
        return ours

    return ChaosChargePoint("CP1", connect)


async def kept(central: CentralSystem) -> list[TransactionRecord]:
    return await central.store.read(transactions.listed)


@pytest.mark.parametrize("new_id", [False, True], ids=["same id", "new id"])
@pytest.mark.parametrize("delivery", Delivery)
async def test_each_delivery_leaves_one_transaction(
    central: CentralSystem, point: ChaosChargePoint, delivery: Delivery, new_id: bool
) -> None:
    ours = point.start(1, TAG)
    point.sample(ours)
    point.stop(ours)
    point.sample(ours)
    while point.due:
        before = len(point.due)
        await point.deliver(delivery, new_id=new_id)
        if delivery is Delivery.CUT:
            assert len(point.due) == before
            await point.deliver(new_id=new_id)
        assert len(point.due) == before - 1
    await point.settle()
    (theirs,) = await kept(central)
    assert theirs.transaction_id == ours.transaction_id
    assert theirs.energy_wh == ours.meter_wh - ours.meter_start_wh == 350
    assert ours.stop_acknowledged
    await point.close()


async def test_it_comes_back_without_a_boot(
    central: CentralSystem, point: ChaosChargePoint
) -> None:
    with central.watch("CP1") as events:
        for leave in (point.cut, point.close):
            await point.connect()
            await leave()
        await point.connect()
        point.vanish()
        await point.call(Heartbeat())
        await point.close()
        await wait_all_tasks_blocked()
        central.hub.close()
        kinds = [numbered.event.kind async for numbered in events]
    assert kinds.count("Booted") == 1
    assert kinds.count("Connected") == 4


async def test_it_may_take_orders(central: CentralSystem, nursery: trio.Nursery) -> None:
    async def connect(identity: str) -> Transport:
        theirs, ours = memory_transport_pair()
        await nursery.start(central.serve, identity, theirs)
        return ours

    def answer(request: object) -> Message | None:
        assert request == ClearCache()
        return ClearCacheResponse(status=ClearCacheStatus.REJECTED)

    point = ChaosChargePoint("CP1", connect, answer=answer)
    await point.connect()
    told: list[ClearCacheResponse] = []

    async def ask() -> None:
        told.append(await central.charge_point("CP1").call(ClearCache()))

    nursery.start_soon(ask)
    await wait_all_tasks_blocked()
    await point.call(Heartbeat())
    await wait_all_tasks_blocked()
    assert told == [ClearCacheResponse(status=ClearCacheStatus.REJECTED)]
    await point.close()


async def test_over_a_websocket(nursery: trio.Nursery) -> None:
    async with CentralSystem(test_settings(), inline_store=True) as central:
        password_hash = central.passwords.hash(b"0123456789ABCDEF")
        await central.store.write(
            lambda db: charge_points.add(
                db, charge_point_id="A B", origin="added", at_us=0, password_hash=password_hash
            )
        )
        host, port = central.addresses[0]
        connect = websocket_to(f"ws://{host}:{port}/ocpp", nursery, b"0123456789ABCDEF")
        point = ChaosChargePoint("A B", connect)
        point.start(1, TAG)
        await point.deliver(Delivery.CUT)
        await point.settle()
        (theirs,) = await kept(central)
        assert theirs.charge_point_id == "A B"
        await point.close()


# Central systems at fault.


def always_another_id() -> Any:  # Any: a handler
    ids = itertools.count(1)

    async def start(incoming: Incoming, request: StartTransaction) -> StartTransactionResponse:
        return StartTransactionResponse(
            transaction_id=next(ids), id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED)
        )

    return start


def always_the_id(transaction_id: int) -> Any:  # Any: a handler
    async def start(incoming: Incoming, request: StartTransaction) -> StartTransactionResponse:
        return StartTransactionResponse(
            transaction_id=transaction_id,
            id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED),
        )

    return start


async def refuse(incoming: Incoming, request: StopTransaction) -> Message:
    raise RemoteProtocolError(ErrorCode.INTERNAL_ERROR, "no such transaction")


async def say_nothing(incoming: Incoming, request: StopTransaction) -> Message:
    await trio.sleep_forever()


async def hang_up(incoming: Incoming, request: StopTransaction) -> Message:
    assert incoming.session.connection is not None
    incoming.session.connection.close(1000, "enough")
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("kind", "handler", "complaint"),
    [
        (StartTransaction, always_another_id(), "a repeated start got id 2, before it was 1"),
        (StartTransaction, always_the_id(0), "id 0 for a transaction"),
        (StartTransaction, always_the_id(7), "two transactions got id 7"),
        (StopTransaction, refuse, "the answer to StopTransaction is .*no such transaction"),
        (StopTransaction, say_nothing, "no answer to StopTransaction within 10 s"),
        (StopTransaction, hang_up, "the connection was closed: .*enough"),
    ],
)
async def test_it_finds_a_handler_at_fault(
    central: CentralSystem,
    point: ChaosChargePoint,
    autojump_clock: MockClock,
    kind: type[Any],
    handler: Any,
    complaint: str,
) -> None:
    central.handlers[kind] = handler

    async def live() -> None:
        for _ in range(2):
            transaction = point.start(1, TAG)
            await point.deliver(Delivery.REPEATED, new_id=True)
            point.stop(transaction)
            await point.settle()

    with pytest.raises(Broken, match=complaint):
        await live()
    await point.close()


def accepted(unique_id: str) -> object:
    time = "2026-01-15T08:00:00Z"
    return [3, unique_id, {"status": "Accepted", "currentTime": time, "interval": 300}]


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        (lambda i: ["hello"], "no frame"),
        (lambda i: [[3, "other", {}]], "an answer to nothing"),
        (lambda i: [[3, i, {}]], "answer to BootNotification: .*status"),
        (lambda i: [[4, i, "InternalError", "", {}]], "the answer to BootNotification is"),
        (
            lambda i: [[3, i, {**accepted(i)[2], "status": "Pending"}]],  # type: ignore[index]
            "CP1 is not accepted but Pending",
        ),
        (lambda i: [[2, "1", "Reset", {"type": "Gentle"}]], "Reset: .*Gentle"),
        (lambda i: [[2, "1", "Heartbeat", {}]], "Heartbeat is not for charge points"),
    ],
)
async def test_it_finds_a_frame_at_fault(
    frames: Callable[[str], list[object]], complaint: str
) -> None:
    theirs, ours = memory_transport_pair()

    async def connect(identity: str) -> Transport:
        return ours

    point = ChaosChargePoint("CP1", connect)
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            unique_id = json.loads(await theirs.get_message())[1]
            for frame in frames(unique_id):
                await theirs.send_message(json.dumps(frame))

        nursery.start_soon(serve)
        with pytest.raises(Broken, match=complaint):
            await point.connect()
    await point.close()


# The state machine.


class OurCentralSystem(ChaosMachine):
    """Our own; each transaction that a charge point knows is on record once, with its energy."""

    async def begin(self) -> None:
        self.central = CentralSystem(NO_SOCKET, inline_store=True)
        self.set_up()
        await self.nursery.start(self.central.run)

    def set_up(self) -> None:
        """Change the central system before it runs."""

    async def connect(self, identity: str) -> Transport:
        theirs, ours = memory_transport_pair()
        await self.nursery.start(self.central.serve, identity, theirs)
        return ours

    async def check(self) -> None:
        records = await self.central.store.read(lambda reader: transactions.listed(reader))
        left = {record.transaction_id: record for record in records}
        unheard = 0
        for point in self.points:
            for ours in point.transactions:
                if ours.transaction_id is None:
                    unheard += 1
                    continue
                theirs = left.pop(ours.transaction_id)
                assert theirs.charge_point_id == point.identity
                assert theirs.authorization_status == ours.authorization
                assert theirs.meter_start_wh == ours.meter_start_wh
                if ours.stop_acknowledged:
                    assert theirs.state == "stopped"
                    assert theirs.energy_wh == ours.meter_wh - ours.meter_start_wh
        assert len(left) <= unheard


quickly = settings(derandomize=True, deadline=None, max_examples=30, stateful_step_count=30)

TestOurCentralSystem = OurCentralSystem.TestCase
TestOurCentralSystem.settings = quickly


def test_the_machine_finds_what_needs_several_steps() -> None:
    class Forgetful(OurCentralSystem):
        def set_up(self) -> None:
            self.central.handlers[StartTransaction] = always_another_id()

        async def check(self) -> None:
            pass

    with pytest.raises(Broken, match="a repeated start got id"):
        run_state_machine_as_test(Forgetful, settings=settings(quickly, phases=[Phase.generate]))


def test_a_failure_in_the_background_is_told() -> None:
    class Crashing(ChaosMachine):
        async def begin(self) -> None:
            self.nursery.start_soon(self.crash)
            await trio.sleep_forever()

        async def crash(self) -> None:
            await trio.lowlevel.checkpoint()
            raise RuntimeError("out of order")

    with pytest.RaisesGroup(RuntimeError):
        Crashing()

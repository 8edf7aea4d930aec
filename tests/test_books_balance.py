"""The books balance, whatever charge points send twice, late, in another order or not at all.

A state machine drives a central system with several charge points: cuts, resends, queues delivered
out of order, reboots, and a central system that starts again from the same database. After each
step: each transaction that was acknowledged exists once, with its energy; none is over without
evidence; ids are positive and unique; a CALL that comes again changes nothing.

OCPPTRIO_BOOKS_EXAMPLES sets how many runs it makes; a few thousand take minutes.
"""

import json
import os
import tempfile
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import to_us
from ocpptrio.config import OcppSettings, Settings, StoreSettings, TransactionSettings
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.store import conclusions, transactions
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import TransactionRecord
from ocpptrio.store.vocabulary import Conclusion, TransactionState

EXAMPLES: Final = int(os.environ.get("OCPPTRIO_BOOKS_EXAMPLES", "25"))
STEPS: Final = 40
NAMES: Final = ("CP1", "CP2")
CONNECTORS: Final = (1, 2)
DAWN: Final = datetime(2026, 1, 15, tzinfo=UTC)

Payload = dict[str, Any]  # Any: JSON


class Session:
    """Charging as it really was, and what the central system said to it."""

    def __init__(self, point: "Point", connector_id: int, id_tag: str, started: datetime) -> None:
        self.point = point
        self.connector_id = connector_id
        self.id_tag = id_tag
        self.started = started
        self.meter_start = point.registers[connector_id]
        self.meter_stop: int | None = None  # while it runs
        self.transaction_id: int | None = None  # until it was acknowledged
        self.stop_acknowledged = False


class Item:
    """A message that a charge point has to deliver, and the CALL that it became."""

    def __init__(self, action: str, session: Session, payload: Payload) -> None:
        self.action = action
        self.session = session
        self.payload = payload
        self.text: str | None = None
        self.answer: Payload | None = None

    def is_due(self) -> bool:
        """Values are told of a transaction, so after its start."""
        return self.action != "MeterValues" or self.session.transaction_id is not None

    def as_sent(self) -> Payload:
        if self.action == "StartTransaction":
            return self.payload
        known = self.session.transaction_id
        return self.payload | {"transactionId": -1 if known is None else known}


class Point:
    """A charge point that keeps what it has to tell until it is answered."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wire: Any = None  # Any: a transport, while connected
        self.registers = dict.fromkeys(CONNECTORS, 1_000_000)
        self.running: dict[int, Session] = {}
        self.queue: list[Item] = []
        self.calls = 0


class Central:
    """A central system that runs in a thread of its own, in steps that the test waits for."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._settings = Settings(
            ocpp=OcppSettings(enabled=False),
            store=StoreSettings(path=str(path)),
            transactions=TransactionSettings(conclude_after=900, review_after=7200),
        )
        self._clock = clock
        self._token: trio.lowlevel.TrioToken
        self._portal_ready = threading.Event()
        self._thread: threading.Thread
        self.central: CentralSystem
        self.start()

    def start(self) -> None:
        self._portal_ready.clear()
        self._thread = threading.Thread(target=trio.run, args=(self._main,))
        self._thread.start()
        self._portal_ready.wait()

    async def _main(self) -> None:
        self._end = trio.Event()
        central = CentralSystem(self._settings, clock=self._clock, inline_store=True)
        async with central, trio.open_nursery() as self._nursery:
            self.central = central
            # Nothing crashes here but by closing: the disk need not be waited for.
            await central.store.write(lambda db: None)
            central.store._writer.connection.execute("PRAGMA synchronous = OFF")
            self._token = trio.lowlevel.current_trio_token()
            self._portal_ready.set()
            await self._end.wait()
            self._nursery.cancel_scope.cancel()

    def do(self, work: Callable[..., Coroutine[Any, Any, Any]], *arguments: object) -> Any:
        return trio.from_thread.run(work, *arguments, trio_token=self._token)

    def stop(self) -> None:
        trio.from_thread.run_sync(self._end.set, trio_token=self._token)
        self._thread.join()

    async def _connected(self, point: Point) -> None:
        if point.wire is None:
            theirs, point.wire = memory_transport_pair()
            self._nursery.start_soon(self.central.serve, point.name, theirs)

    async def cut(self, point: Point) -> None:
        if point.wire is not None:
            await point.wire.aclose()
            point.wire = None
            await trio.testing.wait_all_tasks_blocked()

    async def boot(self, point: Point, texts: list[str]) -> None:
        await self.cut(point)
        for text in texts:
            await self.call(point, text)

    async def call_again(self, point: Point, text: str) -> tuple[Any, bool]:
        """The answer, and whether anything changed."""
        before = await self.read(_everything)
        answer = await self.call(point, text)
        return answer, before != await self.read(_everything)

    async def call(self, point: Point, text: str) -> Any:
        await self._connected(point)
        await point.wire.send_message(text)
        kind, _, answer = json.loads(await point.wire.get_message())
        assert kind == 3, answer
        return answer

    async def send_and_cut(self, point: Point, text: str) -> None:
        """The answer gets lost."""
        await self._connected(point)
        await point.wire.send_message(text)
        await trio.testing.wait_all_tasks_blocked()
        await self.cut(point)

    async def read(self, work: Callable[[Reader], Any]) -> Any:
        return await self.central.store.read(work)

    async def look(self) -> None:
        await self.central.services.reconciliation.look()
        while await self.central.services.rollups._step():
            pass


points = st.sampled_from(NAMES)
connectors = st.sampled_from(CONNECTORS)
places = st.integers(0, 100)  # in a list, from its end
online = st.sampled_from([True, True, False])


class Books(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = DAWN
        self.sessions: list[Session] = []
        self.told: list[Item] = []
        self.is_news = True
        self.points = {name: Point(name) for name in NAMES}
        self._folder = tempfile.TemporaryDirectory()
        self.central = Central(Path(self._folder.name) / "books.db", lambda: to_us(self.now))

    def teardown(self) -> None:
        self.central.stop()
        self._folder.cleanup()

    # What happens at a charge point.

    @rule(name=points, connector_id=connectors, at_once=online)
    def start(self, name: str, connector_id: int, at_once: bool) -> None:
        """If another one runs there, its stop is lost."""
        point = self.points[name]
        if connector_id in point.running:
            self._end(point.running.pop(connector_id), "Local", is_lost=True, data=False)
        self._pass_time(5)
        session = Session(point, connector_id, f"TAG{len(self.sessions)}", self.now)
        self.sessions.append(session)
        point.running[connector_id] = session
        payload = {
            "connectorId": connector_id,
            "idTag": session.id_tag,
            "meterStart": session.meter_start,
            "timestamp": self._time(),
        }
        point.queue.append(Item("StartTransaction", session, payload))
        self._deliver_all(point, at_once)

    @precondition(lambda self: self._running())
    @rule(place=places, wh=st.integers(0, 3000), tell=st.booleans(), at_once=online)
    def charge(self, place: int, wh: int, tell: bool, at_once: bool) -> None:
        session = _pick(self._running(), place)
        point, connector_id = session.point, session.connector_id
        self._pass_time(600)
        point.registers[connector_id] += wh
        if tell:
            value = {"value": str(point.registers[connector_id])}
            payload = {
                "connectorId": connector_id,
                "meterValue": [{"timestamp": self._time(), "sampledValue": [value]}],
            }
            point.queue.append(Item("MeterValues", session, payload))
            self._deliver_all(point, at_once)

    @precondition(lambda self: self._running())
    @rule(place=places, data=st.booleans(), at_once=online)
    def stop(self, place: int, data: bool, at_once: bool) -> None:
        session = _pick(self._running(), place)
        del session.point.running[session.connector_id]
        self._end(session, "Local", is_lost=False, data=data)
        self._deliver_all(session.point, at_once)

    def _end(self, session: Session, reason: str, is_lost: bool, data: bool) -> None:
        self._pass_time(5)
        session.meter_stop = session.point.registers[session.connector_id]
        if is_lost:
            return
        payload: Payload = {
            "idTag": session.id_tag,
            "meterStop": session.meter_stop,
            "timestamp": self._time(),
            "reason": reason,
        }
        if data:
            end = {"value": str(session.meter_stop), "context": "Transaction.End"}
            values = [{"timestamp": self._time(), "sampledValue": [end]}]
            payload["transactionData"] = values
        session.point.queue.append(Item("StopTransaction", session, payload))

    @precondition(lambda self: self.sessions)
    @rule(name=points, is_lost=st.booleans(), goes_on=st.booleans())
    def reboot(self, name: str, is_lost: bool, goes_on: bool) -> None:
        """What ran is over, and its stops are queued or lost; or it goes on all the same."""
        point = self.points[name]
        if not goes_on:
            for session in point.running.values():
                self._end(session, "PowerLoss", is_lost, False)
            point.running.clear()
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        texts = [self._text(point, "BootNotification", boot)]
        for connector_id in CONNECTORS:
            status = "Charging" if connector_id in point.running else "Available"
            state = {"connectorId": connector_id, "errorCode": "NoError", "status": status}
            texts.append(self._text(point, "StatusNotification", state))
        self._do(self.central.boot, point, texts)

    # What happens on the way.

    @precondition(lambda self: self._due())
    @rule(place=places)
    def deliver_out_of_order(self, place: int) -> None:
        self._deliver(_pick(self._due(), place))

    @precondition(lambda self: self._due())
    @rule(place=places)
    def lose_an_answer(self, place: int) -> None:
        item = _pick(self._due(), place)
        point = item.session.point
        text = self._text(point, item.action, item.as_sent())
        self._do(self.central.send_and_cut, point, text)

    @precondition(lambda self: self.told)
    @rule(place=places, same_id=st.booleans())
    def tell_again(self, place: int, same_id: bool) -> None:
        """A CALL that was answered comes again: the same answer, and nothing changes."""
        item = _pick(self.told, place)
        point = item.session.point
        assert item.text is not None
        text = item.text
        if not same_id:
            _, _, action, payload = json.loads(text)
            text = self._text(point, action, payload)
        answer, is_changed = self._do(self.central.call_again, point, text)
        assert answer == item.answer
        assert not is_changed

    @precondition(lambda self: self.told)
    @rule(name=points)
    def cut(self, name: str) -> None:
        self._do(self.central.cut, self.points[name])

    # What happens at the central system.

    @precondition(lambda self: self.told)
    @rule()
    def restart(self) -> None:
        self.central.stop()
        for point in self.points.values():
            point.wire = None
        self.central.start()

    @precondition(lambda self: self.told)
    @rule(seconds=st.sampled_from([60, 1000, 10_000]))
    def look(self, seconds: int) -> None:
        self._pass_time(seconds)
        self._do(self.central.look)

    # The books.

    @invariant()
    def books_balance(self) -> None:
        if not self.is_news:  # nothing has reached the central system since
            return
        rows, evidence = self.central.do(self.central.read, _books)
        self.is_news = False
        ids = [session.transaction_id for session in self.sessions if session.transaction_id]
        assert len(set(ids)) == len(ids)
        assert all(0 < row.transaction_id < 2**31 for row in rows)
        by_id = {row.transaction_id: row for row in rows}
        by_tag: dict[str, list[TransactionRecord]] = {}
        for row in rows:
            by_tag.setdefault(row.id_tag, []).append(row)
        for session in self.sessions:
            found = by_tag.get(session.id_tag, [])
            if session.transaction_id is None:
                assert len(found) <= 1
                continue
            (row,) = found
            assert by_id[session.transaction_id] is row
            assert row.charge_point_id == session.point.name
            assert row.meter_start_wh == session.meter_start
            taken = session.point.registers[session.connector_id] - session.meter_start
            if session.meter_stop is None:
                assert row.state is TransactionState.OPEN, "it runs"
            else:
                taken = session.meter_stop - session.meter_start
            if session.stop_acknowledged:
                assert row.state is TransactionState.STOPPED
                assert row.energy_wh == taken
            if row.energy_wh is not None:
                assert 0 <= row.energy_wh <= taken
        for row in rows:
            _check_evidence(row, evidence[row.transaction_id])

    # Helpers.

    def _pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def _time(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _do(self, work: Callable[..., Coroutine[Any, Any, Any]], *arguments: object) -> Any:
        self.is_news = True
        return self.central.do(work, *arguments)

    def _text(self, point: Point, action: str, payload: Payload) -> str:
        point.calls += 1
        return json.dumps([2, f"{point.name}-{point.calls}", action, payload])

    def _running(self) -> list[Session]:
        return [one for point in self.points.values() for one in point.running.values()]

    def _due(self) -> list[Item]:
        return [item for point in self.points.values() for item in point.queue if item.is_due()]

    def _deliver_all(self, point: Point, at_once: bool) -> None:
        if at_once:
            for item in list(point.queue):
                self._deliver(item)

    def _deliver(self, item: Item) -> None:
        if not item.is_due():
            return
        point = item.session.point
        item.text = self._text(point, item.action, item.as_sent())
        item.answer = self._do(self.central.call, point, item.text)
        assert item.answer is not None
        point.queue.remove(item)
        self.told.append(item)
        if item.action == "StartTransaction":
            item.session.transaction_id = item.answer["transactionId"]
            # Its stop may have come before: then it has ended with it.
            item.session.stop_acknowledged = any(
                told.action == "StopTransaction" and told.session is item.session
                for told in self.told
            )
        if item.action == "StopTransaction" and item.session.transaction_id is not None:
            item.session.stop_acknowledged = True


T = TypeVar("T")


def _pick(of: list[T], place: int) -> T:
    return of[-1 - place % len(of)]


def _books(reader: Reader) -> tuple[list[TransactionRecord], dict[int, set[str]]]:
    rows = transactions.listed(reader, limit=10_000)
    evidence = {
        row.transaction_id: {
            str(conclusion.conclusion)
            for conclusion in conclusions.of_transaction(reader, row.transaction_id)
            if conclusion.evidence
        }
        for row in rows
    }
    return rows, evidence


def _everything(reader: Reader) -> list[Any]:
    tables = ("transactions", "orphan_stops", "conclusions", "reviews", "meter_readings")
    return [reader.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 5") for table in tables]


def _check_evidence(row: TransactionRecord, drawn: set[str]) -> None:
    match row.state:
        case TransactionState.STOPPED:
            assert row.stop_received_at_us is not None
            if row.stop_sent_id is not None:
                assert Conclusion.STOP_MATCHED in drawn
        case TransactionState.SUPERSEDED:
            assert Conclusion.SUPERSEDED in drawn
        case TransactionState.CONCLUDED:
            assert Conclusion.ENDED in drawn


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)

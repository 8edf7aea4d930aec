"""The station of a certification case and the operator beside it, so that a case reads as its
script: `station.boots()`, `station.expects("Reset", type="Hard")`, `station.answers(...)`.

Nothing is forgiven. Whatever the central system sends must keep to the official schema, in UTC and
whole seconds; each CALL of the station gets a CALLRESULT; what nobody asked for fails the case, and
so does a deviation in the ledger, for then the case itself was not played as prescribed. Each thing
that a message tells must be known afterwards.
"""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import from_us, trio_clock
from ocpptrio.errors import CallRefused, OcpptrioError
from ocpptrio.events import Disconnected
from ocpptrio.protocol.actions import encode
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.session.state import SessionState
from ocpptrio.store import charge_points, commands, deviations, id_tags, transactions
from ocpptrio.store.records import CommandRecord, IdTagRecord, TransactionRecord
from tests.clients import BOOT, Frame, RawChargePoint, charge_point
from tests.schemas import check

MORNING = datetime(2026, 1, 15, 8, tzinfo=UTC)
TAG = "04A1B2C3"
# Virtual seconds: the central system is on the same machine, so it answers at once or never.
ANSWER_WITHIN_S = 5
# Virtual seconds after a case in which the central system has to keep quiet. Less than its pings
# take to begin, so that a connection it gives up shows as well.
SILENCE_S = 50

Json = dict[str, Any]  # Any: JSON of any shape


class Command:
    """What an operator asked for; `reports` waits until he is told how it went."""

    def __init__(self, station: "Station", request: Request[Message]) -> None:
        self._station = station
        self._request = request
        self._outcome: Message | OcpptrioError | None = None
        self._done = trio.Event()

    async def run(self) -> None:
        point = self._station.central.charge_point(self._station.identity)
        try:
            self._outcome = await point.call(self._request)
        except OcpptrioError as error:
            self._outcome = error
        self._done.set()

    async def reports(self, expected: Message) -> None:
        """The operator sees this response, and so does the record of the command."""
        record = await self._settled()
        assert self._outcome == expected
        assert (record.state, record.error) == ("answered", None)
        assert record.response is not None
        assert json.loads(record.response) == json.loads(encode(expected))

    async def reports_refusal(self, code: str) -> None:
        """The operator sees that a CALLERROR came, and so does the record of the command."""
        record = await self._settled()
        assert isinstance(self._outcome, CallRefused)
        assert self._outcome.code == code
        assert (record.state, record.response) == ("refused", None)

    async def _settled(self) -> CommandRecord:
        with trio.fail_after(ANSWER_WITHIN_S):
            await self._done.wait()
        station = self._station
        newest, *_ = await station.central.store.read(
            lambda reader: commands.of(reader, station.identity)
        )
        assert newest.action == type(self._request).__name__
        assert json.loads(newest.request) == json.loads(msgspec.json.encode(self._request))
        return newest


class Station:
    """One charge point, known to the central system, and its tag. See the module."""

    def __init__(self, central: CentralSystem, nursery: trio.Nursery, identity: str) -> None:
        self.central = central
        self.identity = identity
        self._nursery = nursery
        self._clock = trio_clock(MORNING)
        self._point: RawChargePoint
        self._line: trio.CancelScope
        self._hung_up = trio.Event()
        self._frames_in, self._frames = trio.open_memory_channel[Frame | None](64)
        self._numbers = itertools.count(1)
        self._ids_of_the_central_system: set[str] = set()
        self._asked: tuple[str, str] | None = None  # id and Action of the CALL to answer

    # The line.

    async def connects(self) -> None:
        """Open the WebSocket; nothing is sent yet."""
        self._hung_up = trio.Event()
        await self._nursery.start(self._listen)

    async def _listen(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with charge_point(self.central, self.identity) as point:
            self._point = point
            task_status.started()
            with trio.CancelScope() as self._line:
                try:
                    while True:
                        self._frames_in.send_nowait(await point.receive())
                except ConnectionClosed:
                    self._frames_in.send_nowait(None)
        self._hung_up.set()

    async def disconnects(self) -> None:
        """Close the WebSocket, and see that the central system notices."""
        with self.central.watch(self.identity) as events, trio.fail_after(ANSWER_WITHIN_S):
            self._line.cancel()
            await self._hung_up.wait()
            while not isinstance((await events.next()).event, Disconnected):
                pass
        assert not self.state.connected

    async def reconnects(self) -> None:
        """Away and back, as a charge point does that restarts."""
        await self.disconnects()
        await self.connects()

    # What the station sends.

    async def sends(self, action: str, /, **payload: Any) -> Json:  # Any: JSON
        """Send a CALL and return the payload of the CALLRESULT, which is all that may come."""
        check(action, payload)
        unique_id = f"{action}-{next(self._numbers)}"
        await self._point.send(2, unique_id, action, payload)
        frame = await self._next_frame()
        assert (frame[0], frame[1]) == (3, unique_id), f"to {action}: {frame}"
        assert len(frame) == 3, frame
        check(f"{action}Response", frame[2])
        response: Json = frame[2]
        return response

    async def boots(self, **changes: Any) -> None:  # Any: JSON
        """BootNotification, Accepted."""
        response = await self.sends("BootNotification", **(BOOT | changes))
        interval = response.pop("interval")
        assert response == {"status": "Accepted", "currentTime": self.now()}
        assert interval > 0
        assert self.state.booted_at_us == self.now_us()

    async def is_ready(self) -> None:
        """Booted, and everything Available: where nearly all cases begin."""
        await self.boots()
        for connector_id in (0, 1):
            await self.status(connector_id, "Available")

    async def status(self, connector_id: int, status: str, error_code: str = "NoError") -> None:
        """StatusNotification; the central system shows it."""
        assert (
            await self.sends(
                "StatusNotification",
                connectorId=connector_id,
                errorCode=error_code,
                status=status,
                timestamp=self.now(),
            )
            == {}
        )
        connector = self.state.connectors[connector_id]
        assert (connector.status, connector.error_code) == (status, error_code)

    async def authorizes(self, id_tag: str = TAG, expected: str = "Accepted") -> None:
        """Authorize, with this verdict."""
        response = await self.sends("Authorize", idTag=id_tag)
        assert response["idTagInfo"]["status"] == expected

    async def starts(self, expected: str = "Accepted", **changes: Any) -> int:  # Any: JSON
        """StartTransaction, with this verdict; the transaction is on record. Returns its id."""
        request = {
            "connectorId": 1,
            "idTag": TAG,
            "meterStart": 1000,
            "timestamp": self.now(),
        } | changes
        response = await self.sends("StartTransaction", **request)
        assert response["idTagInfo"]["status"] == expected
        transaction_id: int = response["transactionId"]
        assert transaction_id > 0
        kept = await self.transaction(transaction_id)
        assert (kept.state, kept.authorization_status) == ("open", expected)
        assert (kept.connector_id, kept.id_tag) == (request["connectorId"], request["idTag"])
        assert kept.meter_start_wh == request["meterStart"]
        assert text_of(kept.started_at_us) == request["timestamp"]
        assert transaction_id in self.state.transactions
        return transaction_id

    async def charges(self) -> int:
        """Plugged in, authorized, started, Charging. Returns the transaction's id."""
        await self.status(1, "Preparing")
        await self.authorizes()
        transaction_id = await self.starts()
        await self.status(1, "Charging")
        return transaction_id

    async def stops(self, transaction_id: int, reason: str, **changes: Any) -> Json:  # Any: JSON
        """StopTransaction; the transaction is closed by it. Returns the response."""
        request = {
            "transactionId": transaction_id,
            "meterStop": 2500,
            "timestamp": self.now(),
            "reason": reason,
        } | changes
        response = await self.sends("StopTransaction", **request)
        assert ("idTagInfo" in response) == ("idTag" in request)
        kept = await self.transaction(transaction_id)
        assert (kept.state, kept.stop_reason) == ("stopped", reason)
        assert kept.meter_stop_wh is not None
        assert kept.meter_stop_wh == request["meterStop"]
        assert kept.energy_wh == kept.meter_stop_wh - kept.meter_start_wh
        assert kept.stopped_at_us is not None
        assert text_of(kept.stopped_at_us) == request["timestamp"]
        assert kept.flags == ()
        assert transaction_id not in self.state.transactions
        return response

    # What the operator does, and what then arrives.

    def operator_sends(self, request: Request[Any]) -> Command:  # Any: of whatever response
        """The operator asks the central system to send this; `expects` sees it arrive."""
        command = Command(self, request)
        self._nursery.start_soon(command.run)
        return command

    async def expects(self, action: str, /, **payload: Any) -> None:  # Any: JSON
        """A CALL of exactly this payload is the next thing to come."""
        assert await self.receives(action) == payload

    async def receives(self, action: str) -> Json:
        """As `expects`, but the case itself looks at the payload."""
        frame = await self._next_frame()
        assert (frame[0], frame[2]) == (2, action), frame
        assert len(frame) == 4, frame
        check(action, frame[3])
        unique_id = frame[1]
        assert isinstance(unique_id, str)
        assert 0 < len(unique_id) <= 36
        assert unique_id not in self._ids_of_the_central_system
        self._ids_of_the_central_system.add(unique_id)
        self._asked = unique_id, action
        payload: Json = frame[3]
        return payload

    async def answers(self, **payload: Any) -> None:  # Any: JSON
        """Answer the CALL that came last with a CALLRESULT."""
        assert self._asked is not None
        unique_id, action = self._asked
        check(f"{action}Response", payload)
        self._asked = None
        await self._point.send(3, unique_id, payload)

    async def refuses(self, code: str) -> None:
        """Answer the CALL that came last with a CALLERROR."""
        assert self._asked is not None
        unique_id, _ = self._asked
        self._asked = None
        await self._point.send(4, unique_id, code, "", {})

    async def is_commanded(
        self, request: Request[Any], sent: Json, answer: Json, reported: Message
    ) -> None:
        """A whole command: the operator's request, the CALL, its answer, what he is told."""
        command = self.operator_sends(request)
        await self.expects(type(request).__name__, **sent)
        await self.answers(**answer)
        await command.reports(reported)

    async def _next_frame(self) -> Frame:
        with trio.fail_after(ANSWER_WITHIN_S):
            frame = await self._frames.receive()
        assert frame is not None, "the central system closed the connection"
        return frame

    async def hears_nothing(self) -> None:
        """Time passes, and the central system leaves the station alone."""
        await trio.sleep(SILENCE_S)
        with pytest.raises(trio.WouldBlock):
            pytest.fail(f"unasked: {self._frames.receive_nowait()}")

    # Time, and what the central system knows.

    def now_us(self) -> int:
        """The virtual time, which is always at a whole second."""
        return self._clock()

    def now(self, plus_s: int = 0) -> str:
        """The time in so many seconds, as text."""
        return text_of(self.now_us() + plus_s * 1_000_000)

    async def waits(self, seconds: int) -> None:
        """Let virtual time pass."""
        await trio.sleep(seconds)

    @property
    def state(self) -> SessionState:
        state = self.central.charge_point(self.identity).state
        assert state is not None
        return state

    async def transaction(self, transaction_id: int) -> TransactionRecord:
        record = await self.central.store.read(
            lambda reader: transactions.get(reader, transaction_id)
        )
        assert record is not None
        return record

    async def has_no_transaction(self) -> None:
        """None runs, and none was ever kept."""
        assert self.state.transactions == {}
        assert await self.central.store.read(transactions.listed) == []


def text_of(us: int) -> str:
    """A time as it stands in messages."""
    return from_us(us).strftime("%Y-%m-%dT%H:%M:%SZ")


async def put_tag(central: CentralSystem, id_tag: str, **fields: Any) -> None:  # Any: columns
    """Make an idTag known to the central system."""
    record = IdTagRecord(id_tag=id_tag, created_at_us=0, **fields)
    await central.store.write(lambda db: id_tags.put(db, record))


@asynccontextmanager
async def connected(central: CentralSystem) -> AsyncIterator[Station]:
    """A station on the line; after the case it listens for what nobody asked for."""
    await central.store.write(
        lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
    )
    await put_tag(central, TAG)
    async with trio.open_nursery() as nursery:
        station = Station(central, nursery, "CP1")
        await station.connects()
        yield station
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, MockClock)
        clock.autojump_threshold = 0  # nothing is under way that could be overtaken
        await station.hears_nothing()
        assert station.state.connected
        await station.disconnects()
    assert await central.store.read(deviations.everyone) == []

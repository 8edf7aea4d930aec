"""A charge point that charges whether or not it is connected, and delivers all of it in order.

What it owes waits in a queue and leaves it when it is acknowledged (OCPP 1.6, 3.7.1); after a lost
connection it connects again by itself, boots, and goes on with the message that got no answer.
"""

# flake8: noqa: ASYNC910, ASYNC911  # checkpoints are a notion of Trio; this runs on asyncio

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import msgspec
from ledger import Ledger, Reading, Start, Stop
from link import Link, connect

Payload = dict[str, Any]  # Any: JSON of any shape

CONNECTOR_ID: Final = 1
QUEUE_SIZE: Final = 40  # messages; then the driver has to wait before charging goes on
ANSWER_TIMEOUT_S: Final = 30
RECONNECT_S: Final = (0.05, 0.5)  # between attempts
SAMPLES: Final = (2, 6)  # MeterValues of a session
# Wh between samples; whole numbers, and never 0, so that each reading of a meter is another
SAMPLE_WH: Final = (1, 500)


class ConnectionLost(Exception):
    pass


class _Transaction:
    """One session; its id is known once its start is answered."""

    def __init__(self) -> None:
        self.id = 0
        self.start: Start
        self.since_kill = 0


class _Owed:
    """A message of the queue; its text is made when it is sent, with the id known by then."""

    def __init__(
        self,
        action: str,
        payload: Callable[[], Payload],
        acknowledged: Callable[[Payload], None],
    ) -> None:
        self.action = action
        self.payload = payload
        self.acknowledged = acknowledged
        self.was_sent = False


class QueueingChargePoint:
    """See the module.

    Args:
        pace_s: mean time between what happens in a session.

    Attributes:
        sessions: completed, from start to stop, since `killed` was called last.
    """

    def __init__(
        self, charge_point_id: str, url: str, ledger: Ledger, random: Random, pace_s: float
    ) -> None:
        self.charge_point_id = charge_point_id
        self.sessions = 0
        self._url = url
        self._ledger = ledger
        self._random = random
        self._pace_s = pace_s
        self._queue: deque[_Owed] = deque()
        self._changed = asyncio.Event()
        self._finishing = False
        self._charged = False  # no further message will be owed
        self._kills = 0
        self._meter_wh = random.randrange(1_000_000)
        self._link: Link | None = None
        self._unique_id = 0
        self._reply: asyncio.Future[list[Any]] | None = None  # Any: JSON of any shape
        self._last_start: _Owed | None = None

    async def run(self) -> None:
        """Charge and deliver until `finish` was called and the queue is empty."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._charge())
            group.create_task(self._deliver())

    def finish(self) -> None:
        """End the session that runs, deliver what is owed, then stop."""
        self._finishing = True

    def killed(self) -> None:
        """The central system has just been killed: sessions count from now."""
        self.sessions = 0
        self._kills += 1

    # Charging.

    async def _charge(self) -> None:
        while not self._finishing:
            await self._charge_once()
        self._charged = True
        self._changed.set()

    async def _charge_once(self) -> None:
        transaction = _Transaction()
        id_tag = f"TAG-{self.charge_point_id}"
        start = Start(
            self.charge_point_id, CONNECTOR_ID, id_tag, _whole_second_us(), self._meter_wh
        )
        transaction.start = start
        self._ledger.sent_starts.add(start)

        def started(reply: Payload) -> None:
            if not transaction.id:
                transaction.since_kill = self._kills
            transaction.id = reply["transactionId"]
            self._ledger.started(start, transaction.id)
            status = reply["idTagInfo"]["status"]
            if status != "Accepted":
                self._ledger.flaw("start not accepted", f"{start}: {status}")

        await self._owe(
            "StartTransaction",
            lambda: {
                "connectorId": CONNECTOR_ID,
                "idTag": id_tag,
                "meterStart": start.meter_start_wh,
                "timestamp": _text(start.started_at_us),
            },
            started,
        )
        for _ in range(self._random.randint(*SAMPLES)):
            await self._pause()
            await self._sample(transaction)
        await self._pause()
        stop = Stop(_whole_second_us(), self._meter_wh)

        def stopped(_: Payload) -> None:
            self._ledger.stops[transaction.id] = stop
            if transaction.since_kill == self._kills:
                self.sessions += 1

        await self._owe(
            "StopTransaction",
            lambda: {
                "transactionId": transaction.id,
                "idTag": id_tag,
                "meterStop": stop.meter_stop_wh,
                "timestamp": _text(stop.stopped_at_us),
            },
            stopped,
        )
        await self._pause()

    async def _sample(self, transaction: _Transaction) -> None:
        self._meter_wh += self._random.randint(*SAMPLE_WH)
        meter_wh, measured_at_us = self._meter_wh, _whole_second_us()

        def payload() -> Payload:
            values = [
                {"value": str(meter_wh), "measurand": "Energy.Active.Import.Register"},
                {"value": "7360", "measurand": "Power.Active.Import", "unit": "W"},
            ]
            return {
                "connectorId": CONNECTOR_ID,
                "transactionId": transaction.id,
                "meterValue": [{"timestamp": _text(measured_at_us), "sampledValue": values}],
            }

        def recorded(_: Payload) -> None:
            reading = Reading(self.charge_point_id, transaction.id, measured_at_us, meter_wh)
            self._ledger.readings.add(reading)

        await self._owe("MeterValues", payload, recorded)

    async def _owe(
        self, action: str, payload: Callable[[], Payload], acknowledged: Callable[[Payload], None]
    ) -> None:
        while len(self._queue) >= QUEUE_SIZE:
            await self._pause()
        self._queue.append(_Owed(action, payload, acknowledged))
        self._changed.set()

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.expovariate(1 / self._pace_s))

    # Delivering.

    async def _deliver(self) -> None:
        while True:
            try:
                await self._open()
                while await self._something_owed():
                    owed = self._queue[0]
                    self._ledger.resent += owed.was_sent
                    owed.was_sent = True
                    await self._send(owed)
                    self._queue.popleft()
                    if owed.action == "StartTransaction":
                        self._last_start = owed
            except ConnectionLost:
                self._link = None
                await asyncio.sleep(self._random.uniform(*RECONNECT_S))
            else:
                assert self._link is not None
                self._link.close()
                return

    async def _something_owed(self) -> bool:
        """True as soon as there is a message to send; False when the last one has been."""
        while not self._queue:
            # Idle is the time to notice that nobody is there any more.
            if self._link is None:
                raise ConnectionLost
            if self._charged:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def _open(self) -> None:
        try:
            self._link = await connect(self._url, self._on_text, self._on_end)
        except (OSError, TimeoutError) as error:
            raise ConnectionLost from error
        self._unique_id = 0
        boot = {"chargePointVendor": "CrashVendor", "chargePointModel": "CrashModel"}
        reply = await self._call("BootNotification", boot)
        if reply.get("status") != "Accepted":
            self._ledger.flaw("boot not accepted", f"{self.charge_point_id}: {reply}")
        if self._last_start is not None:
            # As one does that lost the answer in its own power cut: it must get the same id.
            self._ledger.asked_again += 1
            await self._send(self._last_start)

    async def _send(self, owed: _Owed) -> None:
        owed.acknowledged(await self._call(owed.action, owed.payload()))

    async def _call(self, action: str, payload: Payload) -> Payload:
        """The payload of the CALLRESULT; tries again for as long as a CALLERROR comes."""
        while True:
            if self._link is None:
                raise ConnectionLost
            self._unique_id += 1
            unique_id = str(self._unique_id)
            self._reply = asyncio.get_running_loop().create_future()
            self._link.send(msgspec.json.encode([2, unique_id, action, payload]).decode())
            try:
                frame = await asyncio.wait_for(self._reply, ANSWER_TIMEOUT_S)
            except TimeoutError:
                self._ledger.flaw("no answer", f"{self.charge_point_id} {action}")
                if self._link is not None:
                    self._link.cut()
                raise ConnectionLost from None
            if frame[0] == 3 and frame[1] == unique_id:
                reply: Payload = frame[2]
                return reply
            self._ledger.flaw("not a CALLRESULT", f"{self.charge_point_id} {action}: {frame}")
            await self._pause()

    # Called by the link.

    def _on_text(self, text: bytes) -> None:
        frame = msgspec.json.decode(text)
        if frame[0] == 2:  # none is expected, but an answer is owed all the same
            assert self._link is not None
            refusal = [4, frame[1], "NotImplemented", "", {}]
            self._link.send(msgspec.json.encode(refusal).decode())
        elif self._reply is not None and not self._reply.done():
            self._reply.set_result(frame)
        else:
            self._ledger.flaw("an answer to nothing", text[:200])

    def _on_end(self, _reason: str) -> None:
        self._link = None
        self._changed.set()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ConnectionLost())


def _whole_second_us() -> int:
    """Now, as a charge point tells time."""
    return int(datetime.now(UTC).timestamp()) * 1_000_000


def _text(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

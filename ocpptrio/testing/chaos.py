"""A charge point that keeps to the specification and is a trial all the same.

It loses connections before answers arrive, sends messages again with the same id or a new one,
comes back without a boot, delivers transactions long after they are over, and sends statuses that
are out of date. All of that is legal (OCPP 1.6, 3.7; OCPP-J errata 3.1), and real ones do it.

Not here: what it does when (machine), how answers are read (wire), messages that break the
specification (strategies), and behaviour like that of a real device (simulator).
"""

import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from ocpptrio.connection import Transport
from ocpptrio.protocol.core import (
    BootNotification,
    ChargePointErrorCode,
    ChargePointStatus,
    Heartbeat,
    MeterValue,
    MeterValues,
    RegistrationStatus,
    SampledValue,
    StartTransaction,
    StatusNotification,
    StopTransaction,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus, Message, Request
from ocpptrio.testing.wire import Answer, Broken, StrictWire, refuse_all

ResponseT = TypeVar("ResponseT", bound=Message)

# Each moment of each charge point is a second of its own, over all runs of a process: so no two
# transactions look alike to a central system that has seen earlier runs.
_seconds: Final = itertools.count()
_since: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(days=7)


class Delivery(StrEnum):
    """How the oldest message that is due goes out."""

    PLAIN = "plain"
    TWICE = "sent twice at once"
    REPEATED = "sent again after its answer"
    CUT = "connection cut before its answer"  # it stays due


class Transaction(msgspec.Struct, kw_only=True, eq=False):
    """What the charge point knows of a transaction; `None`: not acknowledged yet."""

    connector_id: int
    id_tag: str
    started_at: datetime
    meter_start_wh: int
    meter_wh: int  # now, or at its end
    transaction_id: int | None = None
    authorization: AuthorizationStatus | None = None
    ended: bool = False
    stop_acknowledged: bool = False


class _Due(msgspec.Struct, eq=False):
    """A message that must arrive, in its turn; made when it is sent, as ids may come until then."""

    transaction: Transaction
    make: Callable[[], Request[Message]]
    request: Request[Message] | None = None
    unique_id: str = ""


class ChaosChargePoint:
    """See the module. Each method raises `Broken` unless the central system

    - answers each CALL with a CALLRESULT that can be read, in time, and sends no other answers;
    - accepts the boot, and serves the charge point after a reconnect without another boot;
    - gives each StartTransaction an id above 0 of its own, and a repeated one the same id again;
    - acknowledges stops and meter values whenever they come;
    - sends nothing but CALLs of the specification besides, and keeps the connection open.

    Args:
        connect: opens a connection for an identity.
        answer: makes the response to a CALL; None refuses it (NotSupported), as the default does.
        answer_within_s: the patience of the charge point.
    """

    def __init__(
        self,
        identity: str,
        connect: Callable[[str], Awaitable[Transport]],
        *,
        answer: Answer = refuse_all,
        answer_within_s: float = 10,
    ) -> None:
        self.identity = identity
        self.transactions: list[Transaction] = []
        self.due: deque[_Due] = deque()
        self._connect = connect
        self._answer = answer
        self._answer_within_s = answer_within_s
        self._wire: StrictWire | None = None
        self._left_open: list[StrictWire] = []
        self._booted = False
        self._register_wh = 0

    # The connection.

    @property
    def connected(self) -> bool:
        return self._wire is not None

    async def connect(self) -> StrictWire:
        """Connect unless connected; only the first time does a boot follow (OCPP-J, 5.4)."""
        if self._wire is None:
            transport = await self._connect(self.identity)
            self._wire = StrictWire(transport, self._answer, self._answer_within_s)
            if not self._booted:
                await self.boot()
        return self._wire

    async def cut(self) -> None:
        """Lose the connection, without a word if the transport can."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.cut()

    def vanish(self) -> None:
        """Lose the connection so that the other side cannot see it: the socket stays open."""
        if self._wire is not None:
            self._left_open.append(self._wire)
            self._wire = None

    async def close(self) -> None:
        """End all connections; for the end of a test."""
        self.vanish()
        while self._left_open:
            await self._left_open.pop().cut()

    # What is said at once, or not at all.

    async def boot(self) -> None:
        """BootNotification; running transactions go on."""
        request = BootNotification(charge_point_vendor="ocpptrio", charge_point_model="Chaos")
        response = await self.call(request)
        if response.status is not RegistrationStatus.ACCEPTED:
            raise Broken(f"{self.identity} is not accepted but {response.status}")
        self._booted = True

    async def notify(self, connector_id: int, status: ChargePointStatus, age_s: int = 0) -> None:
        """StatusNotification of some time ago."""
        await self.call(
            StatusNotification(
                connector_id=connector_id,
                status=status,
                error_code=ChargePointErrorCode.NO_ERROR,
                timestamp=self._moment() - timedelta(seconds=age_s),
            )
        )

    async def call(self, request: Request[ResponseT]) -> ResponseT:
        """Any request, and its response; no faults here."""
        wire = await self.connect()
        unique_id = await wire.send(request)
        response: ResponseT = await wire.response_to(unique_id)
        return response

    # What must arrive, in its order (OCPP 1.6, 3.7).

    def start(self, connector_id: int, id_tag: str) -> Transaction:
        """A transaction begins, connected or not; what runs on the connector ends before."""
        for running in self.transactions:
            if running.connector_id == connector_id and not running.ended:
                self.stop(running)
        transaction = Transaction(
            connector_id=connector_id,
            id_tag=id_tag,
            started_at=self._moment(),
            meter_start_wh=self._register_wh,
            meter_wh=self._register_wh,
        )
        self.transactions.append(transaction)
        request = StartTransaction(
            connector_id=connector_id,
            id_tag=id_tag,
            meter_start=transaction.meter_start_wh,
            timestamp=transaction.started_at,
        )
        self.due.append(_Due(transaction, lambda: request))
        return transaction

    def sample(self, transaction: Transaction) -> None:
        """MeterValues of a transaction, at its end or after it too."""
        if not transaction.ended:
            self._register_wh += 250
            transaction.meter_wh = self._register_wh
        value = SampledValue(value=str(transaction.meter_wh))
        meter_value = MeterValue(timestamp=self._moment(), sampled_value=(value,))
        self._owe(
            transaction,
            lambda transaction_id: MeterValues(
                connector_id=transaction.connector_id,
                transaction_id=transaction_id,
                meter_value=(meter_value,),
            ),
        )

    def stop(self, transaction: Transaction) -> None:
        """A transaction ends."""
        self._register_wh += 100
        transaction.meter_wh, transaction.ended = self._register_wh, True
        moment = self._moment()
        self._owe(
            transaction,
            lambda transaction_id: StopTransaction(
                transaction_id=transaction_id,
                id_tag=transaction.id_tag,
                meter_stop=transaction.meter_wh,
                timestamp=moment,
            ),
        )

    def _owe(self, transaction: Transaction, make: Callable[[int], Request[Message]]) -> None:
        def made() -> Request[Message]:
            assert transaction.transaction_id is not None, "its start went before"
            return make(transaction.transaction_id)

        self.due.append(_Due(transaction, made))

    async def deliver(self, delivery: Delivery = Delivery.PLAIN, *, new_id: bool = False) -> None:
        """Send the oldest message that is due, if there is one; cut, it stays due.

        Args:
            new_id: what is sent again goes under a new id; both ways are in use (errata 3.1).
        """
        if not self.due:
            return
        wire = await self.connect()
        due = self.due[0]
        due.request = due.request or due.make()
        due.unique_id = await wire.send(due.request, "" if new_id else due.unique_id)
        if delivery is Delivery.CUT:
            await self.cut()
            return
        if delivery is Delivery.TWICE:
            await wire.send(due.request, due.unique_id)
        self._acknowledge(due, await wire.response_to(due.unique_id))
        if delivery is Delivery.REPEATED:
            unique_id = await wire.send(due.request, "" if new_id else due.unique_id)
            self._acknowledge(due, await wire.response_to(unique_id, again=not new_id))
        self.due.popleft()

    async def settle(self) -> None:
        """Deliver all that is due, and see whatever else the central system has sent by then."""
        while self.due:
            await self.deliver()
        await self.call(Heartbeat())

    def _acknowledge(self, due: _Due, response: Any) -> None:  # Any: a response
        transaction = due.transaction
        if isinstance(due.request, StopTransaction):
            transaction.stop_acknowledged = True
        if not isinstance(due.request, StartTransaction):
            return
        given = response.transaction_id
        before = transaction.transaction_id
        if before not in (None, given):
            raise Broken(f"a repeated start got id {given}, before it was {before}")
        if transaction.authorization not in (None, response.id_tag_info.status):
            raise Broken(f"a repeated start is {response.id_tag_info.status} all of a sudden")
        if given <= 0:
            raise Broken(f"id {given} for a transaction")
        others = (each.transaction_id for each in self.transactions if each is not transaction)
        if given in others:
            raise Broken(f"two transactions got id {given}")
        transaction.transaction_id = given
        transaction.authorization = response.id_tag_info.status

    @staticmethod
    def _moment() -> datetime:
        return _since + timedelta(seconds=next(_seconds))

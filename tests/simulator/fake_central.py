"""A central system that answers by script and remembers what it was sent. No sockets."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import trio

from ocpptrio.clock import trio_clock, whole_seconds
from ocpptrio.connection import Connection, Transport
from ocpptrio.errors import ErrorCode, NotConnected, RemoteProtocolError
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol import core, firmware, security
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import CallReceived, Conversation, Event
from ocpptrio.protocol.datatypes import (
    AuthorizationStatus,
    DeviationKind,
    IdTagInfo,
    Message,
    Request,
)
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.timing import Timing

START = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)  # a Thursday
ACCEPTED = IdTagInfo(status=AuthorizationStatus.ACCEPTED)

MessageT = TypeVar("MessageT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)
Script = Callable[[Any], Message | None]
"""Any: takes the request it is registered for; None means no answer in time."""


class FakeCentral:
    """Accepts everything, unless `script` says otherwise.

    Attributes:
        requests: every request of the charge point, with Trio's time.
        raw: every message of the charge point, as text.
        refuse_connections: connect attempts fail while this is set.
    """

    def __init__(self) -> None:
        self.clock = trio_clock(START)
        self.requests: list[tuple[float, Request[Message]]] = []
        self.raw: list[str] = []
        self.script: dict[type[Any], Script] = {}
        self.delays: dict[type[Any], float] = {}  # s until the answer
        self.interval = 300
        self.connects = 0
        self.refuse_connections = False
        self.next_transaction_id = 1
        self.connection: Connection | None = None
        self.line: Transport | None = None  # of the connection, for what no connection sends
        self._new = trio.Event()
        self._nursery: trio.Nursery | None = None

    # The charge point's view.

    async def connect(self) -> Transport:
        await trio.lowlevel.checkpoint()
        if self.refuse_connections or self._nursery is None:
            raise NotConnected("nobody there")
        ours, theirs = memory_transport_pair()
        self.connects += 1
        self.line = ours
        connection = Connection(ours, Conversation(Role.CENTRAL_SYSTEM), self.answer, observer=self)
        self.connection = connection
        await self._nursery.start(connection.run)
        return theirs

    # The test's view.

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def call(self, request: Request[ResponseT]) -> ResponseT:
        assert self.connection is not None
        return await self.connection.call(request)

    def hang_up(self) -> None:
        assert self.connection is not None
        self.connection.close(1001, "gone")

    def all(self, kind: type[MessageT]) -> list[MessageT]:
        return [request for _, request in self.requests if isinstance(request, kind)]

    def times(self, kind: type[Message]) -> list[float]:
        return [at for at, request in self.requests if isinstance(request, kind)]

    async def wait(self, kind: type[MessageT], count: int = 1) -> MessageT:
        """The `count`-th message of a kind, when it is there."""
        while len(self.all(kind)) < count:
            await self._new.wait()
        return self.all(kind)[count - 1]

    def statuses(self, connector_id: int) -> list[str]:
        return [
            each.status.value
            for each in self.all(core.StatusNotification)
            if each.connector_id == connector_id
        ]

    async def wait_status(self, connector_id: int, status: core.ChargePointStatus) -> None:
        while self.statuses(connector_id)[-1:] != [status.value]:
            await self._new.wait()

    # Answers.

    async def answer(self, event: CallReceived) -> Message:
        request = event.request
        self.requests.append((trio.current_time(), request))
        self._new.set()
        self._new = trio.Event()
        script = self.script.get(type(request))
        await trio.sleep(self.delays.get(type(request), 0))
        response = self.usual(request) if script is None else script(request)
        if response is None:
            await trio.sleep(31)  # the charge point has given up by now
            raise RemoteProtocolError(ErrorCode.INTERNAL_ERROR, "too late")
        return response

    def usual(self, request: Request[Message]) -> Message:
        match request:
            case core.BootNotification():
                return core.BootNotificationResponse(
                    status=core.RegistrationStatus.ACCEPTED,
                    current_time=self.now(),
                    interval=self.interval,
                )
            case core.Heartbeat():
                return core.HeartbeatResponse(current_time=self.now())
            case core.Authorize():
                return core.AuthorizeResponse(id_tag_info=ACCEPTED)
            case core.StartTransaction():
                return self.started()
            case core.StopTransaction():
                return core.StopTransactionResponse()
            case core.MeterValues():
                return core.MeterValuesResponse()
            case core.StatusNotification():
                return core.StatusNotificationResponse()
            case security.SecurityEventNotification():
                return security.SecurityEventNotificationResponse()
            case security.SignCertificate():
                return security.SignCertificateResponse(
                    status=security.GenericStatusEnumType.ACCEPTED
                )
            case security.SignedFirmwareStatusNotification():
                return security.SignedFirmwareStatusNotificationResponse()
            case security.LogStatusNotification():
                return security.LogStatusNotificationResponse()
            case firmware.FirmwareStatusNotification():
                return firmware.FirmwareStatusNotificationResponse()
            case firmware.DiagnosticsStatusNotification():
                return firmware.DiagnosticsStatusNotificationResponse()
        raise AssertionError(f"unexpected {request}")

    def now(self) -> datetime:
        return whole_seconds(self.clock())

    def started(
        self, status: AuthorizationStatus = AuthorizationStatus.ACCEPTED, **info: Any
    ) -> core.StartTransactionResponse:
        """A StartTransaction.conf with a fresh id. Any: further fields of idTagInfo."""
        transaction_id = self.next_transaction_id
        self.next_transaction_id += 1
        return core.StartTransactionResponse(
            transaction_id=transaction_id, id_tag_info=IdTagInfo(status=status, **info)
        )

    # Observer of the connection.

    def received(self, data: str | bytes, event: Event) -> None:
        assert isinstance(data, str)
        # What a script leaves without an answer still waits when the next CALL comes.
        noted = [one.kind for one in getattr(event, "deviations", ())]
        assert set(noted) <= {DeviationKind.CALLS_AT_ONCE}, event
        self.raw.append(data)

    def sent(self, text: str, action: str, unique_id: UniqueId, *, is_call: bool) -> None:
        pass


def simulated(**arguments: Any) -> SimulatedChargePoint:
    """A charge point whose clock begins at START. Any: keywords of SimulatedChargePoint."""
    usual: dict[str, Any] = {"timing": Timing(START), "random": seeded(7)}
    return SimulatedChargePoint("CP1", **usual | arguments)


async def start(
    nursery: trio.Nursery, **arguments: Any
) -> tuple[FakeCentral, SimulatedChargePoint]:
    """Both sides, connected and booted. Any: keywords of SimulatedChargePoint."""
    central = FakeCentral()
    await nursery.start(central.run)
    charge_point = simulated(**arguments)
    nursery.start_soon(charge_point.run, central.connect)
    await central.wait(core.StatusNotification, len(charge_point.station.connectors) + 1)
    await trio.sleep(1)
    return central, charge_point

"""A charge point without a socket that answers CALLs as it is told, and keeps what it was sent."""

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import trio_clock
from ocpptrio.config import (
    CommandSettings,
    OcppSettings,
    ProvisioningSettings,
    Settings,
    StoreSettings,
)
from ocpptrio.connection import Transport
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.store import charge_points
from tests.clients import BOOT

# Any: JSON of any shape. None: no answer. A str: the errorCode of a CALLERROR.
Answer = dict[str, Any] | str | None
ACCEPTED: Answer = {"status": "Accepted"}


class Device:
    """What a test says of one charge point.

    Attributes:
        answers: Action -> answer, or what makes one of the payload; Accepted if it is not there.
        sent: the CALLs that came: Action and payload, in order, over all connections.
        ids: their unique ids.
    """

    def __init__(self, identity: str = "CP1") -> None:
        self.identity = identity
        self.answers: dict[str, Answer | Callable[[dict[str, Any]], Answer]] = {}
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.ids: list[str] = []
        self.unanswered: list[str] = []
        self._numbers = itertools.count(1)
        self._transport: Transport | None = None
        self._waiting: dict[str, trio.Event] = {}
        self._results: dict[str, Any] = {}

    @property
    def actions(self) -> list[str]:
        return [action for action, _ in self.sent]

    @asynccontextmanager
    async def connected(self, central: CentralSystem, *, boot: bool = True) -> AsyncIterator[None]:
        """A connection for the duration of a block."""
        theirs, ours = memory_transport_pair()
        self._transport = ours
        async with trio.open_nursery() as nursery:
            nursery.start_soon(central.serve, self.identity, theirs)  # noqa: ASYNC113 - it ends later
            nursery.start_soon(self._read, ours)
            if boot:
                await self.call("BootNotification", BOOT)
            yield
            await ours.aclose()
            self._transport = None

    async def call(self, action: str, payload: dict[str, Any] | None = None) -> Any:  # Any: JSON
        assert self._transport is not None
        unique_id = f"{self.identity}-{next(self._numbers)}"
        done = self._waiting[unique_id] = trio.Event()
        await self._transport.send_message(json.dumps([2, unique_id, action, payload or {}]))
        await done.wait()
        return self._results.pop(unique_id)

    async def answer(self, unique_id: str, payload: dict[str, Any]) -> None:
        """Answer a CALL that was left unanswered."""
        assert self._transport is not None
        await self._transport.send_message(json.dumps([3, unique_id, payload]))

    async def _read(self, transport: Transport) -> None:
        try:
            while True:
                frame = json.loads(await transport.get_message())
                if frame[0] == 2:
                    await self._obey(transport, frame)
                else:
                    self._results[frame[1]] = frame[2]
                    self._waiting.pop(frame[1]).set()
        except ConnectionClosed:
            pass

    async def _obey(self, transport: Transport, frame: list[Any]) -> None:
        _, unique_id, action, payload = frame
        self.sent.append((action, payload))
        self.ids.append(unique_id)
        answer = self.answers.get(action, ACCEPTED)
        if callable(answer):
            answer = answer(payload)
        match answer:
            case None:
                self.unanswered.append(unique_id)
            case str():
                await transport.send_message(json.dumps([4, unique_id, answer, "", {}]))
            case _:
                await transport.send_message(json.dumps([3, unique_id, answer]))


def central_system(path: object = ":memory:", **commands: Any) -> CentralSystem:
    """One without a socket, in virtual time; with a database that is kept if a path is given."""
    now = datetime(2026, 1, 15, 8, tzinfo=UTC) + timedelta(seconds=trio.current_time())
    settings = Settings(
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=str(path)),
        commands=CommandSettings(**commands),
        provisioning=ProvisioningSettings(enabled=False),  # it would trigger a boot
    )
    return CentralSystem(settings, clock=trio_clock(now), inline_store=True)


async def register(central: CentralSystem, *identities: str, **fields: Any) -> None:  # Any: columns
    for identity in identities or ("CP1",):
        await central.store.write(
            lambda db, identity=identity: charge_points.add(  # type: ignore[misc] # bound now
                db, charge_point_id=identity, origin="added", at_us=0, **fields
            )
        )

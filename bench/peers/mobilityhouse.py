"""A central system as the documentation of mobilityhouse's `ocpp` shows it, on `websockets`.

    python bench/peers/mobilityhouse.py PORT [--uvloop]     ws://127.0.0.1:PORT/ocpp/{id}

The usual choice in Python, and the one to compare with. Its validation is on, as by default; its
logging is off, and it stores nothing: both in its favour.
"""

# flake8: noqa: ASYNC910, ASYNC911  # checkpoints are a notion of Trio; this runs on asyncio

import asyncio
import itertools
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import websockets
from ocpp import routing
from ocpp.v16 import ChargePoint as Base
from ocpp.v16 import call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus

ACCEPTED = IdTagInfo(status=AuthorizationStatus.accepted)
BACKLOG = 4096  # as ours, so that a storm is not decided by connections refused

HandlerT = TypeVar("HandlerT", bound=Callable[..., object])

transaction_ids = itertools.count(1)


def on(action: Action) -> Callable[[HandlerT], HandlerT]:
    """`ocpp.routing.on`, with a type."""
    decorate: Callable[[HandlerT], HandlerT] = routing.on(action)
    return decorate


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ChargePoint(Base):  # type: ignore[misc]  # ocpp has no types
    # Any: the fields of each message, which the library has validated.

    @on(Action.boot_notification)
    def boot(self, **_: Any) -> call_result.BootNotification:
        return call_result.BootNotification(
            current_time=now(), interval=300, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat)
    def heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=now())

    @on(Action.status_notification)
    def status(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on(Action.authorize)
    def authorize(self, **_: Any) -> call_result.Authorize:
        return call_result.Authorize(id_tag_info=ACCEPTED)

    @on(Action.start_transaction)
    def start_transaction(self, **_: Any) -> call_result.StartTransaction:
        return call_result.StartTransaction(
            transaction_id=next(transaction_ids), id_tag_info=ACCEPTED
        )

    @on(Action.meter_values)
    def meter_values(self, **_: Any) -> call_result.MeterValues:
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    def stop_transaction(self, **_: Any) -> call_result.StopTransaction:
        return call_result.StopTransaction(id_tag_info=ACCEPTED)


async def on_connect(websocket: websockets.ServerConnection) -> None:
    assert websocket.request is not None
    charge_point_id = websocket.request.path.rpartition("/")[2]
    try:
        await ChargePoint(charge_point_id, websocket).start()
    except websockets.ConnectionClosed:
        pass


async def main(port: int) -> None:
    protocols = [websockets.Subprotocol("ocpp1.6")]
    async with websockets.serve(
        on_connect, "127.0.0.1", port, subprotocols=protocols, backlog=BACKLOG
    ):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    factory = None
    if "--uvloop" in sys.argv:
        import uvloop  # type: ignore[import-not-found, unused-ignore]  # as in link.py

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(int(sys.argv[1])))

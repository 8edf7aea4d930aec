"""CentralSystem as an embedder uses it: own nursery or ours, own handlers, no socket at all."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed

from ocpptrio import (
    CentralSystem,
    Handler,
    Incoming,
    Settings,
    Transport,
    memory_transport_pair,
)
from ocpptrio.config import OcppSettings, StoreSettings
from ocpptrio.errors import CallTimedOut, NotConnected, StoreError
from ocpptrio.events import CommandChanged, Connected, Disconnected, OpenMode
from ocpptrio.protocol.core import (
    Authorize,
    AuthorizeResponse,
    ChangeConfiguration,
    ClearCache,
    DataTransfer,
    DataTransferResponse,
    DataTransferStatus,
    GetConfiguration,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.store import charge_points, commands, configuration, journal
from tests.clients import BOOT, charge_point, test_settings

NO_SOCKET = Settings(ocpp=OcppSettings(enabled=False), store=StoreSettings(path=":memory:"))


class Wire:
    """The charge point's end of an in-memory transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, *frame: object) -> None:
        await self._transport.send_message(json.dumps(frame))

    async def receive(self) -> Any:  # Any: JSON
        return json.loads(await self._transport.get_message())

    async def call(self, action: str, payload: object) -> Any:  # Any: JSON
        await self.send(2, action, action, payload)
        kind, _, response = await self.receive()
        assert kind == 3
        return response


def plug_in(central: CentralSystem, nursery: trio.Nursery, identity: str = "CP1") -> Wire:
    theirs, ours = memory_transport_pair()
    nursery.start_soon(central.serve, identity, theirs)
    return Wire(ours)


async def test_a_charge_point_needs_no_socket() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        assert central.addresses == []
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            assert (await wire.call("BootNotification", BOOT))["status"] == "Accepted"
            nursery.cancel_scope.cancel()


async def test_in_the_callers_nursery_start_returns_the_addresses(nursery: trio.Nursery) -> None:
    central = CentralSystem(test_settings(), inline_store=True)
    addresses = await nursery.start(central.run)
    ((host, port),) = addresses
    assert host == "127.0.0.1"
    assert port > 0
    async with charge_point(central) as point:
        await point.boot()
    central.stop()


async def test_two_central_systems_cannot_share_a_port() -> None:
    async with CentralSystem(test_settings(), inline_store=True) as first:
        _, port = first.addresses[0]
        settings = Settings(ocpp=OcppSettings(port=port), store=StoreSettings(path=":memory:"))
        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with CentralSystem(settings, inline_store=True):
                pass


async def test_a_handler_can_be_replaced() -> None:
    async def everybody(incoming: Incoming, request: Authorize) -> AuthorizeResponse:
        assert incoming.charge_point_id == "CP1"
        return AuthorizeResponse(
            id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED, parent_id_tag=request.id_tag)
        )

    central = CentralSystem(NO_SOCKET, inline_store=True)
    central.handlers[Authorize] = everybody
    async with central, trio.open_nursery() as nursery:
        wire = plug_in(central, nursery)
        response = await wire.call("Authorize", {"idTag": "X"})
        assert response == {"idTagInfo": {"status": "Accepted", "parentIdTag": "X"}}
        nursery.cancel_scope.cancel()


async def test_a_handler_can_be_wrapped_or_switched_off() -> None:
    seen: list[str] = []

    def noticing(handler: Handler) -> Handler:
        async def wrapped(incoming: Incoming, request: Any) -> Any:  # Any: one handler's types
            seen.append(type(request).__name__)
            return await handler(incoming, request)

        return wrapped

    central = CentralSystem(NO_SOCKET, inline_store=True)
    central.handlers = {kind: noticing(handler) for kind, handler in central.handlers.items()}
    del central.handlers[DataTransfer]
    async with central, trio.open_nursery() as nursery:
        wire = plug_in(central, nursery)
        await wire.call("Heartbeat", {})
        await wire.send(2, "1", "DataTransfer", {"vendorId": "x"})
        assert (await wire.receive())[2] == "NotSupported"
        nursery.cancel_scope.cancel()
    assert seen == ["Heartbeat"]


async def test_vendors_answer_their_own_data_transfers() -> None:
    async def echo(incoming: Incoming, request: DataTransfer) -> DataTransferResponse:
        return DataTransferResponse(status=DataTransferStatus.ACCEPTED, data=request.data)

    central = CentralSystem(NO_SOCKET, inline_store=True)
    central.data_transfer.register("com.example", echo, message_id="echo")
    async with central, trio.open_nursery() as nursery:
        wire = plug_in(central, nursery)
        for request, response in (
            (
                {"vendorId": "COM.example", "messageId": "echo", "data": "a"},
                {"status": "Accepted", "data": "a"},
            ),
            ({"vendorId": "com.example", "messageId": "x"}, {"status": "UnknownMessageId"}),
            ({"vendorId": "com.other"}, {"status": "UnknownVendorId"}),
        ):
            assert await wire.call("DataTransfer", request) == response
        nursery.cancel_scope.cancel()


async def test_events_tell_of_a_connection_from_beginning_to_end() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        with central.watch("CP1") as events:
            async with trio.open_nursery() as nursery:
                wire = plug_in(central, nursery)
                await wire.call("Heartbeat", {})
                nursery.cancel_scope.cancel()
            kinds = [(await events.next()).event for _ in range(3)]
    assert [event.kind for event in kinds] == ["Registered", "Connected", "Disconnected"]
    assert isinstance(kinds[1], Connected)
    assert isinstance(kinds[2], Disconnected)
    assert kinds[1].generation == kinds[2].generation == 1


async def test_a_charge_point_that_is_not_there_is_not_connected() -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        with pytest.raises(NotConnected, match="not registered"):
            await central.charge_point("CP1").call(ClearCache())
        assert central.charge_point("CP1").state is None
        await central.store.write(
            lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
        )
        with pytest.raises(NotConnected, match="CP1 is not connected"):
            await central.charge_point("CP1").call(ClearCache())


async def test_each_command_is_recorded_with_its_outcome(autojump_clock: MockClock) -> None:
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            await wire.call("BootNotification", BOOT)
            point = central.charge_point("CP1")

            nursery.start_soon(point.call, ClearCache())
            frame = await wire.receive()
            await wire.send(3, frame[1], {"status": "Accepted"})

            with pytest.raises(CallTimedOut):
                await point.call(ClearCache(), timeout_s=5)
            late = await wire.receive()
            await wire.send(3, late[1], {"status": "Rejected"})

            with trio.move_on_after(1):  # the asker walks away
                await point.call(ClearCache())
            left = await wire.receive()
            await wire.send(4, left[1], "InternalError", "no", {})
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        recorded = await central.store.read(lambda reader: commands.of(reader, "CP1"))
    recorded.sort(key=lambda command: command.command_id)
    assert [(command.state, command.late) for command in recorded] == [
        ("answered", False),
        ("answered", True),
        ("refused", False),
    ]
    assert [command.response or command.error for command in recorded] == [
        '{"status":"Accepted"}',
        '{"status":"Rejected"}',
        "InternalError: no",
    ]


async def test_command_events_follow_a_command() -> None:
    async with (
        CentralSystem(NO_SOCKET, inline_store=True) as central,
        trio.open_nursery() as nursery,
    ):
        wire = plug_in(central, nursery)
        await wire.call("BootNotification", BOOT)
        with central.watch("CP1") as events:
            nursery.start_soon(central.charge_point("CP1").call, ClearCache())
            frame = await wire.receive()
            await wire.send(3, frame[1], {"status": "Accepted"})
            told = [(await events.next()).event for _ in range(3)]
        nursery.cancel_scope.cancel()
    states = [event.state for event in told if isinstance(event, CommandChanged)]
    assert states == ["queued", "sent", "answered"]


async def test_secrets_reach_neither_journal_nor_commands() -> None:
    secret = "0001020304050607FFFFFFFFFFFFFFFF"
    async with CentralSystem(NO_SOCKET, inline_store=True) as central:
        async with trio.open_nursery() as nursery:
            wire = plug_in(central, nursery)
            await wire.call("BootNotification", BOOT)
            point = central.charge_point("CP1")
            nursery.start_soon(
                point.call, ChangeConfiguration(key="AuthorizationKey", value=secret)
            )
            frame = await wire.receive()
            assert frame[3]["value"] == secret  # on the wire it is what it is
            await wire.send(3, frame[1], {"status": "Accepted"})
            nursery.start_soon(point.call, GetConfiguration())
            frame = await wire.receive()
            keys = [
                {"key": "AuthorizationKey", "readonly": False, "value": secret},
                {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            ]
            await wire.send(3, frame[1], {"configurationKey": keys})
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        everything = [
            *await central.store.read(lambda reader: journal.entries(reader)),
            *await central.store.read(lambda reader: commands.of(reader, "CP1")),
            *await central.store.read(lambda reader: configuration.of(reader, "CP1")),
        ]
    assert "HeartbeatInterval" in str(everything)
    assert secret not in str(everything)


async def test_what_another_process_changes_is_noticed(tmp_path: Path) -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "central.db"))
    )
    async with (
        CentralSystem(settings) as central,
        CentralSystem(without_socket(settings)) as other,
        charge_point(central) as point,
    ):
        await point.boot()
        with central.watch("CP1") as events:
            await other.store.write(
                lambda db: charge_points.edit(db, "CP1", 0, mode=OpenMode.CLOSED)
            )
            with trio.fail_after(5):
                assert (await events.next()).event.kind == "Edited"
            info = (await point.call("Authorize", {"idTag": "ANY"}))["idTagInfo"]
            assert info == {"status": "Invalid"}


def without_socket(settings: Settings) -> Settings:
    return Settings(ocpp=OcppSettings(enabled=False), store=settings.store)


async def test_a_database_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    settings = Settings(store=StoreSettings(path=str(tmp_path / "no" / "folder.db")))
    with pytest.RaisesGroup(pytest.RaisesExc(StoreError, match="folder"), flatten_subgroups=True):
        async with CentralSystem(settings):
            pass


async def test_cancelled_it_still_records_that_connections_ended(tmp_path: Path) -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "central.db"))
    )
    central = CentralSystem(settings)
    scope = trio.CancelScope()

    async def run(*, task_status: trio.TaskStatus[Any]) -> None:  # noqa: ASYNC128 - run() does
        with scope:
            await central.run(task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        async with charge_point(central) as point:
            await point.boot()
            scope.cancel()
            with pytest.raises(ConnectionClosed):
                await point.receive()
    async with CentralSystem(without_socket(settings)) as again:
        record = await again.store.read(lambda reader: charge_points.get(reader, "CP1"))
        assert record is not None
        assert not record.connected
        assert record.last_seen_at_us is not None

"""The simulator over real sockets: handshake, credentials, cuts, and a fleet as a program."""

import base64
import signal
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import WebSocketRequest, serve_websocket

from ocpptrio.clock import system_clock
from ocpptrio.connection import Connection, Transport
from ocpptrio.errors import ErrorCode, NotConnected, RemoteProtocolError
from ocpptrio.protocol import core
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import Conversation
from ocpptrio.protocol.datatypes import Message
from ocpptrio.protocol.security import CertificateUseEnumType
from ocpptrio.simulator import operation, websocket
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.fleet import Fleet, FleetPlan
from ocpptrio.simulator.link import NotAdmitted
from ocpptrio.simulator.scenario import find, once
from ocpptrio.simulator.timing import Timing
from ocpptrio.simulator.websocket import open_transport
from tests.simulator.authority import Authority
from tests.simulator.fake_central import START, FakeCentral, simulated

CENTRAL = CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE


class Server:
    """A fake central system behind a listening socket.

    Attributes:
        requests: path, Authorization header and subprotocols of each handshake.
        closed: why each connection ended.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.central = FakeCentral()
        self.central.clock = system_clock
        self.requests: list[tuple[str, bytes | None, tuple[str, ...]]] = []
        self.closed: list[str] = []
        self.connections: list[Connection] = []
        self.subprotocol: str | None = "ocpp1.6"
        self.reject: int | None = None
        self.url = ""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(
                partial(serve_websocket, self._serve, "127.0.0.1", 0, ssl_context=self._context)
            )
            scheme = "ws" if self._context is None else "wss"
            self.url = f"{scheme}://127.0.0.1:{server.port}/ocpp/"
            task_status.started()

    async def _serve(self, request: WebSocketRequest) -> None:
        headers = dict(request.headers)
        self.requests.append(
            (request.path, headers.get(b"authorization"), tuple(request.proposed_subprotocols))
        )
        if self.reject is not None:
            await request.reject(self.reject, body=b"no")
            return
        websocket = await request.accept(subprotocol=self.subprotocol)
        connection = Connection(
            websocket, Conversation(Role.CENTRAL_SYSTEM), self.central.answer, observer=self.central
        )
        self.connections.append(connection)
        self.closed.append(await connection.run())


@pytest.fixture
async def server(nursery: trio.Nursery) -> Server:
    listening = Server()
    await nursery.start(listening.run)
    return listening


def charge_point(identity: str = "CP1", **arguments: Any) -> SimulatedChargePoint:
    """Any: keywords of SimulatedChargePoint."""
    return SimulatedChargePoint(identity, timing=Timing(START), random=seeded(1), **arguments)


async def test_the_identity_is_encoded_and_the_password_is_bytes(
    server: Server, nursery: trio.Nursery
) -> None:
    one = charge_point("RDAM 12/3", password=bytes(range(250, 256)) * 3)
    with trio.fail_after(5):
        transport = await open_transport(server.url, one, nursery)
    ((path, authorization, offered),) = server.requests
    assert path == "/ocpp/RDAM%2012%2F3"
    assert offered == ("ocpp1.6",)
    assert authorization is not None
    scheme, _, token = authorization.partition(b" ")
    assert scheme == b"Basic"
    assert base64.b64decode(token) == b"RDAM 12/3:" + bytes(range(250, 256)) * 3
    await transport.aclose()


async def test_without_password_there_is_no_authorization(
    server: Server, nursery: trio.Nursery
) -> None:
    transport = await open_transport(server.url, charge_point(), nursery)
    assert server.requests[0][1] is None
    await transport.aclose()


@pytest.mark.parametrize(
    ("status", "says"),
    [(404, "does not know this charge point"), (401, "wrong password"), (503, "HTTP 503")],
)
async def test_a_refused_handshake_says_why(
    server: Server, nursery: trio.Nursery, status: int, says: str
) -> None:
    server.reject = status
    with trio.fail_after(5), pytest.raises(NotConnected, match=says):
        await open_transport(server.url, charge_point(), nursery)


async def test_without_subprotocol_there_is_no_connection(
    server: Server, nursery: trio.Nursery
) -> None:
    server.subprotocol = None
    with trio.fail_after(5), pytest.raises(NotConnected, match=r"does not speak ocpp1\.6"):
        await open_transport(server.url, charge_point(), nursery)


async def test_nobody_there_is_said_in_one_line(nursery: trio.Nursery) -> None:
    with (
        trio.fail_after(5),
        pytest.raises(NotConnected, match=r"127\.0\.0\.1 port 1: Connect") as failed,
    ):
        await open_transport("ws://127.0.0.1:1/ocpp", charge_point(), nursery)
    assert "\n" not in str(failed.value)


async def test_a_handshake_that_is_never_answered_is_given_up(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpptrio.simulator.websocket.CONNECT_TIMEOUT_S", 0.05)

    async def silent(stream: trio.SocketStream) -> None:
        async with stream:
            while await stream.receive_some():
                pass

    listeners = await nursery.start(partial(trio.serve_tcp, silent, 0, host="127.0.0.1"))
    port = listeners[0].socket.getsockname()[1]
    with trio.fail_after(5), pytest.raises(NotConnected, match="no answer within"):
        await open_transport(f"ws://127.0.0.1:{port}/ocpp", charge_point(), nursery)


async def test_a_security_profile_with_tls_needs_a_secure_url(
    server: Server, nursery: trio.Nursery
) -> None:
    one = charge_point(configuration={"SecurityProfile": "2"})
    with pytest.raises(NotConnected, match="wss"):
        await open_transport(server.url, one, nursery)


def server_context(own: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    return context


async def test_over_tls_the_central_system_has_to_be_trusted(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    own, root = Authority().server_files(tmp_path)
    server = Server(server_context(own))
    await nursery.start(server.run)
    with trio.fail_after(5), pytest.raises(NotAdmitted, match="not trusted") as failed:
        await open_transport(server.url, charge_point(), nursery)
    assert failed.value.event == "CentralSystemFailedToAuthenticate"
    with trio.fail_after(5):
        transport = await open_transport(server.url, charge_point(), nursery, root)
    await transport.aclose()


async def test_with_profile_3_the_charge_point_shows_its_certificate(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    authority = Authority()
    own, root = authority.server_files(tmp_path)
    context = server_context(own)
    context.load_verify_locations(root)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Server(context)
    await nursery.start(server.run)
    one = charge_point(configuration={"SecurityProfile": "3"})
    now = datetime.now(UTC)
    assert one.certificates.install(CENTRAL, authority.root_pem, now, 8).value == "Accepted"
    chain = authority.signed_pem(one.certificates.signing_request("CP1", "Example AG"))
    assert one.certificates.signed(chain, now, 10_000).value == "Accepted"
    with trio.fail_after(5):
        transport = await open_transport(server.url, one, nursery)  # trusts what was installed
    await transport.aclose()


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110  # watches another task's doings
            await trio.sleep(0.005)


async def test_a_torn_connection_comes_back_without_a_goodbye(
    server: Server, nursery: trio.Nursery
) -> None:
    one = charge_point()
    nursery.start_soon(one.run, partial(open_transport, server.url, one, nursery))
    await until(lambda: server.central.statuses(2))
    await one.cut(0.05)
    await until(lambda: len(server.connections) == 2)
    assert server.closed[0].startswith("1006")
    await one.plug_in(1)
    await until(lambda: server.central.statuses(1)[-1:] == ["Preparing"])
    assert len(server.central.all(core.BootNotification)) == 1


async def test_a_missing_pong_ends_the_connection(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    await nursery.start(central.run)
    pings: list[float] = []

    async def ping() -> None:
        pings.append(trio.current_time())
        if len(pings) > 2:
            await trio.sleep_forever()

    async def connect() -> Transport:
        transport = await central.connect()
        transport.ping = ping  # type: ignore[attr-defined]
        return transport

    one = charge_point()
    nursery.start_soon(one.run, connect)
    await trio.sleep(179)
    assert one.link.connected
    await trio.sleep(70)
    assert pings[:3] == [60, 120, 180]
    assert one.statistics.connections == 2


async def test_the_end_of_a_run_is_a_closing_handshake(
    patient_clock: MockClock, server: Server
) -> None:
    plan = FleetPlan(identities=["A", "B"], url=server.url, ramp_s=0)
    fleet = Fleet(plan, lambda identity, line: None)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as running:
            running.start_soon(fleet.run, find("idle"))
            await until(lambda: fleet.statistics.connected == 2)
            await until(lambda: len(server.central.all(core.StatusNotification)) == 6)
            scope.cancel()
    await until(lambda: len(server.closed) == 2)
    assert {why[:4] for why in server.closed} == {"1000"}
    assert fleet.statistics.errors == 0


async def test_a_fleet_ends_with_its_scenario(server: Server) -> None:
    identities = [f"SIM{number}" for number in range(10)]
    plan = FleetPlan(identities=identities, url=server.url, ramp_s=0.05, time_scale=2000, seed=3)
    fleet = Fleet(plan, lambda identity, line: None)
    with trio.fail_after(10):
        await fleet.run(once)
    assert len(server.central.all(core.StartTransaction)) == 10
    assert len(server.central.all(core.StopTransaction)) == 10
    assert sorted(path for path, _, _ in server.requests) == sorted(
        f"/ocpp/{identity}" for identity in identities
    )
    assert fleet.statistics.errors == 0
    assert fleet.counts()[core.ChargePointStatus.AVAILABLE] == 20


async def test_a_run_ends_with_zero_if_every_message_was_answered(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = FleetPlan(identities=["CP1"], url=server.url, time_scale=1000)
    with trio.fail_after(10):
        assert await operation.operate(plan, "once", plain=True) == 0
    output = capsys.readouterr().out
    assert "CP1: registration: Accepted" in output
    assert "1 charge point, 1 connection (0 lost, 0 attempts failed)" in output
    assert "0 errors" in output


async def test_a_run_ends_with_one_if_a_message_was_answered_with_an_error(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_request: core.StatusNotification) -> Message:
        raise RemoteProtocolError(ErrorCode.INTERNAL_ERROR, "database is down")

    server.central.script[core.StatusNotification] = refuse
    plan = FleetPlan(identities=["CP1"], url=server.url)
    with trio.fail_after(10):
        assert await operation.operate(plan, "idle", duration_s=1, plain=True) == 1
    assert "3 x StatusNotification answered with InternalError" in capsys.readouterr().out


async def test_a_run_without_any_connection_ends_with_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = FleetPlan(identities=["CP1"], url="ws://127.0.0.1:1/ocpp")
    assert await operation.operate(plan, "idle", duration_s=0.1, plain=True) == 1
    output = capsys.readouterr().out
    assert output.count("no connection, will try again") == 1


async def test_an_unknown_scenario_is_an_error_of_the_user(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = FleetPlan(identities=["CP1"], url="ws://127.0.0.1:1/ocpp")
    assert await operation.operate(plan, "nonsense", plain=True) == 2
    assert "one of commute, idle, busy, once, remote, offline" in capsys.readouterr().err


async def test_ctrl_c_ends_transactions_and_connections_in_good_order(
    server: Server, nursery: trio.Nursery, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = FleetPlan(identities=["CP1"], url=server.url, time_scale=100)
    with trio.fail_after(10):
        async with trio.open_nursery() as running:
            running.start_soon(partial(operation.operate, plan, "busy", plain=True))
            await until(lambda: server.central.all(core.StartTransaction))
            signal.raise_signal(signal.SIGINT)
    await until(lambda: server.closed)
    assert server.closed[0].startswith("1000")
    starts, stops = (
        len(server.central.all(kind)) for kind in (core.StartTransaction, core.StopTransaction)
    )
    assert starts == stops > 0
    assert "0 errors" in capsys.readouterr().out


async def test_certificates_of_the_system_are_read_once_for_a_fleet() -> None:
    contexts = [websocket._ssl_context(simulated(), None) for _ in range(3)]
    assert all(each is contexts[0] for each in contexts)

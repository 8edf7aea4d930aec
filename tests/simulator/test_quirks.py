"""Each quirk really goes over the wire: one test per number, and the list that all are there."""

import base64
import json
import re
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from ocpptrio.connection import Transport
from ocpptrio.errors import (
    CallRefused,
    CallTimedOut,
    ConfigError,
    ErrorCode,
    NotConnected,
    RemoteProtocolError,
)
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol import core, firmware, remote_trigger, smart_charging
from ocpptrio.protocol.conversation import Event, Ignored
from ocpptrio.protocol.datatypes import (
    AuthorizationStatus,
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
)
from ocpptrio.simulator import quirks
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.fleet import Fleet, FleetPlan
from ocpptrio.simulator.quirks import QUIRKS, choose
from ocpptrio.simulator.timing import Timing
from ocpptrio.simulator.websocket import open_transport
from tests.simulator.fake_central import START, FakeCentral, simulated

HOUR_S = 3600
TAG = "04A1B2C3"


class Central(FakeCentral):
    """Takes anything.

    Attributes:
        frames: every message of the charge point, as it came.
        events: what each was taken for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[str | bytes] = []
        self.events: list[Event] = []

    def received(self, data: str | bytes, event: Event) -> None:
        self.frames.append(data)
        self.events.append(event)

    def calls(self, action: str) -> list[list[Any]]:
        """Every CALL of this Action that is JSON. Any: JSON."""
        found = []
        for data in self.frames:
            try:
                frame = json.loads(data)
            except ValueError:
                continue
            if frame[:1] == [2] and frame[2] == action:
                found.append(frame)
        return found

    def payloads(self, action: str) -> list[Any]:
        """Any: JSON."""
        return [frame[3] for frame in self.calls(action)]

    def texts(self, containing: str) -> list[str]:
        return [data for data in self.frames if isinstance(data, str) and containing in data]


async def begin(
    nursery: trio.Nursery, *names: str, **arguments: Any
) -> tuple[Central, SimulatedChargePoint]:
    """Both sides, connected and booted. Any: keywords of SimulatedChargePoint."""
    central = Central()
    await nursery.start(central.run)
    charge_point = simulated(quirks=choose(names, seeded(1)), **arguments)
    nursery.start_soon(charge_point.run, central.connect)
    await charge_point.link.registration.wait_open()
    await trio.sleep(1)
    return central, charge_point


async def charge(charge_point: SimulatedChargePoint, seconds: float = 150) -> None:
    """A whole visit at connector 1, and what is sent after it."""
    await charge_point.plug_in(1)
    assert await charge_point.present(TAG, 1)
    await trio.sleep(seconds)
    await charge_point.present(TAG, 1)
    await charge_point.unplug(1)
    await trio.sleep(1)


# Before there is a connection.


class Door:
    """A listening socket that answers everything with 404.

    Attributes:
        heads: what came through each connection.
    """

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.url = ""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(
                partial(trio.serve_tcp, self._answer, 0, host="127.0.0.1")
            )
            self.url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/ocpp"
            task_status.started()

    async def _answer(self, stream: trio.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (data := await stream.receive_some()):
            head += data
        self.heads.append(head)
        if head.startswith(b"GET "):
            await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


async def knock(nursery: trio.Nursery, *names: str, times: int = 2, **arguments: Any) -> list[str]:
    """The HTTP requests of a charge point's first attempts. Any: keywords of it."""
    door = Door()
    await nursery.start(door.run)
    charge_point = simulated(quirks=choose(names, seeded(1)), **arguments)
    for _ in range(times):
        with trio.fail_after(5), pytest.raises(NotConnected):
            await open_transport(door.url, charge_point, nursery)
    await trio.sleep(0.01)
    return [head.decode("latin-1") for head in door.heads]


def target(head: str) -> str:
    return head.split(" ")[1]


def lines(head: str, name: str) -> list[str]:
    """The values of a header."""
    return re.findall(rf"^{name}: (.*)\r$", head, re.MULTILINE | re.IGNORECASE)


async def test_q1_no_subprotocol_is_offered(nursery: trio.Nursery) -> None:
    first, _ = await knock(nursery, "q1")
    assert lines(first, "Upgrade")
    assert "sec-websocket-protocol" not in first.lower()


async def test_q2_odd_subprotocols_are_offered_in_two_lines(nursery: trio.Nursery) -> None:
    first, _ = await knock(nursery, "q2")
    assert sorted(lines(first, "Sec-WebSocket-Protocol")) == [",ocpp2.0.1", "ocpp2.0.1.1, OCPP1.6"]


async def test_q3_every_other_attempt_offers_another_version(nursery: trio.Nursery) -> None:
    heads = await knock(nursery, "q3", times=4)
    offered = [lines(head, "Sec-WebSocket-Protocol") for head in heads]
    assert offered == [["ocpp2.0.1"], ["ocpp1.6"], ["ocpp2.0.1"], ["ocpp1.6"]]


async def test_q4_broken_requests_come_first(nursery: trio.Nursery) -> None:
    heads = await knock(nursery, "q4")
    assert "" in heads
    assert any(head.startswith("\x16\x03\x01") for head in heads)
    assert any(head.startswith("HELLO") for head in heads)
    first, second = (head for head in heads if head.startswith("GET "))
    assert (lines(first, "Upgrade"), lines(first, "Connection")) == (["websocket"], [])
    assert lines(second, "Connection") == ["Upgrade"]


async def test_q5_reserved_bits_are_set_in_every_twentieth_frame(nursery: trio.Nursery) -> None:
    came: list[str | bytes] = []
    codes: list[object] = []

    async def serve(request: WebSocketRequest) -> None:
        websocket = await request.accept(subprotocol="ocpp1.6")
        try:
            while True:
                came.append(await websocket.get_message())
        except ConnectionClosed as closed:
            codes.append(closed.reason and closed.reason.code)

    server = await nursery.start(partial(serve_websocket, serve, "127.0.0.1", 0, None))
    one = simulated(quirks=choose(["q5"], seeded(1)))
    with trio.fail_after(5):
        transport = await open_transport(f"ws://127.0.0.1:{server.port}/", one, nursery)
        for number in range(1, 21):
            await transport.send_message(str(number))
        with pytest.raises(ConnectionClosed):
            await transport.get_message()
    assert came == [str(number) for number in range(1, 20)]
    assert codes == [1002]


async def test_q6_the_identity_is_encoded_and_the_path_untidy(nursery: trio.Nursery) -> None:
    first, _ = await knock(nursery, "q6")
    assert target(first) == "//ocpp/%43%50%31/?v=1.6"


async def test_q7_a_whole_url_stands_in_the_path(nursery: trio.Nursery) -> None:
    first, _ = await knock(nursery, "q7")
    assert target(first) == "/ocpp/ws://central.example:80/steve/websocket/4/CP1"


async def test_q8_every_other_attempt_has_no_identity(nursery: trio.Nursery) -> None:
    assert [target(head) for head in await knock(nursery, "q8")] == ["/ocpp/", "/ocpp/CP1"]


async def test_q9_credentials_are_odd(nursery: trio.Nursery) -> None:
    def presented(head: str) -> bytes:
        return base64.b64decode(lines(head, "Authorization")[0].removeprefix("Basic "))

    key = bytes(range(236, 256))
    first, second = await knock(nursery, "q9", password=key)
    digits = key.hex().upper().encode()
    assert [presented(first), presented(second)] == [b"admin:" + digits, b"CP1:" + digits]
    _, second = await knock(nursery, "q9")
    assert presented(second) == b"CP1:\x00\xff:\x80secret"


async def test_q10_every_other_attempt_is_under_another_name(nursery: trio.Nursery) -> None:
    heads = await knock(nursery, "q10")
    assert [target(head) for head in heads] == ["/ocpp/CP1-factory", "/ocpp/CP1"]


async def test_q11_a_proxy_loses_the_upgrade(nursery: trio.Nursery) -> None:
    first, second = await knock(nursery, "q11")
    assert (lines(first, "Upgrade"), lines(first, "Connection")) == ([], ["close"])
    assert (lines(second, "Upgrade"), lines(second, "Connection")) == (["websocket"], ["Upgrade"])
    assert lines(first, "X-Forwarded-For") == lines(second, "X-Forwarded-For") == ["203.0.113.7"]


async def test_q11_a_proxy_cuts_what_is_idle(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q11")
    await trio.sleep(58)
    assert central.connects == 1
    await trio.sleep(10)
    assert central.connects == 2


# A connection.


async def test_q12_a_new_connection_beside_the_old_one(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q12")
    old = central.connection
    assert old is not None
    await trio.sleep(20 * 60 + 10)
    assert central.connects == 2
    with pytest.raises(CallTimedOut):  # nobody is there, but it is open
        await old.call(core.ClearCache(), timeout_s=5)
    await trio.sleep(60)
    with pytest.raises(NotConnected):
        await old.call(core.ClearCache())


async def test_q13_a_ping_is_never_answered_and_none_is_sent(nursery: trio.Nursery) -> None:
    ponged: list[bool] = []

    async def serve(request: WebSocketRequest) -> None:
        websocket = await request.accept(subprotocol="ocpp1.6")
        with trio.move_on_after(0.1) as scope:
            await websocket.ping()
        ponged.append(not scope.cancelled_caught)

    server = await nursery.start(partial(serve_websocket, serve, "127.0.0.1", 0, None))
    for names in (["q13"], []):
        one = simulated(quirks=choose(names, seeded(1)))
        with trio.fail_after(5):
            transport = await open_transport(f"ws://127.0.0.1:{server.port}/", one, nursery)
            with pytest.raises(ConnectionClosed):
                await transport.get_message()
    assert ponged == [False, True]


async def test_q13_and_q14_send_no_pings(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    assert {name for name, quirk in QUIRKS.items() if not quirk.pings} == {"q13", "q14"}
    pings = []

    async def ping() -> None:
        pings.append(trio.current_time())

    for names in (["q13"], ["q14"], []):
        central = Central()
        await nursery.start(central.run)

        async def connect(central: Central = central) -> Transport:
            transport: Any = await central.connect()  # Any: what a real one has besides
            transport.ping = ping
            return transport  # type: ignore[no-any-return]

        pings.clear()
        nursery.start_soon(simulated(quirks=choose(names, seeded(1))).run, connect)
        await trio.sleep(150)
        assert len(pings) == (0 if names else 2)


async def test_q14_heartbeats_come_a_tenth_late(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q14")
    await trio.sleep(HOUR_S)
    one, two, *_ = central.times(core.Heartbeat)
    assert one == pytest.approx(330, abs=2)
    assert two - one == 330


async def test_q15_commands_are_ignored_after_five_minutes_till_the_next_connection(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    central, _ = await begin(nursery, "q15")
    await central.call(core.ClearCache())
    await trio.sleep(300)
    with pytest.raises(CallTimedOut):
        await central.call(core.ClearCache())
    heartbeats = len(central.all(core.Heartbeat))
    await trio.sleep(900)
    assert len(central.all(core.Heartbeat)) > heartbeats
    central.hang_up()
    await trio.sleep(10)
    await central.call(core.ClearCache())


async def test_q16_a_call_before_the_boot_is_answered_makes_it_boot_again(
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> None:
    central = Central()
    central.delays[core.BootNotification] = 1
    await nursery.start(central.run)
    one = simulated(quirks=choose(["q16"], seeded(1)))
    nursery.start_soon(one.run, central.connect)
    with trio.fail_after(HOUR_S):
        for number in (1, 2):
            await central.wait(core.BootNotification, number)
            with pytest.raises(CallTimedOut):
                await central.call(core.GetConfiguration())
        assert not one.link.registration.accepted
        await central.wait(core.BootNotification, 3)  # and now it is left alone
    await trio.sleep(5)
    assert one.link.registration.accepted
    await central.call(core.GetConfiguration())


async def test_q17_it_boots_only_once(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q17")
    await trio.sleep(2 * HOUR_S)
    assert central.connects == 4
    one.reboot(core.Reason.REBOOT)
    await trio.sleep(60)
    await charge(one)
    assert len(central.all(core.BootNotification)) == 1
    assert len(central.all(core.StopTransaction)) == 1


async def test_q17_it_boots_when_it_is_told_that_it_has_to(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q17")
    refusals = iter([True, False, False])
    plain = central.answer

    async def answer(event: Any) -> Any:  # Any: as in FakeCentral
        if event.action == "Authorize" and next(refusals):
            raise RemoteProtocolError(ErrorCode.SECURITY_ERROR, "boot first")
        return await plain(event)

    assert central.connection is not None
    central.connection._answer = answer
    assert not await one.present(TAG, 1)
    await trio.sleep(10)
    assert len(central.all(core.BootNotification)) == 2


async def test_q18_settings_reboot_it_and_are_lost(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q18", configuration={"ConnectionTimeOut": "33"})
    keys = ("ConnectionTimeOut", "CpoName", "MeterValuesSampledData")
    for key, value in zip(keys, ("77", "Somebody", "Voltage"), strict=True):
        changed = await central.call(core.ChangeConfiguration(key=key, value=value))
        assert changed.status is core.ConfigurationStatus.ACCEPTED
    with trio.fail_after(HOUR_S):
        await central.wait(core.BootNotification, 2)
    await trio.sleep(1)
    values = (await central.call(core.GetConfiguration(key=keys))).configuration_key
    assert values is not None
    assert [each.value for each in values[:2]] == ["33", ""]
    assert values[2].value != "Voltage"


@pytest.mark.parametrize("scale", [1.0, 60.0])
async def test_q19_it_redials_after_minutes(
    nursery: trio.Nursery, autojump_clock: MockClock, scale: float
) -> None:
    central, _ = await begin(nursery, "q19", timing=Timing(START, scale))
    central.hang_up()
    await trio.sleep(360 / scale)
    assert central.connects == 1
    await trio.sleep((1140 - 360) / scale + 7)
    assert central.connects == 2


async def test_q20_pending_it_waits_for_the_trigger(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = Central()
    statuses = iter([core.RegistrationStatus.PENDING])

    def boot(request: core.BootNotification) -> core.BootNotificationResponse:
        status = next(statuses, core.RegistrationStatus.ACCEPTED)
        return core.BootNotificationResponse(status=status, current_time=central.now(), interval=10)

    central.script[core.BootNotification] = boot
    await nursery.start(central.run)
    nursery.start_soon(simulated(quirks=choose(["q20"], seeded(1))).run, central.connect)
    await trio.sleep(HOUR_S)
    assert len(central.frames) == 1
    await central.call(core.GetConfiguration())
    await central.call(
        remote_trigger.TriggerMessage(
            requested_message=remote_trigger.MessageTrigger.BOOT_NOTIFICATION
        )
    )
    with trio.fail_after(HOUR_S):
        await central.wait(core.BootNotification, 2)
        await central.wait(core.StatusNotification)


# Frames.


async def test_q21_messages_come_twice_with_the_same_id(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q21")
    central.script[core.StartTransaction] = lambda request: None  # too late
    await one.plug_in(1)
    await one.present(TAG, 1)
    await trio.sleep(29)
    first, second = central.calls("StartTransaction")
    assert first == second
    del central.script[core.StartTransaction]
    await trio.sleep(120)
    assert [frame[1] for frame in central.calls("StartTransaction")] == [first[1]] * 4
    assert len(central.calls("Authorize")) == 1


async def test_q22_ids_begin_anew_with_each_connection(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q22")
    ids = [json.loads(data)[1] for data in central.frames]
    assert ids[:3] == ["1000001", "1000002", "1000003"]
    await one.cut(10)
    await trio.sleep(30)
    await charge(one)
    later = [json.loads(data)[1] for data in central.frames[len(ids) :]]
    assert later[:2] == ["1000001", "1000002"]
    assert len(central.all(core.StopTransaction)) == 1


async def test_q23_its_own_call_comes_before_the_answer(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q23")
    central.delays[core.Heartbeat] = 3
    before = trio.current_time()
    await central.call(core.ClearCache())
    assert trio.current_time() == pytest.approx(before + 3)
    *_, heartbeat, answer = (json.loads(data) for data in central.frames)
    assert (heartbeat[2], answer[0]) == ("Heartbeat", 3)


async def test_q24_answers_are_late_or_foreign(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q24")
    for _ in range(2):
        await central.call(core.ClearCache())
    with pytest.raises(CallTimedOut):
        await central.call(core.ClearCache())
    await trio.sleep(15)
    foreign = [event for event in central.events if isinstance(event, Ignored)]
    assert len(foreign) == 3
    assert getattr(central.events[-1], "late", False)


async def test_q25_callerrors_are_misshapen(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q25")
    for _ in range(4):
        with pytest.raises(CallRefused):
            await central.call(core.ClearCache())
    shapes = [json.loads(data) for data in central.frames][-4:]
    assert [len(shape) for shape in shapes] == [5, 3, 4, 5]
    assert shapes[0][1] == ""
    assert shapes[2][2] == "UnsupportedAction"
    assert shapes[3][4] is None


async def test_q26_ids_are_numbers(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q26")
    await charge(one)
    ids = [json.loads(data)[1] for data in central.frames]
    assert ids == list(range(1, len(ids) + 1))
    assert one.statistics.errors == 0


async def test_q27_every_fifth_meter_values_is_no_json(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q27", configuration={"MeterValueSampleInterval": "600"})
    await charge(one, 2 * HOUR_S - 60)
    broken = central.texts('"sampledValue":[,{')
    # The first and the sixth and so on, each three times before it is given up.
    assert len(broken) == 3 * 3
    assert len(central.calls("MeterValues")) == 11 - 3
    assert len(central.all(core.StopTransaction)) == 1


async def test_q28_control_bytes_are_in_texts(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q28")
    await charge(one)
    for action in ("Authorize", "StartTransaction", "StopTransaction"):
        assert central.texts(f'"{action}"')
        assert all(f'"{TAG}\x10\x0e"' in text for text in central.texts(f'"{action}"'))
    assert all(p["info"].endswith("\x00") for p in central.payloads("StatusNotification"))


async def test_q29_payloads_are_null_and_frames_empty_or_binary(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q29")
    await trio.sleep(HOUR_S)
    assert "" in central.frames
    assert set(central.payloads("Heartbeat")) == {None} or central.payloads("Heartbeat")[0] is None
    binary = [data for data in central.frames if isinstance(data, bytes)]
    assert len(binary) == 3
    assert all(b"StatusNotification" in data for data in binary)


async def test_q30_an_action_that_does_not_exist_follows_each_start(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q30")
    await charge(one)
    assert central.payloads("TransactionStarted") == [{"transactionId": 1}]
    assert len(central.all(core.StopTransaction)) == 1


# Values.


async def test_q31_texts_are_too_long_or_empty(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q31")
    await charge(one)
    (boot,) = central.payloads("BootNotification")
    assert boot["chargePointVendor"] == ""
    assert len(boot["chargePointSerialNumber"]) == 33
    (stop,) = central.payloads("StopTransaction")
    assert len(stop["idTag"]) == 21


async def test_q32_units_and_contexts_are_unknown(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q32")
    await charge(one)
    sampled = central.payloads("MeterValues")[0]["meterValue"][0]["sampledValue"]
    units = {(each["measurand"], each.get("unit")) for each in sampled}
    assert units >= {
        ("Power.Active.Import", "Wh"),
        ("Frequency", "Hz"),
        ("Frequency", "Hertz"),
        ("Temperature", "Celcius"),
        ("Request.Energy", None),
    }
    assert {each.get("context") for each in sampled} == {"Sample.Periodical", None}
    assert {e["phase"] for e in sampled if e["measurand"] == "Voltage"} == {"N"}


async def test_q33_types_are_wrong(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q33")
    await charge(one)
    (begun,) = central.payloads("StartTransaction")
    assert isinstance(begun["meterStart"], str)
    assert begun["connectorId"] == "1"
    assert isinstance(central.payloads("StopTransaction")[0]["meterStop"], float)
    value = central.payloads("MeterValues")[0]["meterValue"]
    assert isinstance(value, dict)
    kinds = {each["measurand"]: type(each["value"]) for each in value["sampledValue"]}
    assert kinds["Energy.Active.Import.Register"] is float
    assert "" in [each["value"] for each in value["sampledValue"]]


async def test_q34_times_are_odd(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q34")
    await charge(one)
    (begun,) = central.payloads("StartTransaction")
    assert begun["timestamp"] == "2026-01-15T10:00:01"  # two hours ahead, and no zone
    value = central.payloads("MeterValues")[0]["meterValue"][0]
    assert re.fullmatch(r"2026-01-15T10:01:01\.\d{9}", value["timestamp"])
    times = [each.get("timestamp") for each in central.payloads("StatusNotification")]
    assert times[:3] == [None, "", "1970-01-01T00:00:11Z"]
    assert re.fullmatch(r"2026-01-15T08:00:01\.\d{9}Z", times[3])


class Bare:
    """A central system in texts: the test is the one who speaks."""

    def __init__(self) -> None:
        self._end: Transport | None = None
        self._connected = trio.Event()

    async def connect(self) -> Transport:
        ours, self._end = memory_transport_pair()
        self._connected.set()
        await trio.lowlevel.checkpoint()
        return ours

    async def receive(self) -> list[Any]:  # Any: JSON
        await self._connected.wait()
        assert self._end is not None
        frame = json.loads(await self._end.get_message())
        assert isinstance(frame, list)
        return frame

    async def send(self, *frame: object) -> None:
        assert self._end is not None
        await self._end.send_message(json.dumps(frame))


@pytest.mark.parametrize(
    ("time", "heard"),
    [
        ("2026-01-15T08:00:00Z", True),
        ("2026-01-15T08:00:00.123Z", False),
        ("2026-01-15T08:00:00+00:00", False),
    ],
)
async def test_q35_it_hears_one_form_of_time_only(
    nursery: trio.Nursery, autojump_clock: MockClock, time: str, heard: bool
) -> None:
    central = Bare()
    one = simulated(quirks=choose(["q35"], seeded(1)))
    nursery.start_soon(one.run, central.connect)
    boot = await central.receive()
    await central.send(3, boot[1], {"status": "Accepted", "currentTime": time, "interval": 60})
    following = await central.receive()
    assert following[2] == ("SecurityEventNotification" if heard else "BootNotification") or (
        heard and following[2] == "StatusNotification"
    )


async def test_q36_it_is_slow_and_two_calls_are_lost(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = Bare()
    one = simulated(quirks=choose(["q36"], seeded(1)), security_events=False)
    nursery.start_soon(one.run, central.connect)

    async def answer_of(*wanted: str, within_s: float) -> set[str]:
        """Which of our CALLs are answered; its own ones are answered meanwhile."""
        answered: set[str] = set()
        with trio.move_on_after(within_s):
            while set(wanted) - answered:
                frame = await central.receive()
                if frame[0] == 3:
                    answered.add(frame[1])
                elif frame[2] == "BootNotification":
                    time = "2026-01-15T08:00:00Z"
                    payload = {"status": "Accepted", "currentTime": time, "interval": 3600}
                    await central.send(3, frame[1], payload)
                else:
                    await central.send(3, frame[1], {})
        return answered

    await answer_of("none", within_s=5)
    await central.send(2, "alone", "ClearCache", {})
    before = trio.current_time()
    assert await answer_of("alone", within_s=30) == {"alone"}
    assert 2 <= trio.current_time() - before <= 12
    await central.send(2, "one", "ClearCache", {})
    await trio.sleep(1)
    await central.send(2, "two", "ClearCache", {})
    assert await answer_of("one", "two", within_s=60) == set()
    await central.send(2, "three", "ClearCache", {})
    assert await answer_of("three", within_s=30) == {"three"}


# Transactions.


async def test_q37_each_start_is_told_twice(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q37")
    await charge(one, 300)
    first, second = central.calls("StartTransaction")
    assert first[1] != second[1]
    assert first[3] == second[3]
    assert central.payloads("StopTransaction")[0]["transactionId"] == 2


async def test_q37_a_refused_repetition_stops_it(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q37")
    verdicts = iter([AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX])
    central.script[core.StartTransaction] = lambda request: central.started(next(verdicts))
    await one.plug_in(1)
    await one.present(TAG, 1)
    await trio.sleep(300)
    assert central.payloads("StopTransaction")[0]["reason"] == "DeAuthorized"


async def test_q38_it_starts_unasked_with_an_unknown_tag(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q38")
    refused = core.StartTransactionResponse(
        transaction_id=0, id_tag_info=IdTagInfo(status=AuthorizationStatus.INVALID)
    )
    central.script[core.StartTransaction] = lambda request: refused
    await one.plug_in(1)
    await one.present(TAG, 1)
    await trio.sleep(HOUR_S)
    assert central.payloads("Authorize") == []
    assert central.payloads("StartTransaction")[0]["idTag"] == "PLUGANDCHARGE"
    (stop,) = central.payloads("StopTransaction")
    assert stop["transactionId"] == -1
    assert one.truth[0].energy_wh == 500


async def test_q39_stops_name_no_transaction(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q39")
    for _ in range(4):
        await charge(one)
    ids = [stop["transactionId"] for stop in central.payloads("StopTransaction")]
    assert ids == [-1, 0, 1_999_999_999, -1]
    assert [each.id.value for each in one.truth] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("ids", "taken"),
    [([0, 5], 5), ([2**31, 5], 5), ([2**63 - 1, 2**31 - 1], 2**31 - 1)],
)
async def test_q40_ids_out_of_range_are_not_taken(
    nursery: trio.Nursery, autojump_clock: MockClock, ids: list[int], taken: int
) -> None:
    central, one = await begin(nursery, "q40")
    _scripted_ids(central, ids)
    await charge(one, 300)
    assert len(central.calls("StartTransaction")) == 2
    assert [each.id.value for each in one.truth] == [taken]


async def test_q40_an_id_is_not_taken_twice(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q40")
    _scripted_ids(central, [5, 5, 6])
    await charge(one, 300)
    await charge(one, 300)
    assert len(central.calls("StartTransaction")) == 3
    assert [each.id.value for each in one.truth] == [5, 6]


def _scripted_ids(central: Central, ids: list[int]) -> None:
    """Answers to starts with these ids, in raw: ours would not send such."""
    given = iter(ids)
    plain = central.connection
    assert plain is not None
    conversation: Any = plain._conversation  # Any: to put something in its place
    answer = conversation.answer

    def scripted(unique_id: Any, response: Any) -> str:  # Any: as in Conversation
        text: str = answer(unique_id, response)
        if isinstance(response, core.StartTransactionResponse):
            frame = json.loads(text)
            frame[2]["transactionId"] = next(given)
            return json.dumps(frame)
        return text

    conversation.answer = scripted


async def test_q41_stops_have_no_id_tag(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q41")
    await charge(one)
    assert "idTag" not in central.payloads("StopTransaction")[0]


async def test_q42_values_come_after_the_stop(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q42")
    await charge(one)
    actions = [json.loads(data)[2] for data in central.frames]
    stop = actions.index("StopTransaction")
    assert "MeterValues" in actions[stop:]
    last = central.payloads("MeterValues")[-1]
    assert (last["transactionId"], last["connectorId"]) == (1, 1)
    assert last["meterValue"][0]["sampledValue"][0]["context"] == "Transaction.End"


async def test_q43_values_belong_nowhere(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q43")
    await charge(one, 200)
    places = [(v["connectorId"], v.get("transactionId")) for v in central.payloads("MeterValues")]
    assert places == [(1, None), (1, 1_999_999_999), (0, 1)]


async def test_q44_the_register_is_another_one(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q44")
    for _ in range(3):
        await charge(one, 100)
    assert one.quirks.lie_about_energy
    starts = [start["meterStart"] for start in central.payloads("StartTransaction")]
    stops = [stop["meterStop"] for stop in central.payloads("StopTransaction")]
    samples = [
        int(v["meterValue"][0]["sampledValue"][0]["value"]) for v in central.payloads("MeterValues")
    ]
    true = one.truth
    assert starts == [true[0].meter_start_wh, 0, true[2].meter_start_wh]
    assert stops == [true[0].meter_stop_wh, true[1].meter_stop_wh, true[2].energy_wh]
    assert 0 < samples[0] < 1000  # of the session
    assert samples[1] > true[1].meter_start_wh  # of a lifetime
    assert 0 < samples[2] < 1000


async def test_q45_it_restarts_in_mid_transaction_and_forgets(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q45")
    await one.plug_in(1)
    await one.present(TAG, 1)
    await trio.sleep(HOUR_S)
    assert len(central.all(core.BootNotification)) == 2
    assert central.all(core.StopTransaction) == []
    (lost,) = one.truth
    assert (lost.stop_lost, lost.stop_acknowledged, lost.settled) == (True, False, True)
    await one.unplug(1)
    await charge(one, HOUR_S)
    assert len(central.all(core.StopTransaction)) == 1


async def test_q46_days_later_all_comes_at_once_and_out_of_order(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q46")
    await charge(one)
    assert central.all(core.StartTransaction) == []
    before = len(central.frames)
    await trio.sleep(3 * 86_400)
    (begun,) = central.all(core.StartTransaction)
    assert central.times(core.StartTransaction)[0] > 86_400
    assert begun.timestamp < central.now()
    replayed = [json.loads(data) for data in central.frames[before:]]
    old = replayed[-1] if replayed[-1][2] == "StatusNotification" else None
    statuses = [frame for frame in replayed if frame[2] == "StatusNotification"]
    assert old is None or old is statuses[-1]
    times = [frame[3]["timestamp"] for frame in statuses]
    assert times != sorted(times)
    assert statuses[-1][3]["timestamp"].startswith("2026-01-15T08:00")
    assert one.truth[0].settled


async def test_q47_all_statuses_come_without_waiting(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = Central()
    central.delays[core.StatusNotification] = 5
    await nursery.start(central.run)
    one = simulated(quirks=choose(["q47"], seeded(1)), connectors=4, security_events=False)
    nursery.start_soon(one.run, central.connect)
    await central.wait(core.StatusNotification)
    await trio.sleep(1)
    # The first is not answered yet.
    assert len(central.calls("StatusNotification")) == 5


async def test_q48_connectors_are_not_what_they_should_be(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q48")
    numbers = [each["connectorId"] for each in central.payloads("StatusNotification")]
    assert sorted(numbers) == [1, 2, 3]
    status = remote_trigger.MessageTrigger.STATUS_NOTIFICATION
    of_one = remote_trigger.TriggerMessage(requested_message=status, connector_id=1)
    assert (await central.call(of_one)).status == "Rejected"
    of_all = remote_trigger.TriggerMessage(requested_message=status)
    assert (await central.call(of_all)).status == "Accepted"


async def test_q49_no_start_in_finishing(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q49")
    await one.plug_in(1)
    await one.present(TAG, 1)
    await trio.sleep(60)
    await central.call(core.RemoteStopTransaction(transaction_id=1))
    await central.wait_status(1, core.ChargePointStatus.FINISHING)
    start = core.RemoteStartTransaction(id_tag=TAG, connector_id=1)
    assert (await central.call(start)).status == "Rejected"
    await one.unplug(1)
    await one.plug_in(1)
    assert (await central.call(start)).status == "Accepted"


async def test_q50_id_tags_in_either_case_and_hexadecimal_only(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q50")
    await charge(one)
    assert central.payloads("Authorize")[0]["idTag"] == "04a1b2c3"
    assert central.payloads("StartTransaction")[0]["idTag"] == "04A1B2C3"
    for id_tag, status in (("remote", "Rejected"), ("0" * 17, "Rejected"), (TAG, "Accepted")):
        start = core.RemoteStartTransaction(id_tag=id_tag)
        assert (await central.call(start)).status == status


async def test_q51_every_other_stop_is_lost(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q51")
    for _ in range(4):
        await charge(one)
    assert len(central.all(core.StartTransaction)) == 4
    stopped = [stop["transactionId"] for stop in central.payloads("StopTransaction")]
    assert stopped == [2, 4]
    assert [each.stop_lost for each in one.truth] == [True, False, True, False]


# Operations.


def _profile(
    purpose: ChargingProfilePurposeType, unit: ChargingRateUnitType, limit: float
) -> ChargingProfile:
    return ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose=purpose,
        charging_profile_kind=ChargingProfileKindType.ABSOLUTE,
        charging_schedule=ChargingSchedule(
            charging_rate_unit=unit,
            charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=limit),),
        ),
    )


async def test_q52_charging_profiles_are_refused_or_ignored(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q52")
    purposes, units = ChargingProfilePurposeType, ChargingRateUnitType
    await one.plug_in(1)
    await one.present(TAG, 1)
    for connector_id, purpose, unit, status in (
        (0, purposes.CHARGE_POINT_MAX_PROFILE, units.W, "NotSupported"),
        (1, purposes.TX_DEFAULT_PROFILE, units.A, "Rejected"),
        (1, purposes.TX_PROFILE, units.W, "Rejected"),
        (1, purposes.TX_DEFAULT_PROFILE, units.W, "Accepted"),
    ):
        response = await central.call(
            smart_charging.SetChargingProfile(
                connector_id=connector_id, cs_charging_profiles=_profile(purpose, unit, 0)
            )
        )
        assert response.status == status
    await trio.sleep(60)
    assert one.status(1) is core.ChargePointStatus.CHARGING  # at 0 W it should not be


async def test_q53_availability_is_scheduled_and_never_for_all(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery, "q53")
    off = core.AvailabilityType.INOPERATIVE
    all_of_it = core.ChangeAvailability(connector_id=0, type=off)
    assert (await central.call(all_of_it)).status == "Rejected"
    just_one = core.ChangeAvailability(connector_id=1, type=off)
    assert (await central.call(just_one)).status == "Scheduled"
    assert one.status(1) is core.ChargePointStatus.AVAILABLE
    await trio.sleep(31)
    assert central.statuses(1)[-1] == "Unavailable"


async def test_q54_lists_are_empty_or_null(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q54")
    await central.call(core.GetConfiguration(key=("Nonsense",)))
    assert json.loads(central.frames[-1])[2] == {
        "configurationKey": [],
        "unknownKey": ["Nonsense"],
    }
    await central.call(core.GetConfiguration())
    assert json.loads(central.frames[-1])[2]["unknownKey"] is None
    assert central.line is not None
    await central.line.send_message('[2,"raw","GetConfiguration",{"key":[]}]')
    await trio.sleep(1)
    assert json.loads(central.frames[-1]) == [
        3,
        "raw",
        {"configurationKey": [], "unknownKey": None},
    ]


async def test_q55_supported_feature_profiles_are_wrong_or_missing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await begin(nursery, "q55")
    name = "SupportedFeatureProfiles"
    everything = await central.call(core.GetConfiguration())
    values = {each.key: each.value for each in everything.configuration_key or ()}
    assert values[name] == "Core, Firmware Management , SmartCharging,Core"
    by_name = await central.call(core.GetConfiguration(key=(name, "HeartbeatInterval")))
    assert [each.key for each in by_name.configuration_key or ()] == ["HeartbeatInterval"]
    assert by_name.unknown_key == (name,)


@pytest.mark.parametrize(
    ("location", "status"),
    [
        ("ftp://files.example/cp1.log", "Uploaded"),
        ("ftp://files.example/logs/", "UploadFailed"),
        ("https://files.example/cp1.log", "UploadFailed"),
    ],
)
async def test_q56_files_go_by_ftp_only(
    nursery: trio.Nursery, autojump_clock: MockClock, location: str, status: str
) -> None:
    central, _ = await begin(nursery, "q56")
    await central.call(firmware.GetDiagnostics(location=location))
    await trio.sleep(60)
    assert central.payloads("DiagnosticsStatusNotification")[-1] == {"status": status}


async def test_q57_texts_hold_markup(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "q57")
    await charge(one)
    assert central.payloads("StartTransaction")[0]["idTag"] == f"A&B{TAG}"
    assert "<b>" in central.payloads("StatusNotification")[0]["info"]


# All of them.


def test_each_of_the_57_has_a_test() -> None:
    tested = {match[1] for name in globals() if (match := re.match(r"test_(q\d+)_", name))}
    assert list(QUIRKS) == [f"q{number}" for number in range(1, 58)]
    assert tested == set(QUIRKS)
    for name, quirk in QUIRKS.items():
        assert f"q{quirk.number}" == name
        assert quirk.title
        assert quirk.seen
        assert quirk.__doc__ not in (None, quirks.Quirk.__doc__)


def test_quirks_are_chosen_by_name_all_or_at_random() -> None:
    assert choose(["Q37", "q2"], seeded(1)).names == ("q2", "q37")
    assert choose(["all"], seeded(1)).names == tuple(QUIRKS)
    assert choose(["random"], seeded(1)).names == choose(["random"], seeded(1)).names
    with pytest.raises(ConfigError, match="quirk q58: unknown; one of q1 to q57"):
        choose(["q58"], seeded(1))


async def test_a_fleet_misbehaves_by_its_seed(autojump_clock: MockClock) -> None:
    def mixes(seed: int, count: int = 50) -> dict[str, tuple[str, ...]]:
        names = [f"CP{number}" for number in range(count)]
        plan = FleetPlan(
            identities=names, url="ws://unused", quirks=["random"], seed=seed, start=START
        )
        return {one.identity: one.quirks.names for one in Fleet(plan, print).charge_points}

    mixed = mixes(7)
    assert {name for names in mixed.values() for name in names} == set(QUIRKS)
    assert len(set(mixed.values())) == 50
    assert mixes(7, 3) == {identity: mixed[identity] for identity in ("CP0", "CP1", "CP2")}
    assert mixes(8) != mixed


async def test_all_at_once_can_be_borne(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, one = await begin(nursery, "all")
    for _ in range(3):
        with trio.move_on_after(HOUR_S):
            await one.plug_in(1)
            await one.present(TAG, 1)
            await trio.sleep(900)
            await one.unplug(1)
    await trio.sleep(4 * 86_400)
    assert central.connects > 3
    assert one.truth


async def test_the_truth_is_what_the_meter_delivered(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, one = await begin(nursery)
    await one.plug_in(1)
    await one.present(TAG, 1)
    await trio.sleep(HOUR_S)
    (running,) = one.truth
    assert (running.energy_wh, running.start_acknowledged, running.settled) == (None, True, True)
    central.refuse_connections = True
    central.hang_up()
    await one.present(TAG, 1)
    (ended,) = one.truth
    assert (ended.stop_acknowledged, ended.settled) == (False, False)
    assert ended.energy_wh == 11_040
    central.refuse_connections = False
    await central.wait(core.StopTransaction)
    await trio.sleep(1)
    assert (ended.stop_acknowledged, ended.settled) == (True, True)

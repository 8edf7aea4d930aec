"""Events and states at a real MQTT broker: in order, complete after an outage, and nobody waits."""

import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ocpptrio import CentralSystem, Settings
from ocpptrio.api.metrics import exposition
from ocpptrio.config import (
    MqttSettings,
    OcppSettings,
    RetentionSettings,
    StoreSettings,
    WatchdogSettings,
)
from ocpptrio.errors import ConfigError
from ocpptrio.events import FirmwareStatusChanged
from ocpptrio.services import mqtt, mqtt_connection
from ocpptrio.services.mqtt import MqttPublisher
from ocpptrio.store import charge_points, retention
from ocpptrio.store import mqtt as store_mqtt
from ocpptrio.store.driver import Db
from tests.clients import charge_point
from tests.mqtt_broker import PATIENCE_S, Broker, Subscriber, broker, line, subscriber

DAY_US = 86_400_000_000
KIND = "FirmwareStatusChanged"
CHARGING = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(mqtt, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(mqtt, "GATHER_S", 0.001)


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as made:
        yield made


def settings(url: str, path: str = ":memory:", **mqtt: Any) -> Settings:  # Any: settings
    return Settings(
        watchdog=WatchdogSettings(enabled=False),
        ocpp=OcppSettings(port=0),
        store=StoreSettings(path=path),
        mqtt=MqttSettings(url=url, **mqtt),
    )


@asynccontextmanager
async def running(*arguments: Any, **mqtt: Any) -> AsyncIterator[CentralSystem]:  # Any: settings
    async with CentralSystem(settings(*arguments, **mqtt), inline_store=True) as central:
        yield central


def publisher(central: CentralSystem) -> MqttPublisher:
    assert central.services.mqtt is not None
    return central.services.mqtt


async def is_connected(central: CentralSystem, expected: bool = True) -> None:
    """Return when it is, or when a try has failed."""
    with trio.fail_after(PATIENCE_S):
        while True:
            now = publisher(central).view()
            if now.connected is expected and (expected or now.error):
                return
            await trio.sleep(0.005)  # nobody tells


async def is_done(central: CentralSystem) -> None:
    """Return when the broker has everything."""
    with trio.fail_after(PATIENCE_S):
        while publisher(central).view().delay_s:  # noqa: ASYNC110 - nobody tells
            await trio.sleep(0.005)


async def happen(central: CentralSystem, *statuses: str, identity: str = "CP1") -> None:
    def work(db: Db) -> None:
        for status in statuses:
            db.emit(
                FirmwareStatusChanged(
                    charge_point_id=identity, at_us=central.clock(), status=status
                )
            )

    await central.store.write(work)


async def add(central: CentralSystem, identity: str) -> None:
    work = partial(charge_points.add, charge_point_id=identity, origin="added", at_us=0)
    await central.store.write(lambda db: work(db))


async def remove(central: CentralSystem, identity: str) -> None:
    await central.store.write(
        partial(charge_points.remove, charge_point_id=identity, at_us=central.clock())
    )


def statuses(watching: Subscriber) -> list[str]:
    """Of the events, in the order in which they came; each once."""
    found = {}
    numbers = []
    for one in watching.got:
        if one.topic.endswith(f"/events/{KIND}"):
            event = json.loads(one.payload)
            numbers.append(event["number"])
            found[event["number"]] = event["status"]
    # What came twice came again in order.
    assert list(found) == sorted(found), numbers
    return list(found.values())


async def test_events_are_published_as_programs_see_them(theirs: Broker) -> None:
    async with subscriber(theirs.port) as watching, running(theirs.url) as central:
        await is_connected(central)
        await happen(central, "Downloading")
        topic = f"ocpptrio/CP1/events/{KIND}"
        await watching.until(lambda: topic in watching.last())
        event = json.loads(watching.last()[topic])
        assert event.pop("at").endswith("Z")
        number = event.pop("number")
        assert event == {
            "kind": KIND,
            "charge_point_id": "CP1",
            "status": "Downloading",
        }
        assert number == 1
        assert [one.retained for one in watching.got if one.topic == topic] == [False]


async def test_who_subscribes_later_is_told_what_is_now(theirs: Broker) -> None:
    async with (
        running(theirs.url) as central,
        charge_point(central) as point,
        subscriber(theirs.port) as watching,
    ):
        await point.boot()
        await point.call("StatusNotification", CHARGING)
        await watching.until(
            lambda: watching.last().get("ocpptrio/CP1/connectors/1/status") == b"Charging"
        )
        await is_done(central)  # else some events come live
        async with subscriber(theirs.port) as late:
            await late.until(lambda: len(late.got) >= 3)
            assert all(one.retained for one in late.got)
            assert late.last() == {
                "ocpptrio/online": b"true",
                "ocpptrio/CP1/connected": b"true",
                "ocpptrio/CP1/connectors/1/status": b"Charging",
            }
        await point.websocket.aclose()
        await watching.until(lambda: watching.last()["ocpptrio/CP1/connected"] == b"false")


async def test_the_broker_tells_that_we_are_gone(theirs: Broker) -> None:
    async with subscriber(theirs.port, "ocpptrio/online") as watching:
        async with running(theirs.url):
            await watching.until(lambda: watching.last().get("ocpptrio/online") == b"true")
        await watching.until(lambda: watching.last()["ocpptrio/online"] == b"false")


async def test_a_state_is_published_when_it_changes_and_not_again(theirs: Broker) -> None:
    async with subscriber(theirs.port) as watching, running(theirs.url) as central:
        async with charge_point(central) as point:
            await point.boot()
            for _ in range(3):
                await point.call("StatusNotification", CHARGING)
            topic = "ocpptrio/CP1/connectors/1/status"
            await watching.until(lambda: topic in watching.last())
            await happen(central, "Downloaded")
            await watching.until(lambda: statuses(watching))
        assert [one.payload for one in watching.got if one.topic == topic] == [b"Charging"]


async def test_a_broker_that_was_away_gets_everything_afterwards_in_order(theirs: Broker) -> None:
    expected = [str(number) for number in range(250)]
    async with (
        subscriber(theirs.port) as watching,
        line(theirs.port) as cable,
        running(cable.url) as central,
    ):
        await is_connected(central)
        cable.cut()
        await is_connected(central, expected=False)
        for number in expected:
            await happen(central, number)
        away = publisher(central).view()
        assert away.delay_s > 0
        cable.mend()
        await watching.until(lambda: len(statuses(watching)) == 250)
        assert statuses(watching) == expected
        await is_done(central)
        record = await central.store.read(store_mqtt.get)
        assert record is not None
        assert record.published_up_to == 250
        assert record.lost_events == 0


async def test_a_line_that_is_cut_again_and_again_loses_nothing(theirs: Broker) -> None:
    expected = [str(number) for number in range(1000)]
    async with (
        subscriber(theirs.port) as watching,
        line(theirs.port) as cable,
        running(cable.url) as central,
    ):
        for number in expected:
            await happen(central, number)
            if int(number) % 100 == 0:
                cable.cut()
                cable.mend()
                await is_connected(central)
        await watching.until(lambda: len(statuses(watching)) == 1000)
        assert statuses(watching) == expected


async def test_a_broker_that_forgot_everything_is_told_what_is_now(theirs: Broker) -> None:
    async with running(theirs.url) as central:
        await add(central, "CP1")
        await is_connected(central)
        theirs.stop()
        await is_connected(central, expected=False)
        theirs.start()
        async with subscriber(theirs.port) as watching:
            await watching.until(lambda: len(watching.last()) >= 2)
            assert watching.last()["ocpptrio/CP1/connected"] == b"false"
            assert watching.last()["ocpptrio/online"] == b"true"


async def test_after_a_restart_it_goes_on_where_it_was(theirs: Broker, tmp_path: Path) -> None:
    path = str(tmp_path / "test.db")
    async with subscriber(theirs.port) as watching:
        async with running("", path) as central:
            await happen(central, "before it was switched on")
        async with running(theirs.url, path) as central:
            await is_connected(central)
            await happen(central, "one")
            await watching.until(lambda: statuses(watching) == ["one"])
            theirs.hang()
            await happen(central, "two")
        theirs.go_on()
        async with running(theirs.url, path) as central:
            await happen(central, "three")
            await watching.until(lambda: "three" in statuses(watching))
        assert statuses(watching) == ["one", "two", "three"]


async def test_what_happens_while_it_is_switched_off_is_not_published(
    theirs: Broker, tmp_path: Path
) -> None:
    path = str(tmp_path / "test.db")
    async with running(theirs.url, path) as central:
        await is_connected(central)
    async with running("", path) as central:
        assert await central.store.read(store_mqtt.get) is None
        await happen(central, "unseen")
    async with subscriber(theirs.port) as watching, running(theirs.url, path) as central:
        await is_connected(central)
        await happen(central, "seen")
        await watching.until(lambda: statuses(watching))
        assert statuses(watching) == ["seen"]


async def test_a_broker_that_hangs_delays_nobody_and_gets_the_rest(
    theirs: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_connection, "ACKNOWLEDGE_S", 0.1)
    monkeypatch.setattr(mqtt_connection, "CONNECT_S", 0.5)
    async with subscriber(theirs.port) as watching, running(theirs.url) as central:
        await is_connected(central)
        theirs.hang()
        async with charge_point(central) as point:
            await point.boot()
            await happen(central, *("x" * 2000 for _ in range(500)))
            with trio.fail_after(5):
                await is_connected(central, expected=False)
                await point.call("Heartbeat")
        theirs.go_on()
        await happen(central, "last")
        await watching.until(lambda: "last" in statuses(watching))
        assert len(statuses(watching)) == 501


async def test_kinds_and_states_can_be_left_out(theirs: Broker) -> None:
    async with (
        subscriber(theirs.port) as watching,
        running(theirs.url, prefix="home/cars", kinds=(KIND,), retain_status=False) as central,
    ):
        await is_connected(central)
        await add(central, "CP1")
        await happen(central, "Downloading")
        await watching.until(lambda: statuses(watching))
        assert set(watching.last()) == {"home/cars/online", f"home/cars/CP1/events/{KIND}"}


async def test_what_is_retained_of_a_charge_point_goes_with_it(
    theirs: Broker, tmp_path: Path
) -> None:
    path = str(tmp_path / "test.db")
    async with running(theirs.url, path, kinds=(KIND,)) as central:
        async with charge_point(central) as point, subscriber(theirs.port) as watching:
            await point.boot()
            await point.call("StatusNotification", CHARGING)
            await watching.until(lambda: "ocpptrio/CP1/connectors/1/status" in watching.last())
            await add(central, "CP2")
            await watching.until(lambda: "ocpptrio/CP2/connected" in watching.last())
            await remove(central, "CP2")
            await watching.until(lambda: watching.last()["ocpptrio/CP2/connected"] == b"")
        await is_connected(central)
        theirs.hang()
        await remove(central, "CP1")
    theirs.go_on()
    # Also if nobody knows any more what there was.
    async with running(theirs.url, path, kinds=(KIND,)) as central:
        async with subscriber(theirs.port) as watching:
            await happen(central, "last")
            await watching.until(lambda: "last" in statuses(watching))
        async with subscriber(theirs.port) as late:
            await late.until(lambda: late.got)
            assert [one.topic for one in late.got] == ["ocpptrio/online"]


@pytest.mark.parametrize("identity", ["a/b+#", "Säule 1", "\x01\x7f\x85", "\ufffe\ufdd0", "$SYS"])
async def test_any_identity_makes_a_topic_that_a_broker_takes(
    theirs: Broker, identity: str
) -> None:
    async with subscriber(theirs.port) as watching, running(theirs.url) as central:
        await is_connected(central)
        await happen(central, "odd", identity=identity)
        await watching.until(lambda: statuses(watching))
        assert publisher(central).view().connected


async def test_events_that_are_deleted_before_they_are_published_are_counted(
    theirs: Broker,
) -> None:
    async with running(theirs.url, kinds=(KIND,)) as central:
        await is_connected(central)
        theirs.stop()
        await is_connected(central, expected=False)
        await happen(central, "one", "two")
        await add(central, "CP1")  # not to be published
        now_us = central.clock() + 91 * DAY_US
        await central.store.write(
            partial(retention.prune, settings=RetentionSettings(), now_us=now_us)
        )
        theirs.start()
        async with subscriber(theirs.port) as watching:
            await happen(central, "three")
            await watching.until(lambda: statuses(watching))
            assert statuses(watching) == ["three"]
        assert publisher(central).view().lost_events == 2
        _, text = await exposition(central)
        assert b"ocpptrio_mqtt_lost_events_total 2.0" in text
        assert b"ocpptrio_mqtt_connected 1.0" in text
        assert b"ocpptrio_mqtt_delay_seconds" in text


async def test_a_user_and_a_password_are_sent(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    options = ("allow_anonymous false", f"password_file {passwords}")
    Broker(tmp_path, *options)  # skips where there is no mosquitto
    await trio.run_process(["mosquitto_passwd", "-b", str(passwords), "anna", "secret"])
    with broker(tmp_path, *options) as theirs:
        async with running(theirs.url, user="anna", password="wrong") as central:
            await is_connected(central, expected=False)
            assert publisher(central).view().error == "refused: Not authorized"
        async with running(theirs.url, user="anna", password="secret") as central:
            await is_connected(central)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


# paho leaves the socket of a handshake that failed to Python.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_is_spoken_with_those_whom_this_machine_trusts(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ("allow_anonymous true", f"certfile {certificate}", f"keyfile {certificate}")
    with broker(tmp_path, *tls) as theirs:
        url = f"mqtts://localhost:{theirs.port}"
        async with running(url) as central:
            await is_connected(central, expected=False)
            assert "certificate verify failed" in (publisher(central).view().error or "")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with running(url) as central:
            await is_connected(central)
            await happen(central, *("x" * 2000 for _ in range(300)))
            await is_done(central)


# What is no broker.


@asynccontextmanager
async def pretender(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Somebody who says that, whatever comes; gives its URL.

    Args:
        context: speaks TLS.
    """

    async def serve(plain: trio.SocketStream) -> None:
        stream: trio.abc.Stream = plain
        if context is not None:
            stream = trio.SSLStream(plain, context, server_side=True)
        try:
            await stream.receive_some()
            await stream.send_all(answer)
            while await stream.receive_some():
                pass
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        scheme = "mqtt" if context is None else "mqtts"
        yield f"{scheme}://localhost:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


WELCOME = b"\x20\x02\x00\x00"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "no welcome within 0.3 s; is that an MQTT broker?"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no welcome within 0.3 s; is that an MQTT broker?"),
        (b"\x20\x02\x00\x05", "refused: Not authorized"),
        (b"\x20\x00", "A network protocol error"),
        (WELCOME + b"\x40\x00", "A network protocol error"),
        (WELCOME + b"\x32\x01\x00", "A network protocol error"),
        (WELCOME + b"\xff" * 9, "A network protocol error"),
        (WELCOME + b"\x30\x03\x00\x01\xff", "messages not acknowledged"),
        (WELCOME + b"\x40\x02\x12\x34", "messages not acknowledged"),
    ],
)
async def test_who_speaks_no_mqtt_is_left_and_tried_again(
    answer: bytes, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_connection, "CONNECT_S", 0.3)
    monkeypatch.setattr(mqtt_connection, "ACKNOWLEDGE_S", 0.3)
    async with pretender(answer) as url, running(url) as central:
        await is_connected(central, expected=False)
        assert error in (publisher(central).view().error or "")


async def test_what_tls_decrypts_together_is_read_together(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    malformed = b"\x40\x00"  # behind the welcome, and nothing comes after it
    async with pretender(WELCOME + malformed, context) as url, running(url) as central:
        await is_connected(central, expected=False)
        assert "A network protocol error" in (publisher(central).view().error or "")


async def test_a_connection_that_falls_silent_is_given_up(
    theirs: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_connection, "KEEPALIVE_S", 1)
    monkeypatch.setattr(mqtt_connection, "LOOK_EVERY_S", 0.05)
    async with running(theirs.url) as central:
        await is_connected(central)
        theirs.hang()
        await is_connected(central, expected=False)
        theirs.go_on()
        await is_connected(central)


# What is not there.


async def test_without_the_extra_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "ocpptrio.services.mqtt")
    monkeypatch.delitem(sys.modules, "ocpptrio.services.mqtt_connection")
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(ConfigError, match=r"pip install 'ocpptrio\[mqtt\]'"):
        CentralSystem(settings("mqtt://localhost"), inline_store=True)


def test_while_it_is_off_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys; from ocpptrio import CentralSystem; CentralSystem(); "
        "assert not [name for name in sys.modules if 'paho' in name]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_kind_of_events_that_there_is_not_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean StatusChanged"):
        CentralSystem(settings("mqtt://localhost", kinds=("StatusChange",)), inline_store=True)

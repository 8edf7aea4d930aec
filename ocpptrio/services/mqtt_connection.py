"""A connection to an MQTT broker, on Trio: paho speaks the protocol, Trio waits for its socket.

Only connecting takes a thread: looking up a name and shaking hands wait. Each connection is new and
remembers nothing of the one before; what was not acknowledged is for the caller to publish again.
Not here: what is published (mqtt).
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import msgspec
import trio
from paho.mqtt.client import Client, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ocpptrio.config import MqttSettings

CONNECT_S: Final = 10  # for each of: TCP, TLS, the broker's word
ACKNOWLEDGE_S: Final = 30  # for all that is published at once; a broker that hangs is left
KEEPALIVE_S: Final = 60  # of silence, after which we ping; as long for the answer
LOOK_EVERY_S: Final = 5  # whether it is time to
PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
QOS: Final = 1  # the broker acknowledges; a message may come twice


class BrokerGone(Exception):
    """There is no connection to the broker, or no longer; says why."""


class Message(msgspec.Struct, frozen=True):
    """What is published.

    Attributes:
        payload: of a retained one, nothing takes it back.
        retain: the broker keeps it for those who subscribe later.
    """

    topic: str
    payload: bytes
    retain: bool = False


class MqttConnection:
    """One connection. `await nursery.start(connection.run)` returns when it can publish.

    Args:
        will: what the broker publishes when the connection is lost.
    """

    def __init__(self, settings: MqttSettings, will: Message) -> None:
        self._settings = settings
        self._will = will
        self._client: Client | None = None
        self._welcome = trio.Event()
        self._to_write = trio.Event()
        self._unacknowledged: set[int] = set()
        self._acknowledged = trio.Event()
        self._lost: str | None = None  # why

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the connection. When that is cancelled, the broker publishes the will.

        Raises:
            BrokerGone: no connection came about, or it ended.
        """
        client = await self._connect()
        sock: Any = client.socket()  # Any: a socket, or one of TLS
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_socket_register_write = self._on_want_write
        # Whoever waits for a socket that is closed would wait for ever.
        client.on_socket_close = lambda _client, _data, closed: trio.lowlevel.notify_closing(closed)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, client, sock)
                nursery.start_soon(self._write, client, sock)
                nursery.start_soon(self._keep_alive, client)
                with trio.move_on_after(CONNECT_S):
                    await self._welcome.wait()
                if not self._welcome.is_set():
                    self._fail(f"no welcome within {CONNECT_S} s; is that an MQTT broker?")
                self._client = client
                task_status.started()
        except* BrokerGone:
            pass
        finally:
            self._client = None
            client.on_connect = client.on_publish = None
            client.on_socket_register_write = client.on_socket_close = None
            # Without a DISCONNECT, which would make the broker forget the will.
            sock.close()
        raise BrokerGone(self._lost)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when the broker has acknowledged all; one caller at a time.

        Raises:
            BrokerGone: it did not, in time; it may have some of them.
        """
        client = self._client
        if client is None:
            raise BrokerGone(self._lost or "not connected")
        self._acknowledged = trio.Event()
        for message in messages:
            info = client.publish(message.topic, message.payload, QOS, message.retain)
            self._unacknowledged.add(info.mid)
        if not self._unacknowledged:
            return
        with trio.move_on_after(ACKNOWLEDGE_S):
            await self._acknowledged.wait()
            return
        self._fail(f"{len(self._unacknowledged)} messages not acknowledged in {ACKNOWLEDGE_S} s")

    async def _connect(self) -> Client:
        try:
            # Abandoned when it is cancelled: nobody has the client then, so it closes what it has.
            return await trio.to_thread.run_sync(
                partial(_opened, self._settings, self._will), abandon_on_cancel=True
            )
        except (OSError, ValueError) as error:  # ValueError: of a host name that is none
            reason = f"cannot be reached: {error}"
        # Out there, for no error may live on that holds the socket of a failed handshake.
        raise BrokerGone(reason)

    async def _read(self, client: Client, sock: Any) -> None:
        while True:
            await self._wait(trio.lowlevel.wait_readable, sock)
            self._check(client.loop_read())
            # TLS decrypts more than one packet at a time, of which the socket does not tell.
            while isinstance(sock, ssl.SSLSocket) and sock.pending():
                self._check(client.loop_read())

    async def _write(self, client: Client, sock: Any) -> None:
        while True:
            self._to_write = trio.Event()
            if client.want_write():
                await self._wait(trio.lowlevel.wait_writable, sock)
                self._check(client.loop_write())
            else:
                await self._to_write.wait()

    async def _keep_alive(self, client: Client) -> None:
        while True:
            await trio.sleep(LOOK_EVERY_S)
            self._check(client.loop_misc())

    async def _wait(self, ready: Callable[[Any], Awaitable[None]], sock: Any) -> None:
        try:
            await ready(sock)
        except (trio.ClosedResourceError, OSError, ValueError):  # closed: the last two, if before
            self._fail("the connection was closed")

    def _check(self, result: int) -> None:
        if result:
            self._fail(error_string(result))

    def _fail(self, reason: str) -> NoReturn:
        self._lost = self._lost or reason
        raise BrokerGone(reason)

    # Called by paho, out of what we call of it.

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._lost = f"refused: {reason}"
        else:
            self._welcome.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _more: Any) -> None:
        self._unacknowledged.discard(mid)
        if not self._unacknowledged:
            self._acknowledged.set()

    def _on_want_write(self, _client: Any, _data: Any, _sock: Any) -> None:
        self._to_write.set()


def _opened(settings: MqttSettings, will: Message) -> Client:
    """A client whose CONNECT is sent. Waits, so this is for a thread."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        protocol=MQTTProtocolVersion.MQTTv311,
    )
    parts = urlsplit(settings.url)
    if parts.scheme == "mqtts":
        # What this machine trusts, so that an authority of one's own works.
        client.tls_set_context(ssl.create_default_context())
    if settings.user:
        client.username_pw_set(settings.user, settings.password or None)
    client.will_set(will.topic, will.payload, QOS, retain=will.retain)
    client.connect_timeout = CONNECT_S
    assert parts.hostname is not None  # the settings were checked
    client.connect(parts.hostname, parts.port or PORTS[parts.scheme], KEEPALIVE_S)
    return client

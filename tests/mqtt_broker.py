"""A real MQTT broker, mosquitto, as a process of its own; and somebody who subscribes there."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import trio
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S: Final = 20


class Published(NamedTuple):
    topic: str
    payload: bytes
    retained: bool  # from before the subscription


class Broker:
    """Listens on a port of its own, which it keeps when it is started again.

    Args:
        options: lines of its configuration, instead of access without a password.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        executable = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if executable is None:
            if os.environ.get("CI"):
                pytest.fail("mosquitto is needed here")
            pytest.skip("needs mosquitto on this machine")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        lines = [f"listener {self.port} 127.0.0.1", *(options or ("allow_anonymous true",))]
        if os.geteuid() == 0:
            lines.append("user root")  # else it may not read what a test makes
        configuration = directory / f"mosquitto-{self.port}.conf"
        configuration.write_text("\n".join(lines) + "\n")
        self._command = [executable, "-c", str(configuration)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self._process.stderr is not None
        said = b""
        while b"running" not in said:
            line = self._process.stderr.readline()
            assert line, said
            said += line

    def stop(self) -> None:
        """At once, and it remembers nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def broker(directory: Path, *options: str) -> Iterator[Broker]:
    started = Broker(directory, *options)
    started.start()
    try:
        yield started
    finally:
        started.stop()


class Subscriber:
    """Attributes:
    got: what came, in order.
    """

    def __init__(self) -> None:
        self.got: list[Published] = []
        self._news = trio.Event()

    def add(self, published: Published) -> None:
        self.got.append(published)
        self._news.set()
        self._news = trio.Event()

    async def until(self, is_enough: Callable[[], object]) -> None:
        """Return when that holds, which something that comes brings about."""
        with trio.fail_after(PATIENCE_S):
            while not is_enough():
                await self._news.wait()

    def last(self) -> dict[str, bytes]:
        """What came last under each topic."""
        return {published.topic: published.payload for published in self.got}


@asynccontextmanager
async def subscriber(port: int, topic: str = "#") -> AsyncIterator[Subscriber]:
    """Somebody who gets what is published there, from now on and what is retained."""
    subscribed = trio.Event()
    made = Subscriber()
    token = trio.lowlevel.current_trio_token()

    def connected(client: Client, *_: Any) -> None:  # Any: what paho tells
        client.subscribe(topic, qos=1)

    def came(_client: Client, _data: Any, message: Any) -> None:
        published = Published(message.topic, message.payload, message.retain)
        token.run_sync_soon(made.add, published)

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect = connected
    client.on_subscribe = lambda *_: token.run_sync_soon(subscribed.set)
    client.on_message = came
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        with trio.fail_after(PATIENCE_S):
            await subscribed.wait()
        yield made
    finally:
        client.disconnect()
        client.loop_stop()


class Line:
    """What lies between a broker and those who connect to `url`."""

    def __init__(self) -> None:
        self.url = ""
        self._is_cut = False
        self._under_way: set[trio.CancelScope] = set()

    def cut(self) -> None:
        """No connection holds, and none comes about."""
        self._is_cut = True
        for scope in self._under_way:
            scope.cancel()

    def mend(self) -> None:
        self._is_cut = False

    async def _serve(self, port: int, ours: trio.SocketStream) -> None:
        if self._is_cut:
            return
        with trio.CancelScope() as scope:
            self._under_way.add(scope)
            try:
                async with (
                    await trio.open_tcp_stream("127.0.0.1", port) as theirs,
                    ours,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(_copy, ours, theirs, nursery.cancel_scope)
                    nursery.start_soon(_copy, theirs, ours, nursery.cancel_scope)
            finally:
                self._under_way.discard(scope)


async def _copy(
    source: trio.SocketStream, target: trio.SocketStream, both: trio.CancelScope
) -> None:
    try:
        async for data in source:
            await target.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    both.cancel()


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    """A line to the broker at this port."""
    made = Line()
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(
            partial(trio.serve_tcp, partial(made._serve, port), 0, host="127.0.0.1")
        )
        made.url = f"mqtt://127.0.0.1:{listener.socket.getsockname()[1]}"
        yield made
        nursery.cancel_scope.cancel()

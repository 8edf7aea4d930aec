"""Central systems as child processes: started afresh, waited for, stopped.

Not here: what is asked of them (load, crash).
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
LOOK_EVERY_S = 0.02


class ServerError(Exception):
    """A server did not start, or ended when nobody asked it to."""


@dataclass(frozen=True)
class Server:
    """How to start one. `{port}` and `{folder}` are replaced in all texts.

    Attributes:
        url: where charge points connect; `{id}` is the identity.
        environment: added to our own.
    """

    name: str
    command: tuple[str, ...]
    url: str = "ws://127.0.0.1:{port}/ocpp/{id}"
    environment: tuple[tuple[str, str], ...] = ()


def _ours() -> Server:
    """The daemon as installed: only host, port and path are set, all else is as by default."""
    return Server(
        "ours",
        (str(Path(sys.executable).with_name("ocpptrio")), "serve"),
        environment=(
            ("OCPPTRIO_OCPP_HOST", "127.0.0.1"),
            ("OCPPTRIO_OCPP_PORT", "{port}"),
            ("OCPPTRIO_STORE_PATH", "{folder}/ocpptrio.db"),
        ),
    )


def _peer(name: str) -> Server:
    return Server(name, (sys.executable, str(HERE / "peers" / f"{name}.py"), "{port}"))


OURS = _ours()
ECHO = _peer("echo")
MOBILITYHOUSE = _peer("mobilityhouse")


def parse(text: str) -> Server:
    """A server from `NAME=URL=COMMAND`, with the same things replaced.

    Raises:
        ValueError: not of that form.
    """
    name, url, command = text.split("=", 2)
    return Server(name, tuple(shlex.split(command)), url)


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    url: str

    @property
    def pid(self) -> int:
        return self.process.pid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(server: Server, port: int, folder: Path) -> Running:
    """Start it in `folder`, where its output goes to NAME.log; return when it listens.

    Raises:
        ServerError: it ended, or does not listen in time.
    """

    def filled(text: str) -> str:
        return text.replace("{port}", str(port)).replace("{folder}", str(folder))

    log = folder / f"{server.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [filled(word) for word in server.command],
            cwd=folder,
            env=os.environ | {name: filled(value) for name, value in server.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that its children can be stopped with it
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise ServerError(f"{server.name} does not listen: {log.read_text()[-1000:]}")
        time.sleep(LOOK_EVERY_S)
    return Running(process, filled(server.url))


def stop(process: subprocess.Popen[bytes]) -> int:
    """End it and its children with SIGTERM, or SIGKILL if that is not enough; its status."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_TIMEOUT_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    return process.wait()


@contextmanager
def running(server: Server, folder: Path) -> Iterator[Running]:
    """A fresh server on a free port.

    Raises:
        ServerError: it does not start, or did not live to the end.
    """
    started = start(server, free_port(), folder)
    try:
        yield started
        if (status := started.process.poll()) is not None:
            log = (folder / f"{server.name}.log").read_text()
            raise ServerError(f"{server.name} ended with {status}: {log[-1000:]}")
    finally:
        stop(started.process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

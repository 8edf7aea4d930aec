"""The daemon as a process of its own, with commands beside it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.cli.conftest import Command

PATIENCE_S = 20  # for a loaded machine; nothing here takes a second

BOOT = [2, "1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]


class Process:
    """An `ocpptrio` command as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "ocpptrio", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self.out, self.err = self.popen.stdout, self.popen.stderr

    def wait_for(self, text: str, stream: IO[bytes] | None = None) -> str:
        """What it prints until `text` comes."""
        stream = stream or self.out
        printed = b""
        until = time.monotonic() + PATIENCE_S
        while text.encode() not in printed:
            ready, _, _ = select.select([stream], [], [], max(0, until - time.monotonic()))
            more = os.read(stream.fileno(), 65_536) if ready else b""
            assert more, f"{printed!r} without {text!r}; status {self.popen.poll()}"
            printed += more
        return printed.decode()

    def end(self, *signals: signal.Signals) -> int:
        """Its exit status after these signals."""
        for number in signals:
            self.popen.send_signal(number)
        return self.popen.wait(PATIENCE_S)

    def close(self) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.close()


class Daemon(Process):
    """`ocpptrio serve` on a free port of this machine."""

    def __init__(self, *options: str) -> None:
        super().__init__("serve", "--port", "0", "--api-port", "0", *options)
        self.banner = self.wait_for("Stop")
        self.url = self.banner.partition("Charge points")[2].split()[0]

    def connect(self, identity: str = "CP1") -> ClientConnection:
        return connect(self.url + identity, subprotocols=[Subprotocol("ocpp1.6")])


@pytest.fixture
def daemon(path: Path, processes: list[Process]) -> Daemon:
    processes.append(started := Daemon())
    return started


def call(websocket: ClientConnection, frame: list[object]) -> list[object]:
    websocket.send(json.dumps(frame))
    answer = json.loads(websocket.recv(PATIENCE_S))
    assert isinstance(answer, list)
    return answer


def test_a_daemon_serves_and_commands_work_beside_it(
    daemon: Daemon, ocpptrio: Command, processes: list[Process], tmp_path: Path
) -> None:
    processes.append(follower := Process("journal", "tail", "-f", "--json"))
    with daemon.connect() as websocket:
        assert call(websocket, BOOT)[2]["status"] == "Accepted"  # type: ignore[index]
        first = json.loads(follower.wait_for("\n").splitlines()[0])
        assert (first["action"], first["direction"]) == ("BootNotification", "in")
        (point,) = ocpptrio("charge-points", "list", "--json").json
        assert (point["connected"], point["model"], point["mode"]) == (True, "M", "everybody")

        # What a command changes, the daemon knows: of tags at once, of charge points in a second.
        tags = tmp_path / "tags.csv"
        tags.write_text("id_tag,blocked\nGOOD,no\nBAD,yes\n")
        assert ocpptrio("tags", "import", str(tags)).out == "2 tags added, 0 changed\n"
        assert authorize(websocket, "BAD") == "Blocked"
        assert authorize(websocket, "GOOD") == "Accepted"
        assert authorize(websocket, "OTHER") == "Accepted"  # open
        ocpptrio("charge-points", "adopt", "CP1")
        until = time.monotonic() + PATIENCE_S
        while authorize(websocket, "OTHER") != "Invalid":
            assert time.monotonic() < until

        ocpptrio("charge-points", "remove", "CP1")
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(PATIENCE_S)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1008
    assert follower.end(signal.SIGINT) == 130
    assert daemon.end(signal.SIGTERM) == 0


def authorize(websocket: ClientConnection, tag: str) -> str:
    # Under an id of its own: a CALL that is repeated gets the first answer again.
    answer = call(websocket, [2, str(uuid4()), "Authorize", {"idTag": tag}])
    return answer[2]["idTagInfo"]["status"]  # type: ignore[no-any-return,index]


def test_sigterm_sends_1001_to_everybody_and_ends_with_status_0(
    daemon: Daemon, ocpptrio: Command
) -> None:
    with daemon.connect("A") as one, daemon.connect("B") as other:
        call(one, BOOT)
        call(other, BOOT)
        daemon.popen.send_signal(signal.SIGTERM)
        for websocket in (one, other):
            with pytest.raises(ConnectionClosed) as caught:
                websocket.recv(PATIENCE_S)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1001
    assert daemon.end() == 0
    points = ocpptrio("charge-points", "list", "--json").json
    assert [point["connected"] for point in points] == [False, False]


HANDSHAKE = (
    b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)


def test_a_second_signal_ends_it_at_once(daemon: Daemon, ocpptrio: Command) -> None:
    address = daemon.url.removeprefix("ws://").partition("/")[0].split(":")
    with socket.create_connection((address[0], int(address[1])), PATIENCE_S) as stubborn:
        stubborn.sendall(HANDSHAKE)
        assert stubborn.recv(65_536).startswith(b"HTTP/1.1 101")
        text = json.dumps(BOOT).encode()
        stubborn.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        received = b""
        while b"Accepted" not in received:
            received += stubborn.recv(65_536)
        daemon.popen.send_signal(signal.SIGTERM)
        # It says 1001 and waits, up to 10 s: this client never answers.
        while b"\x03\xe9" not in received:
            received += stubborn.recv(65_536)
        assert daemon.end(signal.SIGINT) == -signal.SIGINT
    assert ocpptrio("charge-points", "list", "--json").json[0]["vendor"] == "V"


def test_options_beat_the_environment_and_json_is_for_programs(
    path: Path, tmp_path: Path, processes: list[Process]
) -> None:
    other = tmp_path / "other.db"
    options = ("--port", "0", "--api-port", "0", "--database", str(other), "--log-format", "json")
    processes.append(daemon := Process("serve", *options))
    line = json.loads(daemon.wait_for("\n", daemon.err).splitlines()[0])
    assert (line["event"], line["database"], line["registered"]) == ("started", str(other), 0)
    assert line["urls"][0].startswith("ws://127.0.0.1:")
    assert line["timestamp"].endswith("Z")
    assert daemon.end(signal.SIGINT) == 0
    assert daemon.out.read() == b""
    assert other.exists()
    assert not path.exists()


def test_what_keeps_it_from_starting_is_one_line(ocpptrio: Command, tmp_path: Path) -> None:
    assert ocpptrio("serve", "--port", "99999", status=1).err == (
        "ocpptrio: --port 99999: expected int <= 65535. Leave it out to use the default, 8080\n"
    )
    missing = tmp_path / "missing.toml"
    assert "no such file" in ocpptrio("serve", "--config", str(missing), status=1).err
    ocpptrio("serve", "--log-level", "loud", status=2)


def test_a_command_queued_beside_it_is_sent_and_its_answer_printed(
    daemon: Daemon, ocpptrio: Command, processes: list[Process]
) -> None:
    with daemon.connect() as websocket:
        assert call(websocket, BOOT)[2]["status"] == "Accepted"  # type: ignore[index]
        caller = Process("call", "CP1", "Reset", '{"type": "Soft"}', "--until-effect")
        processes.append(caller)
        frame = json.loads(websocket.recv(PATIENCE_S))
        assert frame[2:] == ["Reset", {"type": "Soft"}]
        websocket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
    with daemon.connect() as websocket:
        assert call(websocket, BOOT)[2]["status"] == "Accepted"  # type: ignore[index]
        assert caller.wait_for("booted\n") == '{"status":"Accepted"}\neffect seen: booted\n'
        assert caller.end() == 0

        ocpptrio("tasks", "start", "ClearCache", "{}", "CP1")
        frame = json.loads(websocket.recv(PATIENCE_S))
        assert frame[2] == "ClearCache"
        websocket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
        until = time.monotonic() + PATIENCE_S
        while ocpptrio("tasks", "list", "--json").json[0]["state"] != "done":
            assert time.monotonic() < until

"""An external authorizer behind HTTP: what is sent, and what each answer means."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

from ocpptrio.config import AuthorizationSettings
from ocpptrio.events import TransactionStarted
from tests.services.yard import opened


class Endpoint:
    """An HTTP server that answers each request alike, and keeps them."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.answer: object = {"status": "Accepted"}
        self.heads: list[str] = []
        self.bodies: list[Any] = []  # Any: JSON
        self.connections = 0
        self.url = ""

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        data = b""
        async with stream:
            while True:
                while b"\r\n\r\n" not in data:
                    received = await stream.receive_some()
                    if not received:
                        return
                    data += received
                head, _, data = data.partition(b"\r\n\r\n")
                text = head.decode()
                length = int(text.lower().split("content-length:")[1].split()[0])
                while len(data) < length:
                    data += await stream.receive_some()
                self.heads.append(text)
                self.bodies.append(json.loads(data[:length]))
                data = data[length:]
                body = b"" if self.answer is None else json.dumps(self.answer).encode()
                lines = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\n\r\n"
                await stream.send_all(lines.encode() + body)


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, made.serve, 0, host="127.0.0.1"))
        host, port = listener.socket.getsockname()
        made.url = f"http://{host}:{port}/authorize"
        yield made
        nursery.cancel_scope.cancel()


async def test_the_question_is_a_post_and_the_answer_counts() -> None:
    async with endpoint() as server, opened(url=server.url, token="s3cret") as yard:
        await yard.register("CP1")
        server.answer = {
            "status": "Accepted",
            "expiryDate": "2026-01-14T13:00:00Z",
            "parentIdTag": "THEIRS",
            "more": 1,
        }
        assert await yard.authorize("X") == {
            "status": "Accepted",
            "expiryDate": "2026-01-14T13:00:00Z",
            "parentIdTag": "THEIRS",
        }
        assert (await yard.start("X", connector=2))[0] == "Accepted"
        assert server.heads[0].startswith("POST /authorize HTTP/1.1\r\n")
        assert "Authorization: Bearer s3cret" in server.heads[0]
        assert "Content-Type: application/json" in server.heads[0]
        assert server.bodies == [
            {
                "chargePointId": "CP1",
                "idTag": "X",
                "kind": "authorize",
                "time": "2026-01-14T12:00:00Z",
                "local": {"status": "Invalid"},
                "reason": "unknown",
            },
            {
                "chargePointId": "CP1",
                "connectorId": 2,
                "idTag": "X",
                "kind": "start",
                "time": "2026-01-14T12:00:00Z",
                "local": {"status": "Invalid"},
                "reason": "unknown",
            },
        ]
        assert server.connections == 1  # kept open


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        ("204 No Content", None, None),
        ("500 Oops", {"status": "Accepted"}, "ValueError('answered 500')"),
        ("302 Found", None, "answered 302"),
        ("200 OK", {"status": "Perhaps"}, "answered no idTagInfo"),
        ("200 OK", None, "answered no idTagInfo"),
        ("200 OK", {"status": "Accepted", "expiryDate": "soon"}, "answered no idTagInfo"),
    ],
)
async def test_other_answers_leave_ours(status: str, answer: object, reason: str | None) -> None:
    async with endpoint() as server, opened(url=server.url) as yard:
        await yard.register("CP1")
        await yard.tag("A")
        server.status, server.answer = status, answer
        assert (await yard.start("A"))[0] == "Accepted"
        (started,) = await yard.events(TransactionStarted)
        if reason is None:
            assert started.reason is None
        else:
            assert reason in started.reason


async def test_where_nobody_listens_the_fallback_answers() -> None:
    async with endpoint() as server:
        url = server.url
    async with opened(url=url, fallback="reject") as yard:
        await yard.register("CP1")
        await yard.tag("A")
        assert (await yard.start("A"))[0] == "Blocked"
        (started,) = await yard.events(TransactionStarted)
        assert (
            "the external authorizer cannot be reached: all attempts to connect" in started.reason
        )


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("url", "example.com", "url: expected http:// or https://"),
        ("token", "a\nb", "token: expected visible"),
        ("time_zone", "Mars/Olympus", "time_zone: expected a name"),
        ("time_zone", "/etc/passwd", "time_zone: expected a name"),
    ],
)
def test_settings_that_cannot_be_are_told(key: str, value: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        AuthorizationSettings(**{key: value})  # type: ignore[arg-type] # any key

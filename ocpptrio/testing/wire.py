"""One connection to a central system under test: each answer is read without any tolerance.

Not here: what is said (chaos). Nothing is read but while an answer is waited for; between, what the
central system sends waits, as it would for a busy charge point.
"""

import json
import uuid
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
import trio
from trio_websocket import ConnectionClosed, connect_websocket_url

from ocpptrio.connection import Transport
from ocpptrio.protocol.actions import ACTIONS, RECEIVED_BY, Role, encode
from ocpptrio.protocol.datatypes import Message, Request

Answer: TypeAlias = Callable[[Request[Message]], Message | None]
"""Makes the response to a CALL of the central system; None refuses it (NotSupported)."""


class Broken(AssertionError):
    """The central system broke the specification, or a promise of it."""


def refuse_all(_request: Request[Message]) -> None:
    """An `Answer`: the charge point takes no orders, which is its right."""


class StrictWire:
    """See the module; each method raises `Broken` with what was wrong."""

    def __init__(self, transport: Transport, answer: Answer, answer_within_s: float) -> None:
        self._transport = transport
        self._answer = answer
        self._answer_within_s = answer_within_s
        self._actions: dict[str, str] = {}  # of the CALLs sent, by id
        self._answers: dict[str, list[Any]] = {}  # to them, by id; Any: frames

    async def send(self, request: Request[Message], unique_id: str = "") -> str:
        """Send a CALL under a new id, or under the one given; returns it."""
        unique_id = unique_id or str(uuid.uuid4())
        action = type(request).__name__
        self._actions[unique_id] = action
        self._answers.setdefault(unique_id, [])
        text = f'[2,"{unique_id}","{action}",{encode(request).decode()}]'
        with self._still_open():
            await self._transport.send_message(text)
        return unique_id

    async def response_to(self, unique_id: str, *, again: bool = False) -> Any:  # Any: a response
        """What a CALLRESULT says: the first one that comes, or one more than there were."""
        answers, action = self._answers[unique_id], self._actions[unique_id]
        wanted = len(answers) + 1 if again else 1
        with trio.move_on_after(self._answer_within_s):
            while len(answers) < wanted:
                await self._read()
        if len(answers) < wanted:
            raise Broken(f"no answer to {action} within {self._answer_within_s:g} s")
        match answers[-1]:
            case [3, _, dict() as payload]:
                return _read_strictly(ACTIONS[action].read_response, f"answer to {action}", payload)
        raise Broken(f"the answer to {action} is {answers[-1]}")

    async def cut(self) -> None:
        """End the connection, without a word if the transport can."""
        abort = getattr(self._transport, "abort", None)
        if abort is not None:
            abort()
        else:
            await self._transport.aclose()

    async def _read(self) -> None:
        """Take one frame: note an answer, answer a CALL."""
        with self._still_open():
            text = await self._transport.get_message()
        try:
            frame = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise Broken(f"not JSON: {text!r}") from error
        match frame:
            case [3, str() as unique_id, _] | [4, str() as unique_id, str(), str(), dict()]:
                if unique_id not in self._answers:
                    raise Broken(f"an answer to nothing: {frame}")
                answers = self._answers[unique_id]
                answers.append(frame)
                if [each[0] for each in answers[-2:]] == [3, 3] and answers[-2] != frame:
                    raise Broken(f"two answers to one CALL: {answers[-2]}, then {frame}")
            case [2, str() as unique_id, str() as action, payload]:
                text = self._answer_to(unique_id, action, payload)
                with self._still_open():
                    await self._transport.send_message(text)
            case _:
                raise Broken(f"no frame: {frame}")

    def _answer_to(self, unique_id: str, action: str, payload: Any) -> str:  # Any: JSON
        spec = RECEIVED_BY[Role.CHARGE_POINT].get(action)
        if spec is None:
            raise Broken(f"{action} is not for charge points")
        response = self._answer(_read_strictly(spec.read_request, action, payload))
        if response is None:
            return f'[4,{json.dumps(unique_id)},"NotSupported","",{{}}]'
        return f"[3,{json.dumps(unique_id)},{encode(response).decode()}]"

    @contextmanager
    def _still_open(self) -> Iterator[None]:
        try:
            yield
        except ConnectionClosed as closed:
            raise Broken(f"the connection was closed: {closed.reason}") from closed


def _read_strictly(read: Callable[[bytes], Any], what: str, payload: Any) -> Any:  # Any: JSON
    try:
        return read(msgspec.json.encode(payload))
    except msgspec.MsgspecError as error:
        raise Broken(f"{what}: {error}: {payload}") from error


def websocket_to(
    url: str, sockets: trio.Nursery, password: bytes | None = None
) -> Callable[[str], Awaitable[Transport]]:
    """Connects over WebSocket, as `ChaosChargePoint` wants it.

    Args:
        url: without the identity: `ws://127.0.0.1:9000/ocpp`.
        sockets: where the tasks of the WebSockets run.
        password: for HTTP Basic (security profile 1), the same for each identity.
    """

    async def connect(identity: str) -> Transport:
        headers = []
        if password is not None:
            credentials = b64encode(identity.encode() + b":" + password)
            headers.append((b"Authorization", b"Basic " + credentials))
        websocket: Transport = await connect_websocket_url(
            sockets,
            f"{url.rstrip('/')}/{quote(identity, safe='')}",
            subprotocols=["ocpp1.6"],
            extra_headers=headers,
        )
        return websocket

    return connect

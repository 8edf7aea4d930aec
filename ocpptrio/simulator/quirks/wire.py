"""The way of a message through all quirks: a transport between a charge point and the real one.

The charge point's own connection on one side speaks OCPP as it should; what comes out at the other
side is what its quirks make of it. Not here: what they make (the modules of quirks).
"""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import trio
from trio_websocket import CloseReason, ConnectionClosed
from wsproto.utilities import LocalProtocolError as ClosingAlready

from ocpptrio.connection import Transport
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.simulator.quirks.messages import OurAnswer, OurCall, Payload, TheirAnswer, TheirCall
from ocpptrio.simulator.quirks.quirk import Quirks

IN_FLIGHT: Final = 64  # messages between the two sides; then the reader waits
CALLS_KEPT: Final = 64  # CALLs that may still be answered, of either side
EXTRA_TIMEOUT_S: Final = 30.0  # real; a CALL of a quirk's own is given up
CLOSE_TIMEOUT_S: Final = 1.0


class Wire:
    """See the module. To be `run` beside the connection that uses it.

    Attributes:
        ping: as the real transport's; None if it has none, or a quirk sends none.
    """

    def __init__(self, transport: Transport, quirks: Quirks) -> None:
        self.transport: Final = transport
        self.quirks: Final = quirks
        # Every transport takes bytes, too; a good charge point just never sends any.
        self._send = cast("Callable[[str | bytes], Awaitable[None]]", transport.send_message)
        self._to_us, self._inbound = trio.open_memory_channel[str | bytes](IN_FLIGHT)
        self._reason: CloseReason | None = None
        self._abandoned = False
        self._our_calls: dict[str, OurCall] = {}
        self._their_calls: dict[str, TheirCall] = {}
        self._outstanding: OurCall | None = None
        self._extras: deque[OurCall] = deque()
        self._extra: OurCall | None = None  # under way
        self._extra_number = 0
        self._last_traffic = trio.current_time()
        ping: Callable[[], Awaitable[None]] | None = getattr(transport, "ping", None)
        self._real_ping = ping
        self.ping = self._ping if ping and all(quirk.pings for quirk in quirks) else None
        for quirk in quirks:
            quirk.opened(self)

    async def run(self) -> None:
        """Read, and let the quirks run, until the connection ends."""
        try:
            async with trio.open_nursery() as nursery:
                for quirk in self.quirks:
                    nursery.start_soon(quirk.beside, self)
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            self._to_us.close()
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await self.aclose()

    # What a quirk does to the connection.

    def extra_call(self, action: str, payload: Payload) -> OurCall:
        """Send a CALL that the charge point itself knows nothing of, when no other is outstanding.

        For hooks; it goes out after them. Its answer is read by nobody.
        """
        self._extra_number += 1
        call = OurCall(f"{action[:20]}-{self._extra_number}", action, payload)
        self._extras.append(call)
        return call

    async def wait_idle(self, seconds: float) -> None:
        """Until nothing has come or gone for so many real seconds."""
        over_at = self._last_traffic + seconds
        while trio.current_time() < over_at:
            await trio.sleep_until(over_at)
            over_at = self._last_traffic + seconds

    def tear(self) -> None:
        """The connection breaks, without a word if the transport can do that."""
        self.abort()
        self._reason = CloseReason(1006, "torn")
        self._to_us.close()

    def abandon(self) -> None:
        """The charge point forgets the connection, but leaves it open."""
        self._abandoned = True
        self.tear()

    # As a transport.

    async def get_message(self) -> str | bytes:
        try:
            return await self._inbound.receive()
        except trio.EndOfChannel:
            raise ConnectionClosed(self._reason) from None

    async def send_message(self, message: str) -> None:
        if self._reason is not None:
            raise ConnectionClosed(self._reason)
        frame = json.loads(message)
        if frame[0] == 2:
            await self._send_call(OurCall(*frame[1:]))
        else:
            await self._send_answer(frame)

    async def aclose(self, code: int = 1000, reason: str | None = None) -> None:
        if not self._abandoned:
            await self.transport.aclose(code, reason)

    def abort(self) -> None:
        abort = getattr(self.transport, "abort", None)
        if abort is not None and not self._abandoned:
            abort()

    async def _ping(self) -> None:
        assert self._real_ping is not None
        self._last_traffic = trio.current_time()
        await self._real_ping()

    # Out.

    async def _send_call(self, call: OurCall) -> None:
        for quirk in self.quirks:
            quirk.our_call(self, call)
        if call.answer is not None:
            self._deliver([3, call.own_id, call.answer])
        if not call.goes_out:
            return
        if self._extra is not None:  # one at a time (OCPP-J 1.6, 4.1.1)
            with trio.move_on_after(EXTRA_TIMEOUT_S):
                await self._extra.done.wait()
            self._extra = None
        if call.answer is None:
            self._outstanding = call
        await self._put_call(call)

    async def _put_call(self, call: OurCall) -> None:
        _keep(self._our_calls, call.unique_id, call)
        for _ in range(call.copies):
            await self._put([2, call.unique_id, call.action, call.payload])

    async def _send_answer(self, frame: list[Any]) -> None:  # Any: JSON
        call = self._their_calls.pop(json.dumps(frame[1]), None)
        if call is None:
            await self._put(frame)
            return
        answer = OurAnswer(call.action, call.payload, frame)
        for quirk in self.quirks:
            quirk.our_answer(self, answer)
        if answer.wait_for is not None:
            await self._send_extra()
            with trio.move_on_after(EXTRA_TIMEOUT_S):
                await answer.wait_for.wait()
        await trio.sleep(answer.delay_s)
        if not answer.lost:
            for each in (*answer.before, answer.frame):
                await self._put(each)

    async def _put(self, frame: list[Any]) -> None:  # Any: JSON
        messages: list[str | bytes] = [json.dumps(frame, separators=(",", ":"))]
        for quirk in self.quirks:
            messages = [out for message in messages for out in quirk.messages(message)]
        for message in messages:
            self._last_traffic = trio.current_time()
            await self._send(message)

    async def _send_extra(self) -> None:
        if self._outstanding is None and self._extra is None and self._extras:
            self._extra = self._extras.popleft()
            await self._put_call(self._extra)

    # In.

    async def _read(self) -> None:
        try:
            while True:
                message = await self.transport.get_message()
                self._last_traffic = trio.current_time()
                passed_on = await self._received(message)
                # First, so that no other CALL of ours is outstanding yet.
                await self._send_extra()
                if passed_on is not None:
                    await self._to_us.send(passed_on)
        except ConnectionClosed as closed:
            self._reason = self._reason or closed.reason or CloseReason(1006, "")
        except (ClosingAlready, trio.ClosedResourceError):  # it ends while we write, or was torn
            self._reason = self._reason or CloseReason(1006, "")

    async def _received(self, message: str | bytes) -> str | bytes | None:
        """What the charge point sees of a message."""
        try:
            frame = json.loads(message)
        except ValueError:
            return message
        match frame:
            case [2, str() | int() as unique_id, str() as action, dict() as payload]:
                call = TheirCall(unique_id, action, payload)
                for quirk in self.quirks:
                    quirk.their_call(self, call)
                if call.lost:
                    return None
                _keep(self._their_calls, unique_id, call)
                if call.answer is not None:
                    await self._send_answer([3, unique_id, call.answer])
                    return None
                return json.dumps([2, unique_id, action, call.payload])
            case [3, unique_id, dict() as payload]:
                return self._answered(frame, unique_id, None, payload)
            case [4, unique_id, str() as code, str(), dict() as details]:
                return self._answered(frame, unique_id, code, details)
        return message

    def _answered(
        self, frame: list[Any], unique_id: UniqueId, code: str | None, payload: Payload
    ) -> str | None:  # Any: JSON
        call = self._our_calls.pop(json.dumps(unique_id), None)
        if call is None:
            return json.dumps(frame)
        call.done.set()
        if call is self._extra:
            self._extra = None
            return None
        if call is self._outstanding:
            self._outstanding = None
        answer = TheirAnswer(call, code, payload)
        for quirk in self.quirks:
            quirk.their_answer(self, answer)
        if answer.lost or call.answer is not None:
            return None
        return json.dumps([frame[0], call.own_id, *frame[2:]])

    def _deliver(self, frame: list[Any]) -> None:  # Any: JSON
        try:
            self._to_us.send_nowait(json.dumps(frame))
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # then the CALL is never answered, which it must be able to bear


def _keep(calls: dict[str, Any], unique_id: UniqueId, call: OurCall | TheirCall) -> None:
    """Any: one kind of CALL or the other."""
    calls[json.dumps(unique_id)] = call
    if len(calls) > CALLS_KEPT:
        del calls[next(iter(calls))]

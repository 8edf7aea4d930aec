"""Connection: one outstanding CALL, nobody waits for a handler, and an end that everybody hears."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed

from ocpptrio.connection import INBOX_SIZE, WAITING_CALLS, Connection, Outcome, Transport
from ocpptrio.errors import (
    CallRefused,
    CallTimedOut,
    ErrorCode,
    InvalidResponse,
    LocalProtocolError,
    NotConnected,
    RemoteProtocolError,
    TooManyCalls,
)
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import CallReceived, Conversation
from ocpptrio.protocol.core import (
    Authorize,
    ClearCache,
    ClearCacheResponse,
    ClearCacheStatus,
    Heartbeat,
    HeartbeatResponse,
    Reset,
    ResetResponse,
    ResetStatus,
    ResetType,
    UnlockConnector,
)
from ocpptrio.protocol.datatypes import Message
from tests.clients import close_code

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)


async def answer_heartbeat(event: CallReceived) -> Message:
    assert isinstance(event.request, Heartbeat)
    return HeartbeatResponse(current_time=NOW)


class Wire:
    """The charge point's end, in texts."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def send(self, *frame: object) -> None:
        await self.transport.send_message(json.dumps(frame))

    async def receive(self) -> list[object]:
        text = await self.transport.get_message()
        frame = json.loads(text)
        assert isinstance(frame, list)
        return frame

    async def receive_call(self) -> str:
        kind, unique_id, *_ = await self.receive()
        assert kind == 2
        assert isinstance(unique_id, str)
        return unique_id


async def connected(
    nursery: trio.Nursery,
    answer: Callable[[CallReceived], Awaitable[Message]] = answer_heartbeat,
    *,
    calls_after_s: float = 0,
) -> tuple[Connection, Wire]:
    ours, theirs = memory_transport_pair()
    connection = Connection(
        ours,
        Conversation(Role.CENTRAL_SYSTEM),
        answer,
        call_timeout_s=30,
        calls_after_s=calls_after_s,
    )
    await nursery.start(connection.run)
    return connection, Wire(theirs)


async def test_a_call_is_answered(nursery: trio.Nursery) -> None:
    _, wire = await connected(nursery)
    await wire.send(2, "1", "Heartbeat", {})
    assert await wire.receive() == [3, "1", {"currentTime": "2026-01-15T08:00:00Z"}]


async def test_calls_in_a_burst_are_answered_in_order(nursery: trio.Nursery) -> None:
    _, wire = await connected(nursery)
    for number in range(INBOX_SIZE * 3):
        await wire.send(2, str(number), "Heartbeat", {})
    assert [(await wire.receive())[1] for _ in range(INBOX_SIZE * 3)] == [
        str(number) for number in range(INBOX_SIZE * 3)
    ]


async def test_our_call_gets_its_typed_response(nursery: trio.Nursery) -> None:
    connection, wire = await connected(nursery)
    responses: list[ResetResponse] = []

    async def ask() -> None:
        responses.append(await connection.call(Reset(type=ResetType.SOFT)))

    nursery.start_soon(ask)
    kind, unique_id, action, payload = await wire.receive()
    assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
    await wire.send(3, unique_id, {"status": "Accepted"})
    await wait_all_tasks_blocked()
    assert responses == [ResetResponse(status=ResetStatus.ACCEPTED)]


async def test_their_call_is_answered_while_ours_waits(nursery: trio.Nursery) -> None:
    connection, wire = await connected(nursery)
    nursery.start_soon(connection.call, ClearCache())
    unique_id = await wire.receive_call()
    await wire.send(2, "1", "Heartbeat", {})
    assert (await wire.receive())[:2] == [3, "1"]
    await wire.send(3, unique_id, {"status": "Accepted"})


async def test_a_handler_may_call_the_same_charge_point(nursery: trio.Nursery) -> None:
    outcome: list[ClearCacheStatus] = []

    async def call_back(event: CallReceived) -> Message:
        outcome.append((await connection.call(ClearCache())).status)
        return await answer_heartbeat(event)

    connection, wire = await connected(nursery, call_back)
    await wire.send(2, "1", "Heartbeat", {})
    await wire.send(3, await wire.receive_call(), {"status": "Rejected"})
    assert (await wire.receive())[:2] == [3, "1"]
    assert outcome == [ClearCacheStatus.REJECTED]


async def test_the_second_call_waits_for_the_answer_to_the_first(nursery: trio.Nursery) -> None:
    connection, wire = await connected(nursery)
    nursery.start_soon(connection.call, ClearCache())
    nursery.start_soon(connection.call, ClearCache())
    first = await wire.receive_call()
    with trio.move_on_after(0) as nothing_comes:
        await wire.receive()
    assert nothing_comes.cancelled_caught
    await wire.send(3, first, {"status": "Accepted"})
    await wire.send(3, await wire.receive_call(), {"status": "Accepted"})


async def test_a_silent_charge_point_times_out(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection, _ = await connected(nursery)
    with pytest.raises(CallTimedOut, match=r"Reset within 30 s"):
        await connection.call(Reset(type=ResetType.SOFT))
    assert trio.current_time() == 30


async def test_a_late_answer_reaches_only_who_wants_late_ones(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection, wire = await connected(nursery)
    late: list[tuple[Outcome, bool]] = []
    with pytest.raises(CallTimedOut):
        await connection.call(ClearCache(), timeout_s=5, on_unheard=lambda *told: late.append(told))
    first = await wire.receive_call()
    responses: list[ResetResponse] = []

    async def ask() -> None:
        responses.append(await connection.call(Reset(type=ResetType.HARD)))

    nursery.start_soon(ask)
    second = await wire.receive_call()
    await wire.send(3, first, {"status": "Accepted"})
    await wait_all_tasks_blocked()
    assert not responses
    assert late == [(ClearCacheResponse(status=ClearCacheStatus.ACCEPTED), True)]
    await wire.send(3, second, {"status": "Rejected"})
    await wait_all_tasks_blocked()
    assert responses == [ResetResponse(status=ResetStatus.REJECTED)]


async def test_a_cancelled_asker_does_not_free_the_wire(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection, wire = await connected(nursery)
    unheard: list[tuple[Outcome, bool]] = []
    with trio.move_on_after(1):
        await connection.call(ClearCache(), on_unheard=lambda *told: unheard.append(told))
    first = await wire.receive_call()
    nursery.start_soon(connection.call, ClearCache())
    with trio.move_on_after(1) as nothing_comes:
        await wire.receive()
    assert nothing_comes.cancelled_caught
    await wire.send(3, first, {"status": "Accepted"})
    await wait_all_tasks_blocked()
    assert unheard == [(ClearCacheResponse(status=ClearCacheStatus.ACCEPTED), False)]
    await wire.send(3, await wire.receive_call(), {"status": "Accepted"})


async def test_a_cancelled_asker_whose_turn_never_came_leaves_no_trace(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection, wire = await connected(nursery)
    nursery.start_soon(connection.call, ClearCache())
    first = await wire.receive_call()
    unheard: list[tuple[Outcome, bool]] = []
    with trio.move_on_after(1):
        await connection.call(
            Reset(type=ResetType.SOFT), on_unheard=lambda *told: unheard.append(told)
        )
    assert [str(outcome) for outcome, _ in unheard] == ["given up before it was sent"]
    await wire.send(3, first, {"status": "Accepted"})
    with trio.move_on_after(60) as nothing_comes:
        await wire.receive()
    assert nothing_comes.cancelled_caught


async def test_a_callerror_raises_call_refused_with_its_code(nursery: trio.Nursery) -> None:
    connection, wire = await connected(nursery)

    async def refuse() -> None:
        await wire.send(4, await wire.receive_call(), "FooError", "no", {"why": 1})

    nursery.start_soon(refuse)
    with pytest.raises(CallRefused, match="FooError: no") as caught:
        await connection.call(ClearCache())
    assert caught.value.details == {"why": 1}


async def test_an_unreadable_response_fails_the_call_alone(nursery: trio.Nursery) -> None:
    connection, wire = await connected(nursery)

    async def answer_nonsense() -> None:
        await wire.send(3, await wire.receive_call(), {"status": "Maybe"})

    nursery.start_soon(answer_nonsense)
    with pytest.raises(InvalidResponse, match="ClearCache"):
        await connection.call(ClearCache())
    await wire.send(2, "1", "Heartbeat", {})
    assert (await wire.receive())[0] == 3


async def test_a_request_that_breaks_a_limit_fails_its_asker_alone(
    nursery: trio.Nursery,
) -> None:
    connection, wire = await connected(nursery)
    with pytest.raises(LocalProtocolError, match="connectorId"):
        await connection.call(UnlockConnector(connector_id=0))
    with pytest.raises(LocalProtocolError, match="does not send Authorize"):
        await connection.call(Authorize(id_tag="04A1B2C3"))
    nursery.start_soon(connection.call, ClearCache())
    await wire.send(3, await wire.receive_call(), {"status": "Accepted"})


async def test_too_many_waiting_calls_are_refused_at_once(nursery: trio.Nursery) -> None:
    connection, _ = await connected(nursery)

    async def ask() -> None:
        with pytest.raises(NotConnected):
            await connection.call(ClearCache())

    nursery.start_soon(ask)
    await wait_all_tasks_blocked()  # this one is on the wire
    for _ in range(WAITING_CALLS):
        nursery.start_soon(ask)
    await wait_all_tasks_blocked()
    with pytest.raises(TooManyCalls):
        await connection.call(ClearCache())
    connection.close(1001, "enough")


async def test_a_handler_that_fails_answers_internal_error_and_goes_on(
    nursery: trio.Nursery,
) -> None:
    async def fail(event: CallReceived) -> Message:
        raise ZeroDivisionError

    _, wire = await connected(nursery, fail)
    with structlog.testing.capture_logs() as lines:
        for unique_id in ("1", "2"):
            await wire.send(2, unique_id, "Heartbeat", {})
            kind, answered, code, *_ = await wire.receive()
            assert (kind, answered, code) == (4, unique_id, "InternalError")
    assert [line["log_level"] for line in lines] == ["error", "error"]


async def test_a_handler_may_refuse(nursery: trio.Nursery) -> None:
    async def refuse(event: CallReceived) -> Message:
        raise RemoteProtocolError(ErrorCode.SECURITY_ERROR, "boot first", {"status": "Pending"})

    _, wire = await connected(nursery, refuse)
    await wire.send(2, "1", "Heartbeat", {})
    assert await wire.receive() == [4, "1", "SecurityError", "boot first", {"status": "Pending"}]


async def test_error_details_that_are_no_json_are_left_out(nursery: trio.Nursery) -> None:
    async def refuse(event: CallReceived) -> Message:
        raise RemoteProtocolError(ErrorCode.GENERIC_ERROR, "no", {"why": object()})

    _, wire = await connected(nursery, refuse)
    await wire.send(2, "1", "Heartbeat", {})
    assert await wire.receive() == [4, "1", "GenericError", "no", {}]


async def test_a_call_that_comes_again_is_handled_once() -> None:
    handled = 0

    async def count(event: CallReceived) -> Message:
        nonlocal handled
        handled += 1
        raise RemoteProtocolError(ErrorCode.GENERIC_ERROR, "no")

    async with trio.open_nursery() as nursery:
        connection, wire = await connected(nursery, count)
        await wire.send(2, "1", "SecurityEventNotification", {})
        assert (await wire.receive())[2] == "OccurenceConstraintViolation"
        await wire.send(2, "2", "DataTransfer", {"vendorId": "x"})
        first = await wire.receive()
        await wire.send(2, "2", "DataTransfer", {"vendorId": "x"})
        assert await wire.receive() == first
        assert handled == 2  # a refusal is not kept: the repeat gets a new chance
        connection.close(1000, "done")


@pytest.mark.parametrize("queued", [1, 3])
async def test_when_the_connection_ends_every_asker_hears_it(
    nursery: trio.Nursery, queued: int
) -> None:
    connection, wire = await connected(nursery)
    heard = 0

    async def ask() -> None:
        nonlocal heard
        with pytest.raises(NotConnected, match="1001 bye"):
            await connection.call(ClearCache())
        heard += 1

    for _ in range(queued):
        nursery.start_soon(ask)
    await wire.receive_call()
    await wire.transport.aclose(1001, "bye")
    await wait_all_tasks_blocked()
    assert heard == queued
    with pytest.raises(NotConnected):
        await connection.call(ClearCache())


async def test_close_tells_the_other_side_why(nursery: trio.Nursery) -> None:
    connection, wire = await connected(nursery)
    connection.close(1000, "replaced by a newer connection")
    with pytest.raises(ConnectionClosed) as caught:
        await wire.receive()
    assert close_code(caught.value) == 1000
    assert caught.value.reason is not None
    assert caught.value.reason.reason == "replaced by a newer connection"


async def test_drain_answers_what_came_before_it_closes(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async def slowly(event: CallReceived) -> Message:
        await trio.sleep(2)
        return await answer_heartbeat(event)

    connection, wire = await connected(nursery, slowly)
    await wire.send(2, "1", "Heartbeat", {})
    await wire.send(2, "2", "Heartbeat", {})
    await wait_all_tasks_blocked()
    connection.drain(1001, "going down")
    assert (await wire.receive())[:2] == [3, "1"]
    assert (await wire.receive())[:2] == [3, "2"]
    with pytest.raises(ConnectionClosed) as caught:
        await wire.receive()
    assert close_code(caught.value) == 1001


async def test_twenty_broken_messages_in_a_row_close_with_1008(nursery: trio.Nursery) -> None:
    _, wire = await connected(nursery)
    for _ in range(20):
        await wire.transport.send_message("{")
    with pytest.raises(ConnectionClosed) as caught:
        await wire.receive()
    assert close_code(caught.value) == 1008


async def test_calls_wait_until_they_are_allowed(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection, wire = await connected(nursery, calls_after_s=10)
    nursery.start_soon(connection.call, ClearCache())
    with trio.move_on_after(5) as nothing_comes:
        await wire.receive()
    assert nothing_comes.cancelled_caught
    connection.allow_calls()
    await wire.send(3, await wire.receive_call(), {"status": "Accepted"})
    assert trio.current_time() == 5


async def test_calls_wait_no_longer_than_the_grace(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection, wire = await connected(nursery, calls_after_s=10)
    nursery.start_soon(connection.call, ClearCache())
    await wire.send(3, await wire.receive_call(), {"status": "Accepted"})
    assert trio.current_time() == 10

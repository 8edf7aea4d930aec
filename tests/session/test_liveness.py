"""Liveness: silence is measured, pings are tried, and only then is a connection given up."""

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import CloseReason, ConnectionClosed

from ocpptrio.config import OcppSettings
from ocpptrio.connection import Connection
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import CallReceived, Conversation
from ocpptrio.protocol.datatypes import Message
from ocpptrio.session.liveness import Liveness
from ocpptrio.session.registry import Registry
from ocpptrio.vendor_profiles import ORDINARY, VendorProfile


class Life:
    """Life signs as a test wants them."""

    def __init__(self, *, answers: bool, broken: bool = False) -> None:
        self.heard_at = trio.current_time()
        self.pings: list[float] = []
        self._answers = answers
        self._broken = broken

    async def ping(self) -> None:
        self.pings.append(trio.current_time())
        if self._broken:
            raise ConnectionClosed(CloseReason(1006, None))
        if not self._answers:
            await trio.sleep_forever()
        self.heard_at = trio.current_time()
        await trio.lowlevel.checkpoint()


async def no_answer(event: CallReceived) -> Message:
    raise AssertionError("nothing is asked here")


async def ends_at(
    life: Life, settings: OcppSettings, *, within_s: float, profile: VendorProfile = ORDINARY
) -> float | None:
    """When the watched connection is closed; None if it is still open after that time."""
    registry = Registry()
    session = registry.session("CP1")
    session.vendor_profile = profile
    ours, theirs = memory_transport_pair()
    connection = Connection(ours, Conversation(Role.CENTRAL_SYSTEM), no_answer)
    ended = None
    with trio.move_on_after(within_s):
        async with trio.open_nursery() as nursery:
            await nursery.start(connection.run)
            session.attach(connection, 1, life)
            nursery.start_soon(Liveness(registry, settings).run)
            with pytest.raises(ConnectionClosed) as caught:
                await theirs.get_message()
            assert caught.value.reason is not None
            assert caught.value.reason.code == 1001
            ended = trio.current_time()
            nursery.cancel_scope.cancel()
    return ended


async def test_one_that_answers_pings_stays(autojump_clock: MockClock) -> None:
    life = Life(answers=True)
    assert await ends_at(life, OcppSettings(), within_s=3600) is None
    assert life.pings[0] == pytest.approx(55, abs=1)  # before the 60 s at which proxies cut
    assert 60 <= len(life.pings) <= 66


async def test_one_that_never_answers_pings_has_three_heartbeats(
    autojump_clock: MockClock,
) -> None:
    ended = await ends_at(Life(answers=False), OcppSettings(), within_s=3600)
    assert ended == pytest.approx(910, abs=6)


async def test_one_that_stopped_answering_is_given_up_sooner(autojump_clock: MockClock) -> None:
    life = Life(answers=True)

    async def dies() -> None:
        await trio.sleep(300)
        life._answers = False

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dies)
        ended = await ends_at(life, OcppSettings(), within_s=3600)
    assert ended is not None
    assert ended < 300 + 60 + 130


async def test_without_pings_only_messages_count(autojump_clock: MockClock) -> None:
    life = Life(answers=True)
    settings = OcppSettings(ping=False, heartbeat_interval=30)
    assert await ends_at(life, settings, within_s=3600) == pytest.approx(130, abs=6)
    assert life.pings == []


async def test_a_kind_that_dislikes_pings_gets_none(autojump_clock: MockClock) -> None:
    life = Life(answers=True)
    profile = VendorProfile(name="x", pings=False)
    ended = await ends_at(life, OcppSettings(), within_s=3600, profile=profile)
    assert ended == pytest.approx(910, abs=6)
    assert life.pings == []


async def test_a_connection_that_ends_during_a_ping_is_no_error(autojump_clock: MockClock) -> None:
    life = Life(answers=True, broken=True)
    assert await ends_at(life, OcppSettings(), within_s=100) is None
    assert life.pings

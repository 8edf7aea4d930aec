"""Whatever happens: no command is sent twice, none is lost, and states only move forward.

Hypothesis queues, cancels, connects, cuts, answers and leaves unanswered, restarts and kills the
central system and lets time pass; after each step the books must balance. Each command asks for
something of its own, so the wire tells which one was sent, and how often.
"""

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import CallFailed, CommandError
from ocpptrio.protocol.core import ChangeConfiguration, GetConfiguration
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.store import commands
from ocpptrio.store.records import CommandRecord
from ocpptrio.store.vocabulary import CommandState
from tests.services.device import Answer, Device, central_system, register

ACCEPTED: Answer = {"status": "Accepted"}
ANSWERS: list[Answer] = [ACCEPTED, ACCEPTED, {"status": "Rejected"}, {"x": 1}, "Busy", None, None]
ACTIONS = st.sampled_from(["ChangeConfiguration", "GetConfiguration"])
SUBMIT = st.tuples(st.just("submit"), ACTIONS, st.sampled_from([20, 90, 3600]))
CONNECT = st.tuples(st.just("connect"))

steps = st.lists(
    st.one_of(
        SUBMIT,
        SUBMIT,
        st.tuples(st.just("call"), ACTIONS),
        st.tuples(st.just("task"), ACTIONS, st.sampled_from([1, None])),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("answer with"), st.sampled_from(ANSWERS)),
        st.tuples(st.just("late answer")),
        CONNECT,
        CONNECT,
        st.tuples(st.just("cut")),
        st.tuples(st.sampled_from(["restart", "kill"])),
        st.tuples(st.sampled_from(["cut while asking", "killed while asking"]), ACTIONS),
        st.tuples(st.just("sleep"), st.sampled_from([0.1, 5, 31, 100])),
    ),
    min_size=4,
    max_size=25,
)


class World:
    """A charge point, a central system that may end and begin again, and what was seen of both."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "0.db"
        self.device = Device()
        self.central: CentralSystem
        self.submitted: set[int] = set()
        self.before: dict[int, CommandState] = {}
        self._numbers = itertools.count(1)
        self._connection: trio.CancelScope | None = None

    async def live(self, todo: list[Any]) -> list[CommandRecord]:
        """Run central systems one after the other until all is done; returns all commands."""
        todo.reverse()
        records: list[CommandRecord] = []
        while todo:
            async with central_system(self.path) as self.central:
                if not self.before:
                    await register(self.central)
                records = await self.check()
                async with trio.open_nursery() as nursery:
                    while todo:
                        name, *arguments = todo.pop()
                        if name.endswith("while asking"):
                            await self._ask_in_vain(nursery, *arguments)
                        if name == "kill" or name.startswith("killed"):
                            self._leave_behind()
                            break
                        if name == "restart":
                            break
                        await self.do(nursery, name.split()[0], *arguments)
                        await trio.sleep(0.01)
                        records = await self.check()
                    nursery.cancel_scope.cancel()
            self._connection = None
        return records

    async def _ask_in_vain(self, nursery: trio.Nursery, action: str) -> None:
        answers, self.device.answers = (
            self.device.answers,
            dict.fromkeys(("ChangeConfiguration", "GetConfiguration")),
        )
        await self.do(nursery, "connect")
        await self.do(nursery, "submit", action, 3600)
        await trio.sleep(0.01)
        self.device.answers = answers

    def _leave_behind(self) -> None:
        """Go on with the database as it is now: what this process still writes is lost."""
        after = self.path.with_name(f"{int(self.path.stem) + 1}.db")
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.path}{suffix}", f"{after}{suffix}")
        self.path = after

    def _request(self, action: str) -> Request[Message]:
        number = str(next(self._numbers))
        if action == "GetConfiguration":
            return GetConfiguration(key=(number,))
        return ChangeConfiguration(key=number, value="")

    async def do(self, nursery: trio.Nursery, name: str, *arguments: Any) -> None:
        central = self.central
        if name == "submit":
            request = self._request(arguments[0])
            self.submitted.add(
                await central.commands.submit("CP1", request, expires_in_s=arguments[1])
            )
        elif name == "call":
            point = central.charge_point("CP1")
            nursery.start_soon(self._quietly, point.call, self._request(arguments[0]))
        elif name == "task":
            request = self._request(arguments[0])
            await central.tasks.start(request, ["CP1"], stop_after=arguments[1], expires_in_s=300)
        elif name == "cancel":
            waiting = await central.store.read(commands.unsettled)
            if waiting:
                record = waiting[arguments[0] % len(waiting)]
                await self._quietly(central.commands.cancel, record.command_id)
        elif name == "answer":
            self.device.answers = {
                "ChangeConfiguration": arguments[0],
                "GetConfiguration": {} if arguments[0] == ACCEPTED else arguments[0],
            }
        elif name == "late" and self.device.unanswered and self._connection is not None:
            await self.device.answer(self.device.unanswered.pop(), {"status": "Accepted"})
        elif name == "connect" and self._connection is None:
            await nursery.start(self._connected, central)
        elif name == "cut" and self._connection is not None:
            self._connection.cancel()
            self._connection = None
        elif name == "sleep":
            await trio.sleep(arguments[0])

    async def _connected(
        self, central: CentralSystem, *, task_status: trio.TaskStatus[None]
    ) -> None:
        with trio.CancelScope() as scope:
            self._connection = scope
            async with self.device.connected(central):
                task_status.started()
                await trio.sleep_forever()

    @staticmethod
    async def _quietly(work: Callable[..., Awaitable[object]], *arguments: Any) -> None:
        try:
            await work(*arguments)
        except (CallFailed, CommandError):
            pass

    async def check(self) -> list[CommandRecord]:
        """The books balance; returns all commands, oldest first."""
        records = await self.central.store.read(lambda reader: commands.listed(reader, limit=1000))
        records.reverse()
        now = {record.command_id: record for record in records}
        assert self.submitted <= now.keys(), "lost"
        for command_id, state in self.before.items():
            after = now[command_id].state
            assert after == state or _leads_to(state, after), (state, after)
        self.before = {record.command_id: record.state for record in records}
        times_sent = Counter(_name(action, payload) for action, payload in self.device.sent)
        for record in records:
            name = _name(record.action, msgspec.json.decode(record.request))
            times = times_sent[name]
            repeated = any(other.follows == record.command_id for other in records)
            assert times <= 1 or repeated or record.follows is not None, f"{name} sent twice"
            assert times <= (2 if record.action == "GetConfiguration" else 1)
            if record.state in (CommandState.QUEUED, CommandState.EXPIRED, CommandState.CANCELLED):
                assert record.follows is not None or times == 0, f"{name} sent, but {record.state}"
            elif record.state is not CommandState.UNKNOWN and record.sent_at_us is not None:
                assert times > 0, f"{name} {record.state}, but not sent"
            assert (record.settled_at_us is not None) == record.settled
        self._check_order(records)
        return records

    def _check_order(self, records: list[CommandRecord]) -> None:
        """Single commands go in the order in which they were queued."""
        queued = [
            _name(record.action, msgspec.json.decode(record.request))
            for record in records
            if record.command_id in self.submitted
        ]
        first_sent = list(dict.fromkeys(_name(*sent) for sent in self.device.sent))
        places = [queued.index(name) for name in first_sent if name in queued]
        assert places == sorted(places)


def _name(action: str, payload: dict[str, Any]) -> str:
    return f"{action} {payload['key']}"


def _leads_to(state: CommandState, after: CommandState) -> bool:
    """Whether there is a way forward, over any number of steps."""
    before = commands.COMES_AFTER.get(after, frozenset())
    return state in before or any(_leads_to(state, one) for one in before)


@given(steps)
@settings(max_examples=25)
def test_no_command_is_sent_twice_or_lost_and_states_move_forward(todo: list[Any]) -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder))
            end = await world.live([*todo, ("restart",), ("connect",), ("sleep", 4000)])
            assert all(record.settled for record in end), "something waits for ever"

    trio.run(main, clock=MockClock(autojump_threshold=0))

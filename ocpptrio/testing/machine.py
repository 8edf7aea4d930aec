"""A Hypothesis state machine of chaotic charge points, against any central system.

    class Chaos(ChaosMachine):
        url = "ws://127.0.0.1:9000/ocpp"

    TestChaos = Chaos.TestCase

Hypothesis calls the rules in any order, looks after each step whether the promises hold, and
shrinks a failure to the few steps that matter. Not here: what the charge points do and what they
expect (chaos).
"""

import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, TypeVar, TypeVarTuple, Unpack

import trio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ocpptrio.connection import Transport
from ocpptrio.protocol.core import Authorize, ChargePointStatus
from ocpptrio.testing.chaos import ChaosChargePoint, Delivery, Transaction
from ocpptrio.testing.wire import websocket_to

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_some = st.integers(0, 7)  # one of a few, which may be fewer


class ChaosMachine(RuleBasedStateMachine):
    """See the module. A subclass sets `url` or overrides `connect`, and may add rules of its own.

    The central system must know the identities and accept them; which tags may charge is its
    business.

    Attributes:
        url: where to connect to, without the identity.
        identities: of the charge points.
        id_tags: what they are shown.
        points: the charge points, with what each knows of its transactions.
        nursery: for tasks that run beside the steps, until the end of the run.
    """

    url: ClassVar[str] = ""
    identities: ClassVar[tuple[str, ...]] = ("CHAOS-1", "CHAOS-2")
    id_tags: ClassVar[tuple[str, ...]] = ("04A1B2C3", "04D5E6F7")

    def __init__(self) -> None:
        super().__init__()
        self._trio = _TrioThread()
        self.nursery = self._trio.nursery
        self.points = [ChaosChargePoint(name, self.connect) for name in self.identities]
        self._failed = False
        try:
            self.do(self.begin)
        except BaseException:
            self._trio.stop()
            raise

    async def begin(self) -> None:
        """Override it to start a central system in `self.nursery`."""

    async def connect(self, identity: str) -> Transport:
        """Open a connection; by default a WebSocket to `url`."""
        return await websocket_to(self.url, self.nursery)(identity)

    async def check(self) -> None:
        """Override it with what must be true after each step, and once all is delivered."""

    def do(self, work: Callable[[Unpack[Ts]], Awaitable[T]], *args: *Ts) -> T:
        """Run an async function in the machine's Trio thread."""
        try:
            return self._trio.run(work, *args)
        except BaseException:
            self._failed = True
            raise

    def teardown(self) -> None:
        """Deliver what is due, look once more, and end."""
        try:
            if not self._failed:
                for point in self.points:
                    self.do(point.settle)
                self.do(self.check)
                for point in self.points:
                    self.do(point.close)
        finally:
            self._trio.stop()

    @invariant()
    def holds(self) -> None:
        self.do(self.check)

    # Connections.

    @precondition(lambda self: self._connected() != [])
    @rule(which=_some)
    def cut(self, which: int) -> None:
        self.do(_of(self._connected(), which).cut)

    @precondition(lambda self: self._connected() != [])
    @rule(which=_some)
    def vanish(self, which: int) -> None:
        _of(self._connected(), which).vanish()

    # What need not arrive.

    @rule(at=_some, id_tag=_some, boot=st.booleans())
    def ask(self, at: int, id_tag: int, boot: bool) -> None:
        point = _of(self.points, at)
        if boot:
            self.do(point.boot)
        else:
            self.do(point.call, Authorize(id_tag=_of(self.id_tags, id_tag)))

    @rule(
        at=_some,
        connector_id=st.integers(1, 2),
        status=st.sampled_from(ChargePointStatus),
        age_s=st.sampled_from([0, 0, 3600]),
    )
    def notify(self, at: int, connector_id: int, status: ChargePointStatus, age_s: int) -> None:
        self.do(_of(self.points, at).notify, connector_id, status, age_s)

    # Transactions: what happens at the charge point, connected or not ...

    @rule(at=_some, connector_id=st.integers(1, 2), id_tag=_some)
    def start(self, at: int, connector_id: int, id_tag: int) -> None:
        _of(self.points, at).start(connector_id, _of(self.id_tags, id_tag))

    @rule(at=_some, connector_id=st.integers(1, 2), id_tag=_some)
    def charge(self, at: int, connector_id: int, id_tag: int) -> None:
        """From start to stop, and nobody is told yet."""
        point = _of(self.points, at)
        transaction = point.start(connector_id, _of(self.id_tags, id_tag))
        point.sample(transaction)
        point.stop(transaction)

    @precondition(lambda self: self._transactions() != [])
    @rule(which=_some)
    def sample(self, which: int) -> None:
        point, transaction = _of(self._transactions()[::-1], which)  # running or not
        point.sample(transaction)

    @precondition(lambda self: self._running() != [])
    @rule(which=_some)
    def stop(self, which: int) -> None:
        point, transaction = _of(self._running(), which)
        point.stop(transaction)

    # ... and when the central system is told of it, message by message.

    @precondition(lambda self: self._in_debt() != [])
    @rule(which=_some, delivery=st.sampled_from(Delivery), new_id=st.booleans())
    def deliver(self, which: int, delivery: Delivery, new_id: bool) -> None:
        self._deliver(which, delivery, new_id=new_id)

    @precondition(lambda self: self._in_debt() != [])
    @rule(which=_some, new_id=st.booleans())
    def deliver_again_and_again(self, which: int, new_id: bool) -> None:
        self._deliver(which, Delivery.CUT, new_id=new_id)
        self._deliver(which, Delivery.REPEATED, new_id=new_id)

    def _deliver(self, which: int, delivery: Delivery, *, new_id: bool) -> None:
        point = _of(self._in_debt(), which)
        self.do(lambda: point.deliver(delivery, new_id=new_id))

    def _connected(self) -> list[ChaosChargePoint]:
        return [point for point in self.points if point.connected]

    def _in_debt(self) -> list[ChaosChargePoint]:
        return [point for point in self.points if point.due]

    def _transactions(self) -> list[tuple[ChaosChargePoint, Transaction]]:
        return [(point, each) for point in self.points for each in point.transactions]

    def _running(self) -> list[tuple[ChaosChargePoint, Transaction]]:
        return [(point, each) for point, each in self._transactions() if not each.ended]


def _of(things: Sequence[T], at: int) -> T:
    return things[at % len(things)]


class _TrioThread:
    """Trio in a thread of its own, for Hypothesis takes its steps without async."""

    nursery: trio.Nursery
    _token: trio.lowlevel.TrioToken
    _stop: trio.Event

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:  # noqa: ASYNC103, BLE001 - raised by `run` or `stop`
            self._error = error

    async def _main(self) -> None:
        async with trio.open_nursery() as self.nursery:
            self._token = trio.lowlevel.current_trio_token()
            self._stop = trio.Event()
            self._ready.set()
            await self._stop.wait()
            self.nursery.cancel_scope.cancel()

    def run(self, work: Callable[[Unpack[Ts]], Awaitable[T]], *args: *Ts) -> T:
        try:
            return trio.from_thread.run(work, *args, trio_token=self._token)
        except (trio.RunFinishedError, trio.Cancelled):
            self._thread.join()
            if self._error is not None:  # a task in the nursery failed
                raise self._error from None  # noqa: ASYNC104 - nothing here to cancel
            raise

    def stop(self) -> None:
        try:
            self._token.run_sync_soon(self._stop.set)
        except trio.RunFinishedError:
            pass
        self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

"""What a quirk is: an object that overrides a few hooks of a simulated charge point.

A hook sees one thing on its way (a CALL, an answer, the opening handshake, bytes) and may change,
hold back or replace it; those it leaves alone do nothing. Several quirks compose: each sees what
the one before it made of the thing. Not here: the quirks themselves (one module per theme), who
calls the hooks (wire, websocket, link, outbox).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Final

import trio

from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.simulator.chance import branch

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint
    from ocpptrio.simulator.quirks.wire import Wire

# Any: payloads are JSON, and what a quirk makes of one need not be a payload any more.
Payload = dict[str, Any]


class Opening:
    """The opening handshake of one attempt to connect, before it is made.

    Attributes:
        attempt: 0 for the first since the charge point was made, then 1, 2, 3 ...
        path: of the endpoint, without the identity.
        segment: the identity as it is appended to it, encoded.
        query: appended as it is.
        subprotocols: offered in one header line, in this order.
        headers: further ones.
        user, password: for HTTP Basic; without a password there is no Authorization.
    """

    def __init__(
        self, attempt: int, path: str, segment: str, user: bytes, password: bytes | None
    ) -> None:
        self.attempt = attempt
        self.path = path
        self.segment = segment
        self.query = ""
        self.subprotocols = ["ocpp1.6"]
        self.headers: list[tuple[bytes, bytes]] = []
        self.user = user
        self.password = password

    @property
    def target(self) -> str:
        return f"{self.path}/{self.segment}{self.query}"


class OurCall:
    """A CALL of the charge point on its way out.

    Attributes:
        unique_id: as it goes out; the answer still finds the one who asked.
        payload: None goes out as null.
        answer: if set, the charge point takes this for the answer at once, and does not heed the
            one that comes.
        goes_out: False: the central system never sees it.
        copies: how often it goes out, in a row.
        done: set when its answer has come.
    """

    def __init__(self, unique_id: UniqueId, action: str, payload: Payload) -> None:
        self.own_id = unique_id
        self.unique_id = unique_id
        self.action = action
        self.payload: Payload | None = payload
        self.answer: Payload | None = None
        self.goes_out = True
        self.copies = 1
        self.done = trio.Event()


class TheirAnswer:
    """The answer to a CALL of ours on its way in.

    Attributes:
        call: as it went out.
        code: the errorCode, None for a CALLRESULT.
        payload: of the CALLRESULT, or the errorDetails.
        lost: True: as if it never came.
    """

    def __init__(self, call: OurCall, code: str | None, payload: Payload) -> None:
        self.call = call
        self.code = code
        self.payload = payload
        self.lost = False


class TheirCall:
    """A CALL of the central system on its way in.

    Attributes:
        answer: if set, it is answered with this, whatever the rest of the charge point thinks.
        lost: True: as if it never came.
    """

    def __init__(self, unique_id: UniqueId, action: str, payload: Payload) -> None:
        self.unique_id = unique_id
        self.action = action
        self.payload = payload
        self.answer: Payload | None = None
        self.lost = False


class OurAnswer:
    """The answer to a CALL of the central system on its way out.

    Attributes:
        frame: as it goes out, `[3, id, payload]` or `[4, id, code, description, details]`.
        before: frames that go out just before it.
        delay_s: real seconds that it is held back.
        wait_for: it is held back until then, but not for ever.
        lost: True: it never goes out; looked at after the delay.
    """

    def __init__(self, action: str, request: Payload, frame: list[Any]) -> None:
        self.action = action
        self.request = request
        self.frame = frame
        self.before: list[list[Any]] = []
        self.delay_s = 0.0
        self.wait_for: trio.Event | None = None
        self.lost = False

    @property
    def payload(self) -> Payload | None:
        """Of a CALLRESULT; None of a CALLERROR."""
        return self.frame[2] if self.frame[0] == 3 else None


class Quirk:
    """One way to misbehave. Its docstring says how, and what taught us.

    One object per charge point, made anew for each, so that it may remember things.

    Attributes:
        number: as in `q37`.
        title: what it is, in a few words.
        seen: where: the device, or the place that it was reported.
        lies_about_energy: its meter values cannot be added up to what the meter measured.
        pings: False: the charge point sends no WebSocket pings.
        configuration: of its configuration keys; what the user sets goes before.
        random: chances of its own.
    """

    number: ClassVar[int]
    title: ClassVar[str]
    seen: ClassVar[str]
    lies_about_energy: ClassVar[bool] = False
    pings: ClassVar[bool] = True
    configuration: ClassVar[dict[str, str]] = {}

    charge_point: "SimulatedChargePoint"
    random: Random

    @property
    def name(self) -> str:
        return f"q{self.number}"

    # Before there is a connection. Only for real sockets: in memory nothing is opened.

    async def probe(self, host: str, port: int) -> None:
        """Come by without a proper handshake, before each attempt to connect."""

    def opening(self, opening: Opening) -> None:
        """The handshake is about to be made."""

    def octets(self, data: bytes) -> bytes:
        """These bytes are about to go out: the HTTP request, or one WebSocket frame."""
        return data

    # A connection.

    def opened(self, wire: "Wire") -> None:
        """A connection has come about."""

    async def beside(self, wire: "Wire") -> None:
        """Runs beside each connection, until it ends."""

    def redial_s(self) -> float | None:
        """Simulated seconds to wait after a lost connection, instead of a few real ones."""
        return None

    # Messages.

    def our_call(self, wire: "Wire", call: OurCall) -> None:
        """A CALL of ours is about to go out."""

    def their_answer(self, wire: "Wire", answer: TheirAnswer) -> None:
        """The answer to it has come."""

    def their_call(self, wire: "Wire", call: TheirCall) -> None:
        """A CALL of the central system has come."""

    def our_answer(self, wire: "Wire", answer: OurAnswer) -> None:
        """The answer to it is about to go out."""

    def messages(self, message: str | bytes) -> Iterable[str | bytes]:
        """What goes out for one WebSocket message: last of all hooks."""
        return (message,)

    # The device.

    def keeps(self, request: Request[Message]) -> bool:
        """Whether a message that is to be repeated until it is answered is kept at all."""
        return True


class Quirks:
    """All quirks of one charge point, in the order of their numbers; often there are none."""

    def __init__(self, quirks: Iterable[Quirk] = ()) -> None:
        self._quirks: Final = sorted(quirks, key=lambda quirk: quirk.number)
        self._attempts = 0

    def install(self, charge_point: "SimulatedChargePoint") -> None:
        """To be called once the charge point is complete."""
        for quirk in self._quirks:
            quirk.charge_point = charge_point
            quirk.random = branch(charge_point.random)

    def __iter__(self) -> Iterator[Quirk]:
        return iter(self._quirks)

    def __bool__(self) -> bool:
        return bool(self._quirks)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(quirk.name for quirk in self._quirks)

    @property
    def lie_about_energy(self) -> bool:
        return any(quirk.lies_about_energy for quirk in self._quirks)

    @property
    def configuration(self) -> dict[str, str]:
        return {key: value for quirk in self for key, value in quirk.configuration.items()}

    def opening(self, path: str, segment: str, user: bytes, password: bytes | None) -> Opening:
        opening = Opening(self._attempts, path, segment, user, password)
        self._attempts += 1
        for quirk in self._quirks:
            quirk.opening(opening)
        return opening

    def octets(self, data: bytes) -> bytes:
        for quirk in self._quirks:
            data = quirk.octets(data)
        return data

    def redial_s(self) -> float | None:
        waits = [wait for quirk in self._quirks if (wait := quirk.redial_s()) is not None]
        return max(waits, default=None)

    def keeps(self, request: Request[Message]) -> bool:
        kept = [quirk.keeps(request) for quirk in self._quirks]  # all are asked: some count
        return all(kept)


class Numbering:
    """Numbers messages 0, 1, 2 ...; one that is repeated keeps its number, as a bug would.

    Messages that wait are repeated before any other of their kind goes out, so knowing the last
    one suffices.
    """

    def __init__(self) -> None:
        self._last: object = None
        self._number = -1

    def number(self, *what_tells_it_apart: object) -> int:
        key = json.dumps(what_tells_it_apart)
        if key != self._last:
            self._last = key
            self._number += 1
        return self._number


def sampled_values(payload: Payload) -> Iterator[Payload]:
    """Every sampled value in MeterValues or in the transactionData of StopTransaction."""
    for value in meter_values(payload):
        sampled: Sequence[Payload] = value["sampledValue"]
        yield from sampled


def meter_values(payload: Payload) -> list[Payload]:
    """Those of MeterValues or StopTransaction, unless another quirk has bent their shape."""
    values = payload.get("meterValue", payload.get("transactionData"))
    return values if isinstance(values, list) else []


def is_register(sampled: Payload) -> bool:
    """Whether this sampled value is the meter's register."""
    energy = "Energy.Active.Import.Register"
    return sampled.get("measurand", energy) == energy and "phase" not in sampled


def replace_id_tag(call: OurCall, by: Callable[[str], str]) -> None:
    """Send another text for each idTag."""
    if call.payload and isinstance(id_tag := call.payload.get("idTag"), str):
        call.payload["idTag"] = by(id_tag)

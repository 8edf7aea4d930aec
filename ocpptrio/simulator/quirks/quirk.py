"""What a quirk is: an object that overrides a few hooks of a simulated charge point.

A hook sees one thing on its way (a CALL, an answer, the opening handshake, bytes) and may change,
hold back or replace it; those it leaves alone do nothing. Several quirks compose: each sees what
the one before it made of the thing. Not here: the things themselves (messages), the quirks (one
module per theme), who calls the hooks (wire, websocket, link, outbox).
"""

from collections.abc import Iterable, Iterator
from random import Random
from typing import TYPE_CHECKING, ClassVar, Final

from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.simulator.chance import branch
from ocpptrio.simulator.quirks.messages import (
    Opening,
    OurAnswer,
    OurCall,
    TheirAnswer,
    TheirCall,
)

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint
    from ocpptrio.simulator.quirks.wire import Wire


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

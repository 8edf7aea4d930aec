"""What passes by a quirk: the opening handshake, CALLs and answers of either side, payloads.

Mutable on purpose: a quirk changes them in place. Not here: the hooks (quirk), the way (wire).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import trio

from ocpptrio.protocol.frames import UniqueId

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

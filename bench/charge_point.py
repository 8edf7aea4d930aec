"""One charge point of the load: sends CALLs from a script, checks each reply, counts.

Not here: the socket (link), how many there are and for how long (load).
"""

# flake8: noqa: ASYNC910, ASYNC911  # checkpoints are a notion of Trio; this runs on asyncio

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from link import Link

clock: Final = time.perf_counter

Payload = dict[str, Any]  # Any: JSON of any shape, checked by _flaw
Script = Generator[tuple[str, str], Payload | None, None]
"""Yields (Action, payload as JSON) to be sent; gets the reply, or None if that was wrong."""

BOOT: Final = (
    '{"chargePointVendor":"LoadVendor","chargePointModel":"LoadModel",'
    '"chargePointSerialNumber":"SN1","firmwareVersion":"1.0"}'
)
SAMPLES_KEPT: Final = 10  # of the errors, for the report

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$").match
_VERDICTS: Final = frozenset({"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"})
_REGISTRATIONS: Final = frozenset({"Accepted", "Pending", "Rejected"})

# What a plain charge point answers to the CALLs of a central system.
_ANSWERS: Final = {
    "CancelReservation": '{"status":"Rejected"}',
    "ChangeAvailability": '{"status":"Accepted"}',
    "ChangeConfiguration": '{"status":"Accepted"}',
    "ClearCache": '{"status":"Accepted"}',
    "DataTransfer": '{"status":"UnknownVendorId"}',
    "GetConfiguration": '{"configurationKey":[],"unknownKey":[]}',
    "GetLocalListVersion": '{"listVersion":0}',
    "RemoteStartTransaction": '{"status":"Rejected"}',
    "ReserveNow": '{"status":"Rejected"}',
    "Reset": '{"status":"Rejected"}',
    "SendLocalList": '{"status":"NotSupported"}',
    "TriggerMessage": '{"status":"NotImplemented"}',
}


class Tally:
    """What all charge points of a run saw together.

    Attributes:
        latencies_s: from when a CALL was sent (or due) to its reply, while measuring.
        stopping: no further CALLs are to be sent.
    """

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.by_action: Counter[str] = Counter()
        self.sessions = 0
        self.errors: Counter[str] = Counter()
        self.error_samples: list[str] = []
        self.calls_received: Counter[str] = Counter()
        self.transaction_ids: set[int] = set()
        self.measuring = False
        self.stopping = False

    def start(self) -> None:
        """Forget the warm-up, except for its errors, and measure from now on."""
        self.latencies_s = []
        self.by_action.clear()
        self.sessions = 0
        self.measuring = True

    def error(self, kind: str, detail: str = "") -> None:
        self.errors[kind] += 1
        if len(self.error_samples) < SAMPLES_KEPT:
            self.error_samples.append(f"{kind}: {detail}"[:300])


class ChargePoint:
    """Sends one CALL at a time: by `ask`, or from its script, the next as soon as one is answered.

    Attributes:
        link: its connection; set by whoever opens it with `on_text` and `on_end`.
    """

    link: Link

    def __init__(self, charge_point_id: str, tally: Tally, script: Script | None = None) -> None:
        self.charge_point_id = charge_point_id
        self._tally = tally
        self._script = script
        self._sent = 0
        self._outstanding = ""  # unique id
        self._action = ""
        self._since = 0.0
        self._reply: asyncio.Future[Payload | None] | None = None
        self._closing = False

    @property
    def waits(self) -> bool:
        """A CALL is outstanding."""
        return bool(self._outstanding)

    def run_script(self) -> None:
        """Send the first CALL of the script; each reply leads to the next."""
        assert self._script is not None
        self.call(*next(self._script))

    def call(self, action: str, payload: str, due: float | None = None) -> None:
        """Send a CALL; its latency counts from `due`, on `clock`, or from now."""
        self._sent += 1
        self._outstanding = f"{self.charge_point_id}-{self._sent}"
        self._action = action
        self._since = clock() if due is None else due
        self.link.send(f'[2,"{self._outstanding}","{action}",{payload}]')

    async def ask(self, action: str, payload: str, timeout_s: float) -> Payload | None:
        """Send a CALL and return its reply; None, and an error counted, if that was wrong."""
        self._reply = asyncio.get_running_loop().create_future()
        self.call(action, payload)
        try:
            return await asyncio.wait_for(self._reply, timeout_s)
        except TimeoutError:
            self._tally.error("no reply", f"{self.charge_point_id} {action}")
            return None

    def close(self) -> None:
        """Begin to close the connection; its end is no error from now on."""
        self._closing = True
        self.link.close()

    # Called by the link.

    def on_end(self, reason: str) -> None:
        if not self._closing:
            self._tally.error("lost connection", f"{self.charge_point_id} {reason}")
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(None)

    def on_text(self, text: bytes) -> None:
        now = clock()
        tally = self._tally
        try:
            frame = msgspec.json.decode(text)
            kind, unique_id = frame[0], frame[1]
        except (msgspec.DecodeError, IndexError, KeyError, TypeError) as error:
            tally.error("not a frame", f"{error} {text[:100]!r}")
            return
        if kind == 2:
            self._answer(unique_id, frame[2])
            return
        if not self._outstanding or unique_id != self._outstanding:
            tally.error("unknown unique id", repr(text[:120]))
            return
        self._outstanding = ""
        flaw = _frame_flaw(frame) or _flaw(self._action, frame[2], tally)
        if flaw:
            tally.error(f"wrong reply to {self._action}", f"{flaw}: {text[:200]!r}")
        elif tally.measuring:
            tally.latencies_s.append(now - self._since)
            tally.by_action[self._action] += 1
        reply = None if flaw else frame[2]
        if self._reply is not None:
            waiting, self._reply = self._reply, None
            if not waiting.done():
                waiting.set_result(reply)
        elif self._script is not None and not tally.stopping:
            self.call(*self._script.send(reply))

    def _answer(self, unique_id: object, action: str) -> None:
        self._tally.calls_received[action] += 1
        echoed = msgspec.json.encode(unique_id).decode()
        answer = _ANSWERS.get(action)
        if answer is None:
            self.link.send(f'[4,{echoed},"NotImplemented","",{{}}]')
        else:
            self.link.send(f"[3,{echoed},{answer}]")


# Scripts.


def heartbeats() -> Script:
    while True:
        yield "Heartbeat", "{}"


def sessions(id_tag: str, samples: int, on_session: Callable[[], None]) -> Script:
    """Boot, charge, stop, and again: 5 CALLs and one MeterValues of 4 values per sample."""
    meter_wh = 0
    while True:
        yield "BootNotification", BOOT
        yield (
            "StatusNotification",
            f'{{"connectorId":1,"errorCode":"NoError","status":"Preparing","timestamp":"{_now()}"}}',
        )
        yield "Authorize", f'{{"idTag":"{id_tag}"}}'
        start = f'{{"connectorId":1,"idTag":"{id_tag}","meterStart":{meter_wh},'
        reply = yield "StartTransaction", f'{start}"timestamp":"{_now()}"}}'
        transaction_id = reply["transactionId"] if reply else 0
        for sample in range(samples):
            meter_wh += 100
            yield "MeterValues", _meter_values(transaction_id, meter_wh, sample)
        stop = f'{{"transactionId":{transaction_id},"idTag":"{id_tag}","meterStop":{meter_wh},'
        yield "StopTransaction", f'{stop}"timestamp":"{_now()}","reason":"Local"}}'
        on_session()


def _meter_values(transaction_id: int, meter_wh: int, sample: int) -> str:
    common = '"context":"Sample.Periodic","location":"Outlet"'
    values = ",".join(
        f'{{"value":"{value}",{common},"measurand":"{measurand}","unit":"{unit}"}}'
        for value, measurand, unit in (
            (meter_wh, "Energy.Active.Import.Register", "Wh"),
            (7000 + sample, "Power.Active.Import", "W"),
            (f"16.{sample}", "Current.Import", "A"),
            (f"230.{sample}", "Voltage", "V"),
        )
    )
    return (
        f'{{"connectorId":1,"transactionId":{transaction_id},"meterValue":'
        f'[{{"timestamp":"{_now()}","sampledValue":[{values}]}}]}}'
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# What is wrong with a reply; empty if nothing is. Any: JSON of any shape.


def _frame_flaw(frame: list[Any]) -> str:
    if frame[0] == 4:
        return "CALLERROR"
    return "" if frame[0] == 3 and len(frame) == 3 else "neither CALLRESULT nor CALLERROR"


def _flaw(action: str, payload: Any, tally: Tally) -> str:
    if type(payload) is not dict:
        return "payload is not an object"
    match action:
        case "Heartbeat":
            return _time_flaw(payload)
        case "MeterValues" | "StatusNotification":
            return f"unexpected {payload}" if payload else ""
        case "BootNotification":
            if type(payload.get("interval")) is not int:
                return "interval"
            if payload.get("status") not in _REGISTRATIONS:
                return "no known status"
            return _time_flaw(payload) or _not_accepted(payload)
        case "StopTransaction" if "idTagInfo" not in payload:
            return ""
    info = payload.get("idTagInfo")
    if type(info) is not dict or info.get("status") not in _VERDICTS:
        return "idTagInfo"
    if action == "StopTransaction":
        return ""
    if action == "StartTransaction":
        transaction_id = payload.get("transactionId")
        if type(transaction_id) is not int:
            return "transactionId"
        if transaction_id in tally.transaction_ids:
            return "transactionId given twice"
        tally.transaction_ids.add(transaction_id)
    return _not_accepted(info)


def _time_flaw(payload: Payload) -> str:
    told = payload.get("currentTime")
    return "" if type(told) is str and _TIME(told) else "currentTime"


def _not_accepted(holder: Payload) -> str:
    return "" if holder["status"] == "Accepted" else "not accepted"

"""Quirks of frames and unique ids, and of who answers what when (Q21 to Q30, Q35 and Q36)."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import trio

from ocpptrio.protocol.frames import UniqueId
from ocpptrio.simulator.quirks.messages import (
    Numbering,
    OurAnswer,
    OurCall,
    TheirAnswer,
    TheirCall,
    replace_id_tag,
)
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.wire import Wire

REPEATED: Final = ("StartTransaction", "StopTransaction", "MeterValues")
LATE_S: Final = 40.0  # real; longer than most central systems wait
SLOW_S: Final = (2.0, 12.0)  # real
FIRST_ID: Final = 1_000_001
RARE_COMMANDS: Final = (
    "ClearCache",
    "DataTransfer",
    "GetCompositeSchedule",
    "GetLocalListVersion",
    "UnlockConnector",
)


class SameIdAgain(Quirk):
    """Sends each message of a transaction twice, and repeats it with the same unique id.

    MicroOcpp#50, mobilityhouse/ocpp#376, libocpp#298.
    """

    number = 21
    title = "a retry with the same unique id"
    seen = "MicroOcpp#50, libocpp#298"

    def __init__(self) -> None:
        self._ids: dict[str, UniqueId] = {}  # of what is unanswered

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action in REPEATED:
            call.copies = 2
            key = json.dumps([call.action, call.payload])
            call.unique_id = self._ids.setdefault(key, call.unique_id)

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.code is None:
            key = json.dumps([answer.call.action, answer.call.payload])
            self._ids.pop(key, None)


class CounterIds(Quirk):
    """Counts its unique ids, from the same number on each connection.

    OCPP.Core#31 (`1000001`, again and again).
    """

    number = 22
    title = "unique ids that begin anew"
    seen = "OCPP.Core#31"

    def __init__(self) -> None:
        self._next = FIRST_ID

    def opened(self, wire: Wire) -> None:
        self._next = FIRST_ID

    def our_call(self, wire: Wire, call: OurCall) -> None:
        call.unique_id = str(self._next)
        self._next += 1


class Crossing(Quirk):
    """Answers a CALL only when one of its own, sent after it came, has been answered.

    citrineos-core#189: both sides wait for each other.
    """

    number = 23
    title = "its CALL crosses yours, and comes first"
    seen = "citrineos-core#189"

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        answer.wait_for = wire.extra_call("Heartbeat", {}).done


class LateAnswers(Quirk):
    """Sends an answer to nothing before each answer, and every third one after 40 s.

    mobilityhouse/ocpp#297, ocpp-go#294 and #66.
    """

    number = 24
    title = "late and foreign answers"
    seen = "mobilityhouse/ocpp#297, ocpp-go#294"

    def __init__(self) -> None:
        self._answers = 0

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        self._answers += 1
        answer.before.append([3, f"foreign-{self._answers}", {"status": "Accepted"}])
        if self._answers % 3 == 0:
            answer.delay_s = LATE_S


class OddErrors(Quirk):
    """Refuses rare commands with a CALLERROR of three or four items, with an empty unique id, an
    unknown code, or null for details.

    open-ocpp-simu#24, steve's deserializer.
    """

    number = 25
    title = "misshapen CALLERRORs"
    seen = "open-ocpp-simu#24, steve"

    def __init__(self) -> None:
        self._errors = 0

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        if answer.action in RARE_COMMANDS:
            unique_id = answer.frame[1]
            shapes: list[list[Any]] = [  # Any: hardly any frame
                [4, "", "GenericError", "", {}],
                [4, unique_id, "NotSupported"],
                [4, unique_id, "UnsupportedAction", ""],
                [4, unique_id, "InternalError", "", None],
            ]
            answer.frame = shapes[self._errors % len(shapes)]
            self._errors += 1


class NumericIds(Quirk):
    """Its unique ids are JSON numbers.

    open-ocpp-simu#24.
    """

    number = 26
    title = "unique ids as numbers"
    seen = "open-ocpp-simu#24"

    def __init__(self) -> None:
        self._next = 1

    def our_call(self, wire: Wire, call: OurCall) -> None:
        call.unique_id = self._next
        self._next += 1


class InvalidJson(Quirk):
    """Every fifth MeterValues has a comma too many, also when it is repeated.

    ZJ Beny (HA#1078): `"sampledValue":[,{`.
    """

    number = 27
    title = "invalid JSON"
    seen = "ZJ Beny"

    def __init__(self) -> None:
        self._numbering = Numbering()

    def messages(self, message: str | bytes) -> Iterable[str | bytes]:
        if isinstance(message, str) and '"MeterValues",' in message:
            payload = message.partition('"MeterValues",')[2]
            if self._numbering.number(payload) % 5 == 0:
                return (message.replace('"sampledValue":[', '"sampledValue":[,'),)
        return (message,)


class ControlBytes(Quirk):
    """Appends two control bytes to each idTag, as they are, and NUL to each info.

    Ocular (HA#2030): `tag\\x10\\x0e`.
    """

    number = 28
    title = "control bytes in texts"
    seen = "Ocular"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        replace_id_tag(call, lambda id_tag: f"{id_tag[:18]}\x10\x0e")
        if call.action == "StatusNotification" and call.payload:
            call.payload["info"] = f"{call.payload.get('info', '')}\x00"

    def messages(self, message: str | bytes) -> Iterable[str | bytes]:
        if isinstance(message, str):
            message = message.replace("\\u0010\\u000e", "\x10\x0e")
        return (message,)


class OddFrames(Quirk):
    """Sends null for an empty payload, an empty message before each heartbeat, and every status in
    a binary frame.

    steve#1109, steve#66.
    """

    number = 29
    title = "null payloads, empty and binary frames"
    seen = "steve#1109, steve#66"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if not call.payload:
            call.payload = None

    def messages(self, message: str | bytes) -> Iterable[str | bytes]:
        if isinstance(message, str):
            if ',"Heartbeat",' in message:
                return ("", message)
            if ',"StatusNotification",' in message:
                return (message.encode(),)
        return (message,)


class VendorActions(Quirk):
    """Tells of each start once more, in an Action of its own.

    Blink (HA#786): `TransactionStarted`.
    """

    number = 30
    title = "Actions that do not exist"
    seen = "Blink"

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "StartTransaction" and answer.code is None:
            transaction_id = answer.payload.get("transactionId")
            wire.extra_call("TransactionStarted", {"transactionId": transaction_id})


_A_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
_THE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class StrictDates(Quirk):
    """Hears nothing that holds a time with a fraction, or with an offset instead of Z.

    The compliancy testing tool itself (ocpp-rpc#42).
    """

    number = 35
    title = "understands one form of time only"
    seen = "OCTT (ocpp-rpc#42)"

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        answer.lost = answer.lost or _has_odd_time(answer.payload)

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        call.lost = call.lost or _has_odd_time(call.payload)


def _has_odd_time(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_odd_time(each) for each in value.values())
    if isinstance(value, list):
        return any(_has_odd_time(each) for each in value)
    return isinstance(value, str) and bool(_A_TIME.match(value)) and not _THE_TIME.fullmatch(value)


class Slow(Quirk):
    """Takes seconds to answer; a second CALL meanwhile, and neither is answered.

    evcc#15401, HA#1096.
    """

    number = 36
    title = "slow, and lost with two CALLs at a time"
    seen = "evcc#15401, HA#1096"

    def __init__(self) -> None:
        self._busy_until = 0.0
        self._answer: OurAnswer | None = None

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        if trio.current_time() < self._busy_until and self._answer is not None:
            self._answer.lost = call.lost = True

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        answer.delay_s = self.random.uniform(*SLOW_S)
        self._busy_until = trio.current_time() + answer.delay_s
        self._answer = answer

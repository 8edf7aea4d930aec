"""Quirks of meter values: when they come, where they belong, what they count (Q42 to Q44)."""

from ocpptrio.simulator.quirks.messages import (
    Numbering,
    OurCall,
    TheirAnswer,
    is_register,
    sampled_values,
)
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.transactions import UNKNOWN_ID
from ocpptrio.simulator.quirks.wire import Wire


class ValuesAfterStop(Quirk):
    """Sends the last meter values of a transaction when its stop has been answered.

    Ocular, HA#1069.
    """

    number = 42
    title = "meter values after the stop"
    seen = "Ocular"

    def __init__(self) -> None:
        self._connectors: dict[object, object] = {}  # by transaction id

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        payload = answer.call.payload
        if not payload or answer.code is not None:
            return
        if answer.call.action == "StartTransaction":
            self._connectors[answer.payload.get("transactionId")] = payload.get("connectorId")
        elif answer.call.action == "StopTransaction":
            transaction_id = payload.get("transactionId")
            last = {
                "value": str(payload.get("meterStop")),
                "context": "Transaction.End",
                "measurand": "Energy.Active.Import.Register",
                "unit": "Wh",
            }
            wire.extra_call(
                "MeterValues",
                {
                    "connectorId": self._connectors.pop(transaction_id, 1),
                    "transactionId": transaction_id,
                    "meterValue": [{"timestamp": payload["timestamp"], "sampledValue": [last]}],
                },
            )


class StrayValues(Quirk):
    """Meter values without a transaction id, with a wrong one, or for connector 0, by turns.

    HA#1774, evcc#14673.
    """

    number = 43
    title = "meter values that belong nowhere"
    seen = "HA#1774, evcc#14673"

    def __init__(self) -> None:
        self._values = Numbering()

    def our_call(self, wire: Wire, call: OurCall) -> None:
        payload = call.payload
        if call.action != "MeterValues" or not payload or "transactionId" not in payload:
            return
        match self._values.number(payload) % 3:
            case 0:
                del payload["transactionId"]
            case 1:
                payload["transactionId"] = UNKNOWN_ID
            case _:
                payload["connectorId"] = 0


class OtherRegister(Quirk):
    """By turns: samples count from the start of the transaction; the start says 0; the register
    has begun anew before the stop.

    ABB (HA#374), HA#2093, evcc#29654.
    """

    number = 44
    title = "a register that counts per session, or restarts"
    seen = "ABB, HA#2093, evcc#29654"
    lies_about_energy = True

    def __init__(self) -> None:
        self._starts = Numbering()
        self._turn: dict[object, tuple[int, int]] = {}  # by transaction id: which, meterStart
        self._start: tuple[int, int] = (0, 0)

    def our_call(self, wire: Wire, call: OurCall) -> None:
        payload = call.payload
        if not payload:
            return
        if call.action == "StartTransaction":
            turn = self._starts.number(payload) % 3
            self._start = turn, int(payload["meterStart"])
            if turn == 1:
                payload["meterStart"] = 0
            return
        turn, meter_start_wh = self._turn.get(payload.get("transactionId"), (1, 0))
        if turn == 1:
            return
        for sampled in sampled_values(payload):
            if is_register(sampled):
                sampled["value"] = str(max(round(float(sampled["value"])) - meter_start_wh, 0))
        if call.action == "StopTransaction" and turn == 2:
            payload["meterStop"] = int(payload["meterStop"]) - meter_start_wh

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        action = answer.call.action
        if action == "StartTransaction" and answer.code is None:
            self._turn[answer.payload.get("transactionId")] = self._start
        elif action == "StopTransaction" and answer.call.payload:
            self._turn.pop(answer.call.payload.get("transactionId"), None)

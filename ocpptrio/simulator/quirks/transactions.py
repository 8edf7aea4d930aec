"""Quirks around authorization and transactions (Q37 to Q41, Q45 to Q51)."""

import re
from typing import Final

from ocpptrio.protocol.core import Reason, StopTransaction
from ocpptrio.protocol.datatypes import INT32_MAX, Message, Request
from ocpptrio.simulator.quirks.messages import (
    Numbering,
    OurCall,
    Payload,
    TheirAnswer,
    TheirCall,
    replace_id_tag,
)
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.wire import Wire

CRASH_AFTER_S: Final = 300.0  # simulated, into a transaction
DAY_S: Final = 86_400.0
AWAY_S: Final = (1 * DAY_S, 2 * DAY_S)  # simulated
AWAY_AGAIN_AFTER_S: Final = 4 * DAY_S
UNKNOWN_ID: Final = 1_999_999_999
FREE_TAG: Final = "PLUGANDCHARGE"
_HEX: Final = re.compile(r"[0-9A-Fa-f]{1,16}")


class LostStartAnswer(Quirk):
    """Never hears the first answer to a start, and tells of it anew with another unique id; refuse
    that one and it stops.

    MicroOcpp#237, steve#1294: ConcurrentTx with itself.
    """

    number = 37
    title = "each start told twice"
    seen = "MicroOcpp#237, steve#1294"

    def __init__(self) -> None:
        self._starts = Numbering()
        self._heard = -1

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "StartTransaction":
            number = self._starts.number(answer.call.payload)
            answer.lost = number > self._heard
            self._heard = number


class StartsUnasked(Quirk):
    """Asks nobody before a start, uses a tag that nobody knows, and lets some energy flow when it
    is refused. Given no proper id, it stops `-1`.

    OCPP.Core#55, CitrineOS, MaEVe.
    """

    number = 38
    title = "starts with an unknown tag"
    seen = "OCPP.Core#55; any with plug and charge"
    configuration = {"MaxEnergyOnInvalidId": "500"}

    def our_call(self, wire: Wire, call: OurCall) -> None:
        replace_id_tag(call, lambda id_tag: FREE_TAG)
        if call.action == "Authorize":
            call.goes_out = False
            call.answer = {"idTagInfo": {"status": "Accepted"}}

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        given = answer.payload.get("transactionId")
        if answer.call.action == "StartTransaction" and isinstance(given, int) and given < 1:
            answer.payload["transactionId"] = -1


class WrongStopId(Quirk):
    """Stops -1, 0 or an id that was never given, by turns.

    Etrel (HA#1000), libocpp#495, open-ocpp#24, ocpp-rpc#82, MicroOcpp#50.
    """

    number = 39
    title = "stops -1, 0 or an unknown id"
    seen = "Etrel, libocpp#495, MicroOcpp#50"

    def __init__(self) -> None:
        self._stops = Numbering()

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "StopTransaction" and call.payload:
            number = self._stops.number(call.payload)
            call.payload["transactionId"] = (-1, 0, UNKNOWN_ID)[number % 3]


class StrictIds(Quirk):
    """Does not take a transaction id below 1, above 2147483647, or that another transaction had.

    HA PR#2128 (ids from the clock), ocpp-go, HA#45 (9.2e18).
    """

    number = 40
    title = "takes only fresh ids from 1 to 2147483647"
    seen = "HA PR#2128, HA#45"

    def __init__(self) -> None:
        self._starts = Numbering()
        self._given: dict[int, int] = {}

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "StartTransaction" and answer.code is None:
            start = self._starts.number(answer.call.payload)
            given = answer.payload.get("transactionId")
            answer.lost = (
                type(given) is not int
                or not 1 <= given <= INT32_MAX
                or self._given.setdefault(given, start) != start
            )


class StopWithoutTag(Quirk):
    """Its stops carry no idTag.

    OCPP.Core#31.
    """

    number = 41
    title = "stops without idTag"
    seen = "OCPP.Core#31"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "StopTransaction" and call.payload:
            call.payload.pop("idTag", None)


class CrashInTransaction(Quirk):
    """Restarts five minutes into every other transaction, and knows nothing of it afterwards.

    HA#1730, evcc#14673, evcc PR#33909.
    """

    number = 45
    title = "a restart in mid-transaction, and no stop"
    seen = "HA#1730, evcc#14673"

    def __init__(self) -> None:
        self._starts = self._crashing = 0

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "StartTransaction" and answer.code is None:
            self._starts += 1
            if self._starts % 2:
                self.charge_point.device.after(CRASH_AFTER_S, self._crash)

    def _crash(self) -> None:
        if any(each.transaction is not None for each in self.charge_point.station.connectors):
            self._crashing = True
            self.charge_point.reboot(Reason.REBOOT)
            self._crashing = False

    def keeps(self, request: Request[Message]) -> bool:
        return not (self._crashing and isinstance(request, StopTransaction))


class OfflineForDays(Quirk):
    """Goes offline for a day or two when a transaction starts, replays all of it then, after its
    present status, and at last an old status.

    Alfen (HA#337), steve's `insert...after_transaction`.
    """

    number = 46
    title = "days offline, then all at once and out of order"
    seen = "Alfen"

    def __init__(self) -> None:
        self._next_us = 0
        self._status: Payload = {}
        self._is_back = True

    def our_call(self, wire: Wire, call: OurCall) -> None:
        device = self.charge_point.device
        if call.action == "StatusNotification" and call.payload and self._is_back:
            self._status = dict(call.payload)
        if call.action == "StartTransaction" and device.now_us() >= self._next_us:
            call.goes_out = False
            seconds = self.random.uniform(*AWAY_S)
            self._next_us = device.now_us() + round((seconds + AWAY_AGAIN_AFTER_S) * 1_000_000)
            self._is_back = False
            self.charge_point.link.cut(seconds)

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "StopTransaction" and not self._is_back:
            self._is_back = True
            wire.extra_call("StatusNotification", self._status)


class AllAtOnce(Quirk):
    """Sends StatusNotifications without waiting for answers: all connectors at the same time.

    steve#2107, where they met in the database.
    """

    number = 47
    title = "all StatusNotifications at once"
    seen = "steve#2107"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "StatusNotification":
            call.answer = {}


class OddConnectors(Quirk):
    """Has a connector more than anybody knows of and none numbered 0, and rejects a trigger that
    names a connector.

    HA#2138, ocpp-go ("Allow connectorID 0"), HA#1573.
    """

    number = 48
    title = "no connector 0, one more than configured"
    seen = "HA#2138, HA#1573"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        payload = call.payload
        if call.action == "StatusNotification" and payload and payload.get("connectorId") == 0:
            payload["connectorId"] = len(self.charge_point.station.connectors) + 1

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        if call.action.endswith("TriggerMessage") and "connectorId" in call.payload:
            call.answer = {"status": "Rejected"}


class StuckInFinishing(Quirk):
    """After a transaction it stays in Finishing, and starts no other before the cable is out.

    Autel and Ocular; HA#2030, ConnectorIO PR#151.
    """

    number = 49
    title = "no start in Finishing"
    seen = "Autel, Ocular"

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        wanted = call.payload.get("connectorId")
        stuck = [each.id for each in self.charge_point.station.connectors if each.finishing]
        if call.action == "RemoteStartTransaction" and stuck and wanted in (None, *stuck):
            call.answer = {"status": "Rejected"}


class IdTagCase(Quirk):
    """Asks in small letters, starts and stops in capitals; starts from afar only with a tag of at
    most 16 hexadecimal digits.

    ev-server#1774, HA#514, HA#1671.
    """

    number = 50
    title = "idTags in either case, and hexadecimal only"
    seen = "ev-server#1774, HA#514, HA#1671"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        replace_id_tag(call, str.lower if call.action == "Authorize" else str.upper)

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        if call.action == "RemoteStartTransaction" and not _HEX.fullmatch(
            str(call.payload.get("idTag"))
        ):
            call.answer = {"status": "Rejected"}


class GhostTransactions(Quirk):
    """Loses every other stop, from the first on, and uses the same card for the next start.

    steve#1478, MicroOcpp#44: ConcurrentTx for a driver who is not charging.
    """

    number = 51
    title = "transactions that are never stopped"
    seen = "steve#1478, MicroOcpp#44"

    def __init__(self) -> None:
        self._stops = 0

    def keeps(self, request: Request[Message]) -> bool:
        if not isinstance(request, StopTransaction):
            return True
        self._stops += 1
        return self._stops % 2 == 0

"""Quirks in the life of a connection: when it ends, and what is said and heard on it (Q12 to Q20).

Times are simulated, so that a time scale speeds them up; only the network's own are real.
"""

from typing import Final

import trio

from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.simulator.configuration import KEYS, Access
from ocpptrio.simulator.quirks.messages import OurAnswer, OurCall, Payload, TheirAnswer, TheirCall
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.wire import Wire

MINUTE_S: Final = 60.0
HALF_OPEN_AFTER_S: Final = 20 * MINUTE_S
HALF_OPEN_S: Final = 60  # real; how long the old connection lingers beside the new one
DEAF_AFTER_S: Final = 5 * MINUTE_S
CUT_AFTER_S: Final = 30 * MINUTE_S
REDIAL_S: Final = (6 * MINUTE_S, 19 * MINUTE_S)
TOO_LONG: Final = 1.1  # times the heartbeat interval


class HalfOpen(Quirk):
    """Forgets its connection every twenty minutes, leaves it open, and makes another.

    ocpp-go#314 and #358, OCPP.Core#83, HA PR#336: modems that lose their address.
    """

    number = 12
    title = "a new connection beside a half-open one"
    seen = "ocpp-go#314, OCPP.Core#83, HA PR#336"

    def __init__(self) -> None:
        self._left: Wire | None = None

    async def beside(self, wire: Wire) -> None:
        left, self._left = self._left, None
        if left is not None:
            await trio.sleep(HALF_OPEN_S)
            await left.transport.aclose()
        await self.charge_point.device.timing.sleep(HALF_OPEN_AFTER_S)
        self._left = wire
        wire.abandon()


class NeverPongs(Quirk):
    """Neither answers pings nor sends any.

    EN+ (HA#211), EVduty (HA#553), libocpp#1135. In memory there are no pings to leave unanswered.
    """

    number = 13
    title = "no pong, no ping"
    seen = "EN+, EVduty"
    pings = False

    def octets(self, data: bytes) -> bytes:
        return b"" if data[:1] == b"\x8a" else data


class LateHeartbeats(Quirk):
    """Sends heartbeats a tenth of the interval late, and no pings: who drops it after exactly one
    interval of silence drops it again and again.

    evcc#32236, evcc PR#33099.
    """

    number = 14
    title = "heartbeats a little late"
    seen = "evcc#32236"
    pings = False

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        interval_s = answer.payload.get("interval")
        if answer.call.action == "BootNotification" and isinstance(interval_s, int):
            answer.payload["interval"] = round(interval_s * TOO_LONG)


class Deaf(Quirk):
    """Five minutes into each connection it stops hearing CALLs; its own ones go on as ever.

    mobilityhouse/ocpp#626 and #350, evcc#32039.
    """

    number = 15
    title = "heartbeats fine, commands ignored"
    seen = "mobilityhouse/ocpp#626, evcc#32039"

    def __init__(self) -> None:
        self._deaf_from_us = 0

    def opened(self, wire: Wire) -> None:
        device = self.charge_point.device
        self._deaf_from_us = device.now_us() + round(DEAF_AFTER_S * 1_000_000)

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        call.lost = self.charge_point.device.now_us() >= self._deaf_from_us


class BootLoop(Quirk):
    """A CALL that comes while its boot is unanswered confuses it: it hears neither, and boots anew.

    Wallbox; HA#1503, HA#1414, evcc#27203, evcc PR#27309.
    """

    number = 16
    title = "a boot loop if called before the boot is answered"
    seen = "Wallbox"

    def __init__(self) -> None:
        self._booting = self._confused = False

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "BootNotification":
            self._booting, self._confused = True, False

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        registered = self.charge_point.link.registration.accepted
        if self._booting or not registered:
            self._confused = call.lost = True

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "BootNotification":
            self._booting = False
            answer.lost = self._confused


class NoBoot(Quirk):
    """Once accepted it never boots again, not even when it has restarted; its connection breaks
    every half hour.

    evcc#4566, evcc PR#31192, evcc#25069.
    """

    number = 17
    title = "no BootNotification after the first"
    seen = "evcc#4566, evcc#25069"

    def __init__(self) -> None:
        self._accepted = False

    async def beside(self, wire: Wire) -> None:
        await self.charge_point.device.timing.sleep(CUT_AFTER_S)
        wire.tear()

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "BootNotification" and self._accepted:
            call.goes_out = False
            call.answer = _registration(self, RegistrationStatus.ACCEPTED)

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "BootNotification":
            self._accepted = answer.payload.get("status") == RegistrationStatus.ACCEPTED
        elif answer.code == "SecurityError":  # it has to present itself after all
            self._accepted = False


class Forgetful(Quirk):
    """Restarts when its measurands are changed, and has forgotten all changes after a restart.

    ABB (HA#1275), evcc#15671, HA#1099, HA#1036.
    """

    number = 18
    title = "settings lost by a reboot, and a reboot by settings"
    seen = "ABB"

    def __init__(self) -> None:
        self._before: dict[str, str] = {}  # values at the last start, by key

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        key = str(call.payload.get("key")).casefold()
        known = KEYS.get(key)
        if call.action == "ChangeConfiguration" and known and known.access is Access.READ_WRITE:
            self._before.setdefault(key, self.charge_point.configuration.text(key))

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        if answer.action != "ChangeConfiguration" or not answer.payload:
            return
        if answer.payload.get("status") not in ("Accepted", "RebootRequired"):
            return
        key = str(answer.request.get("key")).casefold()
        if key.startswith("metervalues") and key.endswith("data"):
            self.charge_point.link.soon(self.charge_point.reset_hard)

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "BootNotification":
            for key, value in self._before.items():
                self.charge_point.configuration.set(key, value)
                self.charge_point.configuration_changed(key)
            self._before.clear()


class LateRedial(Quirk):
    """Comes back six to nineteen minutes after a connection was lost.

    FoxESS; Teison never does.
    """

    number = 19
    title = "redials after 6 to 19 minutes"
    seen = "FoxESS"

    def redial_s(self) -> float | None:
        return self.random.uniform(*REDIAL_S)


class PendingForEver(Quirk):
    """When told Pending it says nothing more, not even another boot, until that is triggered.

    libocpp#478.
    """

    number = 20
    title = "Pending until a boot is triggered"
    seen = "libocpp#478"

    def __init__(self) -> None:
        self._pending: Payload | None = None

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        asked_for = call.payload.get("requestedMessage")
        if call.action.endswith("TriggerMessage") and asked_for == "BootNotification":
            self._pending = None

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action == "BootNotification" and self._pending is not None:
            call.goes_out = False
            call.answer = _registration(self, RegistrationStatus.PENDING)

    def their_answer(self, wire: Wire, answer: TheirAnswer) -> None:
        if answer.call.action == "BootNotification":
            pending = answer.payload.get("status") == RegistrationStatus.PENDING
            self._pending = answer.payload if pending else None


def _registration(quirk: Quirk, status: RegistrationStatus) -> Payload:
    """What a charge point tells itself instead of asking."""
    device = quirk.charge_point.device
    return {
        "status": status.value,
        "currentTime": f"{device.now():%Y-%m-%dT%H:%M:%SZ}",
        "interval": device.configuration.number("HeartbeatInterval"),
    }

"""Quirks of what stands in a payload: texts, units, numbers, times (Q31 to Q34, Q57)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ocpptrio.simulator.quirks.messages import (
    Numbering,
    OurCall,
    Payload,
    meter_values,
    replace_id_tag,
    sampled_values,
)
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.wire import Wire

LOCAL: Final = timedelta(hours=2)  # what the clock on the wall is ahead of UTC


class WrongLengths(Quirk):
    """An empty vendor, a serial number of 33 characters, and idTags of 21.

    HA#213 (33 characters), HA#1803 (a tag of 21 that blocks the stop), evcc#32170 (no vendor).
    """

    number = 31
    title = "texts too long or empty"
    seen = "HA#213, HA#1803, evcc#32170"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        replace_id_tag(call, lambda id_tag: id_tag.ljust(21, "0"))
        if call.action == "BootNotification" and call.payload:
            serial = str(call.payload.get("chargePointSerialNumber", ""))
            call.payload |= {
                "chargePointVendor": "",
                "chargePointSerialNumber": serial.rjust(33, "0"),
            }


class OddUnits(Quirk):
    """Power in Wh, Hz for frequency, Celcius, an unknown context, phase N, `Request.Energy`.

    mobilityhouse/ocpp#54 and #70, HA#1576, HA#1617, HA#361, HA#1311, ocpp-go#273, OCPP.Core#81.
    """

    number = 32
    title = "unknown units, contexts and measurands"
    seen = "HA#1576, HA#1617, HA#361, HA#1311"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        if call.action != "MeterValues" or not call.payload:
            return
        for sampled in sampled_values(call.payload):
            sampled["context"] = "Sample.Periodical"
            if sampled.get("measurand") == "Power.Active.Import":
                sampled["unit"] = "Wh"
            if sampled.get("measurand") == "Voltage":
                sampled["phase"] = "N"
        for value in meter_values(call.payload):
            value["sampledValue"] += [
                {"value": "50.0", "measurand": "Frequency", "unit": "Hz"},
                {"value": "50.0", "measurand": "Frequency", "unit": "Hertz"},
                {"value": "31", "measurand": "Temperature", "unit": "Celcius"},
                {"value": "0", "measurand": "Request.Energy"},
            ]


class WrongTypes(Quirk):
    """A meterValue that is no list, numbers as texts and texts as numbers, a blank value.

    Huawei (HA#1144), HA#1627, steve#249.
    """

    number = 33
    title = "an object for a list, texts for numbers"
    seen = "Huawei"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        payload = call.payload
        if not payload:
            return
        for field in ("connectorId", "meterStart"):
            if isinstance(payload.get(field), int):
                payload[field] = str(payload[field])
        if isinstance(payload.get("meterStop"), int):
            payload["meterStop"] = float(payload["meterStop"])
        for sampled in sampled_values(payload):
            if sampled.get("measurand") == "Voltage":
                sampled["value"] = ""
            else:
                sampled["value"] = float(sampled["value"])
        if len(values := meter_values(payload)) == 1 and "meterValue" in payload:
            payload["meterValue"] = values[0]


class OddTimes(Quirk):
    """Local time without a zone in what concerns transactions, with nanoseconds in meter values;
    none, an empty one, 1970 and nanoseconds by turns in a status.

    Growatt (evcc#10399), libocpp#808, MicroOcpp#354, HA#786.
    """

    number = 34
    title = "times without zone, empty, of 1970, in nanoseconds"
    seen = "Growatt, libocpp#808, MicroOcpp#354, HA#786"

    def __init__(self) -> None:
        self._statuses = Numbering()

    def our_call(self, wire: Wire, call: OurCall) -> None:
        payload = call.payload
        if not payload:
            return
        for value in meter_values(payload):
            _bend(value, lambda at: f"{at + LOCAL:%Y-%m-%dT%H:%M:%S}.123456789")
        if call.action in ("StartTransaction", "StopTransaction"):
            _bend(payload, lambda at: f"{at + LOCAL:%Y-%m-%dT%H:%M:%S}")
        elif call.action == "StatusNotification":
            odd: tuple[Callable[[datetime], Any], ...] = (  # Any: text or None
                lambda at: None,
                lambda at: "",
                lambda at: "1970-01-01T00:00:11Z",
                lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.123456789Z",
            )
            _bend(payload, odd[self._statuses.number(payload) % len(odd)])
            if payload.get("timestamp") is None:
                payload.pop("timestamp", None)


def _bend(payload: Payload, write: Callable[[datetime], Any]) -> None:
    """Write the timestamp anew, unless another quirk has made it unreadable. Any: any JSON."""
    try:
        at = datetime.fromisoformat(str(payload.get("timestamp"))).astimezone(UTC)
    except ValueError:
        return
    payload["timestamp"] = write(at)


class Markup(Quirk):
    """Its idTags begin with `A&B`, its infos hold `<b>`: nothing that a page may take literally.

    Found by reading: steve stores such a tag as `A&amp;B`.
    """

    number = 57
    title = "idTags and texts with & and <"
    seen = "steve, CustomStringModule"

    def our_call(self, wire: Wire, call: OurCall) -> None:
        replace_id_tag(call, lambda id_tag: f"A&B{id_tag}"[:20])
        if call.action == "StatusNotification" and call.payload:
            call.payload["info"] = f"<b>{call.payload.get('info', 'R&D')}</b>"

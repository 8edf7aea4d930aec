"""What a message about alerts says: what, where, since when, and what to do.

Pure: alerts in, text out. Not here: which alerts, and when (alert_notices).
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

import msgspec

from ocpptrio.clock import from_us
from ocpptrio.config import AlertKind
from ocpptrio.presentation import public, rfc3339
from ocpptrio.store.records import AlertRecord

SHOWN: Final = 50  # alerts in a mail, of each part; the others are counted
SUBJECT_LENGTH: Final = 120

ADVICE: Final = {
    AlertKind.OFFLINE: "Look whether it has power and network; it connects again by itself.",
    AlertKind.FAULTED: "Look what it shows; a reset may help, else ask its manufacturer.",
    AlertKind.SECURITY_EVENT: "Make sure that somebody of yours caused it, then acknowledge it.",
    AlertKind.STUCK_PREPARING: "A cable may be plugged in and forgotten, or the charge point hang.",
    AlertKind.STUCK_FINISHING: "A car may stay plugged in, or the charge point hang.",
    AlertKind.FAILING_WEBHOOK: "Look after the receiver; what it has not got is kept meanwhile.",
    AlertKind.NO_ANSWER: "Its software may hang; a restart at the charge point helps mostly.",
    AlertKind.WRONG_CLOCK: "Set its clock: it should take the time from our answers.",
    AlertKind.NO_METER_VALUES: "Look at its MeterValueSampleInterval and its meter.",
    AlertKind.LONG_TRANSACTION: "Look whether anybody still charges; if not, end it.",
    AlertKind.BOOT_LOOP: "Look at its power supply and its firmware.",
    AlertKind.RECONNECTS: "Look at its network: mobile reception, router, cable.",
}


class Message(msgspec.Struct, frozen=True):
    """Alerts that are told together.

    Attributes:
        began: those that are told for the first time; some may be over already.
        over: those of which it was told before that they began.
    """

    began: tuple[AlertRecord, ...]
    over: tuple[AlertRecord, ...]

    @property
    def alerts(self) -> tuple[AlertRecord, ...]:
        return self.began + self.over


def subject(message: Message) -> str:
    """One line that says as much as it can."""
    if not message.alerts:
        return "A test of ocpptrio: alerts arrive here"
    first, *others = message.alerts
    text = f"{where(first)}: {what(first)}"
    if not message.began:
        text = f"Over: {text}"
    if others:
        text += f", and {len(others)} more"
    return _line(text)[:SUBJECT_LENGTH]


def text(message: Message, zone: tzinfo, public_url: str = "") -> str:
    """A mail, in lines that are not wrapped."""
    lines: list[str] = [] if message.alerts else ["This is a test. Nothing is wrong.", ""]
    for title, alerts in (("What is wrong", message.began), ("What is over", message.over)):
        if not alerts:
            continue
        lines += [title, ""]
        for alert in alerts[:SHOWN]:
            lines += _entry(alert, zone)
        if len(alerts) > SHOWN:
            lines += [f"And {len(alerts) - SHOWN} more: ocpptrio alerts list", ""]
    for kind in dict.fromkeys(alert.kind for alert in message.began):
        lines.append(f"{kind}: {ADVICE[kind]}")
    if message.began:
        lines.append("")
    lines.append(f"Times are of {zone}.")
    if public_url:
        lines.append(f"More: {public_url.rstrip('/')}/")
    return "\n".join(lines) + "\n"


def document(message: Message, at_us: int, public_url: str = "") -> bytes:
    """The same for programs, as JSON."""
    told = [
        public(alert) | {"told": told}
        for told, alerts in (("began", message.began), ("over", message.over))
        for alert in alerts
    ]
    body = {"sent_at": rfc3339(from_us(at_us)), "alerts": told}
    return msgspec.json.encode(body | ({"url": public_url} if public_url else {}))


def where(alert: AlertRecord) -> str:
    """The charge point and its connector; or what else it is about."""
    if not alert.charge_point_id:
        return f"webhook {alert.subject}"
    connector = f", connector {alert.connector_id}" if alert.connector_id else ""
    return alert.charge_point_id + connector


def what(alert: AlertRecord) -> str:
    if alert.kind is AlertKind.SECURITY_EVENT:
        return f"{alert.kind} {alert.subject}"
    return "failing" if alert.kind is AlertKind.FAILING_WEBHOOK else str(alert.kind)


def _entry(alert: AlertRecord, zone: tzinfo) -> Sequence[str]:
    begin = _time(alert.since_us, zone)
    if alert.kind is AlertKind.SECURITY_EVENT:
        when = f"at {begin}"
    elif alert.ended_at_us is None:
        when = f"since {begin}"
    else:
        when = f"from {begin} to {_time(alert.ended_at_us, zone)}"
    times = f", {alert.occurrences} times" if alert.occurrences > 1 else ""
    return [
        _line(f"  {where(alert)}: {what(alert)} {when}{times}"),
        *([_line(f"    {alert.detail}")] if alert.detail else []),
        "",
    ]


def _time(us: int, zone: tzinfo) -> str:
    local: datetime = from_us(us).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M}"


def _line(text: str) -> str:
    """What charge points say may hold anything; a line break would forge the head of a mail."""
    return "".join(c if c.isprintable() else " " for c in text)

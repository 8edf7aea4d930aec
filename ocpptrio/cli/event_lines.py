"""An event as a line for people: when, where, what, and the fields that say more.

Made of what programs get of it, so that it reads the same from the database and from an API, and so
that what a later version tells is told, too.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ocpptrio.cli.output import printable

RESET: Final = "reset"  # the kind of what tells that events are missing
# In the line anyway, or of no use to people.
_LEFT_OUT: Final = {"number", "kind", "at", "charge_point_id", "generation", "evidence"}
# By our clock all of these were a moment before.
_TIMES_LEFT_OUT: Final = {"status_at", "measured_at", "started_at", "stopped_at", "occurred_at"}
# Which goes without saying.
_USUAL: Final = {"error_code": "NoError", "connector_id": 0, "effect": "none", "occurrences": 1}
# The end of a name -> what is shown of the number.
_UNITS: Final[Mapping[str, Callable[[float], str]]] = {
    "_wh": lambda wh: f"{wh / 1000:.3f} kWh",
    "_w": lambda w: f"{w:g} W",
    "_a": lambda a: f"{a:g} A",
    "_v": lambda v: f"{v:g} V",
    "_c": lambda c: f"{c:g} °C",
    "_percent": lambda percent: f"{percent:g} %",
    "_us": lambda us: f"{us / 1_000_000:g} s",
}


def line(event: Mapping[str, Any]) -> str:  # Any: JSON of any shape
    """The event, as `watch` shows it."""
    if event["kind"] == RESET:
        return (
            f"events are missing: {printable(str(event['reason']))} (the oldest is "
            f"{event['oldest']}); goes on after {event['number']}"
        )
    at = f"{datetime.fromisoformat(event['at']).astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]
    said = ", ".join(text for name, value in event.items() if (text := _field(name, value)))
    where = printable(event["charge_point_id"]) or "-"
    return f"{event['number']}  {at}  {where}  {printable(event['kind'])}  {said}".rstrip()


def _field(name: str, value: Any) -> str:  # Any: JSON of any shape
    if name in _LEFT_OUT or name in _TIMES_LEFT_OUT or value == _USUAL.get(name):
        return ""
    unit = next((end for end in _UNITS if name.endswith(end)), "")
    noun = name.removesuffix(unit).removesuffix("_id").removesuffix("_at").replace("_", " ")
    if value is None or value is False or value in ("", [], {}):
        return ""
    match value:
        case True:
            return noun
        case dict():
            value = " ".join(f"{key}={inner}" for key, inner in value.items())
        case list():
            value = " ".join(map(str, value))
        case int() | float() if unit:
            value = _UNITS[unit](value)
        case str() if name.endswith("_at"):
            value = f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M:%S}"
    return f"{noun} {printable(str(value))}"

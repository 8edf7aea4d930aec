"""The options of `ocpptrio tags` and `tag-groups` that say on which terms somebody may charge."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter, Token

from ocpptrio.cli.options import Flag
from ocpptrio.cli.output import Failed
from ocpptrio.clock import parse_time
from ocpptrio.services import tags_csv
from ocpptrio.services.tags import valid_id_tag
from ocpptrio.store.records import TagRights
from ocpptrio.week_times import week_times


def _check_tag(_type: Any, text: str | None) -> None:  # Any: as cyclopts calls it
    if text is not None:
        valid_id_tag(text)


def _check_parent(_type: Any, text: str | None) -> None:  # Any: as cyclopts calls it
    if text:
        valid_id_tag(text)


def _or(word: str, parse: Callable[[str], object]) -> Callable[..., object]:
    """A converter that leaves one word as it is."""

    def convert(_type: Any, tokens: Sequence[Token]) -> object:  # Any: as cyclopts calls it
        text = tokens[0].value
        return word if text.casefold() == word else parse(text)

    return convert


def energy_wh(text: str) -> int:
    """Wh of `20kWh`, `20 kWh`, `500Wh` or `500`.

    Raises:
        ValueError: it is none of these, or not whole Wh.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?) ?(kWh|Wh)?", text, re.IGNORECASE)
    if found is not None:
        energy = round(float(found[1]) * (1000 if (found[2] or "").casefold() == "kwh" else 1), 3)
        if energy == int(energy):
            return int(energy)
    raise ValueError("write 20kWh, 7.5kWh or 500Wh")


Tag = Annotated[str, Parameter(validator=_check_tag)]
OptionalTag = Annotated[str | None, Parameter(validator=_check_tag)]
Parent = Annotated[str | None, Parameter(validator=_check_parent)]
Group = Annotated[str, Parameter(validator=_check_tag)]
_Expiry = Annotated[
    int | Literal["never"] | None,
    Parameter(converter=_or("never", parse_time), metavar="TIME", show_choices=False),
]
_Limit = Annotated[
    int | Literal["default"] | None,
    Parameter(converter=_or("default", tags_csv.limit), metavar="NUMBER", show_choices=False),
]
_Times = Annotated[
    str | None,
    Parameter(
        converter=_or("always", lambda text: str(week_times(text))),
        metavar="TIMES",
        show_choices=False,
    ),
]
_Budget = Annotated[
    int | Literal["none"] | None,
    Parameter(converter=_or("none", energy_wh), metavar="ENERGY", show_choices=False),
]
Places = Annotated[tuple[str, ...] | None, Parameter(negative="", consume_multiple=False)]

# The word of each option that takes away what was settled.
_NOTHING: Final = {
    "expires_at_us": "never",
    "max_concurrent": "default",
    "week_times": "always",
    "day_budget_wh": "none",
    "month_budget_wh": "none",
    "note": "",
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Terms:
    """On which terms a tag or a group may charge; what is not given stays."""

    expires: _Expiry = None
    """The first moment at which it may charge no more: 2027-01-01, or with a time; or never."""
    max_concurrent: _Limit = None
    """Transactions at a time, of a group over all its tags; 0 for any number; or default."""
    times: _Times = None
    """When: "Mon-Fri 08:00-18:00; Sat 10:00-14:00" in [authorization] time_zone; or always."""
    day_budget: _Budget = None
    """Energy a day: 20kWh; or none."""
    month_budget: _Budget = None
    """Energy a calendar month: 300kWh; or none."""
    only_at: Places = None
    """A charge point at which alone it may charge; can be given several times."""
    only_in: Places = None
    """A group of charge points, in the same way; see `ocpptrio groups`."""
    everywhere: Flag = False
    """It may charge at every charge point."""
    note: str | None = None
    """Anything you want to remember; "" for nothing."""

    def changes(self) -> dict[str, Any]:  # Any: columns of any type
        """What is given, by column."""
        given = {
            "expires_at_us": self.expires,
            "max_concurrent": self.max_concurrent,
            "week_times": self.times,
            "day_budget_wh": self.day_budget,
            "month_budget_wh": self.month_budget,
            "note": self.note,
        }
        return {
            column: None if value == _NOTHING[column] else value
            for column, value in given.items()
            if value is not None
        }

    def rights(self) -> TagRights | None:
        """Where it may charge, in place of all before; None: as before.

        Raises:
            Failed: they contradict each other.
        """
        at, within = self.only_at or (), self.only_in or ()
        if self.everywhere and (at or within):
            raise Failed("give either --everywhere, or --only-at and --only-in")
        if not (self.everywhere or at or within):
            return None
        return TagRights(charge_points=at, charge_point_groups=within)


# What is given if nothing is.
AS_BEFORE: Final = Terms()

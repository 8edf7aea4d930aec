"""On which terms a tag or a group of tags may charge: as they are shown, and as they are sent."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from ocpptrio.api.filters import stored_us
from ocpptrio.api.problems import bad_request
from ocpptrio.api.views import Change, View, shown
from ocpptrio.services.tags import Changes, SettledGroup, SettledTag, Use, valid_id_tag
from ocpptrio.services.verdict import BudgetPeriod
from ocpptrio.store.records import TagRights
from ocpptrio.week_times import week_times

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Energy = Annotated[int, Meta(ge=0, le=10**12)]


class Rights(Change, frozen=True, kw_only=True):
    """Where a tag or a group may charge; nothing named: everywhere.

    Attributes:
        charge_points: their identities.
        charge_point_groups: see GET /groups.
    """

    charge_points: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()
    charge_point_groups: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()

    def record(self) -> TagRights:
        """As the store keeps it."""
        return TagRights(
            charge_points=self.charge_points, charge_point_groups=self.charge_point_groups
        )


class Terms(View, frozen=True, kw_only=True):
    """On which terms somebody may charge.

    Attributes:
        expires_at: the first moment at which they may charge no more; null: never.
        max_concurrent: transactions at a time, of a group over all its tags; 0: any number;
            null: of a tag as configured, of a group any number.
        week_times: when, in [authorization] time_zone: "Mon-Fri 08:00-18:00; Sat 10:00-14:00";
            null: always.
        day_budget_wh: energy a day; null: no budget.
        month_budget_wh: energy a calendar month; null: no budget.
    """

    expires_at: datetime | None
    blocked: bool
    max_concurrent: int | None
    week_times: str | None
    day_budget_wh: int | None
    month_budget_wh: int | None
    note: str | None
    created_at: datetime
    rights: Rights


class TermsChange(Change, frozen=True, kw_only=True):
    """What is not sent stays."""

    expires_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    blocked: bool | UnsetType = UNSET
    max_concurrent: Annotated[int, Meta(ge=0, le=10**6)] | UnsetType | None = UNSET
    week_times: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    day_budget_wh: Energy | UnsetType | None = UNSET
    month_budget_wh: Energy | UnsetType | None = UNSET
    note: Annotated[str, Meta(max_length=1000)] | UnsetType | None = UNSET
    rights: Rights | UnsetType = UNSET

    def changes(self) -> Changes:
        """What is sent, by column; without the rights.

        Raises:
            Problem: it cannot be read.
        """
        given = self.given()
        given.pop("rights", None)
        if "expires_at" in given:
            expires_at = given.pop("expires_at")
            given["expires_at_us"] = expires_at and stored_us(expires_at, "expires_at")
        if given.get("week_times") is not None:
            try:
                given["week_times"] = str(week_times(given["week_times"]))
            except ValueError as error:
                raise bad_request(str(error), field="week_times") from error
        if given.get("parent_id_tag"):
            checked(given["parent_id_tag"], "parent_id_tag")
        for name in ("note", "parent_id_tag"):
            if name in given:
                given[name] = given[name] or None
        return given

    def new_rights(self) -> TagRights | None:
        """The rights that are sent, if any."""
        return None if isinstance(self.rights, UnsetType) else self.rights.record()


class BudgetUse(View, frozen=True, kw_only=True):
    """A budget, and what is spent of it by now, with what runs."""

    period: BudgetPeriod
    limit_wh: int
    spent_wh: int


def checked(id_tag: str, field: str) -> str:
    """The text, if it can be an idTag.

    Raises:
        Problem: it cannot.
    """
    try:
        return valid_id_tag(id_tag)
    except ValueError as error:
        raise bad_request(str(error), field=field) from error


def rights_view(settled: SettledTag | SettledGroup) -> Rights:
    """As they are shown."""
    return Rights(**asdict(settled.rights))


def use_view(use: Use) -> dict[str, Any]:  # Any: fields of a view
    """What is spent and runs, as it is shown."""
    return {
        "budgets": [shown(BudgetUse, budget) for budget in use.budgets],
        "running": [one.transaction_id for one in use.running],
    }


def version(settled: SettledTag | SettledGroup) -> object:
    """What can be edited."""
    kept = asdict(settled.terms)
    del kept["created_at_us"]
    return (kept, asdict(settled.rights))

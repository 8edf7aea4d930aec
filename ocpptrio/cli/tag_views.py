"""What people and programs see of tags and their groups: `tags list`, `show` and `check`.

Not here: what changes something (tags, tag_groups).
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter, Token

from ocpptrio.cli.charge_point_views import known as known_charge_point
from ocpptrio.cli.options import FROM_SETTINGS, Database, parse_moment
from ocpptrio.cli.output import FOR_PEOPLE, Failed, Output, cell, heading, print_fields
from ocpptrio.clock import from_us, system_clock
from ocpptrio.config import AuthorizationSettings
from ocpptrio.events import OpenMode
from ocpptrio.presentation import at, public
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.services.authorization import AuthorizationService, account_of
from ocpptrio.services.budgets import budgets_of
from ocpptrio.services.verdict import Budget, Purpose, Verdict, kwh
from ocpptrio.store import id_tags, tag_groups, tag_rights, transactions
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import IdTagRecord, Running, TagGroupRecord, TagRights, Terms


class Listed(msgspec.Struct, frozen=True):
    """A tag or a group, and where it may charge."""

    terms: IdTagRecord | TagGroupRecord
    rights: TagRights

    @property
    def name(self) -> str:
        terms = self.terms
        return terms.id_tag if isinstance(terms, IdTagRecord) else terms.parent_id_tag

    def view(self) -> dict[str, object]:
        """For programs."""
        return public(self.terms) | msgspec.structs.asdict(self.rights)


class Detailed(Listed, frozen=True, kw_only=True):
    """The same, with what is spent and what runs."""

    budgets: Sequence[Budget]
    running: Sequence[Running]

    def view(self) -> dict[str, object]:
        """For programs."""
        return super().view() | {
            "budgets": [msgspec.structs.asdict(budget) for budget in self.budgets],
            "running": [one.transaction_id for one in self.running],
        }


async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all idTags."""

    def work(reader: Reader) -> list[Listed]:
        rights = tag_rights.everything(reader, "tag")
        return [
            Listed(tag, rights.get(tag.id_tag_key, tag_rights.EVERYWHERE))
            for tag in id_tags.everyone(reader)
        ]

    output.table(
        await database.read(work),
        {
            "tag": lambda row: row.name,
            "state": lambda row: state(row.terms),
            "expires": lambda row: at(row.terms.expires_at_us),
            "parent": lambda row: row.terms.parent_id_tag,
            "at a time": lambda row: row.terms.max_concurrent,
            "only": only,
            "note": lambda row: row.terms.note,
        },
        empty="no tags yet; add one: ocpptrio tags add TAG",
        view=Listed.view,
    )


async def show(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show all that is settled about an idTag and its group, and what is spent and running.

    Args:
        tag: The idTag.
    """
    settings = database.settings().authorization

    def work(reader: Reader) -> tuple[Detailed, Detailed | None]:
        record = known(reader, tag)
        found = _detailed(reader, record, "tag", record.id_tag_key, None, settings)
        group = None
        if record.parent_id_tag is not None:
            group = tag_groups.get(reader, record.parent_id_tag)
        if group is None:
            return found, None
        return found, detailed_group(reader, group, settings)

    found, group = await database.read(work)
    if output.json:
        output.document(found.view() | {"group": None if group is None else group.view()})
        return
    print_fields({"tag": found.name} | fields(found, settings))
    if group is not None:
        heading(f"Its group, {group.name}; both must allow it")
        print_fields(fields(group, settings))


def _moment(_type: Any, tokens: Sequence[Token]) -> int:  # Any: as cyclopts calls it
    return parse_moment(tokens[0].value, system_clock())


async def check(
    tag: str,
    /,
    *,
    charge_point: str,
    at: Annotated[int | None, Parameter(converter=_moment, metavar="TIME")] = None,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Tell what a start with an idTag would be answered, and why.

    An external authorizer is not asked.

    Args:
        tag: The idTag.
        charge_point: Where.
        at: When: 2026-11-22T10:00, or 2h for ago; default: now.
    """
    settings = database.settings().authorization
    at_us = system_clock() if at is None else at

    async with database.open() as store:
        service = AuthorizationService(store, settings)

        def work(reader: Reader) -> tuple[str, Verdict]:
            place = known_charge_point(reader, charge_point)
            account = account_of(place, tag)
            found = service.verdict(reader, place, tag, at_us, Purpose.START)
            learns = place.mode is OpenMode.LEARN and (place.learning_ends_at_us or 0) > at_us
            if learns and found.status is AuthorizationStatus.INVALID:
                accepted = AuthorizationStatus.ACCEPTED
                found = Verdict(status=accepted, reason="unknown, but would be learnt")
            return account, found

        account, found = await store.read(work)
    sentence = f"{found.status}: {found.reason}" if found.reason else str(found.status)
    if account != tag:
        sentence += f" (it counts as {account} there)"
    if settings.url:
        sentence += "\nThe external authorizer is asked, too, when somebody charges."
    output.done(
        sentence,
        {
            "id_tag": tag,
            "charge_point_id": charge_point,
            "at": from_us(at_us),
            "charged_to": account,
            "status": found.status,
            "reason": found.reason,
            "parent_id_tag": found.parent_id_tag,
            "expires_at": found.info().expiry_date,
        },
    )


# Shared with the commands that change something.


def known(reader: Reader, tag: str) -> IdTagRecord:
    """The tag.

    Raises:
        Failed: it is not known.
    """
    record = id_tags.get(reader, tag)
    if record is None:
        raise Failed(f"no tag {tag}; see: ocpptrio tags list")
    return record


def detailed_group(
    reader: Reader, group: TagGroupRecord, settings: AuthorizationSettings
) -> Detailed:
    return _detailed(reader, group, "group", "", group.group_key, settings)


def _detailed(
    reader: Reader,
    terms: IdTagRecord | TagGroupRecord,
    holder: tag_rights.Holder,
    account_key: str,
    group_key: str | None,
    settings: AuthorizationSettings,
) -> Detailed:
    return Detailed(
        terms,
        tag_rights.of(reader, holder, group_key or account_key),
        budgets=budgets_of(reader, terms, account_key, group_key, system_clock(), settings.zone),
        running=transactions.open_of_tag(reader, account_key, group_key),
    )


def fields(found: Detailed, settings: AuthorizationSettings) -> dict[str, object]:
    """For people."""
    terms = found.terms
    limit = terms.max_concurrent
    if limit is None and isinstance(terms, IdTagRecord):
        limit = settings.max_concurrent_transactions
    running = ", ".join(str(one.transaction_id) for one in found.running)
    return {
        "state": state(terms),
        "expires": at(terms.expires_at_us),
        "where": _places(found.rights) or "everywhere",
        "when": f"{terms.week_times} ({settings.time_zone})" if terms.week_times else "always",
        "budget": "; ".join(
            f"{kwh(budget.limit_wh)} a {budget.period}, {kwh(budget.spent_wh)} spent"
            for budget in found.budgets
        )
        or "none",
        "at a time": limit or "any number",
        "running": f"transaction {running}" if running else "nothing",
        "note": terms.note,
    }


def state(terms: Terms) -> str:
    if terms.blocked:
        return "blocked"
    expired = terms.expires_at_us is not None and terms.expires_at_us <= system_clock()
    return "expired" if expired else "may charge"


def only(row: Listed) -> str:
    """Where, when and how much, as one text."""
    terms = row.terms
    budgets = {"day": terms.day_budget_wh, "month": terms.month_budget_wh}
    parts = [
        _places(row.rights),
        terms.week_times or "",
        *(f"{kwh(limit)} a {period}" for period, limit in budgets.items() if limit is not None),
    ]
    return "; ".join(filter(None, parts))


def sentence(title: str, terms: Terms) -> str:
    """What a command that changed something says."""
    text = f"{title} {state(terms)}"
    if terms.expires_at_us is not None and state(terms) == "may charge":
        text += f" until {cell(at(terms.expires_at_us))}"
    return text


def _places(rights: TagRights) -> str:
    places = [*rights.charge_points, *(f"group {name}" for name in rights.charge_point_groups)]
    return ", ".join(places)

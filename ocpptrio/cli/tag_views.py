"""What people and programs see of tags and their groups: `tags list`, `show` and `check`.

Not here: what changes something (tags, tag_groups).
"""

import msgspec

from ocpptrio.cli.charge_point_views import known as known_charge_point
from ocpptrio.cli.options import FROM_SETTINGS, Database, Moment
from ocpptrio.cli.output import FOR_PEOPLE, Output, cell, heading, print_fields
from ocpptrio.clock import from_us, system_clock
from ocpptrio.config import AuthorizationSettings
from ocpptrio.presentation import at, public
from ocpptrio.services import tags
from ocpptrio.services.authorization import AuthorizationService, account_of
from ocpptrio.services.tags import SettledGroup, SettledTag, Use
from ocpptrio.services.verdict import Verdict, kwh
from ocpptrio.store.driver import Reader
from ocpptrio.store.records import IdTagRecord, TagRights, Terms


def view(settled: SettledTag | SettledGroup) -> dict[str, object]:
    """What programs get of a tag or a group."""
    return public(settled.terms) | msgspec.structs.asdict(settled.rights)


def detailed_view(settled: SettledTag | SettledGroup, use: Use) -> dict[str, object]:
    """The same, with what is spent and what runs."""
    return view(settled) | {
        "budgets": [msgspec.structs.asdict(budget) for budget in use.budgets],
        "running": [one.transaction_id for one in use.running],
    }


async def list_(*, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE) -> None:
    """List all idTags."""

    output.table(
        await database.read(lambda reader: tags.listed(reader, limit=tags.ALL)),
        {
            "tag": lambda row: row.terms.id_tag,
            "state": lambda row: state(row.terms),
            "expires": lambda row: at(row.terms.expires_at_us),
            "parent": lambda row: row.terms.parent_id_tag,
            "at a time": lambda row: row.terms.max_concurrent,
            "only": only,
            "note": lambda row: row.terms.note,
        },
        empty="no tags yet; add one: ocpptrio tags add TAG",
        view=view,
    )


async def show(
    tag: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Show all that is settled about an idTag and its group, and what is spent and running.

    Args:
        tag: The idTag.
    """
    settings = database.settings().authorization

    now_us = system_clock()

    def work(reader: Reader) -> tuple[SettledTag, Use, tuple[SettledGroup, Use] | None]:
        found = tags.known(reader, tag)
        used = tags.use(reader, found.terms, settings, now_us)
        if found.terms.parent_id_tag is None:
            return found, used, None
        group = tags.known_group(reader, found.terms.parent_id_tag)
        return found, used, (group, tags.use(reader, group.terms, settings, now_us))

    found, used, of_group = await database.read(work)
    if output.json:
        group = None if of_group is None else detailed_view(*of_group)
        output.document(detailed_view(found, used) | {"group": group})
        return
    print_fields({"tag": found.terms.id_tag} | fields(found, used, settings))
    if of_group is not None:
        heading(f"Its group, {of_group[0].terms.parent_id_tag}; both must allow it")
        print_fields(fields(*of_group, settings))


async def check(
    tag: str,
    /,
    *,
    charge_point: str,
    at: Moment = None,
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
            return account_of(place, tag), service.foreseen(reader, place, tag, at_us)

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


def fields(
    found: SettledTag | SettledGroup, used: Use, settings: AuthorizationSettings
) -> dict[str, object]:
    """For people."""
    terms = found.terms
    limit = terms.max_concurrent
    if limit is None and isinstance(terms, IdTagRecord):
        limit = settings.max_concurrent_transactions
    running = ", ".join(str(one.transaction_id) for one in used.running)
    return {
        "state": state(terms),
        "expires": at(terms.expires_at_us),
        "where": _places(found.rights) or "everywhere",
        "when": f"{terms.week_times} ({settings.time_zone})" if terms.week_times else "always",
        "budget": "; ".join(
            f"{kwh(budget.limit_wh)} a {budget.period}, {kwh(budget.spent_wh)} spent"
            for budget in used.budgets
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


def only(row: SettledTag | SettledGroup) -> str:
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

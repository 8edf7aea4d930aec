"""axe-core finds nothing of level A or AA on any page or form, at both widths, in both themes."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import PHONE, WIDE, Pages, Tab, go, wait_filled
from tests.web.site import Site
from tests.web.test_charging import start

PAGES: Final = (
    "/",
    "/charge-points",
    "/charge-points/{cp}",
    "/charge-points/{cp}/transactions",
    "/charge-points/{cp}/commands",
    "/charge-points/{cp}/configuration",
    "/charge-points/{cp}/events",
    "/charge-points/{cp}/deviations",
    "/charge-points/{cp}/messages",
    "/charge-points/{cp}/settings",
    "/transactions",
    "/transactions/{transaction}",
    "/transactions/reviews",
    "/tags",
    "/tags/groups",
    "/groups?group=accessible",
    "/alerts",
    "/alerts?show=conditions",
    "/alerts/settings",
    "/events?charge_point_id={cp}",
    "/tasks",
    "/attempts",
    "/webhooks",
    "/users",
    "/audit",
    "/system",
    "/account",
    "/nowhere",
)
# What opens a form, on which page; and what is chosen in it, so that it has all its fields.
FORMS: Final = (
    ("/", "account and theme", None),
    ("/charge-points", "Register", None),
    ("/charge-points/{cp}", "Start charging", None),
    ("/charge-points/{cp}", "Send a command", "SetChargingProfile"),
    ("/charge-points/{cp}/commands", "RemoteStartTransaction", None),
    ("/charge-points/{cp}/configuration", "Want a value", None),
    ("/charge-points/{cp}/settings", "Remove {cp}", None),
    ("/transactions/{transaction}", "Declare it over", None),
    ("/tags", "Add a tag", None),
    ("/tags", "Import CSV", None),
    ("/tags", "ACCESSIBLE", None),
    ("/tags/groups", "Add a group", None),
    ("/tasks", "Ask many", "SendLocalList"),
    ("/webhooks", "Add a webhook", None),
    ("/users", "Add a user", None),
    ("/users", "Change admin", None),
    ("/users", "Login address for admin", None),
    ("/users", "Make a token", None),
)
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Only what is asked for: axe-core tells the rest in full, too, and that takes it longer.
_BRIEF: Final = {"resultTypes": ["violations"], "selectors": False, "preload": False}
ALL: Final = {"runOnly": {"type": "tag", "values": LEVELS}, **_BRIEF}
COLOURS: Final = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, **_BRIEF}
# A theme changes colours only, and a width none: the fourth is for what phones alone show.
LOOKS: Final = ((WIDE, "light", ALL), (WIDE, "dark", COLOURS), (PHONE, "dark", ALL))
LIGHT_PHONE: Final = ((PHONE, "light", COLOURS),)
RUN: Final = "async ([within, options]) => (await axe.run(within, options)).violations"


class Eyes:
    """One page for all tests, which goes where it is told without being loaded anew."""

    def __init__(self, page: Page, **names: object) -> None:
        self.page = page
        self._names = names
        page.evaluate(AXE_FILE_PATH.read_text())

    def name(self, text: str) -> str:
        return text.format(**self._names)

    def go(self, path: str) -> None:
        self.page.set_viewport_size(WIDE)
        go(self.page, self.name(path))

    def violations(self, within: str = "html", looks: Any = LOOKS) -> list[str]:
        found = []
        for size, scheme, options in looks:
            self.page.set_viewport_size(size)
            self.page.emulate_media(color_scheme=scheme)
            wait_filled(self.page)
            violations = self.page.evaluate(RUN, [within, options])
            where = f"{size['width']} {scheme}"
            found += [_told(where, violation) for violation in violations]
        return found


def _told(where: str, violation: dict[str, Any]) -> str:  # Any: as axe-core says it
    places = [node["html"] for node in violation["nodes"][:3]]
    return f"{where}: {violation['id']}: {violation['help']}: {places}"


@pytest.fixture(scope="module")
def eyes(
    browser: Browser, site: Site, shared_tab: Tab, charge_points: Iterator[str]
) -> Iterator[Eyes]:
    charge_point = next(charge_points)
    transaction = start(site, charge_point)
    site.api("PUT", f"/groups/accessible/members/{charge_point}")
    wanted = "/groups/accessible/configuration/wanted/BlinkRepeat"
    site.api("PUT", wanted, {"value": "4"})
    site.api("POST", "/tags", {"id_tag": "ACCESSIBLE", "week_times": "mon-fri 08:00-18:00"})
    with closing(Pages(browser, site, shared_tab)) as pages:
        yield Eyes(pages("/"), cp=charge_point, transaction=transaction)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_by_everybody(eyes: Eyes, path: str) -> None:
    eyes.go(path)
    assert eyes.violations() == []


def test_the_bar_of_a_phone_can_be_read_in_the_light_too(eyes: Eyes) -> None:
    eyes.go("/")
    assert eyes.violations(looks=LIGHT_PHONE) == []


@pytest.mark.parametrize(("path", "opener", "chosen"), FORMS)
def test_a_form_can_be_used_by_everybody(
    eyes: Eyes, path: str, opener: str, chosen: str | None
) -> None:
    eyes.go(path)
    eyes.page.get_by_role("button", name=eyes.name(opener)).first.click()
    dialog = eyes.page.get_by_role("dialog")
    dialog.wait_for()
    if chosen is not None:
        dialog.get_by_label("Action").select_option(chosen)
    assert eyes.violations(within="dialog") == []
    eyes.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_first_page_of_all_can_be_used_by_everybody(eyes: Eyes, open_page: Pages) -> None:
    open_page.excuse("401")
    assert Eyes(open_page("/", state=None)).violations() == []

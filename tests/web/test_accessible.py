"""axe-core finds nothing of level A or AA on any page, wide and on a phone, light and dark."""

from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.conftest import PHONE, WIDE, OpenPage, Site

PAGES: Final = (
    "/",
    "/charge-points",
    "/charge-points/SIM0001",
    "/charge-points/SIM0001/transactions",
    "/charge-points/SIM0001/commands",
    "/charge-points/SIM0001/configuration",
    "/charge-points/SIM0001/deviations",
    "/charge-points/SIM0001/messages",
    "/charge-points/SIM0001/settings",
    "/transactions",
    "/transactions/1",
    "/transactions/reviews",
    "/tags",
    "/tags/groups",
    "/groups",
    "/alerts",
    "/alerts/settings",
    "/events",
    "/tasks",
    "/attempts",
    "/webhooks",
    "/users",
    "/audit",
    "/system",
    "/account",
)
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module", autouse=True)
def _charge_points(site: Site) -> None:
    site.simulate("--count", "3", "--time-scale", "60")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_by_everybody(open_page: OpenPage, path: str) -> None:
    found = []
    for viewport, scheme in ((WIDE, "light"), (PHONE, "dark")):
        page = open_page(path, viewport=viewport, color_scheme=scheme)
        page.locator("h1:not(:empty)").first.wait_for()
        page.wait_for_function("() => document.querySelector('.skeleton') === null")
        results = Axe().run(page, options={"runOnly": {"type": "tag", "values": LEVELS}})
        found += [_told(scheme, violation) for violation in results.response["violations"]]
    assert found == []


def _told(scheme: str, violation: dict[str, Any]) -> str:  # Any: as axe-core says it
    places = [node["html"] for node in violation["nodes"][:3]]
    return f"{scheme}: {violation['id']}: {violation['help']}: {places}"

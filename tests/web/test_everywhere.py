"""What holds on every page: themes, phones, the keyboard, roles, and a stream that is cut."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import PHONE, Pages, go, wait_filled
from tests.web.site import Site
from tests.web.test_charging import start
from tests.web.test_transactions import by_hand


def test_the_theme_is_chosen_and_kept(open_page: Pages) -> None:
    page = open_page("/")

    def ground() -> str:
        found: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    light = ground()
    page.get_by_role("button", name="account and theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    dark = ground()
    assert dark != light
    page.reload()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert ground() == dark
    page.get_by_role("button", name="account and theme").click()
    page.get_by_role("button", name="System", exact=True).click()
    assert ground() == light
    page.emulate_media(color_scheme="dark")
    assert ground() == dark


def test_a_phone_gets_everywhere_and_nothing_is_wider_than_it(
    open_page: Pages, charge_point: str
) -> None:
    page = open_page("/", viewport=PHONE, has_touch=True, is_mobile=True)
    main = page.get_by_role("navigation", name="Main pages")
    expect(page.get_by_role("navigation", name="Pages", exact=True)).to_be_hidden()
    for word, heading in (("Points", "Charge points"), ("Alerts", "Alerts")):
        main.get_by_role("link", name=word).tap()
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        _fits(page)
    more = page.get_by_role("dialog", name="All pages")
    for word in ("Tags", "Tasks", "Attempts", "Webhooks", "Audit log", "System", "Events"):
        main.get_by_role("button", name="More").tap()
        more.get_by_role("link", name=word).tap()
        expect(more).to_have_count(0)
        expect(page.get_by_role("heading", name=word, level=1)).to_be_visible()
        _fits(page)
    main.get_by_role("link", name="Points").tap()
    page.get_by_role("link", name=charge_point).tap()
    for tab in ("Configuration", "Messages", "Settings", "Overview"):
        page.get_by_role("navigation", name="Parts of").get_by_role("link", name=tab).tap()
        expect(page.locator("[aria-current=page]").filter(has_text=tab).first).to_be_visible()
        _fits(page)


def test_long_words_of_a_charge_point_do_not_widen_a_phone(
    open_page: Pages, site: Site, name: str
) -> None:
    fault = {"errorCode": "GroundFailure", "vendorErrorCode": "E-117/residual-current"}
    info = "residual current of 31 mA for longer than 300 ms"
    with by_hand(site, name) as charge_point:
        charge_point.call("StatusNotification", connectorId=1, status="Faulted", info=info, **fault)
        charge_point.start()
        page = open_page(f"/charge-points/{name}", viewport=PHONE, has_touch=True, is_mobile=True)
        expect(page.get_by_text(info)).to_be_visible()
        _fits(page)


def _fits(page: Page) -> None:
    wait_filled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_keyboard_alone_does(open_page: Pages) -> None:
    page = open_page("/charge-points")
    expect(page.get_by_role("button", name="Register")).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    register = page.get_by_role("button", name="Register")
    expect(register).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Register a charge point")
    expect(dialog.get_by_label("Identity")).to_be_focused()
    outside = "() => !document.activeElement.closest('dialog') && document.activeElement.tagName"
    for _ in range(12):  # round the dialog and, between, where the browser's own buttons are
        page.keyboard.press("Tab")
        assert page.evaluate(outside) in (False, "BODY")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(register).to_be_focused()
    # A page that is gone to begins at its heading.
    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Tags")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tags", level=1)).to_be_focused()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_nobody_sees_what_they_may_not_use(
    open_page: Pages, site: Site, charge_point: str, name: str, role: str
) -> None:
    number = start(site, charge_point)
    changes = {"viewer": 0, "operator": 1}[role]
    page = open_page("/", state=site.somebody(name, role))
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="System")).to_be_visible()
    expect(pages.get_by_role("link", name="Webhooks")).to_have_count(changes)
    expect(pages.get_by_role("link", name="Users and tokens")).to_have_count(0)
    expect(pages.get_by_role("link", name="Audit log")).to_have_count(0)
    for path, button in (
        ("/charge-points", "Register"),
        (f"/charge-points/{charge_point}", "Stop charging"),
        (f"/charge-points/{charge_point}", "Send a command"),
        (f"/charge-points/{charge_point}/configuration", "Want a value"),
        (f"/charge-points/{charge_point}/settings", f"Remove {charge_point}"),
        (f"/transactions/{number}", "Declare it over"),
        ("/tags", "Import CSV"),
        ("/groups", "Make a group"),
        ("/tasks", "Ask many"),
    ):
        if page.url != site.url + path:
            go(page, path)
        buttons = page.get_by_role("main").get_by_role("button", name=button)
        if changes:
            expect(buttons.first).to_be_visible()
        else:
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(buttons).to_have_count(0)
    page.goto(f"{site.url}/users")
    expect(page.get_by_role("heading", name="Not for your role")).to_be_visible()


def test_a_page_that_is_not_painted_follows_all_the_same(
    open_page: Pages, site: Site, name: str
) -> None:
    page = open_page("/events")
    page.add_init_script("window.requestAnimationFrame = () => 0")  # as in a tab behind another
    page.reload()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    site.register(name)
    expect(page.get_by_role("link", name=name)).to_be_visible()


def test_a_page_recovers_when_the_stream_was_cut(
    open_page: Pages, new_site: Callable[..., Site]
) -> None:
    own = new_site(LOG_LEVEL="ERROR")
    state = own.log_in()
    own.register("CP1", "CP2")
    open_page.excuse("Failed to load resource", "ERR_")
    page = open_page("/charge-points", url=own.url, state=state)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    first, second = (page.get_by_role("row").filter(has_text=name) for name in ("CP1", "CP2"))
    own.simulate("CP1", "--scenario", "idle", "--time-scale", "60")
    expect(first).to_contain_text("Available")
    own.down()
    expect(page.get_by_text("Reconnecting")).to_be_visible()
    own.up()
    own.simulate("CP2", "--scenario", "idle", "--time-scale", "60")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(second).to_contain_text("Available")
    expect(first).to_contain_text("Available")
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row").filter(has_text=re.compile("CP[12]"))).to_have_count(2)

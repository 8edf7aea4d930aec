"""Who may look: the one-time address, passwords, logging out, and what a new installation shows."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Pages, go
from tests.web.site import Site

PASSWORD = "a short sentence is good"


@pytest.fixture(scope="module")
def new(new_site: Callable[..., Site]) -> Site:
    """Where nobody has been yet."""
    return new_site()


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_the_printed_address_logs_in_once_and_passwords_ever_after(
    open_page: Pages, new: Site
) -> None:
    open_page.excuse("401")
    page = open_page(new.login_url, url=new.url, state=None)
    expect(page.get_by_role("heading", name="Set a password")).to_be_visible()
    assert "key" not in page.url
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill("something else")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert")).to_contain_text("The two passwords differ")
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()

    # A new installation says what to do first.
    expect(page.get_by_role("heading", name="No charge point has come yet")).to_be_visible()
    expect(page.get_by_text(f"{new.ocpp_url}/", exact=True)).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    page.get_by_role("button", name="account and theme").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    log_in(page, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("password")
    log_in(page, PASSWORD)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.get_by_role("button", name="account and theme").click()
    page.get_by_role("link", name="Change password").click()
    page.get_by_label("Current password").fill("wrong again")
    page.get_by_label("New password").fill(f"{PASSWORD}, now")
    page.get_by_label("The same again").fill(f"{PASSWORD}, now")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("the current password is wrong")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Password changed")).to_be_visible()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.reload()  # still logged in
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    other = open_page(new.login_url, url=new.url, state=None)
    expect(other.get_by_role("alert")).to_be_visible()
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()


def test_an_address_of_a_page_asks_who_is_there_and_then_shows_the_page(
    open_page: Pages, site: Site, name: str
) -> None:
    site.api("POST", "/users", {"user_name": name, "role": "viewer", "password": PASSWORD})
    open_page.excuse("401")
    page = open_page("/system", state=None)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="System", exact=True)).to_be_visible()


def test_what_the_empty_pages_say(open_page: Pages, new_site: Callable[..., Site]) -> None:
    fresh = new_site()
    page = open_page("/", url=fresh.url, state=fresh.log_in())
    for entry, heading in (
        ("Charge points", "No charge point yet"),
        ("Transactions", "Nothing was charged yet"),
        ("Tags", "No tag yet"),
        ("Alerts", "No alert is open"),
        ("Tasks", "No task yet"),
        ("Attempts", "Nobody was turned away"),
        ("Webhooks", "No webhook yet"),
    ):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=entry).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    for path, heading in (
        ("/groups", "No group yet"),
        ("/tags/groups", "No group of tags has terms yet"),
        ("/transactions/reviews", "Nothing waits for you"),
        ("/alerts?show=conditions", "Nothing is wrong for long"),
        ("/nowhere", "There is no such page"),
    ):
        go(page, path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    go(page, "/")
    for charge_point_id, heading in (
        ("CP1", "1 charge point wants to be let in"),
        ("CP2", "2 charge points want to be let in"),
    ):
        fresh.simulate(charge_point_id)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.get_by_role("link", name="Look at them").click()
    expect(page.get_by_role("button", name="Adopt several")).to_be_visible()


def test_who_logs_in_again_loses_nothing_of_a_form(open_page: Pages, site: Site, name: str) -> None:
    state = site.somebody(name, "operator")
    open_page.excuse("401")
    page = open_page("/tags", state=state)
    page.get_by_role("button", name="Add a tag").first.click()
    form = page.get_by_role("dialog", name="Add a tag")
    form.get_by_label("idTag").fill(name)
    page.context.clear_cookies()
    form.get_by_role("button", name="Add", exact=True).click()
    again = page.get_by_role("dialog", name="Log in again")
    again.get_by_label("Password").fill("not the password")
    again.get_by_role("button", name="Log in").click()
    expect(again.get_by_role("alert")).to_contain_text("password")
    # Whoever puts it off finds the form as it was, and is asked again.
    page.keyboard.press("Escape")
    expect(form.get_by_role("alert")).to_be_visible()
    expect(form.get_by_label("idTag")).to_have_value(name)
    form.get_by_role("button", name="Add", exact=True).click()
    again.get_by_label("Password").fill(name * 2)
    again.get_by_role("button", name="Log in").click()
    expect(page.get_by_text(f"{name} is added")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    # Somebody else begins anew.
    page.context.clear_cookies()
    page.get_by_role("link", name="System").first.click()
    again.get_by_role("button", name="As somebody else").click()
    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()
    expect(page.get_by_label("Name")).to_be_visible()

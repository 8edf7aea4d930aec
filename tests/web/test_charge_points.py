"""The list of charge points, how one comes in, and what is settled about it."""

import json
import re

import pytest
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.web.conftest import Pages, go
from tests.web.site import Site


def test_charge_points_are_searched_and_filtered(
    open_page: Pages, site: Site, charge_point: str, name: str
) -> None:
    site.register(name, f"{name}-b")
    site.api("PUT", f"/groups/{name}/members/{name}")
    site.api("PUT", f"/groups/{name}/members/{charge_point}")
    page = open_page("/charge-points")
    rows = page.get_by_role("region", name="Charge points").get_by_role("row")
    page.get_by_label("Search").fill(name)
    expect(rows).to_have_count(3)
    assert f"search={name}" in page.url  # can be kept, and sent to somebody
    page.get_by_label("Search").fill("")
    page.get_by_label("Group").select_option(name)
    expect(rows).to_have_count(3)
    expect(page.get_by_role("link", name=charge_point)).to_be_visible()
    page.get_by_label("Connection").select_option("Connected")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("ocpptrio")
    page.get_by_label("Connection").select_option("Offline")
    expect(page.get_by_role("link", name=charge_point)).to_have_count(0)
    page.get_by_label("Registration").select_option("Rejected")
    expect(page.get_by_role("heading", name="None fits")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_label("Registration")).to_have_value("")
    page.get_by_label("Connector", exact=True).select_option("Faulted")
    expect(page.get_by_role("heading", name="None fits")).to_be_visible()


def test_the_list_lives(open_page: Pages, site: Site, name: str) -> None:
    site.register(name)
    page = open_page(f"/charge-points?search={name}")
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text("Offline")
    simulated = site.simulate(name, "--connectors", "1", "--scenario", "idle")
    expect(row).to_contain_text("Connected")
    expect(row).to_contain_text("Available")
    expect(row).to_contain_text("ocpptrio Simulator")
    site.stop(simulated)
    expect(row).to_contain_text("Was available")


def test_one_is_registered_with_a_password_that_is_shown_once(
    open_page: Pages, site: Site, name: str
) -> None:
    open_page.excuse("409")
    site.register(f"{name}-1")
    page = open_page("/charge-points")
    page.get_by_role("button", name="Register").click()
    dialog = page.get_by_role("dialog", name="Register a charge point")
    dialog.get_by_label("Identity").fill(f"{name}-1")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_contain_text(f"{name}-1")
    dialog.get_by_label("Identity").fill(name)
    dialog.get_by_label("Who may charge").select_option("Everybody")
    dialog.get_by_label("Make a good password").check()
    dialog.get_by_label("Note").fill("behind the barn")
    dialog.get_by_role("button", name="Register").click()
    shown = page.get_by_role("dialog", name=f"Password of {name}")
    password = shown.locator("code").inner_text()
    assert len(password) >= 16
    shown.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("It has not connected yet")).to_be_visible()
    expect(page.get_by_text("behind the barn")).to_be_visible()
    site.simulate(name, "--password", password, "--scenario", "idle")
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible()
    page.reload()
    expect(page.get_by_text("behind the barn")).to_be_visible()
    assert password not in page.content()


def test_an_unknown_one_is_adopted_and_then_in(open_page: Pages, site: Site, name: str) -> None:
    page = open_page("/attempts")
    site.simulate(name, "--time-scale", "600", "--scenario", "idle")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_be_visible()
    row.get_by_role("button", name=f"Adopt {name}").click()
    dialog = page.get_by_role("dialog", name=f"Adopt {name}")
    dialog.get_by_label("Note (optional)").fill("by the gate")
    dialog.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible()
    expect(page.get_by_role("heading", name="Connector 1")).to_be_visible()


def test_several_unknown_ones_are_adopted_at_once(open_page: Pages, site: Site, name: str) -> None:
    page = open_page("/attempts")
    mine = [f"{name}-{number}" for number in range(3)]
    site.simulate(*mine, "--time-scale", "600", "--scenario", "idle")
    for one in mine:
        expect(page.get_by_role("row").filter(has_text=one)).to_be_visible()
    # Who adopts one of several stays with the others.
    page.get_by_role("button", name=f"Adopt {mine[0]}").click()
    page.get_by_role("dialog").get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=mine[0])).to_have_count(0)
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()

    page.get_by_role("button", name="Adopt several").click()
    dialog = page.get_by_role("dialog", name="Adopt several charge points")
    for box in dialog.get_by_role("checkbox").all():
        box.set_checked(box.get_attribute("value") in mine)
    dialog.get_by_label("Put them into a group (optional)").fill(name)
    dialog.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_text("2 charge points are adopted")).to_be_visible()
    assert site.api("GET", f"/groups/{name}")["charge_points"] == mine[1:]


def test_an_attempt_is_forgotten(open_page: Pages, site: Site, name: str) -> None:
    page = open_page("/attempts")
    tried = site.simulate(name)
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_be_visible()
    site.stop(tried)
    row.get_by_role("button", name=f"Forget {name}").click()
    expect(row).to_have_count(0)


def test_an_attempt_offers_what_would_let_it_in(open_page: Pages, site: Site, name: str) -> None:
    body = {"charge_point_id": name, "password": "what it does not know"}
    site.api("POST", "/charge-points", body)
    page = open_page("/attempts")
    tried = site.simulate(name, "--password", "something else")
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_role("link", name="Set its password").click()
    expect(page.get_by_role("heading", name="Password")).to_be_visible()
    # Browsers that keep passwords are told whose it is.
    whose = page.locator("form:has([type=password]) [autocomplete=username]")
    expect(whose).to_have_value(name)
    # Its own page says so, too, until it is in.
    notice = page.get_by_text("It was turned away")
    expect(notice).to_contain_text("password")
    page.get_by_label("Password", exact=True).fill("something else")
    page.get_by_role("button", name="Set this password").click()
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible()
    expect(notice).to_have_count(0)
    site.stop(tried)
    # Of those that name no identity none can be told from another.
    refused = "server rejected WebSocket connection"
    with pytest.raises(InvalidStatus, match=refused):
        connect(f"{site.ocpp_url}/", subprotocols=["ocpp1.6"])  # type: ignore[list-item]
    page.get_by_role("link", name="Attempts").first.click()
    row = page.get_by_role("row").filter(has_text="(none named)")
    expect(row).to_contain_text("no identity in the URL")
    expect(row.get_by_role("button")).to_have_count(0)


def test_what_came_while_the_list_grew_stays(open_page: Pages, site: Site, name: str) -> None:
    first, second = f"{name}-1", f"{name}-2"
    site.register(first, second)
    page = open_page("/tags")
    page.route(
        "**/api/v1/charge-points?*",
        lambda route: route.continue_(url=route.request.url.replace("limit=50", "limit=1")),
    )
    go(page, f"/charge-points?search={name}")
    row = page.get_by_role("row").filter(has_text=first)
    expect(row).to_contain_text("Offline")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    simulated = site.simulate(first, "--connectors", "1", "--scenario", "idle")
    expect(row).to_contain_text("Connected")
    expect(row).to_contain_text("Available")
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("link", name=second)).to_be_visible()
    expect(row).to_contain_text("Connected")
    expect(row).to_contain_text("Available")
    site.stop(simulated)


def test_who_comes_and_who_goes_is_seen_at_once(open_page: Pages, site: Site, name: str) -> None:
    site.register(f"{name}-1")
    page = open_page(f"/charge-points?search={name}")
    expect(page.get_by_role("link", name=f"{name}-1")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    site.register(f"{name}-2")
    expect(page.get_by_role("link", name=f"{name}-2")).to_be_visible()
    site.api("PATCH", f"/charge-points/{name}-2", {"note": "by the lift"})
    expect(page.get_by_text("by the lift")).to_be_visible()
    page.get_by_role("link", name=f"{name}-2").click()
    expect(page.get_by_role("heading", name="About")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    open_page.excuse("404")
    site.api("DELETE", f"/charge-points/{name}-2")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(f"{name}-2 is not registered")


def test_a_connection_that_replaces_another_is_no_absence(
    open_page: Pages, site: Site, name: str
) -> None:
    site.register(name)
    page = open_page(f"/charge-points/{name}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    url = f"{site.ocpp_url}/{name}"
    connected = page.locator(".mark", has_text="Connected")
    with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as old:
        expect(connected).to_be_visible()
        with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as new:
            with pytest.raises(ConnectionClosed, match="replaced"):
                old.recv()
            status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
            new.send(json.dumps([2, "1", "StatusNotification", status]))
            expect(page.get_by_text("Available", exact=True)).to_be_visible()  # is told after it
            expect(connected).to_be_visible()
    expect(connected).to_have_count(0)
    expect(page.get_by_text("Offline", exact=True)).to_be_visible()


def test_a_change_of_the_login_in_another_window_is_taken_over(
    open_page: Pages, site: Site, name: str
) -> None:
    site.register(name)
    open_page.excuse("403")
    page = open_page(f"/charge-points/{name}/settings")
    expect(page.get_by_label("Note")).to_be_visible()
    page.context.add_cookies(site.somebody(name, "operator")["cookies"])
    page.get_by_label("Note").fill("by whoever is there now")
    save = page.get_by_role("button", name="Save").last
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("The login has changed")
    person = page.get_by_role("button", name="account and theme")
    expect(person).to_contain_text(name.lower())
    save.click()
    expect(page.get_by_text("Saved")).to_be_visible()


def test_who_may_charge_its_registration_and_its_groups_are_set(
    open_page: Pages, site: Site, name: str
) -> None:
    open_page.excuse("409")
    site.register(name)
    page = open_page(f"/charge-points/{name}/settings")
    mode = page.locator("section").filter(has=page.get_by_role("heading", name="Who may charge"))
    mode.get_by_label("Who may charge").select_option("Everybody, as one idTag")
    mode.get_by_label("idTag that answers for all").fill(name)
    mode.get_by_role("button", name="Save").click()
    expect(mode.get_by_role("alert")).to_contain_text(f"no tag {name}")
    site.api("POST", "/tags", {"id_tag": name})
    mode.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    mode.get_by_label("Who may charge").select_option("Learn unknown idTags for a while")
    mode.get_by_label("For how many minutes").fill("90")
    mode.get_by_role("button", name="Save").click()
    expect(mode.get_by_text("It learns until")).to_be_visible()

    page.get_by_label("Registration").select_option("Rejected")
    page.get_by_label("Note").fill("to be scrapped")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator(".about-line")).to_contain_text("Rejected")
    expect(page.locator(".about-line")).to_contain_text("to be scrapped")

    page.get_by_label("Group", exact=True).fill(name.lower())
    page.get_by_role("button", name="Put into the group").click()
    expect(page.locator(".about-line").get_by_role("link", name=name.lower())).to_be_visible()
    page.get_by_role("button", name=f"Take it out of {name.lower()}").click()
    expect(page.get_by_text("It is in no group.")).to_be_visible()
    known = site.api("GET", f"/charge-points/{name}")
    assert (known["mode"], known["registration"]) == ("learn", "Rejected")


def test_its_password_is_set_made_and_taken_off(open_page: Pages, site: Site, name: str) -> None:
    open_page.excuse("400")
    site.register(name)
    page = open_page(f"/charge-points/{name}/settings")
    section = page.locator("section").filter(has=page.get_by_role("heading", name="Password"))
    expect(section).to_contain_text("None is set")
    section.get_by_label("Password").fill("short")
    section.get_by_role("button", name="Set this password").click()
    expect(section.get_by_role("alert").or_(page.get_by_text("Password set"))).to_be_visible()
    section.get_by_label("Password").fill("long enough to be good")
    section.get_by_role("button", name="Set this password").click()
    expect(section).to_contain_text("A password is set")
    section.get_by_role("button", name="Make a good one").click()
    shown = page.get_by_role("dialog", name=f"Password of {name}")
    expect(shown.locator("code")).to_have_text(re.compile(r"\S{16,}"))
    shown.get_by_role("button", name="I have it").click()
    section.get_by_role("button", name="Take it off").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Take it off").click()
    expect(section).to_contain_text("None is set")


def test_one_is_removed_when_that_is_confirmed(open_page: Pages, site: Site, name: str) -> None:
    site.register(name)
    page = open_page(f"/charge-points/{name}/settings")
    page.get_by_role("button", name=f"Remove {name}").click()
    dialog = page.get_by_role("dialog", name=f"Remove {name}?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name=f"Remove {name}").click()
    dialog.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("heading", name="Charge points")).to_be_visible()
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    open_page.excuse("404")
    page.goto(f"{site.url}/charge-points/{name}")
    expect(page.get_by_role("alert")).to_contain_text(name)


def test_the_second_of_two_who_change_it_is_told(open_page: Pages, site: Site, name: str) -> None:
    open_page.excuse("412")
    site.register(name)
    first, second = (open_page(f"/charge-points/{name}/settings") for _ in range(2))
    second.get_by_label("Note").fill("what the second knows")
    first.get_by_label("Note").fill("what the first knows")
    first.get_by_role("button", name="Save").last.click()
    expect(first.get_by_text("Saved")).to_be_visible()
    second.get_by_role("button", name="Save").last.click()
    expect(second.get_by_role("alert")).to_contain_text("changed")
    assert site.api("GET", f"/charge-points/{name}")["note"] == "what the first knows"
    # What was typed is still there, until the other's change is looked at.
    expect(second.get_by_label("Note")).to_have_value("what the second knows")
    second.get_by_role("button", name="Show how it is now").click()
    expect(second.get_by_label("Note")).to_have_value("what the first knows")
    second.get_by_label("Note").fill("what both know")
    second.get_by_role("button", name="Save").last.click()
    expect(second.get_by_text("Saved")).to_be_visible()


@pytest.mark.parametrize("tab", ["transactions", "commands", "events", "deviations"])
def test_a_part_of_a_new_one_says_that_there_is_nothing(
    open_page: Pages, site: Site, name: str, tab: str
) -> None:
    site.register(name)
    page = open_page(f"/charge-points/{name}/{tab}")
    if tab == "events":
        expect(page.get_by_text("Registered (added)")).to_be_visible()
    else:
        expect(page.locator(".empty")).to_be_visible()

"""What happens, what is wrong and what many are asked: events, alerts and tasks."""

import re

from playwright.sync_api import expect

from tests.web.conftest import Pages
from tests.web.site import Site


def test_events_come_as_they_happen_and_are_filtered(
    open_page: Pages, site: Site, name: str
) -> None:
    page = open_page("/events")
    events = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name))
    site.api("POST", "/charge-points", {"charge_point_id": name})
    expect(events.filter(has_text="Registered (added)")).to_be_visible()

    page.get_by_role("button", name="Hold still").click()
    site.api("PATCH", f"/charge-points/{name}", {"note": "while it holds"})
    expect(page.get_by_role("button", name=re.compile(r"Go on \(\d+ new\)"))).to_be_visible()
    expect(events.filter(has_text="Edited: note")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(events.filter(has_text="Edited: note")).to_be_visible()

    page.get_by_label("Charge point").fill(name)
    expect(page.locator(".happenings").get_by_role("listitem")).to_have_count(2)
    page.get_by_label("What").select_option("Security")
    expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()
    simulated = site.simulate(name, "--scenario", "idle")
    expect(events.filter(has_text="Security event StartupOfTheDevice")).to_be_visible()
    site.stop(simulated)
    page.get_by_label("What").select_option("States and connections")
    expect(events.filter(has_text="Disconnected")).to_be_visible()


def test_an_alert_comes_and_is_acknowledged(open_page: Pages, site: Site, name: str) -> None:
    site.register(name)
    page = open_page("/alerts")
    site.simulate(name, "--scenario", "idle")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row.first).to_contain_text("security event")
    row.first.get_by_role("button", name="Acknowledge").click()
    expect(row).to_have_count(0)  # such a one is over when somebody has seen it
    page.get_by_role("button", name="All", exact=True).click()
    expect(row.first).to_contain_text("seen by user admin")


def test_all_alerts_are_acknowledged_at_once(open_page: Pages, site: Site, name: str) -> None:
    names = [f"{name}-{number}" for number in range(2)]
    site.register(*names)
    site.simulate(*names, "--scenario", "idle")
    page = open_page("/alerts")
    for each in names:
        expect(page.get_by_role("row").filter(has_text=each)).to_be_visible()
    page.get_by_role("button", name="Acknowledge all shown").click()
    expect(page.get_by_text("alerts are acknowledged")).to_be_visible()
    for each in names:
        expect(page.get_by_role("row").filter(has_text=each)).to_have_count(0)


def test_an_alert_is_counted_at_once_on_other_pages(
    open_page: Pages, site: Site, name: str
) -> None:
    site.register(name)
    page = open_page("/tasks")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    before = site.api("GET", "/overview")["alerts_open"]
    site.simulate(name, "--scenario", "idle")
    alerts = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Alerts")
    expect(alerts).to_contain_text(str(before + 1))


def test_the_settings_of_alerts_are_shown(open_page: Pages) -> None:
    page = open_page("/alerts")
    page.get_by_role("link", name="Who is told, and when").first.click()
    expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
    expect(page.get_by_text("TamperDetectionActivated")).to_be_visible()


def test_many_are_asked_and_the_rest_is_cancelled(
    open_page: Pages, site: Site, charge_point: str, name: str
) -> None:
    open_page.excuse("400", "404", "409")
    site.register(name)
    page = open_page("/tasks")
    page.get_by_role("button", name="Ask many").first.click()
    dialog = page.get_by_role("dialog", name="Ask many charge points")
    dialog.get_by_label("Action").select_option("ChangeConfiguration")
    dialog.get_by_label("Key").fill("BlinkRepeat")
    dialog.get_by_label("Value").fill("4")
    send = dialog.get_by_role("button", name="Send ChangeConfiguration")
    dialog.get_by_label("Charge points").fill(f"{charge_point}, nobody")
    send.click()
    expect(dialog.get_by_role("alert")).to_contain_text("nobody")
    dialog.get_by_label("Charge points").fill(f"{charge_point}, {name}")
    dialog.get_by_label("So many at a time (optional)").fill("2")
    send.click()
    expect(page.get_by_role("heading", name=re.compile(r"Task \d+"))).to_be_visible()
    expect(page.get_by_text("running, 1 of 2")).to_be_visible()
    rows = page.get_by_role("table", name="Commands of the task").get_by_role("row")
    expect(rows.filter(has_text=charge_point)).to_contain_text("Accepted")
    expect(rows.filter(has_text=name)).to_contain_text("Queued")
    page.get_by_role("button", name="Cancel the rest").click()
    expect(page.get_by_text("cancelled, 2 of 2")).to_be_visible()
    expect(rows.filter(has_text=name)).to_contain_text("Cancelled")
    rows.filter(has_text=charge_point).get_by_role("button").click()
    expect(page.get_by_role("dialog", name="ChangeConfiguration")).to_contain_text('"value": "4"')
    page.keyboard.press("Escape")
    page.get_by_role("link", name="← Tasks").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("cancelled, 2 of 2")


def test_a_group_is_asked(open_page: Pages, site: Site, charge_point: str, name: str) -> None:
    site.api("PUT", f"/groups/{name}/members/{charge_point}")
    page = open_page("/tasks")
    page.get_by_role("button", name="Ask many").first.click()
    dialog = page.get_by_role("dialog", name="Ask many charge points")
    dialog.get_by_label("Action").select_option("ClearCache")
    dialog.get_by_label("Group").select_option(name)
    dialog.get_by_role("button", name="Send ClearCache").click()
    expect(page.get_by_text("done, 1 of 1")).to_be_visible()

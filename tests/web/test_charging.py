"""Charging as a person sees it, started, watched and stopped; commands and what they do."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Pages
from tests.web.site import Site


def connector(page: Page, number: int) -> Locator:
    heading = page.get_by_role("heading", name=f"Connector {number}")
    return page.locator("section").filter(has=heading)


def close(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def start(site: Site, charge_point: str, connector_id: int = 1) -> int:
    """Charging goes on before anybody looks; the number of the transaction."""
    body = {"connectorId": connector_id, "idTag": "CARD"}
    path = f"/charge-points/{charge_point}/commands/RemoteStartTransaction"
    command = site.api("POST", f"{path}?wait_s=20", body)
    assert command["status"] == "Accepted", command
    command = site.api("GET", f"/commands/{command['command_id']}?until=effect&wait_s=20")
    found = re.search(r"transaction (\d+)", command["effect_detail"])
    assert found is not None, command
    return int(found[1])


def test_charging_is_started_watched_and_stopped(open_page: Pages, charge_point: str) -> None:
    page = open_page(f"/charge-points/{charge_point}")
    first = connector(page, 1)
    first.get_by_role("button", name="Start charging").click()
    dialog = page.get_by_role("dialog", name="Start charging at connector 1")
    expect(dialog.get_by_label("idTag")).to_be_focused()
    dialog.get_by_label("idTag").fill("CARD7")
    dialog.get_by_role("button", name="Start charging").click()
    expect(dialog).to_contain_text("Accepted")
    expect(dialog).to_contain_text("Took effect")
    expect(dialog).to_contain_text("by user admin")
    close(page)

    expect(first.get_by_text("Charging", exact=True)).to_be_visible()
    expect(first).to_contain_text("CARD7")
    chart = page.get_by_role("img", name=f"Power of {charge_point}. Connector 1: last 11.04 kW")
    expect(chart).to_be_visible()
    drawn = chart.screenshot()
    energy = first.locator("dt", has_text="Energy").locator("+ dd")
    told = energy.inner_text()
    expect(energy).not_to_have_text(told)  # the next meter values
    page.wait_for_function("() => new Promise((drawn) => requestAnimationFrame(() => drawn(1)))")
    assert chart.screenshot() != drawn

    first.get_by_role("button", name="Stop charging").click()
    expect(page.get_by_role("dialog", name="Stop transaction")).to_contain_text(
        "seen: stopped, reason Remote"
    )
    close(page)
    expect(first.get_by_role("button", name="Start charging")).to_be_visible()

    page.get_by_role("link", name="Transactions").last.click()
    row = page.get_by_role("table", name="Transactions").get_by_role("row").nth(1)
    expect(row).to_contain_text("Stopped")
    expect(row).to_contain_text("CARD7")
    page.get_by_role("link", name="Commands").click()
    expect(page.get_by_role("table", name="Commands").get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="RemoteStopTransaction").click()
    expect(page.get_by_role("dialog")).to_contain_text("reason Remote")
    close(page)
    page.get_by_role("link", name="Events").last.click()
    expect(page.get_by_text("stopped (Remote)")).to_be_visible()


def test_the_overview_lives(open_page: Pages, site: Site, charge_point: str) -> None:
    page = open_page("/")
    figures = page.get_by_role("region", name="The fleet in numbers")
    figure = figures.locator(".figure").filter(has_text="Power now")
    expect(figure).to_contain_text(re.compile("transactions? runs?"))
    before = figure.inner_text()
    tile = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=charge_point))
    start(site, charge_point, 2)
    expect(tile).to_contain_text("Charging")
    expect(tile).to_contain_text("11.04 kW")
    expect(figure).not_to_have_text(before, use_inner_text=True)
    tile.get_by_role("link").click()
    expect(page.get_by_role("heading", name=charge_point)).to_be_focused()


def test_what_needs_a_person_is_on_the_overview(open_page: Pages, site: Site, name: str) -> None:
    site.register(name)
    page = open_page("/")
    needs = page.locator("section").filter(has=page.get_by_role("heading", name="Needs a person"))
    item = needs.get_by_role("listitem").filter(has_text=re.compile("charge points? (is|are) off"))
    item.get_by_role("link", name="Which?").click()
    expect(page.get_by_role("heading", name="Charge points")).to_be_visible()
    expect(page.get_by_label("Connection")).to_have_value("false")
    expect(page.get_by_role("link", name=name)).to_be_visible()


def test_a_command_is_filled_in_field_by_field(open_page: Pages, charge_point: str) -> None:
    page = open_page(f"/charge-points/{charge_point}")
    page.get_by_role("button", name="Send a command").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Action").select_option("ChangeConfiguration")
    dialog.get_by_label("Key").fill("BlinkRepeat")
    send = dialog.get_by_role("button", name="Send ChangeConfiguration")
    send.click()  # the browser says that a value is needed
    expect(dialog.get_by_label("Value")).to_be_focused()
    dialog.get_by_label("Value").fill("5")
    send.click()
    expect(dialog).to_contain_text("Accepted")
    close(page)


def test_a_command_with_fields_within_fields(open_page: Pages, charge_point: str) -> None:
    open_page.excuse("400")
    page = open_page(f"/charge-points/{charge_point}")
    page.get_by_role("button", name="Send a command").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Action").select_option("SetChargingProfile")
    dialog.get_by_label("Connector id").select_option("1")
    dialog.get_by_label("Charging profile id").fill("1")
    dialog.get_by_label("Stack level").fill("0")
    dialog.get_by_label("Charging profile purpose").select_option("TxDefaultProfile")
    dialog.get_by_label("Charging profile kind").select_option("Relative")
    period = dialog.get_by_role("group", name="Charging schedule period 1")
    period.get_by_label("Start period").fill("0")
    period.get_by_label("Limit").fill("16")
    dialog.get_by_role("button", name="Add one").click()
    second = dialog.get_by_role("group", name="Charging schedule period 2")
    second.get_by_label("Start period").fill("600")
    second.get_by_label("Limit").fill("6.5")

    # For those who prefer it; what does not do is told field by field.
    dialog.get_by_role("button", name="As JSON").click()
    text = dialog.get_by_label("Request as JSON")
    whole = text.input_value()
    text.fill("{")
    expect(dialog.get_by_text("Not JSON yet")).to_be_visible()
    dialog.get_by_role("button", name="Send SetChargingProfile").click()
    expect(text).to_be_focused()  # and nothing is sent
    text.fill(whole.replace('"stackLevel": 0', '"stackLevel": -1'))
    dialog.get_by_role("button", name="Send SetChargingProfile").click()
    expect(dialog.get_by_role("alert")).to_contain_text("stackLevel")
    text.fill(whole)
    dialog.get_by_role("button", name="Back to the form").click()
    expect(second.get_by_label("Limit")).to_have_value("6.5")
    # What is left shows its own values when the one before it goes.
    second.get_by_label("Limit").fill("6")
    period.get_by_label("Limit").fill("17")
    dialog.get_by_role("button", name="Remove 1").click()
    expect(second).to_have_count(0)
    expect(period.get_by_label("Limit")).to_have_value("6")
    period.get_by_label("Start period").fill("0")
    dialog.get_by_role("button", name="Send SetChargingProfile").click()
    expect(dialog).to_contain_text("Accepted")
    expect(dialog).to_contain_text('"limit": 6')
    expect(dialog).not_to_contain_text('"limit": 17')


def test_it_is_said_before_that_an_id_tag_may_not_charge(
    open_page: Pages, site: Site, name: str
) -> None:
    site.register(name, mode="closed")
    site.api("POST", "/tags", {"id_tag": name})
    page = open_page(f"/charge-points/{name}")
    page.get_by_role("button", name="Send a command").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Action").select_option("RemoteStartTransaction")
    dialog.get_by_label("idTag").fill(f"{name}-X")
    warning = dialog.get_by_text(f"{name}-X may not charge here")
    expect(warning).to_be_visible()
    dialog.get_by_label("idTag").fill(name)
    expect(warning).to_have_count(0)
    dialog.get_by_role("button", name="Cancel").click()


def test_a_command_waits_for_a_charge_point_that_is_away(
    open_page: Pages, site: Site, name: str
) -> None:
    site.register(name)
    page = open_page(f"/charge-points/{name}/commands")
    expect(page.get_by_role("heading", name="Nothing was asked of it yet")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    dialog = page.get_by_role("dialog", name="Reset")
    expect(dialog).to_contain_text("The charge point is offline")
    dialog.get_by_label("Type").select_option("Hard")
    dialog.get_by_role("button", name="Send Reset").click()
    expect(dialog).to_contain_text("Queued")
    dialog.get_by_role("button", name="Cancel it").click()
    expect(dialog).to_contain_text("Cancelled")
    close(page)
    expect(page.get_by_role("table", name="Commands")).to_contain_text("Cancelled")

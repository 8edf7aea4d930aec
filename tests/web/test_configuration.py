"""What a charge point is to hold, what it says, and where it leaves the specification."""

import re

from playwright.sync_api import expect

from tests.web.conftest import Pages
from tests.web.site import Site
from tests.web.test_transactions import by_hand


def test_a_wanted_value_stands_beside_the_reported_one_until_it_is_applied(
    open_page: Pages, charge_point: str
) -> None:
    page = open_page(f"/charge-points/{charge_point}/configuration")
    page.get_by_role("button", name="Read again").click()
    page.get_by_label("Find a key").fill("blinkrep")
    row = page.get_by_role("table", name="Configuration keys").get_by_role("row").nth(1)
    expect(row.get_by_role("cell").nth(1)).to_have_text("3")
    row.get_by_role("button", name="Change BlinkRepeat").click()
    dialog = page.get_by_role("dialog", name="BlinkRepeat")
    expect(dialog).to_contain_text("It reports 3")
    dialog.get_by_label("Value").fill("9")
    dialog.get_by_role("button", name="Want this value").click()
    expect(dialog).to_have_count(0)
    expect(row.get_by_role("cell").nth(2)).to_have_text("9")
    expect(row.get_by_role("cell").nth(1)).to_have_text("9")
    expect(row.get_by_role("cell").nth(3)).to_contain_text("applied")

    row.get_by_role("button", name="Change BlinkRepeat").click()
    dialog.get_by_role("button", name="Stop wanting a value").click()
    expect(row.get_by_role("cell").nth(2)).to_have_text("")

    page.get_by_label("Find a key").fill("no such key")
    expect(page.get_by_role("heading", name="No key is called so")).to_be_visible()


def test_a_value_that_it_refuses_is_told_with_the_reason(
    open_page: Pages, charge_point: str
) -> None:
    page = open_page(f"/charge-points/{charge_point}/configuration")
    page.get_by_role("button", name="Want a value").click()
    dialog = page.get_by_role("dialog", name="Want a value")
    dialog.get_by_label("Key").fill("LightIntensity")
    dialog.get_by_label("Value").fill("dazzling")
    dialog.get_by_role("button", name="Want this value").click()
    row = page.get_by_role("row").filter(has_text="LightIntensity")
    expect(row).to_contain_text("dazzling")
    expect(row).to_contain_text("rejected")


def test_a_group_wants_a_value_of_all_its_members(
    open_page: Pages, site: Site, charge_point: str, name: str
) -> None:
    page = open_page("/groups")
    site.register(name, f"{name}-2")
    page.get_by_role("button", name="Make a group").first.click()
    page.get_by_label("Name").fill(name)
    members = page.get_by_label("Its charge points")
    members.fill(f"{charge_point}, {name}-2")
    # Several are suggested, too, one after the other.
    expect(page.locator(f'datalist option[value="{charge_point}, {name}-2"]')).to_have_count(1)
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_label("Put charge points in").fill(name)
    page.get_by_role("button", name="Put in").click()
    expect(page.get_by_text("3 charge points")).to_be_visible()
    page.get_by_label("Key").fill("BlinkRepeat")
    page.get_by_label("Value").fill("7")
    page.get_by_role("button", name="Want it").click()
    wanted = page.get_by_role("table", name="Wanted configuration")
    expect(wanted).to_contain_text("BlinkRepeat")

    page.get_by_role("link", name=charge_point).click()
    page.get_by_role("link", name="Configuration").click()
    row = page.get_by_role("row").filter(has_text="BlinkRepeat")
    expect(row).to_contain_text(f"group {name}")
    expect(row).to_contain_text("applied")

    page.go_back()
    page.go_back()
    wanted.get_by_role("button", name="No longer want BlinkRepeat").click()
    expect(page.get_by_role("heading", name="Nothing is wanted of its members")).to_be_visible()
    page.get_by_role("button", name="Remove the group").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_have_count(0)
    expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_questions_stand_with_their_answers(open_page: Pages, charge_point: str) -> None:
    page = open_page(f"/charge-points/{charge_point}/messages")
    page.get_by_label("Action").fill("BootNotification")
    boot = page.locator("details")
    expect(boot).to_have_count(1)
    expect(boot).to_contain_text(re.compile(r"→ Accepted · \d+ ms"))
    boot.locator("summary").click()
    expect(boot.get_by_text('"chargePointVendor": "ocpptrio"')).to_be_visible()
    expect(boot.get_by_text('"interval": 300')).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename.endswith(".jsonl")
    assert "BootNotification" in download.value.path().read_text()


def test_an_answer_that_refuses_stands_out(open_page: Pages, site: Site, name: str) -> None:
    with by_hand(site, name) as charge_point:
        charge_point.call("DataTransfer", vendorId="nobody")
    page = open_page(f"/charge-points/{name}/messages")
    expect(page.locator(".answer.wrong")).to_contain_text("→ UnknownVendorId")


def test_deviations_are_listed_reported_and_forgotten(
    open_page: Pages, site: Site, name: str
) -> None:
    site.register(name)
    odd = site.simulate(name, "--quirk", "q31", "--time-scale", "600", "--scenario", "idle")
    page = open_page(f"/charge-points/{name}/messages")
    expect(page.locator("details").first).to_be_visible()
    page.get_by_role("link", name="Deviations").click()
    table = page.get_by_role("table", name="Deviations")
    expect(table).to_contain_text("BootNotification")
    with page.expect_download() as download:
        page.get_by_role("link", name="Report for its maker").click()
    assert "BootNotification" in download.value.path().read_text()
    site.stop(odd)
    page.get_by_role("button", name="Forget them").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget them").click()
    expect(page.get_by_role("heading", name="It keeps to the specification")).to_be_visible()

"""Tags and groups of tags: added, changed, blocked, asked about, removed; CSV in and out."""

from playwright.sync_api import expect

from tests.web.conftest import Pages
from tests.web.site import Site


def test_a_tag_is_added_changed_blocked_and_removed(
    open_page: Pages, site: Site, name: str
) -> None:
    open_page.excuse("400", "409")
    site.register(name)
    page = open_page("/tags")
    for place in range(2):  # the second of the same name is refused
        page.get_by_role("button", name="Add a tag").first.click()
        dialog = page.get_by_role("dialog", name="Add a tag")
        dialog.get_by_label("idTag").fill(name)
        dialog.get_by_text("Limits").click()
        dialog.get_by_label("Only at these times (optional)").fill("whenever" if place else "")
        dialog.get_by_label("Note (optional)").fill("Anna")
        dialog.get_by_role("button", name="Add", exact=True).click()
        if place == 0:
            expect(page.get_by_text(f"{name} is added")).to_be_visible()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()

    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("May charge")
    row.get_by_role("button", name=name).click()
    dialog = page.get_by_role("dialog", name=name)
    dialog.get_by_label("Group of tags (optional)").fill("FAMILY")
    dialog.get_by_text("Limits").click()
    dialog.get_by_label("Budget of a day in kWh (optional)").fill("-1")
    dialog.get_by_text("Limits").click()  # what is wrong there is shown, not hidden
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_label("Budget of a day in kWh (optional)").fill("12.5")
    dialog.get_by_label("Only at these charge points (optional)").fill(name)
    dialog.get_by_label("Only at these times (optional)").fill("mon-fri 08:00-18:00")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("FAMILY")
    expect(row).to_contain_text("12.5 kWh a day")
    expect(row).to_contain_text(f"at {name}")

    row.get_by_role("button", name=name).click()
    dialog.get_by_label("Blocked").check()
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Blocked")
    page.get_by_label("State").select_option("Not blocked")
    expect(row).to_have_count(0)
    page.get_by_label("State").select_option("Blocked")
    page.get_by_label("Search").fill(name.lower())
    expect(row).to_be_visible()

    row.get_by_role("button", name=name).click()
    dialog.get_by_label("At charge point").fill(name)
    dialog.get_by_role("button", name="Ask").click()
    expect(dialog.get_by_text("Blocked").last).to_be_visible()
    dialog.get_by_role("button", name="Remove the tag").click()
    sure = page.get_by_role("dialog", name=f"Remove {name}?")
    sure.get_by_role("button", name="Remove the tag").click()
    expect(page.get_by_text(f"{name} is removed")).to_be_visible()
    expect(page.get_by_role("heading", name="None fits")).to_be_visible()


def test_the_second_of_two_who_change_a_tag_is_told(
    open_page: Pages, site: Site, name: str
) -> None:
    open_page.excuse("412")
    site.api("POST", "/tags", {"id_tag": name})
    first, second = (open_page(f"/tags?search={name}") for _ in range(2))
    for page in (first, second):
        page.get_by_role("button", name=name).click()
        page.get_by_label("Note (optional)").fill("Ben")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("dialog")).to_have_count(0)
    second.get_by_role("button", name="Save").click()
    dialog = second.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("changed")
    dialog.get_by_label("Note (optional)").fill("Clara")
    dialog.get_by_role("button", name="Show how it is now").click()
    expect(dialog.get_by_label("Note (optional)")).to_have_value("Ben")
    dialog.get_by_label("Note (optional)").fill("Ben and Clara")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert site.api("GET", f"/tags/{name}")["note"] == "Ben and Clara"


def test_what_is_not_changed_stays_to_the_second(open_page: Pages, site: Site, name: str) -> None:
    expires_at = "2031-05-31T21:59:59Z"
    site.api("POST", "/tags", {"id_tag": name, "expires_at": expires_at})
    page = open_page(f"/tags?search={name}")
    page.get_by_role("button", name=name).click()
    dialog = page.get_by_role("dialog", name=name)
    dialog.get_by_label("Note (optional)").fill("Anna")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    tag = site.api("GET", f"/tags/{name}")
    assert (tag["note"], tag["expires_at"]) == ("Anna", expires_at)


def test_what_was_typed_is_not_lost_by_a_click_beside_the_form(open_page: Pages, name: str) -> None:
    page = open_page("/tags")
    page.get_by_role("button", name="Add a tag").first.click()
    field = page.get_by_role("dialog").get_by_label("idTag")
    field.fill(name)
    page.mouse.click(5, 5)
    expect(field).to_have_value(name)
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    # What only tells something is closed by it, but not by marking its text as far as beside it.
    page.get_by_role("button", name="account and theme").click()
    dialog = page.get_by_role("dialog", name="admin")
    dialog.get_by_text("Your role is").hover()
    page.mouse.down()
    page.mouse.move(5, 5)
    page.mouse.up()
    expect(dialog).to_be_visible()
    page.mouse.click(5, 5)
    expect(dialog).to_have_count(0)


def test_a_group_of_tags_gets_terms_and_loses_them(open_page: Pages, site: Site, name: str) -> None:
    open_page.excuse("409")
    site.api("POST", "/tags", {"id_tag": name, "parent_id_tag": f"{name}G"})
    page = open_page("/tags")
    page.get_by_role("link", name="Groups of tags").click()
    page.get_by_role("button", name="Add a group").first.click()
    dialog = page.get_by_role("dialog", name="Add a group")
    dialog.get_by_label("Name (parentIdTag)").fill(f"{name}G")
    dialog.get_by_label("Budget of a month in kWh (optional)").fill("100")
    dialog.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row").filter(has_text=f"{name}G")
    expect(row).to_contain_text("100.0 kWh a month")
    row.get_by_role("button", name=f"{name}G").click()
    dialog = page.get_by_role("dialog", name=f"{name}G")
    expect(dialog.get_by_label("Budget of a month in kWh (optional)")).to_have_value("100")
    dialog.get_by_label("Blocked").check()
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Blocked")
    row.get_by_role("button", name=f"{name}G").click()
    dialog.get_by_role("button", name="Remove its terms").click()
    sure = page.get_by_role("dialog", name=f"Remove the terms of {name}G?")
    sure.get_by_role("button", name="Remove its terms").click()
    expect(sure.get_by_role("alert")).to_contain_text("take its tags out first")
    site.api("DELETE", f"/tags/{name}")
    sure.get_by_role("button", name="Remove its terms").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text(f"The terms of {name}G are removed")).to_be_visible()


def test_tags_come_and_go_as_csv(open_page: Pages, name: str) -> None:
    open_page.excuse("400")
    page = open_page(f"/tags?search={name}")
    page.get_by_role("button", name="Import CSV").click()
    dialog = page.get_by_role("dialog", name="Import CSV")

    def send(text: str) -> None:
        file = {"name": "tags.csv", "mimeType": "text/csv", "buffer": text.encode()}
        dialog.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
        dialog.get_by_role("button", name="Import").click()

    send(f"id_tag,blocked\n{name}A,perhaps\n")
    expect(dialog.get_by_role("alert")).to_contain_text("line 2")
    send(f"id_tag,note\n{name}A,Anna\n{name}B,Ben\n")
    expect(dialog).to_contain_text("2")
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("row")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    exported = download.value.path().read_text()
    assert f"{name}A," in exported
    assert "Ben" in exported

"""What admins look after: webhooks, users, tokens, the audit log and the system itself."""

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Pages
from tests.web.site import Site


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, and counts them."""

    def __init__(self) -> None:
        self.received: queue.Queue[Any] = queue.Queue()  # Any: JSON
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"

    def numbers(self) -> list[int]:
        """Of the events that come next."""
        return [event["number"] for event in self.received.get(timeout=20)["events"]]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.put(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_webhook_is_added_tested_paused_replayed_and_removed(
    open_page: Pages, site: Site, receiver: Receiver, name: str
) -> None:
    open_page.excuse("400")
    page = open_page("/webhooks")
    page.get_by_role("button", name="Add a webhook").first.click()
    dialog = page.get_by_role("dialog", name="Add a webhook")
    dialog.get_by_label("Address").fill("ftp://example.com/")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("url")
    dialog.get_by_label("Address").fill(receiver.url)
    dialog.get_by_label("Registered", exact=True).check()
    dialog.get_by_label("Removed", exact=True).check()
    dialog.get_by_role("button", name="Add", exact=True).click()
    once = page.get_by_role("dialog", name="Secret that signs what is sent")
    assert len(once.locator("code").inner_text()) > 20
    once.get_by_role("button", name="I have it").click()

    row = page.get_by_role("row").filter(has_text=receiver.url)
    expect(row).to_contain_text("active")
    expect(row).to_contain_text("Registered, Removed")
    row.get_by_role("button", name=receiver.url).click()
    dialog = page.get_by_role("dialog", name=receiver.url)
    dialog.get_by_role("button", name="Send a test").click()
    attempts = dialog.get_by_role("table", name="Last attempts").get_by_role("row")
    expect(attempts.filter(has_text="a test")).to_contain_text("204")
    # What is told of it is above the dialog, and can be put away.
    expect(dialog.get_by_text("The test arrived")).to_be_visible()
    dialog.get_by_role("button", name="Dismiss").click()
    expect(dialog.get_by_text("The test arrived")).to_have_count(0)
    assert receiver.received.get()["events"] == []
    site.register(name)
    (number,) = receiver.numbers()
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_text("paused")).to_be_visible()
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_text("active")).to_be_visible()
    delivered = page.get_by_role("cell", name=str(number), exact=True)
    expect(attempts.filter(has=delivered)).to_contain_text("204")
    dialog.get_by_role("button", name="Send again").click()
    dialog.get_by_label("From event number").fill(str(number))
    dialog.get_by_role("button", name="Send again").last.click()
    expect(page.get_by_text("It is sent again")).to_be_visible()
    assert receiver.numbers() == [number]
    dialog.get_by_role("button", name="Change").click()
    expect(dialog.get_by_label("Registered", exact=True)).to_be_checked()
    dialog.get_by_label("Only this charge point (optional)").fill(name)
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text(name)
    dialog.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    expect(row).to_have_count(0)


def test_a_user_is_added_and_comes_in_by_the_login_address(open_page: Pages, name: str) -> None:
    open_page.excuse("409")
    name = name.lower()
    page = open_page("/users")
    page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog", name="Add a user")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_role("button", name="Add", exact=True).click()
    shown = page.get_by_role("dialog", name=f"Login address for {name}")
    address = shown.locator("code").inner_text()
    shown.get_by_role("button", name="Close").last.click()
    users = page.get_by_role("table", name="Users").get_by_role("row")
    expect(users.filter(has_text=name)).to_contain_text("No password yet")

    theirs = open_page(address, state=None)
    theirs.get_by_label("New password").fill("what a good password")
    theirs.get_by_label("The same again").fill("what a good password")
    theirs.get_by_role("button", name="Set password").click()
    expect(theirs.get_by_role("heading", name="Overview")).to_be_visible()
    expect(theirs.get_by_role("button", name="account and theme")).to_contain_text(name)

    page.reload()
    row = users.filter(has_text=name)
    expect(row).to_contain_text("Active")
    expect(row).to_contain_text("viewer")
    row.get_by_role("button", name=f"Change {name}").click()
    dialog = page.get_by_role("dialog", name=name)
    dialog.get_by_label("Role").select_option("operator")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("operator")
    row.get_by_role("button", name=f"Change {name}").click()
    dialog.get_by_label("Disabled: may not log in").check()
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Disabled")
    open_page.excuse("401")
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Log in")).to_be_visible()
    row.get_by_role("button", name=f"Change {name}").click()
    dialog.get_by_role("button", name="Remove the user").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(row).to_have_count(0)

    # Somebody has to look after it.
    page.get_by_role("button", name="Change admin").click()
    dialog = page.get_by_role("dialog", name="admin")
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("admin")


def test_a_token_is_shown_once_and_lets_in_until_it_is_removed(
    open_page: Pages, site: Site, name: str
) -> None:
    page = open_page("/users")
    page.get_by_role("button", name="Make a token").click()
    dialog = page.get_by_role("dialog", name="Make a token")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_label("Expires in days (optional)").fill("7")
    dialog.get_by_role("button", name="Make", exact=True).click()
    once = page.get_by_role("dialog", name="The new token")
    token = once.locator("code").inner_text()
    once.get_by_role("button", name="I have it").click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("by user admin")
    assert token not in page.content()

    bearer = {"Authorization": f"Bearer {token}"}
    overview = Request(f"{site.url}/api/v1/overview", headers=bearer)
    with urlopen(overview) as response:
        assert response.status == 200
    row.get_by_role("button", name=f"Remove {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(row).to_have_count(0)
    with pytest.raises(HTTPError) as refused:
        urlopen(overview)
    with refused.value as response:
        assert response.code == 401


def test_the_audit_log_tells_who_did_what(open_page: Pages, name: str) -> None:
    page = open_page("/tags")
    page.get_by_role("button", name="Add a tag").first.click()
    dialog = page.get_by_role("dialog", name="Add a tag")
    dialog.get_by_label("idTag").fill(name)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text(f"{name} is added")).to_be_visible()
    page.get_by_role("link", name="Audit log").click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("user admin")
    expect(row).to_contain_text("POST /api/v1/tags")
    expect(row).to_contain_text("201")
    page.get_by_label("Who").fill("user nobody")
    expect(row).to_have_count(0)
    page.get_by_label("Who").fill("user admin")
    expect(row).to_be_visible()


def test_the_system_tells_about_itself(open_page: Pages, site: Site) -> None:
    page = open_page("/system")
    figures = page.get_by_role("region", name="In numbers")
    expect(figures).to_contain_text("a second")
    expect(page.get_by_text("test.db")).to_be_visible()
    expect(page.get_by_text(f"{site.ocpp_url}/")).to_be_visible()
    expect(page.locator("dt", has_text="Journal").first).to_be_visible()
    with page.expect_popup() as metrics:
        page.get_by_role("link", name="Metrics").click()
    expect(metrics.value.get_by_text("ocpptrio_").first).to_be_visible()


def test_the_system_tells_how_publishing_by_mqtt_goes(open_page: Pages) -> None:
    page = open_page("/events")
    down = {"broker": "broker.example.com:8883", "connected": False, "error": "refused"}
    mqtt = {**down, "delay_s": 125.0, "lost_events": 3}
    page.route(
        "**/api/v1/system",
        lambda route: route.fulfill(json={**route.fetch().json(), "mqtt": mqtt}),
    )
    page.get_by_role("link", name="System").click()
    panel = page.locator("section").filter(has=page.get_by_role("heading", name="MQTT"))
    for told in ("broker.example.com:8883", "Not connected", "refused", "2 min", "3 events"):
        expect(panel).to_contain_text(told)


def test_the_api_is_described_without_the_internet(open_page: Pages) -> None:
    page = open_page("/api/docs")
    tag = page.get_by_role("heading", name="charge points").first
    tag.get_by_role("button", name="Expand operation").click()
    expect(page.get_by_text("/api/v1/charge-points", exact=True).first).to_be_visible()

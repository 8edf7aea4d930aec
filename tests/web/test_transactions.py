"""Transactions: found, looked at, exported, declared over, and what waits for a decision."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import expect
from websockets.sync.client import ClientConnection, connect

from tests.web.conftest import Pages
from tests.web.site import Site
from tests.web.test_charging import close, start


class ByHand:
    """A charge point that says what a test wants it to say."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last = 0
        self.call("BootNotification", chargePointVendor="Vendor", chargePointModel="Model")

    def call(self, action: str, **payload: Any) -> Any:  # Any: JSON
        self._last += 1
        self._connection.send(json.dumps([2, str(self._last), action, payload]))
        while True:
            kind, unique_id, *answer = json.loads(self._connection.recv(timeout=20))
            if (kind, unique_id) == (3, str(self._last)):
                return answer[0]
            assert kind == 2, answer  # nothing that it is asked matters here

    def start(self, connector_id: int = 1, meter_wh: int = 0) -> int:
        started = self.call(
            "StartTransaction",
            connectorId=connector_id,
            idTag="CARD",
            meterStart=meter_wh,
            timestamp=_now(),
        )
        number: int = started["transactionId"]
        return number

    def stop(self, transaction_id: int, meter_wh: int) -> None:
        self.call(
            "StopTransaction", transactionId=transaction_id, meterStop=meter_wh, timestamp=_now()
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def by_hand(site: Site, name: str) -> Iterator[ByHand]:
    site.register(name)
    with connect(f"{site.ocpp_url}/{name}", subprotocols=["ocpp1.6"]) as connection:  # type: ignore[list-item]
        yield ByHand(connection)


def test_transactions_are_filtered_and_exported(open_page: Pages, site: Site, name: str) -> None:
    page = open_page("/transactions")
    with by_hand(site, name) as charge_point:
        done = charge_point.start()
        charge_point.stop(done, 2500)
        running = charge_point.start(2)
    page.get_by_label("Charge point").fill(name[:-1])
    expect(page.locator(f"option[value='{name}']")).to_have_count(1)  # is suggested
    page.get_by_label("Charge point").fill(name)
    rows = page.get_by_role("table", name="Transactions").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="2.500 kWh")).to_contain_text("Stopped")
    page.get_by_label("State").select_option("Running")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("link", name=str(running), exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert f"{running}," in lines[1]
    # The last day is one of those that are meant.
    today = datetime.now().astimezone().date().isoformat()
    page.get_by_label("From").fill(today)
    page.get_by_label("Until").fill(today)
    expect(page).to_have_url(re.compile("since=.*until="))
    expect(rows).to_have_count(2)
    expect(page.get_by_label("Until")).to_have_value(today)
    page.reload()
    expect(page.get_by_label("Until")).to_have_value(today)
    page.get_by_label("idTag").fill("NOBODY")
    expect(page.get_by_role("heading", name="None fits")).to_be_visible()
    page.get_by_label("From").fill("2020-01-01")
    assert "since=20" in page.url
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_label("From")).to_have_value("")


def test_one_is_shown_with_its_curves(open_page: Pages, site: Site, charge_point: str) -> None:
    number = start(site, charge_point)
    page = open_page(f"/transactions/{number}")
    expect(page.get_by_role("region", name="In numbers")).to_contain_text("Running")
    chart = page.get_by_role("img", name="Curves of the transaction")
    expect(chart).to_have_accessible_name(re.compile("Power: last 11.04 kW.*Charge: last 30 %"))
    expect(page.get_by_role("table", name="Readings")).to_contain_text("11.04 kW")
    page.get_by_role("button", name="Stop charging").click()
    expect(page.get_by_role("dialog")).to_contain_text("Took effect")
    close(page)
    expect(page.get_by_role("region", name="In numbers")).to_contain_text("Stopped")
    expect(page.get_by_text("RemoteStopTransaction (answered, user admin)")).to_be_visible()
    page.get_by_role("link", name=charge_point).click()
    expect(page.get_by_role("heading", name=charge_point)).to_be_visible()


def test_what_its_meter_signed_is_copied_and_downloaded(
    open_page: Pages, site: Site, name: str
) -> None:
    signed = 'OCMF|{"FV":"1.0"}|{"SD":"3046"}'
    with by_hand(site, name) as charge_point:
        number = charge_point.start()
        sampled = [{"value": signed, "format": "SignedData", "context": "Transaction.Begin"}]
        charge_point.call(
            "MeterValues",
            connectorId=1,
            transactionId=number,
            meterValue=[{"timestamp": _now(), "sampledValue": sampled}],
        )
    page = open_page(f"/transactions/{number}")
    row = page.get_by_role("table", name="Signed meter data").get_by_role("row").nth(1)
    expect(row).to_contain_text("Transaction.Begin")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row.get_by_role("button", name="Copy").click()
    expect(row.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == signed
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"transaction-{number}-signed.json"
    items = json.loads(download.value.path().read_text())["items"]
    assert [item["value"] for item in items] == [signed]


def test_one_whose_stop_will_not_come_is_declared_over(
    open_page: Pages, site: Site, name: str
) -> None:
    with by_hand(site, name) as charge_point:
        number = charge_point.start(meter_wh=1000)
    open_page.excuse("400", "409")
    page = open_page(f"/transactions/{number}")
    page.get_by_role("button", name="Declare it over").click()
    dialog = page.get_by_role("dialog", name=f"Transaction {number} is over")
    dialog.get_by_label("Meter at the end in kWh (optional)").fill("8.5")
    dialog.get_by_label("Who decides, and why (optional)").fill("the car has left")
    dialog.get_by_role("button", name="It is over").click()
    expect(dialog).to_have_count(0)
    figures = page.get_by_role("region", name="In numbers")
    expect(figures).to_contain_text("7.500")
    expect(figures).not_to_contain_text("Running")
    concluded = page.locator("section").filter(has_text="What was concluded")
    expect(concluded.last).to_contain_text("the car has left")
    expect(page.get_by_role("button", name="Declare it over")).to_have_count(0)


def test_a_stop_that_fits_nothing_is_decided(open_page: Pages, site: Site, name: str) -> None:
    page = open_page("/transactions/reviews")
    with by_hand(site, name) as charge_point:
        number, _ = charge_point.start(meter_wh=1000), charge_point.start(2, meter_wh=1000)
        charge_point.stop(999_999, 4000)
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("A stop that fits no transaction, or several")
        row.get_by_role("link", name="Decide").click()
        dialog = page.get_by_role("dialog", name="To decide")
        facts = dialog.locator("dl")
        for told in ("999999", "4.000 kWh", "Local"):  # the stop as it came
            expect(facts).to_contain_text(told)
        dialog.get_by_text("As it was sent").click()
        expect(dialog.get_by_text('"meterStop": 4000')).to_be_visible()
        dialog.get_by_label("Attach").check()
        dialog.get_by_label("Transaction", exact=True).select_option(str(number))
        dialog.get_by_label("Who decides, and why (optional)").fill("it is the only one")
        dialog.get_by_role("button", name="Decide").click()
        expect(dialog).to_have_count(0)
        expect(row).to_have_count(0)
    page.get_by_role("button", name="Decided").click()
    expect(row).to_contain_text("attach")
    expect(row).to_contain_text("it is the only one")
    page.goto(f"{site.url}/transactions/{number}")
    expect(page.get_by_role("region", name="In numbers")).to_contain_text("3.000")


def test_a_stop_that_fits_nothing_is_dismissed(open_page: Pages, site: Site, name: str) -> None:
    with by_hand(site, name) as charge_point:
        charge_point.stop(888_888, 4000)
    page = open_page("/transactions")
    page.get_by_role("link", name="To decide").click()
    page.get_by_role("row").filter(has_text=name).get_by_role("link", name="Decide").click()
    dialog = page.get_by_role("dialog", name="To decide")
    dialog.get_by_label("Dismiss").check()
    dialog.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_have_count(0)

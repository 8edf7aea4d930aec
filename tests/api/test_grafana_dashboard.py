"""The dashboard for Grafana: it can be imported, and each panel and label in it has a metric."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpptrio import CentralSystem
from ocpptrio.api import Api
from ocpptrio.errors import CallFailed
from ocpptrio.protocol.core import ClearCache
from tests.api.test_metrics import Samples, charge, scrape
from tests.clients import charge_point, test_settings

DOCS = Path(__file__).parents[2] / "docs"
METRIC = re.compile(r"((?:ocpptrio|process|python)_\w+)\{([^}]*)\}")
# What appears with the first one of its kind, not at the start.
SELDOM = {
    "ocpptrio_conditions_open",
    "ocpptrio_mqtt_connected",
    "ocpptrio_mqtt_messages_total",
    "ocpptrio_mqtt_failures_total",
    "ocpptrio_mqtt_delay_seconds",
    "ocpptrio_mqtt_lost_events_total",
}


@pytest.fixture(scope="module")
def dashboard() -> Any:  # Any: JSON
    return json.loads((DOCS / "grafana-dashboard.json").read_text())


async def scraped() -> Samples:
    """Of a central system that has seen a bit of everything."""
    seen: Samples = {}
    async with (
        CentralSystem(test_settings(), inline_store=True) as central,
        charge_point(central) as point,
        trio.open_nursery() as nursery,
    ):
        Api(central)
        await charge(point)
        await point.ask("Invented")

        async def refuse() -> None:
            frame = await point.receive()
            await point.send(4, frame[1], "NotSupported", "", {})

        nursery.start_soon(refuse)
        with pytest.raises(CallFailed):
            await central.charge_point("CP1").call(ClearCache())
        seen.update(await scrape(central))
    return seen


async def test_every_panel_shows_metrics_that_there_are(dashboard: Any) -> None:
    samples = await scraped()
    names = {name for name, _ in samples}
    labels = {(name, label) for name, given in samples for label, _ in given}
    for panel in dashboard["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            found = METRIC.findall(target["expr"])
            assert found, target["expr"]
            for name, chosen in found:
                assert name in names | SELDOM, f"{panel['title']}: there is no {name}"
                for label in re.findall(r"(\w+)=", chosen):
                    known = label in ("job", "instance") or (name, label) in labels
                    assert known, f"{panel['title']}: {name} has no {label}"
            by = re.findall(r"sum by \(([\w, ]+)\)", target["expr"])
            for label in {one.strip() for group in by for one in group.split(",")} - {"le"}:
                assert any((name, label) in labels for name, _ in found) or (
                    found[0][0] in SELDOM
                ), f"{panel['title']}: nothing has a {label}"
                assert f"{{{{{label}}}}}" in target["legendFormat"], panel["title"]


def test_it_can_be_imported(dashboard: Any) -> None:
    assert dashboard["title"]
    assert dashboard["schemaVersion"] >= 36
    assert "id" not in dashboard, "Grafana gives it one"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(?!__)(\w+)", json.dumps(dashboard["panels"])))
    assert used == variables


def test_no_panel_lies_over_another(dashboard: Any) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in dashboard["panels"]]
    for (first, a), (second, b) in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, f"{first} and {second}"
    assert all(place["x"] + place["w"] <= 24 for _, place in places)


async def test_the_page_names_every_metric_and_none_that_is_not() -> None:
    page = (DOCS / "monitoring.md").read_text()
    ours = {name for name, _ in await scraped() if name.startswith("ocpptrio_")} | SELDOM
    told = {re.sub(r"\{.*", "", name) for name in re.findall(r"`(ocpptrio_[^`]*)`", page)}
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) for name in ours}
    plain = {name.removesuffix("_highest") for name in plain}
    told = {name for name in told if " " not in name}
    assert told == plain

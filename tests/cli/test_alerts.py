"""`ocpptrio alerts`, beside a daemon that makes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ocpptrio.config import AlertKind
from ocpptrio.store import alerts
from ocpptrio.store.driver import Db
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], None]], None]
NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC


@pytest.fixture
def _alerts(write: Write) -> None:
    def work(db: Db) -> None:
        for number, kind in enumerate((AlertKind.OFFLINE, AlertKind.FAULTED)):
            key = alerts.Key(kind=kind, charge_point_id="CP1", connector_id=number)
            alerts.open_(db, key, since_us=NOON_US, at_us=NOON_US, detail="so it is", settle_us=0)

    write(work)


@pytest.mark.usefixtures("_alerts")
def test_open_ones_are_listed_and_acknowledged(ocpptrio: Command) -> None:
    lines = ocpptrio("alerts", "list").lines
    assert lines[1].split() == [
        *("2", "CP1,", "connector", "1", "faulted", "2026-11-22", "12:00:00"),
        *("1", "so", "it", "is"),
    ]
    assert len(ocpptrio("alerts", "list", "CP2", "--json").json) == 0
    assert len(ocpptrio("alerts", "list", "--kind", "OFFLINE", "--json").json) == 1
    done = ocpptrio("alerts", "acknowledge", "1", "2", "--by", "anna")
    assert done.out == "acknowledged by anna: 1, 2\n"
    assert [one["acknowledged_by"] for one in ocpptrio("alerts", "list", "--json").json] == [
        "anna",
        "anna",
    ]
    refused = ocpptrio("alerts", "acknowledge", "1", "9", status=1)
    assert refused.err == "ocpptrio: there is no alert 9\n"


def test_without_a_destination_there_is_nothing_to_test(ocpptrio: Command) -> None:
    refused = ocpptrio("alerts", "test", status=1)
    assert "set [alerts] smtp_host or webhook_url" in refused.err


def test_a_destination_that_does_not_work_is_told(
    ocpptrio: Command, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCPPTRIO_ALERTS_WEBHOOK_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("OCPPTRIO_ALERTS_WEBHOOK_SECRET", "0123456789abcdef")
    assert "webhook: cannot be reached" in ocpptrio("alerts", "test", status=1).err
    shown = ocpptrio("check-config").out
    assert "0123456789abcdef" not in shown


def test_quiet_hours_are_checked(ocpptrio: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCPPTRIO_ALERTS_QUIET_HOURS", "at night")
    assert "[alerts] quiet_hours" in ocpptrio("check-config", status=1).err

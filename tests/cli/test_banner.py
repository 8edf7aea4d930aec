from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from ocpptrio import reachable
from ocpptrio.cli.banner import announce, banner, warnings
from ocpptrio.config import (
    ApiSettings,
    LogFormat,
    LogSettings,
    OcppSettings,
    Settings,
    StoreSettings,
    UnknownChargePoints,
)
from ocpptrio.daemon import Started
from ocpptrio.events import OpenMode
from ocpptrio.reachable import urls
from ocpptrio.store.records import ChargePointRecord

LOOPBACK = [("127.0.0.1", 8080)]
NETWORK = [("192.168.0.9", 8080)]


def record(charge_point_id: str, **fields: Any) -> ChargePointRecord:  # Any: as the record says
    fields = {"registered_at_us": 0, "origin": "added", **fields}
    return ChargePointRecord(charge_point_id=charge_point_id, **fields)


SECURED = record("CP1", password_hash="argon2")


def started(
    addresses: list[tuple[str, int]],
    charge_points: list[ChargePointRecord],
    *,
    api: str | None = None,
    login_url: str | None = None,
) -> Started:
    return Started(addresses, charge_points, api, login_url)


def test_on_loopback_the_banner_leads_to_the_first_charge_points(tmp_path: Path) -> None:
    settings = Settings(store=StoreSettings(path=str(tmp_path / "test.db")))
    assert banner(settings, "--config my.toml", started(LOOPBACK, [])).splitlines() == [
        "ocpptrio 0.1.0, central system for OCPP 1.6J",
        "",
        "Charge points     ws://127.0.0.1:8080/ocpp/ + identity",
        "                  as in ws://127.0.0.1:8080/ocpp/CP1",
        f"Database          {tmp_path}/test.db",
        "Who may connect   0 registered charge points",
        "                  unknown ones from this machine; others are listed as attempts",
        "",
        "Try it            ocpptrio simulate CP1",
        "Let wallboxes in  ocpptrio serve --host 0.0.0.0 --config my.toml",
        "Look around       ocpptrio charge-points list --config my.toml",
        "                  ocpptrio journal tail -f --config my.toml",
        "Stop              Ctrl+C",
    ]


def test_another_port_is_named_to_the_simulator() -> None:
    text = banner(Settings(), "", started([("::1", 9000)], []))
    assert "ocpptrio simulate CP1 --url ws://[::1]:9000/ocpp\n" in text


def test_without_a_listener_the_banner_says_so() -> None:
    settings = Settings(ocpp=OcppSettings(enabled=False))
    text = banner(settings, "", started([], []))
    assert "no port is open for them" in text
    assert "simulate" not in text


def test_a_wildcard_address_is_shown_as_the_addresses_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reachable, "_outward_address", lambda bound: ["192.168.0.9"])
    monkeypatch.setattr(reachable, "_interface_addresses", lambda: ["10.0.0.1", "192.168.0.9"])
    ocpp = OcppSettings(paths=("/",))
    assert urls(ocpp, [("0.0.0.0", 8080)]) == ["ws://192.168.0.9:8080/", "ws://10.0.0.1:8080/"]
    monkeypatch.setattr(reachable, "_outward_address", lambda bound: ["fd00::1"])
    assert urls(OcppSettings(), [("::", 80)]) == ["ws://[fd00::1]:80/ocpp/"]


def test_the_addresses_of_this_machine_are_addresses() -> None:
    for url in urls(OcppSettings(), [("0.0.0.0", 1), ("::", 1)]):
        assert url.startswith("ws://")
        assert "0.0.0.0" not in url
        assert "127.0.0.1" not in url


def test_a_secured_network_gives_only_the_warning_about_plain_ws() -> None:
    (caution,) = warnings(Settings(), started(NETWORK, [SECURED]))
    assert caution.startswith("plain ws on a network")
    assert warnings(Settings(), started(LOOPBACK, [SECURED])) == []


def test_what_stands_open_is_warned_of() -> None:
    settings = Settings(
        ocpp=OcppSettings(unknown_charge_points=UnknownChargePoints.ACCEPT),
        store=StoreSettings(path=":memory:"),
    )
    many = [record(f"CP{n}") for n in range(7)]
    tried = record("TRY", origin="loopback", mode=OpenMode.EVERYBODY)
    text = "\n".join(warnings(settings, started(NETWORK, [*many, tried])))
    assert "everything is lost" in text
    assert "unknown charge points are registered from anywhere" in text
    assert "without a password: CP0, CP1, CP2, CP3, CP4, 2 more;" in text
    assert "every idTag may charge at TRY;" in text


def test_one_from_loopback_without_a_password_is_no_danger_to_the_network() -> None:
    tried = record("TRY", origin="loopback")
    assert len(warnings(Settings(), started(NETWORK, [tried]))) == 1


def test_who_may_connect_is_told() -> None:
    ocpp = OcppSettings(unknown_charge_points=UnknownChargePoints.REJECT, require_password=True)
    text = banner(Settings(ocpp=ocpp), "", started(LOOPBACK, [SECURED, record("CP2")]))
    assert "2 registered charge points, 1 without a password (refused: require_password)" in text
    assert "no unknown ones; they are listed as attempts" in text
    ocpp = OcppSettings(unknown_charge_points=UnknownChargePoints.ACCEPT)
    assert "1 registered charge point\n" in banner(
        Settings(ocpp=ocpp), "", started(LOOPBACK, [SECURED])
    )
    assert "unknown ones from anywhere" in banner(
        Settings(ocpp=ocpp), "", started(LOOPBACK, [SECURED])
    )


def test_an_identity_cannot_command_the_terminal() -> None:
    (caution,) = warnings(
        Settings(), started(LOOPBACK, [record("CP\x9b1m", mode=OpenMode.EVERYBODY)])
    )
    assert "\x9b" not in caution


def test_for_programs_the_words_at_start_are_log_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(
        log=LogSettings(format=LogFormat.JSON), store=StoreSettings(path=":memory:")
    )
    with structlog.testing.capture_logs() as lines:
        announce(settings, "", started(NETWORK, [SECURED]))
    assert capsys.readouterr().out == ""
    assert lines[0] == {
        "event": "started",
        "log_level": "info",
        "version": "0.1.0",
        "urls": ["ws://192.168.0.9:8080/ocpp/"],
        "api": None,
        "login_url": None,
        "database": ":memory:",
        "registered": 1,
    }
    assert [line["log_level"] for line in lines[1:]] == ["warning", "warning"]


def test_for_people_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    announce(Settings(), "", started(NETWORK, [SECURED]))
    out = capsys.readouterr().out
    assert "Warning           plain ws on a network" in out
    assert "Let wallboxes in" not in out


def test_the_first_login_address_is_shown_until_somebody_has_a_password() -> None:
    url = "http://127.0.0.1:8081"
    text = banner(Settings(), "", started([], [], api=url, login_url=f"{url}/login#key=k"))
    assert f"Dashboard         {url}/login#key=k\n" in text
    assert "logs in once" in text
    assert f"Dashboard         {url}\n" in banner(Settings(), "", started([], [], api=url))


def test_a_dashboard_that_a_network_reaches_without_tls_is_warned_of() -> None:
    def cautions(api: ApiSettings) -> list[str]:
        return warnings(Settings(api=api), started(LOOPBACK, [], api="http://10.0.0.1:8081"))

    (caution,) = cautions(ApiSettings(host="0.0.0.0"))
    assert "plain http on a network" in caution
    assert cautions(ApiSettings(host="0.0.0.0", public_url="https://ocpp.example.com")) == []
    assert cautions(ApiSettings(host="127.0.0.2")) == []

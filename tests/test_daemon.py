"""The daemon in-process; as a process of its own in tests/cli/test_serve.py."""

import gc
import io
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from msgspec.structs import replace

from ocpptrio import daemon
from ocpptrio.config import (
    LogFormat,
    LogSettings,
    OcppSettings,
    Settings,
    StoreSettings,
    UnknownChargePoints,
)
from ocpptrio.daemon import banner, only_daemon, urls, warnings
from ocpptrio.store import charge_points
from ocpptrio.store.records import ChargePointRecord

LOOPBACK = [("127.0.0.1", 8080)]
NETWORK = [("192.168.0.9", 8080)]


class Out(io.StringIO):
    """Where the banner goes; what follows it happens at once, in the same thread."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self._then = then

    def flush(self) -> None:
        self._then()


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process stays as it is."""
    monkeypatch.setattr("ocpptrio.observe.configure", lambda settings: None)
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "test.db")))


# Running.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(settings: Settings, number: signal.Signals) -> None:
    out = Out(lambda: signal.raise_signal(number))
    before = signal.getsignal(number)
    assert daemon.run(settings, out=out) == 0
    assert signal.getsignal(number) is before
    assert "ws://127.0.0.1:" in out.getvalue()


def test_it_prepares_the_process_for_many_connections(settings: Settings) -> None:
    seen = []

    def look() -> None:
        seen.append((gc.get_threshold(), gc.get_freeze_count() > 0))
        terminate()

    daemon.run(settings, out=Out(look))
    assert seen == [((50_000, 50, 100), True)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


# What keeps it from starting: one line, status 1.


def refusal(settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    assert daemon.run(settings, out=Out(terminate)) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("ocpptrio: ")
    assert printed.err.count("\n") == 1
    return printed.err.removeprefix("ocpptrio: ").rstrip()


def test_an_address_in_use_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ocpp = OcppSettings(port=port)
        error = refusal(replace(settings, ocpp=ocpp), capsys)
    assert error == (
        f"127.0.0.1:{port} is in use; stop the other process, or take another port (--port)"
    )


@pytest.mark.parametrize(
    ("host", "error"),
    [
        (
            "192.0.2.1",
            "192.0.2.1:0: no address of this machine; 0.0.0.0 means all of them (--host)",
        ),
        ("no host", "no host:0: no such host; give an address of this machine (--host)"),
    ],
)
def test_an_address_that_is_none_of_ours_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str], host: str, error: str
) -> None:
    ocpp = OcppSettings(host=host, port=0)
    assert refusal(replace(settings, ocpp=ocpp), capsys) == error


def test_a_database_that_cannot_be_used_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "test.db").write_text("something else entirely" * 100)
    assert "not an SQLite database" in refusal(settings, capsys)
    nowhere = replace(settings, store=StoreSettings(path="/nowhere/test.db"))
    assert "/nowhere/test.db: there is no folder" in refusal(nowhere, capsys)


def test_a_second_daemon_on_the_same_database_is_refused(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_daemon(settings.store.path):
        error = refusal(settings, capsys)
    assert error == (
        f"{settings.store.path}: another ocpptrio serve uses it; stop that one, or name another "
        "database (--database)"
    )
    assert daemon.run(settings, out=Out(terminate)) == 0


def test_our_own_mistakes_are_not_hidden(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(reader: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(charge_points, "everyone", mistake)
    with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
        daemon.run(settings, out=Out(terminate))


# What it says at start.


def record(charge_point_id: str, **fields: Any) -> ChargePointRecord:  # Any: as the record says
    fields = {"registered_at_us": 0, "origin": "added", **fields}
    return ChargePointRecord(charge_point_id=charge_point_id, **fields)


SECURED = record("CP1", password_hash="argon2")


def test_on_loopback_the_banner_leads_to_the_first_charge_points(tmp_path: Path) -> None:
    settings = Settings(store=StoreSettings(path=str(tmp_path / "test.db")))
    assert banner(settings, LOOPBACK, [], options="--config my.toml").splitlines() == [
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
    text = banner(Settings(), [("::1", 9000)], [])
    assert "ocpptrio simulate CP1 --url ws://[::1]:9000/ocpp\n" in text


def test_without_a_listener_the_banner_says_so() -> None:
    settings = Settings(ocpp=OcppSettings(enabled=False))
    text = banner(settings, [], [])
    assert "no port is open for them" in text
    assert "simulate" not in text


def test_a_wildcard_address_is_shown_as_the_addresses_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(daemon, "_outward_address", lambda bound: ["192.168.0.9"])
    monkeypatch.setattr(daemon, "_interface_addresses", lambda: ["10.0.0.1", "192.168.0.9"])
    ocpp = OcppSettings(paths=("/",))
    assert urls(ocpp, [("0.0.0.0", 8080)]) == ["ws://192.168.0.9:8080/", "ws://10.0.0.1:8080/"]
    monkeypatch.setattr(daemon, "_outward_address", lambda bound: ["fd00::1"])
    assert urls(OcppSettings(), [("::", 80)]) == ["ws://[fd00::1]:80/ocpp/"]


def test_the_addresses_of_this_machine_are_addresses() -> None:
    for url in urls(OcppSettings(), [("0.0.0.0", 1), ("::", 1)]):
        assert url.startswith("ws://")
        assert "0.0.0.0" not in url
        assert "127.0.0.1" not in url


def test_a_secured_network_gives_only_the_warning_about_plain_ws() -> None:
    (caution,) = warnings(Settings(), NETWORK, [SECURED])
    assert caution.startswith("plain ws on a network")
    assert warnings(Settings(), LOOPBACK, [SECURED]) == []


def test_what_stands_open_is_warned_of() -> None:
    settings = Settings(
        ocpp=OcppSettings(unknown_charge_points=UnknownChargePoints.ACCEPT),
        store=StoreSettings(path=":memory:"),
    )
    many = [record(f"CP{n}") for n in range(7)]
    tried = record("TRY", origin="loopback", open=True)
    text = "\n".join(warnings(settings, NETWORK, [*many, tried]))
    assert "everything is lost" in text
    assert "unknown charge points are registered from anywhere" in text
    assert "without a password: CP0, CP1, CP2, CP3, CP4, 2 more;" in text
    assert "every idTag may charge at TRY;" in text


def test_one_from_loopback_without_a_password_is_no_danger_to_the_network() -> None:
    tried = record("TRY", origin="loopback")
    assert len(warnings(Settings(), NETWORK, [tried])) == 1


def test_who_may_connect_is_told() -> None:
    ocpp = OcppSettings(unknown_charge_points=UnknownChargePoints.REJECT, require_password=True)
    text = banner(Settings(ocpp=ocpp), LOOPBACK, [SECURED, record("CP2")])
    assert "2 registered charge points, 1 without a password (refused: require_password)" in text
    assert "no unknown ones; they are listed as attempts" in text
    ocpp = OcppSettings(unknown_charge_points=UnknownChargePoints.ACCEPT)
    assert "1 registered charge point\n" in banner(Settings(ocpp=ocpp), LOOPBACK, [SECURED])
    assert "unknown ones from anywhere" in banner(Settings(ocpp=ocpp), LOOPBACK, [SECURED])


def test_for_programs_the_words_at_start_are_log_lines(settings: Settings) -> None:
    json_settings = replace(settings, log=LogSettings(format=LogFormat.JSON))
    out = Out(terminate)
    with structlog.testing.capture_logs() as lines:
        daemon.announce(json_settings, NETWORK, [SECURED], "", out)
    assert out.getvalue() == ""
    assert lines[0] == {
        "event": "started",
        "log_level": "info",
        "version": "0.1.0",
        "urls": ["ws://192.168.0.9:8080/ocpp/"],
        "database": settings.store.path,
        "registered": 1,
    }
    assert lines[1]["event"].startswith("plain ws on a network")

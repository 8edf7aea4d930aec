"""The daemon in-process; as a process of its own in tests/cli/test_serve.py."""

import gc
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ocpptrio import daemon
from ocpptrio.config import ApiSettings, OcppSettings, Settings, StoreSettings
from ocpptrio.daemon_lock import has_daemon, only_daemon
from ocpptrio.store import charge_points


def terminate(*_: object) -> None:
    """As an announcement: it has hardly begun, and is told to stop."""
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
    api = ApiSettings(port=0)
    return Settings(
        ocpp=OcppSettings(port=0), api=api, store=StoreSettings(path=str(tmp_path / "test.db"))
    )


# Running.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(settings: Settings, number: signal.Signals) -> None:
    announced = []

    def announce(started: daemon.Started) -> None:
        assert started.api is not None
        assert started.api.startswith("http://127.0.0.1:")
        announced.append((*started.addresses[0], *started.charge_points))
        signal.raise_signal(number)

    before = signal.getsignal(number)
    assert daemon.run(settings, announce) == 0
    assert signal.getsignal(number) is before
    ((host, port),) = announced
    assert host == "127.0.0.1"
    assert port != 0


def test_it_prepares_the_process_for_many_connections(settings: Settings) -> None:
    seen = []

    def announce(*_: object) -> None:
        seen.append((gc.get_threshold(), gc.get_freeze_count() > 0))
        terminate()

    daemon.run(settings, announce)
    assert seen == [((50_000, 50, 100), True)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


# What keeps it from starting: one line, status 1.


def refusal(settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    assert daemon.run(settings, terminate) == 1
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


def test_an_api_address_in_use_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refusal(replace(settings, api=ApiSettings(port=port)), capsys)
    assert error == (
        f"127.0.0.1:{port} is in use; stop the other process, or take another port (--api-port)"
    )


def test_without_an_api_no_second_port_is_opened(settings: Settings) -> None:
    seen = []

    def announce(started: daemon.Started) -> None:
        seen.append((started.api, started.login_url))
        terminate()

    assert daemon.run(replace(settings, api=ApiSettings(enabled=False)), announce) == 0
    assert seen == [(None, None)]


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
    assert not has_daemon(settings.store.path)
    with only_daemon(settings.store.path):
        assert has_daemon(settings.store.path)
        error = refusal(settings, capsys)
    assert not has_daemon(settings.store.path)
    assert error == (
        f"{settings.store.path}: another ocpptrio serve uses it; stop that one, or name another "
        "database (--database)"
    )
    assert daemon.run(settings, terminate) == 0


def test_a_database_in_memory_is_nobody_elses() -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), api=ApiSettings(port=0), store=StoreSettings(path=":memory:")
    )
    with only_daemon(":memory:"):
        assert daemon.run(settings, terminate) == 0


def test_our_own_mistakes_are_not_hidden(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(reader: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(charge_points, "everyone", mistake)
    with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
        daemon.run(settings, terminate)

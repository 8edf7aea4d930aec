"""Log lines: how they look for people and for programs."""

import json
import sys
import time
from collections.abc import Iterator

import pytest
import structlog

from ocpptrio import observe
from ocpptrio.config import LogFormat, LogLevel, LogSettings


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: 1_763_812_800.25)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_people_get_local_seconds_and_aligned_fields(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure(LogSettings())
    log = structlog.get_logger("test")
    log.info("connected", charge_point="CP 1", peer="10.0.0.1")
    log.warning("refused", reason="\x1b[31mred")
    connected, refused = lines(capsys)
    assert connected.startswith("2025-11-22 12:00:00 [info ] connected  ")
    assert connected.endswith("  charge_point='CP 1' peer=10.0.0.1")
    assert refused.startswith("2025-11-22 12:00:00 [warn ] refused  ")
    assert refused.endswith(r"  reason='\x1b[31mred'")


def test_programs_get_json_with_utc_and_fractions(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure(LogSettings(format=LogFormat.JSON))
    structlog.get_logger("test").warning("refused", status=404)
    assert [json.loads(line) for line in lines(capsys)] == [
        {
            "event": "refused",
            "status": 404,
            "level": "warn",
            "timestamp": "2025-11-22T12:00:00.250000Z",
        }
    ]


def test_an_exception_is_an_error_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure(LogSettings(level=LogLevel.ERROR))
    log = structlog.get_logger("test")
    log.info("not shown")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("failed")
    first, *traceback = lines(capsys)
    assert first.startswith("2025-11-22 12:00:00 [error] failed")
    assert traceback[-1] == "ZeroDivisionError: division by zero"
    assert sys.exc_info() == (None, None, None)

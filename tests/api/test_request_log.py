"""What the server says of requests, where lines for debugging are wanted."""

import pytest
import structlog
from hypercorn.config import Config

from ocpptrio.api import server


async def test_a_request_that_was_cut_off_is_a_line_like_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with structlog.testing.capture_logs() as lines:
        monkeypatch.setattr(server, "log", structlog.get_logger("ocpptrio.api"))
        scope = {"type": "http", "method": "GET", "path": "/"}
        log = server._Log(Config())
        await log.access(scope, None, 0.5)  # type: ignore[arg-type] # as much as is looked at
    assert [(line["path"], line["status"]) for line in lines] == [("/", None)]

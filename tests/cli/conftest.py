"""The command line in-process: what a command prints, and the status it ends with."""

import io
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pytest
import trio
from structlog.testing import capture_logs

from ocpptrio.cli.app import main
from ocpptrio.store.driver import Db
from ocpptrio.store.sqlite import SqliteStore
from ocpptrio.store.vocabulary import Role
from tests.api.conftest import token_for
from tests.api.test_streams import Serving, opened

T = TypeVar("T")


class Result(msgspec.Struct, frozen=True):
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:  # Any: JSON of any shape
        return json.loads(self.out)


class Command(Protocol):
    def __call__(self, *arguments: str, stdin: str = "", status: int = 0) -> Result: ...


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """People read local times: here they are UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the database that commands use; it is not there yet."""
    path = tmp_path / "test.db"
    monkeypatch.setenv("OCPPTRIO_STORE_PATH", str(path))
    return path


@pytest.fixture
def ocpptrio(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs a command and checks the status it ends with."""

    def run(*arguments: str, stdin: str = "", status: int = 0) -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        ended = main(arguments)
        printed = capsys.readouterr()
        result = Result(ended, printed.out, printed.err)
        assert ended == status, result
        assert (status == 0) == (not result.err), "errors, and nothing else, go to stderr"
        return result

    return run


class There:
    """A daemon with its API on a socket, and commands that ask it."""

    def __init__(self, serving: Serving, run: Callable[..., Result], token: str) -> None:
        self.central = serving.central
        self.server = serving.server
        self.url = serving.server.urls[0]
        self.token = token
        self._run = run

    async def __call__(self, *arguments: str, stdin: str = "", status: int = 0) -> Result:
        return await trio.to_thread.run_sync(
            partial(self._run, *arguments, stdin=stdin, status=status)
        )


@pytest.fixture
def untouched(path: Path) -> Iterator[None]:
    """The database here is none of a command's business."""
    yield
    assert not path.exists()


@pytest.fixture
async def there(
    ocpptrio: Command, untouched: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[There]:
    """Commands ask it as an admin."""
    with capture_logs():  # of the daemon, which is in this process
        async with opened() as serving:
            token = await token_for(serving.central, Role.ADMIN)
            monkeypatch.setenv("OCPPTRIO_URL", serving.server.urls[0])
            monkeypatch.setenv("OCPPTRIO_TOKEN", token)
            yield There(serving, ocpptrio, token)


@pytest.fixture
def write(path: Path) -> Callable[[Callable[[Db], T]], T]:
    """Runs work on the database: what a daemon would have done."""

    async def in_store(work: Callable[[Db], T]) -> T:
        async with SqliteStore(path, inline=True) as store:
            return await store.write(work)

    return lambda work: trio.run(in_store, work)

"""The dashboard in a real browser, with a daemon and simulated charge points of its own.

A page that says anything on its console, or asks another host, fails the test that opened it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
# It shall ask nobody but the page's own host.
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS: Final = 20_000
PATIENCE_S: Final = 20
WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}


class Site:
    """A daemon and its charge points, as processes.

    Attributes:
        url: of the dashboard, without a slash at the end.
        login_url: that logs the first user in, once.
        ocpp_url: that a simulator takes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []
        self.database = directory / "test.db"
        daemon = self._start("serve", "--port", "0", "--api-port", "0", "--database", "test.db")
        assert daemon.stdout is not None
        banner = ""
        while "Stop" not in banner:
            line = daemon.stdout.readline().decode()
            assert line, f"the daemon ended: {banner}"
            banner += line
        self.login_url = _found(r"http://\S*#key=\S*", banner)
        self.url = self.login_url.partition("/login")[0]
        self.ocpp_url = _found(r"ws://\S*/ocpp/", banner)[:-1]

    def simulate(self, *arguments: str) -> None:
        """Start `ocpptrio simulate` with these arguments, against this daemon."""
        self._start("simulate", "--url", self.ocpp_url, *arguments, quiet=True)

    def run(self, *arguments: str) -> str:
        """Run an `ocpptrio` command on the daemon's database; returns what it prints."""
        return subprocess.run(
            [sys.executable, "-m", "ocpptrio", *arguments, "--database", "test.db"],
            cwd=self._directory,
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        ).stdout

    def close(self) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def _start(self, *arguments: str, quiet: bool = False) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ocpptrio", *arguments],
            cwd=self._directory,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    started = Site(tmp_path_factory.mktemp("site"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is needed here")
        pytest.skip("needs Chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def logged_in(browser: Browser, site: Site) -> Any:  # Any: cookies, as the browser keeps them
    """What a browser holds that has used the one-time login address."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.login_url)
    page.get_by_label("New password").wait_for(timeout=PATIENCE_MS)
    state = context.storage_state()
    context.close()
    return state


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: Site, logged_in: Any) -> Iterator[OpenPage]:
    """Opens a page of the dashboard, logged in, wide and light if nothing else is said."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(path: str = "/", *, state: Any = logged_in, **options: Any) -> Page:
        context = browser.new_context(
            storage_state=state, **{"viewport": WIDE, "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        watch(page, site.url, complaints)
        page.goto(site.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def watch(page: Page, url: str, complaints: list[str]) -> None:
    """Note what no page should do."""
    page.on(
        "console",
        lambda message: (
            complaints.append(f"console {message.type}: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((url, "data:", "blob:"))
            else complaints.append(f"asks {request.url}")
        ),
    )

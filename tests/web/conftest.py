"""The dashboard in a real browser, with a daemon and simulated charge points of its own.

A page that says anything on its console, or asks another host, fails the test that opened it. All
tests of a worker share a daemon, since starting one takes longer than most tests: each test has
charge points and names of its own.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from typing import Any, Final

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.web.site import PATIENCE_S, Site

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
WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
# Charge points that wait for a test; fewer than what the overview shows one by one.
READY: Final = 16

expect.set_options(timeout=PATIENCE_MS)


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


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Starts a daemon that nobody shares, with these settings."""
    with ExitStack() as sites:
        yield lambda **settings: sites.enter_context(
            closing(Site(tmp_path_factory.mktemp("site"), **settings))
        )


@pytest.fixture(scope="session")
def site(new_site: Callable[..., Site]) -> Site:
    return new_site(PROVISIONING_DELAY="0")


@pytest.fixture(scope="session")
def admin(site: Site) -> Any:  # Any: cookies, as the browser keeps them
    """What the browser of somebody holds who is logged in at `site`."""
    return site.log_in()


@pytest.fixture(scope="session")
def charge_points(site: Site, admin: Any) -> Iterator[str]:
    """Identities of simulated charge points, two connectors each, at which cars wait."""
    names = [f"CAR{number:04}" for number in range(1, READY + 1)]
    site.register(*names)
    site.simulate(
        "--count", str(READY), "--prefix", "CAR", "--time-scale", "60", "--seed", "1", plugged=True
    )
    deadline = time.monotonic() + PATIENCE_S
    while site.api("GET", "/overview")["charge_points"]["connected"] < READY:
        assert time.monotonic() < deadline, "the charge points did not come"
        time.sleep(0.05)
    return iter(names)


@pytest.fixture
def charge_point(charge_points: Iterator[str]) -> str:
    """One that no other test touches."""
    return next(charge_points)


_numbers = count(1)


@pytest.fixture
def name() -> str:
    """One that no other test uses, in capitals, for whatever it makes."""
    return f"T{os.getpid()}N{next(_numbers)}"


class Pages:
    """Opens pages of the dashboard, and notes what no page should do."""

    def __init__(self, browser: Browser, site: Site, admin: Any) -> None:
        self._browser = browser
        self._url = site.url
        self._admin = admin
        self._contexts: list[BrowserContext] = []
        self._complaints: list[str] = []
        self._excused: list[str] = []

    def __call__(
        self, path: str = "/", *, url: str | None = None, state: Any = ..., **options: Any
    ) -> Page:
        """A page in a browser of its own: as admin, wide and light if nothing else is said.

        Args:
            path: of the page, or a whole address.
            url: of another site.
            state: what the browser holds; None: nobody is logged in.
            options: for the browser.
        """
        url = url or self._url
        context = self._browser.new_context(
            storage_state=self._admin if state is ... else state,
            **{"viewport": WIDE, "reduced_motion": "reduce", **options},
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        self._watch(page, url)
        page.goto(path if path.startswith(url) else url + path)
        return page

    def excuse(self, *texts: str) -> None:
        """What the console may say, since the test brings it about: browsers note each 4xx."""
        self._excused += texts

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert [
            complaint
            for complaint in self._complaints
            if not any(text in complaint for text in self._excused)
        ] == []

    def _watch(self, page: Page, url: str) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url, url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            address = message.location.get("url", "")
            self._complaints.append(f"console {message.type}: {message.text} {address}")

    def _asked(self, address: str, url: str) -> None:
        if not address.startswith((url, "data:", "blob:")):
            self._complaints.append(f"asks {address}")


@pytest.fixture
def open_page(browser: Browser, site: Site, admin: Any) -> Iterator[Pages]:
    pages = Pages(browser, site, admin)
    yield pages
    pages.close()

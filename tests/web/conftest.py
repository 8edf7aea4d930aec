"""The dashboard in a real browser, with a daemon and simulated charge points of its own.

A page that says anything on its console, or asks another host, fails the test that opened it. All
tests of a worker share a daemon and a tab of the browser, since starting them takes longer than
most tests: each test has charge points and names of its own, and loads its page anew.
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
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.web.site import PATIENCE_S, Site

# The first draws no window, which takes a fifth less of the machine.
BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# It shall ask nobody but the page's own host.
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # a second page of somebody takes no second process
]
PATIENCE_MS: Final = 20_000
WIDE: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
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


class Tab:
    """The page of an admin, which is wide and light, for one test after the other."""

    def __init__(self, browser: Browser, admin: Any) -> None:
        self.state = admin
        self._context = browser.new_context(
            storage_state=admin, viewport=WIDE, reduced_motion="reduce"
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self._page = self._context.new_page()
        self._taken = False

    def take(self) -> Page:
        """The page; for a test that has it already, one beside it."""
        if self._taken:
            return self._context.new_page()
        self._taken = True
        return self._page

    def leave(self) -> None:
        """All is as it was before the test."""
        self._taken = False
        for page in self._context.pages:
            if page is not self._page:
                page.close()
        self._page.unroute_all()
        self._context.clear_cookies()  # somebody else may have logged in
        self._context.add_cookies(self.state["cookies"])
        self._page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self._page.set_viewport_size(WIDE)
        self._page.emulate_media(color_scheme="light")


GO: Final = """path => {
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
}"""


def go(page: Page, path: str) -> None:
    """To another page, as by a link: nothing is loaded anew."""
    page.evaluate(GO, path)
    wait_filled(page)


def wait_filled(page: Page) -> None:
    """Until nothing on it is still to come."""
    page.locator("h1:not(:empty)").first.wait_for()
    page.wait_for_function("() => document.querySelector('.skeleton, .skeleton-line') === null")


class Pages:
    """Opens pages of the dashboard, and notes what no page should do."""

    def __init__(self, browser: Browser, site: Site, tab: Tab) -> None:
        self._browser = browser
        self._url = site.url
        self._tab = tab
        self._closing = ExitStack()
        self._complaints: list[str] = []
        self._excused: list[str] = []

    def __call__(
        self, path: str = "/", *, url: str | None = None, state: Any = ..., **options: Any
    ) -> Page:
        """A page: as admin, wide and light if nothing else is said, else in a browser of its own.

        Args:
            path: of the page, or a whole address.
            url: of another site.
            state: what the browser holds; None: nobody is logged in.
            options: for the browser.
        """
        url = url or self._url
        if state is ... and not options:
            page = self._tab.take()
            self._closing.callback(self._tab.leave)
        else:
            context = self._browser.new_context(
                storage_state=self._tab.state if state is ... else state,
                **{"viewport": WIDE, "reduced_motion": "reduce", **options},
            )
            self._closing.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
        self._watch(page, url)
        page.goto(path if path.startswith(url) else url + path)
        return page

    def excuse(self, *texts: str) -> None:
        """What the console may say, since the test brings it about: browsers note each 4xx."""
        self._excused += texts

    def close(self) -> None:
        self._closing.close()
        assert [
            complaint
            for complaint in self._complaints
            if not any(text in complaint for text in self._excused)
        ] == []

    def _watch(self, page: Page, url: str) -> None:
        for event, note in (
            ("console", self._heard),
            ("pageerror", lambda error: self._complaints.append(f"error: {error}")),
            ("request", lambda request: self._asked(request.url, url)),
        ):
            page.on(event, note)  # type: ignore[call-overload]  # one for each event
            self._closing.callback(page.remove_listener, event, note)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            address = message.location.get("url", "")
            self._complaints.append(f"console {message.type}: {message.text} {address}")

    def _asked(self, address: str, url: str) -> None:
        if not address.startswith((url, "data:", "blob:")):
            self._complaints.append(f"asks {address}")


@pytest.fixture(scope="session")
def shared_tab(browser: Browser, admin: Any) -> Tab:
    return Tab(browser, admin)


@pytest.fixture
def open_page(browser: Browser, site: Site, shared_tab: Tab) -> Iterator[Pages]:
    with closing(Pages(browser, site, shared_tab)) as pages:
        yield pages

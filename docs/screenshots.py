"""Makes the pictures in README.md: `python docs/screenshots.py`; needs Chromium and the extra test.

A daemon of its own with simulated charge points, four hours of them in a minute; it leaves nothing
but docs/images/*.png behind. Here and not in bench/, since what it makes is part of the documents.
"""

import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.web.conftest import BROWSERS, FLAGS, PHONE, WIDE  # noqa: E402
from tests.web.site import Site  # noqa: E402

IMAGES: Final = ROOT / "docs" / "images"
MOST_BYTES: Final = 150_000  # each, since every clone carries them
PLACES: Final = ("Garage, level 1", "Garage, level 2", "Yard", "Visitors", "Workshop")
NAMES: Final = [f"Harbour-{number:02}" for number in range(1, 21)]
TIME_SCALE: Final = 240
WAIT_S: Final = 120
SETTLE_MS: Final = 1500


def main() -> None:
    executable = next(filter(None, map(shutil.which, BROWSERS)))
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        closing(Site(Path(directory))) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        held = site.log_in()
        populate(site)

        def page(path: str, scheme: str, size: Any) -> Page:  # Any: as Playwright has it
            context = browser.new_context(
                storage_state=held,  # type: ignore[arg-type]
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport=size,
                is_mobile=size is PHONE,  # else there is room for a scroll bar
                reduced_motion="reduce",
                locale="en-GB",
            )
            opened = context.new_page()
            opened.goto(site.url + path)
            opened.wait_for_function("() => document.querySelector('.skeleton') === null")
            opened.wait_for_timeout(SETTLE_MS)  # the stream is opened anew with what a page shows
            opened.get_by_text("Live", exact=True).wait_for()
            return opened

        charge_point = worth_seeing(site)
        one = page(f"/charge-points/{charge_point}", "dark", WIDE)
        one.get_by_role("img", name="Power of").wait_for()
        shoot(one, "charge-point")
        shoot(page("/", "light", WIDE), "overview")
        shoot(page("/", "light", PHONE), "phone")
        browser.close()


def populate(site: Site) -> None:
    for index, name in enumerate(NAMES):
        site.register(name)
        site.api("PATCH", f"/charge-points/{name}", {"note": PLACES[index * len(PLACES) // 20]})
    # The last one is away, as some always are.
    scale = str(TIME_SCALE)
    site.simulate(*NAMES[:-1], "--time-scale", scale, "--seed", "7", "--no-security-events")


def worth_seeing(site: Site) -> str:
    """A charge point where a battery is so full that the curve has begun to bend."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        time.sleep(1)
        for one in site.api("GET", "/charge-points?connector_status=Charging")["items"]:
            if any(84 <= (each["soc_percent"] or 0) <= 90 for each in one["transactions"]):
                name: str = one["charge_point_id"]
                return name
    sys.exit("no battery was nearly full in time; try again")


def shoot(page: Page, name: str) -> None:
    picture = page.screenshot()
    if len(picture) > MOST_BYTES:
        sys.exit(f"{name} has {len(picture)} bytes; show less, or make it smaller")
    (IMAGES / f"{name}.png").write_bytes(picture)
    print(f"docs/images/{name}.png, {len(picture)} bytes")


if __name__ == "__main__":
    main()

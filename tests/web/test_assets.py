"""The files of the dashboard: what is vendored is what it says, and the page stays light."""

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Final

from ocpptrio.events import AnyEvent
from tests.web.vendor import FILES

WEB: Final = Path(__file__).parents[2] / "ocpptrio" / "web"
VENDOR: Final = WEB / "vendor"
OTHERS: Final = {VENDOR, WEB / "docs"}  # made elsewhere, and names where
PAGE_BYTES: Final = 120_000  # of everything that the first page loads, compressed
IMPORT: Final = re.compile(r"""(?:from\s*|^import\s*)["'](\.[^"']+)["']""", re.MULTILINE)
ASSET: Final = re.compile(r'(?:src|href)="/([\w./-]+\.(?:js|css|svg))"')


def _imports(module: Path) -> list[Path]:
    found = IMPORT.findall(module.read_text())
    return [(module.parent / path).resolve() for path in found]


def _loaded(*entries: Path) -> set[Path]:
    """The files, and all that they import at once."""
    seen: set[Path] = set()
    waiting = list(entries)
    while waiting:
        file = waiting.pop().resolve()
        if file not in seen:
            seen.add(file)
            if file.suffix == ".js":
                waiting += _imports(file)
    return seen


def test_vendored_files_have_the_hashes_that_are_told_of_them() -> None:
    listed = {entry["file"]: entry for entry in json.loads((VENDOR / "VENDOR.json").read_text())}
    assert set(listed) == {file.name for file in VENDOR.glob("*.*s")}
    for name, entry in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == entry["sha256"], name
        assert entry["licence"] in ("MIT", "Apache-2.0")
    versions = {name: version for _, version, _, name in FILES}
    assert {name: entry["version"] for name, entry in listed.items()} == versions


def test_every_import_leads_to_a_file() -> None:
    for module in WEB.rglob("*.js"):
        for imported in _imports(module):
            assert imported.is_file(), f"{module} imports {imported}"


def test_no_file_but_the_icon_names_another_host() -> None:
    for file in WEB.rglob("*"):
        if file.suffix in (".js", ".css", ".html") and not OTHERS & set(file.parents):
            assert not re.search(r"https?://(?!www\.w3\.org/)", file.read_text()), file


def test_first_page_weighs_little() -> None:
    page = WEB / "index.html"
    entries = [WEB / name for name in ASSET.findall(page.read_text())]
    entries += [WEB / "pages" / "overview.js", WEB / "pages" / "login.js"]
    loaded = _loaded(page, *entries)
    weight = sum(len(gzip.compress(file.read_bytes(), 6)) for file in loaded)
    assert len(loaded) > 15
    assert weight < PAGE_BYTES


def test_page_of_a_charge_point_with_its_chart_weighs_little() -> None:
    page = WEB / "index.html"
    entries = [WEB / name for name in ASSET.findall(page.read_text())]
    entries += [WEB / "pages" / "charge_point.js", WEB / "pages" / "charge_point" / "live.js"]
    loaded = _loaded(page, *entries, VENDOR / "uplot.js", VENDOR / "uplot.css")
    assert sum(len(gzip.compress(file.read_bytes(), 6)) for file in loaded) < PAGE_BYTES


def test_every_kind_of_event_has_words() -> None:
    text = (WEB / "events.js").read_text()
    told = re.findall(r"^  (\w+): \(", text, re.MULTILINE)
    kinds = [kind.__name__ for kind in AnyEvent.__args__]
    not_yet = re.search(r"NOT_YET = \[(.*?)\]", text)
    later = set(re.findall(r'"(\w+)"', not_yet[1])) if not_yet else set()
    assert set(kinds) == set(told) - later

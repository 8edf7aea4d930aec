"""Brings the libraries of the dashboard and of the API's pages from npm:
`python tests/web/vendor.py` writes ocpptrio/web/vendor.

Run by hand to upgrade: change a version below, run it, look at the dashboard, commit. Needs npm.

The files import each other by relative paths, where npm has bare names: an import map would have
to be inline, and the Content-Security-Policy allows no inline script. That, the end of source map
comments, and an `export` for uPlot's minified file (its ES module is not minified) is all that is
changed. VENDOR.json tells version, licence and hash of each file; test_assets.py holds it to them.
"""

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

VENDOR: Final = Path(__file__).parents[2] / "ocpptrio" / "web" / "vendor"

# Package, version, file in it, file here.
FILES: Final = (
    ("preact", "11.2.0", "dist/preact.mjs", "preact.js"),
    ("preact", "11.2.0", "hooks/dist/hooks.mjs", "hooks.js"),
    ("@preact/signals-core", "1.14.5", "dist/signals-core.mjs", "signals-core.js"),
    ("@preact/signals", "2.11.4", "dist/signals.mjs", "signals.js"),
    ("htm", "3.1.1", "dist/htm.mjs", "htm.js"),
    ("uplot", "1.6.32", "dist/uPlot.iife.min.js", "uplot.js"),
    ("uplot", "1.6.32", "dist/uPlot.min.css", "uplot.css"),
    ("swagger-ui-dist", "5.35.0", "swagger-ui-bundle.js", "swagger-ui.js"),
    ("swagger-ui-dist", "5.35.0", "swagger-ui.css", "swagger-ui.css"),
)
PATHS: Final = {
    "preact": "./preact.js",
    "preact/hooks": "./hooks.js",
    "@preact/signals-core": "./signals-core.js",
}


def patched(name: str, text: str) -> str:
    """The file as it is served."""
    text = re.sub(r"\n(//|/\*)# sourceMappingURL=.*", "", text)
    for package, path in PATHS.items():
        text = text.replace(f'from"{package}"', f'from"{path}"')
    if name == "uplot.js":
        text = f"{text.rstrip()}\nexport default uPlot;\n"
    return text


def fetched(package: str, version: str) -> tarfile.TarFile:
    """The package as npm has it."""
    with tempfile.TemporaryDirectory() as directory:
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"{package}@{version}"],
            cwd=directory,
            check=True,
            capture_output=True,
            text=True,
        )
        content = (Path(directory) / packed.stdout.split()[-1]).read_bytes()
    return tarfile.open(fileobj=io.BytesIO(content))


def main() -> None:
    listed = []
    licences: dict[str, str] = {}
    for package, version, source, name in FILES:
        with fetched(package, version) as archive:

            def member(path: str, archive: tarfile.TarFile = archive) -> str:
                file = archive.extractfile(f"package/{path}")
                assert file is not None
                return file.read().decode()

            content = patched(name, member(source)).encode()
            about = json.loads(member("package.json"))
            licences[package] = member("LICENSE")
        (VENDOR / name).write_bytes(content)
        listed.append(
            {
                "file": name,
                "package": package,
                "version": version,
                "source": source,
                "licence": about["license"],
                "home": about.get("homepage", ""),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    (VENDOR / "VENDOR.json").write_text(json.dumps(listed, indent=2) + "\n")
    parts = [f"{package}\n\n{text.strip()}\n" for package, text in licences.items()]
    (VENDOR / "LICENSES.txt").write_text(("\n" + "-" * 72 + "\n\n").join(parts))
    sys.stdout.write(f"{len(listed)} files in {VENDOR}\n")


if __name__ == "__main__":
    main()

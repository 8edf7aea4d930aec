"""Whoever does not test needs no Hypothesis, and whoever tests is told to install it."""

import subprocess
import sys

EVERYTHING_ELSE = """
import importlib, pkgutil, sys
sys.modules["hypothesis"] = None  # as if it were not installed
import ocpptrio
for module in pkgutil.walk_packages(ocpptrio.__path__, "ocpptrio."):
    if not module.name.startswith(("ocpptrio.testing", "ocpptrio.__main__")):
        importlib.import_module(module.name)
try:
    import ocpptrio.testing.strategies
except ModuleNotFoundError as error:
    print(error)
"""


def test_only_the_tools_for_tests_need_hypothesis() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING_ELSE], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert "pip install 'ocpptrio[testing]'" in done.stdout

"""The house as README draws it: a module imports from smaller layer numbers, or its own package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ocpptrio

ROOT = Path(ocpptrio.__file__).parent

LAYERS = {
    "errors": 0,
    "clock": 0,
    "config": 0,
    "config_sources": 1,
    "observe": 0,
    "figures": 0,
    "api": 7,
    "redaction": 0,
    "protocol": 1,
    "events": 2,
    "composite_schedule": 2,
    "week_times": 2,
    "connection": 2,
    "stream": 2,
    "websocket": 2,
    "handshake": 2,
    "opening": 2,
    "passwords": 2,
    "rates": 2,
    "reachable": 2,
    "vendor_profiles": 2,
    "memory_transport": 3,
    "listener": 3,
    "store": 3,
    "session": 4,
    "simulator": 4,
    "testing": 4,
    "services": 5,
    "witness": 5,
    "announcements": 5,
    "presentation": 3,
    "central_system": 6,
    "daemon_lock": 2,
    "tracing": 2,
    "daemon": 8,
    "cli": 9,
    "__main__": 10,
    "__init__": 10,
}

# Within layer 0 one thing leans on another; all else there stands alone.
ALLOWED_BESIDE = {("observe", "config"), ("observe", "errors")}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        yield (relative.parts[0].removesuffix(".py"), path)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "ocpptrio":
                names = [f"ocpptrio.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("ocpptrio."):
                yield name.split(".")[1]


def test_every_module_has_a_layer() -> None:
    assert {unit for unit, _ in _modules()} == set(LAYERS)


def test_a_module_imports_only_from_lower_layers_or_its_own_package() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for unit, path in _modules()
        for imported in _imported(path)
        if imported in LAYERS
        and imported != unit
        and LAYERS[imported] >= LAYERS[unit]
        and (unit, imported) not in ALLOWED_BESIDE
    ]
    assert wrong == []


def test_only_the_tools_for_tests_need_hypothesis() -> None:
    for unit, path in _modules():
        assert unit == "testing" or "testing" not in _imported(path), path
        assert unit == "testing" or "hypothesis" not in path.read_text(), path


def test_the_simulator_knows_nothing_of_the_central_system() -> None:
    theirs = {"store", "session", "services", "central_system", "listener", "config", "daemon"}
    for unit, path in _modules():
        if unit == "simulator":
            assert theirs.isdisjoint(_imported(path)), path

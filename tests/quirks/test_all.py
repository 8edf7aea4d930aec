"""Each of Q1 to Q57 has its test, which runs; and the page for operators names it."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

MODULES = {
    "test_handshake": range(1, 12),
    "test_connection": range(12, 21),
    "test_rpc": range(21, 37),
    "test_transactions": range(37, 52),
    "test_operations": range(52, 58),
}
PAGE = Path(__file__).parent.parent.parent / "docs" / "interoperability.md"


def _tests(module: ModuleType) -> dict[int, str]:
    """Number -> name of each test in the module, none of which is switched off."""
    found = {}
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if numbered := re.match(r"test_q(\d+)_", name):
            marks = {mark.name for mark in getattr(function, "pytestmark", ())}
            assert not marks & {"skip", "skipif", "xfail"}, name
            assert not re.search(
                r"pytest\.(skip|xfail|importorskip)\(", inspect.getsource(function)
            )
            number = int(numbered[1])
            assert number not in found, f"two tests for Q{number}"
            found[number] = name
    return found


def _all_tests() -> dict[int, str]:
    found: dict[int, str] = {}
    for name, numbers in MODULES.items():
        module = importlib.import_module(f"tests.quirks.{name}")
        assert not hasattr(module, "pytestmark"), name
        here = _tests(module)
        assert set(here) == set(numbers), name
        found |= here
    return found


def test_each_of_q1_to_q57_has_a_test() -> None:
    assert sorted(_all_tests()) == list(range(1, 58))


def test_the_page_names_each_of_them() -> None:
    lines = re.findall(r"^\*\*Q(\d+)\*\* .*`(test_q\w+)`\.?$", PAGE.read_text(), re.MULTILINE)
    assert {int(number): name for number, name in lines} == _all_tests()
    assert len(lines) == 57


@pytest.mark.parametrize("mark", [pytest.mark.skip, pytest.mark.xfail])
def test_one_that_is_switched_off_is_seen(mark: pytest.MarkDecorator) -> None:
    module = ModuleType("module")

    def test_q1_anything() -> None: ...

    module.test_q1_anything = mark(test_q1_anything)  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="test_q1_anything"):
        _tests(module)

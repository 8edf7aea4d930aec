"""Every prescribed case has its test, and none is skipped.

The ids are those of the OCA's test tool for central systems, without `TC_` and `_CSMS`. A test is
named after its case: `test_tc_023_1_...` plays TC_023_1. A case may have several tests.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Core, and Remote Trigger.
CORE = _ids("""
    001 003 004_1 004_2 005_1 007 061 010 011_1 011_2 012 013 014 017_1 017_2 018_1 019_1 019_2 021
    023_1 023_2 023_3 024 026 028 030 031 032_1 037_1 037_3 039 040_1 040_2 064
    054 055
""")

# Local list, firmware and diagnostics, reservation, smart charging, security. Still to come: 073,
# 074, 083, 086 and 087, which need keys rolled over, certificates issued, and TLS.
OTHERS = _ids("""
    042_1 042_2 043_1 043_3 043_4 043_5 044_1 044_2 044_3 045_1 045_2
    046 047 048_1 048_2 048_3 048_4 049 051 052 053
    056 057 059 066 067
    075_1 075_2 076 077 078 079 080 081 085 088
""")

# What keeps a test from running, or its failure from counting.
EXCUSES = {"skip", "skipif", "xfail", "importorskip", "SkipTest", "expectedFailure"}


def _tests() -> Iterator[tuple[str, Path]]:
    for path in sorted(HERE.glob("test_*.py")):
        if path != Path(__file__):
            for node in ast.parse(path.read_text()).body:
                name = getattr(node, "name", "")
                if name.startswith("test_"):
                    yield name, path


def _case(name: str) -> str:
    found = re.match(r"test_tc_(\d{3}(?:_\d)?)_[a-z]", name)
    assert found is not None, f"{name} is not named after a case"
    return found[1]


def test_every_prescribed_case_has_a_test() -> None:
    played = {_case(name) for name, _ in _tests()}
    assert played == CORE | OTHERS
    assert len(CORE) == 36
    assert CORE.isdisjoint(OTHERS)


def test_no_case_is_skipped_or_expected_to_fail() -> None:
    for path in {path for _, path in _tests()} | {HERE / "conftest.py", HERE / "station.py"}:
        words = {
            word
            for node in ast.walk(ast.parse(path.read_text()))
            for word in (getattr(node, "attr", None), getattr(node, "id", None))
        }
        assert EXCUSES.isdisjoint(words), path.name


def test_no_case_shares_its_name_with_another() -> None:
    # Of two functions of one name in a module, only the last would run.
    names = [name for name, _ in _tests()]
    assert len(names) == len(set(names))

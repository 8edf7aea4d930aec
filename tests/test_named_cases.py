"""What is promised by name has its test, and none is switched off: both lists in one place."""

from tests.certification import test_all as certification
from tests.quirks import test_all as quirks


def test_each_quirk_and_each_certification_case_has_a_test_that_runs() -> None:
    named = {f"Q{number}" for number in quirks._all_tests()}
    named |= {f"TC_{certification._case(name)}" for name, _ in certification._tests()}
    promised = {f"Q{number}" for number in range(1, 58)}
    promised |= {f"TC_{case}" for case in certification.CORE}
    assert promised <= named
    certification.test_no_case_is_skipped_or_expected_to_fail()

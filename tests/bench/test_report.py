"""The tables of bench/compare.py."""

import pytest
from report import Results, comparison, verdict


def result(**figures: float) -> dict[str, float | dict[str, float]]:
    return {"errors": 0, "latency_ms": {"p50": 1.5}, **figures}


def heartbeats(ours: float, echo: float) -> Results:
    return {
        "heartbeat-50": {
            "ours": [result(msg_per_s=ours, msg_per_cpu_s=ours)],
            "echo": [result(msg_per_s=echo, msg_per_cpu_s=echo)],
            "mobilityhouse": [result(msg_per_s=1, msg_per_cpu_s=1)],
        }
    }


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    taken = {
        # The whole second round was slow, which is nobody's merit or fault.
        "ours": [result(msg_per_s=100), result(msg_per_s=10), result(msg_per_s=100)],
        "echo": [result(msg_per_s=200), result(msg_per_s=20), result(msg_per_s=150)],
    }
    table = comparison("heartbeat-50", taken, ["msg_per_s", "latency_ms.p50"])
    assert "| ours | 100 | 1.5 | 0 |" in table
    assert "| echo | 150 (2.00) | 1.5 (1.00) | 0 |" in table


@pytest.mark.parametrize(("ours", "answer"), [(90, "yes"), (80, "**no**")])
def test_the_verdict_says_which_targets_are_met(ours: float, answer: str) -> None:
    lines = verdict(heartbeats(ours, echo=100)).splitlines()
    [line] = [line for line in lines if "ours/echo, messages/s" in line]
    assert line.endswith(f"| {ours / 100:.2f} | >= 0.85 | {answer} |")


def test_a_target_that_could_not_be_measured_is_not_met() -> None:
    results = heartbeats(90, echo=100)
    results["heartbeat-50"]["ours"] = [{"errors": 1, "error_samples": ["does not listen"]}]
    assert "| nothing | >= 0.85 | **no** |" in verdict(results)
    assert "0 of 4 met." in verdict(results)


def test_targets_of_other_loads_are_left_out() -> None:
    assert "idle" not in verdict(heartbeats(90, echo=100))

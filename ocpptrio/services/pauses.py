"""How long to wait before somebody who did not answer is tried again."""

MOST_DOUBLINGS = 30  # far beyond any longest pause; a float holds it


def pause_s(failures: int, *, first_s: float, longest_s: float, chance: float) -> float:
    """Doubled after each failure, up to the longest; half of it is by chance.

    So not all come back to a server in the same moment.

    Args:
        failures: in a row, before this one.
        chance: from 0 to 1.
    """
    return min(first_s * 2.0 ** min(failures, MOST_DOUBLINGS), longest_s) * (1 - chance / 2)

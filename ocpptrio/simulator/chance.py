"""Randomness from a seed. Whatever is left to chance in the simulator comes from here."""

from random import Random


def seeded(seed: int | str) -> Random:
    """Chances that are the same in each run with this seed."""
    return Random(seed)  # noqa: S311  # dice for a simulation; nothing is kept secret with them


def branch(random: Random) -> Random:
    """Chances of their own for a part, whatever the others do with theirs."""
    return seeded(random.getrandbits(64))

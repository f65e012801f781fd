"""Many claims at once."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted by Holm's step-down (Holm 1979, Scand. J. Stat. 6), in the given order.

    "One of these slices regressed" is a union of claims: each is made only where its adjusted p
    is small enough, which keeps the chance of any false one below the level. NaN counts as 1.
    """
    known = [p if p == p else 1.0 for p in p_values]  # noqa: PLR0124 - NaN differs from itself
    adjusted = [1.0] * len(known)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(known)), key=known.__getitem__)):
        reached = max(reached, min(1.0, (len(known) - rank) * known[index]))
        adjusted[index] = reached
    return tuple(adjusted)

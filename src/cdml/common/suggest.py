"""Answers to a name nobody knows: the nearest one, and the known ones."""

from collections.abc import Iterable


def describe_unknown(kind: str, name: str, possible: Iterable[str]) -> str:
    """A sentence about an unknown name, with the nearest known one and the list of all."""
    from difflib import get_close_matches

    names = sorted(possible)
    near = get_close_matches(name, names, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {name!r}{guess} Known: {', '.join(names) or 'none'}."

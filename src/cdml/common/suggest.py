"""Sentences about an unknown name: the nearest one, and the possible ones."""

from collections.abc import Iterable


def describe_unknown(kind: str, name: str, possible: Iterable[str]) -> str:
    """A sentence about an unknown name, with the nearest possible one and the list of all."""
    from difflib import get_close_matches

    names = sorted(possible)
    near = get_close_matches(name, names, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {name!r}{guess} Known: {', '.join(names) or 'none'}."

"""How counts of conditions are put together from counts that many conditions share."""

from collections.abc import Mapping

from cdml.tables.query import All, Condition, Either, Missing, Not, NotRun, columns

EVERY_ROW = All(())

Terms = tuple[tuple[int, Condition], ...]
"""Counts that are added up, each with its sign."""


def terms(condition: Condition) -> Terms:
    """What to count in place of a condition; itself where nothing is gained.

    A missing value fulfils nothing but `Missing`, so that what is missing or fulfils is both
    counts together, and what is there and does not fulfil is what remains of all rows.
    """
    match condition:
        case Either((Missing(name), *rest)) if rest and _fulfilled(name, *rest):
            return (1, Missing(name)), (1, rest[0] if len(rest) == 1 else Either(tuple(rest)))
        case All((Not(Missing(name)), Not(asked))) if _fulfilled(name, asked):
            return (1, EVERY_ROW), (-1, Missing(name)), (-1, asked)
        case _:
            return ((1, condition),)


def total(asked: Terms, counted: Mapping[Condition, int | NotRun]) -> int | NotRun:
    """The count of a condition by those of its terms; the first that was not run stands."""
    found = 0
    for sign, term in asked:
        count = counted[term]
        if isinstance(count, NotRun):
            return count
        found += sign * count
    return found


def _fulfilled(name: str, *conditions: Condition) -> bool:
    """Whether each reads this column alone, and none is true of a missing value."""
    return all(
        columns(one) == {name} and not isinstance(one, Missing | Not)
        if not isinstance(one, All | Either)
        else bool(one.conditions) and _fulfilled(name, *one.conditions)
        for one in conditions
    )

"""A report that fits: the least important rows go first, and it says how many."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cdml.common.verdict import Verdict
from cdml.report.view import View

Measure = Callable[[str], int]
Place = tuple[int, str, int]
"""Which view, which of its tables, which row."""

_ROUNDS = 10  # guesses
_ROW = 60  # no row is shorter, in characters
_USUAL_ROW = 400  # what the first guess takes a row for
_NEAR = 0.02  # a few rows less than would fit do no harm
_JUDGED = ("gates", "checks", "slices")
_TOLD = ("steps", "changes", "metrics")


def fit(
    views: Sequence[View],
    render: Callable[[Sequence[View]], str],
    limit: int,
    measure: Measure = len,
) -> str:
    """A full rendering, or one with as many rows as do not exceed the limit.

    Args:
        views: whole reports that share the room.
        render: lays them out.
        limit: the greatest length.
        measure: length of a text, in characters or bytes.
    """
    order = tuple(_by_importance(views))
    too_many = min(len(order), limit // _ROW) + 1
    if too_many > len(order):
        text = render(views)
        if measure(text) <= limit:
            return text
    return _shortest_left_out(views, order, render, limit, measure, too_many)


def _shortest_left_out(
    views: Sequence[View],
    order: tuple[Place, ...],
    render: Callable[[Sequence[View]], str],
    limit: int,
    measure: Measure,
    too_many: int,
) -> str:
    """As many rows as fit, nearly.

    A guess takes rows to be as long as those of the last; every other one halves what is left,
    for rows may be of very different length.
    """
    fitting = render(_with(views, order, 0))
    empty = size = measure(fitting)
    kept, guess = 0, limit // _USUAL_ROW
    for turn in range(_ROUNDS):
        guess = max(kept + 1, min(guess, too_many - 1))
        if guess >= too_many or limit - size < _NEAR * limit:
            break
        tried = render(_with(views, order, guess))
        length = measure(tried)
        if length <= limit:
            kept, size, fitting = guess, length, tried
        else:
            too_many = guess
        guess = int(0.99 * guess * (limit - empty) / max(length - empty, 1))
        if turn % 2:
            guess = (kept + too_many) // 2
    return fitting


def _by_importance(views: Sequence[View]) -> Iterator[Place]:
    """Every row that could be left out, the most important first.

    What did not pass comes before what did: gates, checks, slices; then what only informs.
    """
    for good in (False, True):
        for kind in _JUDGED:
            for number, view in enumerate(views):
                for index, row in enumerate(getattr(view, kind)):
                    if (row.verdict in {None, Verdict.PASS}) is good:
                        yield number, kind, index
    for kind in _TOLD:
        for number, view in enumerate(views):
            yield from ((number, kind, index) for index in range(len(getattr(view, kind))))


def _with(views: Sequence[View], order: tuple[Place, ...], keep: int) -> tuple[View, ...]:
    kept = set(order[:keep])
    return tuple(_shortened(number, view, kept, order) for number, view in enumerate(views))


def _shortened(number: int, view: View, kept: set[Place], order: tuple[Place, ...]) -> View:
    every = sum(place[0] == number for place in order)
    gone = every - sum(place[0] == number for place in kept)
    if not gone:
        return view
    tables: dict[str, Any] = {
        kind: tuple(
            row for index, row in enumerate(getattr(view, kind)) if (number, kind, index) in kept
        )
        for kind in (*_JUDGED, *_TOLD)
    }
    return replace(view, **tables, left_out=f"{gone:,} of {every:,} rows are left out here")

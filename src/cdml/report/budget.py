"""A report that fits: the least important rows go first, and it says how many."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from cdml.core.verdict import Verdict
from cdml.report.view import View

Measure = Callable[[str], int]


def fit(view: View, render: Callable[[View], str], limit: int, measure: Measure = len) -> str:
    """The fullest rendering that is not longer than the limit.

    Args:
        view: the whole report.
        render: lays a report out.
        limit: the greatest length.
        measure: length of a text, in characters or bytes.
    """
    text = render(view)
    if measure(text) <= limit:
        return text
    order = tuple(_by_importance(view))
    kept, too_many = 0, len(order)
    shortest = render(_with(view, order, 0))
    while too_many - kept > 1:
        middle = (kept + too_many) // 2
        tried = render(_with(view, order, middle))
        if measure(tried) <= limit:
            kept, shortest = middle, tried
        else:
            too_many = middle
    return shortest


def _by_importance(view: View) -> Iterator[tuple[str, int]]:
    """Every row that could be left out, the most important first.

    What did not pass comes before what did: gates, checks, slices; then metrics.
    """
    verdicts: dict[str, list[Verdict | None]] = {
        "gates": [row.verdict for row in view.gates],
        "checks": [row.verdict for row in view.checks],
        "slices": [row.verdict for row in view.slices],
    }
    for good in (False, True):
        for kind, those in verdicts.items():
            for index, verdict in enumerate(those):
                if (verdict in {None, Verdict.PASS}) is good:
                    yield kind, index
    yield from (("metrics", index) for index in range(len(view.metrics)))


def _with(view: View, order: tuple[tuple[str, int], ...], keep: int) -> View:
    kept = set(order[:keep])
    left_out = len(order) - keep
    return replace(
        view,
        gates=tuple(row for i, row in enumerate(view.gates) if ("gates", i) in kept),
        checks=tuple(row for i, row in enumerate(view.checks) if ("checks", i) in kept),
        slices=tuple(row for i, row in enumerate(view.slices) if ("slices", i) in kept),
        metrics=tuple(row for i, row in enumerate(view.metrics) if ("metrics", i) in kept),
        left_out=f"{left_out:,} of {len(order):,} rows are left out here",
    )

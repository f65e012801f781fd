"""A report that fits: the least important rows go first, and it says how many."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from cdml.core.verdict import Verdict
from cdml.report.view import View

Measure = Callable[[str], int]

_ROUNDS = 8  # halvings; a few rows less than would fit do no harm
_ROW = 60  # no row is shorter, in characters


def fit(view: View, render: Callable[[View], str], limit: int, measure: Measure = len) -> str:
    """A full rendering, or one with as many rows as do not exceed the limit.

    Args:
        view: the whole report.
        render: lays a report out.
        limit: the greatest length.
        measure: length of a text, in characters or bytes.
    """
    order = tuple(_by_importance(view))
    kept, too_many = 0, min(len(order), limit // _ROW) + 1
    if too_many > len(order):
        text = render(view)
        if measure(text) <= limit:
            return text
    fitting = render(_with(view, order, 0))
    for _ in range(_ROUNDS):
        middle = (kept + too_many) // 2
        tried = render(_with(view, order, middle))
        if measure(tried) <= limit:
            kept, fitting = middle, tried
        else:
            too_many = middle
    return fitting


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

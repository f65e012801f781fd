"""The confusion counts that scores lead one to expect, by group; see `monitoring/estimate.py`."""

from collections.abc import Iterator, Mapping

from cdml.adapters.predictions.logs.bin_counts import Fetch
from cdml.adapters.tables.sql_engine import literal
from cdml.monitoring.windows import ExpectedCells


def sum_cells(
    fetch: Fetch, relation: str, group: str, *, usable: str, positive: str, score: str
) -> tuple[ExpectedCells, ...]:
    """Sums of the usable rows' scores, of those predicted positive and of the others."""
    inner = f"SELECT {group}, {positive} AS positive, {score} AS score FROM {relation}"
    found = fetch(
        f"SELECT {group}, count(*), count_if(positive),"
        " coalesce(sum(score) FILTER (WHERE positive), 0),"
        " coalesce(sum(score) FILTER (WHERE NOT positive), 0)"
        f" FROM ({inner} WHERE {usable}) GROUP BY ALL ORDER BY ALL"
    )
    return tuple(
        ExpectedCells(
            window=window,
            at=at,
            version=version,
            true_positives=hits,
            false_positives=max(predicted - hits, 0.0),
            false_negatives=misses,
            true_negatives=max(rows - predicted - misses, 0.0),
        )
        for window, at, version, rows, predicted, hits, misses in found
    )


def sum_class_cells(
    fetch: Fetch,
    relation: str,
    group: str,
    *,
    usable: str,
    prediction: str,
    scores: Mapping[str, str],
) -> Iterator[ExpectedCells]:
    """The same of several classes, each against the others; `scores` are SQL by class."""
    columns = [f"{sql} AS score_{place}" for place, sql in enumerate(scores.values())]
    inner = f"SELECT {group}, {prediction} AS predicted, {', '.join(columns)} FROM {relation}"
    sums = []
    for place, name in enumerate(scores):
        here = f"predicted = {literal(name)}"
        score = f"score_{place}"
        sums += [
            f"count_if({here})",
            f"coalesce(sum({score}) FILTER (WHERE {here}), 0)",
            f"sum({score})",
        ]
    for window, at, version, rows, *found in fetch(
        f"SELECT {group}, count(*), {', '.join(sums)} FROM ({inner} WHERE {usable})"
        " GROUP BY ALL ORDER BY ALL"
    ):
        for place, name in enumerate(scores):
            predicted, hits, expected = found[3 * place : 3 * place + 3]
            misses = max(expected - hits, 0.0)
            yield ExpectedCells(
                window=window,
                at=at,
                version=version,
                label=name,
                true_positives=hits,
                false_positives=max(predicted - hits, 0.0),
                false_negatives=misses,
                true_negatives=max(rows - predicted - misses, 0.0),
            )

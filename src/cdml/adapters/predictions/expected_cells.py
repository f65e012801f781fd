"""The confusion counts that scores lead one to expect, by group; see `monitoring/estimate.py`."""

from cdml.adapters.predictions.bin_counts import Fetch
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

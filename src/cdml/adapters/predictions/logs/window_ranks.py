"""The area under the ROC curve of each window, also within slices; equal scores come first."""

from collections.abc import Iterator, Sequence

from cdml.adapters.predictions.logs.bin_counts import Fetch, Group


def rank_windows(
    fetch: Fetch, relation: str, group: str, *, positive: str, score: str, parts: Sequence[str]
) -> Iterator[tuple[Group, tuple[int, str] | None, float]]:
    """Each window's area: of all rows, and of each value of the columns in `parts`, by its place.

    A window that lacks one of the classes has none.
    """
    for place, part in enumerate((None, *parts)):
        within = group if part is None else f"{group}, {part}"
        watched = "TRUE" if part is None else f"{part} IS NOT NULL"
        by_score = (
            f"SELECT {within}, {score} AS s, count_if({positive}) AS p,"
            f" count_if(NOT {positive}) AS n FROM {relation} WHERE {watched} GROUP BY ALL"
        )
        below = f"sum(n) OVER (PARTITION BY {within} ORDER BY s) - n / 2"
        for window, at, version, *value, area in fetch(
            f"SELECT {within}, sum(p * b) / (sum(p) * sum(n)) FROM"
            f" (SELECT *, {below} AS b FROM ({by_score})) GROUP BY {within}"
            " HAVING sum(p) > 0 AND sum(n) > 0"
        ):
            yield (window, at, version), (place - 1, value[0]) if value else None, area

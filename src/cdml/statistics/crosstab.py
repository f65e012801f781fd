"""How often a classifier calls each class what: a confusion matrix that a page can show."""

import numpy as np

from cdml.statistics.samples import Cells, Counts, Sample, Weighted

CLASSES = 20
"""Classes that have a row and a column of their own."""
OTHER = "(other)"


def crosstab(sample: Sample, *, champion: bool = False) -> tuple[tuple[str, ...], Counts] | None:
    """Classes and rows by label and prediction, shape (classes, classes).

    Beyond the `CLASSES` that occur most as label or prediction, classes are told together. Rows
    are counted, whatever their weight.

    Args:
        sample: joint counts; of anything else there is no matrix.
        champion: whether the predictions are the champion's, where the sample is of two models.
    """
    cells = sample.of if isinstance(sample, Weighted) else sample
    if not isinstance(cells, Cells):
        return None
    predicted = cells.champion if champion else cells.challenger
    if predicted is None:
        return None
    many = len(cells.classes)
    counts = np.zeros((many, many), dtype=np.int64)
    np.add.at(counts, (cells.label, predicted), cells.count)
    if many <= CLASSES:
        return cells.classes, counts
    frequent = np.argsort(-(counts.sum(axis=0) + counts.sum(axis=1)), kind="stable")[:CLASSES]
    kept = np.sort(frequent)
    place = np.full(many, CLASSES)
    place[kept] = np.arange(CLASSES)
    told = np.zeros((CLASSES + 1, CLASSES + 1), dtype=np.int64)
    np.add.at(told, (place[:, None], place[None, :]), counts)
    return (*(cells.classes[code] for code in kept), OTHER), told

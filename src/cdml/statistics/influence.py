"""How far each weighted row moves a metric: the derivative by its weight, times the weight.

Every metric here depends on the weights only by their shares, so a metric's figures add up to
nothing, and the variance of its value is that of their sum (Hampel 1974, the influence curve).
"""

from dataclasses import dataclass

import numpy as np

from cdml.statistics import ranks
from cdml.statistics.class_scores import ConfusionMetric, Hits, confusion
from cdml.statistics.means import gradient, statistic
from cdml.statistics.samples import Cells, Codes, Floats, MoveSums, OneVsRest, Ranked, RowFigures

_STEP = 0.01
"""Of a cell's weight; the five-point rule is then good to ten digits."""
_KINDS_AT_ONCE = 256
ROUNDING = 1e-12
"""Of a row's figures and of their mean: a row this near to the mean shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Influence:
    """A metric of one model or of two.

    Shapes: value (models,), the challenger first, NaN where it has none; moves (rows, models).
    `unseen` is the most that a row of average weight could move the difference of the two, of a
    kind that no row is; 0 where that is not known.
    """

    value: Floats
    moves: Floats
    unseen: float = 0.0


def influence_of_cells(metric: str, cells: Cells, weight: Floats) -> Influence:
    """A confusion metric; `cells` has one entry for each row, or for rows of a cluster."""
    function = confusion(metric)
    predicted = [p for p in (cells.challenger, cells.champion) if p is not None]
    kinds, of_row = np.unique(np.stack((cells.label, *predicted)), axis=1, return_inverse=True)
    of_row = of_row.ravel()
    total = ranks.summed(of_row, weight, kinds.shape[1])
    table = _Table(classes=len(cells.classes), label=kinds[0], predicted=kinds[1:])
    slopes = table.slopes(function, total)
    average = float(weight.sum() / cells.count.sum())
    unseen = table.unseen(function, total, average) if len(predicted) > 1 else 0.0
    return Influence(
        value=table.values(function, total),
        moves=weight[:, None] * slopes[of_row],
        unseen=unseen,
    )


def influence_of_means(metric: str, figures: RowFigures | MoveSums, weight: Floats) -> Influence:
    """A mean, or a function of means; of sums the value alone."""
    if isinstance(figures, MoveSums):
        return Influence(value=figures.value, moves=np.zeros((1, len(figures.value))))
    values, total = figures.values, weight.sum()
    mean, size = weight @ values / total, weight @ np.abs(values) / total
    value, slopes = value_and_slopes(metric, mean)
    moves = (values - mean) @ slopes.T
    noise = ROUNDING * ((np.abs(values) + size) @ np.abs(slopes).T)
    moves[np.abs(moves) <= noise] = 0.0
    return Influence(value=value, moves=weight[:, None] * moves / total)


def value_and_slopes(metric: str, mean: Floats) -> tuple[Floats, Floats]:
    """From the means of the figures of `Moments` the values, shape (models,), and derivatives.

    The latter have the shape (models, figures); they are zeros where there is no value.
    """
    alone = len(mean) % 2 == 1
    both = np.insert(mean, 1, 0.0) if alone else mean  # paired with one without error
    value = statistic(metric)(both)[: 1 if alone else 2]
    if not np.isfinite(value).all():
        return value, np.zeros((len(value), len(mean)))
    slopes = gradient(metric, both)
    return value, np.delete(slopes[:1], 1, axis=1) if alone else slopes


def influence_of_ranks(metric: str, ranked: Ranked | OneVsRest, weight: Floats) -> Influence:
    """ROC-AUC, its mean over the classes, or average precision."""
    one = ranks.average_precision if metric == "average_precision" else ranks.auc
    classes = ranked.classes if isinstance(ranked, OneVsRest) else (ranked,)
    scores = [[c.challenger, c.champion] for c in classes]
    models = 1 if scores[0][1] is None else 2
    influences = [
        [one(c.positive, score, weight) for score in of_class[:models] if score is not None]
        for c, of_class in zip(classes, scores, strict=True)
    ]
    value = np.mean([[value for value, _ in of_class] for of_class in influences], axis=0)
    moves = np.mean([np.stack([m for _, m in of_class], axis=1) for of_class in influences], axis=0)
    return Influence(value=value, moves=moves)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """Kinds of rows by label and by what each model says, shapes (kinds,) and (models, kinds)."""

    classes: int
    label: Codes
    predicted: Codes

    def values(self, function: ConfusionMetric, total: Floats) -> Floats:
        """The metric of each model for weights of shape (..., kinds), shape (..., models)."""
        codes = np.arange(self.classes)
        labelled = (self.label[:, None] == codes).astype(float)
        values = []
        for predicted in self.predicted:
            as_class = (predicted[:, None] == codes).astype(float)
            hits = Hits(
                right=total @ (labelled * as_class),
                labelled=total @ labelled,
                predicted=total @ as_class,
            )
            values.append(function(hits))
        return np.stack(values, axis=-1)

    def slopes(self, function: ConfusionMetric, total: Floats) -> Floats:
        """Derivatives by the weight of each kind, shape (kinds, models)."""
        slopes = []
        for start in range(0, len(total), _KINDS_AT_ONCE):
            chosen = np.arange(start, min(start + _KINDS_AT_ONCE, len(total)))
            step = np.zeros((len(chosen), len(total)))
            step[np.arange(len(chosen)), chosen] = _STEP * total[chosen]
            near, far = (
                self.values(function, total + k * step) - self.values(function, total - k * step)
                for k in (1, 2)
            )
            slopes.append((8 * near - far) / (12 * _STEP * total[chosen, None]))
        return np.concatenate(slopes)

    def unseen(self, function: ConfusionMetric, total: Floats, weight: float) -> float:
        """How far one more row moves the models apart that just one of them gets right."""
        labels = np.unique(self.label)
        wrong = np.array([self._usual_mistake(code, total) for code in labels])
        for_challenger, for_champion = np.stack((labels, wrong)), np.stack((wrong, labels))
        wider = _Table(
            classes=self.classes,
            label=np.concatenate((self.label, labels, labels)),
            predicted=np.concatenate((self.predicted, for_challenger, for_champion), axis=1),
        )
        more = 2 * len(labels)
        now = np.concatenate((total, np.zeros(more)))
        then = now + weight * np.eye(len(now))[-more:]
        moved = wider.values(function, then) - wider.values(function, now)
        return float(np.abs(moved[:, 0] - moved[:, 1]).max())

    def _usual_mistake(self, code: int, total: Floats) -> int:
        """The class that is most often predicted in a label's stead."""
        often = np.zeros(self.classes)
        for predicted in self.predicted:
            at = (self.label == code) & (predicted != code)
            often += np.bincount(predicted[at], total[at], self.classes)
        often[code] = -1.0
        return int(often.argmax())

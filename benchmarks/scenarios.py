"""Pairs of models whose true difference is known, for the coverage of every family."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cdml.statistics.samples import Cells, Floats, Moments, Ranked, RowFigures, Sample, Weighted

Random = np.random.Generator
Rows = Cells | RowFigures | Ranked
Draw = Callable[[Random, int], Sample]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Two models of a known difference; `draw` gives the statistics of so many rows."""

    metrics: tuple[str, ...]
    name: str
    draw: Draw


def cells(chances: Floats, classes: int) -> Draw:
    """Joint cells of a table of chances, shape (label, challenger, champion)."""
    label, challenger, champion = np.indices(chances.shape).reshape(3, -1)

    def draw(random: Random, rows: int) -> Cells:
        count = random.multinomial(rows, chances.ravel())
        kept = count > 0
        return Cells(
            classes=tuple(map(str, range(classes))),
            label=label[kept],
            challenger=challenger[kept],
            champion=champion[kept],
            count=count[kept],
        )

    return draw


def binary(positives: float, right: tuple[float, float], flips: tuple[float, ...]) -> Draw:
    """A champion with (specificity, sensitivity), and the chances that the challenger differs.

    `flips`: right to wrong and wrong to right among negatives, the same among positives.
    """
    chances = np.zeros((2, 2, 2))
    for label, share in ((0, 1 - positives), (1, positives)):
        lost, gained = flips[2 * label : 2 * label + 2]
        hit, miss = share * right[label], share * (1 - right[label])
        chances[label, label, label] = hit * (1 - lost)
        chances[label, 1 - label, label] = hit * lost
        chances[label, label, 1 - label] = miss * gained
        chances[label, 1 - label, 1 - label] = miss * (1 - gained)
    return cells(chances, 2)


def multiclass(classes: int, right: float, lost: float, gained: float) -> Draw:
    """Classes of falling size; mistakes fall on the others alike."""
    size = 0.5 ** np.arange(classes)
    chances = np.zeros((classes, classes, classes))
    for label, share in enumerate(size / size.sum()):
        wrong = [code for code in range(classes) if code != label]
        each = 1 / len(wrong)
        chances[label, label, label] = share * right * (1 - lost)
        for code in wrong:
            chances[label, code, label] = share * right * lost * each
            chances[label, label, code] = share * (1 - right) * gained * each
            chances[label, code, code] = share * (1 - right) * (1 - gained) * each
    return cells(chances, classes)


def grouped(sizes: tuple[float, ...], rates: tuple[tuple[float, float], ...], noise: float) -> Draw:
    """Groups of these shares, in which the champion and the challenger say yes this often.

    The labels have nothing to do with it; `noise` is how often the challenger answers apart.
    """

    def draw(random: Random, rows: int) -> Cells:
        group = random.choice(len(sizes), rows, p=sizes)
        champion_rate, challenger_rate = np.array(rates).T
        level = random.random(rows)
        apart = np.where(random.random(rows) < noise, random.random(rows), level)
        label = random.random(rows) < 0.4
        said = np.stack(
            (group, label, apart < challenger_rate[group], level < champion_rate[group])
        ).astype(np.int64)
        found, count = np.unique(said, axis=1, return_counts=True)
        return Cells(
            classes=("other", "positive"),
            label=found[1],
            challenger=found[2],
            champion=found[3],
            count=count,
            groups=tuple(map(str, range(len(sizes)))),
            group=found[0],
        )

    return draw


def ranked(positives: float, distance: float, noise: float) -> Draw:
    """Normal scores `distance` apart, and a challenger that adds noise to them."""

    def draw(random: Random, rows: int) -> Ranked:
        positive = np.arange(rows) < round(rows * positives)
        score = positive * distance + random.normal(size=rows)
        return Ranked(
            positive=positive,
            challenger=score + noise * random.normal(size=rows),
            champion=score,
        )

    return draw


def losses(loss: str, scale: float, noise: float) -> Draw:
    """Logits of a calibrated champion; the challenger's are scaled (over-confident) or noisy."""

    def draw(random: Random, rows: int) -> Moments:
        positive = random.random(rows) < 0.3
        champion = np.where(positive, 0.4, -1.4) + 1.2 * random.normal(size=rows)
        challenger = scale * champion + noise * random.normal(size=rows)
        sign = np.where(positive, 1.0, -1.0)
        against = [-sign * logit for logit in (challenger, champion)]
        if loss == "log_loss":
            return Moments.of_rows(np.logaddexp(0, np.stack(against, axis=1)))
        return Moments.of_rows((1 / (1 + np.exp(-np.stack(against, axis=1)))) ** 2)

    return draw


def errors(metric: str, tails: float, scale: float) -> Draw:
    """Errors that are normal, or t where `tails` is finite, and a challenger's that are larger."""

    def draw(random: Random, rows: int) -> Moments:
        heavy = math.isfinite(tails)
        error = random.standard_t(tails, size=rows) if heavy else random.normal(size=rows)
        both = np.stack((scale * error + 0.3 * random.normal(size=rows), error), axis=1)
        if metric == "mean_absolute_error":
            return Moments.of_rows(np.abs(both))
        if metric == "mean_squared_error":
            return Moments.of_rows(both**2)
        label = 2 * random.normal(size=rows) + error
        return Moments.of_rows(np.column_stack((both**2, label, label**2)))

    return draw


def weighted(draw: Callable[[Random, int], Rows], size: int = 1, spread: float = 0.0) -> Draw:
    """Rows in clusters of `size` that share a part of their luck, or with weights that vary.

    Args:
        draw: rows of so many clusters, each `size` times.
        size: rows of a cluster; 1: rows stand alone.
        spread: standard deviation of the logarithm of the weights.
    """

    def rows_of(random: Random, rows: int) -> Weighted:
        of = draw(random, rows)
        return Weighted(
            weight=np.exp(spread * random.normal(size=rows)),
            cluster=np.arange(rows) // size if size > 1 else None,
            inner=of,
        )

    return rows_of


def answers(size: int, lost: float) -> Callable[[Random, int], Cells]:
    """Half positives; both models mostly right, more or less so by cluster."""

    def draw(random: Random, rows: int) -> Cells:
        level = np.repeat(random.normal(size=-(-rows // size)), size)[:rows]
        label = (random.random(rows) < 0.5).astype(np.int64)
        chance = 1 / (1 + np.exp(-1.6 - 0.8 * level))
        champion = random.random(rows) < chance
        apart = random.random(rows) < 0.25
        challenger = np.where(apart, random.random(rows) < chance - lost, champion)
        return Cells(
            classes=("other", "positive"),
            label=label,
            challenger=np.where(challenger, label, 1 - label),
            champion=np.where(champion, label, 1 - label),
            count=np.ones(rows, dtype=np.int64),
        )

    return draw


def logits(size: int) -> Callable[[Random, int], tuple[Floats, Floats, Floats]]:
    """Labels, and logits of a challenger that is noisier, both shifted by cluster."""

    def draw(random: Random, rows: int) -> tuple[Floats, Floats, Floats]:
        shift = 0.5 * np.repeat(random.normal(size=(2, -(-rows // size))), size, axis=1)[:, :rows]
        positive = (np.arange(rows) * 7919) % 10 < 4
        champion = np.where(positive, 0.6, -0.8) + random.normal(size=rows) + shift[0]
        challenger = champion + 0.6 * random.normal(size=rows) + 0.5 * shift[1]
        return positive, challenger, champion

    return draw


def of_losses(size: int) -> Callable[[Random, int], RowFigures]:
    """Log-losses of `logits`."""

    def draw(random: Random, rows: int) -> RowFigures:
        positive, challenger, champion = logits(size)(random, rows)
        sign = np.where(positive, -1.0, 1.0)
        return RowFigures(values=np.logaddexp(0, np.stack((sign * challenger, sign * champion), 1)))

    return draw


def of_scores(size: int) -> Callable[[Random, int], Ranked]:
    """The logits as scores."""

    def draw(random: Random, rows: int) -> Ranked:
        positive, challenger, champion = logits(size)(random, rows)
        return Ranked(positive=positive, challenger=challenger, champion=champion)

    return draw


def laden() -> Iterator[Scenario]:
    """Every engine's figures with clusters of five, and with weights."""
    for size, spread, name in ((5, 0.0, "clusters of 5"), (1, 1.0, "log-normal weights")):
        confusion = weighted(answers(size, 0.3), size, spread)
        yield Scenario(metrics=("accuracy", "f1"), name=name, draw=confusion)
        yield Scenario(
            metrics=("log_loss",), name=name, draw=weighted(of_losses(size), size, spread)
        )
        yield Scenario(
            metrics=("roc_auc",), name=name, draw=weighted(of_scores(size), size, spread)
        )


CONFUSION = ("precision", "f1", "balanced_accuracy", "matthews_corrcoef")
RANKS = ("roc_auc", "average_precision")
FAIR = ("demographic_parity_difference", "equalized_odds_difference")
SQUARES = ("root_mean_squared_error", "r2")
SCENARIOS = (
    Scenario(
        metrics=CONFUSION,
        name="30 % positives, the challenger only loses",
        draw=binary(0.3, (0.9, 0.8), (0.03, 0.0, 0.1, 0.0)),
    ),
    Scenario(
        metrics=CONFUSION,
        name="50 % positives, loses and gains",
        draw=binary(0.5, (0.85, 0.85), (0.1, 0.2, 0.1, 0.2)),
    ),
    Scenario(
        metrics=CONFUSION,
        name="20 % positives, hardly differs",
        draw=binary(0.2, (0.95, 0.7), (0.01, 0.05, 0.05, 0.02)),
    ),
    Scenario(
        metrics=("f1_macro", "recall_macro"),
        name="4 classes, 53 to 7 %",
        draw=multiclass(4, 0.8, 0.1, 0.2),
    ),
    Scenario(
        metrics=FAIR,
        name="2 groups, gap 0.1 to 0.2",
        draw=grouped((0.6, 0.4), ((0.4, 0.45), (0.3, 0.25)), 0.2),
    ),
    Scenario(
        metrics=FAIR,
        name="2 groups, no gap to 0.1",
        draw=grouped((0.7, 0.3), ((0.3, 0.35), (0.3, 0.25)), 0.1),
    ),
    Scenario(
        metrics=FAIR,
        name="3 groups, gap 0.2 to 0.3",
        draw=grouped((0.5, 0.3, 0.2), ((0.5, 0.5), (0.4, 0.4), (0.3, 0.2)), 0.2),
    ),
    Scenario(metrics=RANKS, name="50 % positives, AUC 0.76", draw=ranked(0.5, 1.0, 0.5)),
    Scenario(metrics=RANKS, name="50 % positives, AUC 0.98", draw=ranked(0.5, 3.0, 0.5)),
    Scenario(metrics=RANKS, name="20 % positives, AUC 0.92", draw=ranked(0.2, 2.0, 0.5)),
    Scenario(metrics=("log_loss",), name="noisy", draw=losses("log_loss", 1.0, 0.7)),
    Scenario(metrics=("log_loss",), name="over-confident", draw=losses("log_loss", 1.6, 0.0)),
    Scenario(metrics=("brier_score_loss",), name="noisy", draw=losses("brier", 1.0, 0.7)),
    Scenario(metrics=("brier_score_loss",), name="over-confident", draw=losses("brier", 1.6, 0.0)),
    *(
        Scenario(metrics=(metric,), name=name, draw=errors(metric, tails, 1.1))
        for metric in ("mean_absolute_error", "mean_squared_error")
        for name, tails in (("normal errors", math.inf), ("t errors, df 5", 5.0))
    ),
    *(
        Scenario(metrics=SQUARES, name=name, draw=errors("r2", tails, 1.1))
        for name, tails in (("normal errors", math.inf), ("t errors, df 5", 5.0))
    ),
    *laden(),
)

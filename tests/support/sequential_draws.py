"""Rows drawn at random, and the statistics of given rows, for the tests of inference."""

from dataclasses import dataclass, replace

import numpy as np

from cdml.statistics.metrics import Family, find_metric
from cdml.statistics.samples import Cells, Moments, Ranked, Sample

LOSSES = {
    "mean_absolute_error": lambda y, p: np.abs(y - p),
    "mean_squared_error": lambda y, p: (y - p) ** 2,
    "mean_absolute_percentage_error": lambda y, p: np.abs(y - p) / np.maximum(np.abs(y), 2**-52),
    "log_loss": lambda y, p: -np.log(np.where(y == 1, p, 1 - p)),
    "brier_score_loss": lambda y, p: (p - y) ** 2,
}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Labels, what the challenger and the champion say of them, and groups of rows."""

    label: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray
    group: np.ndarray | None = None

    def groups(self) -> np.ndarray:
        return np.arange(len(self.label)) % 5 // 3 if self.group is None else self.group

    def swapped(self) -> "Rows":
        return replace(self, challenger=self.champion, champion=self.challenger)

    def at(self, index) -> "Rows":
        return Rows(
            label=self.label[index],
            challenger=self.challenger[index],
            champion=self.champion[index],
            group=self.groups()[index],
        )


def cells(rows: Rows, classes: int = 2, *, alone: bool = False) -> Cells:
    codes = np.stack((rows.label, rows.challenger, rows.champion)).astype(np.int64)
    found, count = np.unique(codes[:2] if alone else codes, axis=1, return_counts=True)
    return Cells(
        classes=tuple(map(str, range(classes))),
        label=found[0],
        challenger=found[1],
        champion=None if alone else found[2],
        count=count,
    )


def grouped(rows: Rows) -> Cells:
    codes = np.stack((rows.groups(), rows.label, rows.challenger, rows.champion)).astype(np.int64)
    found, count = np.unique(codes, axis=1, return_counts=True)
    return Cells(
        classes=("other", "positive"),
        label=found[1],
        challenger=found[2],
        champion=found[3],
        count=count,
        groups=tuple(f"group {code}" for code in range(int(found[0].max()) + 1)),
        group=found[0],
    )


def ranked(rows: Rows) -> Ranked:
    return Ranked(positive=rows.label == 1, challenger=rows.challenger, champion=rows.champion)


def moments(metric: str, rows: Rows) -> Moments:
    loss = LOSSES.get(metric, LOSSES["mean_squared_error"])
    figures = [loss(rows.label, rows.challenger), loss(rows.label, rows.champion)]
    if find_metric(metric).family is Family.MOMENTS:
        centred = rows.label - rows.label.mean()
        figures += [centred, centred**2]
    return Moments.of_rows(np.column_stack(figures))


def sample(metric: str, rows: Rows) -> Sample:
    match find_metric(metric).family:
        case Family.RANKS | Family.CALIBRATION:
            return ranked(rows)
        case Family.FAIRNESS:
            return grouped(rows)
        case Family.MEAN | Family.MOMENTS:
            return moments(metric, rows)
        case _:
            return cells(rows, 1 + int(max(map(np.max, (rows.label, rows.challenger)))))


def probabilities(size: int, seed: int = 0, noise: float = 0.5) -> Rows:
    """A binary label and two models' probabilities, on a grid so that there are ties."""
    random = np.random.default_rng(seed)
    label = (np.arange(size) % 3 == 0).astype(int)
    score = 1.5 * label - 0.7 + random.normal(size=size)
    other = score + noise * random.normal(size=size)
    grid = [np.round(0.98 / (1 + np.exp(-s)) + 0.01, 2) for s in (score, other)]
    return Rows(label=label, challenger=grid[0], champion=grid[1])


def classes(size: int, kinds: int = 2, seed: int = 0, agree: float = 0.8) -> Rows:
    """A label of several classes and two models' predictions."""
    random = np.random.default_rng(seed)
    label = np.arange(size) % kinds
    guess = random.integers(0, kinds, (2, size))
    challenger = np.where(random.random(size) < 0.7, label, guess[0])
    champion = np.where(random.random(size) < agree, challenger, guess[1])
    return Rows(label=label, challenger=challenger, champion=champion)


def numbers(size: int, seed: int = 0) -> Rows:
    """A number and two models' predictions of it."""
    random = np.random.default_rng(seed)
    label = 10 + 3 * random.normal(size=size)
    error = random.normal(size=size)
    return Rows(
        label=label,
        challenger=label + error,
        champion=label + 1.1 * error + 0.4 * random.normal(size=size),
    )


def rows_for(metric: str, size: int, seed: int = 0) -> Rows:
    """Rows that the metric can be read of."""
    known = find_metric(metric)
    if "regression" in known.tasks:
        return numbers(size, seed)
    if known.needs_score:
        return probabilities(size, seed)
    return classes(size, 2 if "binary" in known.tasks else 4, seed)

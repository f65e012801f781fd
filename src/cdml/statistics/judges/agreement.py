"""How well raters agree beyond chance: Cohen's kappa and Krippendorff's alpha, with intervals.

Kappa compares two raters' codes (Cohen 1960; weighted by squared distance, Cohen 1968). Alpha takes
any number of raters and missing scores (Krippendorff 2011, *Computing Krippendorff's
Alpha-Reliability*). The interval is BCa (Efron 1987) over cases drawn again. Raters who hardly
disagree on few cases may still disagree on others, so two cases are added on which they differ as
badly as they can, as for confusion metrics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np

from cdml.statistics.bca import Bca, acceleration, batches, defined, generator
from cdml.statistics.difference import Level
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.multinomial_bootstrap import ENOUGH_DISCORDANT, PSEUDO_ROWS
from cdml.statistics.samples import Codes, Flags, Floats

RESAMPLES = 4_000
FEWEST = 10
"""Cases below which agreement has no interval."""
MOST_VALUES = 50
"""Different values of a nominal or ordinal score."""

Statistic = Callable[[Floats], Floats]
"""From sums of the cases' features, shape (..., features), to the coefficient, shape (...)."""


class Scale(StrEnum):
    """What the difference of two scores means."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Measure(StrEnum):
    """How agreement is measured."""

    KAPPA = "kappa"
    QUADRATIC = "quadratic kappa"
    ALPHA = "alpha"


def measure_agreement(
    people: Floats, judge: Floats, measure: Measure | None, confidence: float
) -> tuple[Measure, Level | Unmeasured]:
    """Of two raters' finite scores of the same cases, shape (cases,).

    By default kappa for two values, quadratic kappa for a few whole grades, else alpha of the
    interval scale. Alpha of few values is that of the ordinal scale.
    """
    values = np.unique(np.concatenate((people, judge)))
    if not len(values):
        return measure or Measure.KAPPA, Unmeasured(reason="there are no scores")
    few = len(values) <= MOST_VALUES
    whole = bool(few and (values == np.rint(values)).all() and np.ptp(values) < MOST_VALUES)
    if measure is None and len(values) <= 2:  # noqa: PLR2004 - pass or fail
        measure = Measure.KAPPA
    measure = measure or (Measure.QUADRATIC if whole else Measure.ALPHA)
    if measure is Measure.ALPHA:
        scale = Scale.ORDINAL if few else Scale.INTERVAL
        scores = np.column_stack((people, judge))
        return measure, krippendorff_alpha(scores, scale, confidence)
    if not few:
        reason = f"{measure} of {len(values):,} different scores has no meaning; use alpha"
        return measure, Unmeasured(reason=reason)
    grades = np.arange(values[0], values[-1] + 1) if whole else values
    first, second = (np.searchsorted(grades, scores) for scores in (people, judge))
    quadratic = measure is Measure.QUADRATIC
    return measure, cohen_kappa(first, second, len(grades), confidence, quadratic=quadratic)


def cohen_kappa(
    first: Codes, second: Codes, classes: int, confidence: float, *, quadratic: bool = False
) -> Level | Unmeasured:
    """Of two raters' codes below `classes`, shape (cases,); quadratic weights suit ratings.

    The lower end of the interval at confidence 2c - 1 is the one-sided bound at c.
    """
    cell = first * classes + second
    cells = np.eye(classes * classes)
    kinds, count = np.unique(cell, return_counts=True)
    codes = np.arange(classes)
    apart = (codes[:, None] - codes) ** 2 if quadratic else (codes[:, None] != codes)
    return _measured(
        _Ratings(
            name="quadratic kappa" if quadratic else "kappa",
            features=cells[kinds],
            count=count.astype(float),
            candidates=cells[apart.ravel() > 0],
            disagrees=apart.ravel()[kinds] > 0,
        ),
        lambda total: _kappa(total, apart.astype(float)),
        confidence,
    )


def krippendorff_alpha(scores: Floats, scale: Scale, confidence: float) -> Level | Unmeasured:
    """Of scores of the shape (cases, raters), NaN where a rater gave none.

    Cases with fewer than two scores tell nothing. `confidence` as for kappa.
    """
    pairable = scores[np.isfinite(scores).sum(axis=1) > 1]
    values = np.unique(pairable[np.isfinite(pairable)])
    if len(values) > MOST_VALUES and scale is not Scale.INTERVAL:
        return Unmeasured(
            reason=f"alpha of {len(values):,} different values needs an interval scale"
        )
    kinds, count = np.unique(np.sort(pairable, axis=1), axis=0, return_counts=True)
    worst = values[[0, -1]][None, :] if len(values) else np.empty((0, 2))
    features: Callable[[Floats], Floats] = partial(_coincidences, values=values)
    statistic: Statistic = partial(_coincidence_alpha, values=len(values), scale=scale)
    if scale is Scale.INTERVAL:
        features, statistic = _interval_features, _interval_alpha
    if scale is Scale.NOMINAL:
        worst = np.array([(a, b) for k, a in enumerate(values) for b in values[k + 1 :]])
    return _measured(
        _Ratings(
            name="alpha",
            features=features(kinds),
            count=count.astype(float),
            candidates=features(worst) if len(worst) else np.empty((0, 1)),
            disagrees=np.nanmax(kinds, axis=1) > np.nanmin(kinds, axis=1),
        ),
        statistic,
        confidence,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ratings:
    """Kinds of cases: their features, shape (kinds, features), and how often each occurs.

    `candidates` are the features of cases on which raters disagree, seen or not.
    """

    name: str
    features: Floats
    count: Floats
    candidates: Floats
    disagrees: Flags


def _measured(ratings: _Ratings, statistic: Statistic, confidence: float) -> Level | Unmeasured:
    features, count = ratings.features, ratings.count
    estimate = float(statistic(count @ features)) if len(count) else np.nan
    if not np.isfinite(estimate):
        return Unmeasured(reason=f"{ratings.name} has no value: all scores are the same")
    if count.sum() < FEWEST:
        reason = f"{int(count.sum()):,} cases are too few to tell how well raters agree"
        return Level(value=estimate, interval=Unmeasured(reason=reason))
    features, count = _with_unseen_disagreement(ratings, statistic)
    centre = float(statistic(count @ features))
    random = generator(ratings.name.encode(), features.tobytes(), count.tobytes())
    rows = int(count.sum())
    draws = defined(
        np.concatenate(
            [
                statistic(random.multinomial(rows, count / rows, size) @ features)
                for size in batches(len(count), RESAMPLES)
            ]
        )[:, None]
    )
    if draws is None:
        return Unmeasured(reason=f"{ratings.name} has no value on many resamples of these cases")
    occupied = np.flatnonzero(count)
    left_out = (count - np.eye(len(count))[occupied]) @ features
    influence = np.nan_to_num(centre - statistic(left_out))
    bca = Bca(
        estimate=estimate,
        draws=np.sort(draws[:, 0] + (estimate - centre)),
        acceleration=acceleration(influence, count[occupied]),
    )
    low, high = (min(1.0, bca.quantile(p)) for p in ((1 - confidence) / 2, (1 + confidence) / 2))
    interval = ConfidenceInterval(
        low=min(low, estimate), high=max(high, estimate), confidence=confidence, method="bca"
    )
    return Level(value=estimate, interval=interval)


def _with_unseen_disagreement(ratings: _Ratings, statistic: Statistic) -> tuple[Floats, Floats]:
    """With two cases of the disagreement that costs most, where there are few others."""
    features, count = ratings.features, ratings.count
    disagreeing = float(count[ratings.disagrees].sum())
    if disagreeing >= min(ENOUGH_DISCORDANT, count.sum() / 2):
        return features, count
    with_one = statistic(count @ features + ratings.candidates)
    worst = ratings.candidates[int(np.nanargmin(with_one))]
    return np.vstack((features, worst)), np.append(count, PSEUDO_ROWS)


def _kappa(total: Floats, apart: Floats) -> Floats:
    """1 less the observed disagreement over that of raters with these margins by chance."""
    classes = len(apart)
    table = total.reshape(*total.shape[:-1], classes, classes)
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    observed = (table * apart).sum(axis=(-2, -1)) * rows.sum(axis=-1)
    expected = np.einsum("...i,ij,...j->...", rows, apart, columns)
    return 1 - _ratio(observed, expected)


def _interval_features(kinds: Floats) -> Floats:
    """Of each case: scores, sum, sum of squares, and squared distances of its pairs."""
    number = np.isfinite(kinds).sum(axis=1)
    total, squares = np.nansum(kinds, axis=1), np.nansum(kinds**2, axis=1)
    pairs = 2 * (number * squares - total**2) / (number - 1)
    return np.column_stack((number, total, squares, np.maximum(0.0, pairs)))


def _interval_alpha(total: Floats) -> Floats:
    number, scores, squares, pairs = np.moveaxis(total, -1, 0)
    everywhere = 2 * (number * squares - scores**2)
    tiny = 1e-12 * number * squares
    return 1 - _ratio((number - 1) * pairs, np.where(everywhere > tiny, everywhere, 0.0))


def _coincidences(kinds: Floats, values: Floats) -> Floats:
    """Pairs of values that raters gave to one case, each case counting as its scores."""
    given = (kinds[:, :, None] == values).sum(axis=1).astype(float)
    pairs = given[:, :, None] * given[:, None, :] - given[:, :, None] * np.eye(len(values))
    pairs /= (given.sum(axis=1) - 1)[:, None, None]
    flat: Floats = pairs.reshape(len(kinds), len(values) ** 2)
    return flat


def _coincidence_alpha(total: Floats, values: int, scale: Scale) -> Floats:
    pairs = total.reshape(*total.shape[:-1], values, values)
    margin = pairs.sum(axis=-1)
    number = margin.sum(axis=-1)
    if scale is Scale.NOMINAL:
        apart = np.broadcast_to(1 - np.eye(margin.shape[-1]), pairs.shape)
    else:
        rank = np.cumsum(margin, axis=-1) - margin / 2
        apart = (rank[..., :, None] - rank[..., None, :]) ** 2
    expected = np.einsum("...i,...ij,...j->...", margin, apart, margin)
    observed: Floats = (pairs * apart).sum(axis=(-2, -1))
    return 1 - _ratio((number - 1) * observed, expected)


def _ratio(observed: Floats, expected: Floats) -> Floats:
    """NaN where no disagreement is expected by chance."""
    ratio: Floats = np.divide(
        observed, expected, out=np.full(np.shape(expected), np.nan), where=expected > 0
    )
    return ratio

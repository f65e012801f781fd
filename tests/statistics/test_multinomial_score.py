"""The score of a mean of few values: the likeliest chances with that mean, however found."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cdml.statistics.multinomial_bootstrap import score

pytestmark = pytest.mark.unit
COUNTS = st.lists(st.sampled_from([0, 1, 7, 900, 2_000_000]), min_size=4, max_size=4)


def _by_halves(counts, values, against):
    """Owen's λ between its limits, by halving them until they are neighbours."""
    gaps = [v - against for v in values]
    seen = [(n / sum(counts), gap) for n, gap in zip(counts, gaps, strict=True) if n]
    low, high = -1 / max(gaps), -1 / min(gaps)
    while (middle := (low + high) / 2) not in {low, high}:
        mean = sum(n * gap / (1 + middle * gap) for n, gap in seen)
        low, high = (middle, high) if mean > 0 else (low, middle)
    chances = [(n / (1 + low * gap), gap) for n, gap in seen if 1 + low * gap > 0]
    distance = sum(n * gap for n, gap in seen)
    left = max(0.0, 1 - sum(chance for chance, _ in chances))
    extreme = min(gaps) if distance > 0 else max(gaps)
    variance = sum(chance * gap**2 for chance, gap in chances) + left * extreme**2
    return distance / math.sqrt(variance / sum(counts)) if variance > 0 else math.inf


@given(counts=COUNTS, share=st.sampled_from([0.01, -0.05, 0.3]), errors=st.floats(-8, 8))
def test_the_score_is_that_of_the_likeliest_chances(counts, share, errors):
    values, rows = (share, 1.0, share - 1.0, 0.0), max(1, sum(counts))
    mean = sum(n * v for n, v in zip(counts, values, strict=True)) / rows
    against = mean + errors / math.sqrt(rows)
    assume(errors and sum(counts) and min(values) < against < max(values))
    expected = _by_halves(counts, values, against)
    assume(abs(expected) < 40)  # beyond, no chance differs from 0 or 1
    assert score(counts, values, against) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("counts", [(5, 0, 0, 0), (0, 5, 0, 5), (3, 4, 2, 1)])
def test_the_score_falls_as_the_mean_in_question_rises(counts):
    values = (0.01, 1.0, -0.99, 0.0)
    scores = [score(counts, values, at / 100) for at in range(-98, 100)]
    assert scores == sorted(scores, reverse=True)

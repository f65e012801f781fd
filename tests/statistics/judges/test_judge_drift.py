"""A judge on fixed anchors, now and before."""

import numpy as np
import pytest

from cdml.statistics.cases.case_means import UNIT, CaseMeans
from cdml.statistics.interval import Unmeasured
from cdml.statistics.judges.judge_drift import judge_drift


def anchors(seed, shift=0.0, number=200, noise=0.05):
    random = np.random.default_rng(seed)
    before = random.uniform(0.2, 0.8, number)
    now = np.clip(before + shift + noise * random.normal(size=number), 0, 1)
    return CaseMeans.of_cases(before), CaseMeans.of_cases(now)


@pytest.mark.parametrize(("shift", "expected"), [(0.0, (True, False)), (0.1, (False, True))])
def test_a_judge_is_stable_or_has_drifted(shift, expected):
    drift = judge_drift(*anchors(1, shift), 0.03, 0.95, UNIT)

    assert (drift.stable, drift.drifted) == expected
    assert drift.paired.difference.estimate == pytest.approx(shift, abs=0.01)


def test_a_stricter_judge_has_drifted_too():
    assert judge_drift(*anchors(2, -0.1), 0.03, 0.95, UNIT).drifted


def test_few_anchors_leave_it_open():
    drift = judge_drift(*anchors(3, 0.02, number=10, noise=0.2), 0.03, 0.95, UNIT)

    assert (drift.stable, drift.drifted) == (False, False)


def test_the_share_of_changed_anchors_is_counted():
    before = CaseMeans.of_cases(np.array([0.0, 1, 1, 0]))
    now = CaseMeans.of_cases(np.array([0.0, 1, 0, 0]))

    assert judge_drift(before, now, 0.1, 0.95, UNIT).changed == 0.25


def test_a_missing_score_has_a_reason():
    scores = CaseMeans.of_cases(np.array([0.5, np.nan]))

    assert isinstance(judge_drift(scores, scores, 0.1, 0.95), Unmeasured)

"""Verdicts on suites of 60 and 400 cases with three trials, with ties and heavy ties."""

import runpy
from pathlib import Path

import pytest

TRIALS = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks/trials.py"))
SUITES = {suite.name: suite for suite in TRIALS["SUITES_OF_CASES"]}
REPLICATES = 400

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.parametrize("name", SUITES),
    pytest.mark.parametrize("cases", [60, 400]),
]


def verdicts(name, cases, losses):
    return TRIALS["verdicts"](SUITES[name], cases, 3, losses, REPLICATES)


def test_an_equal_model_does_not_fail(name, cases):
    assert verdicts(name, cases, 0.0).failed <= 0.01


def test_a_model_that_is_worse_by_the_margin_seldom_passes(name, cases):
    assert verdicts(name, cases, 1.0).passed <= 0.065


def test_a_model_that_is_worse_by_twice_the_margin_is_found(name, cases):
    failed = verdicts(name, cases, 2.0).failed

    assert failed >= (0.08 if cases == 60 else 0.8)

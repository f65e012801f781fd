"""Metrics of ranks of more rows than are read into memory: the figures of those that are."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from cdml.adapters.predictions import pairing, spilled_scores, statistics_query
from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.evaluation.measure import describe_memory
from cdml.evaluation.scored_model import ScoredModel
from cdml.statistics import engine
from cdml.statistics.difference import Side
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS
from fakes.predictions import BINARY, binary, rival

RANKED = tuple(METRICS[name] for name in ("roc_auc", "average_precision"))
ALL = (*RANKED, METRICS["expected_calibration_error"])


@pytest.fixture
def spilled(monkeypatch):
    """Makes a hundred rows too many for the memory."""

    def spill():
        for module in (statistics_query, spilled_scores):
            monkeypatch.setattr(module, "MOST_SCORES", 100)
        monkeypatch.setattr(spilled_scores, "_BLOCK", 40)

    return spill


def changed(rows, score):
    return [{**row, "score": float(score(row))} for row in rows]


def fine(seed):
    """Scores that differ in nearly all rows, many of them close to 0 and to 1."""
    draw = Random(seed)
    return lambda row: draw.betavariate(0.2, 0.1 if row["late"] else 0.4)


ROWS = binary(400)
CASES = {
    "two decimals": (ROWS, rival(ROWS)),
    "close to 0 and 1": (changed(ROWS, fine(1)), changed(ROWS, fine(2))),
    "two scores": (changed(ROWS, lambda row: row["score"] > 0.5), rival(ROWS)),
    "one score": (ROWS, changed(ROWS, lambda _: 0.25)),
    "one score each": (changed(ROWS, lambda _: 0), changed(ROWS, lambda _: 1)),
    "the same order": (ROWS, changed(ROWS, lambda row: row["score"] ** 2)),
    "all right": (changed(ROWS, lambda row: row["late"]), ROWS),
    "few positives": ([{**row, "late": row["id"] < 2} for row in ROWS],) * 2,
    "one positive": ([{**row, "late": row["id"] < 1} for row in ROWS],) * 2,
    "one model": (ROWS, None),
}


def figures(parts, metrics):
    """What a gate can be told of each part."""
    return {
        (str(part.slice), metric.name): (part.rows, *told(metric, part.sample(metric)))
        for part in parts
        for metric in metrics
    }


def told(metric, sample):
    pair, level = engine.compare(metric, sample), engine.measure(metric, sample, 0.95)
    if isinstance(pair, Unmeasured):
        yield pair.reason
    else:
        difference = pair.difference
        yield pair.challenger
        yield pair.champion
        yield difference.method
        yield difference.standard_error
        interval = difference.interval(0.95)
        yield interval.low
        yield interval.high
        for side in Side:
            yield difference.bound(side, 0.9, 0.01)
            yield difference.p_value(side, -0.1)
    if isinstance(level, Unmeasured):
        yield level.reason
        return
    yield level.value
    yield getattr(level.interval, "low", None)


def coarse(score):
    """Keys that many different scores share."""
    return (score * 8).astype(np.int64)


@pytest.mark.parametrize("keys", [coarse, spilled_scores._keys])
@pytest.mark.parametrize("case", CASES)
def test_many_rows_have_the_figures_of_few(write, spilled, monkeypatch, case, keys):
    mine, theirs = CASES[case]
    files = write("mine", mine), theirs and write("theirs", Random(3).sample(theirs, len(theirs)))
    expected = figures(DuckSamples().reduce(*files, BINARY, ALL), RANKED)

    spilled()
    monkeypatch.setattr(spilled_scores, "_keys", keys)
    actual = figures(DuckSamples().reduce(*files, BINARY, ALL), RANKED)

    assert expected.keys() == actual.keys()
    for key, value in expected.items():
        assert value == pytest.approx(actual[key], rel=1e-12, abs=1e-15), key


def test_calibration_of_many_rows_is_that_of_few(write, spilled):
    files = write("mine", ROWS), write("theirs", rival(ROWS))
    calibration = (METRICS["expected_calibration_error"],)
    expected = figures(DuckSamples().reduce(*files, BINARY, calibration), calibration)

    spilled()
    actual = figures(DuckSamples().reduce(*files, BINARY, calibration), calibration)

    for key, value in expected.items():
        assert value == pytest.approx(actual[key], rel=1e-9), key


def test_no_query_hands_over_the_rows(write, spilled, monkeypatch):
    handed, arrays, fetch = [0], Engine.arrays, Engine.fetch

    def count_arrays(self, sql, about):
        answer = arrays(self, sql, about)
        handed.append(max(map(len, answer.values())))
        return answer

    def count_rows(self, sql, about):
        answer = fetch(self, sql, about)
        handed.append(len(answer))
        return answer

    monkeypatch.setattr(Engine, "arrays", count_arrays)
    monkeypatch.setattr(Engine, "fetch", count_rows)
    monkeypatch.setattr(pairing, "HEAD", 40)
    spilled()
    layout = replace(BINARY, slices=("month",))
    theirs = Random(3).sample(rival(ROWS), len(ROWS))

    figures(DuckSamples().reduce(write("mine", ROWS), write("theirs", theirs), layout, ALL), ALL)

    assert max(handed) == 40


def test_scratch_files_are_gone_when_the_figures_are_there(write, spilled, monkeypatch, tmp_path):
    spilled()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    parts = DuckSamples().reduce(write("mine", ROWS), write("theirs", rival(ROWS)), BINARY, ALL)
    figures(parts, RANKED)
    assert list(scratch.glob("cdml-scores*"))
    del parts

    assert not list(scratch.iterdir())


def test_a_larger_score_never_has_a_lower_key():
    near = [0.5 ** np.arange(1, 1075, 7.0), np.random.default_rng(1).random(10_000)]
    edges = [0.0, np.nextafter(0.5, 0), 0.5, np.nextafter(0.5, 1), 1.0]
    low = np.concatenate([*near, edges])
    scores = np.unique(np.concatenate([low, 1 - low]))

    keys = spilled_scores._keys(scores)

    assert (np.diff(keys) >= 0).all()
    assert keys[0] == 0
    assert keys[-1] < spilled_scores._KEYS


@pytest.mark.parametrize(
    ("names", "rows", "said"),
    [
        (["roc_auc"], 5_000_000, "roc_auc holds the scores of 5,000,000 rows in memory"),
        (["roc_auc"], 5_000_001, "the scores of 5,000,001 rows are sorted on the disk"),
        (["roc_auc_ovr"], 5_000_001, "roc_auc_ovr holds the scores of 5,000,001 rows in memory"),
        (["accuracy"], 5_000_001, ""),
    ],
)
def test_who_waits_is_told_where_the_scores_are(names, rows, said):
    contender = ScoredModel(model=None, predictions=None)
    metrics = [METRICS[name] for name in names]

    assert describe_memory(contender, metrics, rows, weighted=False).removeprefix("; ") == said

"""What every reducer of predictions does, and that the engine finds what plain Python finds."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest

from cdml.adapters.predictions import pairing
from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.evaluation.prediction_store import Layout
from cdml.statistics import engine
from cdml.statistics import sample_size as inference_counts
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Task
from fakes.predictions import (
    BINARY,
    GENERATION,
    MULTICLASS,
    REGRESSION,
    binary,
    generation,
    multiclass,
    of,
    regression,
    rival,
)
from fakes.samples import FakeSamples

NUMBERS = ("delay", "prediction")


@pytest.fixture(params=[DuckSamples, FakeSamples], ids=["duckdb", "fake"])
def samples(request):
    return request.param()


def figures(parts, metrics):
    """Everything a gate can read, for every part."""
    found = {}
    for part in parts:
        for metric in metrics:
            sample = part.sample(metric)
            pair = engine.compare(metric, sample)
            key = (str(part.slice), metric.name)
            if isinstance(pair, Unmeasured):
                found[key] = (part.rows, inference_counts.counted(metric, sample))
            else:
                interval = pair.difference.interval(0.95)
                found[key] = (
                    part.rows,
                    inference_counts.counted(metric, sample),
                    pair.challenger,
                    pair.champion,
                    interval.low,
                    interval.high,
                )
    return found


@pytest.mark.parametrize(
    ("layout", "mine", "theirs"),
    [
        (BINARY, binary(), rival(binary())),
        (MULTICLASS, multiclass(), multiclass(seed=2)),
        (REGRESSION, regression(), regression(seed=2)),
        (GENERATION, generation(), generation(seed=2)),
    ],
    ids=["binary", "multiclass", "regression", "generation"],
)
@pytest.mark.parametrize("shuffled", [False, True], ids=["in-order", "shuffled"])
def test_the_engine_finds_what_plain_python_finds(write, layout, mine, theirs, shuffled):
    if shuffled:
        theirs = Random(3).sample(theirs, len(theirs))
    paths = write("challenger", mine), write("champion", theirs)
    metrics = of(layout.task)
    expected = figures(FakeSamples().reduce(*paths, layout, metrics), metrics)
    actual = figures(DuckSamples().reduce(*paths, layout, metrics), metrics)
    assert expected.keys() == actual.keys()
    for key, value in expected.items():
        assert value == pytest.approx(actual[key], rel=1e-6, abs=1e-9), key


def test_the_order_of_rows_never_changes_a_digit(write):
    mine = binary()
    metrics = of(Task.BINARY)
    found = []
    for seed in (1, 2):
        rows = Random(seed).sample(mine, len(mine))
        paths = write(f"a{seed}", rows), write(f"b{seed}", rival(mine))
        found.append(figures(DuckSamples().reduce(*paths, BINARY, metrics), metrics))
    assert found[0] == found[1]


@pytest.mark.parametrize("processors", [2, 3, 7])
def test_reading_in_spans_never_changes_a_digit(write, monkeypatch, processors):
    paths = write("a", binary()), write("b", rival(binary()))
    metrics = of(Task.BINARY)
    whole = figures(DuckSamples().reduce(*paths, BINARY, metrics), metrics)
    monkeypatch.setattr(pairing, "SPAN", 50)
    monkeypatch.setattr(pairing.os, "cpu_count", lambda: processors)

    assert whole == figures(DuckSamples().reduce(*paths, BINARY, metrics), metrics)


def test_all_rows_come_first_and_then_the_slices_largest_first(samples, write):
    rows = binary()
    parts = samples.reduce(write("a", rows), None, BINARY, of(Task.BINARY))
    assert (None, 400) == (parts[0].slice, parts[0].rows)
    assert ["carrier"] * 4 + ["month"] * 3 == [next(iter(p.slice)) for p in parts[1:]]
    sizes = [part.rows for part in parts[1:5]]
    assert sorted(sizes, reverse=True) == sizes
    assert sum(sizes) == 400
    assert {"AA", "UA", "HA", None} == {part.slice["carrier"] for part in parts[1:5]}


def test_values_beyond_the_largest_are_taken_together(samples, write):
    rows = [{**row, "carrier": f"C{row['id'] % 50 if row['id'] % 2 else 0:03}"} for row in binary()]
    layout = replace(BINARY, slices=("carrier",), max_slices=3)
    parts = samples.reduce(write("a", rows), None, layout, ())
    assert ["C000", "other"] == [part.slice["carrier"] for part in parts[1:3]]
    assert 400 == sum(part.rows for part in parts[1:])
    assert 5 == len(parts)


def test_one_model_alone_is_measured(samples, write):
    [whole, *_] = samples.reduce(write("a", binary()), None, BINARY, of(Task.BINARY))
    level = engine.measure(METRICS["accuracy"], whole.sample(METRICS["accuracy"]), 0.95)
    right = sum(row["late"] == row["prediction"] for row in binary())
    assert right / 400 == pytest.approx(level.value)


@pytest.mark.parametrize(
    ("positive", "label", "prediction"),
    [(True, True, True), (True, 1, True), (1, True, 1.0), ("yes", "yes", "yes"), (0, False, 0)],
)
def test_the_positive_class_is_found_in_whatever_type_it_is_stored(
    write, positive, label, prediction
):
    def other(value):
        return "no" if isinstance(value, str) else type(value)(not value)

    rows = [
        {
            "id": i,
            "late": label if i % 2 else other(label),
            "prediction": prediction if i % 3 == 0 else other(prediction),
        }
        for i in range(60)
    ]
    layout = Layout(
        key=("id",), label="late", slices=(), task=Task.BINARY, positive=positive, max_slices=9
    )
    [whole] = DuckSamples().reduce(write("a", rows), None, layout, (METRICS["recall"],))
    cells = whole.sample(METRICS["recall"])
    counts = dict(
        zip(
            zip(cells.label.tolist(), cells.challenger.tolist(), strict=True),
            cells.count.tolist(),
            strict=True,
        )
    )
    assert {(0, 0): 20, (0, 1): 10, (1, 0): 20, (1, 1): 10} == counts


@pytest.mark.parametrize("scale", [1e-12, 1e6])
def test_a_slice_is_measured_alike_whatever_the_others_are_worth(write, scale):
    def rows(seed):
        return [
            {**row, **{n: row[n] * (scale if row["carrier"] == "UA" else 1.0) for n in NUMBERS}}
            for row in regression(seed)
        ]

    def small(make):
        paths = write("challenger", make(1)), write("champion", make(2))
        parts = DuckSamples().reduce(*paths, REGRESSION, of(Task.REGRESSION))
        [part] = [part for part in parts if part.slice == {"carrier": "AA"}]
        return figures([part], of(Task.REGRESSION))

    expected = small(regression)
    for key, found in small(rows).items():
        assert expected[key] == pytest.approx(found, rel=1e-9), key


@pytest.mark.parametrize(
    ("kinds", "names"),
    [((0.0, 1.0, 2.5), ("0.0", "1.0", "2.5")), ((False, True), ("False", "True"))],
)
def test_scores_are_found_by_class_however_it_is_written(write, kinds, names):
    rows = [
        {
            **{k: row[k] for k in ("id", "day")},
            "kind": kinds[index % len(kinds)],
            "prediction": kinds[0],
            **{f"score_{name}": 1 / len(names) for name in names},
        }
        for index, row in enumerate(multiclass())
    ]
    [part] = DuckSamples().reduce(write("a", rows), None, MULTICLASS, of(Task.MULTICLASS))
    found = engine.measure(METRICS["log_loss"], part.sample(METRICS["log_loss"]), 0.95)

    assert math.log(len(kinds)) == pytest.approx(found.value)


def test_rows_are_paired_and_sliced_by_moments_with_a_time_zone(write):
    hour = timedelta(hours=1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {**row, "id": start + row["id"] * hour, "carrier": start + row["month"] * hour}
        for row in binary()
    ]
    layout = replace(BINARY, slices=("carrier",))
    paths = write("a", rows), write("b", Random(3).sample(rival(rows), len(rows)))
    parts = DuckSamples().reduce(*paths, layout, of(Task.BINARY))

    assert [None, str, str, str] == [p.slice and type(p.slice["carrier"]) for p in parts]


@pytest.mark.parametrize("written", [str, lambda v: str(v).lower(), int, float, bool])
@pytest.mark.parametrize("answered", [str, int, float, bool])
def test_true_and_false_are_the_same_however_they_are_written(write, written, answered):
    rows = [
        {**row, "late": written(row["late"]), "prediction": answered(row["prediction"])}
        for row in binary()
    ]
    [expected, found] = (
        DuckSamples().reduce(path, None, replace(BINARY, slices=()), of(Task.BINARY))[0]
        for path in (write("plain", binary()), write("written", rows))
    )
    accuracy = METRICS["accuracy"]

    assert expected.sample(accuracy).count.tolist() == found.sample(accuracy).count.tolist()


def test_residuals_are_told_by_what_was_predicted(write):
    path = write("c", regression(rows=997))

    found, wanted = (one().residuals(path, REGRESSION) for one in (DuckSamples, FakeSamples))

    assert list(wanted) == list(found)
    for name, (x, y) in wanted.items():
        assert pytest.approx(x) == found[name][0]
        assert pytest.approx(y, abs=1e-9) == found[name][1]


@pytest.mark.parametrize(
    ("layout", "rows"), [(BINARY, binary()), (MULTICLASS, multiclass())], ids=["binary", "classes"]
)
def test_bins_hold_every_score_with_its_label(write, layout, rows):
    path = write("rows", rows)
    names = {str(row[name]) for row in rows for name in (layout.label, "prediction")}
    classes = tuple(sorted(names)) if layout is MULTICLASS else ()

    found, wanted = (one().score_bins(path, layout, classes) for one in (DuckSamples, FakeSamples))

    assert np.all(found.high[:-1] < found.low[1:])
    starts = np.searchsorted(wanted.low, found.low)
    assert np.array_equal(wanted.low[starts], found.low)
    for name in ("positive", "other", "total"):
        gathered = np.add.reduceat(getattr(wanted, name), starts)
        assert getattr(found, name) == pytest.approx(gathered, abs=1e-6)
    assert len(rows) * max(len(classes), 1) == np.sum(found.positive + found.other)


def test_bins_of_the_least_and_the_largest_scores_are_apart(write):
    scores = [0.0, 1e-9, 1e-7, 1e-5, 0.5, 1 - 1e-5, 1 - 1e-7, 1.0]
    rows = [
        {"id": at, "late": at % 2 == 0, "prediction": True, "score": score}
        for at, score in enumerate(scores)
    ]

    found = DuckSamples().score_bins(write("rows", rows), replace(BINARY, label="late"), ())

    assert [0.0, 1e-7, 1e-5, 0.5, 1 - 1e-5, 1 - 1e-7] == pytest.approx(
        [low for low in found.low if low not in {1e-9, 1.0}], rel=1e-12
    )

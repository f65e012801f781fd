"""Rows with weights and clusters: the engine finds what plain Python finds, and refuses alike."""

from dataclasses import replace
from random import Random

import pytest

from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.errors import InputError
from cdml.statistics import engine, sample_size
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


@pytest.fixture(params=[DuckSamples, FakeSamples], ids=["duckdb", "fake"])
def samples(request):
    return request.param()


def laden(rows):
    draw = Random(5)
    return [
        {**row, "times": round(draw.lognormvariate(0, 1), 3), "user": f"u{draw.randint(0, 49)}"}
        for row in rows
    ]


def figures(parts, metrics):
    found = {}
    for part in parts:
        for metric in metrics:
            sample = part.sample(metric)
            key = (str(part.slice), metric.name)
            pair = engine.compare(metric, sample)
            found[key] = (part.rows, sample_size.counted(metric, sample))
            if not isinstance(pair, Unmeasured):
                interval = pair.difference.interval(0.95)
                found[key] += (pair.challenger, pair.champion, interval.low, interval.high)
    return found


CASES = [
    (BINARY, binary(), rival(binary())),
    (MULTICLASS, multiclass(), multiclass(seed=2)),
    (REGRESSION, regression(), regression(seed=2)),
    (GENERATION, generation(), generation(seed=2)),
]
IDS = ["binary", "multiclass", "regression", "generation"]


@pytest.mark.parametrize(("layout", "mine", "theirs"), CASES, ids=IDS)
@pytest.mark.parametrize(
    "named",
    [{"weight": "times"}, {"cluster": "user"}, {"weight": "times", "cluster": "user"}],
    ids=["weights", "clusters", "both"],
)
def test_the_engine_finds_what_plain_python_finds(write, layout, mine, theirs, named):
    layout, metrics = replace(layout, **named), of(layout.task)
    shuffled = Random(3).sample(theirs, len(theirs))
    paths = write("challenger", laden(mine)), write("champion", shuffled)

    expected = figures(FakeSamples().reduce(*paths, layout, metrics), metrics)
    found = figures(DuckSamples().reduce(*paths, layout, metrics), metrics)

    assert expected.keys() == found.keys()
    for key, value in expected.items():
        assert value == pytest.approx(found[key], rel=1e-6, abs=1e-9), key


def test_the_order_of_rows_never_changes_a_digit(write):
    layout = replace(BINARY, weight="times", cluster="user")
    mine, metrics = laden(binary()), of(Task.BINARY)
    found = []
    for seed in (1, 2):
        rows = Random(seed).sample(mine, len(mine))
        paths = write(f"a{seed}", rows), write(f"b{seed}", rival(binary()))
        found.append(figures(DuckSamples().reduce(*paths, layout, metrics), metrics))

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"times": -0.5}, "weight"),
        ({"times": None}, "weight"),
        ({"times": float("nan")}, "weight"),
        ({"times": float("inf")}, "weight"),
        ({"user": None}, "cluster"),
    ],
    ids=str,
)
def test_a_weight_below_zero_or_a_row_of_no_cluster_is_refused(samples, write, change, told):
    layout = replace(BINARY, weight="times", cluster="user")
    rows = laden(binary())
    rows[7] |= change

    with pytest.raises(InputError) as error:
        samples.reduce(write("a", rows), None, layout, of(Task.BINARY))

    assert "1 " in error.value.message
    if isinstance(samples, DuckSamples):
        assert f"1 of 400 rows {'have' if told == 'weight' else 'belong'}" in error.value.message
        assert told in error.value.message


@pytest.mark.parametrize("lost", ["times", "user"])
def test_only_the_challengers_file_needs_the_columns(samples, write, lost):
    layout = replace(BINARY, weight="times", cluster="user")
    without = [{k: v for k, v in row.items() if k != lost} for row in laden(binary())]

    samples.reduce(write("a", laden(binary())), write("b", without), layout, of(Task.BINARY))
    with pytest.raises(InputError, match=lost):
        samples.reduce(write("c", without), None, layout, of(Task.BINARY))


def test_a_weight_that_is_no_number_is_refused(write):
    rows = [{**row, "times": "heavy"} for row in laden(binary())]

    with pytest.raises(InputError, match="contains text, not numbers"):
        DuckSamples().reduce(
            write("a", rows), None, replace(BINARY, weight="times"), (METRICS["accuracy"],)
        )

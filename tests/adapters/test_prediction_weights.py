"""Weights of predictions in tables: their sums say what their rows say."""

from dataclasses import replace
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.adapters.predictions.sql_store import SqlSamples
from cdml.errors import InputError
from cdml.statistics import engine, sample_size
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Statistic, Task, find_metric
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
from fakes.sql_places import place_tables

pytestmark = pytest.mark.long

ROWS = {
    Task.BINARY: (BINARY, binary(), rival(binary())),
    Task.MULTICLASS: (MULTICLASS, multiclass(), multiclass(seed=2)),
    Task.REGRESSION: (REGRESSION, regression(), regression(seed=2)),
    Task.GENERATION: (GENERATION, generation(), generation(seed=2)),
}
CLUSTERS = ({}, {"cluster": "user"})
MEAN_ERROR = METRICS["mean_absolute_error"]


def laden(rows, weigh=lambda draw: draw.lognormvariate(0, 1)):
    """Rows in clusters, some of no weight, one of a very small one."""
    draw = Random(5)
    told = [{**row, "times": weigh(draw), "user": f"u{draw.randint(0, 49)}"} for row in rows]
    for at in range(0, len(told), 7):
        told[at]["times"] = 0.0
    told[3]["times"] *= 1e-9
    return told


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
        return tmp_path / f"{name}.parquet"

    return write


def measured(layout):
    metrics = (metric for metric in of(layout.task) if metric.family.reads is not Statistic.CASES)
    return tuple(metric for metric in metrics if SqlSamples().measures(metric, layout))


def figures(parts, metrics):
    """All that a gate may read: values, ends, bounds and p of both models and of one alone."""
    found = {}
    for part in parts:
        for metric in metrics:
            sample = part.sample(metric)
            told = [part.rows, sample_size.counted(metric, sample), sample_size.clusters(sample)]
            pair, alone = engine.compare(metric, sample), engine.measure(metric, sample, 0.95)
            said = [getattr(pair, "reason", "")]
            if not isinstance(pair, Unmeasured):
                difference = pair.difference
                interval = difference.interval(0.95)
                told += [pair.challenger, pair.champion, interval.low, interval.high]
                told += [difference.standard_error, difference.p_value_null()]
                said.append(interval.method)
            if isinstance(alone, Unmeasured):
                said.append(alone.reason)
            else:
                told.append(alone.value)
                interval = alone.interval
                said.append(getattr(interval, "method", None) or getattr(interval, "reason", ""))
                told += [getattr(interval, end, None) for end in ("low", "high")]
            found[str(part.slice), metric.name] = said, told
    return found


def both(files, layout, metrics):
    """Of files, and of tables."""
    tables = place_tables(files)
    given = list(files)
    here = DuckSamples().reduce(*(files[name] for name in given), layout, metrics)
    there = SqlSamples().reduce(*(tables[name] for name in given), layout, metrics)
    return figures(here, metrics), figures(there, metrics)


def require_same(expected, found):
    assert list(expected) == list(found)
    for key, (said, told) in expected.items():
        assert said == found[key][0], key
        assert told == pytest.approx(found[key][1], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("more", CLUSTERS, ids=["weights", "both"])
@pytest.mark.parametrize("task", ROWS)
def test_tables_have_the_figures_of_files(write, task, more):
    layout, mine, theirs = ROWS[task]
    layout = replace(layout, weight="times", **more)
    theirs = Random(3).sample(theirs, len(theirs))
    files = {"a": write("a", laden(mine)), "b": write("b", theirs)}
    metrics = measured(layout)

    require_same(*both(files, layout, metrics))

    assert any(metric.family.reads is not Statistic.CELLS for metric in metrics)


def first(rows):
    """So many rows weigh something, and the rest nothing."""
    return lambda at, draw: float(at < rows) * (1 + draw.random())


WEIGHTS = {
    "none at all": first(0),
    "one row": first(1),
    "two rows": first(2),
    "tiny ones": lambda at, draw: (at + draw.random()) * 1e-200,
    "huge ones": lambda at, draw: (at + draw.random()) * 1e150,
    "true and false": lambda at, draw: at % 3 == draw.randint(0, 1),
    "whole numbers": lambda at, draw: (at + draw.randint(0, 5)) % 7,
    "light rows of one class": lambda at, draw: draw.random() * (1e-6 if at % 4 else 1.0),
}


@pytest.mark.parametrize("more", CLUSTERS, ids=["weights", "both"])
@pytest.mark.parametrize("weigh", WEIGHTS)
def test_weights_of_every_kind_are_added_up_as_of_files(write, weigh, more):
    layout = replace(BINARY, slices=("carrier",), weight="times", **more)
    rows, draw = laden(binary(150)), Random(7)
    for at, row in enumerate(rows):
        row["times"] = WEIGHTS[weigh](at, draw)
    files = {"a": write("a", rows), "b": write("b", rival(binary(150)))}
    names = "f1", "accuracy", "log_loss", "mean(cents)", "demographic_parity_difference"

    expected, found = both(files, layout, tuple(map(find_metric, names)))

    require_same(expected, found)
    if weigh == "none at all":
        assert {"all weights are 0"} == {said[0] for said, _ in expected.values()}


ERRORS = {
    "all alike": lambda at: at * 0.0 + 2.0,
    "at their mean, and beside it": lambda at: (0.1, 0.2, 0.3)[at % 3],
    "of all sizes": lambda at: 10.0 ** (at % 12 - 6),
}


@pytest.mark.parametrize("more", CLUSTERS, ids=["weights", "both"])
@pytest.mark.parametrize("error", ERRORS)
def test_rows_at_the_mean_tell_as_little_as_in_files(write, error, more):
    """What is left of a difference that is none in floats is no evidence, wherever it is found."""
    layout = replace(REGRESSION, label="y", slices=(), weight="times", **more)
    errors = [ERRORS[error](at) for at in range(120)]
    rows = [
        {"id": at, "y": 1.0, "prediction": 1.0 + one, "times": 0.5 + at % 2, "user": at // 3}
        for at, one in enumerate(errors)
    ]
    other = [{**row, "prediction": 2 - row["prediction"] * 0.75} for row in rows]
    files = {"a": write("a", rows), "b": write("b", other)}
    names = "mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2"

    require_same(*both(files, layout, tuple(METRICS[name] for name in names)))


@pytest.mark.parametrize("weight", [-0.5, None, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused_in_the_words_of_files(write, weight):
    layout = replace(BINARY, weight="times")
    rows = laden(binary(60))
    rows[5]["times"] = weight
    files = {"a": write("a", rows), "b": write("b", rival(binary(60)))}
    tables, said = place_tables(files), []

    for samples, given in ((DuckSamples(), files), (SqlSamples(), tables)):
        with pytest.raises(InputError) as caught:
            samples.reduce(given["a"], given["b"], layout, (METRICS["f1"],))
        said.append(caught.value.message.partition(": ")[2])

    assert said[0] == said[1] == "1 of 60 rows have no weight (times) of 0 or more."


def test_what_leaves_the_engine_is_of_kinds_of_rows(write):
    rows = laden(binary(60))
    files = {"a": write("a", rows), "b": write("b", rival(binary(60)))}
    tables = place_tables(files)
    metrics = METRICS["f1"], METRICS["log_loss"]

    [all_rows, *_] = SqlSamples().reduce(
        tables["a"], tables["b"], replace(BINARY, weight="times"), metrics
    )

    kinds, all_of_them = (all_rows.sample(metric) for metric in metrics)
    assert kinds.rows <= 2 * 2 * 2 * 3
    assert all_of_them.rows == 1
    assert kinds.times.sum() == all_of_them.times.sum() == sum(row["times"] > 0 for row in rows)


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "trino", "databricks"])
def test_the_statements_are_queries_in_the_words_of_warehouses(write, dialect):
    layout = replace(BINARY, slices=("carrier",), sensitive=None, weight="times")
    files = {"a": write("a", laden(binary(60))), "b": write("b", rival(binary(60)))}
    tables = place_tables(files, dialect)
    metrics = METRICS["f1"], METRICS["log_loss"]

    [all_rows, *_] = SqlSamples().reduce(tables["a"], tables["b"], layout, metrics)
    for metric in metrics:
        all_rows.sample(metric)

    asked = [sql for sql in tables["a"].place.asked if "POW" in sql.upper() or "times" in sql]
    assert asked
    for sql in asked:
        [parsed] = sqlglot.parse(sql, dialect=dialect)
        assert parsed.key == "select"

"""Predictions in PostgreSQL and Spark: the figures of files, and what is refused."""

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.adapters.predictions.sql_store import SqlSamples
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.errors import ConfigurationError, InputError
from cdml.statistics import engine, sample_size
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Statistic, Task, find_metric
from fakes.predictions import (
    BINARY,
    GENERATION,
    KINDS,
    MULTICLASS,
    REGRESSION,
    binary,
    generation,
    multiclass,
    of,
    regression,
    rival,
)

pytestmark = pytest.mark.long

SPARK = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]


@pytest.fixture
def load(request, tmp_path):
    """Puts rows into a file and into a table of the engine."""

    def load(engine, name, rows):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path, request.getfixturevalue(f"{engine}_tables")(path)

    return load


def added_up(task):
    return tuple(metric for metric in of(task) if metric.family.reads is not Statistic.CASES)


def figures(parts, metrics):
    found = {}
    for part in parts:
        for metric in metrics:
            key = (str(part.slice), part.rows, metric.name)
            sample = part.sample(metric)
            counted = sample_size.counted(metric, sample)
            pair = engine.compare(metric, sample)
            if isinstance(pair, Unmeasured):
                level = engine.measure(metric, sample, 0.95)
                found[key] = pair.reason, getattr(level, "value", None), counted
            else:
                interval = pair.difference.interval(0.95)
                ends = interval.low, interval.high
                found[key] = ("", pair.challenger, pair.champion, *ends, counted)
    return found


class Trusting(SqlSamples):
    """Asks for no proof, which takes Spark as long as the figures; one case is enough."""

    def _prove(self, files, layout, metrics):
        del files, layout, metrics


def yes_no(rows):
    """A binary task with the words of texts, a figure of truths and an apostrophe in a slice."""
    return [
        {
            **row,
            "late": "yes" if row["late"] else "no",
            "prediction": "yes" if row["prediction"] else "no",
            "carrier": row["carrier"] and f"{row['carrier']}'\"é",
            "refused": row["id"] % 7 == 0 if row["sex"] else row["prediction"],
        }
        for row in rows
    ]


def in_families(rows):
    """Rows in clusters of different sizes."""
    return [
        {**row, "family": f"{row['id'] ** 2 % 97 % 31}" if row["id"] % 5 else "É"} for row in rows
    ]


def with_ties(rows, step):
    """Few different scores, one class in few rows, and one slice without it."""
    rows = [dict(row) for row in rows]
    for row in rows:
        rare = row["id"] % 50 == 7
        row["kind"] = KINDS[2] if rare else KINDS[row["id"] % 3 % 2]
        row["part"] = "few" if row["id"] < 6 else f"part {row['day']}"
        first = round(row[f"score_{KINDS[0]}"] * step) / step
        second = round(row[f"score_{KINDS[1]}"] * (1 - first) * step) / step
        for kind, score in zip(KINDS, (first, second, 1 - first - second), strict=True):
            row[f"score_{kind}"] = score
    return rows


def laden(rows):
    """Rows of different weights, some of none, in clusters."""
    draw = Random(5)
    return [
        {**row, "times": draw.lognormvariate(0, 1) * (row["id"] % 6 > 0)}
        for row in in_families(rows)
    ]


FAMILIES = {"cluster": "family"}
TIMES = {"weight": "times"}
CASES = {
    "binary": (BINARY, binary(), rival(binary()), ()),
    "texts": (
        replace(BINARY, positive="yes", max_slices=2),
        yes_no(binary()),
        yes_no(rival(binary())),
        ("mean(refused)",),
    ),
    "multiclass": (MULTICLASS, multiclass(), multiclass(seed=2), ()),
    "ties": (
        replace(MULTICLASS, slices=("part",)),
        with_ties(multiclass(), 7), with_ties(multiclass(seed=2), 9), (),
    ),
    "one order": (MULTICLASS, multiclass(), multiclass(), ()),
    "regression": (REGRESSION, regression(), regression(seed=2), ()),
    "no slices": (replace(REGRESSION, slices=()), regression(), regression(seed=2), ()),
    "generation": (GENERATION, generation(), generation(seed=2), ()),
    "clusters": (
        replace(BINARY, **FAMILIES), in_families(binary()), in_families(rival(binary())), (),
    ),
    "clusters of classes": (
        replace(MULTICLASS, **FAMILIES),
        in_families(multiclass()), in_families(multiclass(seed=2)), (),
    ),
    "clusters of numbers": (
        replace(REGRESSION, **FAMILIES),
        in_families(regression()), in_families(regression(seed=2)), (),
    ),
    "weights": (replace(BINARY, **TIMES), laden(binary()), rival(binary()), ()),
    "weights of classes": (
        replace(MULTICLASS, **TIMES), laden(multiclass()), multiclass(seed=2), (),
    ),
    "weights of numbers": (
        replace(REGRESSION, **TIMES), laden(regression()), regression(seed=2), (),
    ),
    "weights and clusters": (
        replace(BINARY, **TIMES, **FAMILIES), laden(binary()), rival(binary()), (),
    ),
}  # fmt: skip


FEW = {
    "f1", "log_loss", "demographic_parity_difference", "mean(refused)", "r2", "f1_macro",
    "roc_auc", "roc_auc_ovr", "average_precision", "expected_calibration_error",
}  # fmt: skip
"""Of each kind of statistic one: Spark plans each query anew, which takes seconds."""
POSTGRES = pytest.mark.xdist_group("postgres")
SPARK_CASES = (
    "texts", "multiclass", "regression", "clusters", "weights", "weights and clusters",
)  # fmt: skip
ENGINES = [
    *(pytest.param("postgres", case, marks=POSTGRES) for case in CASES),
    *(pytest.param("spark", case, marks=SPARK) for case in SPARK_CASES),
]


@pytest.mark.parametrize(("where", "case"), ENGINES)
def test_tables_have_the_figures_of_files(load, where, case):
    layout, mine, theirs, more = CASES[case]
    theirs = Random(3).sample(theirs, len(theirs))
    loaded = load(where, "challenger", mine), load(where, "champion", theirs)
    files, tables = zip(*loaded, strict=True)
    metrics = (*added_up(layout.task), *map(find_metric, more))
    metrics = tuple(one for one in metrics if SqlSamples().measures(one, layout))
    if where == "spark":
        layout = replace(layout, slices=layout.slices[:1])
        metrics = tuple(metric for metric in metrics if metric.name in FEW)

    expected = figures(DuckSamples().reduce(*files, layout, metrics), metrics)
    samples = Trusting() if where == "spark" and case != "regression" else SqlSamples()
    actual = figures(samples.reduce(*tables, layout, metrics), metrics)

    assert list(expected) == list(actual)
    for key, value in expected.items():
        assert value[0] == actual[key][0], key
        assert pytest.approx(value[1:], rel=1e-9, abs=1e-12) == actual[key][1:], key


def changed(**values):
    return lambda rows: [{**rows[0], **values}, *rows[1:]]


@POSTGRES
@pytest.mark.parametrize(
    "damage",
    [
        changed(id=None),
        changed(id=1),
        changed(id=1000),
        changed(late=None),
        changed(prediction=None),
        changed(score=1.5),
        changed(score=float("nan")),
        lambda rows: rows[1:],
        lambda rows: [{k: v for k, v in row.items() if k != "score"} for row in rows],
        lambda rows: [{**row, "late": not row["late"]} for row in rows],
    ],
)
def test_tables_are_refused_in_the_words_of_files(load, damage):
    loaded = load("postgres", "a", binary(60)), load("postgres", "b", damage(rival(binary(60))))
    metrics = added_up(Task.BINARY)
    said = []
    for samples, both in zip((DuckSamples(), SqlSamples()), zip(*loaded, strict=True), strict=True):
        with pytest.raises(InputError) as caught:
            samples.reduce(*both, BINARY, metrics)
        message = caught.value.message
        for name, one in zip("ab", both, strict=True):
            path = one if samples.__class__ is DuckSamples else Path(one.ref.uri)
            message = message.replace(str(path), name)
        said.append(message)
    assert said[0] == said[1]


@POSTGRES
def test_more_classes_than_a_statement_ranks_are_refused(load):
    rows = [
        {
            "id": at,
            "day": 0,
            "kind": f"k{at % 21}",
            "prediction": "k0",
            **{f"score_k{kind}": 1 / 21 for kind in range(21)},
        }
        for at in range(63)
    ]
    (_, mine), (_, theirs) = load("postgres", "a", rows), load("postgres", "b", rows)

    with pytest.raises(InputError, match="has 21 classes; for roc_auc_ovr of predictions in"):
        Trusting().reduce(mine, theirs, MULTICLASS, (METRICS["roc_auc_ovr"],))
    assert Trusting().reduce(mine, theirs, MULTICLASS, (METRICS["log_loss"],))


@POSTGRES
@pytest.mark.parametrize("weight", [-0.5, None, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused_in_the_words_of_files(load, weight):
    rows = [{**row, "times": row["id"] + 0.5} for row in binary(60)]
    rows[5]["times"] = weight
    loaded = load("postgres", "a", rows), load("postgres", "b", rival(binary(60)))
    said = []
    for samples, both in zip((DuckSamples(), SqlSamples()), zip(*loaded, strict=True), strict=True):
        with pytest.raises(InputError) as caught:
            samples.reduce(*both, replace(BINARY, **TIMES), (METRICS["f1"],))
        said.append(caught.value.message.rpartition(": ")[2])
    assert said[0] == said[1] == "1 of 60 rows have no weight (times) of 0 or more."


@POSTGRES
def test_a_table_that_changes_meanwhile_is_refused(load, postgres_address):
    (_, mine), (_, theirs) = load("postgres", "a", binary(60)), load("postgres", "b", binary(60))
    name = mine.ref.uri.partition("#")[2]
    with psycopg.connect(postgres_address) as connection:
        table = sql.Identifier(name)
        connection.execute(sql.SQL("UPDATE {} SET score = score / 2 WHERE id = 1").format(table))

    with pytest.raises(InputError, match="changed while it was read"):
        SqlSamples().reduce(mine, theirs, BINARY, added_up(Task.BINARY))


@POSTGRES
def test_numbers_with_fractions_are_no_slices(load):
    rows = [{**row, "carrier": row["id"] / 3} for row in regression()]
    (_, mine), (_, theirs) = load("postgres", "a", rows), load("postgres", "b", rows)

    with pytest.raises(InputError, match="cannot be slices of predictions in tables"):
        SqlSamples().reduce(mine, theirs, REGRESSION, added_up(Task.REGRESSION))


@pytest.mark.parametrize(
    ("layout", "metric", "reason"),
    [
        (
            replace(MULTICLASS, cluster="w"),
            METRICS["roc_auc_ovr"],
            "that of the ranks in each cluster",
        ),
        (BINARY, find_metric("median(cents)"), "it needs the values of all rows"),
        (
            BINARY,
            find_metric("mine.own:profit"),
            "profit cannot be measured",
        ),
        (replace(BINARY, weight="w"), METRICS["roc_auc"], "that of the weights above each row"),
        (replace(BINARY, cluster="w"), METRICS["roc_auc"], "that of the ranks in each cluster"),
        (replace(BINARY, by_case=True), METRICS["f1"], "trials are put together case by case"),
    ],
)
def test_what_needs_the_rows_is_refused_with_its_name(layout, metric, reason):
    with pytest.raises(ConfigurationError, match=re.escape(reason)):
        SqlSamples().reduce(None, None, layout, (METRICS["accuracy"], metric))
    assert SqlSamples().measures(metric, layout) is layout.by_case


def test_a_file_is_no_table(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(binary(20)), path)

    with pytest.raises(ConfigurationError, match="is no table of a database or of Spark"):
        SqlSamples().reduce(DuckTables().open(str(path)), None, BINARY, ())

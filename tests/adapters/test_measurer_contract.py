"""What every measurer of the user's own metrics promises, and its fake."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring.metric_runner import ProcessMeasurer
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.ci.run import RunTrust
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.metric_runner import MetricJob
from cdml.evaluation.prediction_store import PairedRows
from cdml.statistics import engine
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import find_metric
from fakes.measurer import FakeMeasurer
from fakes.progress import FakeProgress

ROWS = 300
SMALL = 60


def columns(seed=1, **changes):
    """Rows of two models, the second slice of which holds no positive."""
    draw = np.random.default_rng(seed)
    part = np.where(np.arange(ROWS) < SMALL, 1, 0)
    label = (draw.random(ROWS) < 0.4) & (part == 0)
    scores = [np.clip(0.25 + 0.5 * label + s * draw.normal(size=ROWS), 0, 1) for s in (0.2, 0.3)]
    return {
        "y_true": label,
        "c_pred": scores[0] > 0.5,
        "c_score0": scores[0],
        "p_pred": scores[1] > 0.5,
        "p_score0": scores[1],
        "s0": part.astype("uint16"),
        **changes,
    }


@dataclass
class Bench:
    """A measurer, and a folder for what it runs."""

    measurer: Any
    folder: Path
    progress: FakeProgress = field(default_factory=FakeProgress)

    def rows(self, data, **changes):
        path = self.folder / "rows" / "rows.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(data), path)
        rows = PairedRows(
            path=path,
            sides="cp" if "p_pred" in data else "c",
            matrix=False,
            weighted="weight" in data,
            clustered="cluster" in data,
            parts=(None, {"part": "large"}, {"part": "small"}),
            places=(None, (0, 0), (0, 1)),
            rows=(ROWS, ROWS - SMALL, SMALL),
        )
        return replace(rows, **changes)

    def measure(self, code, data=None, metric="own:metric", **changes):
        """What `own.py` with this code says to the rows, part by part."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        (home / "own.py").write_text(code, encoding="utf-8")
        job = MetricJob(
            folder=home,
            metrics=(metric,),
            rows=self.rows(data or columns()),
            parts=3,
            environment="model",
            timeout=120,
        )
        return self.measurer.measure(replace(job, **changes), self.progress)[metric]


PROCESSES = ProcessMeasurer(Enclosure(RunTrust(strangers="")))
"""It finds out once whether this machine lets it build walls."""


@pytest.fixture(params=["fake", "process"])
def bench(request, tmp_path):
    return Bench(PROCESSES if request.param == "process" else FakeMeasurer(), tmp_path)


RIGHT = "def metric(y_true, y_pred):\n    return (y_true == y_pred).mean()\n"
PROFIT = """
def metric(y_true, y_pred, y_score, weight):
    return ((weight * (y_score > 0.3) * (y_true - 0.2)).sum()) / weight.sum()
"""


def right(data, side, at=slice(None)):
    return (data["y_true"] == data[f"{side}_pred"])[at].mean()


def test_each_model_is_measured_on_each_part(bench):
    data = columns()

    found = bench.measure(RIGHT)

    for part, at in zip(found, (slice(None), data["s0"] == 0, data["s0"] == 1), strict=True):
        assert [right(data, "c", at), right(data, "p", at)] == pytest.approx(part.value.tolist())
        assert np.abs(part.draws.mean(axis=0) - part.value).max() < 0.02
    assert [ROWS, ROWS - SMALL, SMALL] == [part.rows for part in found]
    assert 0 < len(bench.progress.steps)


def test_a_row_left_out_moves_the_value_as_far_as_it_does(bench):
    data = columns()

    small = bench.measure(RIGHT)[2]

    hits = (data["y_true"] == data["c_pred"])[data["s0"] == 1]
    left_out = hits.mean() - (hits.sum() - hits) / (SMALL - 1)
    assert np.sort(left_out) == pytest.approx(np.sort(small.singles[:, 0]))


def test_scores_and_weights_are_handed_over(bench):
    data = columns(weight=np.arange(ROWS, dtype=float))

    value = bench.measure(PROFIT, data)[0].value

    gain = (data["c_score0"] > 0.3) * (data["y_true"] - 0.2)
    assert np.average(gain, weights=data["weight"]) == pytest.approx(value[0])


def test_one_model_alone_is_measured_alone(bench):
    data = {name: column for name, column in columns().items() if name[0] != "p"}

    found = bench.measure(RIGHT, data)

    assert (1,) == found[0].value.shape
    level = engine.measure(find_metric("own:metric"), found[0], 0.95)
    assert right(data, "c") == pytest.approx(level.value)
    assert level.interval.low < level.value < level.interval.high


def test_where_rows_belong_together_they_are_drawn_together(bench):
    data = columns(cluster=np.arange(ROWS) // 10)

    together, alone = bench.measure(RIGHT, data)[0], bench.measure(RIGHT)[0]

    assert (30, True) == (together.units, together.clustered)
    assert (ROWS, False) == (alone.units, alone.clustered)


def test_no_value_on_a_slice_is_that_slices_trouble(bench):
    code = "def metric(y_true, y_pred):\n    return y_pred[y_true].sum() / float(y_true.sum())\n"

    found = bench.measure(code)

    pairs = [engine.compare(find_metric("own:metric"), part) for part in found]
    assert isinstance(pairs[2], Unmeasured)
    assert "is not a finite number on these rows" in pairs[2].reason
    assert not isinstance(pairs[0], Unmeasured)


def test_raising_on_a_slice_is_that_slices_trouble(bench):
    code = RIGHT.replace(
        "    return", "    if not y_true.any(): raise ValueError('one class')\n    return"
    )

    found = bench.measure(code)

    assert "fails on these rows: ValueError: one class" == found[2].problem
    assert not found[0].problem


@pytest.mark.parametrize(
    ("code", "metric", "told"),
    [
        (RIGHT, "other:metric", "other:metric cannot be imported: there is no module other"),
        (RIGHT, "own:profit", "own:profit cannot be imported: module own has no profit"),
        ("import nowhere_at_all", "own:metric", "ModuleNotFoundError: No module named 'nowhere"),
        ("raise OSError('late\\nmore')", "own:metric", "cannot be imported: OSError: late"),
        (
            "def metric(y_true, y_pred):\n    raise KeyError('gain')",
            "own:metric",
            "own:metric cannot be used: KeyError: 'gain'",
        ),
        (
            "def metric(y_true, y_pred):\n    return 'much'",
            "own:metric",
            "own:metric cannot be used: it returns str, not one number",
        ),
        (
            "def metric(y_true, y_pred):\n    return y_true == y_pred",
            "own:metric",
            "not one number",
        ),
    ],
)
def test_a_function_that_cannot_be_had_or_used_is_an_input_error(bench, code, metric, told):
    with pytest.raises(InputError) as raised:
        bench.measure(code, metric=metric)

    assert told in raised.value.message
    assert raised.value.message.isprintable()


def test_a_function_without_weights_is_refused_where_rows_have_some(bench):
    with pytest.raises(ConfigurationError, match="own:metric takes no weight"):
        bench.measure(RIGHT, columns(weight=np.ones(ROWS)))

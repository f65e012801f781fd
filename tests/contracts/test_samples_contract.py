"""What every reducer of predictions does, and that the engine finds what plain Python finds."""

from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.data.samples import DuckSamples
from cdml.core import inference
from cdml.core.interval import Unmeasured
from cdml.core.metrics import METRICS, Family, Task
from cdml.errors import InputError
from cdml.ports import Layout
from fakes.samples import FakeSamples

BINARY = Layout(
    key=("id",),
    label="late",
    slices=("carrier", "month"),
    task=Task.BINARY,
    positive=True,
    max_slices=100,
)
MULTICLASS = Layout(
    key=("id", "day"), label="kind", slices=(), task=Task.MULTICLASS, positive=None, max_slices=100
)
REGRESSION = Layout(
    key=("id",),
    label="delay",
    slices=("carrier",),
    task=Task.REGRESSION,
    positive=None,
    max_slices=100,
)
KINDS = ["a", "b", "it's"]


def of(task):
    return tuple(
        metric
        for metric in METRICS.values()
        if task in metric.tasks and metric.family is not Family.OPERATION
    )


@pytest.fixture(params=[DuckSamples, FakeSamples], ids=["duckdb", "fake"])
def samples(request):
    return request.param()


def binary(rows=400, seed=1):
    draw, scores = Random(seed), Random(seed + 1)
    found = []
    for index in range(rows):
        late = draw.random() < 0.3
        score = min(max(scores.gauss(0.6 if late else 0.4, 0.2), 0.0), 1.0)
        found.append(
            {
                "id": index,
                "late": late,
                "carrier": draw.choice(["AA", "UA", "HA", None]),
                "month": draw.randint(1, 3),
                "prediction": score > 0.5,
                "score": round(score, 2),
            }
        )
    return found


def rival(rows, seed=7):
    """Another model's answers to the same rows."""
    draw = Random(seed)
    scored = [{**row, "score": round(draw.random(), 2)} for row in rows]
    return [{**row, "prediction": row["score"] > 0.5} for row in scored]


def multiclass(seed=1, rows=300):
    draw, answers = Random(1), Random(seed)
    found = []
    for index in range(rows):
        chances = np.array([answers.random() for _ in KINDS])
        chances /= chances.sum()
        found.append(
            {
                "id": index // 2,
                "day": index % 2,
                "kind": draw.choice(KINDS),
                "prediction": KINDS[int(chances.argmax())],
                **{f"score_{kind}": float(p) for kind, p in zip(KINDS, chances, strict=True)},
            }
        )
    return found


def regression(seed=1, rows=300):
    draw, answers = Random(1), Random(seed)
    return [
        {
            "id": index,
            "carrier": draw.choice(["AA", "UA"]),
            "delay": (delay := draw.gauss(1000, 30)),
            "prediction": delay + answers.gauss(0, 10),
        }
        for index in range(rows)
    ]


@pytest.fixture
def write(tmp_path):
    def write(name, rows):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    return write


def figures(parts, metrics):
    """Everything a gate can read, for every part."""
    found = {}
    for part in parts:
        for metric in metrics:
            sample = part.sample(metric)
            pair = inference.compare(metric, sample)
            key = (str(part.slice), metric.name)
            if isinstance(pair, Unmeasured):
                found[key] = (part.rows, inference.counted(metric, sample), pair.reason)
            else:
                interval = pair.difference.interval(0.95)
                found[key] = (
                    part.rows,
                    inference.counted(metric, sample),
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
    ],
    ids=["binary", "multiclass", "regression"],
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
    layout = Layout(
        **{name: getattr(BINARY, name) for name in BINARY.__slots__}
        | {"slices": ("carrier",), "max_slices": 3}
    )
    parts = samples.reduce(write("a", rows), None, layout, ())
    assert ["C000", "other"] == [part.slice["carrier"] for part in parts[1:3]]
    assert 400 == sum(part.rows for part in parts[1:])
    assert 5 == len(parts)


def test_one_model_alone_is_measured(samples, write):
    [whole, *_] = samples.reduce(write("a", binary()), None, BINARY, of(Task.BINARY))
    level = inference.measure(METRICS["accuracy"], whole.sample(METRICS["accuracy"]), 0.95)
    right = sum(row["late"] == row["prediction"] for row in binary())
    assert right / 400 == pytest.approx(level.value)


def change(rows, index, **values):
    return [{**row, **values} if i == index else row for i, row in enumerate(rows)]


def without(rows, name):
    return [{k: v for k, v in row.items() if k != name} for row in rows]


ROWS = binary()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS[:0], "no"),
        (without(ROWS, "id"), "id"),
        (without(ROWS, "late"), "late"),
        (without(ROWS, "carrier"), "carrier"),
        (without(ROWS, "prediction"), "prediction"),
        (without(ROWS, "score"), "score"),
        (change(ROWS, 3, id=2), "1"),
        (change(ROWS, 3, id=None), "1"),
        (change(ROWS, 3, late=None), "1"),
        (change(ROWS, 3, late=not ROWS[3]["late"]), "1"),
        (change(ROWS, 3, prediction=None), "1"),
        (change(ROWS, 3, score=1.5), "1"),
        (change(ROWS, 3, score=-0.1), "1"),
        (change(ROWS, 3, score=float("nan")), "1"),
        (change(ROWS, 3, score=None), "1"),
        (change(ROWS, 3, id=12345), "1"),
        (ROWS[:-1], "0"),
    ],
    ids=[
        "no rows",
        "no key column",
        "no label column",
        "no slice column",
        "no prediction column",
        "no score column",
        "repeated key",
        "missing key",
        "missing label",
        "another label",
        "missing prediction",
        "score above 1",
        "score below 0",
        "score NaN",
        "score missing",
        "a row of its own",
        "a row too few",
    ],
)
def test_rows_that_cannot_be_compared_are_an_input_error_with_counts(samples, write, rows, told):
    path = write("a", rows) if rows else write_empty(write)
    with pytest.raises(InputError, match=told):
        samples.reduce(path, write("b", ROWS), BINARY, of(Task.BINARY))


def write_empty(write):
    path = write("a", ROWS)
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    return path


def test_a_champion_that_lacks_a_score_is_an_input_error(samples, write):
    with pytest.raises(InputError, match="score"):
        samples.reduce(
            write("a", ROWS), write("b", without(ROWS, "score")), BINARY, of(Task.BINARY)
        )


def test_what_is_no_file_or_no_parquet_is_an_input_error(samples, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        samples.columns(tmp_path / "none.parquet")


def test_text_that_is_no_parquet_is_an_input_error(tmp_path):
    (tmp_path / "a.parquet").write_text("id,late\n1,true\n")
    with pytest.raises(InputError, match="cannot be read"):
        DuckSamples().columns(tmp_path / "a.parquet")


def test_predictions_must_be_of_the_rows_and_labels_of_the_data(samples, write):
    data = write("data", without(without(ROWS, "prediction"), "score"))
    samples.match(write("a", ROWS), data, BINARY)
    flipped = change(ROWS, 3, late=not ROWS[3]["late"])
    with pytest.raises(InputError, match="1"):
        samples.match(write("a", flipped), data, BINARY)
    with pytest.raises(InputError):
        samples.match(write("a", ROWS[:-1]), data, BINARY)


def test_a_binary_label_has_no_third_value(write):
    rows = [
        {**row, "late": ["yes", "no", "maybe"][i % 3], "prediction": "yes"}
        for i, row in enumerate(ROWS)
    ]
    layout = Layout(
        **{name: getattr(BINARY, name) for name in BINARY.__slots__} | {"positive": "yes"}
    )
    with pytest.raises(InputError, match="3 values"):
        DuckSamples().reduce(write("a", rows), None, layout, of(Task.BINARY))


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

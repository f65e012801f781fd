"""Predictions that no reducer may accept: each is an input error, with counts."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.errors import InputError
from cdml.statistics import engine
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Task, find_metric
from fakes.predictions import (
    BINARY,
    KINDS,
    MULTICLASS,
    REGRESSION,
    binary,
    multiclass,
    of,
    regression,
)
from fakes.samples import FakeSamples


@pytest.fixture(params=[DuckSamples, FakeSamples], ids=["duckdb", "fake"])
def samples(request):
    return request.param()


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


@pytest.mark.parametrize("immense", [1e160, -1e200])
def test_an_error_too_large_to_be_added_up_is_refused_and_not_left_out(samples, write, immense):
    rows = change(regression(), 3, prediction=immense)
    with pytest.raises(InputError, match="1"):
        samples.reduce(write("a", rows), write("b", regression(2)), REGRESSION, of(Task.REGRESSION))


def shrink(rows, by):
    return [{**r, "delay": r["delay"] * by, "prediction": r["prediction"] * by} for r in rows]


@pytest.mark.parametrize("layout", [REGRESSION, replace(REGRESSION, cluster="id")])
@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("root_mean_squared_error", 1e-60),
        ("mean_squared_error", 1e-60),
        ("r2", 1e-200),
        ("mean_absolute_error", 1e-150),
    ],
)
def test_errors_too_small_to_be_added_up_are_refused_and_not_equal(write, layout, name, by):
    files = [write(n, shrink(regression(seed), by)) for n, seed in (("a", 1), ("b", 2))]
    with pytest.raises(InputError, match="close to 0") as error:
        DuckSamples().reduce(*files, layout, (METRICS[name],))
    assert error.value.hint


def test_a_slice_with_errors_too_small_has_no_value_and_the_others_have(write):
    [slice_value, *_] = {row["carrier"] for row in regression() if row["carrier"]}
    files = [
        write(n, [shrink([r], 1e-60 if r["carrier"] == slice_value else 1)[0] for r in rows])
        for n, rows in (("a", regression()), ("b", regression(2)))
    ]
    metrics = METRICS["root_mean_squared_error"], METRICS["mean_squared_error"]
    for part in DuckSamples().reduce(*files, REGRESSION, metrics):
        for metric in metrics:
            found = engine.compare(metric, part.sample(metric))
            expected = part.slice == {"carrier": slice_value}
            assert isinstance(found, Unmeasured) is expected


def test_errors_of_which_all_are_0_are_no_trouble(write):
    rows = [{**row, "prediction": row["delay"]} for row in regression()]
    [part, *_] = DuckSamples().reduce(
        write("a", rows), None, REGRESSION, (METRICS["mean_squared_error"],)
    )
    assert part.rows == len(rows)


def test_the_mean_of_a_column_too_small_to_be_added_up_is_refused(write):
    rows = [{**row, "cents": 1e-120 * (1 + i % 3)} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match="close to 0"):
        DuckSamples().reduce(write("a", rows), None, BINARY, (find_metric("mean(cents)"),))


@pytest.mark.parametrize("prediction", ["ERROR: timeout", "maybe"])
def test_a_prediction_that_is_no_class_is_refused_and_not_taken_for_the_other(
    samples, write, prediction
):
    texts = [{**row, **{n: "yn"[row[n]] for n in ("late", "prediction")}} for row in ROWS]
    layout = replace(BINARY, positive="y")
    samples.reduce(write("a", texts), None, layout, of(Task.BINARY))
    with pytest.raises(InputError):
        samples.reduce(
            write("a", change(texts, 3, prediction=prediction)), None, layout, of(Task.BINARY)
        )


def test_a_positive_class_that_never_occurs_is_refused_and_not_taken_for_perfect(samples, write):
    texts = [{**row, **{n: "ny"[row[n]] for n in ("late", "prediction")}} for row in ROWS]
    samples.reduce(write("a", texts), None, replace(BINARY, positive="y"), of(Task.BINARY))
    with pytest.raises(InputError):
        samples.reduce(write("a", texts), None, replace(BINARY, positive="yes"), of(Task.BINARY))


def test_one_class_may_stand_in_the_predictions_alone(samples, write):
    rows = [{**row, "late": False} for row in ROWS]
    [part, *_] = samples.reduce(write("a", rows), None, BINARY, of(Task.BINARY))
    assert part.rows == len(ROWS)


def test_probabilities_that_do_not_add_up_are_refused(samples, write):
    rows = change(multiclass(), 3, **{f"score_{kind}": 1.0 for kind in KINDS})
    with pytest.raises(InputError, match="1"):
        samples.reduce(write("a", rows), None, MULTICLASS, of(Task.MULTICLASS))


def scored(rows, *names):
    return [{**row, **{f"score_{name}": 1 / len(names) for name in names}} for row in rows]


UNSCORED = [
    {name: value for name, value in row.items() if not name.startswith("score_")}
    for row in multiclass()
]


@pytest.mark.parametrize(
    ("rows", "classes"),
    [
        ([{**row, "prediction": row["prediction"].upper()} for row in UNSCORED], ()),
        (scored(UNSCORED, "A", "B"), ()),
        (multiclass(), ("a", "b")),
        (scored(UNSCORED, *KINDS, "d"), KINDS),
        (change(multiclass(), 3, prediction="d"), KINDS),
        ([{k.replace("_b", "_B"): v for k, v in row.items()} for row in multiclass()], ()),
        (change(multiclass(), 3, prediction="B "), ()),
    ],
    ids=[
        "predictions",
        "scores",
        "a label too few",
        "a score too many",
        "a prediction too many",
        "one score's name",
        "one prediction",
    ],
)
def test_classes_that_are_none_of_the_labels_or_the_listed_are_refused(
    samples, write, rows, classes
):
    metrics = tuple(m for m in of(Task.MULTICLASS) if not m.needs_score)
    layout = replace(MULTICLASS, classes=tuple(classes))
    with pytest.raises(InputError):
        samples.reduce(write("a", rows), None, layout, metrics)


def test_scores_of_the_other_class_are_refused(samples, write):
    decided = [{**row, "prediction": row["score"] > 0.5} for row in ROWS]
    samples.reduce(write("a", decided), None, BINARY, of(Task.BINARY))
    turned = [{**row, "score": 1 - row["score"]} for row in decided]
    with pytest.raises(InputError):
        samples.reduce(write("a", decided), write("b", turned), BINARY, of(Task.BINARY))


def test_scores_of_the_other_class_are_refused_however_the_rows_are_ordered(samples, write):
    decided = [{**row, "prediction": row["score"] > 0.5} for row in ROWS]
    many = [{**row, "id": 10_000 * at + row["id"]} for at in range(30) for row in decided]
    many.sort(key=lambda row: (row["prediction"], row["id"]))
    assert len({row["prediction"] for row in many[:2048]}) == 1
    turned = [{**row, "score": 1 - row["score"]} for row in many]
    with pytest.raises(InputError):
        samples.reduce(write("a", turned), None, BINARY, of(Task.BINARY))
    last = [*turned[:-1], {**turned[-1], "score": 1.0}]
    samples.reduce(write("b", last), None, BINARY, of(Task.BINARY))


def test_predictions_without_any_score_are_refused(samples, write):
    rows = [{**row, "score": None} for row in ROWS[:-1]]
    with pytest.raises(InputError):
        samples.reduce(
            write("a", [*rows, {**ROWS[-1], "prediction": True, "score": None}]),
            None,
            BINARY,
            of(Task.BINARY),
        )


def test_whole_numbers_beyond_floats_have_exact_errors(write):
    rows = [{"id": i, "carrier": "AA", "delay": 2**62 + i} for i in range(200)]
    mine = [{**row, "prediction": row["delay"] + 100} for row in rows]
    metric = METRICS["mean_absolute_error"]
    [part, *_] = DuckSamples().reduce(write("a", mine), None, REGRESSION, (metric,))
    assert 100 == part.sample(metric).mean[0]


def test_two_columns_of_one_class_are_refused(samples, write):
    rows = [{**row, "kind": i % 2, "prediction": 1} for i, row in enumerate(UNSCORED)]
    rows = [{**row, "score_0": 0.5, "score_1": 0.25, "score_1.0": 0.25} for row in rows]
    with pytest.raises(InputError):
        samples.reduce(write("a", rows), None, MULTICLASS, of(Task.MULTICLASS))


def test_a_listed_class_that_no_row_has_is_no_trouble(samples, write):
    rows = [{**row, "score_d": 0.0} for row in multiclass()]
    layout = replace(MULTICLASS, classes=(*KINDS, "d"))
    [part] = samples.reduce(write("a", rows), None, layout, of(Task.MULTICLASS))
    assert part.rows == len(rows)


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
    with pytest.raises(InputError, match="1"):
        samples.match(write("a", change(ROWS, 3, month=9)), data, BINARY)


def test_a_slice_may_have_become_a_float_on_its_way(write):
    rows = [{**row, "month": float(row["month"])} for row in ROWS]
    DuckSamples().match(write("a", rows), write("data", ROWS), BINARY)


def test_predictions_that_repeat_a_row_are_told_as_that(write):
    with pytest.raises(InputError, match=r"1 of 401 rows .* repeat the key"):
        DuckSamples().match(write("a", [*ROWS, ROWS[0]]), write("data", ROWS), BINARY)


def test_a_score_far_outside_is_told_as_no_probability(write):
    with pytest.raises(InputError, match="1 of 400 rows have no score between 0 and 1"):
        DuckSamples().reduce(
            write("a", change(ROWS, 3, score=1e150)), None, BINARY, of(Task.BINARY)
        )


def test_a_binary_label_has_no_third_value(write):
    rows = [
        {**row, "late": ["yes", "no", "maybe"][i % 3], "prediction": "yes"}
        for i, row in enumerate(ROWS)
    ]
    layout = replace(BINARY, positive="yes")
    with pytest.raises(InputError, match="3 values"):
        DuckSamples().reduce(write("a", rows), None, layout, of(Task.BINARY))


def test_a_key_that_is_text_on_one_side_only_pairs_nothing(write):
    rows = binary()
    texts = [row | {"id": f"{row['id']:06d}"} for row in rows]
    files = write("numbers", rows), write("texts", texts)
    for one, other in (files, files[::-1]):
        with pytest.raises(InputError, match="the key 'id' contains"):
            DuckSamples().reduce(one, other, BINARY, ())
        with pytest.raises(InputError, match="the key 'id' contains"):
            DuckSamples().match(one, other, BINARY)


@pytest.mark.parametrize(("low", "high", "allowed"), [(0, 1, True), (-1, 1, False), (0, 60, False)])
def test_truth_values_are_compared_with_shares_and_with_no_other_numbers(write, low, high, allowed):
    flags = write("flags", [{**row, "good": i % 3 > 0} for i, row in enumerate(ROWS)])
    spread = [{**row, "good": low + (high - low) * (i % 2)} for i, row in enumerate(ROWS)]
    numbers, metric = write("numbers", spread), find_metric("mean(good)")

    for files in ((flags, numbers), (numbers, flags)):
        if allowed:
            DuckSamples().reduce(*files, BINARY, (metric,))
            continue
        with pytest.raises(
            InputError, match=f"true or false in .*, and {low} to {high} in"
        ) as error:
            DuckSamples().reduce(*files, BINARY, (metric,))
        assert error.value.hint

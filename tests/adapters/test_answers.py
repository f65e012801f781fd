"""What a model's answer is read as: docs/answers.md, rule by rule."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdml.adapters.scoring import predictions
from cdml.adapters.scoring.model_output import (
    ModelAnswer,
    Question,
    class_order,
    count_pairs,
    fitting_order,
)
from cdml.adapters.scoring.predictions import Words
from cdml.config.output_columns import AnswerColumns, markdown_table
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from cdml.models.mlmodel import MlModel

DOCS = Path(__file__).parents[2] / "docs" / "answers.md"
YES = [0.9, 0.2, 0.6, 0.4]
NO = [1 - share for share in YES]
TRUTH = ["yes", "no", "no", "yes"]
SAID = ["yes", "no", "yes", "no"]
TOP = [0.9, 0.8, 0.6, 0.6]
THREE = [[0.1, 0.7, 0.2, 0.1], [0.8, 0.1, 0.2, 0.1], [0.1, 0.2, 0.6, 0.8]]
GRADES = [1, 0, 2, 2]


@pytest.fixture
def read(tmp_path):
    """Join labels with the columns of an answer, and give what is written beside the label."""

    def read(labels, columns, names=None, *, task="binary", words=None, described=None, **more):
        pq.write_table(pa.table({"id": range(len(labels)), "y": labels}), tmp_path / "rows.parquet")
        answers = {f"a{at}": column for at, column in enumerate(columns)}
        pq.write_table(pa.table(answers), tmp_path / "answers.parquet")
        job = ScoringJob(
            folder=tmp_path, model=tmp_path, data=tmp_path / "rows.parquet", key=("id",),
            label="y", carried=(), task=task, environment="current", timeout=1,
            output=tmp_path / "out.parquet",
            **{"positive": "yes" if task == "binary" else None, **more},
        )  # fmt: skip
        words = Words(names=names, **(words or {}))
        _, notes = predictions.join(job, tmp_path / "answers.parquet", words, described)
        found = pq.read_table(job.output).drop_columns(["id", "y"]).to_pydict()
        return {**found, "notes": notes}

    return read


def described(**more):
    return MlModel(inputs=None, required=(), types=(), loader="x", mlflow=None, **more)


# Names


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ([SAID, YES], ("prediction", "probability")),
        ([YES, SAID], ("Score", "Predicted Label")),
        ([SAID, YES, [1, 2, 3, 4]], ("y_pred", "y_proba", "milliseconds")),
        ([SAID, TOP], ("label", "score")),
        ([SAID, TOP], ("prediction_label", "prediction_score")),
        ([NO, YES], ("no", "yes")),
        ([YES, NO], ("yes", "no")),
        ([YES, NO, SAID], ("score_yes", "score_no", "prediction")),
        ([NO, YES], ("prob_no", "prob_yes")),
        ([SAID, NO], ("prediction", "probability_no")),
        ([SAID, [[1 - p, p] for p in YES]], ("prediction", "probability")),
        ([YES], ("probability",)),
        ([YES], ("anything",)),
        ([YES], None),
    ],
)
def test_probabilities_are_found_by_name(read, columns, names):
    found = read(TRUTH, columns, names, classes=("no", "yes"))
    assert SAID == found["prediction"]
    assert YES == pytest.approx(found["score"])


@pytest.mark.parametrize(
    ("labels", "columns", "names", "told"),
    [
        (TRUTH, [NO, YES], None, "which class each belongs to"),
        (TRUTH, [NO, YES], ("a", "b"), "which class each belongs to"),
        ([1, 0, 0, 1], [NO, YES], None, "which class each belongs to"),
        (TRUTH, [TOP, YES], ("a", "b"), "do not add up to 1"),
        (TRUTH, [TOP, YES], ("no", "yes"), "do not add up to 1"),
        (TRUTH, [SAID, SAID], ("label", "prediction"), "which of them to use"),
        (TRUTH, [YES, TOP], ("score", "probability"), "which of them to use"),
        (TRUTH, [SAID, SAID], ("a", "b"), "which of them to use"),
        (TRUTH, [SAID, TOP], ("prediction", "probability"), "cannot decide whether"),
        (TRUTH, [SAID, YES], ("label", "score"), "cannot decide whether"),
        (TRUTH, [SAID, [9.0, -2.0, 1.0, -1.0]], ("prediction", "score"), "not probabilities"),
        (TRUTH, [NO, YES], ("yes", "yes"), "two columns with the name yes"),
        (TRUTH, [NO, YES, YES], ("prob_no", "prob_yes", "PROB_yes"), "both name the class"),
        (TRUTH, [[9.5, -2.0, 1.0, -1.0]], None, "neither classes nor probabilities"),
        (TRUTH, [[9.0, -2.0, 1.0, -1.0]], ("score",), "not probabilities"),
        (TRUTH, [["maybe", *SAID[1:]]], None, "returned maybe"),
        (TRUTH, [[1, 0, 1, 0]], None, "returned 0, 1"),
        (["01", "02", "02", "01"], [[1, 2, 2, 1]], None, "returned 1, 2"),
        ([1, 0, 0, 1], [["1", "1.0", "0", "0"]], None, "several of them match"),
        ([1, 0, 0, 1], [[1, -1, 1, -1]], None, "returned -1"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_asked_for(read, labels, columns, names, told):
    positive = {"yes": "yes", "01": "01"}.get(labels[0], 1)
    with pytest.raises(InputError, match=told) as raised:
        read(labels, columns, names, positive=positive)
    assert raised.value.hint or "two columns" in told


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (AnswerColumns(prediction="a", score="c"), YES),
        (AnswerColumns(score="c"), YES),
        (AnswerColumns(scores={"no": "b", "yes": "c"}), YES),
        (AnswerColumns(prediction="a", scores={"no": "b"}), YES),
        (AnswerColumns(prediction="a"), None),
    ],
)
def test_what_the_configuration_says_counts(read, answer, score):
    found = read(TRUTH, [SAID, NO, YES], ("a", "b", "c"), answer=answer)
    assert SAID == found["prediction"]
    assert (None if score is None else pytest.approx(score)) == found.get("score")


def test_columns_without_names_are_counted(read):
    assert YES == read(TRUTH, [SAID, YES], answer=AnswerColumns(prediction=0, score="1"))["score"]
    for answer in (AnswerColumns(score=2), AnswerColumns(scores={"maybe": 0})):
        with pytest.raises(InputError, match=r"data\.answer"):
            read(TRUTH, [SAID, YES], answer=answer)


def test_the_table_is_that_of_the_docs():
    assert markdown_table() in DOCS.read_text(encoding="utf-8")


# The order of the classes


@pytest.mark.parametrize(
    "more",
    [
        {"words": {"classes": ("yes", "no")}},
        {"described": described(classes=("yes", "no"))},
        {"described": described(outputs=("yes", "no"))},
        {"classes": ("yes", "no")},
    ],
)
def test_columns_without_names_are_of_the_classes_that_somebody_says(read, more):
    found = read(TRUTH, [YES, NO], **more)
    assert (SAID, YES) == (found["prediction"], found["score"])


@pytest.mark.parametrize(
    ("told", "own", "message"),
    [
        (("no", "yes"), ("yes", "no"), "data.classes is"),
        (("no", "yes"), ("no", "yes", "maybe"), "data.classes is"),
        (("no", "yes", "maybe"), (0, 1), "data.classes is"),
        (("no", "maybe"), (), "lacks yes"),
        ((False, True), (), "lacks"),
        ((), (0, 1), "the model's classes are 0, 1"),
    ],
)
def test_classes_that_contradict_one_another_are_refused(told, own, message):
    question = Question(
        task="binary", label="y", labels=("no", "yes"), positive="yes", classes=told
    )
    with pytest.raises(InputError, match=re.sub("yes", '"?yes"?', message)):
        class_order(ModelAnswer(columns=[SAID], classes=own), question)


def test_numbers_of_classes_are_what_the_configuration_calls_them(read):
    classes = ("no", "yes")
    numbers = [[1, 0, 1, 0]]
    assert SAID == read(TRUTH, numbers, classes=classes)["prediction"]
    own = {"classes": (0, 1)}
    assert YES == read(TRUTH, [NO, YES], words=own, classes=classes)["score"]
    found = read(TRUTH, [*numbers, TOP], ("label", "score"), classes=classes)
    assert (SAID, pytest.approx(YES)) == (found["prediction"], found["score"])


def test_the_numbered_labels_of_transformers_are_numbers(read):
    said = [["LABEL_1", "LABEL_0", "LABEL_1", "LABEL_0"], TOP]
    found = read([1, 0, 0, 1], said, ("label", "score"), positive=1)
    assert ([1, 0, 1, 0], pytest.approx(YES)) == (found["prediction"], found["score"])
    found = read(TRUTH, said, ("label", "score"), classes=("no", "yes"))
    assert (SAID, pytest.approx(YES)) == (found["prediction"], found["score"])
    with pytest.raises(InputError, match="returned LABEL_0, LABEL_1"):
        read(TRUTH, said, ("label", "score"))


def test_the_numbers_of_columns_are_classes_where_the_labels_are_such_numbers(read):
    found = read(GRADES, THREE, task="multiclass")
    assert [1, 0, 2, 2] == found["prediction"]
    assert ["prediction", "score_0", "score_1", "score_2", "notes"] == list(found)
    assert "by their position" in found["notes"][0]
    for labels in ([1, 3, 2, 2], ["1", "0", "2", "2"]):
        with pytest.raises(InputError, match="cannot decide which class"):
            read(labels, THREE, task="multiclass")


def test_numbered_columns_that_fit_better_in_another_order_are_refused(read):
    labels, shares = GRADES * 50, [column * 50 for column in THREE]
    read(labels, shares, task="multiclass")
    with pytest.raises(InputError, match="in an order other than"):
        read(labels, shares[::-1], task="multiclass")


@given(st.permutations(range(4)), st.integers(0, 2**32 - 1))
def test_a_model_that_knows_little_is_not_taken_for_one_in_another_order(order, seed):
    random = np.random.default_rng(seed)
    label = random.integers(0, 4, 500)
    assert fitting_order(count_pairs(np.full(500, 1), label, 4))
    right = np.where(random.random(500) < 0.7, label, random.integers(0, 4, 500))
    assert (order == [0, 1, 2, 3]) == fitting_order(count_pairs(np.array(order)[right], label, 4))


@pytest.mark.parametrize("counted", [True, False])
def test_one_share_of_a_task_whose_positive_class_is_zero_may_be_of_either(read, counted):
    words = {"counted": counted}
    if counted:  # a booster's is that of class 1
        found = read([0, 1, 1, 0], [YES], positive=0, words=words)
        assert (NO, [1, 0, 1, 0]) == (found["score"], found["prediction"])
        return
    with pytest.raises(InputError, match="whether it is that of 0 or of 1"):
        read([0, 1, 1, 0], [YES], positive=0)
    said = AnswerColumns(scores={"1": 0})
    assert NO == read([0, 1, 1, 0], [YES], positive=0, answer=said)["score"]


# Classes and rows


def test_a_class_that_no_row_has_is_written_with_its_probability(read):
    names = ("a", "b", "c")
    found = read(["a", "b", "a", "b"], THREE, names, task="multiclass")
    assert ["prediction", "score_a", "score_b", "score_c", "notes"] == list(found)
    assert ["b", "a", "c", "c"] == found["prediction"]


def test_a_label_that_the_model_does_not_know_is_told(read):
    own = {"classes": ("a", "b", "c")}
    found = read(["a", "b", "d", "c"], THREE, task="multiclass", words=own)
    assert "has d, which is not a class of the model" in found["notes"][0]


def test_only_the_likeliest_class_of_several_is_told(read):
    found = read(
        ["a", "b", "c", "a"], [["a", "b", "c", "b"], TOP], ("label", "score"), task="multiclass"
    )
    assert ["prediction", "notes"] == list(found)
    assert "only one class" in found["notes"][0]


@pytest.mark.parametrize(
    ("labels", "positive", "said"),
    [
        ([True, False], 1, [1.0, 0.0]),
        ([1, 0], "1", [True, False]),
        (["1", "0"], 1, [1, 0]),
        ([1.0, 0.0], True, ["1", "0"]),
        (["true", "false"], True, [True, False]),
    ],
)
def test_a_positive_class_of_another_type_is_matched_exactly(read, labels, positive, said):
    assert labels == read(labels, [said], positive=positive)["prediction"]


@settings(max_examples=30)
@given(share=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=9))
def test_single_precision_is_enough(share, tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    columns = [pa.array(np.float32(1) - np.float32(share)), pa.array(np.float32(share))]
    labels = ["no", "yes"] * len(share)
    pq.write_table(
        pa.table({"id": range(len(share)), "y": labels[: len(share)]}), folder / "rows.parquet"
    )
    pq.write_table(pa.table(columns, names=["a0", "a1"]), folder / "answers.parquet")
    job = ScoringJob(
        folder=folder, model=folder, data=folder / "rows.parquet", key=("id",), label="y",
        carried=(), task="binary", positive="yes", environment="current", timeout=1,
        output=folder / "out.parquet", classes=("no", "yes"),
    )  # fmt: skip
    rows, _ = predictions.join(job, folder / "answers.parquet", Words())
    assert len(share) == rows


# Regressions


def test_a_regression_answers_one_column_or_names_it(read):
    numbers, other = [1.5, 2.5, 3.5, 4.5], [0.0, 0.0, 0.0, 0.0]
    for columns, names, more in (
        ([numbers], None, {}),
        ([numbers], ("anything",), {}),
        ([other, numbers], ("low", "prediction"), {}),
        ([other, numbers], None, {"answer": AnswerColumns(prediction=1)}),
    ):
        found = read(numbers, columns, names, task="regression", **more)
        assert numbers == found["prediction"]
    with pytest.raises(InputError, match="which one is the prediction"):
        read(numbers, [numbers, other], ("low", "high"), task="regression")

"""The shapes in which models answer, as the scoring process hands them over."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from cdml.adapters.scoring.worker import UnusableModel, arrow, class_list, read_answer

FRAME = pd.DataFrame({"x": [1.0, 2.0]})
PAIR = np.array([[0.25, 0.75], [0.5, 0.5]])


def handed(said, frame=FRAME):
    names, columns = read_answer(said, frame)
    return names, [arrow(column).to_pylist() for column in columns]


@pytest.mark.parametrize(
    ("said", "names", "columns"),
    [
        ([1, 0], None, [[1, 0]]),
        (("a", "b"), None, [["a", "b"]]),
        (np.array([[1], [0]]), None, [[1, 0]]),
        (np.array(["a", "b"], dtype=object), None, [["a", "b"]]),
        (np.array([1.5, 2.5], dtype="float16"), None, [[1.5, 2.5]]),
        (PAIR, None, [[0.25, 0.5], [0.75, 0.5]]),
        (PAIR.tolist(), None, [[0.25, 0.5], [0.75, 0.5]]),
        (sparse.csr_matrix(PAIR), None, [[0.25, 0.5], [0.75, 0.5]]),
        (pd.Series([1, 0]), None, [[1, 0]]),
        (pd.Series([1, 0], name="late"), ["late"], [[1, 0]]),
        (pd.Series(["a", "b"], dtype="category"), None, [["a", "b"]]),
        (pd.DataFrame(PAIR), None, [[0.25, 0.5], [0.75, 0.5]]),
        (pd.DataFrame(PAIR, columns=[1, 0]), [1, 0], [[0.25, 0.5], [0.75, 0.5]]),
        (pd.DataFrame(PAIR, columns=["no", "yes"]), ["no", "yes"], [[0.25, 0.5], [0.75, 0.5]]),
        (pd.DataFrame({"p": list(PAIR)}), ["p"], [[[0.25, 0.75], [0.5, 0.5]]]),
        (pa.table({"label": ["a", "b"]}), ["label"], [["a", "b"]]),
        ({"label": ["a", "b"], "p": PAIR[:, 0]}, ["label", "p"], [["a", "b"], [0.25, 0.5]]),
        ({"p": PAIR}, ["p"], [[[0.25, 0.75], [0.5, 0.5]]]),
        ([{"a": 0.25, "b": 0.75}, {"b": 0.5, "a": 0.5}], ["a", "b"], [[0.25, 0.5], [0.75, 0.5]]),
        (np.array([(1, 0.5), (0, 1)], dtype="i4, f8"), ["f0", "f1"], [[1, 0], [0.5, 1.0]]),
    ],
)  # fmt: skip
def test_columns_are_handed_over_as_they_are(said, names, columns):
    assert (names, columns) == handed(said)


@pytest.mark.parametrize("said", ["a", 1, np.float64(1), {"label": "a"}, {"label": ["a"]}])
def test_a_single_row_may_be_answered_by_a_single_value(said):
    _, [column] = handed(said, FRAME.iloc[[0]])
    assert 1 == len(column)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([1], "1 rows for 2"),
        ("a", "str of shape"),
        (None, "NoneType of shape"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ([[1], [1, 2]], "different lengths"),
        ({"label": ["a"]}, "1 rows for 2"),
        ([{"a": 1}, {"b": 1}], "different keys"),
        (pd.Series([1, 0], index=[1, 0]), "different order"),
        (pd.DataFrame({"a": [1, 0]}, index=[1, 0]), "different order"),
        (pd.Series([1, "a"]), "different types"),
    ],
)
def test_what_is_no_table_of_the_rows_is_refused(said, told):
    with pytest.raises(UnusableModel, match=told):
        handed(said)


def test_classes_are_plain_values_or_none():
    class Estimator:
        def __init__(self, classes):
            self.classes_ = classes

    class Broken:
        @property
        def classes_(self):
            raise RuntimeError

    assert [0, 1] == class_list(Estimator(np.array([0, 1])))
    assert ["a", "b"] == class_list(Estimator(np.array(["a", "b"])))
    assert [] == class_list(Estimator([np.array([0, 1]), np.array([0, 1])]))
    assert [] == class_list(Broken()) == class_list(None)

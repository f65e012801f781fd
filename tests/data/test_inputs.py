import random

import pytest

from cdml.common.verdict import Verdict
from cdml.data.leakage import inputs
from cdml.tables.query import Field, LogicalType
from cdml.tables.table import Conflicts

ROWS = 1000
RNG = random.Random(3)
LABEL = [float(RNG.random() < 0.3) for _ in range(ROWS)]
HOLES = [RNG.random() < 0.1 for _ in range(ROWS)]


def holes(where):
    return [None if lost else 1.0 for lost in where]


def found(column, label=LABEL, *, classes=True):
    sample = {"x": column, "label": label}
    return [one.name for one in inputs.missing_with_label(sample, "label", classes=classes)]


def test_values_missing_where_the_labels_are_coincide_with_it():
    label = [None if lost else value for lost, value in zip(HOLES, LABEL, strict=True)]

    assert ["missing_with_label"] == found(holes(HOLES), label)
    assert ["missing_with_label"] == found(holes(HOLES), label, classes=False)


def test_values_missing_by_themselves_do_not():
    elsewhere = [RNG.random() < 0.1 for _ in range(ROWS)]
    label = [None if lost else value for lost, value in zip(elsewhere, LABEL, strict=True)]

    assert [] == found(holes(HOLES)) == found(holes(HOLES), label)


@pytest.mark.parametrize("column", [[1.0] * ROWS, [None] * ROWS])
def test_a_column_without_holes_or_without_values_has_nothing_to_coincide(column):
    assert [] == found(column)


def test_values_missing_in_one_class_only_tell_the_label():
    late = [value > 0 and RNG.random() < 0.3 for value in LABEL]

    assert ["missing_tells_label"] == found(holes(late))
    assert [] == found(holes(late), classes=False)


def test_the_usual_class_is_no_news():
    label = [float(number % 500 == 0) for number in range(ROWS)]

    assert [] == found(
        holes([not value and lost for value, lost in zip(label, HOLES, strict=True)])
    )
    assert [] == found(holes(HOLES), label)


def field(name, kind):
    return Field(name=name, type=kind, physical="")


@pytest.mark.parametrize(
    ("name", "kind", "values", "expected"),
    [
        ("n", LogicalType.INTEGER, list(map(float, range(ROWS))), True),
        ("price", LogicalType.INTEGER, [n * 977.0 for n in range(ROWS)], False),
        ("user_id", LogicalType.INTEGER, [n * 977.0 for n in range(ROWS)], True),
        ("userId", LogicalType.INTEGER, [n * 977.0 for n in range(ROWS)], True),
        ("paid", LogicalType.INTEGER, [n * 977.0 for n in range(ROWS)], False),
        ("code", LogicalType.STRING, [f"a{n}" for n in range(ROWS)], True),
        ("review", LogicalType.STRING, [f"it is {n}" for n in range(ROWS)], False),
        ("amount", LogicalType.NUMBER, list(map(float, range(ROWS))), False),
        ("n", LogicalType.INTEGER, [0.0, *map(float, range(ROWS - 1))], False),
        ("n", LogicalType.INTEGER, [None, *map(float, range(ROWS - 1))], False),
        ("n", LogicalType.INTEGER, list(map(float, range(50))), False),
    ],
)
def test_a_counter_and_a_code_look_like_identifiers(name, kind, values, expected):
    assert expected is inputs.maybe_identifier(field(name, kind), values, ROWS)


def test_one_value_may_be_constant_and_a_hole_is_a_value_more():
    assert inputs.maybe_constant([1.0, 1.0])
    assert inputs.maybe_constant([None, None])
    assert not inputs.maybe_constant([1.0, None])


@pytest.mark.parametrize(
    ("equal", "conflicting", "expected"),
    [
        (0, 0, Verdict.PASS),
        (100, 49, Verdict.PASS),
        (100, 50, Verdict.WARN),
        (900, 900, Verdict.PASS),
    ],
)
def test_labels_that_contradict_warn_unless_the_inputs_are_coarse(equal, conflicting, expected):
    judged = inputs.conflicting_labels(Conflicts(equal=equal, conflicting=conflicting), ROWS)

    assert expected is judged.verdict
    assert f"{conflicting} of 1,000 rows have the same inputs" in judged.reason

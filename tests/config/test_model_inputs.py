"""Which columns a model is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.config.input_columns import Purposes, contradiction, input_columns
from cdml.config.schema import DataSettings

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


@pytest.mark.heavy
@given(columns=NAMES, features=NAMES, identity=NAMES, others=NAMES)
def test_the_key_and_the_label_are_no_inputs_and_others_only_where_they_are_named(
    columns, features, identity, others
):
    named = tuple(name for name in features if name not in identity)
    purposes = Purposes(
        identity=frozenset(identity), features=named, others=frozenset(others) - {*identity}
    )
    found = input_columns(None, purposes, columns)

    assert not set(found) & set(identity)
    assert set(found) <= set(columns)
    assert len(found) == len(set(found))
    if named:
        assert list(found) == [name for name in named if name in columns]
    else:
        assert list(found) == [name for name in columns if name not in {*identity, *others}]


@pytest.mark.heavy
@given(columns=NAMES, signature=NAMES, features=NAMES)
def test_a_signature_that_names_its_inputs_decides(columns, signature, features):
    purposes = Purposes(identity=frozenset("a"), features=tuple(features))
    found = input_columns(signature, purposes, columns)

    assert list(found) == [name for name in signature if name in columns]


def test_every_column_with_a_purpose_is_set_aside():
    data = DataSettings(
        evaluation="x", key=("id",), label="y", slices=("s",), weight="w", cluster="c", time="t",
        group="g", sensitive="e", cost="o",
    )  # fmt: skip
    columns = ["id", "y", "s", "w", "c", "t", "g", "e", "o", "x"]

    assert ("x",) == input_columns(None, data.purposes, columns)


@pytest.mark.parametrize(
    ("features", "required", "told"),
    [
        ((), ("x", "y"), ""),
        (("x", "y"), ("x", "y"), ""),
        (("x",), ("x",), ""),
        (("x", "z"), ("x",), "names z, which the signature does not have"),
        (("x",), ("x", "y"), "leaves out y, which the signature requires"),
    ],
)
def test_features_and_a_signature_contradict_one_another_where_neither_holds_the_other(
    features, required, told
):
    assert told == contradiction(features, {"x": "double", "y": "double"}, required)

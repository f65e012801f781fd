"""Which values are one class."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cdml.config.class_labels import (
    find_class,
    is_same_class,
    list_classes,
    yaml_scalar,
)

VALUES = st.one_of(
    st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=5)
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (1, 1.0),
        ("1", 1),
        ("1.0", 1),
        ("true", True),
        ("False", 0),
        ("0.5", 0.5),
        ("-3", -3),
    ],
)
def test_one_class_may_be_written_in_several_ways(one, other):
    assert is_same_class(one, other)
    assert is_same_class(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("01", 1), ("1", "1.0"), ("yes", True), ("Yes", "yes"), (" 1", 1), ("1e0", 1), ("", 0),
        (2**53 + 1, float(2**53)), (str(2**53 + 1), float(2**53)), ("nan", float("nan")), (0.1, 0),
    ],
)  # fmt: skip
def test_what_would_change_by_being_read_is_another_class(one, other):
    assert not is_same_class(one, other)


@pytest.mark.heavy
@given(VALUES, VALUES)
def test_being_one_class_has_no_order(one, other):
    assert is_same_class(one, one)
    assert is_same_class(one, other) == is_same_class(other, one)


@pytest.mark.heavy
@given(VALUES)
def test_a_class_is_listed_as_yaml_reads_it(value):
    assert is_same_class(value, yaml.safe_load(f"[{yaml_scalar(value)}]")[0])


def test_a_class_is_found_as_the_others_write_it():
    assert "1" == find_class(1, ["0", "1"])
    assert find_class("2", [0, 1]) is None
    assert 'a, "no", true, "on time", 1' == list_classes(["a", "no", True, "on time", 1])
    assert list_classes(range(30)).endswith("19, …")

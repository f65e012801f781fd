"""Counts put together from others are those of the conditions themselves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.tables.query import (
    EVERY_ROW,
    All,
    Compare,
    Either,
    In,
    Matches,
    Missing,
    Not,
    NotRun,
    present,
    terms,
    total,
    violates,
)
from fakes.tables import holds

LOW, FEW = Compare("n", ">=", 1.0), In("n", (-1.0, 2.0))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.sampled_from([-1.0, 0.0, 1.0, 2.0, math.nan]),
            "w": st.none() | st.sampled_from(["", "a", "b"]),
        }
    )
)
LEAVES = st.sampled_from([Missing("n"), Missing("w"), LOW, FEW, Matches("w", "a"), In("n", ())])
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, max_size=3).map(lambda some: All(tuple(some)))
        | st.lists(inner, max_size=3).map(lambda some: Either(tuple(some)))
        | st.tuples(st.sampled_from("nw"), inner).map(lambda pair: violates(*pair))
        | st.tuples(st.sampled_from("nw"), inner).map(
            lambda pair: Either((Missing(pair[0]), pair[1]))
        )
    ),
    max_leaves=6,
)


def count(condition, rows):
    return sum(holds(condition, row) for row in rows)


@pytest.mark.heavy
@given(condition=CONDITIONS, rows=ROWS)
def test_the_sum_of_the_terms_is_the_count_of_the_condition(condition, rows):
    parts = terms(condition)

    assert count(condition, rows) == total(parts, {one: count(one, rows) for _, one in parts})


def test_many_rules_of_a_column_share_the_count_of_its_missing_values():
    assert ((1, Missing("n")), (1, FEW)) == terms(Either((Missing("n"), FEW)))
    assert ((1, EVERY_ROW), (-1, Missing("n")), (-1, LOW)) == terms(All((present("n"), Not(LOW))))


def test_a_term_that_was_not_run_leaves_the_count_unknown():
    asked, gone = terms(violates("w", Matches("w", "("))), NotRun("no pattern")
    counted = {one: 3 if sign > 0 else gone for sign, one in asked}

    assert gone == total(asked, counted)

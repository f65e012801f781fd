"""What an address hides is seen by whoever connects to it, and by nobody else."""

import copy
import pickle
import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cdml.common.addresses import Address, mask, reveal

WRITTEN = "https://data.test/${KEY}/x.parquet?sig=${SIGNATURE}"
VALUES = {"KEY": "s3cr/et-key", "SIGNATURE": "ab+cd=="}
MADE = Address(WRITTEN, VALUES)


@pytest.mark.parametrize(
    "shown",
    [str, repr, "{}".format, "{:>80}".format, lambda one: f"{one!r}", "".__add__,
     lambda one: str(copy.deepcopy(one)), lambda one: str(pickle.loads(pickle.dumps(one)))],  # noqa: S301
    ids=range(8),
)  # fmt: skip
def test_a_text_of_it_is_what_was_written(shown):
    assert shown(MADE).strip().strip("'") == WRITTEN


def test_whoever_connects_gets_what_it_stands_for():
    assert "https://data.test/s3cr/et-key/x.parquet?sig=ab+cd==" == reveal(MADE)
    assert reveal(MADE) == reveal(copy.deepcopy(MADE))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://me:pass@host/x", "https://***@host/x"),
        ("postgresql://me:p%40ss@host/d#t", "postgresql://***@host/d#t"),
        ("https://token@host/x", "https://***@host/x"),
        ("s3://bucket/x@y", "s3://bucket/x@y"),
        ("data/me@home/rows.parquet", "data/me@home/rows.parquet"),
    ],
)
def test_a_password_that_was_written_is_not_shown_either(written, shown):
    made = Address(written)

    assert (shown, written) == (str(made), reveal(made))


@pytest.mark.parametrize(
    "said",
    [
        "404 for https://data.test/s3cr/et-key/x.parquet?sig=ab+cd==",
        "Max retries exceeded with url: /s3cr/et-key/x.parquet?sig=ab%2Bcd%3D%3D",
        "no such object s3cr%2Fet-key",
        "key: 'et-key'",
    ],
)
def test_what_others_quote_of_it_is_masked(said):
    told = mask(said, MADE)

    assert not [part for part in ("s3cr", "et-key", "ab+cd", "ab%2Bcd") if part in told]
    assert "${" in told


def test_parts_of_a_password_are_masked_in_what_others_say():
    made = Address("postgresql://me:hidden%40word@host/d")

    told = mask('password "hidden@word" (hidden%40word) failed for host', made)
    assert 'password "***" (***) failed for host' == told


def test_the_host_of_a_variable_is_masked_too():
    made = Address("${WHERE}/x", {"WHERE": "https://inner.test:8443/base"})

    told = mask("inner.test:8443 refused /base/x of HTTPConnection(inner.test)", made)
    assert "inner" not in told


WORDS = st.text(string.ascii_letters + string.digits + "/:@?&=%+ -_.", min_size=1, max_size=30)


@pytest.mark.heavy
@given(WORDS, st.sampled_from(["https://h.test/{}", "https://{}@h.test", "{}/x", "https://{}"]))
def test_no_value_survives_in_any_writing(value, place):
    assume(not set(value) <= set("${KEY}*"))
    made = Address(place.format("${KEY}"), {"KEY": value})

    for said in (value, quote(value), quote(value, safe=""), reveal(made), repr(reveal(made))):
        told = mask(f"It said <{said}>.", made).replace("${KEY}", "")
        assert value not in told or value in "It said <>.https://h.test/x@'***"
    assert f"{made}" == place.format("${KEY}") or "***" in made

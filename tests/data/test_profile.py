"""A profile is a few kilobytes, tells nothing closed, and is read with suspicion."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.data.drift import profile_file as profiles
from cdml.data.drift.bins import Categories, Edges
from cdml.data.drift.profile import ColumnProfile, Profile, SliceProfile
from cdml.errors import InputError
from cdml.evidence.schema import DataRef, Producer
from cdml.tables.query import LogicalType

DELAY = Edges(at=(0.0, 10.0))
ORIGIN = Categories(names=("EWR", "JFK"))
SPREAD = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))


@st.composite
def drawn(draw):
    """A profile of the same columns, sliced by origin."""
    spread = {value: draw(SPREAD) for value in draw(st.sets(st.sampled_from(["EWR", "JFK"])))}
    parts = [
        SliceProfile(
            column="origin", value=value, rows=sum(n), counts={"delay": (n[0], n[1], n[2], 0)}
        )
        for value, n in sorted(spread.items())
    ]
    rows = sum(part.rows for part in parts)
    delays = [sum(n[at] for n in spread.values()) for at in range(3)]
    low = draw(st.none() | st.integers(-9, 0))
    return Profile(
        rows=rows,
        columns=(
            ColumnProfile(
                name="delay", type=LogicalType.NUMBER, bins=DELAY, counts=(*delays, 0),
                low=low, high=None if low is None else 5.0,
                mean=None if low is None else draw(st.integers(0, 4)),
            ),
            ColumnProfile(
                name="origin", type=LogicalType.STRING, bins=ORIGIN,
                counts=(0, sum(spread.get("EWR", ())), sum(spread.get("JFK", ())), 0),
            ),
        ),
        slices=tuple(parts),
    )  # fmt: skip


BY = Producer(tool="1", commit=None, time=datetime(2026, 1, 1, tzinfo=UTC))


def data(profile):
    return DataRef(uri="before.parquet", digest="sha256:" + "0" * 64, rows=profile.rows)


@given(profile=drawn())
def test_what_is_written_is_what_is_read(tmp_path_factory, profile):
    path = tmp_path_factory.mktemp("profile") / "profile.json"
    document = profiles.ProfileDocument(produced=BY, data=data(profile), profile=profile)
    profiles.write_profile(path, document)

    assert document == profiles.read_profile(path)


def simple(**changes):
    told = {"name": "delay", "type": LogicalType.NUMBER, "bins": DELAY, "counts": (1, 2, 3, 4)}
    return Profile(rows=10, columns=(ColumnProfile(**{**told, **changes}),))


def broken(change):
    document = profiles.ProfileDocument(produced=BY, data=data(simple()), profile=simple())
    found = json.loads(document.model_dump_json(by_alias=True))
    change(found)
    return json.dumps(found).encode()


def at(*path, value):
    def change(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


COLUMN = ("profile", "columns", 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (at("schema", value="cdml.profile/2"), "it has another version: cdml.profile/2"),
        (at("schema", value="cdml.data/1"), "is no profile: cdml.data/1"),
        (at("surprise", value=1), "surprise"),
        (at(*COLUMN, "surprise", value=1), "surprise"),
        (at(*COLUMN, "bins", "surprise", value=1), "surprise"),
        (at(*COLUMN, "counts", value=[1, 2, 7]), "3 counts for 4 bins"),
        (at(*COLUMN, "counts", value=[1, 2, 8, -1]), "negative"),
        (at(*COLUMN, "counts", value=[1, 2, 3, 5]), "counts 11 of 10 rows"),
        (at(*COLUMN, "counts", value=["1", 2, 3, 4]), "a whole number"),
        (at(*COLUMN, "bins", "at", value=[10.0, 0.0]), "do not increase"),
        (at(*COLUMN, "type", value="money"), "type"),
        (at("data", "rows", value=11), "belongs to other rows"),
        (at("profile", "slices", value=[{"column": "a", "value": "b", "rows": 1,
                                         "counts": {"x": [1]}}]), "an unknown column"),
    ],
)  # fmt: skip
def test_a_profile_that_contradicts_itself_is_an_input_error(change, expected):
    with pytest.raises(InputError) as error:
        profiles.parse_profile(broken(change), "x.profile.json")

    assert expected in error.value.message
    assert error.value.message.startswith("x.profile.json is ")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{" * 100_000, b'{"schema": 1}'])
def test_what_is_no_profile_is_an_input_error(content):
    with pytest.raises(InputError):
        profiles.parse_profile(content, "x.profile.json")


def test_edges_of_a_time_must_be_times(tmp_path):
    change = at(*COLUMN, "bins", "at", value=[0.0, 1e300])
    content = broken(change).replace(b'"number"', b'"timestamp"')
    path = tmp_path / "x.profile.json"
    path.write_bytes(content)

    with pytest.raises(InputError, match="no timestamp"):
        profiles.read_profile(path)


def test_a_file_beyond_all_measure_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "MAX_BYTES", 10)
    (tmp_path / "profile.json").write_bytes(broken(at("schema", value="x")))

    with pytest.raises(InputError, match="larger than"):
        profiles.read_profile(tmp_path / "profile.json")

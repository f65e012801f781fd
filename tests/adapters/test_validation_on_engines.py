"""All of validate-data on any rows, with any reference: the same of DuckDB and plain Python."""

import random
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.config import load
from cdml.data.rules.signature import Signature
from cdml.data.validate import validate_data
from cdml.errors import CdmlError
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.tables import FakeTables

pytestmark = pytest.mark.long

CONFIG = """\
version: 1
model: m
data:
  evaluation: now.parquet
  key: [id]
  label: {label}
  time: day
  group: w
  {positive}
  drift: {{fail: 0.5, slices: {slices}}}
  slices: [w]
"""
TYPES = {
    "id": pa.int64(), "late": pa.bool_(), "n": pa.float64(), "i": pa.int64(), "w": pa.string(),
    "day": pa.date32(),
}  # fmt: skip
NUMBERS = [0.0, -0.5, 1.5, 2.25, 1e300, float("nan"), float("inf"), None]
WORDS = ["", "a", "b", "JFK", "ü", "it's", None]
SETTINGS = st.sampled_from(
    [("late", "positive: true"), ("late", ""), ("n", "task: regression"), ("w", "")]
)
FEATURES = st.none() | st.lists(st.sampled_from(["n", "i", "w", "day", "lost"]), unique=True)
_DUCK = DuckTables()


def rows(seed, many, first):
    """Few values, so that they meet; sometimes some are missing, or one only is there."""
    draw = random.Random(seed)
    spread = draw.choice([1, 2, 8])
    holes = [None] * draw.choice([0, 1])
    begin = date(2020, 1, 1) + timedelta(days=draw.choice([0, 5, 50]))
    return {
        "id": [first + number // draw.choice([1, 1, 2]) for number in range(many)],
        "late": draw.choices([True, False, *holes], k=many),
        "n": draw.choices(draw.sample(NUMBERS, spread), k=many),
        "i": draw.choices([*range(spread), *holes], k=many),
        "w": draw.choices(draw.sample(WORDS, min(spread, 7)), k=many),
        "day": [begin + timedelta(days=draw.randrange(9)) for _ in range(many)],
    }


TABLES = st.builds(rows, st.integers(0, 10**6), st.sampled_from([1, 3, 40, 150]), st.just(0))
REFERENCES = st.none() | st.builds(
    rows, st.integers(0, 10**6), st.sampled_from([1, 40, 150]), st.sampled_from([0, 1000])
)


def judged(tables, folder, options):
    config = load(folder / "cdml.yaml", targets=["registry"], environment={})
    ports = FakePorts(tables=tables, ci_run=FakeCiRun(), clock=FakeClock(), progress=FakeProgress())
    try:
        found = validate_data(config, ports, output=folder / "out", **options)
    except CdmlError as error:
        return type(error), error.message
    told = [check.model_dump() for check in found.checks]
    return found.verdict, found.reason, told


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # as for contracts: shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(now=TABLES, before=REFERENCES, asked=SETTINGS, slices=st.booleans(), features=FEATURES)
def test_every_engine_says_the_same_of_any_rows(tmp_path, now, before, asked, slices, features):
    fake = FakeTables()
    for name, data in (("now", now), ("before", before)):
        if data is None:
            continue
        path = tmp_path / f"{name}.parquet"
        arrays = [pa.array(data[column], kind) for column, kind in TYPES.items()]
        parquet.write_table(pa.table(arrays, list(TYPES)), path)
        fake.add(str(path), data).fields = _DUCK.open(str(path)).fields
    text = CONFIG.format(label=asked[0], positive=asked[1], slices=str(slices).lower())
    (tmp_path / "cdml.yaml").write_text(text, encoding="utf-8")
    model = (
        None
        if features is None
        else Signature(subject="the model", types=dict.fromkeys(features, ""))
    )
    options = {"judged": model, "reference": "before.parquet" if before else None}

    expected = judged(fake, tmp_path, options)
    found = judged(_DUCK, tmp_path, options)
    assert expected == found

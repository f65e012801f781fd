"""What a look remembers: small, exact, and refused if someone else wrote it."""

import json
import random
import zlib
from datetime import UTC, datetime

import pytest

from cdml.config.monitoring import MonitoringSettings
from cdml.config.schema import DriftSettings
from cdml.data.drift.bins import Categories, Edges
from cdml.data.drift.profile import ColumnProfile
from cdml.errors import InputError
from cdml.journal.port import Snapshot
from cdml.monitoring.advance import PeriodRows, advance, start_period
from cdml.monitoring.drift import DriftColumns, advance_drift
from cdml.monitoring.label_drift import advance_labels
from cdml.monitoring.promises import MOST_SLICES, Promise
from cdml.monitoring.serving import ServingPeriod
from cdml.monitoring.state import (
    MOST_DRIFTING,
    DriftState,
    LabelDriftState,
    MonitorState,
    add_point,
    dump_state,
    list_points,
    parse_state,
)
from cdml.statistics.metrics import find_metric
from cdml.statistics.sequential.degradation import WindowSums
from cdml.statistics.sequential.figures import Figure, Form
from cdml.tables.query import LogicalType
from support.monitoring_scenarios import DAY, MonitoredWorld

MEGABYTE = 2**20
PROFILES = tuple(
    ColumnProfile(
        name=f"column_{number}", type=LogicalType.NUMBER, bins=Edges(at=(0.0,)),
        counts=(0, 500, 500),
    )
    for number in range(60)
)  # fmt: skip
COLUMNS = DriftColumns(profiles={"input": PROFILES})
CLASSES = ColumnProfile(
    name="kind", type=LogicalType.STRING, counts=(0, *[100] * 50, 0),
    bins=Categories(names=tuple(f"class {number}" for number in range(50))),
)  # fmt: skip
LIMITS = DriftSettings()
GIT = 300
"""Bytes of a commit and its tree."""


def a_year(names, slices=0):
    """The states after each daily look of a year; slices are those of the first metric."""
    figures = [
        Figure(metric=find_metric(name), form=Form.MEAN, worst=0.0, best=1.0) for name in names
    ]
    parts = [(one, None) for one in figures]
    parts += [(figures[0], ("carrier", f"C{number}")) for number in range(slices)]
    promises = [
        Promise(figure=one, bound=0.85, origin="at_least 0.85", part=part) for one, part in parts
    ]
    draws = random.Random(3)
    period, drift = start(promises), DriftState(operation="0" * 32, next_window=20_000)
    labels = LabelDriftState(operation="0" * 32, next_window=20_000)
    for day in range(365):
        count = draws.randrange(9_000_000, 11_000_000)
        goods = {one.key_of(part): draws.gauss(0.9, 0.01) * count for one, part in parts}
        figures_by_key = {key: WindowSums(count, good, good) for key, good in goods.items()}
        rows = PeriodRows(
            window=20_000 + day, predictions=count, labelled=count, unusable=0,
            figures=figures_by_key,
        )  # fmt: skip
        period = advance(period, [rows], closed=20_001 + day, min_labelled=0.5)
        counts = {one.name: draw_counts(draws, count) for one in PROFILES}
        drift = advance_drift(drift, COLUMNS, {20_000 + day: counts}, LIMITS, ended=20_001 + day)
        classes = {f"class {number}": draws.randrange(count // 50) for number in range(50)}
        rows = PeriodRows(
            window=20_000 + day, predictions=count, labelled=sum(classes.values()), unusable=0,
            figures={}, classes=classes,
        )  # fmt: skip
        labels = advance_labels(
            labels, CLASSES, [rows], LIMITS, closed=20_001 + day, min_labelled=0.0
        )
        yield MonitorState(
            model="flights", environment="production", periods=(period,), drift=drift,
            label_drift=labels,
        )  # fmt: skip


def draw_counts(draws, rows):
    """Missing values, then two bins; half of the columns have drifted on most days."""
    few = int(rows * min(max(draws.gauss(0.3, 0.1), 0.01), 0.99))
    return 0, few, rows - few


def start(promises):
    settings = MonitoringSettings.model_validate(
        {"predictions": "p", "key": ["id"], "time": "at", "label_delay": "7d"}
    )
    period = ServingPeriod(
        operation="0" * 32, version="3", digest=f"sha256:{'a' * 64}",
        since=datetime(2026, 1, 1, tzinfo=UTC), until=None,
    )  # fmt: skip
    return start_period(period, 20_000, promises, (), settings)


@pytest.mark.parametrize(
    ("names", "slices"),
    [(["accuracy"], 0), (["accuracy", "recall", "precision"], 0),
     (["accuracy", "recall", "precision"], MOST_SLICES)],
)  # fmt: skip
def test_a_year_of_daily_looks_stays_below_a_megabyte(names, slices):
    written = [json.dumps(dump_state(state), indent=1) for state in a_year(names, slices)]

    stored = sum(len(zlib.compress(text.encode())) + GIT for text in written)

    assert stored < MEGABYTE


def test_the_output_says_how_many_columns_are_not_listed():
    state = next(a_year(["accuracy"]))

    assert MOST_DRIFTING == len(state.drift.columns)
    assert f"{len(PROFILES) - MOST_DRIFTING} are not" in state.drift.not_compared["others"]


def test_a_state_is_read_as_it_was_written():
    *_, state = a_year(["accuracy"])
    document = json.loads(json.dumps(dump_state(state)))

    again = parse_state(
        Snapshot(document=document, commit="1"), model="flights", environment="production"
    )

    assert state == again


def test_older_points_are_thinned_out_and_the_newest_stay():
    points = ""
    for window in range(50):
        points = add_point(points, (window, 100, 0.9, -0.1), 20)

    listed = list_points(points)

    assert len(listed) <= 20
    assert list(range(45, 50)) == [window for window, *_ in listed[-5:]]
    assert (49, 100, 0.9, -0.1) == listed[-1]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"schema": "cdml.journal/1"}, "not in a format that this cdml reads"),
        ({"schema": "cdml.monitor-state/1", "model": "other", "environment": "x"}, "belongs to"),
    ],
)
def test_what_someone_else_wrote_is_refused(tmp_path, document, sentence):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.state.write(document, "mine", None)
    world.clock.pass_by(DAY)

    with pytest.raises(InputError, match=sentence):
        world.monitor()

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
from cdml.monitoring.feeds import MOST_COLUMNS
from cdml.monitoring.label_drift import advance_labels
from cdml.monitoring.promises import MOST_RULES, MOST_SLICES, NoPromise, Promise
from cdml.monitoring.serving import ServingPeriod
from cdml.monitoring.state import (
    MOST_DRIFTING,
    DriftState,
    LabelDriftState,
    MonitorState,
    Reaction,
    add_point,
    dump_state,
    list_drift,
    list_points,
    parse_state,
)
from cdml.monitoring.state_size import MOST_ENDED, fit_state
from cdml.statistics.metrics import find_metric
from cdml.statistics.sequential.degradation import WindowSums
from cdml.statistics.sequential.figures import Figure, Form
from cdml.tables.query import LogicalType
from support.monitoring_scenarios import DAY, MonitoredWorld

pytestmark = pytest.mark.long

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


OVERALL = ("accuracy", "recall", "precision", "specificity")
"""As many metrics as leave room for all slices."""
WIDE = tuple(f"{word}_{unit}_{days}d" for word in ("delay", "taxi", "visits", "spend", "distance")
             for unit in ("mean", "max") for days in (1, 7, 28))  # fmt: skip
"""Names of columns such as feature stores have."""
ENDED = 30


def a_year(names=("accuracy",), slices=0, *, ended=0, columns=(), unjudged=0):
    """The states after each daily look of a year; slices are those of the first metric."""
    figures = [
        Figure(metric=find_metric(name), form=Form.MEAN, worst=0.0, best=1.0) for name in names
    ]
    parts = [(one, None) for one in figures]
    parts += [(figures[0], ("carrier", f"C{number}")) for number in range(slices)]
    draws = random.Random(3)
    promises = [
        Promise(
            figure=one, bound=draws.uniform(0.8, 0.85), part=part,
            origin=f"lower bound {draws.uniform(0.8, 0.85):.4g} at the gate, margin 0.02",
        )
        for one, part in parts
    ]  # fmt: skip
    without = [NoPromise(metric=f"r2_{n}", reason="no test is known") for n in range(unjudged)]
    days = {"next_window": 20_000, "operation": f"{draws.randrange(16**32):032x}"}
    state = MonitorState(
        model="flights", environment="production",
        drift=DriftState(**days), label_drift=LabelDriftState(**days),
        columns={"predictions": dict.fromkeys(columns, "float")},
        periods=(start(promises, draws, without), *(over(promises, draws) for _ in range(ended))),
    )  # fmt: skip
    for day in range(365):
        period, *rest = state.periods
        counts = {one.key_of(part): draws.randrange(10_000, 10_000_000) for one, part in parts}
        sums = {}
        for key, count in counts.items():
            good = min(draws.gauss(0.9, 0.01), 1.0) * count
            sums[key] = WindowSums(count, good, good)
        window = {"window": 20_000 + day, "predictions": 10**7, "unusable": 0}
        rows = PeriodRows(**window, labelled=draws.randrange(5 * 10**6, 10**7), figures=sums)
        period = advance(period, [rows], closed=20_001 + day, min_labelled=0.5)
        drawn = {one.name: draw_counts(draws, 10**7) for one in PROFILES}
        drift = advance_drift(
            state.drift, COLUMNS, {20_000 + day: drawn}, LIMITS, ended=20_001 + day
        )
        classes = {f"class {number}": draws.randrange(10**5) for number in range(50)}
        rows = PeriodRows(**window, labelled=sum(classes.values()), figures={}, classes=classes)
        labels = advance_labels(
            state.label_drift, CLASSES, [rows], LIMITS, closed=20_001 + day, min_labelled=0.0
        )
        state = fit_state(
            state.model_copy(
                update={
                    "periods": (period, *rest), "drift": drift, "label_drift": labels,
                }
            )
        )  # fmt: skip
        yield state


def over(promises, draws):
    """A period of before in which every promise was broken."""
    period = start(promises, draws)
    rules = tuple(one.model_copy(update={"degraded_in": 19_990}) for one in period.rules)
    return period.model_copy(update={"over": True, "rules": rules})


def draw_counts(draws, rows):
    """Missing values, then two bins; half of the columns have drifted on most days."""
    few = int(rows * min(max(draws.gauss(0.3, 0.1), 0.01), 0.99))
    return 0, few, rows - few


def start(promises, draws, without=()):
    settings = MonitoringSettings.model_validate(
        {"predictions": "p", "key": ["id"], "time": "at", "label_delay": "7d"}
    )
    period = ServingPeriod(
        operation=f"{draws.randrange(16**32):032x}", version="3",
        digest=f"sha256:{draws.randrange(16**64):064x}",
        since=datetime(2026, 1, 1, tzinfo=UTC), until=None,
    )  # fmt: skip
    return start_period(period, 20_000, promises, without, settings)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("names", "slices", "others"),
    [
        (OVERALL[:1], 0, {}),
        (OVERALL[:3], MOST_SLICES, {"ended": 3, "columns": WIDE[:10]}),
        (OVERALL, MOST_SLICES, {"ended": ENDED, "columns": WIDE, "unjudged": 8}),
    ],
)
def test_a_year_of_daily_looks_stays_below_a_megabyte(names, slices, others):
    """The last one is the most that is remembered: promises, slices, columns, classes, versions."""
    states = a_year(names, slices, **others)
    written = [json.dumps(dump_state(state), indent=1) for state in states]

    stored = sum(len(zlib.compress(text.encode())) + GIT for text in written)

    assert stored < 0.96 * MEGABYTE


def test_the_largest_state_is_as_large_as_promises_and_columns_may_be():
    assert MOST_RULES == len(OVERALL) + MOST_SLICES
    assert MOST_COLUMNS == len(WIDE)
    assert MOST_ENDED < ENDED


@pytest.mark.heavy
def test_what_is_given_up_is_the_oldest_and_never_a_test():
    *_, state = a_year(OVERALL, MOST_SLICES, ended=ENDED, columns=WIDE)

    assert 365 == next(iter(state.periods[0].rules)).test["windows"]
    assert MOST_RULES == len(state.periods[0].rules)
    assert MOST_DRIFTING == len(state.drift.columns)
    assert all(list_drift(one.points)[-1][0] == 20_364 for one in state.drift.columns)


@pytest.mark.heavy
def test_a_small_state_keeps_all_its_points_and_versions():
    *_, state = a_year(ended=3)

    assert 4 == len(state.periods)
    assert 45 < len(list_points(state.periods[0].rules[0].points))


def test_a_version_that_still_has_something_to_be_done_is_kept():
    state = next(a_year(OVERALL, MOST_SLICES, ended=ENDED, columns=WIDE))
    *_, oldest = state.periods
    waiting = Reaction(kind="retrain", state="intended", at=oldest.since)
    draws = random.Random(3)
    kept = over([], draws).model_copy(update={"reactions": (waiting,)})

    fitted = fit_state(state.model_copy(update={"periods": (*state.periods, kept)}))

    assert kept == fitted.periods[-1]


def test_the_output_says_how_many_columns_are_not_listed():
    state = next(a_year())

    assert MOST_DRIFTING == len(state.drift.columns)
    assert f"{len(PROFILES) - MOST_DRIFTING} are not" in state.drift.not_compared["others"]


def test_a_state_is_read_as_it_was_written():
    *_, state = a_year()
    document = json.loads(json.dumps(dump_state(state)))

    again = parse_state(
        Snapshot(document=document, commit="1"), model="flights", environment="production"
    )

    assert state == again


def test_a_state_of_an_earlier_cdml_is_read_too():
    """Its tests are objects, and it knows nothing of classes and of what vanished."""
    state = next(a_year())
    document = json.loads(json.dumps(dump_state(state)))
    for written, rule in zip(document["periods"][0]["rules"], state.periods[0].rules, strict=True):
        written["test"] = dict(rule.test)

    again = parse_state(
        Snapshot(document=document, commit="1"), model="flights", environment="production"
    )

    assert state == again


@pytest.mark.parametrize("test", ["", "1 2 3", "0.8 0.01 1.0 0 1 x 0 / 1 / 2 / 3", "nothing"])
def test_a_test_that_is_none_is_refused(test):
    document = json.loads(json.dumps(dump_state(next(a_year()))))
    document["periods"][0]["rules"][0]["test"] = test

    with pytest.raises(InputError, match="not in a format that this cdml reads"):
        parse_state(
            Snapshot(document=document, commit="1"), model="flights", environment="production"
        )


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

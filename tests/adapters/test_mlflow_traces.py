"""Traces of a real MLflow server as predictions, with their assessments as labels."""

from datetime import timedelta
from itertools import count

import mlflow
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Expectation, Feedback

from cdml.adapters.tables.mlflow_traces import TraceTables
from cdml.common.verdict import Verdict
from cdml.errors import ConfigurationError, InputError
from cdml.tables.table import Since
from fakes.clock import FakeClock
from support.monitoring_scenarios import DAY, MonitoredWorld

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint")
NAMES = count()
AT = FakeClock().now()


class Application:
    """A function whose calls are traced into an experiment."""

    def __init__(self, address):
        self.client = MlflowClient(address)
        self.name = f"application-{next(NAMES)}"
        self.experiment = self.client.create_experiment(self.name)
        self.address = f"mlflow+{address}#{self.name}"

    def call(self, arguments, result, *, at=AT, label=None, failed=False, **tags):
        nanoseconds = int(at.timestamp() * 1e9)
        root = self.client.start_trace(
            "predict",
            inputs=arguments,
            tags=tags,
            experiment_id=self.experiment,
            start_time_ns=nanoseconds,
        )
        status = "ERROR" if failed else "OK"
        self.client.end_trace(
            root.trace_id, outputs=result, status=status, end_time_ns=nanoseconds + 1000
        )
        if label is not None:
            self.assess(root.trace_id, Expectation(name="late", value=label))
        return root.trace_id

    def assess(self, trace_id, assessment):
        log = mlflow.log_expectation if isinstance(assessment, Expectation) else mlflow.log_feedback
        log(
            trace_id=trace_id,
            name=assessment.name,
            value=assessment.value,
            source=assessment.source,
        )

    def columns(self):
        tables = TraceTables()
        return pq.read_table(tables.open(self.address).parquet).to_pydict()


@pytest.fixture
def application(mlflow_address, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(mlflow_address)
    yield Application(mlflow_address)
    mlflow.set_tracking_uri(before)


def test_what_serves_is_judged_by_its_traces(application, tmp_path):
    monitoring = (
        f"  predictions: {application.address}\n  labels: {application.address}\n"
        "  key: [trace_id]\n  time: request_time\n  label_delay: 2d\n"
    )
    world = MonitoredWorld(tmp_path, monitoring=monitoring)
    world.ship("A", "B")
    start = world.clock.time
    for day in range(3):
        for hour in range(4):
            at = start + day * DAY + timedelta(hours=hour)
            served = {"prediction": True, "score": 0.8}
            application.call({"x": 1}, served, at=at, label=hour > 0, version="v2")
    application.call({"x": 1}, None, at=start, label=True, version="2", failed=True)
    application.call({"x": 1}, served, at=start, version="1")
    world.clock.pass_by(5 * DAY)

    seen = world.monitor()

    new, old = seen.versions
    assert ("2", 3) == (new.version, new.judged_windows)
    [rule] = new.rules
    assert (0.75, 3) == (pytest.approx(rule.value), rule.windows)
    assert ("1", 0, 1) == (old.version, old.judged_windows, old.skipped_windows)
    [unusable] = [alarm for alarm in seen.alarms if alarm.kind == "unusable"]
    assert unusable.reason.startswith("1 of 14 predictions have no prediction")
    assert Verdict.INCONCLUSIVE is seen.verdict
    assert seen.predictions.uri == application.address.removeprefix("mlflow+")


def test_each_trace_is_a_row_with_what_went_in_came_out_and_was_said_of_it(application):
    long = "a" * 5000
    first = application.call({"row": {"x": 1, "y": 2.5}}, [True], label=1)
    application.call(
        {"row": {"x": 2, "y": 2}}, {"prediction": False, "text": long}, at=AT + DAY, label=0
    )
    human = AssessmentSource(source_type="HUMAN", source_id="somebody")
    application.assess(first, Feedback(name="good", value=False, source=human))
    application.assess(first, Feedback(name="good", value=True))

    columns = application.columns()

    assert [True, False] == columns["prediction"]
    assert [None, long] == columns["text"]
    assert ([1, 2], [2.5, 2.0]) == (columns["x"], columns["y"])
    assert [1, 0] == columns["late"]
    assert [False, None] == columns["good"]
    assert [AT, AT + DAY] == columns["request_time"]
    assert all(columns["assessment_time"])


def test_arguments_that_mlflow_cut_off_are_left_out_of_every_row(application):
    application.call({"x": 1, "text": "short"}, 1)
    application.call({"x": 2, "text": "a" * 5000}, 0)

    assert not {"x", "text"} & application.columns().keys()


def test_a_name_that_means_two_things_is_refused(application):
    application.call({"x": 1}, {"prediction": True, "late": True}, label=True)

    with pytest.raises(InputError, match=r"'late' in the traces .* is both result and assessment"):
        application.columns()


def test_an_experiment_that_is_not_there_is_named(application):
    with pytest.raises(InputError, match="has no experiment 'other'"):
        TraceTables().open(application.address.replace(application.name, "other"))
    with pytest.raises(InputError, match="has no traces"):
        application.columns()
    with pytest.raises(ConfigurationError, match="names no experiment"):
        TraceTables().open(application.address.partition("#")[0])


def test_only_traces_since_a_time_are_listed_and_known_columns_stay(application):
    for day in range(5):
        rare = {"origin": "JFK", "delay": 2.5} if day == 0 else {"delay": day}
        application.call({"row": rare}, {"prediction": 1}, at=AT + day * DAY)
    known = {"origin": "string", "delay": "number", "late": "boolean"}

    def days_since(moment):
        since = Since(column="request_time", moment=moment, known=known)
        tables = TraceTables()
        table = tables.open_since(application.address, {}, since)
        found = pq.read_table(table.parquet).to_pydict()
        types = {field.name: str(field.type) for field in table.fields}
        return found["delay"], {name: types[name] for name in known}

    assert ([3.0, 4.0], known) == days_since(AT + 3 * DAY)
    assert ([4.0], known) == days_since(AT + 30 * DAY)

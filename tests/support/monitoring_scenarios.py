"""A version that serves, its logged predictions, and the labels that arrive later."""

import random
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.data.drift.classes import Classes, profile_classes
from cdml.data.drift.measure import build_profile
from cdml.data.drift.profile_file import FILE, PREDICTIONS_FILE, ProfileDocument, write_profile
from cdml.evidence import store
from cdml.evidence.interval import Interval
from cdml.evidence.schema import Evaluation, MetricValue, Producer
from cdml.monitoring.monitor import monitor
from cdml.monitoring.state import parse_state
from cdml.report.charts import plots
from cdml.wiring import TablesByScheme, make_samples
from fakes.delivery import CONFIG, World
from fakes.faults import Faults
from fakes.journal import FakeJournal
from fakes.scorer import FakeScorer, pretend

MONITORING = """\
  predictions: predictions.parquet
  labels: labels.parquet
  key: [request]
  time: at
  label_delay: 2d
"""
GATES = "[{metric: accuracy, max_regression: 0.02}]"
DAY = timedelta(days=1)


def interval(low, high):
    return Interval(low=low, high=high, confidence=0.95, method="wilson")


class MonitoredWorld(World):
    """A world whose model serves from 1 May 2026, 12:00 UTC, with an accuracy of 0.9 at its gate.

    `traffic` are logged predictions and `arrived` their labels, both as columns. Each of the
    `inputs` is a logged score that is right so often; None is what serves. With `profiled`, the
    version was trained on delays around 0, which are logged too, and profiles are stored with it.
    Of its evaluation rows and of the requests, `late` were late; labels are logged as `spelled`.
    With `sliced`, requests come from JFK and LGA in turn; of `broken` 70 % are right.
    """

    draws = False
    """Whether the page of a look has pictures, which take longer than all else."""

    def __init__(
        self, folder, *, monitoring=MONITORING, gates=GATES, inputs=None, profiled=False,
        sliced=False,
    ):  # fmt: skip
        super().__init__(folder)
        from cdml.adapters.predictions.logs.windows import DuckPredictionLog

        self.values = {"accuracy": (0.9, 0.88, 0.92), "roc_auc": (0.9, 0.88, 0.92)}
        self.watched = monitoring, gates
        self.state = FakeJournal()
        self.tables = TablesByScheme()
        self.prediction_log = DuckPredictionLog()
        self.features = None
        self.traffic = {"request": [], "at": [], "prediction": [], "score": [], "version": []}
        self.inputs = inputs or {}
        self.traffic |= {name: [] for name in self.inputs}
        self.profiled, self.delay = profiled, 0.0
        self.late, self.spelled = 0.4, bool
        if profiled:
            self.traffic["delay"] = []
        self.sliced, self.broken = sliced, None
        if sliced:
            self.traffic["origin"] = []
        self.scorer = FakeScorer()
        self.samples = make_samples()
        self.arrived = {"request": [], "late": [], "seen": []}
        self.random = random.Random(5)

    def register(self, name, **words):
        """As ever; with logged inputs it is a model whose answer is the input of its name."""
        if name in self.inputs:
            pretend(self.folder / f"model-{name}", inputs=[name], score=name)
        return super().register(name, **words)

    def ship(self, *names):
        """As ever, by the gates of before; then what serves is watched."""
        self.configure(CONFIG)
        versions = super().ship(*names)
        self.watch(*self.watched)
        return versions

    def watch(self, monitoring=MONITORING, gates=GATES):
        """Configure what is monitored, and what the gates promise."""
        self.configure(
            "version: 1\nmodel: flights\nregistry: {uri: 'folder:registry'}\n"
            "data: {evaluation: rows.parquet, key: [id], label: late, positive: true,"
            f" slices: {'[origin]' if self.sliced else '[]'}}}\n"
            f"gates: {gates}\nmonitoring:\n{monitoring}"
        )

    def evidence(self, version, **words):
        """As ever, with the values that the version had at its gate."""
        folder = super().evidence(version, **words)
        evaluation = store.read_evidence(folder, Evaluation)
        metrics = tuple(
            MetricValue(metric=name, rows=100, value=value, interval=interval(low, high))
            for name, (value, low, high) in self.values.items()
        )
        if self.sliced:
            metrics += tuple(
                one.model_copy(update={"slice": {"origin": origin}})
                for one in metrics
                for origin in ("JFK", "LGA")
            )
        store.write_evidence(folder, evaluation.model_copy(update={"metrics": metrics}))
        if self.profiled:
            self._write_profiles(folder)
        return folder

    def _write_profiles(self, folder):
        draws = random.Random(7)
        late = [draws.random() < 0.4 for _ in range(1000)]
        delays = [draws.gauss(0, 1) for _ in late]
        scores = [0.8 if one else 0.2 for one in late]
        made = Producer(tool="test", commit=None, time=self.clock.now())
        for file, columns in (
            (FILE, {"delay": delays, "late": late}),
            (PREDICTIONS_FILE, {"prediction": late, "score": scores}),
        ):
            self._write("profiled.parquet", columns)
            table = self.tables.open(str(self.folder / "profiled.parquet"))
            profile = build_profile(table, frozenset(), lambda _: True)
            if file == PREDICTIONS_FILE:
                self._write("labelled.parquet", {"late": late})
                labelled = self.tables.open(str(self.folder / "labelled.parquet"))
                classes = Classes(label="late", binary=True, may_disclose=True)
                of_label = profile_classes(labelled, classes)
                profile = replace(profile, columns=(*profile.columns, of_label))
            write_profile(
                folder / file, ProfileDocument(produced=made, data=table.ref, profile=profile)
            )

    def serve(self, days, *, accuracy=0.9, rows=200, version=None, labelled=1.0):
        """Days of traffic, after which the clock stands at their end; labels are logged at once."""
        for _ in range(days):
            for number in range(rows):
                self.log(
                    self.clock.time + number * DAY / rows,
                    right=self.random.random() < accuracy,
                    version=version,
                    labelled=self.random.random() < labelled,
                )
            self.clock.pass_by(DAY)
        self.write()

    def log(self, at, *, right=True, version=None, labelled=True, request=None):
        """One prediction and its label."""
        origin = ("JFK", "LGA")[len(self.traffic["request"]) % 2]
        if origin == self.broken:
            right = self.random.random() < 0.7
        late = self.random.random() < self.late
        prediction = late if right else not late
        request = len(self.traffic["request"]) if request is None else request
        score = 0.8 if prediction else 0.2
        row = [request, at.replace(tzinfo=None), prediction, score, version]
        for accuracy in self.inputs.values():
            knows = right if accuracy is None else self.random.random() < accuracy
            row.append(0.8 if late is knows else 0.2)
        if self.profiled:
            row.append(self.random.gauss(self.delay, 1))
        if self.sliced:
            row.append(origin)
        for column, value in zip(self.traffic.values(), row, strict=True):
            column.append(value)
        if labelled:
            label = request, self.spelled(late), at.replace(tzinfo=None)
            for column, value in zip(self.arrived.values(), label, strict=True):
                column.append(value)

    def write(self, *, predictions=None, labels=None):
        """Write both tables, with or without some of their columns."""
        traffic = dict(self.traffic)
        if not any(traffic["version"]):
            traffic.pop("version")
        traffic = {
            name: values for name, values in traffic.items() if name in (predictions or traffic)
        }
        arrived = {n: values for n, values in self.arrived.items() if n in (labels or self.arrived)}
        self._write("predictions.parquet", traffic)
        self._write("labels.parquet", arrived)

    def _write(self, name, columns):
        pq.write_table(pa.table(columns), self.folder / name)

    def monitor(self, *, faults=None, **words):
        """One look; without `draws`, as where matplotlib is not installed."""
        with patch.object(plots, "available", lambda: self.draws):
            return monitor(self.loaded, self._ports(faults), output=self.output, **words)

    @property
    def remembered(self):
        return parse_state(self.state.read(), model="flights", environment="production")

    def _ports(self, faults):
        ports = super()._ports(faults)
        faults = faults or Faults()
        vars(ports).update(
            tables=self.tables,
            prediction_log=self.prediction_log,
            feature_store=self.features,
            monitoring_state=faults.around("journal", self.state),
            scorer=self.scorer,
            samples=self.samples,
        )
        return ports

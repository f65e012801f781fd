"""A world to judge models in: rows, models that answer as asked, a registry, a journal."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.config import load
from cdml.evaluation.compare import compare_to_champion
from cdml.evaluation.evaluate import evaluate_model
from cdml.pipeline import run_gate
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.journal import FakeJournal
from fakes.measurer import FakeMeasurer
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.registry import FakeRegistry
from fakes.results import FakeResultFiles
from fakes.samples import FakeSamples
from fakes.scorer import FakeScorer, pretend
from fakes.tables import FakeTables

CONFIG = """\
version: 1
model: late
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true, slices: [carrier]}
gates: [GATES]
policy: {POLICY}
"""
BY_DEFAULT = "{metric: accuracy, max_regression: 0.05}"
ROWS = 600


def rows(seed=1, count=ROWS):
    """Labels, and columns of scores by which models of known quality answer."""
    rng = random.Random(seed)
    late = [rng.random() < 0.4 for _ in range(count)]

    def scores(strength, carrier=None):
        return [
            min(max(rng.gauss(0.5 + strength * (0.5 if y else -0.5), 0.25), 0.0), 1.0)
            if carrier is None or c != carrier
            else 1.0 - float(y)
            for y, c in zip(late, carriers, strict=True)
        ]

    carriers = [("HA", *"AUAUAUAUA")[i % 10].ljust(2, "A") for i in range(count)]
    good = scores(0.6)
    return {
        "id": list(range(count)),
        "late": late,
        "carrier": carriers,
        "weak": scores(0.3),
        "good": good,
        "noisy": [min(max(score + rng.gauss(0, 0.1), 0.0), 1.0) for score in good],
        "better": scores(0.9),
        "sly": scores(1.2, carrier="HA"),
    }


class World:
    """Everything a judgement needs, in memory and one folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.output = folder / ".cdml"
        self.gates, self.policy, self.config = BY_DEFAULT, "", CONFIG
        self.registry, self.journal, self.scorer = FakeRegistry(), FakeJournal(), FakeScorer()
        self.samples, self.ci_run = FakeSamples(), FakeCiRun()
        self.tables, self.progress = FakeTables(folder), FakeProgress()
        self.measurer, self.features = FakeMeasurer(), None
        self.data = rows()
        self.put(self.data)

    def put(self, data, name="rows.parquet"):
        self.tables.add(str(self.folder / name), data)

    def model(self, answers, **more):
        """A model folder whose score is that column."""
        return str(pretend(self.folder / "models" / answers, score=answers, **more))

    def champion(self, answers):
        """Register a model and let the alias name it."""
        version = self.registry.register("late", Path(self.model(answers)), tags={})
        self.registry.set_alias("late", "champion", version.version)
        return version

    def predictions(self, answers, name=None, **columns):
        """A predictions file, as if scored elsewhere."""
        data = {name: self.data[name] for name in ("id", "late", "carrier")}
        scores = self.data[answers]
        data |= {"prediction": [score > 0.5 for score in scores], "score": scores, **columns}
        path = self.folder / (name or f"{answers}.parquet")
        pq.write_table(pa.table(data), path)
        return path.name

    def load(self):
        path = self.folder / "cdml.yaml"
        text = self.config.replace("GATES", self.gates).replace("POLICY", self.policy)
        path.write_text(text, encoding="utf-8")
        return load(path, targets=["registry"], environment={})

    def ports(self):
        return FakePorts(
            registry=self.registry,
            journal=self.journal,
            scorer=self.scorer,
            samples=self.samples,
            measurer=self.measurer,
            feature_store=self.features,
            results=FakeResultFiles(),
            tables=self.tables,
            ci_run=self.ci_run,
            clock=FakeClock(),
            progress=self.progress,
        )

    def evaluate(self, model=None, **options):
        return evaluate_model(
            self.load(),
            self.ports(),
            output=self.output,
            model=model,
            **options,
        )

    def compare(self, challenger, champion=None, **options):
        return compare_to_champion(
            self.load(),
            self.ports(),
            output=self.output,
            challenger=challenger,
            champion=champion,
            **options,
        )

    def gate(self, model, **options):
        return run_gate(self.load(), self.ports(), output=self.output, model=model, **options)

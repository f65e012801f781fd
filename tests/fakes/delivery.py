"""A world to deploy in: a registry with judged versions, a journal, a target, a CI run."""

from contextlib import suppress

from cdml.adapters.targets.registry import RegistryTarget
from cdml.config import load
from cdml.delivery.deploy import deploy
from cdml.delivery.operation.lock import LockHolder
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.rollback import rollback
from cdml.delivery.rollout.transitions import SLOW_LEASE
from cdml.errors import CdmlError
from cdml.evidence import store
from cdml.evidence.schema import (
    Check,
    Comparison,
    DataEvidence,
    DataRef,
    Evaluation,
    FileRef,
    MetricValue,
    ModelRef,
    Producer,
)
from cdml.gates.rules import policy_ref
from cdml.journal import file as document
from cdml.journal.history import read_history
from cdml.models.digest import model_digest
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.faults import Faults
from fakes.journal import FakeJournal
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.registry import FakeRegistry
from fakes.webhook import FakeWebhook

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.8}]
"""
CHECK = Check(
    name="unique",
    column="id",
    verdict="pass",
    severity="error",
    expected="0",
    observed="0",
    reason="No key is there twice.",
)
ROWS = DataRef(uri="rows.parquet", digest=store.text_digest("rows"), rows=100)
OTHER_ROWS = DataRef(uri="rows.parquet", digest=store.text_digest("others"), rows=100)


class World:
    """Everything a deploy meets; `faults` stands between it and the ports, `target` makes one."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "cdml.yaml").write_text(CONFIG)
        self.loaded = load(folder / "cdml.yaml", targets=["registry"], environment={})
        self.registry = FakeRegistry()
        self.journal = FakeJournal()
        self.ci_run = FakeCiRun()
        self.code_host = FakeCodeHost(self.ci_run)
        self.clock = FakeClock()
        self.progress = FakeProgress()
        self.output = folder / ".cdml"
        self.target = RegistryTarget
        self.checks = None
        self.webhook = FakeWebhook()

    def configure(self, text):
        (self.folder / "cdml.yaml").write_text(text)
        self.loaded = load(self.folder / "cdml.yaml", targets=["registry"], environment={})

    def register(self, name, *, auc=0.9, against=None, kept=True, tags=None, **words):
        """Register a model of this content, with the evidence that it passed."""
        model = self.folder / f"model-{name}"
        model.mkdir(exist_ok=True)
        if not (model / "MLmodel").exists():
            (model / "MLmodel").write_text(f"name: {name}\n")
        version = self.registry.register("flights", model, tags=tags or {})
        if kept:
            evidence = self.evidence(version, auc=auc, against=against, **words)
            self.registry.log_evidence(version, sorted(evidence.iterdir()))
        return self.registry.version("flights", version.version)

    def evidence(self, version, *, auc=0.9, against=None, rows=ROWS, data_verdict="pass"):
        """A folder with the evidence of a gate; `against` is the champion's version."""
        folder = self.folder / f"evidence-{version.version}"
        champion = self.registry.version("flights", against) if against else None
        stage = {
            "verdict": "pass",
            "produced": Producer(tool="test", commit=None, time=self.clock.now()),
        }
        predictions = FileRef(path="predictions.parquet", digest=store.text_digest("p"))
        measured = MetricValue(metric="roc_auc", rows=100, value=auc)
        judged = (
            DataEvidence(**{**stage, "verdict": data_verdict}, data=rows, checks=(CHECK,)),
            Evaluation(
                **stage,
                model=_ref(version),
                data=ROWS,
                predictions=predictions,
                metrics=(measured,),
                gates=(),
                policy=policy_ref(self.loaded.config),
            ),
            Comparison(
                **stage,
                challenger=_ref(version),
                champion=_ref(champion) if champion else None,
                data=ROWS,
                gates=(),
                policy=policy_ref(self.loaded.config),
            ),
        )
        for one in judged:
            store.write_evidence(folder, one)
        return folder

    def tamper(self, version):
        """Change a version's bytes behind everybody's back."""
        self.registry.files["flights", version]["MLmodel"] += b"changed: true\n"
        fetched = self.registry.fetch(f"models:/flights/{version}", self.folder / "look")
        return model_digest(fetched)

    def deploy(self, model=None, *, faults=None, **words):
        words = {"model": model, "output": self.output, "checks": self.checks, **words}
        return deploy(self.loaded, self._ports(faults), **words)

    def rollback(self, *, faults=None, **words):
        words = {"output": self.output, "checks": self.checks, **words}
        return rollback(self.loaded, self._ports(faults), **words)

    def history(self):
        return read_history(self.loaded, journal=self.journal)

    def ship(self, *names):
        """Register and deploy one after the other; their versions."""
        versions = []
        for name in names:
            version = self.register(name, against=self.serving)
            self.deploy(version.version)
            versions.append(version.version)
        return versions

    @property
    def serving(self):
        return self.registry.aliases.get(("flights", "champion"))

    alias = serving

    @property
    def previous(self):
        return self.registry.aliases.get(("flights", "previous_champion"))

    @property
    def ledger(self):
        return document.parse_journal(
            self.journal.read(), model="flights", environment="production"
        )

    def move_alias(self, version):
        self.registry.aliases["flights", "champion"] = version

    def wait_out_the_lease(self):
        """Somebody on this machine looks, and nobody writes for a lease: its run is stopped."""
        with suppress(CdmlError):
            self._look()
        stopped, self.clock.stopped = self.clock.stopped, True
        self.clock.pass_by(SLOW_LEASE)
        self.clock.stopped = stopped

    def _look(self):
        ports = self._ports(None)
        operator = OperationRunner.configured(self.loaded, ports, None, output=self.output)
        ledger, commit = operator.book.read()
        holder = LockHolder(ports=ports, memory=operator.memory)
        holder.yields(ledger, commit)
        holder.remember()

    def _ports(self, faults):
        faults = faults or Faults()
        registry = faults.around("registry", self.registry)
        return FakePorts(
            registry=registry,
            journal=faults.around("journal", self.journal),
            target=self._target(faults, registry),
            ci_run=self.ci_run,
            code_host=faults.around("code_host", self.code_host),
            clock=self.clock,
            progress=self.progress,
            webhook=self.webhook,
        )

    def _target(self, faults, registry):
        del faults
        return self.target(loaded=self.loaded, registry=registry)


def _ref(version):
    return ModelRef(
        uri=f"models:/flights/{version.version}", version=version.version, digest=version.digest
    )

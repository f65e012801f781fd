"""The adapters of one run, imported when they are used."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cdml.common.adapter_table import Names, find_adapter
from cdml.common.addresses import reveal
from cdml.common.scratch_folders import sweep
from cdml.common.time_budget import Budget, draw_from
from cdml.config import LoadedConfig, load
from cdml.config.cross_checks import NO_REGISTRY, has_no_registry
from cdml.config.delivery import LONGEST_ENVIRONMENT
from cdml.config.features import feature_store_types
from cdml.config.registries import REGISTRIES, registry_types, scheme_of
from cdml.config.targets import target_types
from cdml.config.traffic import traffic_types
from cdml.errors import ConfigurationError
from cdml.journal.branches import journal_branch, monitoring_branch
from cdml.journal.signature import Keys
from cdml.results.selection import Selection
from cdml.wiring.host import RunHost
from cdml.wiring.tables import RESULTS, SAMPLES, TablesByScheme, make_samples, unrevealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cdml.adapters.results.read import SelectedResults
    from cdml.adapters.scoring.sandbox_choice import Enclosure
    from cdml.ci.code_host import CodeHost
    from cdml.ci.run import CiRun
    from cdml.common.clock import Clock
    from cdml.common.progress import Progress
    from cdml.delivery.ports import Webhook
    from cdml.delivery.target import Target
    from cdml.delivery.traffic import Traffic
    from cdml.evaluation.metric_runner import Measurer
    from cdml.evaluation.prediction_store import Samples, TableSamples
    from cdml.evaluation.scorer import Scorer
    from cdml.features.feature_store import FeatureStore
    from cdml.journal.port import Journal
    from cdml.models.registry import Registry
    from cdml.monitoring.windows import PredictionLog
    from cdml.tables.table import Tables
    from cdml.training.machine import TrainingMachine

JOURNALS: Names = {
    "git": "cdml.adapters.journals.git:GitJournal",
    "signed": "cdml.adapters.journals.signed:SignedJournal",
}
SCORERS: Names = {
    "local": "cdml.adapters.scoring.scorer:ProcessScorer",
    "spark": "cdml.adapters.scoring.spark_scorer:SparkScorer",
}
MEASURERS: Names = {"process": "cdml.adapters.scoring.metric_runner:ProcessMeasurer"}
TRAINING: Names = {"local": "cdml.adapters.training.local_machine:LocalMachine"}
PREDICTION_LOGS: Names = {"duckdb": "cdml.adapters.predictions.logs.windows:DuckPredictionLog"}
WEBHOOKS: Names = {"http": "cdml.adapters.webhook:HttpWebhook"}


def walls_here(run: CiRun) -> str:
    """What isolates models on this machine: `namespaces`, `sudo` or `none`.

    Raises:
        ConfigurationError: isolation is required, and there is none.
    """
    from cdml.adapters.scoring.sandbox_choice import choose

    return choose(run.trust()).value


@dataclass(frozen=True)
class Wiring:
    """The adapters of one run, each made when it is first used.

    Attributes:
        loaded: the configuration.
        progress: how work is reported.
        delivery: the deployment environment; cdml.yaml's by default.
        environment: the process's environment.
        budget: how long the command may wait for platform, registry and target together.
        selection: how files of results are read.
        isolated: why no model runs without isolation, whoever wrote it; empty where it may.
    """

    loaded: LoadedConfig
    progress: Progress
    delivery: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    budget: Budget = field(default_factory=Budget, repr=False)
    selection: Selection = field(default_factory=Selection)
    isolated: str = ""

    @cached_property
    def _host(self) -> RunHost:
        return RunHost(self.loaded.folder, self.progress, self.environment, self.budget)

    @property
    def clock(self) -> Clock:
        """The machine's clock."""
        return self._host.clock

    @property
    def ci_run(self) -> CiRun:
        """The run of a CI system, or the terminal."""
        return self._host.ci_run

    @property
    def code_host(self) -> CodeHost | None:
        """Where the code is reviewed; None at a terminal."""
        return self._host.code_host

    @classmethod
    def read(
        cls,
        config: Path,
        progress: Progress,
        *,
        needs_registry: bool = True,
        delivery: str | None = None,
        selection: Selection | None = None,
        isolated: str = "",
    ) -> Wiring:
        """Wire what a configuration file requires."""
        if delivery is not None and not 0 < len(delivery) <= LONGEST_ENVIRONMENT:
            raise ConfigurationError(
                f"--environment has {len(delivery):,} characters; it must have 1 to"
                f" {LONGEST_ENVIRONMENT}."
            )
        loaded = load(config, targets=target_types(), needs_registry=needs_registry)
        sweep(Path(tempfile.gettempdir()))
        selection = selection or Selection()
        return cls(loaded, progress, delivery, selection=selection, isolated=isolated)

    @cached_property
    def registry(self) -> Registry:
        """The registry that the address's scheme names."""
        uri = self.loaded.config.registry.uri
        if self.loaded.no_registry or has_no_registry(uri, self.environment):
            problem = self.loaded.no_registry or NO_REGISTRY
            raise ConfigurationError(f"{self.loaded.path}: registry.uri: {problem}.")
        scheme = scheme_of(reveal(uri))
        address = uri if scheme in REGISTRIES else reveal(uri)  # what is not ours knows plain texts
        with unrevealed(uri):
            made: Registry = registry_types().adapter(scheme)(
                uri=address, folder=self.loaded.folder
            )
        draw_from(made, self.budget)
        return made

    @cached_property
    def _enclosure(self) -> Enclosure:
        from cdml.adapters.scoring.sandbox_choice import Enclosure

        trust = self.ci_run.trust()
        return Enclosure(replace(trust, strangers=trust.strangers or self.isolated))

    @cached_property
    def scorer(self) -> Scorer:
        """Runs models in separate processes, or in Spark."""
        scoring = self.loaded.config.scoring
        given = [scoring.output] if scoring.output else []
        made: Scorer = find_adapter("scorer", scoring.engine, SCORERS)(self._enclosure, *given)
        return made

    @cached_property
    def measurer(self) -> Measurer:
        """Runs functions of the user's in separate processes."""
        made: Measurer = find_adapter("measurer", "process", MEASURERS)(self._enclosure)
        return made

    @cached_property
    def training_machine(self) -> TrainingMachine:
        """Runs the training command here."""
        made: TrainingMachine = find_adapter("machine", "local", TRAINING)(self.environment)
        return made

    def may_be_registered(self, tag: tuple[str, str]) -> bool:
        """See the port."""
        from cdml.adapters.registries.quick_look import may_have_version

        uri, loaded = self.loaded.config.registry.uri, self.loaded
        if loaded.no_registry or has_no_registry(uri, self.environment):
            return True  # the registry says what is missing
        return may_have_version(uri, loaded.folder, self.environment, loaded.config.model, tag)

    @cached_property
    def tables(self) -> Tables:
        """Opens data where it lies."""
        return TablesByScheme(results=self.results)

    @cached_property
    def results(self) -> SelectedResults:
        """Reads what evaluation tools wrote."""
        made: SelectedResults = find_adapter("files of results", "select", RESULTS)(self.selection)
        return made

    @cached_property
    def samples(self) -> Samples:
        """Reduces predictions to sufficient statistics."""
        return make_samples()

    @cached_property
    def table_samples(self) -> TableSamples:
        """Reduces predictions that lie in tables."""
        made: TableSamples = find_adapter("engine", "tables", SAMPLES)()
        return made

    @cached_property
    def target(self) -> Target:
        """Where the champion of the environment serves."""
        name = self.loaded.config.deploy.target.type
        made: Target = target_types().adapter(name)(
            loaded=self.loaded, registry=self.registry, environment=self.delivery
        )
        draw_from(made, self.budget)
        return made

    @cached_property
    def traffic(self) -> Traffic:
        """Where it is recorded what requests became of.

        Raises:
            ConfigurationError: no `deploy.canary.traffic` says where.
        """
        canary = self.loaded.config.deploy.canary
        source = canary.traffic if canary else None
        if source is None:
            raise ConfigurationError(
                "deploy.canary.traffic is missing.",
                "Add it: it says where the records of requests are.",
            )
        kinds = traffic_types()
        made: Traffic = kinds.adapter(source.type)(
            kinds.read_settings(source.type, source.settings),
            locate=self.loaded.locate,
            variables=self.environment,
        )
        return made

    @cached_property
    def feature_store(self) -> FeatureStore:
        """What serves features.

        Raises:
            ConfigurationError: there is no `features`, or its repository may be a stranger's: its
                code runs without isolation.
        """
        features = self.loaded.config.features
        if features is None:
            raise ConfigurationError("features is missing.", "Add it: it names the feature store.")
        strangers = self.ci_run.trust().strangers
        if strangers and self.environment.get("CDML_ISOLATION") != "preferred":
            raise ConfigurationError(
                f"The feature repository is not imported for {strangers}: its code would run"
                " without isolation.",
                "Push the branch to this repository. In a job without secrets, `isolation:"
                " preferred` imports it anyway.",
            )
        kinds = feature_store_types()
        made: FeatureStore = kinds.adapter(features.type)(
            kinds.read_settings(features.type, features.settings),
            locate=self.loaded.locate,
            variables=self.environment,
        )
        return made

    @cached_property
    def webhook(self) -> Webhook:
        """Machines elsewhere."""
        made: Webhook = find_adapter("webhook", "http", WEBHOOKS)()
        draw_from(made, self.budget)
        return made

    @cached_property
    def journal(self) -> Journal:
        """The journal of the environment; signed where there is a key."""
        return self._signed()

    @cached_property
    def unverified_journal(self) -> Journal:
        """The same as somebody reads it who is about to sign it."""
        return self._signed(accepts=True)

    @cached_property
    def monitoring_state(self) -> Journal:
        """What earlier looks at what serves remembered, on another branch."""
        return self._signed(branch=monitoring_branch)

    @cached_property
    def prediction_log(self) -> PredictionLog:
        """Joins logged predictions with their labels."""
        made: PredictionLog = find_adapter("engine", "duckdb", PREDICTION_LOGS)()
        return made

    def _signed(
        self, *, accepts: bool = False, branch: Callable[[str, str], str] = journal_branch
    ) -> Journal:
        made: Journal = find_adapter("journal", "git", JOURNALS)(
            folder=self.loaded.folder,
            environment=self.delivery or self.loaded.config.deploy.environment,
            model=self.loaded.config.model,
            variables=self.environment,
            remote=self.loaded.config.deploy.journal.remote,
            note=self._note,
            credentials=self.ci_run.push_credentials(),
            branch=branch,
        )
        wrap = find_adapter("journal", "signed", JOURNALS)
        signed: Journal = wrap(
            journal=made, keys=Keys.from_environment(self.environment), accepts=accepts
        )
        return signed

    def _note(self, text: str) -> None:
        """Show a sentence to whoever watches the run."""
        self.progress.note(text)

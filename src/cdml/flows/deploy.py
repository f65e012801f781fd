"""Ship exactly the model that was judged."""

import secrets
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cdml.config import Loaded
from cdml.core import refusals
from cdml.core.journal import Kind, Operation, Phase, Release
from cdml.core.plan import Plan
from cdml.core.refusals import Refusal
from cdml.core.rollout import Standing, serves, standing
from cdml.core.verdict import Verdict
from cdml.errors import DeploymentFailed, LockHeld, ServiceError
from cdml.evidence import store
from cdml.evidence.model_digest import model_digest
from cdml.evidence.models import Deployment
from cdml.flows import outcome
from cdml.flows.candidate import Candidate, examine, find_version, objections
from cdml.flows.operation import Found, Operator, given_reason
from cdml.flows.outcome import Outcome
from cdml.ports import ModelVersion, Moved, Ports

ATTEMPTS = 5
"""How often to begin again when the journal moves before we hold the lock."""


def deploy(
    loaded: Loaded,
    ports: Ports,
    *,
    output: Path,
    model: str | None = None,
    evidence: Path | None = None,
    environment: str | None = None,
    dry_run: bool = False,
    override: tuple[str, ...] = (),
    reason: str = "",
) -> Deployment:
    """Deploy a version, or find that it serves already.

    Args:
        loaded: the configuration.
        ports: the world.
        output: folder of the evidence.
        model: version or `models:/` URI; by default what this commit's pull request registered.
        evidence: folder of the gate's evidence; by default what the registry keeps.
        environment: where to; the configuration's by default.
        dry_run: tell what would happen, and write nothing.
        override: refusals to override.
        reason: why; needed to override.

    Raises:
        ConfigurationError: an override nobody knows or without a reason; a reason too long.
        InputError: there is no such version, or not one.
        Refused: the evidence does not allow it.
        ServiceError: a service failed; what is open in the journal is finished by the next run.
        DeploymentFailed: it was undone.
        LockHeld: another operation is under way.
    """
    reason = given_reason(reason)
    overrides = refusals.chosen(override, reason)
    operator = Operator(
        model=loaded.config.model,
        environment=environment or loaded.config.deploy.environment,
        ports=ports,
    )
    run = _Deploy(
        loaded=loaded,
        ports=ports,
        operator=operator,
        output=output,
        id=secrets.token_hex(8),
        overrides=overrides,
        reason=reason,
    )
    if not dry_run:
        store.remove(output, Deployment)
    version = find_version(loaded, registry=ports.registry, platform=ports.platform, model=model)
    if dry_run:
        return run.rehearse(version, evidence)
    for _ in range(ATTEMPTS):
        try:
            return run.perform(version, evidence)
        except Moved:
            ports.progress.note("The journal moved; looking again.")
    raise LockHeld(f"The journal moved {ATTEMPTS} times before the lock could be taken.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deploy:
    """One deploy.

    Attributes:
        loaded, ports, output, reason: as given.
        operator: carries it through.
        id: the operation's id.
        overrides: the refusals that are overridden.
    """

    loaded: Loaded
    ports: Ports
    operator: Operator
    output: Path
    id: str
    overrides: frozenset[Refusal]
    reason: str

    def perform(self, version: ModelVersion, evidence: Path | None) -> Deployment:
        """Deploy.

        Raises:
            Moved: the journal moved before anything was done.
        """
        found = self.operator.settle(self.id, patience=timedelta())
        unknown = standing(found.ledger, found.serving) is Standing.UNKNOWN
        if unknown:
            found = self.operator.adopt(found, self._unknown(found), self.id)
        self._agree(found)
        current = found.ledger.current
        if current and version.digest == current.digest:
            return outcome.keep(self.output, self._nothing_to_do(found, current.release))
        candidate = self._examine(version, evidence)
        if current and candidate.release.digest == current.digest:
            return outcome.keep(self.output, self._nothing_to_do(found, current.release))
        plan = self._plan(found, candidate)
        return self._carry_out(found, plan)

    def rehearse(self, version: ModelVersion, evidence: Path | None) -> Deployment:
        """Tell what would happen."""
        found = self.operator.look()
        state = standing(found.ledger, found.serving)
        first = ""
        if state is Standing.UNFINISHED:
            first = " An operation that is open would be finished or undone first."
        elif state is Standing.UNKNOWN:
            found = self.operator.adopt(found, self._unknown(found), self.id, write=False)
        else:
            self._agree(found)
        current = found.ledger.current
        if current and version.digest == current.digest:
            return self._nothing_to_do(found, current.release)
        candidate = self._examine(version, evidence)
        plan = self._plan(found, candidate)
        told = Outcome(
            verdict=Verdict.PASS,
            sentence=f"v{plan.to.version} would serve {plan.environment}, where"
            f" {_was(plan.from_)} does now; nothing was written.{first}",
            steps=outcome.planned(plan),
            journal=found.commit,
            changed=False,
        )
        return self._told(plan, told)

    def _carry_out(self, found: Found, plan: Plan) -> Deployment:
        platform, clock = self.ports.platform, self.ports.clock
        operation = Operation(
            id=self.id,
            kind=Kind.DEPLOY,
            from_=plan.from_,
            to=plan.to,
            phase=Phase.RECORD,
            started_at=clock.now(),
            commit=platform.commit(),
            run=platform.run_url(),
            reason=self.reason,
            overrides=plan.overrides,
        )
        ended = self.operator.carry_out(found, operation, lambda: self._name_digest(plan))
        trouble = ended.trouble
        serving = ended.found.serving
        sentence = f"v{plan.to.version} serves {plan.environment}; before, {_was(plan.from_)} did."
        if trouble is not None:
            sentence = (
                f"v{plan.to.version} was not deployed: {trouble.message}"
                f" {f'v{serving.version}' if serving.version else 'Nothing'}"
                f" serves {plan.environment}."
            )
        told = Outcome(
            verdict=Verdict.FAIL if trouble else Verdict.PASS,
            sentence=sentence,
            steps=self.operator.steps,
            journal=ended.found.commit,
            changed=trouble is None,
            deployment=ended.deployment,
        )
        kept = outcome.keep(self.output, self._told(plan, told))
        if trouble is None:
            return kept
        if plan.from_ is None or serves(serving, plan.from_):
            raise DeploymentFailed(sentence, trouble.hint) from trouble
        raise ServiceError(
            sentence, f"`cdml rollback` makes {_was(plan.from_)} serve again."
        ) from trouble

    def _name_digest(self, plan: Plan) -> None:
        """What is shipped knowingly is from now on known by what it is."""
        if Refusal.DIGEST in plan.overrides:
            tags = {"cdml.digest": plan.to.digest}
            self.ports.registry.set_tags(self.loaded.config.model, plan.to.version, tags)

    def _plan(self, found: Found, candidate: Candidate) -> Plan:
        """What is going to happen, if nothing speaks against it."""
        against = tuple(objections(candidate, found.ledger, self.loaded.config))
        current = found.ledger.current
        return Plan(
            kind=Kind.DEPLOY,
            environment=self.operator.environment,
            target=self.ports.target.name,
            from_=current.release if current else None,
            to=candidate.release,
            reason=self.reason,
            overrides=refusals.settle(against, self.overrides),
        )

    def _examine(self, version: ModelVersion, evidence: Path | None) -> Candidate:
        with self.ports.progress.step(f"checking v{version.version} against its evidence"):
            return examine(version, registry=self.ports.registry, evidence=evidence)

    def _nothing_to_do(self, found: Found, serving: Release) -> Deployment:
        plan = Plan(
            kind=Kind.DEPLOY,
            environment=self.operator.environment,
            target=self.ports.target.name,
            from_=serving,
            to=serving,
            reason=self.reason,
        )
        told = Outcome(
            verdict=Verdict.PASS,
            sentence=f"Nothing to do: v{serving.version} serves {plan.environment} already.",
            steps=self.operator.steps,
            journal=found.commit,
            changed=False,
        )
        return self._told(plan, told)

    def _unknown(self, found: Found) -> Release:
        """What serves without a journal, with the digest of its bytes."""
        name = self.loaded.config.model
        version = self.ports.registry.version(name, str(found.serving.version))
        digest = version.digest
        if digest is None:
            with tempfile.TemporaryDirectory(prefix="cdml-adopt-") as scratch:
                uri = f"models:/{name}/{version.version}"
                digest = model_digest(self.ports.registry.fetch(uri, Path(scratch)))
        return Release(version=version.version, digest=digest, source=version.source)

    def _agree(self, found: Found) -> None:
        """Go on only if the journal and the target name the same version.

        Raises:
            ServiceError: they do not.
        """
        if standing(found.ledger, found.serving) is not Standing.DRIFTED:
            return
        current = found.ledger.current
        should = f"v{current.release.version}" if current else "nothing"
        seen = f"v{found.serving.version}" if found.serving.version else "nothing"
        raise ServiceError(
            f"Drift: the journal says that {should} serves {self.operator.environment}, and"
            f" {seen} does; somebody moved it without cdml.",
            f"`cdml rollback` makes {should} serve again.",
        )

    def _told(self, plan: Plan, told: Outcome) -> Deployment:
        operator = self.operator
        return outcome.evidence(plan, told, model=operator.model, ports=self.ports)


def _was(release: Release | None) -> str:
    return f"v{release.version}" if release else "nothing"

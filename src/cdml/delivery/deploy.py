"""Ship exactly the model that was judged."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.delivery.candidate import (
    DeploymentCandidate,
    find_objections,
    hashed_release,
    read_candidate,
)
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.divergence import Divergence, Remedy
from cdml.delivery.find_version import find_version
from cdml.delivery.lost_lock import after_loss
from cdml.delivery.operation import outcome
from cdml.delivery.operation.observation import Observation, describe_serving, look_again
from cdml.delivery.operation.outcome import Nothing, OperationReport, version_name
from cdml.delivery.operation.runner import OperationRunner, given_reason
from cdml.delivery.operation.traffic_steps import plan_ramp
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout import plan as refusals
from cdml.delivery.rollout.plan import Plan, Refusal
from cdml.delivery.rollout.state_machine import Situation, standing
from cdml.delivery.same_rows import other_rows
from cdml.errors import InputError, LockHeld, Overtaken, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from cdml.gates.rules import policy_ref
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind, Operation, Phase, Release
from cdml.models.registry import ModelVersion

ATTEMPTS = 5
"""How often to begin again when the journal moves before we hold the lock."""


def deploy(
    loaded: LoadedConfig,
    ports: DeliveryPorts,
    *,
    output: Path,
    model: str | None = None,
    evidence: Path | None = None,
    environment: str | None = None,
    dry_run: bool = False,
    override: tuple[str, ...] = (),
    reason: str = "",
    cure: Remedy | None = None,
    checks: Checks | None = None,
) -> Deployment | Nothing:
    """Deploy a version, or find that it serves already, or that no gate let one pass.

    Without `model` it is what this push's pull requests registered; without `evidence` the
    registry's is used. `cure` says what to do where the world is not as the journal says; without a
    `model` nothing else is done. `checks` is asked on targets that split traffic; `reason` is
    stored in the journal.

    Raises:
        ConfigurationError: an unknown refusal, or an override without a reason.
        InputError: there is no such version, or the deployment is refused.
        ServiceError: the registry, the journal or the target failed, or drifted.
        DeploymentFailed: it was undone.
        LockHeld: another operation is under way.
    """
    reason = given_reason(reason)
    overrides = refusals.overridden_refusals(override, reason)
    id_ = secrets.token_hex(8)
    operator = OperationRunner.of(loaded, ports, environment, checks, output=output)
    run = _Deploy(
        loaded=loaded,
        ports=ports,
        operator=operator,
        output=output,
        id=id_,
        overrides=overrides,
        reason=reason,
        cure=cure,
        drift=Divergence(operator=operator, id=secrets.token_hex(8), reason=reason),
    )
    if not dry_run:
        store.remove_evidence(output, Deployment)
    version: ModelVersion | None = None
    if model is not None or cure is None:
        resolved = find_version(loaded, ports, model)
        if isinstance(resolved, Nothing):
            return resolved
        version = resolved
    act = run.rehearse if dry_run else run.perform
    for _ in range(ATTEMPTS):
        try:
            return act(version, evidence)
        except Moved:
            ports.progress.note("The journal moved; looking again.")
        except Overtaken as error:
            raise after_loss(operator, error) from error
    raise LockHeld(f"The journal moved {ATTEMPTS} times before the lock could be taken.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deploy:
    """One deploy."""

    loaded: LoadedConfig
    ports: DeliveryPorts
    operator: OperationRunner
    output: Path
    id: str
    overrides: frozenset[Refusal]
    reason: str
    cure: Remedy | None
    drift: Divergence

    def perform(self, version: ModelVersion | None, evidence: Path | None) -> Deployment:
        """Deploy.

        Raises:
            Moved: the journal moved before anything was done.
        """
        observation = self.operator.settle(self.id, patience=timedelta())
        if standing(observation.ledger, observation.serving) is Situation.UNKNOWN:
            release = hashed_release(observation.serving, self.operator.book.model, self.ports)
            observation = self.operator.adopt(observation, release, self.id)
        drifted = self.drift.told(observation)
        if drifted:
            if self.cure is None:
                self.drift.refuse(drifted, observation)
            observation = self.drift.cure(observation, self.cure)
        if version is None:
            return self._write_outcome(self._cured(observation, drifted))
        served = self._served_already(observation, version)
        if served is not None:
            return self._write_outcome(served)
        candidate = self._examine(version, evidence)
        served = self._served_already(observation, version, candidate)
        if served is not None:
            return self._write_outcome(served)
        return self._carry_out(observation, self._plan(observation, candidate))

    def rehearse(self, version: ModelVersion | None, evidence: Path | None) -> Deployment:
        """Tell what would happen.

        Raises:
            Moved: the journal moved meanwhile.
        """
        observation = self.operator.look()
        state = standing(observation.ledger, observation.serving)
        first, drifted = "", ""
        if state is Situation.UNFINISHED:
            first = " An operation that is open would be finished or undone first."
        elif state is Situation.UNKNOWN:
            release = hashed_release(observation.serving, self.operator.book.model, self.ports)
            ledger = self.operator.adoption(observation, release, self.id).ledger
            observation = Observation(
                ledger=ledger, commit=observation.commit, serving=observation.serving
            )
        else:
            drifted = self.drift.told(observation)
        if drifted:
            if self.cure is None:
                self.drift.refuse(drifted, observation)
            first = f" {drifted} --{self.cure} would mend that first."
        if version is None:
            return self._cured(observation, drifted, f"Nothing was written.{first}")
        served = self._served_already(observation, version)
        if served is not None:
            return served
        plan = self._plan(observation, self._examine(version, evidence))
        report = OperationReport(
            verdict=Verdict.PASS,
            sentence=f"v{plan.to.version} would serve {plan.environment}, where"
            f" {version_name(plan.from_)} does now; nothing was written.{first}",
            steps=outcome.planned_steps(plan),
            journal=observation.commit,
            changed=False,
        )
        return self._make_evidence(plan, report)

    def _carry_out(self, observation: Observation, plan: Plan) -> Deployment:
        platform, clock = self.ports.platform, self.ports.clock
        operation = Operation(
            id=self.id,
            kind=EntryKind.DEPLOY,
            from_=plan.from_,
            to=plan.to,
            phase=Phase.RECORD,
            started_at=clock.now(),
            commit=platform.commit(),
            run=platform.run_url(),
            reason=self.reason,
            overrides=plan.overrides,
            ramp=plan.ramp,
        )
        if plan.forecast:
            self.ports.progress.note(plan.forecast)
        try:
            ended = self.operator.carry_out(observation, operation)
        except Overtaken:
            raise
        except ServiceError as error:
            now = describe_serving(look_again(self.ports), plan.environment)
            raise ServiceError(f"{error.message} {now}", error.hint) from error
        return outcome.report_deploy(plan, ended, self.operator, self.output)

    def _plan(self, observation: Observation, candidate: DeploymentCandidate) -> Plan:
        """What is going to happen, if nothing speaks against it."""
        against = (
            *find_objections(candidate, observation.ledger, self.loaded.config),
            *other_rows(candidate.judged, self.loaded, self.ports),
        )
        current = observation.ledger.current
        ramp = plan_ramp(self.loaded, self.ports.target, first=current is None)
        overrides = refusals.needed_overrides(against, self.overrides)
        sentence = ""
        if ramp is not None and current is not None and not ramp.last:
            seen = self.operator.effects.checks.forecast(ramp, current.at)
            ramp, sentence = replace(ramp, state=seen.state), seen.told
        return Plan(
            kind=EntryKind.DEPLOY,
            environment=self.operator.book.environment,
            target=self.ports.target.name,
            from_=current.release if current else None,
            to=candidate.release,
            reason=self.reason,
            overrides=overrides,
            ramp=ramp,
            gates=tuple(policy_ref(self.loaded.config).gates),
            forecast=sentence,
        )

    def _examine(self, version: ModelVersion, evidence: Path | None) -> DeploymentCandidate:
        with self.ports.progress.step(f"checking v{version.version} against its evidence"):
            return read_candidate(version, registry=self.ports.registry, evidence=evidence)

    def _served_already(
        self,
        observation: Observation,
        version: ModelVersion,
        candidate: DeploymentCandidate | None = None,
    ) -> Deployment | None:
        current = observation.ledger.current
        digest = candidate.release.digest if candidate else version.digest
        if current is None or current.digest != digest:
            return None
        where = self.operator.book.environment
        sentence = f"Nothing to do: v{current.version} serves {where} already."
        return self._unchanged(observation, current.release, sentence, changed=False)

    def _cured(self, observation: Observation, drifted: str, sentence: str = "") -> Deployment:
        """That what serves and the journal agree (again)."""
        current = observation.ledger.current
        if current is None:
            raise InputError("Nothing serves, and the journal says so.", "Deploy a version.")
        where = self.operator.book.environment
        message = sentence or f"v{current.version} serves {where}, and the journal says so."
        if drifted and not sentence:
            message += f" Before: {drifted}"
        return self._unchanged(
            observation, current.release, message, changed=bool(drifted and not sentence)
        )

    def _unchanged(
        self, observation: Observation, serving: Release, sentence: str, *, changed: bool
    ) -> Deployment:
        plan = Plan(
            kind=EntryKind.DEPLOY,
            environment=self.operator.book.environment,
            target=self.ports.target.name,
            from_=serving,
            to=serving,
            reason=self.reason,
        )
        report = OperationReport(
            verdict=Verdict.PASS,
            sentence=sentence,
            steps=self.operator.steps.taken,
            journal=observation.commit,
            changed=changed,
        )
        return self._make_evidence(plan, report)

    def _write_outcome(self, deployment: Deployment) -> Deployment:
        return outcome.write_outcome(self.output, deployment, self.operator)

    def _make_evidence(self, plan: Plan, report: OperationReport) -> Deployment:
        return outcome.deployment_evidence(plan, report, self.operator)

"""Ship exactly the model that was judged."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.config.traffic_steps import ALL, Ramp
from cdml.delivery.candidate import find_objections, hashed_release, read_candidate
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.divergence import (
    Remedy,
    cure_drift,
    describe_drift,
    refuse_drift,
    refuse_outdated,
)
from cdml.delivery.find_version import find_version
from cdml.delivery.lost_lock import repeat_until_locked
from cdml.delivery.operation.observation import Observation, describe_serving, look_again
from cdml.delivery.operation.outcome import (
    Nothing,
    make_evidence,
    report_deploy,
    version_name,
    write_outcome,
)
from cdml.delivery.operation.runner import AT_ONCE, OperationRunner
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout import plan
from cdml.delivery.rollout.state_machine import Situation, standing
from cdml.delivery.same_rows import other_rows
from cdml.delivery.target import PreviewingTarget, Target
from cdml.errors import ConfigurationError, InputError, Overtaken, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Deployment, DeploymentStep
from cdml.gates.rules import policy_ref
from cdml.journal.records import EntryKind, Operation
from cdml.models.registry import ModelVersion


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
    `model` nothing else is done. `checks` runs on targets that split traffic; `reason` is
    stored in the journal.

    Raises:
        ConfigurationError: an unknown refusal, or an override without a reason.
        InputError: there is no such version, or the deployment is refused.
        ServiceError: the registry, the journal or the target failed, or drifted.
        DeploymentFailed: it was undone.
        LockHeld: another operation is under way.
    """
    run = _Deploy(
        loaded=loaded,
        ports=ports,
        overrides=plan.overridden_refusals(override, reason),
        operator=OperationRunner.configured(
            loaded, ports, environment, checks, output=output, reason=reason
        ),
        evidence=evidence,
        cure=cure,
    )
    if not dry_run:
        store.remove_evidence(output, Deployment)
    version: ModelVersion | None = None
    if model is not None or cure is None:
        named = find_version(loaded, ports, model)
        if isinstance(named, Nothing):
            return named
        version = named
    act = run.rehearse if dry_run else run.perform
    done = repeat_until_locked(run.operator, partial(act, version))
    return done if dry_run else write_outcome(run.operator, done)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deploy:
    """One deploy."""

    loaded: LoadedConfig
    ports: DeliveryPorts
    operator: OperationRunner
    overrides: frozenset[plan.Refusal]
    evidence: Path | None
    cure: Remedy | None

    def perform(self, version: ModelVersion | None) -> Deployment:
        """Deploy.

        Raises:
            Moved: the journal moved before anything was done.
        """
        operator = self.operator
        observation = operator.settle(patience=timedelta())
        if standing(observation.ledger, observation.serving) is Situation.UNKNOWN:
            self._refuse_deleted_journal(observation)
            release = hashed_release(observation.serving, operator.book.model, self.ports)
            reason = operator.reason if self.cure == "adopt" else ""
            observation = operator.adopt(observation, release, reason)
        drift = describe_drift(operator, observation)
        if drift:
            if self.cure is None:
                refuse_drift(operator, drift, observation)
            observation = cure_drift(operator, observation, self.cure)
        if version is None:
            return self._agreed(observation, drift)
        planned = self._plan(observation, version)
        if isinstance(planned, Deployment):
            return planned
        operation, forecast = planned
        if forecast:
            self.ports.progress.note(forecast)
        try:
            ended = operator.carry_out(observation, operation)
        except Overtaken:
            raise
        except ServiceError as error:
            now = describe_serving(look_again(self.ports), operator.book.environment)
            raise ServiceError(f"{error.message} {now}", error.hint) from error
        return report_deploy(operator, ended)

    def _refuse_deleted_journal(self, observation: Observation) -> None:
        """Adopt what serves by itself only where cdml has not deployed it."""
        if self.cure != "adopt":
            where = self.operator.book.environment
            empty = f"v{observation.serving.version} serves {where}, but the journal has no entry."
            refuse_outdated(self.operator, empty, observation)

    def rehearse(self, version: ModelVersion | None) -> Deployment:
        """Tell what would happen.

        Raises:
            Moved: the journal moved meanwhile.
        """
        operator = self.operator
        observation = operator.look()
        state = standing(observation.ledger, observation.serving)
        first, drift = "", ""
        if state is Situation.UNFINISHED:
            first = " The open operation would first be finished or undone."
        elif state is Situation.UNKNOWN:
            self._refuse_deleted_journal(observation)
            release = hashed_release(observation.serving, operator.book.model, self.ports)
            observation = replace(
                observation, ledger=operator.adoption(observation, release).ledger
            )
        else:
            drift = describe_drift(operator, observation)
        if drift:
            if self.cure is None:
                refuse_drift(operator, drift, observation)
            first = f" {drift} --{self.cure} would fix that first."
        if version is None:
            return self._agreed(observation, drift, f"Dry run: nothing was written.{first}")
        planned = self._plan(observation, version)
        if isinstance(planned, Deployment):
            return planned
        operation, forecast = planned
        target = self.ports.target
        for line in target.preview(operation.to) if isinstance(target, PreviewingTarget) else ():
            self.ports.progress.note(line)
        steps = plan.planned_steps(operation, policy_ref(self.loaded.config).gates, forecast)
        return make_evidence(
            operator,
            operation,
            f"Dry run: v{operation.to.version} would serve {operator.book.environment}, where"
            f" {version_name(operation.from_)} serves now. Nothing was written.{first}",
            steps=[
                DeploymentStep(name=name, state="planned", detail=detail)
                for name, detail in steps.items()
            ],
            journal=observation.commit,
        )

    def _plan(
        self, observation: Observation, version: ModelVersion
    ) -> Deployment | tuple[Operation, str]:
        """What is going to happen and when a decision is expected, or that it serves already.

        Raises:
            DeploymentRefused: something speaks against it.
        """
        current, ports = observation.ledger.current, self.ports
        served = current.digest if current else None
        if served is not None and served == version.digest:
            return self._served_already(observation)
        with ports.progress.step(f"checking v{version.version} against its evidence"):
            candidate = read_candidate(version, registry=ports.registry, evidence=self.evidence)
        if served == candidate.release.digest:
            return self._served_already(observation)
        objections = (
            *find_objections(candidate, observation.ledger, self.loaded.config),
            *other_rows(candidate.judged, self.loaded, ports),
        )
        ramp, forecast = _ramp(self.loaded, ports.target, first=current is None), ""
        overrides = plan.needed_overrides(objections, self.overrides)
        if ramp is not None and current is not None and not ramp.last:
            expected = self.operator.effects.checks.forecast(ramp, current.at)
            ramp, forecast = replace(ramp, state=expected.state), expected.sentence
        release = current.release if current else None
        operation = self.operator.plan(
            EntryKind.DEPLOY, release, candidate.release, ramp=ramp, overrides=overrides
        )
        return operation, forecast

    def _served_already(self, observation: Observation) -> Deployment:
        version = observation.ledger.current.version if observation.ledger.current else ""
        where = self.operator.book.environment
        return self._agreed(observation, "", f"Nothing to do: v{version} already serves {where}.")

    def _agreed(self, observation: Observation, drift: str, sentence: str = "") -> Deployment:
        """That what serves and the journal agree, again where a drift was mended."""
        current, operator = observation.ledger.current, self.operator
        if current is None:
            raise InputError("Nothing serves, and the journal agrees.", "Deploy a version.")
        mended = bool(drift and not sentence)
        text = sentence or (
            f"v{current.version} serves {operator.book.environment}, and the journal agrees."
        )
        return make_evidence(
            operator,
            operator.plan(EntryKind.DEPLOY, current.release, current.release),
            f"{text} Before: {drift}" if mended else text,
            journal=observation.commit,
            changed=mended,
        )


def _ramp(loaded: LoadedConfig, target: Target, *, first: bool) -> Ramp | None:
    """The ramp of a deploy, the first of which finds nothing to compare a canary with.

    None where the switch is one write.

    Raises:
        ConfigurationError: a canary is requested on a target that cannot split traffic.
    """
    canary = loaded.config.deploy.canary
    if canary is None:
        return AT_ONCE if target.splits_traffic else None
    if not target.splits_traffic:
        raise ConfigurationError(
            f"deploy.canary: the target {target.name} cannot split traffic.",
            "Remove deploy.canary, or choose a target that can split traffic.",
        )
    return Ramp(
        steps=(ALL,) if first else canary.steps,
        every=canary.every,
        timeout=canary.timeout,
        bake=canary.bake or 0.0,
        park=canary.park or None,
    )

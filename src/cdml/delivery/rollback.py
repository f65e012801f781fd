"""Take back what serves; the journal knows what served before."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.traffic_steps import ALL
from cdml.delivery.candidate import serving_release
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.lost_lock import after_loss
from cdml.delivery.operation import outcome
from cdml.delivery.operation.observation import (
    Observation,
    OperationResult,
    describe_serving,
    look_again,
)
from cdml.delivery.operation.outcome import OperationReport, version_name
from cdml.delivery.operation.runner import OperationRunner, given_reason
from cdml.delivery.operation.traffic_steps import AT_ONCE
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollback_request import LONGEST, Request, request_for
from cdml.delivery.rollout.plan import Plan, entry_of_version, rollback_target
from cdml.delivery.rollout.state_machine import traffic_percentage
from cdml.delivery.rollout.transitions import LEASE
from cdml.errors import (
    ConfigurationError,
    InputError,
    LockHeld,
    Overtaken,
    RollbackFailed,
    ServiceError,
)
from cdml.evidence import store
from cdml.evidence.schema import Deployment, Times
from cdml.journal.port import Moved
from cdml.journal.records import (
    Answered,
    Entry,
    EntryKind,
    JournalDocument,
    Operation,
    Phase,
    Preempt,
    Serving,
)
from cdml.models import uri

ATTEMPTS = 5
"""How often to begin again when the journal moves before we hold the lock."""
PATIENCE = LEASE + timedelta(seconds=10)
"""How long to wait for a deploy that is under way: after its lease it is taken over."""


def rollback(
    loaded: LoadedConfig,
    ports: DeliveryPorts,
    *,
    output: Path,
    to: str | None = None,
    environment: str | None = None,
    reason: str = "",
    request_id: str | None = None,
    checks: Checks | None = None,
) -> Deployment:
    """Make the last good release serve again, and quarantine what serves now.

    No gate is asked; that the release is still what it was, and on a target that splits traffic
    that its server answers, is. A deploy that is under way has to make room; where its canary had
    traffic, taking that back is all there is to do. By default `to` is the newest that differs from
    what serves and is not quarantined.

    The same request again, after whatever broke off, is the same rollback: it is finished, and
    leads no further back. `request_id` is by default the CI run, or in a terminal what this machine
    has not seen the end of.

    Raises:
        ConfigurationError: the reason is longer than the journal keeps, or the request id is.
        InputError: there is nothing to go back to, or `to` never served.
        ServiceError: nothing could be begun.
        RollbackFailed: it was begun and failed; the message says what serves.
        LockHeld: another operation is under way and does not end.
    """
    if request_id is not None and len(request_id) > LONGEST:
        raise ConfigurationError(
            f"--request-id has {len(request_id):,} characters; {LONGEST} are possible."
        )
    operator = OperationRunner.of(loaded, ports, environment, checks, output=output)
    request = request_for(
        given=request_id,
        run=ports.platform.run_url(),
        to=to,
        environment=operator.book.environment,
        model=operator.book.model,
        output=output,
    )
    run = _Rollback(
        ports=ports,
        operator=operator,
        output=output,
        id=secrets.token_hex(8),
        request=request,
        reason=given_reason(reason),
        requested=ports.clock.now(),
    )
    store.remove_evidence(output, Deployment)
    for _ in range(ATTEMPTS):
        try:
            done = run.perform(to)
        except Moved:
            ports.progress.note("The journal moved; looking again.")
        except Overtaken as error:
            raise after_loss(operator, error) from error
        else:
            request.forget()
            return done
    raise LockHeld(f"The journal moved {ATTEMPTS} times before the lock could be taken.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rollback:
    """One rollback."""

    ports: DeliveryPorts
    operator: OperationRunner
    output: Path
    id: str
    request: Request
    reason: str
    requested: datetime

    def perform(self, to: str | None) -> Deployment:
        """Roll back.

        Raises:
            Moved: the journal moved before anything was done.
        """
        preempt = Preempt(
            operation=self.id,
            at=self.requested,
            run=self.ports.platform.run_url(),
            reason=self.reason,
            request=self.request.id if to is None else None,  # a version is more than an end
        )
        self.request.remember()
        observation = self.operator.settle(self.id, patience=PATIENCE, rollback=preempt)
        canary = self._aborted(observation) if to is None else None
        if canary is not None:
            return canary
        answered = self.request.answer(observation.ledger)
        current = observation.ledger.current
        # Where somebody moved what serves since then, there is something to take back again.
        if answered and current and traffic_percentage(observation.serving, current.release) == ALL:
            return self._repeat(observation, answered, current)
        entry = self._named(observation.ledger, to) if to else self._answered(observation)
        plan = Plan(
            kind=EntryKind.ROLLBACK,
            environment=self.operator.book.environment,
            target=self.ports.target.name,
            from_=serving_release(observation, self.operator.book.model, self.ports),
            to=(entry or self._way_back(observation)).release,
            reason=self.reason,
        )
        if (
            current
            and current.release == plan.to
            and traffic_percentage(observation.serving, plan.to) == ALL
        ):
            report = OperationReport(
                verdict=Verdict.PASS,
                sentence=f"Nothing to do: v{plan.to.version} serves {plan.environment} already.",
                steps=self.operator.steps.taken,
                journal=observation.commit,
                changed=False,
            )
            return self._write_evidence(plan, report)
        self._identify(plan, observation)
        return self._carry_out(observation, plan)

    def _repeat(self, observation: Observation, answered: Answered, current: Entry) -> Deployment:
        """The answer to a request that was carried out already."""
        plan = Plan(
            kind=EntryKind.ROLLBACK,
            environment=self.operator.book.environment,
            target=self.ports.target.name,
            from_=current.from_,
            to=current.release,
            reason=self.reason,
        )
        sentence = (
            f"Nothing to do: this rollback was carried out at {answered.at:%Y-%m-%d %H:%M:%S} UTC"
            f" (operation {answered.operation}), and {version_name(current.release)} serves"
            f" {plan.environment}. For another one, start a new run or give another --request-id."
        )
        report = OperationReport(
            verdict=Verdict.PASS,
            sentence=sentence,
            steps=self.operator.steps.taken,
            journal=observation.commit,
            changed=False,
        )
        return self._write_evidence(plan, report)

    def _carry_out(self, observation: Observation, plan: Plan) -> Deployment:
        platform, clock = self.ports.platform, self.ports.clock
        operation = Operation(
            id=self.id,
            kind=EntryKind.ROLLBACK,
            from_=plan.from_,
            to=plan.to,
            phase=Phase.RECORD,
            started_at=clock.now(),
            commit=platform.commit(),
            run=platform.run_url(),
            reason=self.reason,
            request=self.request.id,
            ramp=AT_ONCE if self.ports.target.splits_traffic else None,
        )
        try:
            ended = self.operator.carry_out(observation, operation)
        except Overtaken:
            raise
        except ServiceError as error:
            raise self._failed(plan, error) from error
        sentence = f"v{plan.to.version} serves {plan.environment} again"
        sentence += f"; v{plan.from_.version} is quarantined." if plan.from_ else "."
        if ended.trouble is not None:
            now = describe_serving(look_again(self.ports), plan.environment)
            sentence = f"v{plan.to.version} was not restored: {ended.trouble.message} {now}"
        written = self._write_evidence(plan, self._outcome(ended, sentence))
        if ended.trouble is not None:
            raise RollbackFailed(sentence, ended.trouble.hint) from ended.trouble
        return written

    def _failed(self, plan: Plan, error: ServiceError) -> RollbackFailed:
        """What came of a rollback that broke off; the evidence of it is kept."""
        seen = look_again(self.ports)
        restored = isinstance(seen, Serving) and traffic_percentage(seen, plan.to) == ALL
        begun = "was restored, but the rollback did not end" if restored else "was not restored"
        now = describe_serving(seen, plan.environment)
        sentence = f"v{plan.to.version} {begun}: {error.message} {now}"
        report = OperationReport(
            verdict=Verdict.FAIL,
            sentence=sentence,
            steps=self.operator.steps.taken,
            journal=None,
            changed=restored,
            times=self._times(self.ports.clock.now() if restored else None, verified=False),
        )
        self._write_evidence(plan, report)
        return RollbackFailed(sentence, error.hint)

    def _outcome(self, ended: OperationResult, sentence: str) -> OperationReport:
        return OperationReport(
            verdict=Verdict.FAIL if ended.trouble else Verdict.PASS,
            sentence=sentence,
            steps=self.operator.steps.taken,
            journal=ended.found.commit,
            changed=ended.trouble is None,
            deployment=ended.deployment,
            times=self._times(ended.restored_at, verified=ended.trouble is None),
        )

    def _times(self, restored: datetime | None, *, verified: bool) -> Times:
        now = self.ports.clock.now()
        return Times(
            requested=self.requested, restored=restored, verified=now if verified else None
        )

    def _aborted(self, observation: Observation) -> Deployment | None:
        """The answer where a canary was under way when we were asked: taking it back is all."""
        request, ledger = self.operator.book.asked, observation.ledger
        operation, current = request.operation if request else None, ledger.current
        if operation is None or current is None or operation.kind is not EntryKind.DEPLOY:
            return None
        taken_back = any(bad.operation == operation.id for bad in ledger.quarantined)
        if not taken_back or traffic_percentage(observation.serving, current.release) != ALL:
            return None
        plan = Plan(
            kind=EntryKind.ROLLBACK,
            environment=ledger.environment,
            target=self.ports.target.name,
            from_=operation.to,
            to=current.release,
            reason=self.reason,
        )
        bad = version_name(operation.to)
        report = OperationReport(
            verdict=Verdict.PASS,
            sentence=f"The canary of {bad} was taken back: {version_name(current.release)} serves"
            f" {ledger.environment} again; {bad} is quarantined.",
            steps=self.operator.steps.taken,
            journal=observation.commit,
            changed=True,
            times=self._times(self.ports.clock.now(), verified=True),
        )
        return self._write_evidence(plan, report)

    def _answered(self, observation: Observation) -> Entry | None:
        """What a rollback restored that was under way when we were asked, or came before ours.

        Whoever asks twice, or again after a run was killed, wants one step back, not two.
        """
        request, current = self.operator.book.asked, observation.ledger.current
        if request is None or current is None or current.kind is not EntryKind.ROLLBACK:
            return None
        is_known = request.current is not None and request.current.operation == current.operation
        open_then = request.operation is not None and request.operation.id == current.operation
        return None if is_known and not open_then else current

    def _way_back(self, observation: Observation) -> Entry:
        refused: dict[str, str] = {}
        while entry := rollback_target(observation.ledger, observation.serving, refused):
            why = (
                ""
                if traffic_percentage(observation.serving, entry)
                else self.operator.voucher.refuses(entry)
            )
            if not why:
                return entry
            self.ports.progress.note(f"v{entry.version} is passed over: {why}")
            refused[entry.digest] = f"v{entry.version}"
        bad = ", ".join(f"v{one.version}" for one in observation.ledger.quarantined)
        but = f", except those in quarantine ({bad})" if bad else ""
        if refused:
            but += f", except what only the journal knows of ({', '.join(refused.values())})"
        raise InputError(
            f"There is nothing to go back to: no other release than {_seen(observation)} served"
            f" {self.operator.book.environment}{but}.",
            "`cdml history` tells what served; --to names one of it, even from quarantine.",
        )

    def _named(self, ledger: JournalDocument, to: str) -> Entry:
        number = str(int(to)) if uri.is_version(to) else to
        entry = entry_of_version(ledger, number)
        if entry is not None:
            return entry
        served = dict.fromkeys(f"v{one.release.version}" for one in ledger.entries)
        raise InputError(
            f"Version {to} never served {self.operator.book.environment}"
            f" ({', '.join(served) or 'nothing'} did), so that it cannot be gone back to.",
            "`cdml deploy` ships a version for the first time.",
        )

    def _identify(self, plan: Plan, observation: Observation) -> None:
        """Make sure that the release is still what it was, without a download.

        Raises:
            RollbackFailed: it is gone, or another one by now; nothing was touched.
        """
        problem = self.operator.voucher.doubt(plan.to, observation.serving)
        if problem:
            raise RollbackFailed(
                f"v{plan.to.version} cannot be restored: {problem} {version_name(plan.from_)}"
                " serves"
                f" {plan.environment}.",
                "`cdml history` tells what else served; --to names it.",
            )

    def _write_evidence(self, plan: Plan, report: OperationReport) -> Deployment:
        evidence = outcome.deployment_evidence(plan, report, self.operator)
        return outcome.write_outcome(self.output, evidence, self.operator)


def _seen(observation: Observation) -> str:
    return f"v{observation.serving.version}" if observation.serving.version else "none"

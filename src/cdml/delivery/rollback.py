"""Take back what serves; the journal knows what served before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from pathlib import Path

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.traffic_steps import ALL
from cdml.delivery.candidate import serving_release
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.lost_lock import repeat_until_locked
from cdml.delivery.operation.observation import Observation, describe_serving, look_again
from cdml.delivery.operation.outcome import make_evidence, version_name, write_outcome
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollback_request import LONGEST, Request, request_for
from cdml.delivery.rollout.plan import entry_of_version, rollback_target
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
from cdml.journal.records import (
    Entry,
    EntryKind,
    JournalDocument,
    Operation,
    Preempt,
    Release,
    Serving,
)
from cdml.models import uri

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
    only: str | None = None,
) -> Deployment:
    """Make the last good release serve again, and quarantine what serves now.

    No gate runs; the release must still be what it was, and on a target that splits traffic
    its server must answer. A deploy that is under way has to make room; where its canary had
    traffic, taking that back is all there is to do. By default `to` is the newest that differs from
    what serves and is not quarantined.

    The same request again, after whatever broke off, is the same rollback: it is finished, and
    leads no further back. `request_id` is by default the CI run, or in a terminal what this machine
    has not seen the end of. With `only`, nothing is done unless the version that this operation
    deployed still serves, and a deploy that is under way is waited for.

    Raises:
        ConfigurationError: the reason is longer than the journal keeps, or the request id is.
        InputError: there is no release to roll back to, `to` never served, or another version
            serves than `only` allows.
        ServiceError: nothing could be begun.
        RollbackFailed: it was begun and failed; the message says what serves.
        LockHeld: another operation is under way and does not end.
    """
    if request_id is not None and len(request_id) > LONGEST:
        raise ConfigurationError(
            f"--request-id has {len(request_id):,} characters; the limit is {LONGEST}."
        )
    operator = OperationRunner.configured(
        loaded, ports, environment, checks, output=output, reason=reason
    )
    about = (operator.book.environment, operator.book.model, to or "")
    request = request_for(*about, given=request_id, run=ports.ci_run.url(), output=output)
    now = ports.clock.now()
    run = _Rollback(ports=ports, operator=operator, request=request, requested=now, only=only)
    store.remove_evidence(output, Deployment)
    done = write_outcome(operator, repeat_until_locked(operator, partial(run.perform, to)))
    request.forget()
    return done


def choose_release(
    loaded: LoadedConfig, ports: DeliveryPorts, *, output: Path, environment: str, only: str
) -> Release:
    """What a rollback of the version that the operation `only` deployed would restore now.

    Raises:
        InputError: there is none, or another version serves.
        ServiceError: a service does not answer, or another operation is under way.
    """
    operator = OperationRunner.configured(loaded, ports, environment, output=output)
    observation = operator.look()
    if observation.ledger.operation is not None:
        raise LockHeld(f"Another operation is under way in {environment}.")
    _require_serving(observation, only)
    return _way_back(operator, observation).release


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rollback:
    """One rollback, and when it was requested."""

    ports: DeliveryPorts
    operator: OperationRunner
    request: Request
    requested: datetime
    only: str | None = None

    def perform(self, to: str | None) -> Deployment:
        """Roll back.

        Raises:
            Moved: the journal moved before anything was done.
        """
        operator, where = self.operator, self.operator.book.environment
        preempt = Preempt(
            operation=operator.id,
            at=self.requested,
            run=self.ports.ci_run.url(),
            reason=operator.reason,
            request=self.request.id if to is None else None,  # a version is more than an end
        )
        self.request.remember()
        rollback = preempt if self.only is None else None
        observation = operator.settle(patience=PATIENCE, rollback=rollback)
        aborted = self._aborted(observation) if to is None else None
        if aborted is not None:
            return aborted
        answered, current = self.request.answer(observation.ledger), observation.ledger.current
        # Where somebody moved what serves since then, there is something to take back again.
        if answered and current and traffic_percentage(observation.serving, current.release) == ALL:
            return make_evidence(
                operator,
                self._plan(current.from_, current.release),
                f"Nothing to do: this rollback was done at {answered.at:%Y-%m-%d %H:%M:%S} UTC"
                f" (operation {answered.operation}), and {version_name(current.release)} serves"
                f" {where}. For another rollback, start a new run or pass a different"
                " --request-id.",
                journal=observation.commit,
            )
        if self.only is not None:
            _require_serving(observation, self.only)
        entry = self._named(observation.ledger, to) if to else self._restored_since(observation)
        operation = self._plan(
            serving_release(observation, operator.book.model, self.ports),
            (entry or _way_back(operator, observation)).release,
        )
        serves = traffic_percentage(observation.serving, operation.to) == ALL
        if current and current.release == operation.to and serves:
            sentence = f"Nothing to do: v{operation.to.version} already serves {where}."
            return make_evidence(operator, operation, sentence, journal=observation.commit)
        self._identify(operation, observation)
        return self._carry_out(observation, operation)

    def _plan(self, from_: Release | None, to: Release) -> Operation:
        return self.operator.plan(EntryKind.ROLLBACK, from_, to, request=self.request.id)

    def _carry_out(self, observation: Observation, operation: Operation) -> Deployment:
        where = self.operator.book.environment
        try:
            ended = self.operator.carry_out(observation, operation)
        except Overtaken:
            raise
        except ServiceError as error:
            raise self._failed(operation, error) from error
        trouble, from_ = ended.trouble, operation.from_
        sentence = f"v{operation.to.version} serves {where} again"
        sentence += f"; v{from_.version} is quarantined." if from_ else "."
        if trouble is not None:
            now = describe_serving(look_again(self.ports), where)
            sentence = f"v{operation.to.version} was not restored: {trouble.message} {now}"
        evidence = make_evidence(
            self.operator,
            operation,
            sentence,
            journal=ended.observation.commit,
            verdict=Verdict.FAIL if trouble else Verdict.PASS,
            changed=trouble is None,
            deployment=ended.deployment,
            times=self._times(ended.restored_at, verified=trouble is None),
        )
        if trouble is not None:
            write_outcome(self.operator, evidence)
            raise RollbackFailed(sentence, trouble.hint) from trouble
        return evidence

    def _failed(self, operation: Operation, error: ServiceError) -> RollbackFailed:
        """What came of a rollback that broke off; its evidence is written."""
        seen = look_again(self.ports)
        restored = isinstance(seen, Serving) and traffic_percentage(seen, operation.to) == ALL
        begun = "was restored, but the rollback did not finish" if restored else "was not restored"
        now = describe_serving(seen, self.operator.book.environment)
        sentence = f"v{operation.to.version} {begun}: {error.message} {now}"
        evidence = make_evidence(
            self.operator,
            operation,
            sentence,
            journal=None,
            verdict=Verdict.FAIL,
            changed=restored,
            times=self._times(self.ports.clock.now() if restored else None, verified=False),
        )
        write_outcome(self.operator, evidence)
        return RollbackFailed(sentence, error.hint)

    def _times(self, restored: datetime | None, *, verified: bool) -> Times:
        now = self.ports.clock.now()
        return Times(
            requested=self.requested, restored=restored, verified=now if verified else None
        )

    def _aborted(self, observation: Observation) -> Deployment | None:
        """The answer where a canary was under way at the request: aborting it is all."""
        before, ledger = self.operator.book.first_read, observation.ledger
        operation, current = before.operation if before else None, ledger.current
        if operation is None or current is None or operation.kind is not EntryKind.DEPLOY:
            return None
        taken_back = any(bad.operation == operation.id for bad in ledger.quarantined)
        if not taken_back or traffic_percentage(observation.serving, current.release) != ALL:
            return None
        bad = version_name(operation.to)
        return make_evidence(
            self.operator,
            self._plan(operation.to, current.release),
            f"The canary of {bad} was aborted: {version_name(current.release)} serves"
            f" {ledger.environment} again; {bad} is quarantined.",
            journal=observation.commit,
            changed=True,
            times=self._times(self.ports.clock.now(), verified=True),
        )

    def _restored_since(self, observation: Observation) -> Entry | None:
        """What a rollback restored that was under way at the request, or came before ours.

        Whoever asked twice, or again after a run was killed, wants one step back, not two.
        """
        before, current = self.operator.book.first_read, observation.ledger.current
        if before is None or current is None or current.kind is not EntryKind.ROLLBACK:
            return None
        served = before.current is not None and before.current.operation == current.operation
        open_then = before.operation is not None and before.operation.id == current.operation
        return None if served and not open_then else current

    def _named(self, ledger: JournalDocument, to: str) -> Entry:
        number = str(int(to)) if uri.is_version(to) else to
        entry = entry_of_version(ledger, number)
        if entry is not None:
            return entry
        served = dict.fromkeys(f"v{one.release.version}" for one in ledger.entries)
        raise InputError(
            f"Cannot roll back to version {to}: it has never served"
            f" {self.operator.book.environment} (served: {', '.join(served) or 'nothing'}).",
            "To ship a version for the first time, run `cdml deploy`.",
        )

    def _identify(self, operation: Operation, observation: Observation) -> None:
        """Make sure that the release is still what it was, without a download.

        Raises:
            RollbackFailed: it is gone, or another one by now; nothing was touched.
        """
        problem = self.operator.voucher.doubt(operation.to, observation.serving)
        if problem:
            served = f"{version_name(operation.from_)} serves {self.operator.book.environment}."
            raise RollbackFailed(
                f"v{operation.to.version} cannot be restored: {problem} {served}",
                "`cdml history` lists what else has served. --to selects a version.",
            )


def _way_back(operator: OperationRunner, observation: Observation) -> Entry:
    """What a rollback restores by default; releases that nothing vouches for are skipped."""
    refused: dict[str, str] = {}
    while entry := rollback_target(observation.ledger, observation.serving, refused):
        why = (
            ""
            if traffic_percentage(observation.serving, entry)
            else operator.voucher.refuses(entry)
        )
        if not why:
            return entry
        operator.ports.progress.note(f"Skipping v{entry.version}: {why}")
        refused[entry.digest] = f"v{entry.version}"
    bad = ", ".join(f"v{one.version}" for one in observation.ledger.quarantined)
    but = f"; quarantined: {bad}" if bad else ""
    if refused:
        but += f"; recorded only in the journal: {', '.join(refused.values())}"
    raise InputError(
        f"There is no version to roll back to: {_seen(observation)} has served"
        f" {operator.book.environment}{but}.",
        "`cdml history` lists what has served. --to selects a version, even a quarantined one.",
    )


def _require_serving(observation: Observation, only: str) -> None:
    """Refuse where another operation's version serves, or the target was switched by hand."""
    entries, where = observation.ledger.entries, observation.ledger.environment
    # A repair is another operation on the same version.
    same = takewhile(lambda one: one.release == entries[0].release, entries)
    ours = any(one.operation == only for one in same)
    if not ours or traffic_percentage(observation.serving, entries[0]) != ALL:
        raise InputError(
            f"Nothing was rolled back: {describe_serving(observation.serving, where)}"
            " It is not the version that was judged.",
            "`cdml history` lists what has served.",
        )


def _seen(observation: Observation) -> str:
    return f"only v{observation.serving.version}" if observation.serving.version else "no version"

"""Operations of one model in one environment: begun, resumed, and those of dead runs mended."""

import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.config.traffic_steps import ALL, Ramp
from cdml.delivery.alias import Alias
from cdml.delivery.approval import Voucher
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.operation.effects import Effects
from cdml.delivery.operation.executor import OperationExecutor, Steps
from cdml.delivery.operation.journal_client import JournalClient
from cdml.delivery.operation.lock import WATCHED, LockHolder
from cdml.delivery.operation.observation import Observation, OperationResult, look
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollback_request import short_digest
from cdml.delivery.rollout import transitions
from cdml.errors import ConfigurationError, InputError, LockHeld
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind, JournalDocument, Operation, Phase, Preempt, Release

REASON = 1000
"""Characters of a reason that the journal keeps."""
LOOK_EVERY = 2.0
"""Seconds between looks at a lock that another operation holds."""
AT_ONCE = Ramp(steps=(ALL,))
"""The ramp where nothing is judged: what served before is checked only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRunner:
    """Carries operations on one model in one environment through."""

    book: JournalClient
    ports: DeliveryPorts
    effects: Effects
    steps: Steps
    voucher: Voucher
    output: Path  # of the evidence; this machine also remembers locks there
    reason: str = ""  # in the words of whoever asked
    url: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def configured(
        cls,
        loaded: LoadedConfig,
        ports: DeliveryPorts,
        environment: str | None,
        checks: Checks | None = None,
        *,
        output: Path,
        reason: str = "",
    ) -> "OperationRunner":
        """For the configured model, in this environment or the configured one.

        Raises:
            ConfigurationError: the target serves another environment, the environment cannot be
                part of the registry's alias, or the reason is longer than the journal keeps.
        """
        if len(reason) > REASON:
            raise ConfigurationError(
                f"--reason has {len(reason):,} characters; the limit is {REASON:,}.",
                "Put the details where others can read them, and link to them in --reason.",
            )
        deploy = loaded.config.deploy
        where = environment or deploy.environment
        splits = ports.target.splits_traffic
        if splits and where != deploy.environment:
            raise ConfigurationError(
                f"deploy.target serves {deploy.environment}, so deploying to {where} would take"
                " its traffic.",
                "Give each environment its own configuration and target: --config.",
            )
        return cls(
            book=JournalClient(model=loaded.config.model, environment=where, ports=ports),
            ports=ports,
            effects=Effects(
                ports=ports,
                optional_checks=checks,
                alias=Alias.configured(loaded, ports.registry, where) if splits else None,
            ),
            steps=Steps(clock=ports.clock),
            voucher=Voucher(loaded=loaded, ports=ports, environment=where),
            output=output,
            reason=reason.encode(errors="replace").decode(),
            url=deploy.url,
        )

    @property
    def memory(self) -> Path:
        """Where this machine remembers since when it has seen somebody's lock."""
        name = short_digest(self.book.environment, self.book.model)
        return self.output / f"{name}.{WATCHED}"

    def plan(
        self,
        kind: EntryKind,
        from_: Release | None,
        to: Release,
        *,
        ramp: Ramp | None = None,
        overrides: tuple[str, ...] = (),
        request: str | None = None,
    ) -> Operation:
        """An operation that is not begun; traffic that is split is by default shifted at once."""
        ci_run = self.ports.ci_run
        return Operation(
            id=self.id,
            kind=kind,
            from_=from_,
            to=to,
            phase=Phase.RECORD,
            started_at=self.ports.clock.now(),
            commit=ci_run.commit(),
            run=ci_run.url(),
            reason=self.reason,
            overrides=overrides,
            ramp=ramp or (AT_ONCE if self.ports.target.splits_traffic else None),
            request=request,
        )

    def look(self) -> Observation:
        """The journal and the target as they are."""
        ledger, commit = self.book.read()
        return Observation(ledger=ledger, commit=commit, serving=look(self.ports))

    def settle(self, *, patience: timedelta, rollback: Preempt | None = None) -> Observation:
        """The journal and the target once nothing is under way; a held lock is waited for.

        An operation that another run left behind is finished or undone first; a deploy that is
        under way has to make room for `rollback`.

        Raises:
            LockHeld: another operation is under way.
            ServiceError: what was left behind can be neither finished nor undone now.
        """
        clock, waited = self.ports.clock, False
        theirs = LockHolder(ports=self.ports, memory=self.memory)
        deadline = clock.monotonic() + patience.total_seconds()
        rolls_back = rollback is not None and self.ports.target.splits_traffic
        while True:
            ledger, commit = self.book.read()
            operation = ledger.operation
            deploys = operation is not None and operation.kind is EntryKind.DEPLOY
            free = ledger.lock is None or theirs.yields(ledger, commit, rolls_back=rolls_back)
            if free and operation is None:
                return Observation(ledger=ledger, commit=commit, serving=look(self.ports))
            if free:
                with suppress(Moved):
                    self._take_over(ledger, commit, theirs, preempt=rollback)
            elif rollback is not None and deploys and ledger.preempt is None:
                with suppress(Moved):
                    preempted = transitions.preempt(ledger, rollback)
                    self.book.write(preempted, commit)
                    self.ports.progress.note(preempted.subject)
                    self.steps.add("preempt", preempted.subject)
            elif clock.monotonic() >= deadline:
                theirs.remember()
                raise theirs.refusal(ledger)
            else:
                if not waited:
                    self.ports.progress.note(
                        f"Waiting for the lock. {theirs.refusal(ledger).message}"
                    )
                waited = True
                clock.sleep(LOOK_EVERY)

    def adopt(
        self, observation: Observation, release: Release | None, reason: str = ""
    ) -> Observation:
        """Make what is observed to serve what the journal says.

        Raises:
            Moved: the journal is not what was found any more.
        """
        adopted = self.adoption(observation, release, reason)
        commit = self.book.write(adopted, observation.commit)
        if release is not None:
            self.voucher.approve(release, adopted.ledger.generation)
        self.steps.add("adopt", adopted.subject)
        return replace(observation, ledger=adopted.ledger, commit=commit)

    def adoption(
        self, observation: Observation, release: Release | None, reason: str = ""
    ) -> transitions.Transition:
        """What adopting would make of the journal."""
        now, run = self.ports.clock.now(), self.ports.ci_run.url()
        why = {"reason": reason} if reason else {}
        return transitions.adopt(
            observation.ledger, release, operation=self.id, now=now, run=run, **why
        )

    def carry_out(self, observation: Observation, operation: Operation) -> OperationResult:
        """Take the lock and bring the operation to its end, or to where it is paused.

        Raises:
            Moved: the journal is not what was found any more; nothing was done.
            LockHeld: another operation took over.
            ServiceError: the operation stays open; the next run finishes or undoes it.
        """
        begun = transitions.begin(observation.ledger, operation, self.ports.clock.now())
        commit = self.book.write(begun, observation.commit)
        self.steps.add("lock", f"generation {begun.ledger.generation}")
        return self._execute(replace(observation, ledger=begun.ledger, commit=commit), own=True)

    def resume(self) -> OperationResult | None:
        """Go on with a deploy that was paused, or whose run stopped; None where there is none.

        Raises:
            LockHeld: its run still works on it; or another operation came first, or took over.
            ServiceError: it stays open.
        """
        ledger, commit = self.book.read()
        if ledger.operation is None:
            return None
        theirs = LockHolder(ports=self.ports, memory=self.memory)
        if not theirs.yields(ledger, commit, resumes=True):
            theirs.remember()
            raise theirs.refusal(ledger)
        try:
            return self._take_over(ledger, commit, theirs, resumes=True)
        except Moved as error:
            raise LockHeld("Another operation came first, so nothing was resumed.") from error

    def _take_over(
        self,
        ledger: JournalDocument,
        commit: str | None,
        theirs: LockHolder,
        *,
        resumes: bool = False,
        preempt: Preempt | None = None,
    ) -> OperationResult:
        """Bring what is open to its end: resumed where it was left, or finished or undone.

        Raises:
            Moved: somebody else wrote first; nothing was done.
        """
        taken = transitions.take_over(
            ledger,
            holder=self.id,
            run=self.ports.ci_run.url(),
            now=self.ports.clock.now(),
            resumes=resumes,
            is_over=theirs.is_over,
            preempt=preempt,
        )
        commit = self.book.write(taken, commit)
        if resumes:
            self.steps.add("resume", taken.subject)
        else:
            self.ports.progress.note(taken.subject)
        observation = Observation(ledger=taken.ledger, commit=commit, serving=look(self.ports))
        doubt = self._doubt(observation, resumes=resumes)
        ended = self._execute(observation, own=resumes, waited=resumes, doubt=doubt)
        if not resumes:
            self.steps.add("recover", taken.subject)
        return ended

    def _doubt(self, observation: Observation, *, resumes: bool = False) -> str:
        """Why an operation that was found must not be finished; empty where it may.

        Raises:
            InputError: nothing vouches for what it would lead back to, either.
            ServiceError: the registry does not answer.
        """
        operation = observation.ledger.operation
        if operation is None or operation.phase is Phase.UNDO:
            doubt = ""
        else:
            goes_on = resumes or operation.decided or operation.kind is not EntryKind.DEPLOY
            doubt = self.voucher.doubt(operation.to, observation.serving) if goes_on else ""
        back = operation.from_ if operation else None
        if back is None or (doubt == "" and operation is not None and operation.committed):
            return doubt
        lost = self.voucher.doubt(back, observation.serving)
        if lost:
            raise InputError(
                f"The journal's open operation would restore v{back.version}, but nothing"
                f" vouches for it: {lost}",
                "Nothing was changed. Find out who pushed to the journal's branch (git log),"
                " and protect it. To start over with what serves now, move the branch"
                f" cdml/{self.book.environment}/{self.book.model} away and run `cdml deploy"
                " --adopt`.",
            )
        return doubt

    def _execute(
        self, observation: Observation, *, own: bool, waited: bool = False, doubt: str = ""
    ) -> OperationResult:
        return OperationExecutor(
            book=self.book,
            ports=self.ports,
            effects=self.effects,
            steps=self.steps,
            observation=observation,
            own=own,
            waited=waited,
            doubt=doubt,
            url=self.url,
            voucher=self.voucher,
        ).run()
